//! Fuzz target: [`hotline_fuzz::oracle`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hotline_fuzz::oracle(data));
