//! The transports on the loopback interface, each wait with a deadline.

use std::net::SocketAddr;

use hotline_sip::admission::DropReason;
use hotline_sip::{ConnId, Received, Transmit, Transport};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

const ID: ListenerId = ListenerId(3);
const DEADLINE: Duration = Duration::from_secs(10);

async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(DEADLINE, work)
        .await
        .expect("this happens within the deadline")
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn config(role: Role, peers: Vec<SocketAddr>) -> ListenerConfig {
    ListenerConfig {
        id: ID,
        role,
        bind: loopback(),
        kind: ListenerKind::Plain { udp: true, tcp: true },
        admission: AdmissionConfig::new(role, peers),
        limits: TcpLimits::default(),
    }
}

fn phones() -> ListenerConfig {
    config(Role::Phones, Vec::new())
}

/// A running shell and what it tells the driver.
struct House {
    addr: SocketAddr,
    sender: SipSender,
    inbound: mpsc::Receiver<Input>,
    counters: Arc<SipCounters>,
    work: JoinHandle<()>,
}

impl Drop for House {
    fn drop(&mut self) {
        self.work.abort();
    }
}

fn house(config: ListenerConfig, queue: usize) -> House {
    let bound = SipShell::bind(vec![config]).unwrap();
    let addr = bound.local_addr(ID).unwrap();
    let (inbound_tx, inbound) = mpsc::channel(queue);
    let counters = Arc::new(SipCounters::default());
    let (sender, work) = bound
        .start(inbound_tx, Arc::clone(&counters), Clock::start())
        .unwrap();
    House {
        addr,
        sender,
        inbound,
        counters,
        work: tokio::spawn(work),
    }
}

impl House {
    async fn received(&mut self) -> Received {
        match within(self.inbound.recv()).await {
            Some(Input::Received(received)) => received,
            other => panic!("not a message: {other:?}"),
        }
    }

