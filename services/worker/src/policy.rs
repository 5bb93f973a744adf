//! Which addresses outgoing calls may reach.
//!
//! Addresses, not names, are judged: a name says nothing about where it leads. Three classes:
//! public ones are open; private ones (loopback, private networks, and everything else that is
//! not routed on the internet) are open where the policy says so; those of the cloud's metadata,
//! link-local and multicast ones never are.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Which addresses outgoing calls may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutgoingPolicy {
    private: bool,
    hosts: BTreeSet<String>,
    networks: Vec<IpNet>,
}

/// An address that calls must not reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A private one that the policy does not name.
    #[error(
        "calls to the private address {0} are refused; \
         name the address, its network or the host in `outgoing.allow`"
    )]
    Private(IpAddr),
    /// One that no policy opens.
    #[error("calls to {0} are refused: it is a metadata, link-local or multicast address")]
    Never(IpAddr),
}

/// Text that names neither an address, nor a network, nor a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address, network or host; write 10.1.2.3, 10.0.0.0/8 or a host's name")]
pub struct InvalidAllow(String);

/// What kind of address it is. Later ones are worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Public,
    Private,
    Never,
}

impl OutgoingPolicy {
    /// Public addresses only.
    pub fn public() -> Self {
        Self::default()
    }

    /// Public and private addresses: for a developer's own machine.
    pub fn allow_private() -> Self {
        Self { private: true, ..Self::default() }
    }

    /// Opens the private addresses that `entry` names: one address, a network such as
    /// `10.0.0.0/8`, or all those of a host by its exact name.
    pub fn allow(mut self, entry: &str) -> Result<Self, InvalidAllow> {
        let entry = entry.trim();
        if let Ok(network) = entry.parse::<IpNet>() {
            self.networks.push(network.trunc());
        } else if let Ok(address) = entry.parse::<IpAddr>() {
            self.networks.push(address.into());
        } else if is_host(entry) {
            self.hosts.insert(normal(entry));
        } else {
            return Err(InvalidAllow(entry.to_owned()));
        }
        Ok(self)
    }

    /// Judges `address`, to which `host` leads.
    pub fn vet(&self, host: &str, address: IpAddr) -> Result<(), Refused> {
        match reach(address) {
            Reach::Public => Ok(()),
            Reach::Private if self.private || self.names(host, address) => Ok(()),
            Reach::Private => Err(Refused::Private(address)),
            Reach::Never => Err(Refused::Never(address)),
        }
    }

    fn names(&self, host: &str, address: IpAddr) -> bool {
        let inner = match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(v6) => inner_v4(v6).map(IpAddr::V4),
        };
        let within = |address: IpAddr| self.networks.iter().any(|net| net.contains(&address));
        self.hosts.contains(&normal(host)) || inner.map_or_else(|| within(address), within)
    }
}

fn normal(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// A name of labels that is not a number in disguise.
fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    let last = name.rsplit('.').next().unwrap_or_default();
    name.split('.').all(label) && last.bytes().any(|b| b.is_ascii_alphabetic())
}

fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(v4) => reach_v4(v4),
        IpAddr::V6(v6) => reach_v6(v6),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    /// Metadata services outside the link-local network: Alibaba, Oracle, Azure.
    const METADATA: [[u8; 4]; 3] = [[100, 100, 100, 200], [192, 0, 0, 192], [168, 63, 129, 16]];
    let octets = address.octets();
    if METADATA.contains(&octets) {
        return Reach::Never;
    }
    match octets {
        [169, 254, ..] | [224..=255, ..] => Reach::Never,
        [0 | 10 | 127, ..]
        | [100, 64..=127, ..]
        | [172, 16..=31, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [192, 168, ..]
        | [198, 18..=19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Reach::Private,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    if let Some(inner) = inner_v4(address) {
        // A translator of one's own or a tunnel is not the internet, wherever it leads.
        let floor = match address.segments() {
            [0x64, 0xff9b, 1, ..] | [0x2001, 0, ..] => Reach::Private,
            _ => Reach::Public,
        };
        return reach_v4(inner).max(floor);
    }
    match address.segments() {
        // Link-local, multicast, and the metadata services of AWS, Google and Scaleway.
        [0xfe80..=0xfebf, ..] | [0xff00..=0xffff, ..] => Reach::Never,
        [0xfd00, 0x0ec2, ..] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => Reach::Never,
        [0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42] => Reach::Never,
        // Parts of the internet's range that are not on it.
        [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Reach::Private,
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Private,
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped, translated, compatible, NAT64, 6to4,
/// Teredo.
fn inner_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => Some(v4(high, low)),
        [0x2001, 0, _, _, _, _, high, low] => Some(v4(!high, !low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: &OutgoingPolicy, host: &str, address: &str, expect: Reach) {
        let address: IpAddr = address.parse().expect("an address");
        let expect = match expect {
            Reach::Public => Ok(()),
            Reach::Private => Err(Refused::Private(address)),
            Reach::Never => Err(Refused::Never(address)),
        };
        assert_eq!(policy.vet(host, address), expect, "{address}");
    }

    const PUBLIC: [&str; 7] = [
        "1.1.1.1",
        "172.32.0.1",
        "100.128.0.1",
        "2606:4700::1111",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
        "2002:101:101::1",
    ];
    const PRIVATE: [&str; 25] = [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "192.0.0.8",
        "198.18.0.1",
        "203.0.113.1",
        "::",
        "::1",
        "fc00::1",
        "fdff::1",
        "fec0::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "::ffff:0:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1.1.1.1",
        "2002:7f00:1::",
        "2001:0:1:2:3:4:feff:fffe",
        "100::1",
    ];
    const NEVER: [&str; 17] = [
        "169.254.169.254",
        "169.254.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "fe80::1",
        "febf::1",
        "ff02::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fd00:42::42",
        "::ffff:169.254.169.254",
        "64:ff9b:1::169.254.169.254",
        "2002:a9fe:a9fe::1",
    ];

    #[test]
    fn a_strict_policy_opens_public_addresses_only() {
        let policy = OutgoingPolicy::public();
        PUBLIC.iter().for_each(|address| check(&policy, "h", address, Reach::Public));
        PRIVATE.iter().for_each(|address| check(&policy, "h", address, Reach::Private));
        NEVER.iter().for_each(|address| check(&policy, "h", address, Reach::Never));
    }

    #[test]
    fn metadata_addresses_are_closed_whatever_a_policy_says() {
        let everything = ["0.0.0.0/0", "::/0", "h"];
        let open = everything.iter().try_fold(OutgoingPolicy::allow_private(), |p, e| p.allow(e));
        let open = open.expect("valid entries");
        PRIVATE.iter().for_each(|address| check(&open, "h", address, Reach::Public));
        NEVER.iter().for_each(|address| check(&open, "h", address, Reach::Never));
    }

    #[test]
    fn what_is_named_is_open_and_nothing_else() {
        let policy = OutgoingPolicy::public().allow("10.1.0.0/16").expect("a network");
        let policy = policy.allow("192.168.1.1").expect("an address");
        let policy = policy.allow("Billing.internal").expect("a host");
        let policy = policy.allow("fd12::/16").expect("a network");
        check(&policy, "h", "10.1.9.9", Reach::Public);
        check(&policy, "h", "::ffff:10.1.9.9", Reach::Public);
        check(&policy, "h", "10.2.0.1", Reach::Private);
        check(&policy, "h", "192.168.1.1", Reach::Public);
        check(&policy, "h", "192.168.1.2", Reach::Private);
        check(&policy, "h", "fd12::1", Reach::Public);
        check(&policy, "billing.INTERNAL.", "10.9.9.9", Reach::Public);
        check(&policy, "x.billing.internal", "10.9.9.9", Reach::Private);
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for entry in ["", "10.0.0.0/33", "http://a", "a b", "1.2.3", "300.1.1.1", "*.internal", "."]
        {
            assert_eq!(
                OutgoingPolicy::public().allow(entry),
                Err(InvalidAllow(entry.to_owned())),
                "{entry}"
            );
        }
    }
}
