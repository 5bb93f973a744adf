//! Triggers, `kafka.produce` and lifecycle events on a real Kafka.
//!
//! One broker serves all tests; each has topics, flows and a cluster name of its own.

#![cfg(test)]

mod broker;
mod foreign;
mod letters;
mod lifecycle;
mod node;
mod positions;
mod pressure;
mod produce;
mod starts;
