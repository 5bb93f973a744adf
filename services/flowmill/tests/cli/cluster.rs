//! A cluster of real processes on a real Kafka and a real CQL server: its roles, what they refuse,
//! and what survives when they, the broker or the store die.

mod membership;
mod node;
mod refusals;
mod secured;
mod servers;
mod survival;
mod together;
mod turns;
