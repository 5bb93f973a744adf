//! Errors: raised, caught, and tried again.

use flowmill_flow::reading::Item;
use flowmill_model::limits;

use crate::model::{Backoff, Catch, ErrorFilter, ErrorTemplate, Jitter, RetryPolicy, Span, Try};

use super::Reader;
use super::address::Scheme;
use super::around::{Around, Moment};
use super::object::Object;
use super::task::Site;
use super::template::enclosed;

/// The name that an error is bound to unless a document says another.
pub(super) const VARIABLE: &str = "error";

const ERROR: &[&str] = &["type", "status", "instance", "title", "detail"];

const CATCH: &[&str] = &["errors", "as", "when", "exceptWhen", "retry", "do", "then"];

const RETRY: &[&str] = &["when", "exceptWhen", "delay", "backoff", "limit", "jitter"];

/// How a delay grows, by the field that says so.
const BACKOFFS: [(&str, Backoff); 3] = [
    ("constant", Backoff::Constant),
    ("linear", Backoff::Linear),
    ("exponential", Backoff::Exponential),
];

impl<'d> Reader<'d> {
    pub(super) fn raise(&mut self, item: &'d Item, around: &Around<'d>) -> Option<ErrorTemplate> {
        let object = self.object(item, &["error"])?;
        let error = self.require(object, "error", "the error, or its name")?;
        if error.text().is_some() {
            self.named_error(error)
        } else {
            self.inline_error(error, around)
        }
    }

    pub(super) fn inline_error(
        &mut self,
        item: &'d Item,
        around: &Around<'d>,
    ) -> Option<ErrorTemplate> {
        let object = self.object(item, ERROR)?;
        let names = around.names(Moment::Task);
        let kind = self.require(object, "type", "a URI that names the kind of error");
        let kind = kind.and_then(|item| self.uri(item, around, Scheme::Any));
        let status = self.require(object, "status", "the HTTP status that fits it best");
        let status = status.and_then(|item| self.status(item));
        let instance = self.line_of(object.get("instance"), &names);
        let title = self.line_of(object.get("title"), &names);
        let detail = self.line_of(object.get("detail"), &names);
        Some(ErrorTemplate { kind: kind?, status: status?, instance, title, detail })
    }

    fn status(&mut self, item: &'d Item) -> Option<u16> {
        self.whole(item, 100, 599).and_then(|status| u16::try_from(status).ok())
    }

    pub(super) fn try_catch(
        &mut self,
        task: Object<'d>,
        item: &'d Item,
        site: &Site<'_, 'd>,
    ) -> Option<Try> {
        let tasks = self.tasks(item, &format!("{}/try", site.reference), site.around);
        let catch = self.require(task, "catch", "which errors are caught, and what follows");
        let catch = catch.and_then(|item| self.catch(item, site));
        Some(Try { tasks: tasks?, catch: catch? })
    }

    fn catch(&mut self, item: &'d Item, site: &Site<'_, 'd>) -> Option<Catch> {
        let object = self.object(item, CATCH)?;
        let variable = self.bound_name(object.get("as"), VARIABLE);
        let inside = site.around.with(variable);
        let names = inside.names(Moment::Task);
        let tasks = object
            .get("do")
            .and_then(|item| self.tasks(item, &format!("{}/catch/do", site.reference), &inside));
        Some(Catch {
            errors: self.errors(object.get("errors")).unwrap_or_default(),
            variable: variable.to_owned(),
            when: self.condition(object.get("when"), &names),
            except_when: self.condition(object.get("exceptWhen"), &names),
            retry: object.get("retry").and_then(|item| self.retry(item, variable, site.around)),
            tasks: tasks.unwrap_or_default(),
            then: object.get("then").and_then(|item| self.directive(item, site.siblings)),
        })
    }

