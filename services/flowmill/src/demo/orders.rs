//! The orders of the demonstration: the same ones every time.

use std::collections::BTreeMap;

use bytes::Bytes;
use flowmill_runtime::Entropy;
use serde_json::{Value, json};

/// The seed the orders come from.
const SEED: u64 = 7_400;

/// Orders of more than this are forwarded.
const FORWARDED_ABOVE: u64 = 100;

/// One order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// Its id, `order-0001` and up.
    pub(crate) id: String,
    /// Its total, from 1 to 200.
    pub(crate) total: u64,
}

impl Order {
    /// The order as the flow takes it.
    pub(crate) fn input(&self) -> Bytes {
        json!({ "order_id": self.id, "total": self.total, "currency": "EUR" }).to_string().into()
    }

    /// Whether the flow forwards it.
    pub(crate) const fn is_forwarded(&self) -> bool {
        self.total > FORWARDED_ABOVE
    }

    /// The order as the flow forwards it.
    fn forwarded(&self) -> Value {
        json!({ "id": self.id, "amount": self.total })
    }
}

/// The first `count` orders.
pub(crate) fn generate(count: usize) -> Vec<Order> {
    let entropy = Entropy::seeded(SEED);
    let order =
        |number| Order { id: format!("order-{number:04}"), total: entropy.next() % 200 + 1 };
    (1..=count).map(order).collect()
}

/// What must arrive at the service: by order id, what the flow makes of the order.
pub(crate) fn expected(orders: &[Order]) -> BTreeMap<String, Value> {
    let forwarded = orders.iter().filter(|order| order.is_forwarded());
    forwarded.map(|order| (order.id.clone(), order.forwarded())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_the_same_every_time_and_about_half_are_forwarded() {
        let orders = generate(1_000);
        assert_eq!(orders, generate(1_000));
        let forwarded = expected(&orders).len();
        assert!((400..600).contains(&forwarded), "{forwarded}");
        assert_eq!(orders[999].id, "order-1000");
    }
}
