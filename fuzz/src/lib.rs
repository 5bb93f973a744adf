//! What must hold of bytes that nobody vouches for, one module for each target.
//!
//! A target in `fuzz_targets/` is a line that hands its bytes to the `check` here. A check is
//! stronger than "it does not panic" wherever there is something to compare with: what was encoded,
//! what is encoded again, what the log held after each step. [`make`] makes values of the model
//! from a target's bytes.
//!
//! **Invariant:** a check depends on its bytes alone, so that one run repeats another.

#![forbid(unsafe_code)]

pub mod cloudevents;
pub mod damage;
pub mod definitions;
pub mod expressions;
pub mod fold;
pub mod jq;
pub mod make;
pub mod records;
pub mod segments;
pub mod workers;
