//! What fuzzing has found, as ordinary tests: every input of the corpora, and no invariant broken.

use std::fs;
use std::path::Path;

// The fuzz crate is a workspace of its own for the sake of its compiler; its bodies are plain functions.
#[path = "fuzz/src/lib.rs"]
#[allow(dead_code, reason = "the crate can also replay its corpora by itself")]
mod targets;

#[test]
fn no_input_of_the_fuzz_corpora_breaks_an_invariant() {
    for (name, body) in targets::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/corpus")
            .join(name);
        let mut inputs = 0;
        for entry in fs::read_dir(&folder).expect("every target has a corpus") {
            body(&fs::read(entry.expect("a corpus can be listed").path()).expect("an input can be read"));
            inputs += 1;
        }
        assert!(inputs > 0, "{} is empty", folder.display());
    }
}
