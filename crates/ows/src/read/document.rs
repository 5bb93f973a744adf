//! The document as a whole, and what it is called.

use flowmill_flow::DiagnosticCode;
use flowmill_flow::reading::{Item, ItemValue, excerpt};
use flowmill_model::{InvalidName, Name, Version};

use crate::construct::Construct;
use crate::model::{Document, Workflow};

use super::Reader;
use super::around::{Around, Moment};
use super::object::Object;

const FIELDS: &[&str] =
    &["document", "input", "use", "do", "timeout", "output", "schedule", "evaluate"];

const DOCUMENT: &[&str] =
    &["dsl", "namespace", "name", "version", "title", "summary", "tags", "metadata"];

/// The constructs of schedules by their fields.
const SCHEDULES: [(&str, Construct); 4] = [
    ("every", Construct::ScheduleEvery),
    ("cron", Construct::ScheduleCron),
    ("after", Construct::ScheduleAfter),
    ("on", Construct::ScheduleOn),
];

const VERSIONS: &str = "this build reads documents of the versions 1.0, such as 1.0.3";

impl<'d> Reader<'d> {
    /// The whole document. Of one that is of another version nothing else is said.
    pub(super) fn workflow(&mut self) -> Option<Workflow> {
        let root = &self.source.root;
        self.check_version(root)?;
        let around = Around::default();
        let object = self.object(root, FIELDS)?;
        let document = self.header(object);
        self.schedule(object.get("schedule"));
        self.evaluation(object.get("evaluate"));
        let functions = self.components(object.get("use"));
        let input = self.input(object.get("input"), &around, Moment::WorkflowInput);
        let output = self.output(object.get("output"), &around, Moment::WorkflowOutput);
        let timeout = self.timeout(object.get("timeout"), &around);
        let tasks = self.require(object, "do", "the tasks, at least one");
        let tasks = tasks.and_then(|item| self.tasks(item, "/do", &around));
        Some(Workflow {
            document: document?,
            definition: root.to_json(),
            input,
            output,
            timeout,
            secrets: self.secret_names(),
            functions,
            tasks: tasks?,
        })
    }

    /// Checks that the document is one that this build reads at all.
    fn check_version(&mut self, root: &'d Item) -> Option<()> {
        let ItemValue::Map(_) = root.value else {
            let help = "begin the document with `document: {dsl: '1.0.3', ...}`";
            self.fault(root, DiagnosticCode::WrongType, "the document is no object", help);
            return None;
        };
        let Some(item) = root.get("document").and_then(|document| document.get("dsl")) else {
            let message = "the document does not say which version it is written in";
            let code = DiagnosticCode::MissingField;
            self.fault(root, code, message, "add `document.dsl`, such as '1.0.3'");
            return None;
        };
        let version = self.text(item)?;
        if is_read(version) {
            return Some(());
        }
        let message =
            format!("the version `{}` of the specification is not read", excerpt(version));
        self.fault(item, DiagnosticCode::UnsupportedFormat, message, VERSIONS);
        None
    }

    fn header(&mut self, root: Object<'d>) -> Option<Document> {
        let item = self.require(root, "document", "what the workflow is called")?;
        let object = self.object(item, DOCUMENT)?;
        let namespace = self.require(object, "namespace", "the namespace of the workflow");
        let namespace = namespace.and_then(|item| self.name(item, Name::new));
        let name = self.require(object, "name", "the workflow's name within its namespace");
        let name = name.and_then(|item| self.name(item, Name::new));
        let version = self.require(object, "version", "the workflow's version, such as 1.0.0");
        let version = version.and_then(|item| self.name(item, Version::new));
        Some(Document {
            dsl: object.get("dsl")?.text()?.to_owned(),
            title: self.text_of(object, "title").map(str::to_owned),
            summary: self.text_of(object, "summary").map(str::to_owned),
            tags: self.free_object(object.get("tags")),
            metadata: self.free_object(object.get("metadata")),
            namespace: namespace?,
            name: name?,
            version: version?,
        })
    }

    pub(super) fn name<T>(
        &mut self,
        item: &'d Item,
        read: impl Fn(&str) -> Result<T, InvalidName>,
    ) -> Option<T> {
        match read(self.text(item)?) {
            Ok(name) => Some(name),
            Err(error) => {
                let error = error.to_string();
                let (message, help) = error.rsplit_once(": ").unwrap_or((&error, "rename it"));
                self.fault(item, DiagnosticCode::InvalidName, message, help);
                None
            }
        }
    }

    /// An object that may hold anything.
    pub(super) fn free_object(&mut self, item: Option<&'d Item>) -> Option<flowmill_flow::Json> {
        let item = item?;
        self.entries(item)?;
        Some(item.to_json())
    }

    fn schedule(&mut self, item: Option<&'d Item>) {
        const KNOWN: &[&str] = &["every", "cron", "after", "on", "read"];
        let Some(object) = item.and_then(|item| self.object(item, KNOWN)) else { return };
        let mut given = false;
        for (field, construct) in SCHEDULES {
            if let Some(item) = object.get(field) {
                self.report.refuse(item, construct);
                given = true;
            }
        }
        if let (Some(read), false) = (object.get("read"), given) {
            self.invalid(read, "`read` is for a schedule on events", "remove it");
        }
    }

    fn evaluation(&mut self, item: Option<&'d Item>) {
        let Some(object) = item.and_then(|item| self.object(item, &["language", "mode"])) else {
            return;
        };
        if let Some(item) = object.get("language")
            && self.text(item).is_some_and(|language| language != "jq")
        {
            self.report.refuse(item, Construct::Language);
        }
        if let Some(item) = object.get("mode")
            && self.choice(item, &[("strict", false), ("loose", true)]) == Some(true)
        {
            self.report.refuse(item, Construct::LooseMode);
        }
    }
}

/// Whether a version of the specification is one that this build reads: 1.0, whatever its patch or
/// pre-release.
fn is_read(version: &str) -> bool {
    Version::new(version).is_ok() && version.starts_with("1.0.")
}

#[cfg(test)]
mod tests {
    use super::is_read;

    #[test]
    fn versions_1_0_are_read() {
        for version in ["1.0.0", "1.0.3", "1.0.12", "1.0.0-alpha5", "1.0.0-alpha1", "1.0.1+x"] {
            assert!(is_read(version), "{version}");
        }
        for version in ["0.8", "0.9.0", "1.1.0", "2.0.0", "1.0", "1", "", "1.0.", "1.0.x", "10.0.0"]
        {
            assert!(!is_read(version), "{version}");
        }
    }
}
