//! The files of an embedded log, damaged, then opened.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: flowmill_fuzz::segments::prepare(),
    |data: &[u8]| flowmill_fuzz::segments::check(data)
);
