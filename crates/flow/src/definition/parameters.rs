//! A node's parameters: from the document to what the node does.

mod blocks;

use flowmill_model::Queue;

use crate::diagnostic::{DiagnosticCode, Finding, excerpt};
use crate::expression::Expression;
use crate::graph::{
    ERROR_PORT, ErrorTemplate, INPUT_PORT, MergeMode, NodeKind, OUTPUT_PORT, SwitchCase,
    SwitchMode, Wait,
};
use crate::source::{Item, ItemValue, escape};
use crate::template::{
    Authentication, Part, RequestParts, RequestTemplate, Template, TextFault, TextTemplate,
};

use super::decode::{Blocks, Context, number, span};
use super::shape::{report_at, report_within};
use super::tables::TRY;

/// The queue that carries HTTP requests unless a node names another.
const HTTP_QUEUE: &str = "http";

/// The queue that carries records for Kafka unless a node names another.
const KAFKA_QUEUE: &str = "kafka";

/// Task types that only nodes of the same name make, and what their tasks do.
const OWN_TASKS: [(&str, &str); 2] =
    [("http.request", "make HTTP requests"), ("kafka.produce", "write records to Kafka")];

/// One node's parameters.
pub(super) struct Parameters<'a, 'c> {
    pub(super) item: &'a Item,
    pub(super) pointer: &'a str,
    pub(super) blocks: &'a Blocks,
    pub(super) context: &'a mut Context<'c>,
}

/// The output ports of a node of type `name`; `error` is the last where there is one.
pub(super) fn ports(name: &str, parameters: &Item) -> Vec<String> {
    let named: Vec<String> = match name {
        "start" => vec![OUTPUT_PORT.to_owned()],
        "merge" if parameters.get("count").is_none() => vec![OUTPUT_PORT.to_owned()],
        "end" | "fail" => Vec::new(),
        "wait" if parameters.get("until").is_none() => vec![OUTPUT_PORT.to_owned()],
        "switch" => {
            let mut ports = switch_ports(parameters);
            ports.push(ERROR_PORT.to_owned());
            ports
        }
        _ => vec![OUTPUT_PORT.to_owned(), ERROR_PORT.to_owned()],
    };
    named
}

/// The ports of a switch's cases and of its default, each once.
fn switch_ports(parameters: &Item) -> Vec<String> {
    let cases = parameters.get("cases").map(Item::items).unwrap_or_default();
    let names = cases.iter().filter_map(|case| case.get("name")?.text());
    let default = parameters.get("default").and_then(Item::text);
    let mut ports: Vec<String> = Vec::new();
    for name in names.chain(default).filter(|name| *name != ERROR_PORT) {
        if !ports.iter().any(|port| port == name) {
            ports.push(name.to_owned());
        }
    }
    ports
}

impl Parameters<'_, '_> {
    /// What the node does; nothing if a parameter is wrong.
    pub(super) fn decode(mut self, name: &str) -> Option<NodeKind> {
        match name {
            "start" => Some(NodeKind::Start),
            "end" => Some(NodeKind::End),
            "filter" => Some(NodeKind::Filter { condition: self.expression("condition")? }),
            "map" => Some(NodeKind::Map { expression: self.expression("expression")? }),
            "set" => {
                let context = self.template(self.item.get("context")?, &self.path("context"))?;
                Some(NodeKind::Set { context })
            }
            "switch" => self.switch(),
            "merge" => self.merge(),
            "wait" => self.wait().map(NodeKind::Wait),
            "signal" => {
                let name = self.queue("name")?;
                Some(NodeKind::Signal { name, timeout: span(self.item, "timeout") })
            }
            "fail" => {
                let error = self.template(self.item.get("error")?, &self.path("error"))?;
                Some(NodeKind::Fail { error: ErrorTemplate::new(error) })
            }
            "for-each" => self.for_each(),
            "while" => self.while_loop(),
            TRY => {
                let (body, finally) = (self.block("body")?, self.block("finally"));
                Some(NodeKind::Try { body, finally })
            }
            "race" => Some(NodeKind::Race { body: self.block("body")? }),
            "task" => self.task(),
            "http.request" => self.http_request(),
            "kafka.produce" => self.kafka_produce(),
            _ => None,
        }
    }

    fn path(&self, field: &str) -> String {
        format!("{}/{}", self.pointer, escape(field))
    }

    fn queue(&self, field: &str) -> Option<Queue> {
        Queue::new(self.item.get(field)?.text()?).ok()
    }

