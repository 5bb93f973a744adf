//! Ports that are free.
//!
//! They are below those that the system gives to outgoing connections: else such a connection
//! could take the port of a server that is being restarted.

use std::net::{Ipv4Addr, TcpListener};

use crate::RigError;

const FIRST: u16 = 10_000;
const LAST: u16 = 32_000;

/// So many ports that nobody listens on now.
pub(crate) fn free(count: usize) -> Result<Vec<u16>, RigError> {
    let start = getrandom::u32().expect("the system has random numbers");
    let span = u32::from(LAST - FIRST);
    let candidates = (0..span).filter_map(|step| u16::try_from((start % span + step) % span).ok());
    // Held until all are found, so that none is found twice.
    let listeners: Vec<TcpListener> = candidates
        // On every address: servers do not all listen on the same.
        .filter_map(|port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, FIRST + port)).ok())
        .take(count)
        .collect();
    let ports: Vec<u16> = listeners
        .iter()
        .filter_map(|listener| listener.local_addr().ok())
        .map(|address| address.port())
        .collect();
    if ports.len() == count { Ok(ports) } else { Err(RigError::NoPort) }
}
