//! Hostile ground: guessed passwords, scanners, smuggled and malformed messages, and the real program standing.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::Command;

use hotline_media::Codec;

use super::gateway::{Config, Gateway, program};
use super::rtp::RtpPeer;
use super::softphone::{SoftPhone, sdp};
use super::wait::secs;

/// Somebody at an address of their own who speaks SIP by hand.
struct Stranger {
    socket: UdpSocket,
    server: SocketAddr,
    count: u32,
}

impl Stranger {
    fn new(address: &str, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((address, 0)).unwrap();
        socket.set_read_timeout(Some(secs(5))).unwrap();
        Self {
            socket,
            server,
            count: 0,
        }
    }

    /// Sends a request; answers its Call-ID.
    fn send(&mut self, method: &str, user: &str, extra: &str) -> String {
        self.count += 1;
        let (here, count) = (self.socket.local_addr().unwrap(), self.count);
        let call_id = format!("{count}-{}", here.port());
        let text = format!(
            "{method} sip:{} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{call_id};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:{user}@hotline>;tag=f{count}\r\nTo: <sip:{user}@hotline>\r\nCall-ID: {call_id}\r\n\
             CSeq: {count} {method}\r\nContact: <sip:{user}@{here}>\r\nUser-Agent: phone\r\n{extra}Content-Length: 0\r\n\r\n",
            self.server
        );
        self.socket.send_to(text.as_bytes(), self.server).unwrap();
        call_id
    }

    fn hear(&self) -> String {
        let mut buffer = [0; 4096];
        let (len, _) = self.socket.recv_from(&mut buffer).expect("an answer");
        String::from_utf8(buffer[..len].to_vec()).unwrap()
    }

    /// Answers a fresh challenge with a wrong password. The answer to that, or none where there is none: an OPTIONS sent
    /// after it is answered first.
    fn guess(&mut self, user: &str) -> Option<String> {
        let asked = self.send("REGISTER", user, "");
        let challenge = self.hear();
        assert!(challenge.contains(&asked), "{challenge}");
        let nonce = challenge
            .split("nonce=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .expect("a nonce");
        let authorization = format!(
            "Authorization: Digest username=\"{user}\", realm=\"hotline\", nonce=\"{nonce}\", uri=\"sip:{}\", qop=auth, \
             nc=00000001, cnonce=\"x\", algorithm=MD5, response=\"{}\"\r\n",
            self.server,
            "0".repeat(32)
        );
        let guessed = self.send("REGISTER", user, &authorization);
        self.send("OPTIONS", user, "");
        let first = self.hear();
        if !first.contains(&guessed) {
            assert!(first.contains("OPTIONS"), "{first}");
            return None;
        }
        assert!(self.hear().contains("OPTIONS"));
        Some(first)
    }
}

/// `hotline ban ...` on the data folder of a gateway: exit code and what it printed.
fn ban(gateway: &Gateway, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program())
        .arg("--data")
        .arg(gateway.data())
        .arg("ban")
        .args(arguments)
        .current_dir(&gateway.root)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// What is the same in two challenges: all but nonce, tags, and what the request itself brought.
fn shape(challenge: &str, user: &str) -> String {
    let hide = |text: &str, from: &str, to: char| {
        let mut parts = text.split(from);
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            whole.push_str(from);
            whole.push_str(&part[part.find(to).unwrap_or(part.len())..]);
        }
        whole
    };
    let text = challenge.replace(user, "USER");
    let text = hide(&hide(&text, "nonce=\"", '"'), "tag=", '\r');
    text.lines()
        .filter(|line| {
            !["Via", "Call-ID", "CSeq"]
                .iter()
                .any(|name| line.starts_with(name))
        })
        .collect()
}

