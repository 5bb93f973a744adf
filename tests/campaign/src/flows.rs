//! The flows that are executed, and what their executions are to do.

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
    /// Stays open until the end of the campaign, when it gets its signal.
    Open,
    /// Does nothing: whether a start is accepted is what it is for.
    Nothing,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 6] =
        [Self::Call, Self::Shy, Self::Wait, Self::Signal, Self::Open, Self::Nothing];

    /// Its flow's name.
    pub(crate) const fn flow(self) -> &'static str {
        match self {
            Self::Call => "campaign/call",
            Self::Shy => "campaign/shy",
            Self::Wait => "campaign/wait",
            Self::Signal => "campaign/signal",
            Self::Open => "campaign/open",
            Self::Nothing => "campaign/nothing",
        }
    }

    /// Whether it ends only once it has called the sink.
    pub(crate) const fn calls(self) -> bool {
        match self {
            Self::Call | Self::Shy | Self::Wait | Self::Signal => true,
            Self::Open | Self::Nothing => false,
        }
    }

    /// Its definition, for a sink at this address.
    pub(crate) fn definition(self, sink: &str) -> String {
        let before = match self {
            Self::Call | Self::Shy | Self::Nothing => "",
            Self::Wait => "{ id: before, type: wait, parameters: { for: PT2S } }",
            Self::Signal | Self::Open => "{ id: before, type: signal, parameters: { name: go } }",
        };
        let path = if self == Self::Shy { "shy" } else { "calls" };
        let call = format!(
            "{{ id: call, type: http.request, timeout: PT10S, parameters: {{ method: POST, \
             url: {sink}/{path}, body: '${{ $input }}' }}, \
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

#[cfg(test)]
mod tests {
    use flowmill_flow::{Format, compile};

    use super::*;

    #[test]
    fn every_definition_is_a_flow() {
        for kind in Kind::ALL {
            let source = kind.definition("http://127.0.0.1:1");
            let compiled = compile(source.as_bytes(), Format::Yaml);
            assert!(compiled.is_ok(), "{source}: {:?}", compiled.err());
        }
    }
}
