//! Any events in any order, folded.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flowmill_fuzz::fold::check(data));
