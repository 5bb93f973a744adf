//! Resolves names to vetted addresses.
//!
//! The client connects to what this gives and to nothing else, so there is no gap between the
//! judgement and the connection in which a name could change its mind.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::policy::{OutgoingPolicy, Refused};

/// The addresses of a name.
pub type Addresses = BoxFuture<'static, io::Result<Vec<IpAddr>>>;

/// Finds the addresses of a name.
pub type Lookup = Arc<dyn Fn(String) -> Addresses + Send + Sync>;

/// Asks the machine.
pub(crate) fn system_lookup() -> Lookup {
    Arc::new(|name: String| {
        async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        }
        .boxed()
    })
}

/// Gives the addresses of a name that may be reached.
pub(crate) struct VettedResolver {
    pub(crate) policy: Arc<OutgoingPolicy>,
    pub(crate) lookup: Lookup,
}

impl Resolve for VettedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let (policy, found) = (Arc::clone(&self.policy), (self.lookup)(name.clone()));
        async move {
            let vetted = vetted(&policy, &name, found.await?)?;
            let addresses = vetted.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        }
        .boxed()
    }
}

/// Those of a name's addresses that may be reached; if none may, why.
fn vetted(policy: &OutgoingPolicy, name: &str, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, Refused> {
    let mut refused = None;
    let mut vetted = Vec::with_capacity(found.len());
    for address in found {
        match policy.vet(name, address) {
            Ok(()) => vetted.push(address),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    match refused {
        Some(refused) if vetted.is_empty() => Err(refused),
        _ => Ok(vetted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    #[test]
    fn a_name_leads_to_what_may_be_reached_of_its_addresses() {
        let check = |found: &[&str], expect: Result<Vec<IpAddr>, Refused>| {
            assert_eq!(vetted(&OutgoingPolicy::public(), "h", addresses(found)), expect);
        };
        check(&["1.1.1.1", "10.0.0.1"], Ok(addresses(&["1.1.1.1"])));
        check(&["10.0.0.1", "::1"], Err(Refused::Private(addresses(&["10.0.0.1"])[0])));
        check(&["169.254.169.254"], Err(Refused::Never(addresses(&["169.254.169.254"])[0])));
        check(&[], Ok(vec![]));
    }
}
