//! The request that a node's payload describes, with its secrets filled in.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use flowmill_flow::{Json, fill_secrets};
use flowmill_model::{TraceContext, limits};
use flowmill_worker_sdk::TaskContext;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName,
    HeaderValue, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use reqwest::{Client, Method, RequestBuilder, Url};

use crate::failure::{Named, Unusable};
use crate::secrets::{Secrets, Values};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Headers that belong to the connection, not to the request.
const RESERVED: [HeaderName; 7] =
    [CONNECTION, CONTENT_LENGTH, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// Headers that are for one host only, wherever their values come from.
const CREDENTIALS: [HeaderName; 3] = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];

/// A request to be made. Has no `Debug` form: there are secrets in it.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    /// Headers that another host must not see.
    pub(crate) private: BTreeSet<String>,
}

impl Outgoing {
    /// Names the place in its trace that the call is made from.
    pub(crate) fn continue_trace(&mut self, place: &TraceContext) {
        self.headers.insert(TRACEPARENT, ascii(&place.to_string()));
    }
}

/// A request and how it is to be made.
pub(crate) struct Plan {
    pub(crate) request: Outgoing,
    pub(crate) named: Named,
    pub(crate) connect_within: Duration,
    /// Bytes that the answer's body may have.
    pub(crate) answer_bytes: usize,
}

/// Where a request is to go: what can be known before any secret is needed.
pub(crate) struct Target {
    method: Method,
    url: Url,
}

fn unusable(why: impl Into<String>) -> Unusable {
    Unusable(why.into())
}

impl Target {
    /// Reads method and address.
    pub(crate) fn read(payload: &Json) -> Result<Self, Unusable> {
        let text = |field: &str| {
            let value = payload.get(field);
            let value = value.as_ref().and_then(|value| value.as_str().map(str::to_owned));
            value.ok_or_else(|| unusable(format!("its `{field}` is missing or no text")))
        };
        let method = method(&text("method")?)?;
        let url = text("url")?;
        if url.len() > limits::URL_BYTES {
            let limit = limits::URL_BYTES;
            return Err(unusable(format!("its address is longer than {limit} bytes")));
        }
        let url = Url::parse(&url).map_err(|error| unusable(format!("its address: {error}")))?;
        if !is_web(&url) {
            let help = "its address must begin with http:// or https:// and name a host";
            return Err(unusable(help));
        }
        Ok(Self { method, url })
    }

    /// The host it goes to.
    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The method.
    pub(crate) const fn method(&self) -> &Method {
        &self.method
    }

    /// The port it goes to.
    pub(crate) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// Origin and path: what may be told of the address.
    pub(crate) fn shown(&self) -> String {
        self.url.origin().ascii_serialization() + self.url.path()
    }

    /// What may be told of it.
    pub(crate) fn named(&self, has_secrets: bool) -> Named {
        Named { call: format!("{} {}", self.method, self.shown()), has_secrets }
    }
}

/// Whether a call can go there.
pub(crate) fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

fn method(text: &str) -> Result<Method, Unusable> {
    let method = Method::from_bytes(text.as_bytes());
    let method = method.map_err(|_| unusable("its `method` is none of HTTP"))?;
    if matches!(method, Method::CONNECT | Method::TRACE) {
        return Err(unusable(format!("the method {method} is not supported")));
    }
    Ok(method)
}

impl Plan {
    /// Reads the rest of the payload and fills in the secrets.
    pub(crate) async fn read(
        target: Target,
        payload: &Json,
        client: &Client,
        secrets: &Secrets,
        context: &TaskContext,
    ) -> Result<Self, Unusable> {
        let asked = names(payload);
        let named = target.named(!asked.is_empty());
        let filler = Filler { payload, values: secrets.values(asked).await };
        let bytes = payload.get("maxResponseBytes").and_then(|bytes| bytes.as_u64());
        let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok());
        let millis = payload.get("connectTimeoutMs").and_then(|millis| millis.as_u64());
        Ok(Self {
            request: filler.request(target, client, context)?,
            named,
            connect_within: millis.map_or(limits::CONNECT_WAIT, Duration::from_millis),
            answer_bytes: bytes.unwrap_or(limits::PAYLOAD_BYTES).min(limits::PAYLOAD_BYTES),
        })
    }
}

/// The names of all secrets in a payload's texts.
fn names(payload: &Json) -> BTreeSet<String> {
    let mut texts: Vec<_> = pairs(payload, "headers").map(|(_, text)| text).collect();
    texts.extend(parameters(payload).map(|(_, text)| text));
    for (_, fields) in pairs(payload, "authentication") {
        texts.extend(fields.entries().into_iter().flatten().map(|(_, text)| text));
    }
    let names = RefCell::new(BTreeSet::new());
    for text in texts {
        // What is no text is found when it is used.
        drop(fill_secrets(&text, |name| {
            names.borrow_mut().insert(name.to_owned());
            Some(String::new())
        }));
    }
    names.into_inner()
}

