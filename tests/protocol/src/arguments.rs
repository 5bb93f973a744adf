//! The command line.

use flowmill_protocol::{Config, Mutation};

/// What can be asked for.
pub(crate) const USAGE: &str = "\
Usage: flowmill-protocol [--config NAME] [--mutation NAME] [--trace]

Without a name every configuration is searched, then every mutation.

  --config NAME    search one configuration as it should be
  --mutation NAME  search the configuration of a mutation with it; no counterexample is a failure
  --trace          print counterexamples step by step";

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arguments {
    Help,
    Config { config: Config, trace: bool },
    Mutation { mutation: Mutation, trace: bool },
    Everything { trace: bool },
}

impl Arguments {
    /// Reads the words after the program's name; an error says what is wrong with them.
    pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut words = words.into_iter();
        let (mut config, mut mutation, mut trace) = (None, None, false);
        while let Some(word) = words.next() {
            let mut name = || words.next().ok_or_else(|| format!("{word} needs a name"));
            match word.as_str() {
                "--config" => config = Some(config_named(&name()?)?),
                "--mutation" => mutation = Some(mutation_named(&name()?)?),
                "--trace" => trace = true,
                "--help" => return Ok(Self::Help),
                other => return Err(format!("`{other}` is not understood")),
            }
        }
        match (config, mutation) {
            (Some(config), Some(mutation)) if mutation.config() != config => {
                Err(format!("{} is one of {}", mutation.name(), mutation.config().name()))
            }
            (_, Some(mutation)) => Ok(Self::Mutation { mutation, trace }),
            (Some(config), None) => Ok(Self::Config { config, trace }),
            (None, None) => Ok(Self::Everything { trace }),
        }
    }
}

fn config_named(name: &str) -> Result<Config, String> {
    let all = || Config::ALL.iter().map(|config| config.name()).collect::<Vec<_>>().join(", ");
    Config::named(name).ok_or_else(|| format!("there is no configuration `{name}`: {}", all()))
}

fn mutation_named(name: &str) -> Result<Mutation, String> {
    let all = || Mutation::ALL.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
    Mutation::named(name).ok_or_else(|| format!("there is no mutation `{name}`: {}", all()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_line_says_what_is_searched() {
        let (config, mutation) = (Config::Ownership, Mutation::NoGapCheck);
        let check = |line: &str, expect: Arguments| assert_eq!(parse(line), Ok(expect));
        check("", Arguments::Everything { trace: false });
        check("--trace --config ownership", Arguments::Config { config, trace: true });
        check("--mutation no-gap-check", Arguments::Mutation { mutation, trace: false });
        check(
            "--mutation no-gap-check --config ownership",
            Arguments::Mutation { mutation, trace: false },
        );
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        let check = |line: &str, part: &str| {
            let why = parse(line).expect_err(line);
            assert!(why.contains(part), "{why}");
        };
        check("--mutation nothing", "no-gap-check");
        check("--config nothing", "ownership");
        check("--config outputs --mutation no-gap-check", "one of ownership");
        check("--config", "needs a name");
        check("--seed 1", "`--seed`");
    }
}
