//! Holds nothing. The tests beside it run a gateway, an orchestrator and the built-in worker in one
//! process, on the memory log and store, and a real Kafka for what belongs to users: the records that
//! start flows and those that flows write.
