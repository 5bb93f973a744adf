//! What librdkafka offers and the crate `rdkafka` does not pass on. The only unsafe code of the
//! workspace is here.

use std::ffi::{CString, NulError};

use rdkafka::ClientContext;
use rdkafka::bindings::{rd_kafka_brokers_add, rd_kafka_brokers_learned_ids, rd_kafka_mem_free};
use rdkafka::client::Client;

/// Makes the library of TLS ready. Comes before the first client of a process.
///
/// Left to itself it frees what it has when the process ends, under clients that still run: such a
/// process crashes now and then instead of ending as it says.
pub fn prepare() {
    openssl_sys::init();
}

/// How many brokers the cluster has told a client of. None of them need be reachable.
#[expect(unsafe_code, reason = "rdkafka does not pass this call on")]
pub fn brokers_known<C: ClientContext>(client: &Client<C>) -> usize {
    let mut count = 0;
    // SAFETY: the handle lives as long as `client`, which is borrowed, and any thread may use it.
    // `count` is written before the call returns and not kept.
    let ids = unsafe { rd_kafka_brokers_learned_ids(client.native_ptr(), &raw mut count) };
    // SAFETY: the list is the caller's, was allocated by the library and is not used after this.
    unsafe { rd_kafka_mem_free(client.native_ptr(), ids.cast()) };
    count
}

/// Lets a client ask these brokers for the cluster, beside those it knows. They are written as in
/// `bootstrap.servers`. Gives how many of them could be taken.
///
/// # Errors
/// The text holds a NUL.
#[expect(unsafe_code, reason = "rdkafka does not pass this call on")]
pub fn add_brokers<C: ClientContext>(client: &Client<C>, brokers: &str) -> Result<usize, NulError> {
    let brokers = CString::new(brokers)?;
    // SAFETY: the handle lives as long as `client`, which is borrowed, and any thread may use it.
    // The library copies the text before the call returns.
    let added = unsafe { rd_kafka_brokers_add(client.native_ptr(), brokers.as_ptr()) };
    Ok(usize::try_from(added).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use rdkafka::ClientConfig;
    use rdkafka::consumer::{BaseConsumer, Consumer};

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the factory is above this crate")]
    fn a_client_takes_brokers_that_no_cluster_has_told_it_of() {
        let client: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", "127.0.0.1:1").create().unwrap();
        assert_eq!(brokers_known(client.client()), 0);
        assert_eq!(add_brokers(client.client(), "127.0.0.1:1"), Ok(1));
        assert_eq!(add_brokers(client.client(), "127.0.0.1:2,127.0.0.1:3"), Ok(2));
        assert!(add_brokers(client.client(), "a\0b").is_err());
        assert_eq!(brokers_known(client.client()), 0);
    }
}
