//! Tasks: lists of them, what all have in common, and those that only lead to others.

use std::collections::BTreeSet;

use flowmill_flow::reading::{Entry, Finding, Item, ItemValue, escape, excerpt, suggest};
use flowmill_flow::{DiagnosticCode, Template};
use flowmill_model::limits;

use crate::model::{Action, Case, Directive, Fork, Loop, Task, TaskIndex};

use super::Reader;
use super::around::{Around, Moment};
use super::object::Object;

/// One kind of task: the field that tells it, and all its fields.
struct Kind {
    field: &'static str,
    fields: &'static [&'static str],
}

macro_rules! kind {
    ($field:literal $(, $more:literal)*) => {
        Kind {
            field: $field,
            fields: &[
                $field, $($more,)* "if", "input", "output", "export", "timeout", "then", "metadata",
            ],
        }
    };
}

/// Every kind; `do` is the last, since others have a field of that name.
const KINDS: [Kind; 12] = [
    kind!("call", "with"),
    kind!("emit"),
    kind!("for", "while", "do"),
    kind!("fork"),
    kind!("listen", "foreach"),
    kind!("raise"),
    kind!("run"),
    kind!("set"),
    kind!("switch"),
    kind!("try", "catch"),
    kind!("wait"),
    kind!("do"),
];

/// Where a task stands.
pub(super) struct Site<'s, 'd> {
    pub(super) around: &'s Around<'d>,
    /// The names of the tasks of its list.
    pub(super) siblings: &'s [&'d str],
    /// The task's JSON pointer.
    pub(super) reference: &'s str,
}

impl<'d> Reader<'d> {
    /// The tasks of a list, which stands at the JSON pointer `at`.
    pub(super) fn tasks(
        &mut self,
        item: &'d Item,
        at: &str,
        around: &Around<'d>,
    ) -> Option<Vec<Task>> {
        let entries = self.task_entries(item)?;
        let siblings: Vec<_> = entries.iter().map(|(_, entry)| entry.key.as_str()).collect();
        let mut tasks = Vec::with_capacity(entries.len());
        for &(index, entry) in &entries {
            let reference = format!("{at}/{index}/{}", escape(&entry.key));
            let site = Site { around, siblings: &siblings, reference: &reference };
            tasks.push(self.task(entry, &site));
        }
        // Collected first, so that every task's errors are reported.
        tasks.into_iter().collect()
    }

