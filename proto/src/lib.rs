//! The gRPC services of Flowmill, generated from the files beside this crate.
//!
//! What is here is the wire. Services translate it at their edge and keep nothing of it.

/// Version 1 of the protocol.
pub mod v1 {
    tonic::include_proto!("flowmill.v1");
}
