//! Lengths of time: ISO 8601, an object of units, or an expression.

use flowmill_flow::reading::{Item, duration};

use crate::construct::Construct;
use crate::model::Span;

use super::Reader;
use super::around::{Around, Moment};
use super::object::Object;
use super::template::enclosed;

impl<'d> Reader<'d> {
    pub(super) fn span(&mut self, item: &'d Item, around: &Around<'d>) -> Option<Span> {
        let text = item.text().unwrap_or_default();
        if enclosed(text).is_some() {
            return self.expression(item, &around.names(Moment::Task)).map(Span::Computed);
        }
        if is_calendar(text) {
            self.report.refuse(item, Construct::CalendarDuration);
            return None;
        }
        match duration(item) {
            Ok(duration) => Some(Span::Fixed(duration)),
            Err(error) => {
                self.invalid(item, error.message, error.help);
                None
            }
        }
    }

    /// The length of time in a field that may be left out.
    pub(super) fn span_of(&mut self, item: Option<&'d Item>, around: &Around<'d>) -> Option<Span> {
        self.span(item?, around)
    }

    /// A time-out: its name, or `{after: ...}`.
    pub(super) fn timeout(&mut self, item: Option<&'d Item>, around: &Around<'d>) -> Option<Span> {
        let item = item?;
        if item.text().is_some() {
            return self.named_timeout(item);
        }
        self.inline_timeout(item, around)
    }

    pub(super) fn inline_timeout(&mut self, item: &'d Item, around: &Around<'d>) -> Option<Span> {
        let object: Object<'d> = self.object(item, &["after"])?;
        let after = self.require(object, "after", "the time after which it ends")?;
        let span = self.span(after, around)?;
        if let Span::Fixed(duration) = &span
            && duration.is_zero()
        {
            self.invalid(after, "the time-out is zero", "write a longer one, or leave it out");
        }
        Some(span)
    }
}

/// Whether a text is a duration with years or months.
fn is_calendar(text: &str) -> bool {
    let date = text.strip_prefix('P').map(|rest| rest.split('T').next().unwrap_or_default());
    let allowed = |byte: u8| byte.is_ascii_digit() || b"YMWD.,".contains(&byte);
    date.is_some_and(|date| date.contains(['Y', 'M']) && date.bytes().all(allowed))
}
