//! The world around an execution: it sends anything, and in the end behaves.

use std::collections::BTreeSet;

use flowmill_engine::{
    Command, Effect, PendingReason, PendingTimer, Rejection, TaskSpec, TimerKind, Whereabouts,
    effects, keep_input, quarantine,
};
use flowmill_model::event::Event;
use flowmill_model::history::Blob;
use flowmill_model::task::{Failure, Outcome};
use flowmill_model::{Activation, ErrorCode, Problem, TaskToken, TimerId, Timestamp};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::driver::{Driver, failure, payload};

/// Something the world does.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A worker's word on any task that was ever sent.
    Report {
        task: Index,
        say: Say,
        forged: bool,
    },
    /// Any timer that was ever set fires, at its time or too early.
    Fire {
        timer: Index,
        whereabouts: Place,
        early: bool,
    },
    /// Time passes, in milliseconds.
    Pass(u16),
    /// A signal.
    Signal {
        go: bool,
        repeated: bool,
    },
    Suspend,
    Resume,
    Cancel,
    Quarantine,
    Keep,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Say {
    Running,
    Completed,
    Garbage,
    Failed { retryable: bool, after: Option<u16> },
    Later(u16),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    NotATask,
    NotSent,
    Queued,
    PickedUp,
}

impl Arbitrary for Action {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        let say = prop_oneof![
            2 => Just(Say::Running),
            4 => Just(Say::Completed),
            1 => Just(Say::Garbage),
            3 => (any::<bool>(), prop::option::of(0..5_000_u16))
                .prop_map(|(retryable, after)| Say::Failed { retryable, after }),
            2 => (0..5_000_u16).prop_map(Say::Later),
        ];
        let place = prop::sample::select(vec![
            Place::NotATask,
            Place::NotSent,
            Place::Queued,
            Place::PickedUp,
        ]);
        prop_oneof![
            12 => (any::<Index>(), say, prop::bool::weighted(0.1))
                .prop_map(|(task, say, forged)| Self::Report { task, say, forged }),
            8 => (any::<Index>(), place, prop::bool::weighted(0.1))
                .prop_map(|(timer, whereabouts, early)| Self::Fire { timer, whereabouts, early }),
            2 => (0..10_000_u16).prop_map(Self::Pass),
            4 => (any::<bool>(), prop::bool::weighted(0.2))
                .prop_map(|(go, repeated)| Self::Signal { go, repeated }),
            2 => Just(Self::Suspend),
            3 => Just(Self::Resume),
            1 => prop::bool::weighted(0.2)
                .prop_map(|cancel| if cancel { Self::Cancel } else { Self::Resume }),
            1 => Just(Self::Quarantine),
            1 => Just(Self::Keep),
        ]
        .boxed()
    }
}

/// An execution and everything its effects ever asked for.
pub(crate) struct World {
    pub(crate) driver: Driver,
    tasks: Vec<TaskSpec>,
    timers: Vec<PendingTimer>,
    accepted: BTreeSet<(Activation, u32, TaskToken)>,
    last_signal: Option<Command>,
}

impl World {
    pub(crate) fn new(driver: Driver) -> Self {
        let (tasks, timers, accepted) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self { driver, tasks, timers, accepted, last_signal: None }
    }

    pub(crate) fn start(&mut self, input: u8) {
        let input = ["1", "[1]", "{\"a\":{\"b\":true}}", "null"][usize::from(input)];
        let events = self.driver.start(input).expect("a first start");
        self.took(&events);
        let repeat = self.driver.start(input);
        assert_eq!(repeat, Err(Rejection::AlreadyExists { same_input: true }));
    }

    /// Notes what events asked for; checks that it is all that is pending.
    fn took(&mut self, events: &[Event]) {
        for event in events {
            for effect in effects(&self.driver.execution, event) {
                self.noted(event, effect);
            }
        }
        let execution = &self.driver.execution;
        for task in execution.tasks() {
            assert!(self.tasks.contains(&task), "nobody was asked to send {task:?}");
        }
        for timer in execution.timers() {
            assert!(self.timers.contains(&timer), "nobody was asked to set {timer:?}");
        }
        assert_eq!(execution.is_ended(), execution.status().is_ended());
    }

    fn noted(&mut self, event: &Event, effect: Effect) {
        match effect {
            Effect::Task(task) => {
                let known = self.tasks.iter().any(|sent| sent.token == task.token);
                let repeats = matches!(event, Event::TaskRedispatched(_));
                assert_eq!(known, repeats, "every sending but a repeat has a token of its own");
                self.tasks.push(task);
            }
            Effect::SetTimer(timer) => self.timers.push(timer),
            Effect::CancelTimer(id) => assert_eq!(self.driver.execution.timer(id), None),
            Effect::Lifecycle(_) => {}
        }
    }

    fn apply(&mut self, command: &Command) -> Result<(), Rejection> {
        let events = self.driver.apply(command)?;
        assert!(!events.is_empty(), "what changes nothing is refused");
        self.took(&events);
        Ok(())
    }

    pub(crate) fn act(&mut self, action: &Action) {
        match *action {
            Action::Report { task, say, forged } => self.report(task, say, forged),
            Action::Fire { timer, whereabouts, early } => self.fire(timer, whereabouts, early),
            Action::Pass(millis) => self.driver.now += u64::from(millis),
            Action::Signal { go, repeated } => self.signal(go, repeated),
            Action::Suspend => self.try_to(Driver::suspend),
            Action::Resume => self.try_to(Driver::resume),
            Action::Cancel => self.try_to(Driver::cancel),
            Action::Quarantine => self.quarantine(),
            Action::Keep => self.keep(),
        }
    }

