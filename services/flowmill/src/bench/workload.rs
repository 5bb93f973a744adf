//! The workloads: small flows that each cost one thing.

use clap::ValueEnum;
use flowmill_model::FlowName;

/// What is executed again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// start, map, filter, map, end: all in one commit, no task.
    Inline,
    /// Three tasks in a row over the worker SDK and the log.
    ThreeTasks,
    /// Ten maps side by side and a join.
    #[value(name = "fan-out-10")]
    FanOut10,
    /// A wait of five seconds.
    #[value(name = "wait-5s")]
    Wait5s,
}

/// The input of every execution.
pub(crate) const INPUT: &str = r#"{"n":1}"#;

const INLINE: &str = r#"
flowmill: 1
document: { namespace: bench, name: inline, version: 1.0.0 }
nodes:
  - { id: begin, type: start }
  - { id: double, type: map, parameters: { expression: "{twice: (.n * 2)}" } }
  - { id: some, type: filter, parameters: { condition: ".twice > 0" } }
  - { id: shape, type: map, parameters: { expression: ".twice" } }
  - { id: done, type: end }
connections:
  - begin.out -> double.in
  - double.out -> some.in
  - some.out -> shape.in
  - shape.out -> done.in
"#;

const THREE_TASKS: &str = r#"
flowmill: 1
document: { namespace: bench, name: three-tasks, version: 1.0.0 }
nodes:
  - { id: begin, type: start }
  - { id: one, type: task, parameters: { type: bench-step, input: { answer: 1 } } }
  - { id: two, type: task, parameters: { type: bench-step, input: { answer: 2 } } }
  - { id: three, type: task, parameters: { type: bench-step, input: { answer: 3 } } }
  - { id: done, type: end }
connections:
  - begin.out -> one.in
  - one.out -> two.in
  - two.out -> three.in
  - three.out -> done.in
"#;

const WAIT_5S: &str = r#"
flowmill: 1
document: { namespace: bench, name: wait-5s, version: 1.0.0 }
nodes:
  - { id: begin, type: start }
  - { id: pause, type: wait, parameters: { for: PT5S } }
  - { id: done, type: end }
connections:
  - begin.out -> pause.in
  - pause.out -> done.in
"#;

impl Workload {
    /// The workload as the command line names it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::ThreeTasks => "three-tasks",
            Self::FanOut10 => "fan-out-10",
            Self::Wait5s => "wait-5s",
        }
    }

    /// The flow's definition, in YAML.
    pub(crate) fn definition(self) -> String {
        match self {
            Self::Inline => INLINE.to_owned(),
            Self::ThreeTasks => THREE_TASKS.to_owned(),
            Self::FanOut10 => fan_out(10),
            Self::Wait5s => WAIT_5S.to_owned(),
        }
    }

    /// The flow's name.
    pub(crate) fn flow(self) -> FlowName {
        let name = format!("bench/{}", self.as_str());
        name.parse().expect("a workload's name is a flow's name")
    }

    /// Whether a worker is needed.
    pub(crate) const fn has_tasks(self) -> bool {
        self.hops() > 0
    }

    /// Remote hops of one execution: tasks in a row.
    pub(crate) const fn hops(self) -> u32 {
        match self {
            Self::ThreeTasks => 3,
            Self::Inline | Self::FanOut10 | Self::Wait5s => 0,
        }
    }
}

fn fan_out(width: usize) -> String {
    let nodes = (1..=width).map(|n| {
        format!(
            "  - {{ id: m{n}, type: map, parameters: {{ expression: \"{{n: (.n + {n})}}\" }} }}\n"
        )
    });
    let connections =
        (1..=width).map(|n| format!("  - begin.out -> m{n}.in\n  - m{n}.out -> joined.in\n"));
    format!(
        "flowmill: 1\n\
         document: {{ namespace: bench, name: fan-out-{width}, version: 1.0.0 }}\n\
         nodes:\n  - {{ id: begin, type: start }}\n{}  \
         - {{ id: joined, type: merge, parameters: {{ mode: all }} }}\n  \
         - {{ id: done, type: end }}\n\
         connections:\n{}  - joined.out -> done.in\n",
        nodes.collect::<String>(),
        connections.collect::<String>(),
    )
}

#[cfg(test)]
mod tests {
    use flowmill_flow::{Format, compile};

    use super::*;

    #[test]
    fn every_workload_is_a_flow_of_its_name() {
        for workload in Workload::value_variants() {
            let flow = compile(workload.definition().as_bytes(), Format::Yaml);
            let flow = flow.unwrap_or_else(|errors| panic!("{}", errors[0]));
            assert_eq!(flow.document.flow_version().flow, workload.flow());
            let name = workload.to_possible_value().unwrap();
            assert_eq!(name.get_name(), workload.as_str());
        }
    }
}
