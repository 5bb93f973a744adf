//! Kafka triggers: each record of a topic starts one execution of each flow that listens to it.
//!
//! A flow with triggers has one consumer group, `<cluster>.trigger.<namespace>.<name>`, whatever its
//! version and however many topics it names, so that position, lag and a reset of it are the flow's
//! own. Every gateway is a member of every group; Kafka spreads the partitions over them.
//!
//! A record's way: `consumer` polls it on a thread of its own and hands it to its partition's
//! queue; `partition` works through the queue, many at once, and knows up to where all are done;
//! `reading` makes a start of a record, purely; `starting` makes the start durable, or the record
//! a dead letter. `runner` follows the catalogue.
//!
//! **Invariants**
//! * The id of an execution is made of the record's place, or of the trigger's `key`. So a record
//!   that is read again, by whomever, starts nothing new.
//! * A position is committed only when every record below it has a durable start, was passed over
//!   by a filter, or is durable among the dead letters.
//! * The polling thread evaluates nothing and waits for nobody: when a partition's queue is full it
//!   is paused.
//! * A start that is refused for now is repeated until it is taken; a record that cannot be used
//!   holds up nobody.
//!
//! Deliberately absent: an order of starts across the records of a partition. Executions are
//! independent of each other.

mod consumer;
mod dead_letter;
mod partition;
mod reading;
mod record;
mod runner;
mod starting;

pub use record::{Place, TriggerRecord};
pub use runner::{TriggerParts, Triggers};