    /// The names and definitions of the tasks of a list, each with its place in the list.
    fn task_entries(&mut self, item: &'d Item) -> Option<Vec<(usize, &'d Entry)>> {
        let items = self.items(item)?;
        if items.is_empty() {
            self.invalid(item, "there is no task in the list", "write at least one task");
        }
        self.tasks += items.len();
        if self.tasks > limits::WORKFLOW_TASKS {
            let message = format!("there are more than {} tasks", limits::WORKFLOW_TASKS);
            let help = "put some of them into a workflow of their own, and run that";
            self.fault(item, DiagnosticCode::TooLarge, message, help);
            return None;
        }
        let mut entries = Vec::with_capacity(items.len());
        let mut names = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let Some(entry) = self.only_entry(item, "task") else { continue };
            self.task_name(entry, &mut names);
            entries.push((index, entry));
        }
        Some(entries)
    }

    fn task_name(&mut self, entry: &'d Entry, names: &mut BTreeSet<&'d str>) {
        let (shown, most) = (excerpt(&entry.key), limits::TASK_NAME_CHARS);
        if !(1..=most).contains(&entry.key.chars().count()) {
            let message = format!("`{shown}` cannot be a task's name");
            let help = format!("use 1 to {most} characters");
            let finding = Finding::new(DiagnosticCode::InvalidName, message, help);
            self.report.add(&entry.value, entry.key_place, finding);
        }
        if !names.insert(&entry.key) {
            let message = format!("there are two tasks `{shown}` in one list");
            let finding =
                Finding::new(DiagnosticCode::DuplicateName, message, "rename one of them");
            self.report.add(&entry.value, entry.key_place, finding);
        }
    }

    /// A function: a task that stands alone.
    pub(super) fn function_task(&mut self, entry: &'d Entry) -> Option<Task> {
        self.tasks += 1;
        let reference = format!("/use/functions/{}", escape(&entry.key));
        let around = Around::default();
        self.task(entry, &Site { around: &around, siblings: &[], reference: &reference })
    }

    fn task(&mut self, entry: &'d Entry, site: &Site<'_, 'd>) -> Option<Task> {
        if self.report.is_full() {
            return None;
        }
        let item = &entry.value;
        let object = self.task_object(item)?;
        let around = site.around;
        let before = around.names(Moment::BeforeTask);
        let condition = self.condition(object.get("if"), &before);
        let input = self.input(object.get("input"), around, Moment::BeforeTask);
        let action = self.action(object, site);
        let output = self.output(object.get("output"), around, Moment::Task);
        let export = self.output(object.get("export"), around, Moment::Export);
        let timeout = self.timeout(object.get("timeout"), around);
        let then = object.get("then").and_then(|item| self.directive(item, site.siblings));
        Some(Task {
            name: entry.key.clone(),
            reference: site.reference.to_owned(),
            place: item.place,
            condition,
            input,
            output,
            export,
            timeout,
            then: then.unwrap_or_default(),
            metadata: self.free_object(object.get("metadata")),
            action: action?,
        })
    }

    /// The task as an object with the fields of its kind.
    fn task_object(&mut self, item: &'d Item) -> Option<Object<'d>> {
        let entries = self.entries(item)?;
        if let Some(kind) = KINDS.iter().find(|kind| item.get(kind.field).is_some()) {
            return self.object(item, kind.fields);
        }
        let kinds = || KINDS.iter().map(|kind| kind.field);
        let meant = entries.iter().find_map(|entry| {
            let help = suggest(&entry.key, kinds(), String::new);
            (!help.is_empty()).then_some(help)
        });
        let all = || format!("write one of {}", kinds().collect::<Vec<_>>().join(", "));
        let help = meant.unwrap_or_else(all);
        self.fault(item, DiagnosticCode::MissingField, "the task does not say what it does", help);
        None
    }

    fn action(&mut self, task: Object<'d>, site: &Site<'_, 'd>) -> Option<Action> {
        let Site { around, reference, .. } = *site;
        let names = around.names(Moment::Task);
        let kind = KINDS.iter().find(|kind| task.item.get(kind.field).is_some())?;
        let item = self.require(task, kind.field, "what the task does")?;
        match kind.field {
            "call" => self.call(task, item, around).map(Action::Call),
            "do" => self.tasks(item, &format!("{reference}/do"), around).map(Action::Do),
            "emit" => self.emit(item, around).map(Action::Emit),
            "for" => self.for_each(task, item, site).map(Action::For),
            "fork" => self.fork(item, site).map(Action::Fork),
            "listen" => self.listen(task, item, site).map(Action::Listen),
            "raise" => self.raise(item, around).map(Action::Raise),
            "run" => self.run(item, around).map(Action::Run),
            "set" => self.transform(item, &names).map(Action::Set),
            "switch" => self.switch(item, site).map(Action::Switch),
            "try" => self.try_catch(task, item, site).map(|tried| Action::Try(Box::new(tried))),
            _ => self.span(item, around).map(Action::Wait),
        }
    }

    fn for_each(&mut self, task: Object<'d>, item: &'d Item, site: &Site<'_, 'd>) -> Option<Loop> {
        let object = self.object(item, &["each", "in", "at"])?;
        let (each, at) = self.bound_pair(object.get("each"), object.get("at"));
        let collection = self.require(object, "in", "what gives the array");
        let names = site.around.names(Moment::Task);
        let collection = collection.and_then(|item| {
            if let ItemValue::List(_) = item.value {
                return self.template(item, &names);
            }
            self.expression(item, &names).map(Template::from)
        });
        let inside = site.around.with(each).with(at);
        let condition = self.condition(task.get("while"), &inside.names(Moment::Task));
        let tasks = self.require(task, "do", "the tasks for each item");
        let tasks =
            tasks.and_then(|item| self.tasks(item, &format!("{}/do", site.reference), &inside));
        Some(Loop {
            item: each.to_owned(),
            index: at.to_owned(),
            collection: collection?,
            condition,
            tasks: tasks?,
        })
    }

    /// Branches run beside each other, so each of them is alone in its list.
    fn fork(&mut self, item: &'d Item, site: &Site<'_, 'd>) -> Option<Fork> {
        let object = self.object(item, &["branches", "compete"])?;
        let compete = self.flag(object, "compete").unwrap_or_default();
        let branches = self.require(object, "branches", "the branches, at least one")?;
        let entries = self.task_entries(branches)?;
        let branches = entries.iter().map(|&(index, entry)| {
            let name = escape(&entry.key);
            let reference = format!("{}/fork/branches/{index}/{name}", site.reference);
            self.task(entry, &Site { around: site.around, siblings: &[], reference: &reference })
        });
        let branches: Vec<_> = branches.collect();
        Some(Fork { branches: branches.into_iter().collect::<Option<_>>()?, compete })
    }

    fn switch(&mut self, item: &'d Item, site: &Site<'_, 'd>) -> Option<Vec<Case>> {
        let items = self.items(item)?;
        if items.is_empty() {
            self.invalid(item, "the switch has no cases", "add a case, or remove the switch");
        }
        if items.len() > limits::SWITCH_CASES {
            let message = format!("there are more than {} cases", limits::SWITCH_CASES);
            self.fault(item, DiagnosticCode::TooLarge, message, "split the switch");
            return None;
        }
        let entries: Vec<_> = items.iter().map(|item| self.only_entry(item, "case")).collect();
        let cases = entries.into_iter().map(|entry| self.case(entry?, site));
        let cases: Vec<_> = cases.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?;
        let is_default = |case: &&Case| case.when.is_none();
        if cases.iter().filter(is_default).count() > 1 {
            let message = "several cases have no condition";
            self.invalid(item, message, "give all but one of them a `when`");
        }
        Some(cases)
    }

    fn case(&mut self, entry: &'d Entry, site: &Site<'_, 'd>) -> Option<Case> {
        let object = self.object(&entry.value, &["when", "then"])?;
        let when = object.get("when");
        let condition = self.condition(when, &site.around.names(Moment::Task));
        let then = self.require(object, "then", "what comes next")?;
        let then = self.directive(then, site.siblings)?;
        // A condition that is wrong is not the same as none.
        let fine = when.is_none() || condition.is_some();
        fine.then(|| Case { name: entry.key.clone(), when: condition, then })
    }

    /// What comes after a task: a word, or the name of a task of the same list.
    pub(super) fn directive(&mut self, item: &'d Item, siblings: &[&'d str]) -> Option<Directive> {
        let name = self.text(item)?;
        match name {
            "continue" => return Some(Directive::Continue),
            "exit" => return Some(Directive::Exit),
            "end" => return Some(Directive::End),
            _ => {}
        }
        if let Some(index) = siblings.iter().position(|sibling| *sibling == name) {
            return Some(Directive::Task(TaskIndex::new(index)));
        }
        let message = format!("there is no task `{}` in this list", excerpt(name));
        let words = ["continue", "exit", "end"];
        let known = siblings.iter().copied().chain(words);
        let help = suggest(name, known, || {
            "name a task of the same list, or write continue, exit or end".to_owned()
        });
        self.fault(item, DiagnosticCode::UnknownReference, message, help);
        None
    }
}
