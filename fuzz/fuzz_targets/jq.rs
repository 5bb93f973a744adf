//! Programs on inputs, each within small bounds.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flowmill_fuzz::jq::check(data));
