//! Calls of functions: those that everybody has, and those of the document.

use flowmill_flow::reading::Item;

use crate::construct::Construct;
use crate::model::{Call, FunctionCall, OpenApiCall};

use super::Reader;
use super::around::{Around, Moment};
use super::http::OUTPUTS;
use super::object::Object;
use super::recursion::FunctionUse;

/// The calls that everybody has.
pub(super) const BUILT_IN: [&str; 6] = ["http", "openapi", "asyncapi", "grpc", "a2a", "mcp"];

const OPEN_API: &[&str] =
    &["document", "operationId", "parameters", "authentication", "output", "redirect"];

impl<'d> Reader<'d> {
    pub(super) fn call(
        &mut self,
        task: Object<'d>,
        item: &'d Item,
        around: &Around<'d>,
    ) -> Option<Call> {
        let name = self.text(item)?;
        let refused = match name {
            "http" | "openapi" => {
                let with = self.require(task, "with", "what is called")?;
                return if name == "http" {
                    self.http(with, around).map(|call| Call::Http(Box::new(call)))
                } else {
                    self.open_api(with, around).map(|call| Call::OpenApi(Box::new(call)))
                };
            }
            "asyncapi" => Construct::CallAsyncApi,
            "grpc" => Construct::CallGrpc,
            "a2a" => Construct::CallA2a,
            "mcp" => Construct::CallMcp,
            // `name:version@catalog`, or the address of a function.
            _ if name.contains('@') || name.contains("://") => Construct::CallCatalog,
            _ => return self.function_call(task, item, name, around).map(Call::Function),
        };
        self.report.refuse(item, refused);
        None
    }

    fn function_call(
        &mut self,
        task: Object<'d>,
        item: &'d Item,
        name: &'d str,
        around: &Around<'d>,
    ) -> Option<FunctionCall> {
        let names = around.names(Moment::Task);
        let with = task.get("with").map(|item| self.values(item, &names));
        let function = self.named_function(item, name)?;
        let caller = self.function;
        self.calls.extend(caller.map(|caller| FunctionUse { caller, callee: name, item }));
        Some(FunctionCall { function, with: with.unwrap_or_default() })
    }

    fn open_api(&mut self, item: &'d Item, around: &Around<'d>) -> Option<OpenApiCall> {
        let object = self.object(item, OPEN_API)?;
        let names = around.names(Moment::Task);
        let document = self.require(object, "document", "where the OpenAPI document is");
        let document = document.and_then(|item| self.object(item, &["name", "endpoint"]));
        let document_name = document.and_then(|document| self.text_of(document, "name"));
        let endpoint = document.and_then(|document| {
            let endpoint = self.require(document, "endpoint", "the address of the document")?;
            self.endpoint(endpoint, around)
        });
        let operation = self.require(object, "operationId", "the operation's id");
        let operation = operation.and_then(|item| self.text(item));
        let parameters = object.get("parameters").map(|item| self.values(item, &names));
        let authentication = self.authentication_of(object.get("authentication"), around);
        let output = object.get("output").and_then(|item| self.choice(item, &OUTPUTS));
        let redirect = self.flag(object, "redirect");
        Some(OpenApiCall {
            document: endpoint?,
            document_name: document_name.map(str::to_owned),
            operation: operation?.to_owned(),
            parameters: parameters.unwrap_or_default(),
            authentication,
            output: output.unwrap_or_default(),
            redirect: redirect.unwrap_or_default(),
        })
    }
}
