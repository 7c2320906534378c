//! Fuzz target: [`hotline_fuzz::flow`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hotline_fuzz::flow(data));
