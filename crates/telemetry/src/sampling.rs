//! Checks how traces are to be sampled.
//!
//! OpenTelemetry's library reads its variables itself and records everything when it cannot. A
//! server that was to record one trace in a thousand must not start like that.

/// Variables of OpenTelemetry.
pub(crate) const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
pub(crate) const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";

/// Samplers that take a share.
const SHARING: [&str; 2] = ["traceidratio", "parentbased_traceidratio"];

/// Samplers that take nothing.
const PLAIN: [&str; 4] =
    ["always_on", "always_off", "parentbased_always_on", "parentbased_always_off"];

/// Why a sampler cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownSampler {
    /// There is none of this name.
    #[error("{SAMPLER} is `{0}`; write one of {names}", names = [&PLAIN[..], &SHARING].concat().join(", "))]
    Name(String),
    /// It takes a share, and there is none.
    #[error("{ARGUMENT} is `{0}`; write the share of traces to record, from 0 to 1, such as 0.01")]
    Share(String),
}

/// Checks a sampler and its argument.
pub(crate) fn check(sampler: Option<&str>, argument: Option<&str>) -> Result<(), UnknownSampler> {
    match sampler {
        None => Ok(()),
        Some(name) if PLAIN.contains(&name) => Ok(()),
        Some(name) if SHARING.contains(&name) => {
            let text = argument.unwrap_or_default();
            let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
            share.map(drop).ok_or_else(|| UnknownSampler::Share(text.to_owned()))
        }
        Some(name) => Err(UnknownSampler::Name(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sampler_is_known_and_its_share_is_one() {
        let check = |sampler, argument, expect: Result<(), UnknownSampler>| {
            assert_eq!(check(sampler, argument), expect, "{sampler:?} {argument:?}");
        };
        check(None, None, Ok(()));
        check(None, Some("no matter"), Ok(()));
        check(Some("always_off"), None, Ok(()));
        check(Some("parentbased_traceidratio"), Some("0.25"), Ok(()));
        check(Some("traceidratio"), Some("1"), Ok(()));
        let share = |text: &str| Err(UnknownSampler::Share(text.into()));
        check(Some("traceidratio"), None, share(""));
        check(Some("traceidratio"), Some("25%"), share("25%"));
        check(Some("traceidratio"), Some("1.5"), share("1.5"));
        check(Some("traceidratio"), Some("NaN"), share("NaN"));
        check(Some("xray"), None, Err(UnknownSampler::Name("xray".into())));
    }
}
