//! The one HTTP client of a worker.

use std::sync::Arc;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

use crate::connect::ConnectInTime;
use crate::policy::OutgoingPolicy;
use crate::resolver::{Lookup, VettedResolver};

/// Makes the client. It follows no redirects and uses no proxy: both would reach addresses that
/// nobody vetted.
pub(crate) fn client(
    policy: Arc<OutgoingPolicy>,
    lookup: Lookup,
) -> Result<Client, reqwest::Error> {
    let resolver = Arc::new(VettedResolver { policy, lookup });
    builder(&resolver).build().or_else(|error| {
        let client = without_certificates(&resolver)?;
        tracing::warn!(
            %error,
            "no certificates were found, so https calls will fail; install ca-certificates"
        );
        Ok(client)
    })
}

/// A client for plain calls only, as a machine without a store of certificates can make it.
fn without_certificates(resolver: &Arc<VettedResolver>) -> Result<Client, reqwest::Error> {
    builder(resolver).tls_certs_only([]).build()
}

fn builder(resolver: &Arc<VettedResolver>) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("flowmill/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .dns_resolver(Arc::clone(resolver))
        .connector_layer(ConnectInTime)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolver::system_lookup;

    #[test]
    fn a_machine_without_certificates_has_a_client_all_the_same() {
        let policy = Arc::new(OutgoingPolicy::public());
        let resolver = Arc::new(VettedResolver { policy, lookup: system_lookup() });
        assert!(without_certificates(&resolver).is_ok());
    }
}
