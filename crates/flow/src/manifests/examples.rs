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
