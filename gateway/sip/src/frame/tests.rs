//! Streams: any split gives the same frames, and no header can shift where a message ends.

use hotline_types::Rng;

use super::*;
use crate::message::Fault;

const LIMITS: FrameLimits = FrameLimits {
    head_bytes: 400,
    body_bytes: 100,
};

fn message(length_header: &str, body: &str) -> String {
    format!("MESSAGE sip:a@b SIP/2.0\r\nCall-ID: x\r\n{length_header}\r\n\r\n{body}")
}

/// The frames of a stream that arrives in the pieces that `cut` chooses; a ping is an empty one.
fn frames(stream: &[u8], mut cut: impl FnMut(usize) -> usize) -> (Vec<Vec<u8>>, Option<FrameError>) {
    let (mut framer, mut found, mut rest) = (Framer::new(LIMITS), Vec::new(), stream);
    while !rest.is_empty() {
        let (piece, left) = rest.split_at(cut(rest.len()).clamp(1, rest.len()));
        rest = left;
        framer.push(piece);
        loop {
            match framer.next_frame() {
                Ok(Some(Frame::Ping)) => found.push(Vec::new()),
                Ok(Some(Frame::Message(bytes))) => found.push(bytes.to_vec()),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(framer.next_frame(), Err(error), "an error is for ever");
                    return (found, Some(error));
                }
            }
        }
    }
    (found, None)
}

#[test]
fn stream_split_anywhere_gives_the_same_frames() {
    let one = message("Content-Length: 7", "body\r\n\r");
    let two = message("l : 0", "");
    let stream = format!("\r\n{one}\r\n\r\n{two}\r\n\r\n\r\n\r\n\r\n{one}{two}");
    let ping = String::new();
    let expected: Vec<Vec<u8>> = [&one, &ping, &two, &ping, &ping, &one, &two]
        .iter()
        .map(|frame| frame.as_bytes().to_vec())
        .collect();
    assert_eq!(frames(stream.as_bytes(), |len| len), (expected.clone(), None));
    assert_eq!(frames(stream.as_bytes(), |_| 1), (expected.clone(), None));
    for seed in 0..200 {
        let mut rng = Rng::from_seed(seed);
        let cut = |_| rng.below(40) as usize;
        assert_eq!(
            frames(stream.as_bytes(), cut),
            (expected.clone(), None),
            "seed {seed}"
        );
    }
}

#[test]
fn length_is_read_in_every_legal_form() {
    for header in [
        "Content-Length: 4",
        "content-length:4",
        "CONTENT-LENGTH  :\t4",
        "l:4",
        "L : 004",
        "l:\r\n 4",
        "l: 4\r\nl: 4",
    ] {
        let text = message(header, "body");
        let stream = format!("{text}{text}");
        let expected = vec![text.as_bytes().to_vec(); 2];
        assert_eq!(
            frames(stream.as_bytes(), |len| len),
            (expected, None),
            "{header:?}"
        );
    }
}

#[test]
fn stream_that_cannot_be_trusted_is_given_up() {
    let long = format!("X: {}", "x".repeat(500));
    let malformed =
        |fault| move |error| matches!(error, FrameError::Malformed(found) if found.fault == fault);
    type Expected = Box<dyn Fn(FrameError) -> bool>;
    let cases: Vec<(String, Expected)> = vec![
        (
            message("X: y", ""),
            Box::new(|error| error == FrameError::NoContentLength),
        ),
        (
            message("l: 101", ""),
            Box::new(|error| error == FrameError::BodyTooLong),
        ),
        (
            message("l: 18446744073709551616", ""),
            Box::new(malformed(Fault::ContentLength)),
        ),
        (
            message("l: 18446744073709551615", ""),
            Box::new(|error| error == FrameError::BodyTooLong),
        ),
        (message("l: -1", ""), Box::new(malformed(Fault::ContentLength))),
        (message("l: 4, 4", ""), Box::new(malformed(Fault::ContentLength))),
        (
            message("l: 4\r\nContent-Length: 5", "body"),
            Box::new(malformed(Fault::ContentLength)),
        ),
        (message("l: 0\nX: y", ""), Box::new(malformed(Fault::LineEnd))),
        (
            message("l: 0\r\nno colon", ""),
            Box::new(malformed(Fault::HeaderName)),
        ),
        (
            message(&long, ""),
            Box::new(|error| error == FrameError::HeadTooLong),
        ),
        (
            "x".repeat(500),
            Box::new(|error| error == FrameError::HeadTooLong),
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            Box::new(malformed(Fault::StartLine)),
        ),
    ];
    for (text, expected) in cases {
        let good = message("l: 0", "");
        let stream = format!("{good}{text}{good}");
        for piece in [usize::MAX, 1, 7] {
            let (found, error) = frames(stream.as_bytes(), |_| piece);
            assert_eq!(found.len(), 1, "only what stood before: {text:?}");
            assert!(error.is_some_and(&expected), "{error:?} for {text:?}");
        }
    }
}

#[test]
fn framer_knows_when_it_waits_for_the_rest_of_a_message() {
    let mut framer = Framer::new(LIMITS);
    framer.push(b"\r\n");
    assert_eq!(framer.next_frame(), Ok(None));
    assert!(!framer.is_partial());
    framer.push(b"MESS");
    assert_eq!(framer.next_frame(), Ok(None));
    assert!(framer.is_partial());
    framer.push(b"AGE sip:a@b SIP/2.0\r\nl: 0\r\n\r\n");
    assert!(matches!(framer.next_frame(), Ok(Some(Frame::Message(_)))));
    assert_eq!(framer.next_frame(), Ok(None));
    assert!(!framer.is_partial());
}
