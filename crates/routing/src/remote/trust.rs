//! How nodes of one cluster know each other: a token that all of them share.

use std::fmt;
use std::sync::Arc;

use subtle::ConstantTimeEq;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// Fewest characters of a token: 16 random bytes in hexadecimal digits are 32.
const CHARS: usize = 16;

/// A secret that nodes, and callers of the API, share. Never shown.
#[derive(Clone)]
pub struct ClusterToken(Arc<str>);

/// Text that cannot be a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// It is short enough to be guessed.
    #[error("the token has fewer than {CHARS} characters; make one with `openssl rand -hex 32`")]
    Short,
    /// It cannot be sent in a header.
    #[error("the token has characters other than visible ASCII")]
    Characters,
}

impl ClusterToken {
    /// Takes a token.
    ///
    /// # Errors
    /// When it is too short, or cannot be sent in a header.
    pub fn new(text: &str) -> Result<Self, InvalidToken> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidToken::Characters);
        }
        if text.len() < CHARS {
            return Err(InvalidToken::Short);
        }
        Ok(Self(text.into()))
    }

    /// Whether an `authorization` header presents this token. Takes the same time for every token
    /// of one length.
    pub fn is_presented_by(&self, authorization: &[u8]) -> bool {
        let Some((scheme, presented)) = authorization.split_at_checked(BEARER.len()) else {
            return false;
        };
        let same: bool = presented.ct_eq(self.0.as_bytes()).into();
        scheme.eq_ignore_ascii_case(BEARER.as_bytes()) && same
    }

    /// The `authorization` header that presents it.
    pub fn authorization(&self) -> String {
        format!("{BEARER}{}", self.0)
    }
}

const BEARER: &str = "Bearer ";

impl fmt::Debug for ClusterToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterToken(..)")
    }
}

/// What a node asks of others and shows them.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    token: Option<ClusterToken>,
}

impl Trust {
    /// Whoever presents the token is trusted; without one, everybody who can reach the address.
    pub const fn of(token: Option<ClusterToken>) -> Self {
        Self { token }
    }

    /// The check of what comes in.
    pub(super) fn guard(self) -> Guard {
        Guard(self.token)
    }

    /// What goes along with every question.
    pub(super) fn credentials(&self) -> Credentials {
        let header = |token: &ClusterToken| {
            let value = MetadataValue::try_from(token.authorization());
            let mut value = value.expect("a token is visible ASCII");
            value.set_sensitive(true);
            value
        };
        Credentials(self.token.as_ref().map(header))
    }
}

/// Lets only those in who present the token.
#[derive(Clone, Debug)]
pub struct Guard(Option<ClusterToken>);

impl Interceptor for Guard {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        let Some(token) = &self.0 else { return Ok(request) };
        let presented = request.metadata().get("authorization");
        match presented.is_some_and(|value| token.is_presented_by(value.as_encoded_bytes())) {
            true => Ok(request),
            false => Err(Status::unauthenticated("the cluster's token is missing or wrong")),
        }
    }
}

/// Presents the token.
#[derive(Clone, Debug)]
pub(super) struct Credentials(Option<MetadataValue<Ascii>>);

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_let_in() {
        let token = ClusterToken::new("0123456789abcdef").unwrap();
        let check = |header: &str, expect| {
            assert_eq!(token.is_presented_by(header.as_bytes()), expect, "{header}");
        };
        check("Bearer 0123456789abcdef", true);
        check("bearer 0123456789abcdef", true);
        check("Bearer 0123456789abcdeF", false);
        check("Bearer 0123456789abcdef0", false);
        check("Bearer 0123456789abcde", false);
        check("Bearer ", false);
        check("Basic  0123456789abcdef", false);
        check("", false);
    }

    #[test]
    fn a_token_that_could_be_guessed_or_not_sent_is_none() {
        assert_eq!(ClusterToken::new("short").unwrap_err(), InvalidToken::Short);
        assert_eq!(ClusterToken::new("").unwrap_err(), InvalidToken::Short);
        let with_space = ClusterToken::new("0123456789 abcdef").unwrap_err();
        assert_eq!(with_space, InvalidToken::Characters);
    }

    #[test]
    fn a_token_is_not_shown() {
        let token = ClusterToken::new("0123456789abcdef").unwrap();
        let shown = format!("{token:?} {:?}", Trust::of(Some(token.clone())));
        assert!(!shown.contains("0123"), "{shown}");
        let sent = Trust::of(Some(token)).credentials().call(Request::new(())).unwrap();
        assert!(!format!("{:?}", sent.metadata()).contains("0123"));
    }
}
