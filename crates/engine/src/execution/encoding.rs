//! The state as bytes, for checkpoints.
//!
//! Each distinct payload is written once: the input of a flow that fans out sits on many
//! connections and in many tasks at the same time. The state is written with empty payloads,
//! followed by the distinct values and, per empty place, the number of its value. Values are
//! numbered by first use, and places are visited in a fixed order, so equal states give equal
//! bytes.
//!
//! A state is written in the oldest version that can hold it, so that a build of before reads what
//! it could have written itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use bincode::de::{BorrowDecoder, Decoder};
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{BorrowDecode, Decode, Encode};
use bytes::Bytes;
use flowmill_model::envelope::{self, FrameError, Framed};
use flowmill_model::{Activation, FrameId, Payload, limits};

use super::{Active, Execution, Frame, Frames, How, Owner};

/// Any state. What versions have appended is empty in older ones.
#[derive(Encode, Decode)]
struct Stored {
    skeleton: Execution,
    values: Vec<Payload>,
    places: Vec<u32>,
    /// Since version 2.
    context: Option<Payload>,
    /// The parts of [`Frames`], since version 3.
    last_frame: FrameId,
    open: BTreeMap<FrameId, Arc<Frame>>,
    within: BTreeMap<Activation, FrameId>,
}

/// A part of the state that came after version 1: it is stored after all the rest, not in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Appended<T>(pub(crate) T);

impl<T> Encode for Appended<T> {
    fn encode<E: Encoder>(&self, _: &mut E) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl<C, T: Default> Decode<C> for Appended<T> {
    fn decode<D: Decoder<Context = C>>(_: &mut D) -> Result<Self, DecodeError> {
        Ok(Self::default())
    }
}

impl<'de, C, T: Default> BorrowDecode<'de, C> for Appended<T> {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(_: &mut D) -> Result<Self, DecodeError> {
        Ok(Self::default())
    }
}

impl Framed for Stored {
    const KIND: u32 = 150;
    const VERSION: u32 = 3;

    fn appended_since(version: u32) -> usize {
        let frames = if version < 3 { 3 } else { 0 };
        frames + usize::from(version < 2)
    }

    fn written_as(&self) -> u32 {
        match (self.last_frame, &self.context) {
            (FrameId::ROOT, None) => 1,
            (FrameId::ROOT, Some(_)) => 2,
            (_, _) => 3,
        }
    }
}

/// Bytes of state beside its payloads, per entry of any collection: more than any entry takes.
const ENTRY_BYTES: usize = 64;

/// Bytes of the parts that every state has, beside its payloads: names, hash, times.
const FIXED_BYTES: usize = 512;

impl Execution {
    /// The state, framed. Equal states give equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut skeleton = self.clone();
        let (mut values, mut places) = (Vec::new(), Vec::new());
        let mut numbers: BTreeMap<Bytes, u32> = BTreeMap::new();
        for place in skeleton.payloads_mut() {
            let value = std::mem::replace(place, Payload::new(Bytes::new()));
            let number = *numbers.entry(value.as_bytes().clone()).or_insert_with(|| {
                values.push(value);
                values.len() as u32 - 1
            });
            places.push(number);
        }
        let context = skeleton.context.0.take();
        let Frames { last: last_frame, open, within } = std::mem::take(&mut skeleton.frames.0);
        envelope::encode(&Stored { skeleton, values, places, context, last_frame, open, within })
    }

