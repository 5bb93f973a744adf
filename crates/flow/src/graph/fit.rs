//! How what a connection gives fits what it leads to, and the same in words.

use flowmill_types::{Clash, Doubt, Misfit, Type, Verdict};
use serde_json::Value;

use super::{Connection, Flow};

/// What is known of the values that pass by a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Of which type they are.
    pub given: Type,
    /// Which ones are taken; `None` where nothing says it, so that each is.
    pub taken: Option<Type>,
    /// Whether they fit.
    pub verdict: Verdict,
}

impl Default for Fit {
    /// Nothing is known, and everything is taken.
    fn default() -> Self {
        Self { given: Type::any(), taken: None, verdict: Verdict::Exact }
    }
}

impl Fit {
    /// Whether some value may not be taken, so that each is looked at when it is.
    pub const fn is_in_doubt(&self) -> bool {
        match self.verdict {
            Verdict::Exact | Verdict::Subtype => false,
            Verdict::Convertible { .. }
            | Verdict::RuntimeCheck { .. }
            | Verdict::Incompatible { .. } => true,
        }
    }

    /// Why the verdict is no better, in a few words; nothing where every value fits.
    pub fn why(&self) -> Option<String> {
        match &self.verdict {
            Verdict::Exact | Verdict::Subtype => None,
            Verdict::Convertible { converter } => {
                Some(format!("`{}` converts it", shown(converter.as_str())))
            }
            Verdict::RuntimeCheck { doubt } => Some(of_doubt(doubt)),
            Verdict::Incompatible { misfit: Misfit::Clash(clash) } => Some(of_clash(clash)),
            Verdict::Incompatible { misfit: Misfit::Denied { reason } } => Some(shown(reason)),
        }
    }
}

impl Flow {
    /// The output port that a connection leaves, as `node.port`.
    pub fn source_of(&self, connection: &Connection) -> String {
        let node = self.node(connection.from);
        format!("{}.{}", node.id, node.ports[connection.port.index()].name)
    }

    /// The input port that a connection enters, as `node.port`.
    pub fn target_of(&self, connection: &Connection) -> String {
        format!("{}.{}", self.node(connection.to).id, connection.to_port)
    }
}

fn of_doubt(doubt: &Doubt) -> String {
    match doubt {
        Doubt::SomeRefused(clash) => of_clash(clash),
        Doubt::Opaque { keyword } => format!("`{}` is asked of each value", shown(keyword)),
        Doubt::EmptySource => "no value is known to be given".to_owned(),
        Doubt::TooComplex => "the types are too large to be compared".to_owned(),
        Doubt::Undecided => "it cannot be told whether all values fit".to_owned(),
        Doubt::Allowed => "the node allows it, although no value seems to fit".to_owned(),
    }
}

fn of_clash(clash: &Clash) -> String {
    let place = match clash.pointer.as_str() {
        "" => String::new(),
        pointer => format!(" at `{}`", shown(pointer)),
    };
    match &clash.example {
        Some(example) => format!("`{}` is refused{place}", example_text(example)),
        None => format!("the types clash{place}"),
    }
}

fn example_text(example: &Value) -> String {
    shown(&example.to_string())
}

/// A text cut to what a line can carry.
fn shown(text: &str) -> String {
    const CHARS: usize = 160;
    let mut cut: String =
        text.chars().take(CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(CHARS).is_some() {
        cut.push('…');
    }
    cut
}
