//! Mutations of the corpora: what a fuzzer would try first, from a seed, in an ordinary test.

use std::path::Path;

use hotline_types::Rng;

/// Runs a target over its corpus and `rounds` mutations of each of its files.
fn mutated(name: &str, body: fn(&[u8]), rounds: u64) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut rng = Rng::from_seed(7);
    let mut files = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        let whole = std::fs::read(entry.unwrap().path()).unwrap();
        body(&whole);
        files += 1;
        for _ in 0..rounds {
            body(&mutation(&whole, &mut rng));
        }
    }
    assert!(files >= 5, "{name}: {files} files");
}

/// One to four changes: a byte, a cut, a piece twice, a piece away.
fn mutation(whole: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=rng.below(4) {
        let length = u64::try_from(bytes.len()).unwrap();
        let place = |at: u64| usize::try_from(at).unwrap();
        let (one, other) = (rng.below(length), rng.below(length));
        let (from, to) = (place(one.min(other)), place(one.max(other)));
        match rng.below(4) {
            0 if !bytes.is_empty() => bytes[from] = rng.next_u64().to_le_bytes()[0],
            1 => bytes.truncate(to),
            2 => {
                let piece = bytes[from..to.min(from + 200)].to_vec();
                bytes.splice(from..from, piece);
            }
            _ => drop(bytes.drain(from..to.min(from + 40))),
        }
    }
    bytes
}

#[test]
fn mutated_flow_files_break_no_invariant() {
    mutated("flow", crate::flow, 150);
}

#[test]
fn mutated_recordings_break_no_invariant() {
    mutated("recording", crate::recording, 2000);
}
