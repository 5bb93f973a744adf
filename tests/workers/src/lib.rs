//! Holds nothing. The tests beside it run an orchestrator and a gateway on a real Kafka, and the
//! workers of `examples/workers` that have a Kafka client of their own.
