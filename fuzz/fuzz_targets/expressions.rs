//! Texts that may be expressions, compiled, and evaluated where that is cheap.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: flowmill_fuzz::expressions::let_evaluations_panic(),
    |data: &[u8]| flowmill_fuzz::expressions::check(data)
);
