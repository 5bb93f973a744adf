//! The client, and how it sends a request until there is an answer.

use std::sync::Arc;
use std::time::Duration;

use flowmill_model::ExecutionId;
use flowmill_runtime::Entropy;
use reqwest::header::{AUTHORIZATION, HeaderValue, InvalidHeaderValue};

use crate::call::{Answer, Call};
use crate::positions::Positions;
use crate::{ClientError, Repeats, Server};

/// How long a connection may take to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// What a server asks of its callers. Never shown.
#[derive(Clone, Debug)]
pub struct ApiToken(HeaderValue);

impl ApiToken {
    /// Takes a token.
    ///
    /// # Errors
    /// When it cannot be sent in a header.
    pub fn new(token: &str) -> Result<Self, InvalidHeaderValue> {
        let mut value = HeaderValue::try_from(format!("Bearer {token}"))?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

/// A client of one server. Cheap to clone; clones share connections and what they have written.
#[derive(Clone, Debug)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    server: Server,
    http: reqwest::Client,
    repeats: Repeats,
    entropy: Entropy,
    positions: Positions,
}

impl Client {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Setup`] when the machine's certificates or resolver cannot be used.
    pub fn new(server: Server, repeats: Repeats) -> Result<Self, ClientError> {
        Self::presenting(server, repeats, None)
    }

    /// As [`Client::new`], for a server that asks for a token. It goes along with every request and
    /// is shown nowhere.
    ///
    /// # Errors
    /// As for [`Client::new`].
    pub fn presenting(
        server: Server,
        repeats: Repeats,
        token: Option<ApiToken>,
    ) -> Result<Self, ClientError> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .user_agent(concat!("flowmill/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none());
        if server.is_loopback() {
            builder = builder.no_proxy();
        }
        if let Some(ApiToken(value)) = token {
            builder = builder.default_headers([(AUTHORIZATION, value)].into_iter().collect());
        }
        let http = builder.build().map_err(ClientError::Setup)?;
        let (entropy, positions) = (Entropy::system(), Positions::default());
        Ok(Self(Arc::new(Inner { server, http, repeats, entropy, positions })))
    }

    /// The server it talks to.
    pub fn server(&self) -> &Server {
        &self.0.server
    }

    /// An idempotency key that nobody else makes.
    pub(crate) fn make_key(&self) -> String {
        let entropy = &self.0.entropy;
        format!("{:016x}{:016x}", entropy.next(), entropy.next())
    }

    pub(crate) fn position_of(&self, id: ExecutionId) -> Option<String> {
        self.0.positions.of(id)
    }

    /// Remembers where a write to `id` stands.
    pub(crate) fn remember(&self, id: ExecutionId, answer: &Answer) {
        if let Some(position) = &answer.position {
            self.0.positions.remember(id, position.clone());
        }
    }

    /// Sends a request, and again as long as that is harmless and may help.
    ///
    /// # Errors
    /// When the last attempt had no answer, or one that is an error.
    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Answer, ClientError> {
        let answer = self.exchange(&call).await?;
        if answer.is_success() { Ok(answer) } else { Err(answer.refusal()) }
    }

    /// Sends a request until there is an answer, whatever it says.
    ///
    /// # Errors
    /// When none came.
    pub(crate) async fn exchange(&self, call: &Call<'_>) -> Result<Answer, ClientError> {
        let mut attempt = 1;
        loop {
            let tried = self.try_once(call).await;
            let (again, asked) = match &tried {
                Ok(answer) => (call.harmless.after_status(answer.status), answer.retry_after),
                Err(error) => (call.harmless.after_error(error), None),
            };
            let repeats = &self.0.repeats;
            let delay = repeats.delay_after(attempt, asked, &self.0.entropy).filter(|_| again);
            let Some(delay) = delay else { return tried.map_err(|error| self.unreachable(error)) };
            tracing::debug!(attempt, ?delay, "a request is sent again");
            tokio::time::sleep(delay).await;
            attempt += 1;
        }
    }

    async fn try_once(&self, call: &Call<'_>) -> Result<Answer, reqwest::Error> {
        let response = call.request(&self.0.http, &self.0.server).send().await?;
        Answer::read(self.0.server.clone(), response).await
    }

    fn unreachable(&self, error: reqwest::Error) -> ClientError {
        ClientError::Unreachable { server: self.0.server.clone(), source: error.without_url() }
    }
}
