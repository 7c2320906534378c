//! A request over HTTP/1.1, for the console's API.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::wait::secs;

/// GET with a bearer token: status and body.
pub fn get(host: &str, path: &str, token: &str) -> (u16, String) {
    request("GET", host, path, token, "")
}

/// POST of JSON with a bearer token: status and body.
pub fn post(host: &str, path: &str, token: &str, body: &str) -> (u16, String) {
    request("POST", host, path, token, body)
}

fn request(method: &str, host: &str, path: &str, token: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(host).expect("the console listens");
    stream.set_read_timeout(Some(secs(10))).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("a whole answer");
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .expect("a status");
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    (status, if chunked { unchunk(body) } else { body.to_owned() })
}

fn unchunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a chunk's size");
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}
