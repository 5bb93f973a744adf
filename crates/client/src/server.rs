//! The address of a server.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

/// The address of a server: `http` or `https`, a host, and nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server(Url);

/// Text that is no address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no address of a server: {reason}; use one such as http://127.0.0.1:7400")]
pub struct InvalidServer {
    text: String,
    reason: String,
}

impl FromStr for Server {
    type Err = InvalidServer;

    fn from_str(text: &str) -> Result<Self, InvalidServer> {
        let invalid = |reason: String| InvalidServer { text: text.to_owned(), reason };
        let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
        let reason = match (url.scheme(), url.host_str()) {
            ("http" | "https", Some(_)) => None,
            ("http" | "https", None) => Some("it names no host"),
            _ => Some("it begins neither with http:// nor with https://"),
        };
        let extra = url.query().is_some() || url.fragment().is_some();
        let reason = reason.or_else(|| extra.then_some("it has more than a path"));
        match reason {
            None => Ok(Self(url)),
            Some(reason) => Err(invalid(reason.to_owned())),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl Server {
    /// The address of one of the server's resources.
    pub(crate) fn url(&self, path: &[&str], query: &[(&str, String)]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Whether the server is on this machine, so that no proxy can reach it.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_scheme_and_a_host_and_may_have_a_path() {
        let check = |text: &str, expect: Option<&str>| {
            let found = text.parse::<Server>().ok().map(|server| server.to_string());
            assert_eq!(found.as_deref(), expect, "{text}");
        };
        check("http://127.0.0.1:7400", Some("http://127.0.0.1:7400"));
        check("https://flows.example/base/", Some("https://flows.example/base"));
        for text in
            ["", "127.0.0.1:7400", "localhost:7400", "ftp://x", "http://x?y=1", "http://x#y"]
        {
            check(text, None);
        }
    }

    #[test]
    fn a_resource_is_below_the_servers_path_and_its_names_cannot_leave_it() {
        let check = |server: &str, path: &[&str], query: &[(&str, String)], expect: &str| {
            let server: Server = server.parse().unwrap();
            assert_eq!(server.url(path, query).as_str(), expect);
        };
        check("http://x", &["v1", "flows"], &[], "http://x/v1/flows");
        check(
            "http://x/base/",
            &["v1"],
            &[("page", "a b&c".into())],
            "http://x/base/v1?page=a+b%26c",
        );
        check("http://x", &["v1", "a/../b"], &[], "http://x/v1/a%2F..%2Fb");
    }

    #[test]
    fn a_server_on_this_machine_is_told_from_others() {
        let check = |text: &str, expect: bool| {
            assert_eq!(text.parse::<Server>().unwrap().is_loopback(), expect, "{text}");
        };
        check("http://127.0.0.1:7400", true);
        check("http://localhost", true);
        check("http://[::1]:7400", true);
        check("http://10.0.0.1", false);
        check("http://localhost.example", false);
    }
}
