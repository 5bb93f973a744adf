//! The configurations: small models, each about one concern.

use crate::deferrals::{self, Deferrals};
use crate::mutation::Mutation;
use crate::outputs::{self, Outputs};
use crate::ownership::{self, Ownership};
use crate::projection::{self, Projection};
use crate::property::Property;
use crate::search::{End, Found, search};
use crate::timers::{self, Timers};

/// A model whose whole state space is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Config {
    /// Claims, appends with every kind of end, and the gap check.
    Ownership,
    /// Sending what batches decided, and the dispatched mark.
    Outputs,
    /// Rows, watermark and margin mark in a store that can lose what it acknowledged.
    Projection,
    /// Inputs that are read from two topics and cannot be decided yet.
    Deferrals,
    /// Timers, their rows and the cursor.
    Timers,
}

impl Config {
    /// All of them.
    pub const ALL: &[Self] =
        &[Self::Ownership, Self::Outputs, Self::Projection, Self::Deferrals, Self::Timers];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ownership => "ownership",
            Self::Outputs => "outputs",
            Self::Projection => "projection",
            Self::Deferrals => "deferrals",
            Self::Timers => "timers",
        }
    }

    /// The configuration with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|config| config.name() == name)
    }

    /// How much of everything there is in it, in words.
    pub fn bounds(self) -> String {
        match self {
            Self::Ownership => ownership::bounds(),
            Self::Outputs => outputs::bounds(),
            Self::Projection => projection::bounds(),
            Self::Deferrals => deferrals::bounds(),
            Self::Timers => timers::bounds(),
        }
    }

    /// The properties that it checks.
    pub const fn checks(self) -> &'static [Property] {
        match self {
            Self::Ownership => &[Property::S1, Property::S2, Property::S4],
            Self::Outputs => &[Property::S3, Property::S5],
            Self::Projection => &[Property::S2, Property::S6],
            Self::Deferrals => &[Property::S1, Property::S7, Property::S8],
            Self::Timers => &[Property::S9],
        }
    }

    /// The mutations that it must catch.
    pub fn mutations(self) -> impl Iterator<Item = Mutation> {
        Mutation::ALL.iter().copied().filter(move |mutation| mutation.config() == self)
    }

    /// Searches it as it should be.
    pub fn search(self) -> Found {
        self.search_with(None)
    }

    fn search_with(self, mutation: Option<Mutation>) -> Found {
        match self {
            Self::Ownership => search(&Ownership::new(mutation)),
            Self::Outputs => search(&Outputs::new(mutation)),
            Self::Projection => search(&Projection::new(mutation)),
            Self::Deferrals => search(&Deferrals::new(mutation)),
            Self::Timers => search(&Timers::new(mutation)),
        }
    }
}

impl Mutation {
    /// Searches the configuration that must catch it.
    pub fn search(self) -> Found {
        self.config().search_with(Some(self))
    }
}

impl End {
    /// Whether it is what a model as it should be ends with; if not, why.
    pub fn must_hold(&self) -> Result<(), String> {
        match self {
            Self::Holds => Ok(()),
            Self::Broken(shown) => Err(shown.broken.to_string()),
            Self::Vacuous(missed) => Err(format!("never reached: {}", missed.join("; "))),
            Self::TooLarge => Err("there are too many states to search".to_owned()),
        }
    }

    /// Whether it is what a mutation must end with: a counterexample. An end that only shows that
    /// the model gets nowhere, or was not searched, is none.
    pub fn must_break(&self) -> Result<(), String> {
        match self {
            Self::Broken(_) => Ok(()),
            Self::Holds | Self::Vacuous(_) => Err("no property is broken".to_owned()),
            Self::TooLarge => Err("there are too many states to search".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::property::Broken;
    use crate::search::Counterexample;

    #[test]
    fn a_mutation_that_breaks_nothing_is_not_caught() {
        let broken = Broken { property: Property::S1, why: "" };
        let check = |end: End, holds: bool, breaks: bool| {
            assert_eq!((end.must_hold().is_ok(), end.must_break().is_ok()), (holds, breaks));
        };
        check(End::Holds, true, false);
        check(End::Broken(Counterexample { broken, steps: vec![] }), false, true);
        check(End::Vacuous(vec!["anything"]), false, false);
        check(End::TooLarge, false, false);
    }

    #[test]
    fn names_are_those_of_one_thing_each() {
        for config in Config::ALL {
            assert_eq!(Config::named(config.name()), Some(*config));
            assert!(config.mutations().next().is_some(), "{} catches nothing", config.name());
        }
        for mutation in Mutation::ALL {
            assert_eq!(Mutation::named(mutation.name()), Some(*mutation));
        }
        assert_eq!(Mutation::named("none-of-these"), None);
    }
}
