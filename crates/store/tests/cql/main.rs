//! The store on CQL, on a real server.

#![cfg(test)]

mod conformance;
mod crash;
mod large;
mod pages;
mod purge;
mod refusals;
mod rows;
mod schema;
mod server;