    fn try_to(&mut self, what: fn(&mut Driver) -> Result<Vec<Event>, Rejection>) {
        if let Ok(events) = what(&mut self.driver) {
            self.took(&events);
        }
    }

    fn report(&mut self, task: Index, say: Say, forged: bool) {
        if self.tasks.is_empty() {
            return;
        }
        let mut task = self.tasks[task.index(self.tasks.len())].clone();
        if forged {
            task.token = TaskToken::new(task.token.get().wrapping_add(1));
        }
        let outcome = match say {
            Say::Running => Outcome::Running,
            Say::Completed => Outcome::Completed(payload("1")),
            Say::Garbage => Outcome::Completed(payload("{")),
            Say::Failed { retryable, after } => {
                let retry_after_ms = after.map(u64::from);
                Outcome::Failed(Failure { retry_after_ms, ..failure(retryable) })
            }
            Say::Later(millis) => Outcome::Later(u64::from(millis)),
        };
        let last = outcome != Outcome::Running;
        let pending = self.driver.execution.task(task.activation);
        let counts = pending.as_ref() == Some(&task) && !self.driver.execution.is_quarantined();
        let command = self.driver.report_command(&task, outcome);
        assert_eq!(self.apply(&command).is_ok(), counts, "exactly the pending attempt's counts");
        if counts && last {
            let sending = (task.activation, task.attempt, task.token);
            assert!(self.accepted.insert(sending), "two results of one sending");
        }
    }

    fn fire(&mut self, timer: Index, place: Place, early: bool) {
        if self.timers.is_empty() {
            return;
        }
        let timer = self.timers[timer.index(self.timers.len())];
        let due = timer.due.as_millis();
        if early && self.driver.now >= due {
            return;
        }
        if !early {
            self.driver.now = self.driver.now.max(due);
        }
        let now = Timestamp::from_millis(self.driver.now);
        let whereabouts = match place {
            Place::NotATask => Whereabouts::NotATask,
            Place::NotSent => Whereabouts::NotSent,
            Place::Queued => Whereabouts::Queued,
            Place::PickedUp => Whereabouts::PickedUp { at: now },
        };
        let pending = self.driver.execution.timer(timer.id);
        let fired = self.apply(&Command::TimerFired { timer: timer.id, whereabouts });
        match pending {
            Some(_) if early => assert_eq!(fired, Err(Rejection::Early(timer.due))),
            Some(pending) => {
                assert_eq!(pending, timer, "a timer's due time never changes");
                assert_eq!(fired, Ok(()));
                assert_eq!(self.driver.execution.timer(timer.id), None, "it fires once");
            }
            None => assert_eq!(fired, Err(Rejection::Stale)),
        }
    }

    fn signal(&mut self, go: bool, repeated: bool) {
        if let (true, Some(last)) = (repeated, self.last_signal.clone()) {
            assert!(matches!(self.apply(&last), Err(Rejection::Duplicate(_))));
            return;
        }
        let command = self.driver.signal_command(if go { "go" } else { "stop" }, "1");
        if self.apply(&command).is_ok() {
            self.last_signal = Some(command);
        }
    }

    fn quarantine(&mut self) {
        if self.driver.execution.is_ended() {
            return;
        }
        let problem = Problem::of(ErrorCode::Quarantined, "a panic");
        let (before, moment) = (self.driver.execution.clone(), self.driver.moment());
        let input = Some(Blob(vec![1].into()));
        let events = self.driver.take(quarantine(&before, problem, input, &moment));
        self.took(&events);
    }

    fn keep(&mut self) {
        let kept = keep_input(&self.driver.execution, Blob(vec![2].into()));
        assert_eq!(kept.is_ok(), self.driver.execution.is_quarantined());
        if let Ok(decision) = kept {
            let events = self.driver.take(decision);
            self.took(&events);
        }
    }

    /// Does what a good world does until the execution ends.
    pub(crate) fn behave(&mut self) {
        /// Far more steps than any of the flows needs.
        const STEPS: usize = 5_000;
        for _ in 0..STEPS {
            if self.driver.execution.is_ended() {
                return;
            }
            self.help();
        }
        panic!("the execution hangs: {:?}", self.driver.execution.pending());
    }

    fn help(&mut self) {
        let execution = &self.driver.execution;
        if execution.suspended_at().is_some() {
            return self.try_to(Driver::resume);
        }
        let task = execution.tasks().next();
        if let Some(task) = task {
            let command = self.driver.report_command(&task, Outcome::Completed(payload("1")));
            return self.apply(&command).expect("it is pending");
        }
        let timer = execution.timers().filter(|timer| timer.kind != TimerKind::Attempt);
        if let Some(PendingTimer { id, due, .. }) = timer.min_by_key(|timer| timer.due) {
            self.driver.now = self.driver.now.max(due.as_millis());
            return self.fire_by_id(id);
        }
        let pending = execution.pending();
        assert!(
            pending.iter().any(|pending| pending.reason == PendingReason::Signal),
            "{pending:?}"
        );
        self.signal(false, false);
    }

    fn fire_by_id(&mut self, timer: TimerId) {
        let whereabouts = Whereabouts::NotATask;
        self.apply(&Command::TimerFired { timer, whereabouts }).expect("it is due");
    }
}