#[test]
fn whoever_guesses_passwords_is_banned_seen_and_let_in_again_by_the_operator() {
    let gateway = Gateway::start(&Config::quick());
    let phone = SoftPhone::of_agent(&gateway, "1001");
    let mut stranger = Stranger::new("127.0.0.66", gateway.sip("phones"));
    let known = stranger.guess("1002").expect("a first guess is answered");
    let unknown = stranger.guess("9999").expect("a first guess is answered");
    assert!(known.starts_with("SIP/2.0 401"), "{known}");
    assert_eq!(
        shape(&known, "1002"),
        shape(&unknown, "9999"),
        "nobody learns who exists"
    );

    for guess in 2..=10 {
        assert!(stranger.guess("1002").is_some(), "guess {guess}");
    }
    assert_eq!(stranger.guess("1002"), None, "banned");
    assert!(
        stranger.guess("1003").is_some(),
        "another user at the same address is not"
    );
    let bans = gateway.json("/v1/bans");
    let row = &bans["items"][0];
    assert_eq!(
        (row["source"].as_str(), row["user"].as_str()),
        (Some("127.0.0.66"), Some("1002"))
    );
    let (code, list) = ban(&gateway, &["list"]);
    assert!(
        code == Some(0) && list.contains("127.0.0.66") && list.contains("1002"),
        "{list}"
    );
    let (_, metrics) = gateway.get("/metrics");
    assert!(
        metrics.contains("hotline_gateway_total{name=\"sip_bans\"} 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("hotline_gateway_total{name=\"banned\"} 1"),
        "{metrics}"
    );

    // Several users tried: now the address itself is not heard.
    for guess in 0..17 {
        assert!(stranger.guess(&format!("20{guess}")).is_some(), "guess {guess}");
    }
    stranger.guess("2100");
    assert_eq!(
        gateway.json("/v1/bans")["items"].as_array().map(Vec::len),
        Some(2)
    );
    stranger.socket.set_read_timeout(Some(secs(1))).unwrap();
    stranger.send("OPTIONS", "1001", "");
    assert!(
        stranger.socket.recv_from(&mut [0; 4096]).is_err(),
        "nobody answers any more"
    );
    assert_eq!(
        gateway.agent("1001")["device"],
        "registered",
        "phones elsewhere are not touched"
    );

    assert_eq!(ban(&gateway, &["lift", "127.0.0.66"]).0, Some(0));
    assert_eq!(
        ban(&gateway, &["lift", "127.0.0.66"]).0,
        Some(1),
        "there is no ban any more"
    );
    assert!(ban(&gateway, &["list"]).1.contains("nobody is banned"));
    stranger.socket.set_read_timeout(Some(secs(5))).unwrap();
    assert!(stranger.guess("1002").is_some(), "heard again");
    drop(phone);
}

/// Messages that try to be two things at once, to overflow, or to mean nothing.
fn evil() -> Vec<Vec<u8>> {
    let base = "INVITE sip:8003@h SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKevil;rport\r\n\
        From: <sip:1001@h>;tag=e\r\nTo: <sip:8003@h>\r\nCall-ID: evil\r\nCSeq: 1 INVITE\r\nContact: <sip:e@127.0.0.1>\r\n";
    let with = |extra: &str| format!("{base}{extra}\r\n").into_bytes();
    let inner = "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKinner\r\n\r\n";
    let mut all = vec![
        // Two lengths, one that is no number, one beyond any buffer, one that promises more than there is.
        with("Content-Length: 0\r\nContent-Length: 500\r\n"),
        with("Content-Length: -1\r\n"),
        with("Content-Length: 99999999999999999999\r\n"),
        with("Content-Length: 4000\r\n"),
        with("Content-Length : 0\r\nl: 200\r\n"),
        with("Content-Length: 0x10\r\n"),
        // A message inside a message, in a header, behind a bare line feed or carriage return, behind a NUL.
        with(&format!("Subject: x\r\n\r\n{inner}")),
        with(&format!("Subject: x\n{inner}")),
        with(&format!("Subject: x\r{inner}")),
        with(&format!("Subject: \0{inner}")),
        with("X:\r\n \r\n \r\n\t\r\n"),
        // Two of what may stand once, and none of what must.
        with("From: <sip:other@h>;tag=2\r\nCall-ID: second\r\nCSeq: 2 BYE\r\n"),
        b"INVITE sip:8003@h SIP/2.0\r\n\r\n".to_vec(),
        b"INVITE sip:8003@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nVia: \r\nVia: ,,,\r\n\r\n".to_vec(),
        // Numbers that overflow, texts without end.
        with("CSeq: 99999999999 INVITE\r\nMax-Forwards: 256\r\nExpires: 4294967296\r\n"),
        with(&format!("X-Long: {}\r\n", "a".repeat(60_000))),
        with(&"X: y\r\n".repeat(8_000)),
        with(&format!("Route: {}\r\n", "<sip:a@b;lr>,".repeat(3_000))),
        with(&format!("Contact: {}\r\n", "\"".repeat(5_001))),
        with(&format!(
            "Authorization: Digest {}\r\n",
            "username=\"a\",".repeat(2_000)
        )),
        with(&format!("Subject: {}\r\n", "(".repeat(30_000))),
        format!("INVITE {} SIP/2.0\r\n{}\r\n", "x".repeat(50_000), &base[27..]).into_bytes(),
        // No SIP at all.
        vec![0; 1400],
        vec![0xff; 65_000],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"\x00\x01\x00\x08\x21\x12\xa4\x42aaaaaaaaaaaa".to_vec(),
        b"GET /v1/agents HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".to_vec(),
    ];
    let mut sdp = "v=0\r\no=- 1 1 IN IP4 1\r\ns=-\r\nt=0 0\r\n".to_owned();
    sdp.push_str(&"m=audio 1 RTP/AVP 8\r\n".repeat(900));
    all.push(with(&format!(
        "Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )));
    all
}

#[test]
fn smuggled_and_malformed_messages_leave_the_gateway_standing_and_taking_calls() {
    let gateway = Gateway::start(&Config::quick());
    for listener in ["phones", "trunk"] {
        let server = gateway.sip(listener);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for message in evil() {
            // What is longer than a datagram may be the system refuses; over TCP all of it goes.
            drop(socket.send_to(&message, server));
            let mut stream = TcpStream::connect(server).expect("connections are taken");
            stream.set_read_timeout(Some(secs(10))).unwrap();
            // The gateway may close in the middle, which is as good an answer as any.
            drop(stream.write_all(&message));
            drop(stream.shutdown(std::net::Shutdown::Write));
            drop(stream.read_to_end(&mut Vec::new()));
        }
    }
    assert_eq!(gateway.get("/healthz").0, 200);
    let (_, metrics) = gateway.get("/metrics");
    assert!(
        metrics.contains("hotline_gateway_total{name=\"faults\"} 0"),
        "{metrics}"
    );
    assert!(
        metrics.contains("hotline_gateway_total{name=\"closed_malformed\"}"),
        "{metrics}"
    );
    let _phone = SoftPhone::of_agent(&gateway, "1001");
    let caller = SoftPhone::start();
    let audio = RtpPeer::start(Codec::Pcma, 440);
    caller.call(&gateway, "8003", sdp(audio.port, Codec::Pcma));
    caller.until_answered(secs(10));
}
