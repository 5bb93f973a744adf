//! Follows redirects one by one, so that each is vetted and no credential changes hosts.

use http::header::{CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::{Method, StatusCode, Url};

use crate::failure::CallError;
use crate::request::{Outgoing, is_web};

/// Whether an answer sends the request elsewhere.
pub(crate) fn is_redirect(status: StatusCode, headers: &HeaderMap) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) && headers.contains_key(LOCATION)
}

/// The request that a redirect leads to.
pub(crate) fn follow(
    mut request: Outgoing,
    status: StatusCode,
    answer: &HeaderMap,
) -> Result<Outgoing, CallError> {
    let next = location(&request.url, answer).ok_or(CallError::BadRedirect)?;
    if next.origin() != request.url.origin() {
        for name in &request.private {
            request.headers.remove(name.as_str());
        }
    }
    if becomes_get(&request.method, status) {
        request.method = Method::GET;
        request.body = None;
        for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE] {
            request.headers.remove(name);
        }
    }
    request.url = next;
    Ok(request)
}

/// The address in `Location`, without the credentials that somebody may have put there.
fn location(from: &Url, answer: &HeaderMap) -> Option<Url> {
    let text = answer.get(LOCATION)?.to_str().ok()?;
    let mut next = from.join(text).ok()?;
    let bounded = next.as_str().len() <= flowmill_model::limits::URL_BYTES;
    if !is_web(&next) || !bounded {
        return None;
    }
    next.set_username("").ok()?;
    next.set_password(None).ok()?;
    Some(next)
}

/// As browsers and the standard have it: 303 asks for another method, 301 and 302 have always
/// been taken so for POST.
fn becomes_get(method: &Method, status: StatusCode) -> bool {
    match status.as_u16() {
        303 => method != Method::HEAD,
        301 | 302 => method == Method::POST,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bytes::Bytes;
    use http::header::{AUTHORIZATION, HeaderName, HeaderValue};

    use super::*;

    const KEY: HeaderName = HeaderName::from_static("x-key");
    const PLAIN: HeaderName = HeaderName::from_static("x-plain");

    fn request(method: Method) -> Outgoing {
        let mut headers = HeaderMap::new();
        for name in [AUTHORIZATION, KEY, PLAIN, CONTENT_TYPE] {
            headers.insert(name, HeaderValue::from_static("value"));
        }
        Outgoing {
            method,
            url: Url::parse("https://one.example/a/b?q=secret").expect("an address"),
            headers,
            body: Some(Bytes::from_static(b"{}")),
            private: BTreeSet::from(["authorization".to_owned(), "x-key".to_owned()]),
        }
    }

    fn to(place: &str, status: u16, method: Method) -> Result<Outgoing, CallError> {
        let mut answer = HeaderMap::new();
        answer.insert(LOCATION, HeaderValue::from_str(place).expect("a value"));
        let status = StatusCode::from_u16(status).expect("a status");
        assert!(is_redirect(status, &answer));
        follow(request(method), status, &answer)
    }

    #[test]
    fn only_the_same_origin_sees_what_is_private() {
        let check = |place: &str, keeps: bool| {
            let next = to(place, 307, Method::GET).expect("a place");
            assert_eq!(next.headers.contains_key(KEY), keeps, "{place}");
            assert_eq!(next.headers.contains_key(AUTHORIZATION), keeps, "{place}");
            assert!(next.headers.contains_key(PLAIN), "{place}");
        };
        check("/c", true);
        check("https://one.example:443/c", true);
        check("https://two.example/c", false);
        check("http://one.example/c", false);
        check("https://one.example:444/c", false);
        check("//two.example/c", false);
    }

    #[test]
    fn a_redirect_keeps_the_method_and_body_or_asks_with_get() {
        let check = |status: u16, method: Method, expect: Method| {
            let next = to("/c", status, method.clone()).expect("a place");
            assert_eq!(next.method, expect, "{status}");
            assert_eq!(next.body.is_some(), expect == method, "{status}");
            assert_eq!(next.headers.contains_key(CONTENT_TYPE), expect == method, "{status}");
        };
        check(301, Method::POST, Method::GET);
        check(302, Method::POST, Method::GET);
        check(302, Method::PUT, Method::PUT);
        check(303, Method::PUT, Method::GET);
        check(303, Method::HEAD, Method::HEAD);
        check(307, Method::POST, Method::POST);
        check(308, Method::DELETE, Method::DELETE);
    }

    #[test]
    fn the_query_stays_behind_and_credentials_in_the_place_are_left_out() {
        let next = to("../c", 302, Method::GET).expect("a place");
        assert_eq!(next.url.as_str(), "https://one.example/c");
        let next = to("https://user:pass@two.example/", 302, Method::GET).expect("a place");
        assert_eq!(next.url.as_str(), "https://two.example/");
    }

    #[test]
    fn a_place_that_is_not_of_the_web_is_refused() {
        for place in ["file:///etc/passwd", "ftp://h/", "gopher://h/", "http://", "javascript:1"] {
            assert!(matches!(to(place, 302, Method::GET), Err(CallError::BadRedirect)), "{place}");
        }
    }
}
