//! Texts with secrets that are filled in only where they are used.
//!
//! A text without a secret is a JSON string. A text with one is an object,
//! `{"parts": ["Bearer ", {"secret": "NAME"}]}`, made from a definition's own text. Values of
//! expressions are put into `parts` as strings, so no data can name a secret.

use crate::json::Json;

/// A secret that the worker does not have, or a value that is no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MissingSecret {
    /// There is no secret of this name.
    #[error(
        "there is no secret `{0}`: set FLOWMILL_SECRET_{0}, or put it into the folder that FLOWMILL_SECRETS_FOLDER names"
    )]
    Unknown(String),
    /// The value is neither a string nor a text with secrets.
    #[error("the value is no text")]
    NotText,
}

/// The text of `value`, each secret in it replaced by what `lookup` gives for its name.
pub fn fill_secrets(
    value: &Json,
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<String, MissingSecret> {
    if let Some(text) = value.as_str() {
        return Ok(text.to_owned());
    }
    let parts = value.get("parts").ok_or(MissingSecret::NotText)?;
    let mut filled = String::new();
    for part in parts.items().ok_or(MissingSecret::NotText)? {
        if let Some(text) = part.as_str() {
            filled.push_str(text);
            continue;
        }
        let name = part.get("secret").ok_or(MissingSecret::NotText)?;
        let name = name.as_str().ok_or(MissingSecret::NotText)?;
        let secret = lookup(name).ok_or_else(|| MissingSecret::Unknown(name.to_owned()))?;
        filled.push_str(&secret);
    }
    Ok(filled)
}

/// A place for a secret, as one part of a text.
pub(crate) fn open(name: &str) -> Json {
    Json::object([("secret", Json::string(name))])
}

/// A text of parts.
pub(crate) fn text(parts: Vec<Json>) -> Json {
    Json::object([("parts", Json::array(parts))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        (name == "KEY").then(|| "s3cr3t".to_owned())
    }

    #[test]
    fn secrets_are_filled_in_where_a_definition_put_them() {
        let value = text(vec![Json::string("Bearer "), open("KEY"), Json::string("!")]);
        assert_eq!(fill_secrets(&value, lookup), Ok("Bearer s3cr3t!".to_owned()));
    }

    #[test]
    fn a_plain_text_is_left_alone_whatever_it_says() {
        for text in ["plain", "${ $secrets.KEY }", r#"{"parts":[{"secret":"KEY"}]}"#] {
            assert_eq!(fill_secrets(&Json::string(text), lookup), Ok(text.to_owned()));
        }
    }

    #[test]
    fn an_unknown_secret_is_named() {
        let error = fill_secrets(&text(vec![open("OTHER")]), lookup).expect_err("unknown");
        assert!(error.to_string().contains("FLOWMILL_SECRET_OTHER"));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for json in ["null", "1", "[]", "{}", r#"{"parts":1}"#, r#"{"parts":[1]}"#] {
            let value = Json::parse(json.as_bytes()).expect(json);
            assert_eq!(fill_secrets(&value, lookup), Err(MissingSecret::NotText), "{json}");
        }
    }
}
