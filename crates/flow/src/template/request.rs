//! The request of an `http.request` node: from parameters to the payload its worker reads.
//!
//! The payload is one JSON object:
//!
//! ```json
//! {
//!   "method": "POST", "url": "https://...",
//!   "headers": {"name": TEXT}, "query": {"name": TEXT or [TEXT, ...]},
//!   "authentication": {"basic": {"username": TEXT, "password": TEXT}} or {"bearer": {"token": TEXT}},
//!   "body": any value, "connectTimeoutMs": 1000, "maxResponseBytes": 1048576
//! }
//! ```
//!
//! Everything but `method` and `url` may be missing. A `TEXT` is a string, or, when a secret is in
//! it, what [`crate::fill_secrets`] reads. The two differ in their JSON type, and whatever an
//! expression gives becomes a string: data cannot pass for a secret.

use std::sync::Arc;
use std::time::Duration;

use crate::expression::{Expression, ExpressionFault, FaultKind, Scope};
use crate::json::{self, Json};
use crate::secret;

use super::text::{TextPart, push_text};
use super::{Template, TextTemplate};

/// A request whose parts may hold expressions and secrets; compiled once, cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestTemplate(Arc<RequestParts>);

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RequestParts {
    pub(crate) method: String,
    pub(crate) url: TextTemplate,
    pub(crate) headers: Vec<(String, TextTemplate)>,
    pub(crate) query: Vec<(String, TextTemplate)>,
    pub(crate) authentication: Option<Authentication>,
    pub(crate) body: Option<Template>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) max_response_bytes: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Authentication {
    Basic { username: TextTemplate, password: TextTemplate },
    Bearer { token: TextTemplate },
}

/// What an expression is evaluated against.
#[derive(Clone, Copy)]
struct Data<'a> {
    input: &'a Json,
    scope: &'a Scope,
}

impl RequestTemplate {
    pub(crate) fn new(parts: RequestParts) -> Self {
        Self(Arc::new(parts))
    }

    /// The worker's payload for `input`.
    pub fn render(&self, input: &Json, scope: &Scope) -> Result<Json, ExpressionFault> {
        let data = Data { input, scope };
        let parts = &*self.0;
        let mut payload = vec![
            ("method", Json::string(&parts.method)),
            ("url", Json::string(parts.url.render_text(input, scope)?)),
        ];
        if !parts.headers.is_empty() {
            payload.push(("headers", data.pairs(&parts.headers, Repeat::Never)?));
        }
        if !parts.query.is_empty() {
            payload.push(("query", data.pairs(&parts.query, Repeat::ForArrays)?));
        }
        if let Some(authentication) = &parts.authentication {
            payload.push(("authentication", data.authentication(authentication)?));
        }
        if let Some(body) = &parts.body {
            payload.push(("body", body.render(input, scope)?));
        }
        if let Some(timeout) = parts.connect_timeout {
            let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
            payload.push(("connectTimeoutMs", millis.into()));
        }
        if let Some(bytes) = parts.max_response_bytes {
            payload.push(("maxResponseBytes", bytes.into()));
        }
        fitting(Json::object(payload))
    }

    /// The expressions inside.
    pub fn expressions(&self) -> Vec<&Expression> {
        let parts = &*self.0;
        let mut found: Vec<_> = parts.url.expressions().collect();
        let pairs = parts.headers.iter().chain(&parts.query);
        found.extend(pairs.flat_map(|(_, text)| text.expressions()));
        match &parts.authentication {
            Some(Authentication::Basic { username, password }) => {
                found.extend(username.expressions().chain(password.expressions()));
            }
            Some(Authentication::Bearer { token }) => found.extend(token.expressions()),
            None => {}
        }
        found.extend(parts.body.iter().flat_map(Template::expressions));
        found
    }
}

fn fitting(payload: Json) -> Result<Json, ExpressionFault> {
    match json::check_fit(payload.value()) {
        Ok(()) => Ok(payload),
        Err(unfit) => Err(ExpressionFault::new("${ ... }", unfit.into())),
    }
}

/// Whether an array stands for one value or for several of the same name.
#[derive(Clone, Copy, PartialEq)]
enum Repeat {
    Never,
    ForArrays,
}

impl Data<'_> {
    fn pairs(
        self,
        pairs: &[(String, TextTemplate)],
        repeat: Repeat,
    ) -> Result<Json, ExpressionFault> {
        let mut rendered = Vec::with_capacity(pairs.len());
        for (name, text) in pairs {
            if let Some(value) = self.pair(text, repeat)? {
                rendered.push((name, value));
            }
        }
        Ok(Json::object(rendered))
    }

    /// One header or query parameter; `None` when its expression gives `null`.
    fn pair(self, text: &TextTemplate, repeat: Repeat) -> Result<Option<Json>, ExpressionFault> {
        let Some(expression) = text.whole() else { return self.text(text).map(Some) };
        let value = expression.evaluate(self.input, self.scope)?;
        if value.is_null() {
            return Ok(None);
        }
        if let (Repeat::ForArrays, Some(items)) = (repeat, value.items()) {
            let items = items.map(|item| scalar(expression, &item));
            return items.collect::<Result<Vec<_>, _>>().map(|items| Some(Json::array(items)));
        }
        scalar(expression, &value).map(Some)
    }

    fn authentication(self, authentication: &Authentication) -> Result<Json, ExpressionFault> {
        let (scheme, fields) = match authentication {
            Authentication::Basic { username, password } => (
                "basic",
                vec![("username", self.text(username)?), ("password", self.text(password)?)],
            ),
            Authentication::Bearer { token } => ("bearer", vec![("token", self.text(token)?)]),
        };
        Ok(Json::object([(scheme, Json::object(fields))]))
    }

    /// A text with its secrets left open.
    fn text(self, text: &TextTemplate) -> Result<Json, ExpressionFault> {
        if !text.has_secret() {
            return text.render_text(self.input, self.scope).map(Json::string);
        }
        let mut parts = Vec::with_capacity(text.parts.len());
        for part in &text.parts {
            parts.push(match part {
                TextPart::Fixed(fixed) => Json::string(fixed),
                TextPart::Secret(name) => secret::open(name),
                TextPart::Expression(expression, _) => {
                    let mut rendered = String::new();
                    push_text(&mut rendered, &expression.evaluate(self.input, self.scope)?);
                    Json::string(rendered)
                }
            });
        }
        Ok(secret::text(parts))
    }
}

/// A string, number or boolean as text.
fn scalar(expression: &Expression, value: &Json) -> Result<Json, ExpressionFault> {
    if value.is_null() || value.items().is_some() || value.entries().is_some() {
        let expected = "a header or query parameter takes a string, a number or a boolean";
        return Err(expression.fault(FaultKind::unexpected(value, expected)));
    }
    let mut text = String::new();
    push_text(&mut text, value);
    Ok(Json::string(text))
}