    fn errors(&mut self, item: Option<&'d Item>) -> Option<ErrorFilter> {
        let object = self.object(item?, &["with"])?;
        let filter = self.object(object.get("with")?, ERROR)?;
        if filter.item.entries().is_empty() {
            let help = "give a property, or leave `errors` out to catch every error";
            self.invalid(filter.item, "the filter has no properties", help);
        }
        Some(ErrorFilter {
            kind: self.fixed_text(filter.get("type")),
            status: filter.get("status").and_then(|item| self.status(item)),
            instance: self.fixed_text(filter.get("instance")),
            title: self.fixed_text(filter.get("title")),
            detail: self.fixed_text(filter.get("detail")),
        })
    }

    /// A text of a filter, which cannot be an expression.
    fn fixed_text(&mut self, item: Option<&'d Item>) -> Option<String> {
        let item = item?;
        let text = self.text(item)?;
        if enclosed(text).is_some() {
            self.invalid(item, "a filter has no expressions", "write the condition into `when`");
        }
        Some(text.to_owned())
    }

    fn retry(
        &mut self,
        item: &'d Item,
        variable: &'d str,
        around: &Around<'d>,
    ) -> Option<RetryPolicy> {
        if item.text().is_some() {
            return self.named_retry(item);
        }
        self.inline_retry(item, variable, around)
    }

    pub(super) fn inline_retry(
        &mut self,
        item: &'d Item,
        variable: &'d str,
        around: &Around<'d>,
    ) -> Option<RetryPolicy> {
        let object = self.object(item, RETRY)?;
        let names = around.with(variable).names(Moment::Task);
        let limit = object.get("limit");
        let limit = limit.and_then(|item| self.object(item, &["attempt", "duration"]));
        let attempt = limit.and_then(|limit| limit.get("attempt"));
        let attempt = attempt.and_then(|item| self.object(item, &["count", "duration"]));
        let within =
            |object: Option<Object<'d>>, field| object.and_then(|object| object.get(field));
        Some(RetryPolicy {
            variable: variable.to_owned(),
            when: self.condition(object.get("when"), &names),
            except_when: self.condition(object.get("exceptWhen"), &names),
            delay: self.span_of(object.get("delay"), around),
            backoff: self.backoff(object.get("backoff")).unwrap_or_default(),
            retries: within(attempt, "count")
                .and_then(|item| self.whole(item, 0, limits::ATTEMPTS)),
            attempt_duration: self.span_of(within(attempt, "duration"), around),
            duration: self.span_of(within(limit, "duration"), around),
            jitter: object.get("jitter").and_then(|item| self.jitter(item, around)),
        })
    }

    fn backoff(&mut self, item: Option<&'d Item>) -> Option<Backoff> {
        let item = item?;
        let object = self.object(item, &["constant", "linear", "exponential"])?;
        let given = BACKOFFS.iter().filter(|(field, _)| item.get(field).is_some());
        let given: Vec<_> = given.collect();
        let [(field, backoff)] = given[..] else {
            let help = "write one of constant, linear and exponential, as in `linear: {}`";
            self.invalid(item, "a backoff is of one kind", help);
            return None;
        };
        // An empty object is often written as nothing at all.
        if let Some(definition) = object.get(field) {
            self.object(definition, &[]);
        }
        Some(*backoff)
    }

    fn jitter(&mut self, item: &'d Item, around: &Around<'d>) -> Option<Jitter> {
        let object = self.object(item, &["from", "to"])?;
        let from = self.require(object, "from", "the least that is added to a delay");
        let from = from.and_then(|item| self.span(item, around));
        let to = self.require(object, "to", "the most that is added to a delay");
        let to = to.and_then(|item| self.span(item, around));
        let (from, to) = (from?, to?);
        if let (Span::Fixed(least), Span::Fixed(most)) = (&from, &to)
            && least > most
        {
            self.invalid(item, "the least jitter is larger than the most", "swap `from` and `to`");
        }
        Some(Jitter { from, to })
    }
}
