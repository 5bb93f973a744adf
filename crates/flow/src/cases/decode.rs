//! Takes cases out of a document that has passed the tables, and holds them against their flow.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use flowmill_model::{ErrorCode, NodeIndex, Problem, Queue};

use crate::diagnostic::{DiagnosticCode, Finding, Report, excerpt, suggest};
use crate::duration;
use crate::graph::{Flow, Node, NodeKind};
use crate::json::Json;
use crate::source::{Item, ItemValue, escape};

use super::{Case, CaseSignal, Expectation, ExpectedStatus, TaskFailure, TaskOutcome};

/// Every case of the document.
pub(super) fn cases(root: &Item, flow: &Flow, report: &mut Report) -> Vec<Case> {
    let items = root.get("cases").map_or(&[][..], Item::items);
    let mut decoder = Decoder { flow, report };
    if items.is_empty() {
        let help = "write one, such as { name: it completes, expect: { status: completed } }";
        decoder.wrong(root, "/cases", "there is no case", help);
    }
    let mut names = BTreeSet::new();
    let case = |(number, item): (usize, &Item)| {
        let pointer = format!("/cases/{number}");
        let case = decoder.case(item, &pointer);
        if !names.insert(case.name.clone()) {
            let message = format!("two cases are called `{}`", excerpt(&case.name));
            let help = "rename one of them, so that a failure says which";
            let finding = Finding::new(DiagnosticCode::DuplicateName, message, help);
            decoder.report.add(finding.at(item.place, format!("{pointer}/name")));
        }
        case
    };
    items.iter().enumerate().map(case).collect()
}

struct Decoder<'a> {
    flow: &'a Flow,
    report: &'a mut Report,
}

/// The value under a key, unless it is left out. `null` is the same as that, but for what may be
/// any value.
fn given<'a>(item: &'a Item, key: &str) -> Option<&'a Item> {
    item.get(key).filter(|value| value.value != ItemValue::Null)
}

fn text<'a>(item: &'a Item, key: &str) -> Option<&'a str> {
    given(item, key).and_then(Item::text)
}

fn number(item: &Item, key: &str) -> Option<u64> {
    match &given(item, key)?.value {
        ItemValue::Number(text) => text.parse().ok(),
        ItemValue::Null
        | ItemValue::Bool(_)
        | ItemValue::Text(_)
        | ItemValue::List(_)
        | ItemValue::Map(_) => None,
    }
}

fn after(item: &Item) -> Duration {
    given(item, "after").and_then(|item| duration::read(item).ok()).unwrap_or_default()
}

/// The signal that a node waits for.
fn signal_of(node: &Node) -> Option<&str> {
    if let NodeKind::Signal { name, .. } = &node.kind { Some(name.as_str()) } else { None }
}

