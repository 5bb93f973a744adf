//! Calls: of services, of functions of the document, and of other workflows.

use flowmill_flow::{Expression, Template, TextTemplate};
use flowmill_model::{Name, Version};

/// What is called.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// An HTTP service.
    Http(Box<HttpCall>),
    /// An operation of an HTTP service that an OpenAPI document describes.
    OpenApi(Box<OpenApiCall>),
    /// A function of the document.
    Function(FunctionCall),
}

/// A call over HTTP.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpCall {
    /// The method.
    pub method: HttpMethod,
    /// The address, and who calls.
    pub endpoint: Endpoint,
    /// Header fields, which may hold secrets.
    pub headers: Pairs,
    /// Query parameters, which may hold secrets.
    pub query: Pairs,
    /// The body.
    pub body: Option<Template>,
    /// What the output is.
    pub output: HttpOutput,
    /// Whether a status from 300 to 399 is a success; else only those from 200 to 299 are.
    pub redirect: bool,
}

macro_rules! methods {
    ($($name:ident = $text:literal;)*) => {
        /// A method of HTTP. Documents write it in any case.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum HttpMethod {
            $(#[doc = concat!("`", $text, "`.")] $name,)*
        }

        impl HttpMethod {
            /// Every method.
            pub const ALL: &'static [HttpMethod] = &[$(HttpMethod::$name,)*];

            /// The name in upper case.
            pub const fn as_str(self) -> &'static str {
                match self { $(HttpMethod::$name => $text,)* }
            }
        }
    };
}

methods! {
    Get = "GET";
    Head = "HEAD";
    Post = "POST";
    Put = "PUT";
    Patch = "PATCH";
    Delete = "DELETE";
    Options = "OPTIONS";
}

/// What a call over HTTP gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpOutput {
    /// The content as base64 text.
    Raw,
    /// The content, read as its type says.
    #[default]
    Content,
    /// An object with the request, the status, the headers and the content.
    Response,
}

/// Names and texts.
#[derive(Clone, Debug, PartialEq)]
pub enum Pairs {
    /// Each written out; there may be none.
    Each(Vec<(String, TextTemplate)>),
    /// The object that an expression gives.
    Computed(Expression),
}

/// An address, and who uses it.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// The address.
    pub uri: Uri,
    /// Who uses it.
    pub authentication: Option<Authentication>,
}

/// A URI, or a reference relative to one.
#[derive(Clone, Debug, PartialEq)]
pub enum Uri {
    /// Text with variables in it.
    Template(Vec<UriPart>),
    /// What an expression gives.
    Computed(Expression),
}

/// One part of a URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UriPart {
    /// Text that stays what it is.
    Fixed(String),
    /// The property of this name of the task's input, encoded; an empty text if there is none. A
    /// dot is part of the name.
    Variable(String),
}

/// How a caller says who it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Authentication {
    /// By name and password.
    Basic(Credentials<BasicCredentials>),
    /// By a token.
    Bearer(Credentials<TextTemplate>),
}

/// What a caller has to say who it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Credentials<T> {
    /// Written out; secrets may be in it.
    Given(T),
    /// The secret of this name, an object whose properties are named as those that would be
    /// written out.
    Secret(String),
}

/// A name and a password.
#[derive(Clone, Debug, PartialEq)]
pub struct BasicCredentials {
    /// The name.
    pub username: TextTemplate,
    /// The password.
    pub password: TextTemplate,
}

/// A call of an operation that an OpenAPI document describes.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenApiCall {
    /// Where the OpenAPI document is.
    pub document: Endpoint,
    /// What it is called.
    pub document_name: Option<String>,
    /// The operation's id.
    pub operation: String,
    /// Parameters by name.
    pub parameters: Vec<(String, Template)>,
    /// Who calls.
    pub authentication: Option<Authentication>,
    /// What the output is.
    pub output: HttpOutput,
    /// Whether a status from 300 to 399 is a success.
    pub redirect: bool,
}

/// A call of a function of the document.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionCall {
    /// The function's name; the workflow has it.
    pub function: String,
    /// What it is called with, by name: its input.
    pub with: Vec<(String, Template)>,
}

/// Another workflow to run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunWorkflow {
    /// Its namespace.
    pub namespace: Name,
    /// Its name within the namespace.
    pub name: Name,
    /// Its version; the latest one if `None`.
    pub version: Option<Version>,
    /// Its input; none if nothing is said.
    pub input: Option<Template>,
    /// Whether to wait for its end. The output of a task that does not is its input.
    pub wait: bool,
    /// Whether its output is the task's.
    pub output: bool,
}
