//! Reads an answer's body, never more of it than is wanted.
//!
//! The count is of what the body unpacks to, so a small answer cannot become a large one.

use flowmill_model::limits;
use reqwest::Response;
use tokio::time::timeout;

use crate::failure::CallError;

/// The whole body.
pub(crate) async fn whole(mut response: Response, limit: usize) -> Result<Vec<u8>, CallError> {
    let too_large = || CallError::TooLarge { what: "the body", limit };
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await.map_err(|error| CallError::of_client(error, true))?;
        let Some(chunk) = chunk else { return Ok(body) };
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
}

/// The beginning of the body as one line of text, as far as it comes in time.
pub(crate) async fn quote(mut response: Response) -> String {
    let mut body = Vec::new();
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() >= limits::QUOTED_BYTES {
                break;
            }
        }
    };
    // What came until then is quoted.
    drop(timeout(limits::QUOTE_WAIT, reading).await);
    body.truncate(limits::QUOTED_BYTES);
    let text = String::from_utf8_lossy(&body);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
