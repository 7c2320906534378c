//! Fuzz target: [`hotline_fuzz::endpoint_junk`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hotline_fuzz::endpoint_junk(data));
