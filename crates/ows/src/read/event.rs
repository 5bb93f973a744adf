//! Events: published and waited for.

use flowmill_flow::DiagnosticCode;
use flowmill_flow::reading::{Entry, Finding, Item, ItemValue, excerpt};

use crate::model::{
    Correlation, EventFilter, EventLoop, EventMatch, EventRead, EventTemplate, Listen, Strategy,
    Until,
};

use super::Reader;
use super::address::Scheme;
use super::around::{Around, Moment};
use super::object::Object;
use super::task::Site;
use super::template::enclosed;

/// The attributes that the specification names.
const ATTRIBUTES: [&str; 8] =
    ["id", "source", "type", "time", "subject", "datacontenttype", "dataschema", "data"];

/// Attributes that nobody sets: they say how an event is written.
const OWN: [&str; 2] = ["specversion", "data_base64"];

/// What is read of an event, by the words that say so.
const READS: [(&str, EventRead); 3] =
    [("data", EventRead::Data), ("envelope", EventRead::Envelope), ("raw", EventRead::Raw)];

impl<'d> Reader<'d> {
    pub(super) fn emit(&mut self, item: &'d Item, around: &Around<'d>) -> Option<EventTemplate> {
        let object = self.object(item, &["event"])?;
        let event = self.require(object, "event", "the event to publish")?;
        let event = self.object(event, &["with"])?;
        let with = self.require(event, "with", "the attributes of the event")?;
        self.event(with, around)
    }

    /// An event's attributes. Those beyond [`ATTRIBUTES`] are extensions, whatever they are called.
    fn event(&mut self, item: &'d Item, around: &Around<'d>) -> Option<EventTemplate> {
        let entries = self.entries(item)?;
        let names = around.names(Moment::Task);
        let given = |name: &str| item.get(name).filter(|item| item.value != ItemValue::Null);
        if given("type").is_none() {
            let (code, message) = (DiagnosticCode::MissingField, "the field `type` is missing");
            self.fault(item, code, message, "add it: the kind of event");
        }
        let kind = self.line_of(given("type"), &names);
        let source = given("source").and_then(|item| self.uri(item, around, Scheme::Any));
        let schema = given("dataschema").and_then(|item| self.uri(item, around, Scheme::Any));
        let further = entries.iter().filter(|entry| !ATTRIBUTES.contains(&entry.key.as_str()));
        let extensions = further.filter_map(|entry| {
            self.attribute_name(entry);
            Some((entry.key.clone(), self.line_of(Some(&entry.value), &names)?))
        });
        let extensions = extensions.collect();
        Some(EventTemplate {
            id: self.line_of(given("id"), &names),
            source,
            time: self.line_of(given("time"), &names),
            subject: self.line_of(given("subject"), &names),
            content_type: self.line_of(given("datacontenttype"), &names),
            schema,
            data: item.get("data").and_then(|item| self.template(item, &names)),
            extensions,
            kind: kind?,
        })
    }

    /// Checks the name of an attribute as CloudEvents has it.
    fn attribute_name(&mut self, entry: &'d Entry) {
        let name = entry.key.as_str();
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = !name.is_empty() && name.bytes().all(letter) && !OWN.contains(&name);
        if !fits {
            let message = format!("`{}` cannot be an attribute of an event", excerpt(name));
            let help = "use lower-case letters and digits, and none of CloudEvents' own names";
            let finding = Finding::new(DiagnosticCode::InvalidName, message, help);
            self.report.add(&entry.value, entry.key_place, finding);
        }
    }

    pub(super) fn listen(
        &mut self,
        task: Object<'d>,
        item: &'d Item,
        site: &Site<'_, 'd>,
    ) -> Option<Listen> {
        let object = self.object(item, &["to", "read"])?;
        let read = object.get("read").and_then(|item| self.choice(item, &READS));
        let each = task.get("foreach").and_then(|item| self.event_loop(item, site));
        let to = self.require(object, "to", "which events to wait for")?;
        let to = self.strategy(to, site.around, Stop::Allowed)?;
        Some(Listen { to, read: read.unwrap_or_default(), each })
    }