    fn expression(&mut self, field: &str) -> Option<Expression> {
        let path = self.path(field);
        self.context.expression(self.item.get(field)?, &path)
    }

    fn refuse(&mut self, at: &Item, path: &str, code: DiagnosticCode, message: &str, help: &str) {
        report_at(at, path, Finding::new(code, message, help), self.context.report);
    }

    fn switch(&mut self) -> Option<NodeKind> {
        let list = self.item.get("cases")?;
        let ports = switch_ports(self.item);
        let port = |name: &str| {
            let index = ports.iter().position(|port| port == name)?;
            u8::try_from(index).ok().map(flowmill_model::PortIndex::new)
        };
        let mut cases: Vec<SwitchCase> = Vec::new();
        let mut fine = true;
        for (index, item) in list.items().iter().enumerate() {
            let path = format!("{}/cases/{index}", self.pointer);
            let when = item
                .get("when")
                .and_then(|when| self.context.expression(when, &format!("{path}/when")));
            let name = item.get("name").and_then(Item::text);
            fine &= name.is_none_or(|name| self.case_name(item, name, &cases, &path));
            let case = name.zip(when);
            let case = case.and_then(|(name, when)| {
                Some(SwitchCase { name: name.to_owned(), when, port: port(name)? })
            });
            fine &= case.is_some();
            cases.extend(case);
        }
        let default = self.item.get("default").and_then(Item::text);
        if let Some(default) = default {
            fine &= self.port_name(self.item.get("default")?, default, &self.path("default"));
        }
        if list.items().is_empty() && default.is_none() {
            let (message, help) = ("the switch has no cases", "add a case, or remove the switch");
            self.refuse(list, &self.path("cases"), DiagnosticCode::InvalidValue, message, help);
            fine = false;
        }
        let default = default.and_then(port);
        let all = self.item.get("mode").and_then(Item::text) == Some("all");
        let mode = if all { SwitchMode::All } else { SwitchMode::First };
        fine.then_some(NodeKind::Switch { mode, cases, default })
    }

    fn case_name(&mut self, item: &Item, name: &str, before: &[SwitchCase], path: &str) -> bool {
        let at = item.get("name").unwrap_or(item);
        let path = format!("{path}/name");
        if before.iter().any(|case| case.name == name) {
            let message = format!("there are two cases `{}`", excerpt(name));
            let help = "rename one, or join their conditions with `or`";
            self.refuse(at, &path, DiagnosticCode::DuplicateName, &message, help);
            return false;
        }
        self.port_name(at, name, &path)
    }

    fn port_name(&mut self, at: &Item, name: &str, path: &str) -> bool {
        let reserved = name == ERROR_PORT || name == INPUT_PORT;
        if reserved {
            let message = format!("`{name}` is the name of another port of every switch");
            self.refuse(at, path, DiagnosticCode::InvalidName, &message, "choose another name");
        }
        !reserved
    }

    fn merge(&mut self) -> Option<NodeKind> {
        let mode = self.item.get("mode").and_then(Item::text);
        let mode = match (self.item.get("count"), mode) {
            (None, Some("any")) => MergeMode::Any,
            (None, _) => MergeMode::All,
            (Some(_), None) => MergeMode::Count(number(self.item, "count")?),
            (Some(at), Some(_)) => {
                let message = "both `mode` and `count` are given";
                let (code, help) = (DiagnosticCode::InvalidValue, "remove one of them");
                self.refuse(at, &self.path("count"), code, message, help);
                return None;
            }
        };
        Some(NodeKind::Merge { mode })
    }

    fn wait(&mut self) -> Option<Wait> {
        match (self.item.get("for"), self.item.get("until")) {
            (Some(_), None) => span(self.item, "for").map(Wait::For),
            (None, Some(_)) => self.expression("until").map(Wait::Until),
            (given, _) => {
                let (code, message) = match given {
                    Some(_) => (DiagnosticCode::InvalidValue, "both `for` and `until` are given"),
                    None => (DiagnosticCode::MissingField, "neither `for` nor `until` is given"),
                };
                let help = "give one of them: `for: PT5S`, or `until` with an expression";
                let (item, pointer) = (self.item, self.pointer);
                self.refuse(item, pointer, code, message, help);
                None
            }
        }
    }

