//! Framed records that were whole once, and are damaged, cut, or of a newer version.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flowmill_fuzz::damage::check(data));
