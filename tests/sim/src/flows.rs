//! The flows that are run: one for each way an execution can spend its time.

/// Every definition, by its name in namespace `sim`.
pub const DEFINITIONS: [(&str, &str); 7] = [
    (
        "inline",
        r#"
flowmill: 1
document: { namespace: sim, name: inline, version: 1.0.0 }
nodes:
  - { id: source, type: start }
  - { id: shape, type: map, parameters: { expression: "{n: .n, double: (.n * 2)}" } }
  - { id: odd, type: filter, parameters: { condition: ".n % 2 == 1" } }
  - { id: done, type: end }
connections:
  - source.out -> shape.in
  - shape.out -> odd.in
  - odd.out -> done.in
"#,
    ),
    (
        "tasks",
        r#"
flowmill: 1
document: { namespace: sim, name: tasks, version: 1.0.0 }
nodes:
  - { id: source, type: start }
  - id: first
    type: task
    parameters: { type: work, input: "${ .n }" }
    retry: { delay: PT1S, backoff: exponential, limit: { attempts: 8 } }
    timeout: PT10S
  - id: second
    type: task
    parameters: { type: work, input: "${ . }" }
    retry: { delay: PT1S, backoff: constant, limit: { attempts: 8 } }
    timeout: PT10S
  - { id: done, type: end }
connections:
  - source.out -> first.in
  - first.out -> second.in
  - second.out -> done.in
"#,
    ),
    (
        "fan",
        r#"
flowmill: 1
document: { namespace: sim, name: fan, version: 1.0.0 }
nodes:
  - { id: source, type: start }
  - { id: a, type: task, parameters: { type: work, input: 1 }, timeout: PT10S }
  - { id: b, type: task, parameters: { type: work, input: 2 }, timeout: PT10S }
  - { id: few, type: filter, parameters: { condition: ".n % 3 == 0" } }
  - { id: all, type: merge, parameters: { mode: all } }
  - { id: done, type: end }
connections:
  - source.out -> a.in
  - source.out -> b.in
  - source.out -> few.in
  - a.out -> all.in
  - b.out -> all.in
  - few.out -> all.in
  - all.out -> done.in
"#,
    ),
    (
        "waiting",
        r#"
flowmill: 1
document: { namespace: sim, name: waiting, version: 1.0.0 }
nodes:
  - { id: source, type: start }
  - { id: pause, type: wait, parameters: { for: PT2S } }
  - { id: go, type: signal, parameters: { name: go, timeout: PT30S } }
  - { id: late, type: map, parameters: { expression: "\"late\"" } }
  - { id: done, type: end }
connections:
  - source.out -> pause.in
  - pause.out -> go.in
  - go.out -> done.in
  - go.error -> late.in
  - late.out -> done.in
"#,
    ),
    (
        "faulty",
        r#"
flowmill: 1
document: { namespace: sim, name: faulty, version: 1.0.0 }
nodes:
  - { id: source, type: start }
  - id: pick
    type: switch
    parameters:
      cases: [{ name: small, when: ".n < 3" }, { name: large, when: ".n >= 3" }]
  - { id: stop, type: fail, parameters: { error: { type: "https://example.com/too-small", status: 422, title: Too small } } }
  - { id: work, type: task, parameters: { type: work, input: "${ . }" }, timeout: PT10S }
connections:
  - source.out -> pick.in
  - pick.small -> stop.in
  - pick.large -> work.in
"#,
    ),
    (
        "patient",
        r#"
flowmill: 1
document: { namespace: sim, name: patient, version: 1.0.0 }
nodes:
  - { id: source, type: start }
  - { id: rest, type: wait, parameters: { for: PT7S } }
  - id: work
    type: task
    parameters: { type: work, input: 3 }
    retry: { delay: PT2S, backoff: linear, limit: { attempts: 5 } }
    timeout: PT8S
  - { id: go, type: signal, parameters: { name: go, timeout: PT20S } }
  - { id: missed, type: map, parameters: { expression: "\"missed\"" } }
  - { id: once, type: merge, parameters: { mode: any } }
  - { id: done, type: end }
connections:
  - source.out -> rest.in
  - rest.out -> work.in
  - work.out -> go.in
  - go.out -> once.in
  - go.error -> missed.in
  - missed.out -> once.in
  - once.out -> done.in
"#,
    ),
    (
        "blocks",
        r#"
flowmill: 1
document: { namespace: sim, name: blocks, version: 1.0.0 }
nodes:
  - { id: source, type: start }
  - id: each
    type: for-each
    parameters: { items: "[range(.n % 4)]", parallel: 2, failures: keep }
    body:
      nodes:
        - { id: item, type: start }
        - id: work
          type: task
          parameters: { type: work, input: "${ $item }" }
          retry: { delay: PT1S, backoff: constant, limit: { attempts: 3 } }
          timeout: PT10S
      connections: [item.out -> work.in]
  - id: again
    type: try
    retry: { delay: PT1S, backoff: constant, limit: { attempts: 4 } }
    body:
      nodes:
        - { id: attempt, type: start }
        - { id: left, type: task, parameters: { type: work, input: 4 }, retry: { limit: { attempts: 1 } }, timeout: PT10S }
        - { id: right, type: map, parameters: { expression: $nodes.each } }
        - { id: both, type: merge }
      connections: [attempt.out -> left.in, attempt.out -> right.in, left.out -> both.in, right.out -> both.in]
    finally:
      nodes:
        - { id: after, type: start }
        - { id: pause, type: wait, parameters: { for: PT2S } }
      connections: [after.out -> pause.in]
  - { id: failed, type: map, parameters: { expression: "\"failed\"" } }
  - { id: done, type: end }
connections:
  - source.out -> each.in
  - each.out -> again.in
  - again.out -> done.in
  - again.error -> failed.in
  - failed.out -> done.in
"#,
    ),
];
