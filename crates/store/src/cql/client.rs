//! Sends requests, and sends them again when that may help.
//!
//! A request is repeated with the same values and timestamps, whether or not it may have happened
//! already. A few times, with pauses: what then still fails is the caller's to repeat.

use std::sync::Arc;
use std::time::Duration;

use scylla::client::session::Session;
use scylla::errors::ExecutionError;
use scylla::response::query_result::{QueryResult, QueryRowsResult};
use scylla::response::{PagingState, PagingStateResponse};
use scylla::statement::batch::{Batch, BatchStatement, BatchType};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::failure::{Class, answer, class};
use super::gate::{Gate, Passage};
use super::request::{Bound, Request, Value};
use super::statements::{Statement, Statements};
use crate::contract::StoreError;

/// First and longest pause before a request is repeated.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(800));

/// How long a request is repeated before its caller is told.
const REPEATS: Duration = Duration::from_secs(2);

/// A session with everything around it.
#[derive(Debug)]
pub(super) struct Client {
    session: Session,
    statements: Statements,
    /// Changes wait here, and reads elsewhere: somebody waits for what is read.
    changes: Gate,
    reads: Gate,
    /// Told of every request that failed otherwise than for good.
    trouble: Arc<Notify>,
}

impl Client {
    /// A client with prepared statements, for at most `in_flight` changes at a time, and as many
    /// reads.
    pub(super) fn new(session: Session, statements: Statements, in_flight: usize) -> Self {
        let (changes, reads) = (Gate::new(in_flight), Gate::new(in_flight));
        Self { session, statements, changes, reads, trouble: Arc::default() }
    }

    /// The session, for what is no request on rows.
    pub(super) const fn session(&self) -> &Session {
        &self.session
    }

    /// Told whenever a request failed and the servers may be why.
    pub(super) const fn trouble(&self) -> &Arc<Notify> {
        &self.trouble
    }

    /// The most requests of a kind at a time.
    pub(super) const fn in_flight(&self) -> usize {
        self.changes.most()
    }

    /// Says of a change which servers hold its partition, if that is known.
    pub(super) fn holders(&self) -> impl Fn(&Bound) -> Option<Vec<[u8; 16]>> {
        let cluster = self.session.get_cluster_state();
        move |bound| {
            let prepared = self.statements.get(bound.statement);
            let token = prepared.calculate_token(&bound.values).ok()??;
            let table = prepared.get_table_spec()?;
            let replicas = cluster.get_token_endpoints(table.ks_name(), table.table_name(), token);
            let mut holders: Vec<_> =
                replicas.iter().map(|(node, _)| node.host_id.into_bytes()).collect();
            holders.sort_unstable();
            (!holders.is_empty()).then_some(holders)
        }
    }

    /// Makes changes that are sent together.
    pub(super) async fn change(&self, request: &Request) -> Result<(), StoreError> {
        match &request[..] {
            [] => Ok(()),
            [Bound { statement, values }] => {
                self.repeat(&self.changes, || self.execute(*statement, values)).await.map(drop)
            }
            several => {
                let batch = self.batch(several);
                let values: Vec<_> = several.iter().map(|bound| &bound.values).collect();
                self.repeat(&self.changes, || self.session.batch(&batch, &values)).await.map(drop)
            }
        }
    }

    /// Makes one change.
    pub(super) async fn put(
        &self,
        statement: Statement,
        values: Vec<Value>,
    ) -> Result<(), StoreError> {
        self.change(&vec![Bound { statement, values }]).await
    }

    /// The rows of a bounded query.
    pub(super) async fn rows(
        &self,
        statement: Statement,
        values: Vec<Value>,
    ) -> Result<QueryRowsResult, StoreError> {
        let answered = self.repeat(&self.reads, || self.execute(statement, &values)).await?;
        answered.into_rows_result().map_err(|error| StoreError::Damaged(error.to_string()))
    }

    /// One page of a query's rows, and where the next one begins.
    pub(super) async fn page(
        &self,
        statement: Statement,
        values: &[Value],
        from: PagingState,
    ) -> Result<(QueryRowsResult, Option<PagingState>), StoreError> {
        let prepared = self.statements.get(statement);
        let ask = || self.session.execute_single_page(prepared, values, from.clone());
        let (answered, next) = self.repeat(&self.reads, ask).await?;
        let rows = answered.into_rows_result();
        let rows = rows.map_err(|error| StoreError::Damaged(error.to_string()))?;
        let next = match next {
            PagingStateResponse::HasMorePages { state } => Some(state),
            PagingStateResponse::NoMorePages => None,
        };
        Ok((rows, next))
    }

    fn batch(&self, several: &[Bound]) -> Batch {
        let statement = |bound: &Bound| {
            BatchStatement::PreparedStatement(self.statements.get(bound.statement).clone())
        };
        let statements = several.iter().map(statement).collect();
        let mut batch = Batch::new_with_statements(BatchType::Unlogged, statements);
        batch.set_is_idempotent(true);
        batch
    }

    fn execute(
        &self,
        statement: Statement,
        values: &[Value],
    ) -> impl Future<Output = Result<QueryResult, ExecutionError>> {
        self.session.execute_unpaged(self.statements.get(statement), values)
    }

    /// Sends until it goes well, cannot go well, or has taken too long.
    async fn repeat<T, F>(&self, gate: &Gate, send: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, ExecutionError>>,
    {
        let (mut pause, longest) = PAUSES;
        let give_up = Instant::now() + REPEATS;
        loop {
            let Passage::Open(place) = gate.pass().await else {
                return Err(StoreError::Unavailable("no server can be reached".into()));
            };
            let sent = send().await;
            let failed = sent.as_ref().err().map(class);
            gate.leave(place, failed);
            let error = match sent {
                Ok(answered) => return Ok(answered),
                Err(error) => error,
            };
            if failed == Some(Class::Permanent) {
                return Err(answer(&error));
            }
            tracing::debug!(%error, "a request to the store is repeated");
            self.trouble.notify_one();
            // Before the caller is told, too: it must not spin either.
            sleep(pause).await;
            if Instant::now() >= give_up {
                return Err(answer(&error));
            }
            pause = (pause * 2).min(longest);
        }
    }
}