/// The entries of an object within the payload.
fn pairs(payload: &Json, field: &str) -> impl Iterator<Item = (String, Json)> {
    let object = payload.get(field).unwrap_or_default();
    let entries: Vec<_> = object.entries().map(Iterator::collect).unwrap_or_default();
    entries.into_iter()
}

/// The query's parameters; one with several values comes several times.
fn parameters(payload: &Json) -> impl Iterator<Item = (String, Json)> {
    pairs(payload, "query").flat_map(|(name, value)| {
        let several = value.items().map(Vec::from_iter);
        let values = several.unwrap_or_else(|| vec![value]);
        values.into_iter().map(move |value| (name.clone(), value))
    })
}

/// Fills the secrets into a payload's texts.
struct Filler<'a> {
    payload: &'a Json,
    values: Values,
}

impl Filler<'_> {
    fn request(
        &self,
        mut target: Target,
        client: &Client,
        context: &TaskContext,
    ) -> Result<Outgoing, Unusable> {
        self.query(&mut target.url)?;
        let (headers, mut private) = self.headers(context)?;
        let (body, headers) = self.body(headers);
        let request = client.request(target.method, target.url);
        let request = self.authentication(request)?.headers(headers);
        let built =
            request.build().map_err(|_| unusable("its address or a header is malformed"))?;
        private.extend(CREDENTIALS.map(|name| name.as_str().to_owned()));
        Ok(Outgoing {
            method: built.method().clone(),
            url: built.url().clone(),
            headers: built.headers().clone(),
            body,
            private,
        })
    }

    fn text(&self, what: &str, value: &Json) -> Result<String, Unusable> {
        let filled = fill_secrets(value, |name| self.values.get(name));
        filled.map_err(|error| unusable(format!("{what}: {error}")))
    }

    fn query(&self, url: &mut Url) -> Result<(), Unusable> {
        for (name, value) in parameters(self.payload) {
            let text = self.text(&format!("query parameter `{name}`"), &value)?;
            url.query_pairs_mut().append_pair(&name, &text);
        }
        Ok(())
    }

    /// The headers, and those among them that hold secrets.
    fn headers(&self, context: &TaskContext) -> Result<(HeaderMap, BTreeSet<String>), Unusable> {
        let mut private = BTreeSet::new();
        let mut headers = HeaderMap::new();
        headers.insert(IDEMPOTENCY_KEY, ascii(&context.idempotency_key()));
        if let Some(trace) = context.trace() {
            headers.insert(TRACEPARENT, ascii(&trace.to_string()));
        }
        for (name, value) in pairs(self.payload, "headers") {
            let what = format!("header `{name}`");
            let name = HeaderName::from_bytes(name.as_bytes());
            let name = name.map_err(|_| unusable(format!("{what} is no name of a header")))?;
            if RESERVED.contains(&name) {
                return Err(unusable(format!("{what} is set by the connection itself")));
            }
            let text = self.text(&what, &value)?;
            let filled = HeaderValue::from_bytes(text.as_bytes());
            let mut filled = filled
                .map_err(|_| unusable(format!("{what} has a value with control characters")))?;
            if value.as_str().is_none() {
                filled.set_sensitive(true);
                private.insert(name.as_str().to_owned());
            }
            headers.insert(name, filled);
        }
        Ok((headers, private))
    }

    fn authentication(&self, request: RequestBuilder) -> Result<RequestBuilder, Unusable> {
        let Some(authentication) = self.payload.get("authentication") else { return Ok(request) };
        let field = |fields: &Json, name: &str| {
            let what = format!("authentication's `{name}`");
            self.text(&what, &fields.get(name).unwrap_or_default())
        };
        if let Some(basic) = authentication.get("basic") {
            let (username, password) = (field(&basic, "username")?, field(&basic, "password")?);
            return Ok(request.basic_auth(username, Some(password)));
        }
        if let Some(bearer) = authentication.get("bearer") {
            return Ok(request.bearer_auth(field(&bearer, "token")?));
        }
        Err(unusable("its `authentication` is neither `basic` nor `bearer`"))
    }

    /// The body: a string as it is, anything else as JSON.
    fn body(&self, mut headers: HeaderMap) -> (Option<Bytes>, HeaderMap) {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
        let Some(body) = self.payload.get("body") else { return (None, headers) };
        let (bytes, kind) = match body.as_str() {
            Some(text) => (Bytes::copy_from_slice(text.as_bytes()), TEXT),
            None => (body.to_bytes(), JSON),
        };
        headers.entry(CONTENT_TYPE).or_insert(kind);
        (Some(bytes), headers)
    }
}

fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("digits, letters and hyphens make a header value")
}
