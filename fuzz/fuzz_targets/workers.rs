//! Records of tasks and results as workers in any language may write them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flowmill_fuzz::workers::check(data));