impl Decoder<'_> {
    fn wrong(&mut self, item: &Item, pointer: &str, message: impl Into<String>, help: &str) {
        let finding = Finding::new(DiagnosticCode::InvalidValue, message, help);
        self.report.add(finding.at(item.place, pointer));
    }

    fn case(&mut self, item: &Item, pointer: &str) -> Case {
        let nothing = Json::object::<&str>([]);
        Case {
            name: text(item, "name").unwrap_or_default().to_owned(),
            input: item.get("input").map_or(nothing, Item::to_json),
            tasks: self.tasks(item, pointer),
            signals: self.signals(item, pointer),
            expect: self.expectation(item, &format!("{pointer}/expect")),
        }
    }

    fn tasks(&mut self, item: &Item, pointer: &str) -> BTreeMap<NodeIndex, Vec<TaskOutcome>> {
        let mut tasks = BTreeMap::new();
        for entry in given(item, "tasks").map_or(&[][..], Item::entries) {
            let pointer = format!("{pointer}/tasks/{}", escape(&entry.key));
            let key = Item { place: entry.key_place, value: ItemValue::Text(entry.key.clone()) };
            let Some(index) = self.node(&key, &pointer) else { continue };
            let kind = &self.flow.node(index).kind;
            if !kind.is_task() {
                let message = format!("`{}` is a {} node", entry.key, kind.type_name());
                let help = "remove it: outcomes are for task, http.request and kafka.produce nodes";
                self.wrong(&key, &pointer, message, help);
                continue;
            }
            tasks.insert(index, self.outcomes(&entry.value, &pointer));
        }
        tasks
    }

    fn outcomes(&mut self, item: &Item, pointer: &str) -> Vec<TaskOutcome> {
        let mut outcomes = Vec::new();
        for (number, item) in item.items().iter().enumerate() {
            if let Some(outcome) = self.outcome(item, &format!("{pointer}/{number}")) {
                let times =
                    self::number(item, "times").and_then(|times| usize::try_from(times).ok());
                outcomes.extend(std::iter::repeat_n(outcome, times.unwrap_or(1)));
            }
        }
        outcomes
    }

    fn outcome(&mut self, item: &Item, pointer: &str) -> Option<TaskOutcome> {
        let result = match (item.get("output"), given(item, "error")) {
            (Some(output), None) => Ok(output.to_json()),
            (None, Some(error)) => Err(self.failure(error, &format!("{pointer}/error"))),
            (None, None) | (Some(_), Some(_)) => {
                let message = "an outcome has one of `output` and `error`";
                let help =
                    "write `output:` for an attempt that succeeds, `error:` for one that fails";
                self.wrong(item, pointer, message, help);
                return None;
            }
        };
        Some(TaskOutcome { result, after: after(item) })
    }

    fn failure(&mut self, item: &Item, pointer: &str) -> TaskFailure {
        let retryable = match given(item, "retryable") {
            None => true,
            Some(Item { value: ItemValue::Bool(value), .. }) => *value,
            Some(other) => {
                let pointer = format!("{pointer}/retryable");
                self.wrong(other, &pointer, "this is no boolean", "write true or false");
                true
            }
        };
        let code = ErrorCode::TaskFailed;
        let status = number(item, "status").and_then(|status| u16::try_from(status).ok());
        let problem = Problem {
            kind: text(item, "type").map_or_else(|| code.type_uri(), str::to_owned),
            status: status.unwrap_or(code.status()),
            title: text(item, "title").unwrap_or(code.title()).to_owned(),
            detail: text(item, "detail").map(str::to_owned),
            instance: None,
        };
        TaskFailure { problem, retryable }
    }

    fn signals(&mut self, item: &Item, pointer: &str) -> Vec<CaseSignal> {
        let mut signals = Vec::new();
        for (number, item) in given(item, "signals").map_or(&[][..], Item::items).iter().enumerate()
        {
            let pointer = format!("{pointer}/signals/{number}/name");
            let Some(name) = text(item, "name").and_then(|name| Queue::new(name).ok()) else {
                continue;
            };
            self.signal_name(item, &name, &pointer);
            let payload = item.get("payload").map_or_else(Json::null, Item::to_json);
            signals.push(CaseSignal { name, payload, after: after(item) });
        }
        signals
    }

    fn signal_name(&mut self, item: &Item, name: &Queue, pointer: &str) {
        let known: Vec<&str> = self.flow.nodes().iter().filter_map(signal_of).collect();
        if known.contains(&name.as_str()) {
            return;
        }
        let message = format!("no node of the flow waits for the signal `{name}`");
        let help = suggest(name.as_str(), known.iter().copied(), || match known.first() {
            Some(known) => format!("the flow waits for `{known}`"),
            None => "remove it: the flow has no signal node".to_owned(),
        });
        self.wrong(item.get("name").unwrap_or(item), pointer, message, &help);
    }

    fn expectation(&mut self, case: &Item, pointer: &str) -> Expectation {
        let nothing = Item { place: case.place, value: ItemValue::Map(Vec::new()) };
        let item = case.get("expect").unwrap_or(&nothing);
        let (output, error) = (item.get("output"), given(item, "error"));
        let by_default = match error {
            Some(_) => ExpectedStatus::Faulted,
            None => ExpectedStatus::Completed,
        };
        let named = text(item, "status");
        let status = ExpectedStatus::ALL.into_iter().find(|status| Some(status.as_str()) == named);
        let status = status.unwrap_or(by_default);
        let has_error = matches!(status, ExpectedStatus::Faulted | ExpectedStatus::Refused);
        if let (Some(output), true) = (output, status != ExpectedStatus::Completed) {
            let message = format!("an execution that is {} gives no output", status.as_str());
            let help = "remove `output`, or expect it to be completed";
            self.wrong(output, &format!("{pointer}/output"), message, help);
        }
        if let (Some(error), false) = (error, has_error) {
            let message = format!("an execution that is {} has no error", status.as_str());
            let help = "remove `error`, or expect it to be faulted";
            self.wrong(error, &format!("{pointer}/error"), message, help);
        }
        Expectation {
            status,
            output: output.map(Item::to_json),
            error: error.map(Item::to_json),
            path: given(item, "path").map(|list| self.ids(list, &format!("{pointer}/path"))),
            visits: self.listed(item, "visits", pointer),
            never: self.listed(item, "never", pointer),
        }
    }

    fn listed(&mut self, item: &Item, key: &str, pointer: &str) -> Vec<String> {
        let list = given(item, key);
        list.map(|list| self.ids(list, &format!("{pointer}/{key}"))).unwrap_or_default()
    }

    fn ids(&mut self, list: &Item, pointer: &str) -> Vec<String> {
        let mut ids = Vec::new();
        for (number, item) in list.items().iter().enumerate() {
            if self.node(item, &format!("{pointer}/{number}")).is_some() {
                ids.extend(item.text().map(str::to_owned));
            }
        }
        ids
    }

    /// The node that an item names.
    fn node(&mut self, item: &Item, pointer: &str) -> Option<NodeIndex> {
        let id = item.text()?;
        if let Some(index) = self.flow.node_index(id) {
            return Some(index);
        }
        let message = format!("the flow has no node `{}`", excerpt(id));
        let ids = self.flow.nodes().iter().map(|node| node.id.as_str());
        let help = suggest(id, ids, || "name a node of the flow by its id".to_owned());
        let finding = Finding::new(DiagnosticCode::UnknownNode, message, help);
        self.report.add(finding.at(item.place, pointer));
        None
    }
}