    fn task(&mut self) -> Option<NodeKind> {
        let task_type = self.queue("type")?;
        if let Some((own, does)) = OWN_TASKS.iter().find(|(own, _)| *own == task_type.as_str()) {
            let at = self.item.get("type")?;
            let message = format!("a task node cannot {does}");
            let help = format!("use a node of type {own}");
            self.refuse(at, &self.path("type"), DiagnosticCode::InvalidValue, &message, &help);
            return None;
        }
        let input = match self.item.get("input") {
            Some(input) => self.template(input, &self.path("input"))?,
            None => identity(),
        };
        let queue = self.queue("queue").unwrap_or_else(|| task_type.clone());
        Some(NodeKind::Task { task_type, input, queue })
    }

    fn http_request(&mut self) -> Option<NodeKind> {
        let url = self.url();
        let headers = self.pairs("headers");
        let query = self.pairs("query");
        let authentication = self.authentication();
        let body = match self.item.get("body") {
            Some(body) => self.template(body, &self.path("body")).map(Some),
            None => Some(None),
        };
        let queue = self.queue_or(HTTP_QUEUE)?;
        let request = RequestTemplate::new(RequestParts {
            method: self.item.get("method")?.text()?.to_owned(),
            url: url?,
            headers: headers?,
            query: query?,
            authentication: authentication?,
            body: body?,
            connect_timeout: span(self.item, "connectTimeout"),
            max_response_bytes: number(self.item, "maxResponseBytes"),
        });
        Some(NodeKind::HttpRequest { request, queue })
    }

    /// The queue that the node names, or this one.
    fn queue_or(&self, default: &str) -> Option<Queue> {
        match self.item.get("queue").filter(|item| item.value != ItemValue::Null) {
            Some(_) => self.queue("queue"),
            None => Queue::new(default).ok(),
        }
    }

    /// The record is one template: an object of the parameters that are given.
    fn kafka_produce(&mut self) -> Option<NodeKind> {
        let given = |item: &&Item| item.value != ItemValue::Null;
        let mut parts = Vec::new();
        for field in ["topic", "key", "headers", "event"] {
            let Some(item) = self.item.get(field).filter(given) else { continue };
            parts.push(self.part(item, &self.path(field)).map(|part| (field.to_owned(), part)));
        }
        let value = match self.item.get("value") {
            Some(item) => self.part(item, &self.path("value")),
            None => Some(whole_value()),
        };
        parts.push(value.map(|part| ("value".to_owned(), part)));
        let parts: Vec<_> = parts.into_iter().collect::<Option<_>>()?;
        let queue = self.queue_or(KAFKA_QUEUE)?;
        Some(NodeKind::KafkaProduce { record: Template::new(Part::Map(parts)), queue })
    }

    fn url(&mut self) -> Option<TextTemplate> {
        let item = self.item.get("url")?;
        let path = self.path("url");
        let url = self.text(item, &path, false)?;
        let prefix = url.prefix();
        let open =
            url.fixed().is_none() && ["http://", "https://"].iter().any(|s| s.starts_with(prefix));
        if open || prefix.starts_with("http://") || prefix.starts_with("https://") {
            return Some(url);
        }
        let message = format!("`{}` is no address of the web", excerpt(prefix));
        let help = "begin it with http:// or https://";
        self.refuse(item, &path, DiagnosticCode::InvalidValue, &message, help);
        None
    }

    /// Headers or query parameters; an empty list if there are none.
    fn pairs(&mut self, field: &str) -> Option<Vec<(String, TextTemplate)>> {
        let entries = self.item.get(field).map(Item::entries).unwrap_or_default();
        let mut pairs = Vec::with_capacity(entries.len());
        for entry in entries {
            let path = format!("{}/{}", self.path(field), escape(&entry.key));
            let named = field != "headers" || is_header_name(&entry.key);
            if !named {
                let message = format!("`{}` is no name of a header", excerpt(&entry.key));
                let help = "use letters, digits and hyphens";
                let finding = Finding::new(DiagnosticCode::InvalidName, message, help);
                report_within(entry.key_place, &path, finding, self.context.report);
            }
            let text = self.text(&entry.value, &path, true);
            pairs.push(text.filter(|_| named).map(|text| (entry.key.clone(), text)));
        }
        pairs.into_iter().collect()
    }

