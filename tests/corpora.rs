//! What fuzzing has found, as ordinary tests: every input of the corpora, and no invariant broken.

#[test]
fn no_input_of_the_fuzz_corpora_breaks_an_invariant() {
    let inputs = hotline_fuzz::replay_corpora().expect("the corpora can be read");
    assert!(
        inputs >= hotline_fuzz::TARGETS.len(),
        "{inputs} inputs for {} targets",
        hotline_fuzz::TARGETS.len()
    );
}
