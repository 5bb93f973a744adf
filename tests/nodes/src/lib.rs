//! Flowmill as its users run it: each node a process of its own, on servers that the rig has started.
//!
//! [`Cluster`] makes a cluster and starts nodes, [`Node`] is one process, which can be killed, stood
//! still and asked to end. [`Metrics`], [`Usage`] and [`Probe`] are what is seen of them from
//! outside. Programs that measure or torment clusters are built on it.
//!
//! **Invariant:** no node outlives its handle.

mod cluster;
mod metrics;
mod node;
mod probe;
mod usage;

pub use cluster::{Cluster, Place, deploy, ready};
pub use metrics::Metrics;
pub use node::{Node, Role};
pub use probe::{Probe, Times};
pub use usage::{Processes, Usage, megabytes};