    /// Reads what [`Execution::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let Stored { mut skeleton, values, places, context, last_frame, open, within } =
            envelope::decode(bytes)?;
        skeleton.context = Appended(context);
        skeleton.frames = Appended(Frames { last: last_frame, open, within });
        let targets = skeleton.payloads_mut();
        let left = targets.len().abs_diff(places.len());
        if left != 0 {
            return Err(FrameError::Trailing(left));
        }
        for (target, number) in targets.into_iter().zip(places) {
            *target = values.get(number as usize).ok_or(FrameError::Truncated)?.clone();
        }
        Ok(skeleton)
    }

    /// At most how many bytes [`Execution::encode`] gives. Costs a walk, not an encoding.
    pub fn encoded_size(&self) -> usize {
        let rest = self.size_beside_payloads();
        let mut repeated = 0;
        self.each_payload(&mut |payload| repeated += payload.len());
        if rest + repeated <= limits::STATE_BYTES {
            return rest + repeated;
        }
        let mut distinct: BTreeMap<&[u8], usize> = BTreeMap::new();
        self.each_payload(&mut |payload| {
            distinct.insert(&payload.as_bytes()[..], payload.len());
        });
        rest + distinct.into_values().sum::<usize>()
    }

    fn size_beside_payloads(&self) -> usize {
        let problem = |problem: &flowmill_model::Problem| {
            let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
            problem.kind.len()
                + problem.title.len()
                + optional(&problem.detail)
                + optional(&problem.instance)
        };
        let kept = self.suspension.iter().flat_map(|suspension| &suspension.kept);
        let tokens = self.tokens.values().map(|queue| 1 + queue.len()).sum::<usize>();
        let entries = tokens
            + self.active.len() * 4
            + self.runs.len()
            + self.outputs.len()
            + self.arrivals.len()
            + self.signals.len() * 2
            + self.commands.len()
            + self.timers.len()
            + self.frames.0.within.len()
            + self.frames.0.open.values().map(|frame| frame.entries()).sum::<usize>()
            + self.all_owners().map(Owner::entries).sum::<usize>();
        FIXED_BYTES
            + entries * ENTRY_BYTES
            + self.error().map_or(0, problem)
            + self.all_owners().filter_map(Owner::problem).map(problem).sum::<usize>()
            + kept.map(|input| input.0.len() + ENTRY_BYTES).sum::<usize>()
    }

    fn all_owners(&self) -> impl Iterator<Item = &Owner> {
        self.active.values().filter_map(|active| match active {
            Active::Owner(owner) => Some(owner),
            Active::Task(_) | Active::Wait(_) | Active::Signal(_) => None,
        })
    }

    fn each_payload<'a>(&'a self, visit: &mut dyn FnMut(&'a Payload)) {
        self.head.iter().for_each(|head| visit(&head.input));
        if let Some(How::Completed(output)) = self.ending.as_ref().map(|ending| &ending.how) {
            visit(output);
        }
        self.tokens.values().flatten().for_each(&mut *visit);
        for active in self.active.values() {
            match active {
                Active::Task(task) => visit(&task.input),
                Active::Wait(wait) => visit(&wait.input),
                Active::Signal(_) => {}
                Active::Owner(owner) => owner.each_payload(visit),
            }
        }
        self.outputs.values().for_each(&mut *visit);
        self.arrivals.iter().for_each(|arrival| visit(&arrival.value));
        self.signals.iter().for_each(|signal| visit(&signal.payload));
        self.context.0.iter().for_each(&mut *visit);
        self.frames.0.open.values().for_each(|frame| frame.each_payload(visit));
    }

    /// The same places as [`Execution::each_payload`], in the same order.
    fn payloads_mut(&mut self) -> Vec<&mut Payload> {
        let head = self.head.iter_mut().map(|head| &mut Arc::make_mut(head).input);
        let output = self.ending.iter_mut().filter_map(|ending| match &mut ending.how {
            How::Completed(output) => Some(output),
            How::Faulted(_) | How::Cancelled => None,
        });
        let active = self.active.values_mut().flat_map(|active| match active {
            Active::Task(task) => vec![&mut task.input],
            Active::Wait(wait) => vec![&mut wait.input],
            Active::Signal(_) => Vec::new(),
            Active::Owner(owner) => owner.payloads_mut(),
        });
        let frames = self.frames.0.open.values_mut();
        head.chain(output)
            .chain(self.tokens.values_mut().flatten())
            .chain(active)
            .chain(self.outputs.values_mut())
            .chain(self.arrivals.iter_mut().map(|arrival| &mut arrival.value))
            .chain(self.signals.iter_mut().map(|signal| &mut signal.payload))
            .chain(&mut self.context.0)
            .chain(frames.flat_map(|frame| Arc::make_mut(frame).payloads_mut()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use flowmill_model::task::Outcome;

    use super::*;
    use crate::command::Whereabouts;
    use crate::driver::{Driver, failure, flow_with};
    use crate::execution::TimerKind;

    /// An execution with something of everything that a state can hold.
    fn full() -> Execution {
        let nodes = [
            "{ id: s, type: start }",
            "{ id: sent, type: task, parameters: { type: t } }",
            "{ id: failed, type: task, parameters: { type: t } }",
            "{ id: later, type: task, parameters: { type: t } }",
            "{ id: wait, type: wait, parameters: { for: PT1M } }",
            "{ id: signal, type: signal, parameters: { name: go, timeout: PT1H } }",
            "{ id: other, type: signal, parameters: { name: stop } }",
            "{ id: m, type: map, parameters: { expression: '[$nodes.s, .]' } }",
        ];
        let connections = [
            "s.out -> sent.in",
            "s.out -> failed.in",
            "s.out -> later.in",
            "s.out -> wait.in",
            "s.out -> signal.in",
            "s.out -> m.in",
            "sent.out -> other.in",
        ];
        let flow = flow_with("timeout: P1D", &nodes, &connections);
        let mut driver = Driver::started(flow, "{\"a\":1}");
        driver.signal("stop", "7").expect("it is kept");
        driver.fail("failed", failure(true));
        let later = driver.task("later");
        driver.report(&later, Outcome::Later(90_000)).expect("it is pending");
        let sent = driver.task("sent");
        driver.report(&sent, Outcome::Running).expect("it is pending");
        driver.suspend().expect("it runs");
        driver.fire_due(TimerKind::Wait, Whereabouts::NotATask);
        driver.execution
    }

    /// An execution with something of everything that goes on inside nodes that own blocks.
    fn with_frames() -> Execution {
        let block = |letter: &str, node: &str| {
            format!(
                "{{ nodes: [{{ id: {letter}, type: start }}, {node}], \
                 connections: [{letter}.out -> {letter}n.in] }}"
            )
        };
        let task = |letter: &str| {
            let id =
                format!("id: {letter}n, type: task, parameters: {{ type: t, input: '${{ . }}' }}");
            block(letter, &format!("{{ {id}, retry: {{ limit: {{ attempts: 1 }} }} }}"))
        };
        let each = format!(
            "{{ id: e, type: for-each, parameters: {{ parallel: 2 }}, body: {} }}",
            task("a")
        );
        let rounds = format!(
            "{{ id: r, type: while, parameters: {{ condition: 'true' }}, body: {} }}",
            task("c")
        );
        let retry = "retry: { delay: PT1M, limit: { attempts: 2 } }";
        let attempts = format!("{{ id: t, type: try, {retry}, body: {} }}", task("d"));
        let look = "{ id: m, type: map, parameters: { expression: '$nodes' } }";
        let nodes = ["{ id: s, type: start }", &each, &rounds, &attempts, look];
        let connections = ["s.out -> e.in", "s.out -> r.in", "s.out -> t.in", "e.out -> m.in"];
        let mut driver = Driver::started(flow_with("", &nodes, &connections), "[1,2,3]");
        driver.complete("an", "10");
        driver.fail("dn", failure(true));
        driver.execution
    }

    fn from_hex(text: &str) -> Vec<u8> {
        let digits = text.trim_end().as_bytes().chunks(2);
        let byte = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).expect("hexadecimal digits");
            u8::from_str_radix(pair, 16).expect("hexadecimal digits")
        };
        digits.map(byte).collect()
    }

    /// `testdata/execution-<version>.hex` is a state as that version stored it. `UPDATE_GOLDEN=1`
    /// writes the file anew, which is right only before the version is used.
    fn golden(version: u32, state: &Execution) -> Execution {
        let name = format!("testdata/execution-{version}.hex");
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let text: String = state.encode().iter().map(|byte| format!("{byte:02x}")).collect();
            std::fs::write(&path, text + "\n").expect("the file can be written");
        }
        let stored = from_hex(&std::fs::read_to_string(&path).expect("the file is there"));
        let execution = Execution::decode(&stored).expect("it decodes");
        assert_eq!(execution.encode(), stored);
        execution
    }

    #[test]
    fn a_state_stored_in_any_version_is_read_and_written_the_same() {
        let first = golden(1, &full());
        assert_eq!(first.context.0, None);
        assert_eq!(first.status(), crate::execution::Status::Suspended);
        assert_eq!(first.pending().len(), 5);
        assert_eq!(first.timers().count(), 5, "one of six is held");

        let state = Execution { context: Appended(Some("{\"k\":[1]}".into())), ..full() };
        let second = golden(2, &state);
        assert_eq!(second, state);
        assert_eq!(Execution { context: Appended(None), ..second }, first);

        assert_eq!(golden(3, &with_frames()), with_frames());
    }

    #[test]
    fn damaged_bytes_are_refused_and_never_panic() {
        check_damage(&full().encode());
        check_damage(&with_frames().encode());
    }

    fn check_damage(bytes: &[u8]) {
        for end in 0..bytes.len() {
            assert!(Execution::decode(&bytes[..end]).is_err(), "prefix of {end} bytes");
        }
        for place in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[place] ^= 0x55;
            // Some damage gives another valid state; none may bring the process down.
            drop(Execution::decode(&damaged));
        }
    }
}