    /// Waits until a count is reached.
    async fn counted(&self, what: SipCount, count: u64) {
        within(async {
            while self.counters.get(what) < count {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(self.counters.get(what), count, "{}", what.as_str());
    }

    fn send(&self, transport: Transport, conn: Option<ConnId>, to: SocketAddr, bytes: &[u8]) {
        self.sender.send(Transmit {
            listener: ID,
            transport,
            conn,
            to,
            bytes: bytes.to_vec(),
        });
    }
}

fn request(method: &str, call: u32) -> Vec<u8> {
    format!(
        "{method} sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK{call}\r\nFrom: <sip:a@b>;tag=1\r\n\
         To: <sip:a@b>\r\nCall-ID: {call}\r\nCSeq: 1 {method}\r\nContent-Length: 2\r\n\r\nok"
    )
    .into_bytes()
}

#[test]
fn free_port_is_the_same_for_both_transports_and_a_taken_one_says_what_to_do() {
    let bound = SipShell::bind(vec![phones()]).unwrap();
    let addr = bound.local_addr(ID).unwrap();
    assert!(std::net::UdpSocket::bind(addr).is_err() && std::net::TcpListener::bind(addr).is_err());
    assert_eq!(bound.local_addr(ListenerId(9)), None);
    let taken = ListenerConfig {
        bind: addr,
        kind: ListenerKind::Plain {
            udp: true,
            tcp: false,
        },
        ..phones()
    };
    let error = SipShell::bind(vec![taken]).map(|_| ()).unwrap_err();
    assert_eq!(
        (error.listener, error.transport, error.address),
        (ID, Transport::Udp, addr)
    );
    let text = error.to_string();
    assert!(
        text.contains(&format!("udp {addr}")) && text.contains("choose another port"),
        "{text}"
    );
    let nowhere = ListenerConfig {
        bind: "192.0.2.1:0".parse().unwrap(),
        ..phones()
    };
    let text = SipShell::bind(vec![nowhere]).map(|_| ()).unwrap_err().to_string();
    assert!(text.contains("no such address"), "{text}");
}

#[tokio::test]
async fn datagrams_come_in_and_go_out() {
    let mut house = house(phones(), 16);
    let phone = UdpSocket::bind(loopback()).await.unwrap();
    phone.send_to(b"\r\n\r\n", house.addr).await.unwrap();
    phone.send_to(&request("REGISTER", 1), house.addr).await.unwrap();
    let received = house.received().await;
    assert_eq!(
        (received.listener, received.transport, received.conn),
        (ID, Transport::Udp, None)
    );
    assert_eq!(
        (received.peer, &received.bytes),
        (phone.local_addr().unwrap(), &request("REGISTER", 1))
    );
    assert_eq!(house.counters.dropped(DropReason::KeepAlive), 1);
    house.send(Transport::Udp, None, received.peer, b"SIP/2.0 200 OK\r\n\r\n");
    let mut buffer = [0; 100];
    let (len, from) = within(phone.recv_from(&mut buffer)).await.unwrap();
    assert_eq!(
        (&buffer[..len], from),
        (&b"SIP/2.0 200 OK\r\n\r\n"[..], house.addr)
    );
    house.send(Transport::Udp, None, received.peer, &vec![b'x'; 70_000]);
    let failed = within(house.inbound.recv()).await;
    assert!(
        matches!(failed, Some(Input::TransportFailed { transport: Transport::Udp, to }) if to == received.peer)
    );
}

#[tokio::test]
async fn stranger_on_a_trunk_listener_is_refused_and_never_queued() {
    let mut house = house(config(Role::Trunk, vec!["192.0.2.1:5060".parse().unwrap()]), 16);
    let stranger = UdpSocket::bind(loopback()).await.unwrap();
    stranger.send_to(&request("INVITE", 1), house.addr).await.unwrap();
    let mut buffer = [0; 1000];
    let (len, _) = within(stranger.recv_from(&mut buffer)).await.unwrap();
    assert!(buffer[..len].starts_with(b"SIP/2.0 403 "));
    let mut stream = TcpStream::connect(house.addr).await.unwrap();
    assert_eq!(
        within(stream.read(&mut buffer)).await.unwrap_or(0),
        0,
        "closed unread"
    );
    house.counted(SipCount::UnknownConnection, 1).await;
    assert!(house.inbound.try_recv().is_err());
}

#[tokio::test]
async fn full_queue_drops_datagrams_and_counts_them() {
    let mut house = house(phones(), 2);
    let phone = UdpSocket::bind(loopback()).await.unwrap();
    for call in 0..10 {
        phone
            .send_to(&request("REGISTER", call), house.addr)
            .await
            .unwrap();
    }
    house.counted(SipCount::ReceivedUdp, 10).await;
    assert_eq!(house.counters.get(SipCount::InboundFull), 8);
    assert_eq!(
        house.received().await.bytes,
        request("REGISTER", 0),
        "the oldest stay"
    );
}

#[tokio::test]
async fn connection_carries_messages_pings_and_answers() {
    let mut house = house(phones(), 16);
    let mut phone = TcpStream::connect(house.addr).await.unwrap();
    let stream = [
        &b"\r\n\r\n"[..],
        &request("REGISTER", 1),
        b"\r\n",
        &request("INVITE", 2),
    ]
    .concat();
    for piece in stream.chunks(37) {
        phone.write_all(piece).await.unwrap();
    }
    let (first, second) = (house.received().await, house.received().await);
    assert_eq!(
        (&first.bytes, &second.bytes),
        (&request("REGISTER", 1), &request("INVITE", 2))
    );
    assert!(first.conn.is_some() && first.conn == second.conn && first.transport == Transport::Tcp);
    house.send(Transport::Tcp, first.conn, first.peer, b"by id ");
    house.send(Transport::Tcp, None, first.peer, b"by peer ");
    house.send(Transport::Tcp, Some(ConnId(999)), first.peer, b"by peer again");
    let mut answers = [0; 29];
    within(phone.read_exact(&mut answers)).await.unwrap();
    assert_eq!(&answers, b"\r\nby id by peer by peer again");
    drop(phone);
    let closed = within(house.inbound.recv()).await;
    assert!(
        matches!(closed, Some(Input::Closed(conn)) if Some(conn) == first.conn),
        "{closed:?}"
    );
    house.counted(SipCount::ClosedByPeer, 1).await;
}

#[tokio::test]
async fn streams_that_cannot_be_trusted_or_do_not_end_are_closed_with_their_reason() {
    let mut config = phones();
    config.limits.message_time = Duration::from_millis(150);
    config.limits.idle = Duration::from_millis(150);
    let mut house = house(config, 16);
    let good = request("REGISTER", 1);
    let twice = [
        &b"MESSAGE sip:a@b SIP/2.0\r\nl: 1\r\nContent-Length : 2\r\n\r\nxx"[..],
        &good,
    ]
    .concat();
    let cases = [
        (twice, SipCount::ClosedMalformed, 0),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), SipCount::ClosedMalformed, 0),
        (Vec::new(), SipCount::ClosedSlow, 0),
        (good[..good.len() - 1].to_vec(), SipCount::ClosedSlow, 0),
        (good.clone(), SipCount::ClosedIdle, 1),
    ];
    for (number, (bytes, end, messages)) in cases.into_iter().enumerate() {
        let before = house.counters.get(end);
        let mut phone = TcpStream::connect(house.addr).await.unwrap();
        phone.write_all(&bytes).await.unwrap();
        assert_eq!(
            within(phone.read(&mut [0; 10])).await.unwrap_or(0),
            0,
            "case {number}"
        );
        house.counted(end, before + 1).await;
        for _ in 0..messages {
            assert_eq!(house.received().await.bytes, good);
        }
        assert!(
            matches!(within(house.inbound.recv()).await, Some(Input::Closed(_))),
            "case {number}"
        );
    }
}

#[tokio::test]
async fn connection_is_made_when_it_is_needed_and_then_kept() {
    let mut house = house(phones(), 16);
    let trunk = TcpListener::bind(loopback()).await.unwrap();
    let to = trunk.local_addr().unwrap();
    house.send(Transport::Tcp, None, to, b"one ");
    house.send(Transport::Tcp, None, to, b"two");
    let (mut stream, _) = within(trunk.accept()).await.unwrap();
    let mut both = [0; 7];
    within(stream.read_exact(&mut both)).await.unwrap();
    assert_eq!(&both, b"one two");
    stream.write_all(&request("OPTIONS", 1)).await.unwrap();
    let received = house.received().await;
    assert_eq!((received.peer, received.conn.is_some()), (to, true));
    assert_eq!(house.counters.get(SipCount::Connected), 1);
}

#[tokio::test]
async fn connection_that_nobody_takes_is_told_as_a_failure() {
    let mut house = house(phones(), 16);
    let gone = std::net::TcpListener::bind(loopback())
        .unwrap()
        .local_addr()
        .unwrap();
    house.send(Transport::Tcp, None, gone, b"x");
    let failed = within(house.inbound.recv()).await;
    assert!(matches!(failed, Some(Input::TransportFailed { transport: Transport::Tcp, to }) if to == gone));
    assert_eq!(house.counters.get(SipCount::ConnectFailed), 1);
    let unknown = Transmit {
        listener: ListenerId(99),
        transport: Transport::Udp,
        conn: None,
        to: gone,
        bytes: Vec::new(),
    };
    house.sender.send(unknown);
    let failed = within(house.inbound.recv()).await;
    assert!(matches!(
        failed,
        Some(Input::TransportFailed {
            transport: Transport::Udp,
            ..
        })
    ));
    assert_eq!(house.counters.get(SipCount::NoTransport), 1);
}

#[tokio::test]
async fn one_source_gets_its_share_of_connections_and_room_comes_back() {
    let mut config = phones();
    config.limits.per_source_max = 2;
    let mut house = house(config, 16);
    let mut phones = Vec::new();
    for call in 0..2 {
        let mut phone = TcpStream::connect(house.addr).await.unwrap();
        phone.write_all(&request("REGISTER", call)).await.unwrap();
        house.received().await;
        phones.push(phone);
    }
    let mut third = TcpStream::connect(house.addr).await.unwrap();
    assert_eq!(within(third.read(&mut [0; 10])).await.unwrap_or(0), 0);
    house.counted(SipCount::TooManyConnections, 1).await;
    phones.pop();
    assert!(matches!(
        within(house.inbound.recv()).await,
        Some(Input::Closed(_))
    ));
    let mut fourth = TcpStream::connect(house.addr).await.unwrap();
    fourth.write_all(&request("REGISTER", 4)).await.unwrap();
    assert_eq!(house.received().await.bytes, request("REGISTER", 4));
}

#[tokio::test]
async fn peer_that_does_not_read_loses_its_connection_and_never_holds_the_sender() {
    let mut config = phones();
    config.limits.write_queue_max = 4;
    config.limits.write_time = Duration::from_millis(50);
    let mut house = house(config, 16);
    let deaf = TcpListener::bind(loopback()).await.unwrap();
    let to = deaf.local_addr().unwrap();
    let big = vec![b'x'; 4 * 1024 * 1024];
    for _ in 0..8 {
        house.send(Transport::Tcp, None, to, &big);
    }
    let (_stream, _) = within(deaf.accept()).await.unwrap();
    let failed = within(house.inbound.recv()).await;
    assert!(matches!(failed, Some(Input::TransportFailed { transport: Transport::Tcp, to: at }) if at == to));
    assert!(house.counters.get(SipCount::ClosedNotRead) >= 1);
}

mod secure;
