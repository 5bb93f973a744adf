//! The log on real Kafka: the conformance suite on one broker and on three, and what is its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod brokers;
mod conformance;
mod deaths;
mod differential;
mod forgetful;
mod initialising;
mod membership;
mod reading;
mod security;
mod topics_page;
