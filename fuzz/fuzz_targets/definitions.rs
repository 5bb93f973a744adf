//! Texts that may be definitions of flows.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flowmill_fuzz::definitions::check(data));
