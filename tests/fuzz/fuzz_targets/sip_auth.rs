//! Fuzz target: [`hotline_fuzz::sip_auth`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hotline_fuzz::sip_auth(data));