    /// Nothing if a part of it is wrong.
    fn authentication(&mut self) -> Option<Option<Authentication>> {
        let Some(item) = self.item.get("authentication").filter(|i| i.value != ItemValue::Null)
        else {
            return Some(None);
        };
        let path = self.path("authentication");
        let mut part = |scheme: &str, field: &str| {
            let path = format!("{path}/{scheme}/{field}");
            self.text(item.get(scheme)?.get(field)?, &path, true)
        };
        match (item.get("basic"), item.get("bearer")) {
            (Some(_), None) => {
                let (username, password) = (part("basic", "username"), part("basic", "password"));
                Some(Some(Authentication::Basic { username: username?, password: password? }))
            }
            (None, Some(_)) => {
                Some(Some(Authentication::Bearer { token: part("bearer", "token")? }))
            }
            (_, _) => {
                let message = "give one way of authentication";
                let help = "write `basic` with username and password, or `bearer` with a token";
                self.refuse(item, &path, DiagnosticCode::InvalidValue, message, help);
                None
            }
        }
    }

    /// A string with expressions in it. Numbers and booleans stand for their text.
    fn text(&mut self, item: &Item, path: &str, secrets: bool) -> Option<TextTemplate> {
        let written;
        let text = match &item.value {
            ItemValue::Text(text) => text,
            ItemValue::Number(_) | ItemValue::Bool(_) => {
                written = String::from_utf8_lossy(&item.to_json().to_bytes()).into_owned();
                &written
            }
            ItemValue::Null | ItemValue::List(_) | ItemValue::Map(_) => return None,
        };
        match TextTemplate::compile_within(text, secrets, &self.context.names) {
            Ok(template) => {
                for (expression, offset) in template.placed_expressions() {
                    self.context.note(expression, item, offset, path);
                }
                Some(template)
            }
            Err(TextFault::Syntax(fault)) => {
                self.context.syntax(&fault, item, path);
                None
            }
            Err(TextFault::MisplacedSecret(offset)) => {
                let place = self.context.source.place_within(item, offset);
                let finding = misplaced_secret(secrets);
                report_within(place, path, finding, self.context.report);
                None
            }
        }
    }

    /// A value with expressions in its strings.
    fn template(&mut self, item: &Item, path: &str) -> Option<Template> {
        self.part(item, path).map(Template::new)
    }

    fn part(&mut self, item: &Item, path: &str) -> Option<Part> {
        let part = match &item.value {
            ItemValue::Null | ItemValue::Bool(_) | ItemValue::Number(_) => {
                Part::Fixed(item.to_json())
            }
            ItemValue::Text(_) => {
                let text = self.text(item, path, false)?;
                match text.fixed() {
                    Some(_) => Part::Fixed(item.to_json()),
                    None => Part::Text(text),
                }
            }
            ItemValue::List(items) => {
                let parts = items.iter().enumerate();
                let parts = parts.map(|(index, item)| self.part(item, &format!("{path}/{index}")));
                // Collected first, so that every item's errors are reported.
                let parts: Vec<_> = parts.collect();
                fixed_or(item, parts.into_iter().collect::<Option<_>>()?, Part::List)
            }
            ItemValue::Map(entries) => {
                let parts = entries.iter().map(|entry| {
                    let path = format!("{path}/{}", escape(&entry.key));
                    self.part(&entry.value, &path).map(|part| (entry.key.clone(), part))
                });
                let parts: Vec<_> = parts.collect();
                let parts: Vec<(String, Part)> = parts.into_iter().collect::<Option<_>>()?;
                let fixed = parts.iter().all(|(_, part)| matches!(part, Part::Fixed(_)));
                if fixed { Part::Fixed(item.to_json()) } else { Part::Map(parts) }
            }
        };
        Some(part)
    }
}

/// The value itself.
fn identity() -> Template {
    Template::new(whole_value())
}

fn whole_value() -> Part {
    Part::Text(TextTemplate::compile("${ . }", false).expect("the identity is an expression"))
}

fn fixed_or(item: &Item, parts: Vec<Part>, list: impl Fn(Vec<Part>) -> Part) -> Part {
    let fixed = parts.iter().all(|part| matches!(part, Part::Fixed(_)));
    if fixed { Part::Fixed(item.to_json()) } else { list(parts) }
}

pub(super) fn misplaced_secret(allowed_here: bool) -> Finding {
    if allowed_here {
        let message = "a secret cannot be used inside a larger expression";
        let help = "write it alone, as in \"Bearer ${ $secrets.NAME }\"";
        return Finding::new(DiagnosticCode::MisplacedSecret, message, help);
    }
    let message = "a secret cannot be used here";
    let help = "secrets may go into the headers, query and authentication of an http.request";
    Finding::new(DiagnosticCode::MisplacedSecret, message, help)
}

/// Whether `name` is a token of RFC 9110.
fn is_header_name(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token)
}
