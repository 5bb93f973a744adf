//! Ports that are free.
//!
//! They are below those that the system gives to outgoing connections: else such a connection
//! could take the port of a server that is being restarted. None is given out twice in one process:
//! between its being found and its being listened on, somebody else may look for one.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

use crate::RigError;

const FIRST: u16 = 10_000;
const LAST: u16 = 32_000;

/// The ports given out so far.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// So many ports that nobody listens on now.
pub(crate) fn free(count: usize) -> Result<Vec<u16>, RigError> {
    let start = getrandom::u32().expect("the system has random numbers");
    let span = u32::from(LAST - FIRST);
    let candidates = (0..span).filter_map(|step| u16::try_from((start % span + step) % span).ok());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    // Held until all are found, so that none is found twice.
    let listeners: Vec<TcpListener> = candidates
        .filter(|port| !given.contains(&(FIRST + port)))
        // On every address: servers do not all listen on the same.
        .filter_map(|port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, FIRST + port)).ok())
        .take(count)
        .collect();
    let ports: Vec<u16> = listeners
        .iter()
        .filter_map(|listener| listener.local_addr().ok())
        .map(|address| address.port())
        .collect();
    if ports.len() < count {
        return Err(RigError::NoPort);
    }
    given.extend(&ports);
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_out_twice() {
        let many = || free(200).expect("there are thousands");
        let all: Vec<u16> = many().into_iter().chain(many()).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }
}
