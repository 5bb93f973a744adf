//! One node of each built-in type. A test compiles them.

/// A node of the type called `name`, as it stands in a YAML definition.
pub(super) fn example(name: &str) -> &'static str {
    match name {
        "start" => "- { id: order, type: start }\n",
        "end" => "- { id: done, type: end }\n",
        "filter" => "- { id: big, type: filter, parameters: { condition: .total > 100 } }\n",
        "map" => {
            "- id: shape\n  type: map\n  parameters: { expression: \"{id: .order_id, amount: .total}\" }\n"
        }
        "set" => {
            "- id: remember\n  type: set\n  parameters: { context: { customer: \"${ .customer.id }\" } }\n"
        }
        "switch" => SWITCH,
        "merge" => "- { id: chosen, type: merge, parameters: { mode: any } }\n",
        "wait" => "- { id: grace, type: wait, parameters: { for: PT5S } }\n",
        "signal" => {
            "- { id: decision, type: signal, parameters: { name: decision, timeout: P3D } }\n"
        }
        "for-each" => FOR_EACH,
        "while" => WHILE,
        "try" => TRY,
        "race" => RACE,
        "fail" => FAIL,
        "task" => TASK,
        "http.request" => HTTP_REQUEST,
        "kafka.produce" => KAFKA_PRODUCE,
        _ => "",
    }
}

const SWITCH: &str = "\
- id: weigh
  type: switch
  parameters:
    cases:
      - { name: letter, when: .kg <= 0.5 }
      - { name: parcel, when: .kg <= 30 }
    default: freight
";

const FOR_EACH: &str = "\
- id: lines
  type: for-each
  parameters: { items: .lines, item: line, parallel: 5 }
  body:
    nodes:
      - { id: line, type: start }
      - { id: price, type: task, parameters: { type: price, input: \"${ $line.sku }\" } }
    connections: [line.out -> price.in]
";

const WHILE: &str = "\
- id: poll
  type: while
  parameters: { condition: '.status == \"pending\"', rounds: 60 }
  body:
    nodes:
      - { id: round, type: start }
      - { id: pause, type: wait, parameters: { for: PT10S } }
      - { id: ask, type: task, parameters: { type: status } }
    connections: [round.out -> pause.in, pause.out -> ask.in]
";

const TRY: &str = "\
- id: book
  type: try
  retry: { delay: PT10S, limit: { attempts: 3 } }
  body:
    nodes:
      - { id: booking, type: start }
      - id: reserve
        type: task
        parameters: { type: reserve }
        compensate:
          nodes:
            - { id: undo, type: start }
            - { id: give-back, type: task, parameters: { type: release } }
          connections: [undo.out -> give-back.in]
      - { id: pay, type: task, parameters: { type: pay } }
    connections: [booking.out -> reserve.in, reserve.out -> pay.in]
";

const RACE: &str = "\
- id: first
  type: race
  body:
    nodes:
      - { id: asked, type: start }
      - { id: answer, type: signal, parameters: { name: answer } }
      - { id: late, type: wait, parameters: { for: P1D } }
    connections: [asked.out -> answer.in, asked.out -> late.in]
";

const FAIL: &str = "\
- id: unreadable
  type: fail
  parameters:
    error: { status: 422, title: The order cannot be read, detail: \"order ${ .order_id }\" }
";

const TASK: &str = "\
- id: escalate
  type: task
  parameters:
    type: notify-support
    input: { order: \"${ .order_id }\", priority: high }
  retry: { delay: PT1M, backoff: constant, limit: { attempts: 60 } }
";

const HTTP_REQUEST: &str = "\
- id: charge
  type: http.request
  parameters:
    method: POST
    url: https://payments.example.com/charges
    headers: { Authorization: \"Bearer ${ $secrets.PAYMENTS_KEY }\" }
    body: { amount: \"${ .cents }\", reference: \"order ${ .order_id }\" }
  timeout: PT10S
";

const KAFKA_PRODUCE: &str = "\
- id: announce
  type: kafka.produce
  parameters:
    topic: shop.payments
    key: \"${ .order_id }\"
    value: { order: \"${ .order_id }\", paid: true }
    event: { type: com.example.order.paid, subject: \"${ .order_id }\" }
";
