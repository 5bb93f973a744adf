//! A cluster of real processes on a real Kafka and a real CQL server: its roles, what they refuse,
//! and what survives when they, the broker or the store die.

mod figures;
mod halted;
mod membership;
mod metrics;
mod node;
mod refusals;
mod secured;
mod servers;
mod stuck;
mod survival;
mod together;
mod traces;
mod turns;
mod user;
