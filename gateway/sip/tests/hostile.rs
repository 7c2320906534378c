//! Hostile input: the fuzz bodies over their corpora, and over seeded mutations of them.

use hotline_types::Rng;

#[path = "../../../tests/fuzz/src/sip.rs"]
mod bodies;

/// Mutations per corpus file; the seed makes every run the same.
const MUTATIONS: u64 = 20_000;

#[expect(clippy::disallowed_methods, reason = "a test may read its corpus")]
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/fuzz/corpus")
        .join(target);
    let entries = std::fs::read_dir(folder).expect("the corpus is there");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry can be read").path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).expect("a seed can be read"))
        .collect()
}

/// Changes, removes, repeats or inserts a few bytes, most often ones that mean something to a parser.
fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng) {
    const TELLING: &[u8] = b"\r\n \t:;,<>\"\\@?=/%[]0919azAZ\0\x7f\xff*+";
    for _ in 0..=rng.below(8) {
        let len = bytes.len() as u64;
        let at = rng.below(len) as usize;
        let byte = TELLING[rng.below(TELLING.len() as u64) as usize];
        match rng.below(6) {
            0 if len > 1 => drop(bytes.remove(at)),
            1 => bytes.insert(at, byte),
            2 => {
                let end = at + rng.below(len - at as u64).min(64) as usize;
                let copy = bytes[at..end].to_vec();
                let to = rng.below(len) as usize;
                bytes.splice(to..to, copy);
            }
            3 if len > 8 && rng.below(8) == 0 => bytes.truncate(at.max(1)),
            4 => bytes[at] = rng.next_u64() as u8,
            _ => bytes[at] = byte,
        }
    }
}

fn check(target: &str, body: fn(&[u8])) {
    let seeds = corpus(target);
    assert!(seeds.len() >= 5, "{target}: only {} seeds", seeds.len());
    for (number, seed) in seeds.iter().enumerate() {
        body(seed);
        let mut rng = Rng::from_seed(number as u64);
        for _ in 0..MUTATIONS {
            let mut bytes = seed.clone();
            mutate(&mut bytes, &mut rng);
            body(&bytes);
        }
    }
}

#[test]
fn mutated_messages_never_panic_and_are_answered_readably() {
    check("sip_message", bodies::sip_message);
}

#[test]
fn mutated_streams_frame_alike_however_they_are_split() {
    check("sip_frame", bodies::sip_frame);
}
