//! Bytes as records of every topic that is framed, and as stored states.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flowmill_fuzz::records::check(data));
