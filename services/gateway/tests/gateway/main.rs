//! The gateway against a log and a store in memory and a small stand-in for the owners of shards:
//! what it accepts, what it refuses and how, and what it says while others are away.

#![cfg(test)]

mod bad_input;
mod commands;
mod deploys;
mod description;
mod faults;
mod hostile;
mod lists;
mod node_types;
mod operations;
mod owner;
mod reads;
mod rig;
mod serving;
mod stale;
mod starts;
mod token;
mod workers;
