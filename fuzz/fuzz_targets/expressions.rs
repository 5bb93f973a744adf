//! Texts that may be expressions, compiled and evaluated.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flowmill_fuzz::expressions::check(data));
