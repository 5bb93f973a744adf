//! From a document's tree to the model.
//!
//! [`Reader`] walks the tree once and gathers every error on the way. Each part of the document
//! has a file with methods of it. A method that gives `None` has reported why; a part that is left
//! out for that reason makes no difference any more, since a document with an error gives no model.

mod address;
mod around;
mod call;
mod components;
mod data;
mod document;
mod event;
mod fault;
mod http;
mod object;
mod recursion;
mod run;
mod span;
mod task;
mod template;

use flowmill_flow::Format;
use flowmill_flow::reading::{Finding, Item, Source};
use flowmill_flow::{Diagnostic, DiagnosticCode};

use crate::model::Workflow;
use crate::report::{DocumentError, Report};

use components::Components;
use recursion::FunctionUse;

/// Reads a document, or says everything that is wrong with it, in the order of the text. Never
/// gives an empty list of errors.
pub fn read(text: &[u8], format: Format) -> Result<Workflow, Vec<DocumentError>> {
    let source = Source::read(text, format).map_err(placed)?;
    let mut reader = Reader::new(&source);
    let workflow = reader.workflow();
    match workflow {
        Some(workflow) if reader.report.is_empty() => Ok(workflow),
        Some(_) | None => Err(reader.report.into_errors(&source.root)),
    }
}

fn placed(diagnostics: Vec<Diagnostic>) -> Vec<DocumentError> {
    diagnostics.into_iter().map(DocumentError::from).collect()
}

/// What a document is read with.
struct Reader<'d> {
    source: &'d Source<'d>,
    report: Report<'d>,
    /// What the document names for use elsewhere.
    components: Components,
    /// The calls of functions so far that stand in functions.
    calls: Vec<FunctionUse<'d>>,
    /// The function that is being read.
    function: Option<&'d str>,
    /// How many tasks were read.
    tasks: usize,
}

impl<'d> Reader<'d> {
    fn new(source: &'d Source<'d>) -> Self {
        Self {
            source,
            report: Report::default(),
            components: Components::default(),
            calls: Vec::new(),
            function: None,
            tasks: 0,
        }
    }

    /// An error about an item.
    fn fault(
        &mut self,
        item: &'d Item,
        code: DiagnosticCode,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.report.add(item, item.place, Finding::new(code, message, help));
    }

    /// A value that is of the right type, but not a possible one.
    fn invalid(&mut self, item: &'d Item, message: impl Into<String>, help: impl Into<String>) {
        self.fault(item, DiagnosticCode::InvalidValue, message, help);
    }
}
