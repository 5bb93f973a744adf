//! One request and its answer, before and after the wire.

use std::time::Duration;

use bytes::Bytes;
use flowmill_api::{ProblemDto, headers};
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, Response};
use serde::de::DeserializeOwned;

use crate::repeat::Harmless;
use crate::{ClientError, Server};

/// How long an answer may take when the caller asks for no wait.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// A request.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) path: Vec<&'a str>,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Option<(&'static str, Bytes)>,
    pub(crate) key: Option<String>,
    pub(crate) position: Option<String>,
    pub(crate) harmless: Harmless,
    pub(crate) within: Duration,
}

impl<'a> Call<'a> {
    pub(crate) fn get(path: impl Into<Vec<&'a str>>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn new(method: Method, path: impl Into<Vec<&'a str>>) -> Self {
        Self {
            method,
            path: path.into(),
            query: vec![],
            body: None,
            key: None,
            position: None,
            harmless: Harmless::Always,
            within: ANSWER_WITHIN,
        }
    }

    /// Adds a parameter of the query, unless there is no value.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    #[must_use]
    pub(crate) fn json(mut self, body: Bytes) -> Self {
        self.body = Some(("application/json", body));
        self
    }

    /// Lets the server hold the answer back for `wait`.
    #[must_use]
    pub(crate) fn waiting(mut self, wait: Option<Duration>) -> Self {
        self.within += wait.unwrap_or_default();
        self.with("wait", wait.map(|wait| format!("{}ms", wait.as_millis())))
    }

    pub(crate) fn request(
        &self,
        http: &reqwest::Client,
        server: &Server,
    ) -> reqwest::RequestBuilder {
        let url = server.url(&self.path, &self.query);
        let mut request = http.request(self.method.clone(), url).timeout(self.within);
        if let Some((kind, body)) = &self.body {
            request = request.header("content-type", *kind).body(body.clone());
        }
        if let Some(key) = &self.key {
            request = request.header(headers::IDEMPOTENCY_KEY, key);
        }
        if let Some(position) = &self.position {
            request = request.header(headers::POSITION, position);
        }
        request
    }
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) server: Server,
    pub(crate) status: u16,
    pub(crate) position: Option<String>,
    /// How long the server asks to wait before the request is repeated.
    pub(crate) retry_after: Option<Duration>,
    body: Bytes,
}

impl Answer {
    pub(crate) async fn read(server: Server, response: Response) -> Result<Self, reqwest::Error> {
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let retry_after = header(RETRY_AFTER.as_str()).and_then(|text| text.parse().ok());
        Ok(Self {
            server,
            status: response.status().as_u16(),
            position: header(headers::POSITION),
            retry_after: retry_after.map(Duration::from_secs),
            body: response.bytes().await?,
        })
    }

    pub(crate) const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// The body of a success.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body).map_err(|error| self.unreadable(error.to_string()))
    }

    /// The error that an answer without success is.
    pub(crate) fn refusal(&self) -> ClientError {
        match serde_json::from_slice::<ProblemDto>(&self.body) {
            Ok(problem) => ClientError::Refused { status: self.status, problem: Box::new(problem) },
            Err(_) => self.unreadable("it is no problem details".to_owned()),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn unreadable(&self, reason: String) -> ClientError {
        ClientError::Answer { server: self.server.clone(), status: self.status, reason }
    }
}
