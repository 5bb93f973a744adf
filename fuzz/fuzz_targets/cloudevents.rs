//! Messages that may be CloudEvents, in the modes of Kafka and HTTP.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flowmill_fuzz::cloudevents::check(data));
