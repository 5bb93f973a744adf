//! Processes to run, of which another workflow is the only one that is supported.

use flowmill_flow::reading::Item;
use flowmill_model::{Name, Version};

use crate::construct::Construct;
use crate::model::RunWorkflow;

use super::Reader;
use super::around::{Around, Moment};
use super::object::Object;

const PROCESSES: [(&str, Construct); 3] = [
    ("container", Construct::RunContainer),
    ("script", Construct::RunScript),
    ("shell", Construct::RunShell),
];

const RUN: &[&str] = &["container", "script", "shell", "workflow", "await", "return"];

/// What of a process is the output, by the words that say so: something, or nothing. Of a workflow
/// there is but its output.
const RETURNS: [(&str, bool); 5] =
    [("stdout", true), ("none", false), ("stderr", true), ("code", true), ("all", true)];

impl<'d> Reader<'d> {
    pub(super) fn run(&mut self, item: &'d Item, around: &Around<'d>) -> Option<RunWorkflow> {
        let object = self.object(item, RUN)?;
        let refused =
            PROCESSES.iter().find_map(|(field, construct)| Some((object.get(field)?, *construct)));
        if let Some((item, construct)) = refused {
            self.report.refuse(item, construct);
            return None;
        }
        let workflow = self.require(object, "workflow", "which workflow to run");
        let wait = self.flag(object, "await").unwrap_or(true);
        let output = object.get("return").and_then(|item| self.returned(item)).unwrap_or(true);
        let called = self.object(workflow?, &["namespace", "name", "version", "input"])?;
        self.workflow_to_run(called, around).map(|run| RunWorkflow { wait, output, ..run })
    }

    fn returned(&mut self, item: &'d Item) -> Option<bool> {
        let output = self.choice(item, &RETURNS)?;
        if !matches!(item.text(), Some("stdout" | "none")) {
            let message = "a workflow has an output, and nothing else of a process";
            self.invalid(item, message, "write `none`, or remove it");
        }
        Some(output)
    }

    fn workflow_to_run(&mut self, object: Object<'d>, around: &Around<'d>) -> Option<RunWorkflow> {
        let namespace = self.require(object, "namespace", "the namespace of the workflow");
        let namespace = namespace.and_then(|item| self.name(item, Name::new));
        let name = self.require(object, "name", "the workflow's name");
        let name = name.and_then(|item| self.name(item, Name::new));
        let version = self.require(object, "version", "the workflow's version, or `latest`");
        let version = version.and_then(|item| match item.text() {
            Some("latest") => Some(None),
            _ => self.name(item, Version::new).map(Some),
        });
        let names = around.names(Moment::Task);
        let input = object.get("input").and_then(|item| self.transform(item, &names));
        Some(RunWorkflow {
            namespace: namespace?,
            name: name?,
            version: version?,
            input,
            wait: true,
            output: true,
        })
    }
}
