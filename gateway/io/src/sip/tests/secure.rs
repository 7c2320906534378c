//! TLS and WebSocket: handshakes, certificates that change, what is refused and what is counted.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::*;

/// Certificate and key files of a test, removed with it.
struct Files(PathBuf);

impl Files {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("hotline-io-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let files = Self(dir);
        files.issue();
        files
    }

    /// A new certificate for 127.0.0.1, signed by itself.
    fn issue(&self) {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(self.certificate(), made.cert.pem()).unwrap();
        std::fs::write(self.key(), made.signing_key.serialize_pem()).unwrap();
    }

    fn certificate(&self) -> PathBuf {
        self.0.join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.0.join("key.pem")
    }

    fn identity(&self) -> Arc<Identity> {
        Identity::load(&self.certificate(), &self.key()).unwrap()
    }

    /// A client that trusts what lies in the files now.
    fn client(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(self.certificate()).unwrap())
            .unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn of(kind: ListenerKind) -> ListenerConfig {
    ListenerConfig { kind, ..phones() }
}

async fn connect(client: &TlsConnector, to: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(to).await?;
    within(client.connect(ServerName::from(to.ip()), stream)).await
}

#[tokio::test]
async fn tls_carries_messages_both_ways_and_takes_a_new_certificate_while_calls_go_on() {
    let files = Files::new();
    let mut house = house(
        of(ListenerKind::Tls {
            identity: files.identity(),
            client: None,
        }),
        16,
    );
    // Two, for a client that has been here resumes without seeing the certificate again.
    let (old, older) = (files.client(), files.client());
    let mut phone = connect(&old, house.addr).await.unwrap();
    phone.write_all(&request("REGISTER", 1)).await.unwrap();
    let received = house.received().await;
    assert_eq!(
        (received.transport, received.bytes),
        (Transport::Tls, request("REGISTER", 1))
    );
    house.send(Transport::Tls, received.conn, received.peer, b"answer");
    let mut answer = [0; 6];
    within(phone.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"answer");

    files.issue();
    house.sender.reload_certificates();
    house.counted(SipCount::CertificateReloaded, 1).await;
    assert!(
        connect(&older, house.addr).await.is_err(),
        "the old certificate is gone"
    );
    let _fresh = connect(&files.client(), house.addr).await.unwrap();
    phone.write_all(&request("INVITE", 2)).await.unwrap();
    assert_eq!(
        house.received().await.bytes,
        request("INVITE", 2),
        "the old connection lives"
    );

    std::fs::write(files.key(), "nothing").unwrap();
    house.sender.reload_certificates();
    house.counted(SipCount::CertificateRefused, 1).await;
    connect(&files.client(), house.addr).await.unwrap();
    // Phones cannot be connected to: what finds no connection fails.
    house.send(Transport::Tls, None, "127.0.0.1:9".parse().unwrap(), b"x");
    house.counted(SipCount::NoTransport, 1).await;
}

#[tokio::test]
async fn tls_to_a_trunk_is_made_once_checked_and_then_shared() {
    let (ours, theirs) = (Files::new(), Files::new());
    let trusted = TlsClient::new(Some(&theirs.certificate()), None).unwrap();
    let config = |client| {
        of(ListenerKind::Tls {
            identity: ours.identity(),
            client: Some(client),
        })
    };
    let mut house = house(config(trusted), 16);
    let trunk = TcpListener::bind(loopback()).await.unwrap();
    let to = trunk.local_addr().unwrap();
    house.send(Transport::Tls, None, to, b"one ");
    house.send(Transport::Tls, None, to, b"two");
    let acceptor = TlsAcceptor::from(theirs.identity().server().unwrap());
    let (stream, _) = within(trunk.accept()).await.unwrap();
    let mut stream = within(acceptor.accept(stream)).await.unwrap();
    let mut both = [0; 7];
    within(stream.read_exact(&mut both)).await.unwrap();
    assert_eq!(&both, b"one two");
    stream.write_all(&request("OPTIONS", 1)).await.unwrap();
    assert_eq!(house.received().await.transport, Transport::Tls);

    let stranger = TlsClient::new(Some(&theirs.certificate()), Some("trunk.example.com")).unwrap();
    let mut house = super::house(config(stranger), 16);
    house.send(Transport::Tls, None, to, b"x");
    let (stream, _) = within(trunk.accept()).await.unwrap();
    drop(within(acceptor.accept(stream)).await);
    let failed = within(house.inbound.recv()).await;
    assert!(
        matches!(failed, Some(Input::TransportFailed { transport: Transport::Tls, to: at }) if at == to),
        "the certificate has another name: {failed:?}"
    );
}

#[test]
fn file_that_cannot_be_used_is_named_with_its_reason() {
    let (files, others) = (Files::new(), Files::new());
    let gone = files.0.join("gone.pem");
    let cases = [
        (gone.clone(), files.key(), "gone.pem", "No such file"),
        (files.key(), files.key(), "key.pem", "no certificate in it"),
        (files.certificate(), gone, "gone.pem", "No such file"),
        (
            files.certificate(),
            files.certificate(),
            "certificate.pem",
            "PRIVATE KEY",
        ),
        (
            files.certificate(),
            others.key(),
            "certificate.pem",
            "does not belong to the private key",
        ),
    ];
    for (certificate, key, name, why) in cases {
        let text = Identity::load(&certificate, &key).unwrap_err().to_string();
        assert!(text.contains(name) && text.contains(why), "{text}");
    }
}

#[tokio::test]
async fn handshake_that_does_not_end_gives_its_place_back() {
    let files = Files::new();
    for kind in [
        ListenerKind::Tls {
            identity: files.identity(),
            client: None,
        },
        ListenerKind::Ws {
            origins: Origins::Any,
        },
        ListenerKind::Wss {
            identity: files.identity(),
            origins: Origins::Any,
        },
    ] {
        let mut config = of(kind);
        config.limits.per_source_max = 1;
        config.limits.handshake_time = Duration::from_millis(100);
        let house = house(config, 16);
        let mut silent = TcpStream::connect(house.addr).await.unwrap();
        assert_eq!(within(silent.read(&mut [0; 10])).await.unwrap_or(0), 0);
        house.counted(SipCount::HandshakeSlow, 1).await;
        let mut rude = TcpStream::connect(house.addr).await.unwrap();
        rude.write_all(b"REGISTER sip:a SIP/2.0\r\n\r\n\r\n")
            .await
            .unwrap();
        house.counted(SipCount::HandshakeFailed, 1).await;
        assert_eq!(house.counters.get(SipCount::TooManyConnections), 0);
    }
}

async fn websocket(
    to: SocketAddr,
    headers: &[(&'static str, &'static str)],
) -> Result<tokio_tungstenite::WebSocketStream<TcpStream>, Error> {
    let mut request = format!("ws://{to}/").into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(to).await?;
    Ok(within(client_async(request, stream)).await?.0)
}

const SIP: (&str, &str) = ("sec-websocket-protocol", "chat, sip");

#[tokio::test]
async fn websocket_carries_one_message_each_and_answers_keepalives() {
    let mut house = house(
        of(ListenerKind::Ws {
            origins: Origins::Any,
        }),
        16,
    );
    let mut phone = websocket(house.addr, &[SIP]).await.unwrap();
    // Without Content-Length: the frame says where the message ends (RFC 7118 §5).
    let text = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bK1\r\n\r\n";
    phone.send(Message::Text("\r\n\r\n".into())).await.unwrap();
    phone.send(Message::Text(text.into())).await.unwrap();
    phone
        .send(Message::Binary(request("INVITE", 2).into()))
        .await
        .unwrap();
    let received = house.received().await;
    assert_eq!(
        (received.transport, received.bytes),
        (Transport::Ws, text.as_bytes().to_vec())
    );
    assert_eq!(house.received().await.bytes, request("INVITE", 2));
    house.send(Transport::Ws, received.conn, received.peer, b"answer");
    house.send(Transport::Ws, received.conn, received.peer, b"\xff\x00");
    assert_eq!(
        within(phone.next()).await.unwrap().unwrap(),
        Message::Text("\r\n".into())
    );
    assert_eq!(
        within(phone.next()).await.unwrap().unwrap(),
        Message::Text("answer".into())
    );
    assert_eq!(
        within(phone.next()).await.unwrap().unwrap(),
        Message::Binary(vec![0xff, 0].into())
    );
    assert_eq!(house.counters.get(SipCount::ReceivedWs), 2);
    phone.close(None).await.unwrap();
    let closed = within(house.inbound.recv()).await;
    assert!(matches!(closed, Some(Input::Closed(conn)) if Some(conn) == received.conn));
}

#[tokio::test]
async fn websocket_of_another_page_protocol_or_size_is_refused() {
    let origins = Origins::These(["https://desk.example.com".to_owned()].into());
    let mut config = of(ListenerKind::Ws { origins });
    config.limits.frame.head_bytes = 1_024;
    config.limits.frame.body_bytes = 1_024;
    let house = house(config, 16);
    let cases = [
        (&[][..], 400),
        (&[("sec-websocket-protocol", "chat")][..], 400),
        (&[SIP, ("origin", "https://evil.example.com")][..], 403),
        (&[SIP, ("origin", "null")][..], 403),
    ];
    for (count, (headers, status)) in (1..).zip(cases) {
        match websocket(house.addr, headers).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), status),
            other => panic!("{headers:?}: {other:?}"),
        }
        house.counted(SipCount::HandshakeRefused, count).await;
    }
    let mut phone = websocket(house.addr, &[SIP, ("origin", "https://DESK.example.com")])
        .await
        .unwrap();
    phone.send(Message::Text("x".repeat(2_049).into())).await.unwrap();
    house.counted(SipCount::ClosedTooLarge, 1).await;
}
