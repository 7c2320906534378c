// An allocator that counts, and the INVITE that the figures are about. Included by the test and by the benchmark.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call is handed to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is that of the system allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` above, that is, from the system allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations() -> usize {
    ALLOCATIONS.load(Ordering::Relaxed)
}

/// An INVITE as a trunk sends it: 18 headers and an SDP body, 1.2 kB.
fn invite() -> Vec<u8> {
    let sdp = "v=0\r\no=- 1795557265 1795557265 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n\
               m=audio 31000 RTP/AVP 8 0 18 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
               a=rtpmap:18 G729/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n\
               a=sendrecv\r\n";
    let head = "INVITE sip:4008001000@203.0.113.10:5080;user=phone SIP/2.0\r\n\
                Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK-524287-1---a3f2c19d77e1b042;rport\r\n\
                Via: SIP/2.0/UDP 198.51.100.20:5060;branch=z9hG4bK77ef4c2312983.1;received=198.51.100.20\r\n\
                Record-Route: <sip:198.51.100.7:5060;lr;ftag=as58f4201b>\r\n\
                Max-Forwards: 68\r\n\
                From: \"Zhang Wei\" <sip:+8613800138000@carrier.example;user=phone>;tag=as58f4201b\r\n\
                To: <sip:4008001000@203.0.113.10:5080;user=phone>\r\n\
                Call-ID: 3c26e4a5f1b00d7c8aa1d9e2b4c37f10@198.51.100.20\r\n\
                CSeq: 102 INVITE\r\n\
                Contact: <sip:+8613800138000@198.51.100.7:5060;transport=udp;line=ab12>\r\n\
                User-Agent: Carrier-SBC/9.2.1\r\n\
                Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, INFO, UPDATE, PRACK\r\n\
                Supported: replaces, timer, 100rel\r\n\
                Session-Expires: 1800;refresher=uac\r\n\
                Min-SE: 90\r\n\
                P-Asserted-Identity: \"Zhang Wei\" <sip:+8613800138000@carrier.example>\r\n\
                Date: Sat, 21 Nov 2026 08:00:00 GMT\r\n\
                Content-Type: application/sdp\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{sdp}", sdp.len()).into_bytes()
}

/// Index and the six headers that every request needs; answers something that depends on all of them.
fn read(bytes: &[u8]) -> usize {
    let message = Message::parse(bytes).expect("the INVITE can be read");
    let hops: usize = message.vias().map(|via| via.expect("Via").branch().map_or(0, str::len)).sum();
    let from = message.from().expect("From");
    let to = message.to().expect("To");
    let cseq = message.cseq().expect("CSeq");
    let call_id = message.call_id().expect("Call-ID");
    let contacts = message.contacts().filter(|contact| contact.as_ref().is_ok_and(|contact| contact.addr().is_some())).count();
    let user = from.uri().expect("URI of From").user.map_or(0, str::len);
    hops + from.tag().map_or(0, str::len) + to.raw_uri.len() + cseq.number as usize + call_id.len() + contacts + user
}
