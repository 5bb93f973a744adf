//! How long each call of the store took and what became of it, told to who wants to know.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub use crate::contract::Operation;
use crate::contract::StoreError;

/// Is told of every call of the store that was answered, on the task that made it: it must not
/// wait. A call that nobody waited for to its end is not told.
pub trait Calls: Send + Sync + 'static {
    /// Takes note of a call, repeats of its requests included.
    fn answered(&self, operation: Operation, outcome: Outcome, took: Duration);
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// The servers did not answer.
    Unavailable,
    /// There is no room.
    Full,
    /// What is stored is damaged.
    Damaged,
}

impl Outcome {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unavailable => "unavailable",
            Self::Full => "full",
            Self::Damaged => "damaged",
        }
    }

    const fn of<T>(answer: &Result<T, StoreError>) -> Self {
        match answer {
            Ok(_) => Self::Ok,
            Err(StoreError::Unavailable(_)) => Self::Unavailable,
            Err(StoreError::Full) => Self::Full,
            Err(StoreError::Damaged(_)) => Self::Damaged,
        }
    }
}

/// Who is told of calls, if anybody is. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Observer(Option<Arc<dyn Calls>>);

impl Observer {
    pub(super) fn telling(sink: Arc<dyn Calls>) -> Self {
        Self(Some(sink))
    }

    /// Makes a call and tells of it. Its time begins with the first poll.
    pub(super) async fn observe<T>(
        self,
        operation: Operation,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let answer = call.await;
        if let Some(sink) = self.0 {
            sink.answered(operation, Outcome::of(&answer), began.elapsed());
        }
        answer
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").field("told", &self.0.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use tokio::time::{sleep, timeout};

    use super::*;

    #[derive(Default)]
    struct Noted(Mutex<Vec<(Operation, Outcome, Duration)>>);

    impl Calls for Noted {
        fn answered(&self, operation: Operation, outcome: Outcome, took: Duration) {
            self.0.lock().push((operation, outcome, took));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_answer_is_told_with_its_time_and_an_abandoned_call_is_not() {
        const TOOK: Duration = Duration::from_millis(30);
        let noted = Arc::new(Noted::default());
        let observer = Observer::telling(Arc::<Noted>::clone(&noted));
        for answer in [Ok(7), Err(StoreError::Unavailable("away".into())), Err(StoreError::Full)] {
            let call = async {
                sleep(TOOK).await;
                answer.clone()
            };
            assert_eq!(observer.clone().observe(Operation::Load, call).await, answer);
        }
        let never = observer.observe(Operation::Purge, std::future::pending::<Result<(), _>>());
        timeout(TOOK, never).await.unwrap_err();
        let expect = [Outcome::Ok, Outcome::Unavailable, Outcome::Full];
        assert_eq!(*noted.0.lock(), expect.map(|outcome| (Operation::Load, outcome, TOOK)));
    }
}
