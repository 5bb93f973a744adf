//! The flows that are executed, and what their executions are to do.

use serde_json::{Value, json};

/// What kind of execution it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Calls the sink once.
    Call,
    /// Calls the sink, which fails the first attempt.
    Shy,
    /// Waits for two seconds and then calls the sink.
    Wait,
    /// Waits for a signal and then calls the sink.
    Signal,
    /// Waits until the second that its key ends with, and then ends.
    Timer,
    /// Calls the sink at its other address, where calls may hang.
    Hot,
    /// The same, in a queue of its own.
    HotApart,
    /// Stays open until the end of the campaign, when it gets its signal.
    Open,
    /// Does nothing: whether a start is accepted is what it is for.
    Nothing,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 9] = [
        Self::Call,
        Self::Shy,
        Self::Wait,
        Self::Signal,
        Self::Timer,
        Self::Hot,
        Self::HotApart,
        Self::Open,
        Self::Nothing,
    ];

    /// Its flow's name.
    pub(crate) const fn flow(self) -> &'static str {
        match self {
            Self::Call => "campaign/call",
            Self::Shy => "campaign/shy",
            Self::Wait => "campaign/wait",
            Self::Signal => "campaign/signal",
            Self::Timer => "campaign/timer",
            Self::Hot => "campaign/hot",
            Self::HotApart => "campaign/hot-apart",
            Self::Open => "campaign/open",
            Self::Nothing => "campaign/nothing",
        }
    }

    /// Whether it ends only once it has called the sink.
    pub(crate) const fn calls(self) -> bool {
        match self {
            Self::Call | Self::Shy | Self::Wait | Self::Signal | Self::Hot | Self::HotApart => true,
            Self::Timer | Self::Open | Self::Nothing => false,
        }
    }

    /// The input of an execution of this kind under a key; the same whenever it is asked for.
    pub(crate) fn input(self, key: &str) -> Value {
        match self {
            Self::Timer => json!({ "key": key, "at": due_of(key) }),
            Self::Nothing => Value::Null,
            Self::Call
            | Self::Shy
            | Self::Wait
            | Self::Signal
            | Self::Hot
            | Self::HotApart
            | Self::Open => json!({ "key": key }),
        }
    }

    /// Its definition, for a sink at this address and, where calls may hang, at another one.
    pub(crate) fn definition(self, sink: &str, hanging: &str) -> String {
        let before = match self {
            Self::Call | Self::Shy | Self::Hot | Self::HotApart | Self::Nothing => "",
            Self::Wait => "{ id: before, type: wait, parameters: { for: PT2S } }",
            Self::Signal | Self::Open => "{ id: before, type: signal, parameters: { name: go } }",
            Self::Timer => "{ id: before, type: wait, parameters: { until: $input.at } }",
        };
        let sink = if matches!(self, Self::Hot | Self::HotApart) { hanging } else { sink };
        let path = if self == Self::Shy { "shy" } else { "calls" };
        let queue = if self == Self::HotApart { "hot" } else { "http" };
        let call = format!(
            "{{ id: call, type: http.request, timeout: PT10S, parameters: {{ method: POST, \
             url: {sink}/{path}, body: '${{ $input }}', queue: {queue} }}, \
             retry: {{ delay: PT0.3S, backoff: constant, limit: {{ attempts: 100 }} }} }}"
        );
        let middle = [before, if self.calls() { &call } else { "" }];
        let middle: Vec<_> = middle.into_iter().filter(|node| !node.is_empty()).collect();
        let ids = ["begin"]
            .into_iter()
            .chain((!before.is_empty()).then_some("before"))
            .chain(self.calls().then_some("call"))
            .chain(["done"]);
        let ids: Vec<_> = ids.collect();
        let nodes: String = middle.iter().map(|node| format!("  - {node}\n")).collect();
        let connections: String =
            ids.windows(2).map(|pair| format!("  - {}.out -> {}.in\n", pair[0], pair[1])).collect();
        let name = self.flow().trim_start_matches("campaign/");
        format!(
            "flowmill: 1\ndocument: {{ namespace: campaign, name: {name}, version: 1.0.0 }}\nnodes:\n  \
             - {{ id: begin, type: start }}\n{nodes}  - {{ id: done, type: end }}\nconnections:\n\
             {connections}"
        )
    }
}

/// The key of an execution of [`Kind::Timer`] that waits until a time, in seconds since 1970.
pub(crate) fn timer_key(key: &str, due: u64) -> String {
    format!("{key}-{due}")
}

fn due_of(key: &str) -> u64 {
    key.rsplit('-').next().and_then(|due| due.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use flowmill_flow::{Format, compile};

    use super::*;

    #[test]
    fn the_key_of_a_timer_says_when_it_is_due() {
        let input = Kind::Timer.input(&timer_key("flood-7", 1_800_000_000));
        assert_eq!(input["at"], 1_800_000_000_u64);
    }

    #[test]
    fn every_definition_is_a_flow() {
        for kind in Kind::ALL {
            let source = kind.definition("http://127.0.0.1:1", "http://127.0.0.2:1");
            let compiled = compile(source.as_bytes(), Format::Yaml);
            assert!(compiled.is_ok(), "{source}: {:?}", compiled.err());
        }
    }
}
