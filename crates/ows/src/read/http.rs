//! Calls over HTTP, and how callers say who they are.

use flowmill_flow::reading::{Finding, Item, ItemValue, excerpt, suggest};
use flowmill_flow::{DiagnosticCode, TextTemplate};

use crate::construct::Construct;
use crate::model::{
    Authentication, BasicCredentials, Credentials, HttpCall, HttpMethod, HttpOutput, Pairs,
};

use super::Reader;
use super::around::{Around, Moment};
use super::template::{Secrets, enclosed};

/// What a call gives, by the words that say so.
pub(super) const OUTPUTS: [(&str, HttpOutput); 3] = [
    ("raw", HttpOutput::Raw),
    ("content", HttpOutput::Content),
    ("response", HttpOutput::Response),
];

const HTTP: &[&str] = &["method", "endpoint", "headers", "body", "query", "output", "redirect"];

const POLICIES: &[&str] = &["use", "basic", "bearer", "digest", "oauth2", "oidc"];

/// Which names pairs may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PairNames {
    Headers,
    Any,
}

impl<'d> Reader<'d> {
    pub(super) fn http(&mut self, item: &'d Item, around: &Around<'d>) -> Option<HttpCall> {
        let object = self.object(item, HTTP)?;
        let names = around.names(Moment::Task);
        let method = self.require(object, "method", "the HTTP method");
        let method = method.and_then(|item| self.method(item));
        let endpoint = self.require(object, "endpoint", "the address");
        let endpoint = endpoint.and_then(|item| self.endpoint(item, around));
        let headers = self.pairs(object.get("headers"), around, PairNames::Headers);
        let query = self.pairs(object.get("query"), around, PairNames::Any);
        // A body that is `null` is a body.
        let body = item.get("body").and_then(|item| self.template(item, &names));
        let output = object.get("output").and_then(|item| self.choice(item, &OUTPUTS));
        let redirect = self.flag(object, "redirect");
        Some(HttpCall {
            method: method?,
            endpoint: endpoint?,
            headers,
            query,
            body,
            output: output.unwrap_or_default(),
            redirect: redirect.unwrap_or_default(),
        })
    }

    fn method(&mut self, item: &'d Item) -> Option<HttpMethod> {
        let text = self.text(item)?;
        let all = HttpMethod::ALL.iter().copied();
        let found = all.clone().find(|method| method.as_str().eq_ignore_ascii_case(text));
        if found.is_none() {
            let names = || HttpMethod::ALL.iter().map(|method| method.as_str());
            let methods = || format!("the methods are {}", names().collect::<Vec<_>>().join(", "));
            let message = format!("`{}` is no method of HTTP that can be used", excerpt(text));
            self.invalid(item, message, suggest(text, names(), methods));
        }
        found
    }

    fn pairs(&mut self, item: Option<&'d Item>, around: &Around<'d>, kind: PairNames) -> Pairs {
        let nothing = Pairs::Each(Vec::new());
        let Some(item) = item else { return nothing };
        let names = around.names(Moment::Task);
        if item.text().is_some_and(|text| enclosed(text).is_some()) {
            return self.expression(item, &names).map_or(nothing, Pairs::Computed);
        }
        let ItemValue::Map(entries) = &item.value else {
            return self
                .wrong_type(item, "an object or an expression in `${ }`")
                .unwrap_or(nothing);
        };
        let pairs = entries.iter().filter_map(|entry| {
            if kind == PairNames::Headers && !is_header_name(&entry.key) {
                let message = format!("`{}` is no name of a header", excerpt(&entry.key));
                let help = "use letters, digits and hyphens";
                let finding = Finding::new(DiagnosticCode::InvalidName, message, help);
                self.report.add(&entry.value, entry.key_place, finding);
            }
            let text = self.line(&entry.value, &names, Secrets::Allowed)?;
            Some((entry.key.clone(), text))
        });
        Pairs::Each(pairs.collect())
    }

    /// How a caller says who it is, in a field that may be left out.
    pub(super) fn authentication_of(
        &mut self,
        item: Option<&'d Item>,
        around: &Around<'d>,
    ) -> Option<Authentication> {
        let item = item?;
        if let (Some(name), [_]) = (item.get("use"), item.entries()) {
            return self.named_authentication(name);
        }
        self.inline_authentication(item, around)
    }

    pub(super) fn inline_authentication(
        &mut self,
        item: &'d Item,
        around: &Around<'d>,
    ) -> Option<Authentication> {
        let object = self.object(item, POLICIES)?;
        let given: Vec<_> =
            POLICIES.iter().filter_map(|name| Some((*name, object.get(name)?))).collect();
        let [(name, policy)] = given[..] else {
            let help = "write `basic`, or `bearer`, or `use` with the name of one";
            self.invalid(item, "give one way of authentication", help);
            return None;
        };
        let refused = match name {
            "basic" => return self.basic(policy, around).map(Authentication::Basic),
            "bearer" => return self.bearer(policy, around).map(Authentication::Bearer),
            "digest" => Construct::DigestAuthentication,
            "oauth2" => Construct::OAuth2Authentication,
            "oidc" => Construct::OidcAuthentication,
            _ => {
                let help = "write out what it is";
                self.invalid(policy, "a named authentication cannot be another one", help);
                return None;
            }
        };
        self.report.refuse(policy, refused);
        None
    }

    fn basic(
        &mut self,
        item: &'d Item,
        around: &Around<'d>,
    ) -> Option<Credentials<BasicCredentials>> {
        if let (Some(secret), [_]) = (item.get("use"), item.entries()) {
            return self.named_secret(secret).map(Credentials::Secret);
        }
        let object = self.object(item, &["username", "password", "use"])?;
        self.alone(object.get("use"));
        let username = self.require(object, "username", "the user's name");
        let username = username.and_then(|item| self.credential(item, around));
        let password = self.require(object, "password", "the password");
        let password = password.and_then(|item| self.credential(item, around));
        Some(Credentials::Given(BasicCredentials { username: username?, password: password? }))
    }

    fn bearer(&mut self, item: &'d Item, around: &Around<'d>) -> Option<Credentials<TextTemplate>> {
        if let (Some(secret), [_]) = (item.get("use"), item.entries()) {
            return self.named_secret(secret).map(Credentials::Secret);
        }
        let object = self.object(item, &["token", "use"])?;
        self.alone(object.get("use"));
        let token = self.require(object, "token", "the token")?;
        self.credential(token, around).map(Credentials::Given)
    }

    /// A secret stands for all that would be written out.
    fn alone(&mut self, secret: Option<&'d Item>) {
        if let Some(item) = secret {
            self.invalid(item, "`use` stands beside other fields", "remove it, or the others");
        }
    }

    fn credential(&mut self, item: &'d Item, around: &Around<'d>) -> Option<TextTemplate> {
        self.line(item, &around.names(Moment::Task), Secrets::Allowed)
    }
}

/// Whether `name` is a token of RFC 9110.
fn is_header_name(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token)
}