    fn event_loop(&mut self, item: &'d Item, site: &Site<'_, 'd>) -> Option<EventLoop> {
        let object = self.object(item, &["item", "at", "do", "output", "export"])?;
        let (item, index) = self.bound_pair(object.get("item"), object.get("at"));
        let inside = site.around.with(item).with(index);
        let tasks = object
            .get("do")
            .and_then(|item| self.tasks(item, &format!("{}/foreach/do", site.reference), &inside));
        Some(EventLoop {
            item: item.to_owned(),
            index: index.to_owned(),
            tasks: tasks.unwrap_or_default(),
            output: self.output(object.get("output"), &inside, Moment::Task),
            export: self.output(object.get("export"), &inside, Moment::Export),
        })
    }

    fn strategy(&mut self, item: &'d Item, around: &Around<'d>, stop: Stop) -> Option<Strategy> {
        self.object(item, &["one", "all", "any", "until"])?;
        let ways = ["one", "all", "any"];
        let given: Vec<_> = ways.iter().filter_map(|way| Some((*way, item.get(way)?))).collect();
        let [(way, events)] = given[..] else {
            let help = "write one of `one`, `all` and `any`";
            self.invalid(item, "which events to wait for is said in one way", help);
            return None;
        };
        let until = item.get("until").filter(|item| item.value != ItemValue::Null);
        if let (Some(until), false) = (until, way == "any" && stop == Stop::Allowed) {
            let message = "nothing can be waited for until something here";
            let help = "remove `until`: it is for `any` of a listen task alone";
            self.invalid(until, message, help);
            return None;
        }
        match way {
            "one" => self.filter(events, around).map(Strategy::One),
            "all" => self.filters(events, around).map(Strategy::All),
            _ => {
                let filters = self.filters(events, around);
                let until = until.and_then(|item| self.until(item, around));
                Some(Strategy::Any { filters: filters?, until })
            }
        }
    }

    fn until(&mut self, item: &'d Item, around: &Around<'d>) -> Option<Until> {
        if item.text().is_some() {
            let names = around.names(Moment::Task);
            return self.expression(item, &names).map(Until::Condition);
        }
        let events = self.strategy(item, around, Stop::Refused)?;
        Some(Until::Events(Box::new(events)))
    }

    fn filters(&mut self, item: &'d Item, around: &Around<'d>) -> Option<Vec<EventFilter>> {
        let filters = self.items(item)?.iter().map(|item| self.filter(item, around));
        // Collected first, so that every filter's errors are reported.
        filters.collect::<Vec<_>>().into_iter().collect()
    }

    fn filter(&mut self, item: &'d Item, around: &Around<'d>) -> Option<EventFilter> {
        let object = self.object(item, &["with", "correlate"])?;
        let correlate = object.get("correlate").map(|item| self.correlations(item, around));
        let with = self.require(object, "with", "what the event's attributes must be")?;
        let entries = self.entries(with)?;
        if entries.is_empty() {
            let help = "give at least one attribute; `any: []` waits for any event";
            self.invalid(with, "the filter has no attributes", help);
        }
        let with = entries.iter().map(|entry| {
            if !ATTRIBUTES.contains(&entry.key.as_str()) {
                self.attribute_name(entry);
            }
            Some((entry.key.clone(), self.event_match(&entry.value, around)?))
        });
        let with = with.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?;
        Some(EventFilter { with, correlate: correlate.unwrap_or_default() })
    }

    fn event_match(&mut self, item: &'d Item, around: &Around<'d>) -> Option<EventMatch> {
        let names = around.names(Moment::Task);
        if item.text().is_some_and(|text| enclosed(text).is_some()) {
            return self.expression(item, &names).map(EventMatch::Expression);
        }
        self.template(item, &names).map(EventMatch::Value)
    }

    fn correlations(&mut self, item: &'d Item, around: &Around<'d>) -> Vec<(String, Correlation)> {
        let entries = self.entries(item).unwrap_or_default();
        let names = around.names(Moment::Task);
        let correlations = entries.iter().filter_map(|entry| {
            let object = self.object(&entry.value, &["from", "expect"])?;
            let expect = object.get("expect").and_then(|item| self.template(item, &names));
            let from = self.require(object, "from", "what gives the value of the event")?;
            let from = self.expression(from, &names)?;
            Some((entry.key.clone(), Correlation { from, expect }))
        });
        correlations.collect()
    }
}

/// Whether a strategy may say when to stop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    Allowed,
    Refused,
}
