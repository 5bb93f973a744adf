//! Runs of blocks: what is going on inside nodes that own blocks.
//!
//! The flow itself runs in the frame [`FrameId::ROOT`], whose parts are the execution's own; every
//! other frame has parts of its own and belongs to an activation of the node that owns the block.
//!
//! **Invariant:** a frame that is open has an owner that is active; with the owner's end all that
//! is below it is gone.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bincode::{Decode, Encode};
use flowmill_model::{
    Activation, BlockIndex, ConnectionIndex, FrameId, NodeIndex, Payload, Problem, TimerId,
    Timestamp,
};

use super::Execution;
use super::state::{Active, Arrival};

/// The frames of an execution, but that of the flow itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frames {
    /// The one that was opened last.
    pub(crate) last: FrameId,
    pub(crate) open: BTreeMap<FrameId, Arc<Frame>>,
    /// In which frame an activation is, unless it is in that of the flow itself.
    pub(crate) within: BTreeMap<Activation, FrameId>,
}

impl Frames {
    /// There are none, nor have there been any.
    pub(crate) const NONE: Self =
        Self { last: FrameId::ROOT, open: BTreeMap::new(), within: BTreeMap::new() };
}

/// A run of a block.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Frame {
    /// The run of the node that owns the block.
    pub(crate) owner: Activation,
    pub(crate) block: BlockIndex,
    /// Which item, round or attempt it is for.
    pub(crate) index: u32,
    /// What the block's `start` passes on.
    pub(crate) input: Payload,
    /// Whether it undoes what a run has done.
    pub(crate) undoes: bool,
    /// What its nodes put out that is asked for later, in order.
    pub(crate) done: Vec<(NodeIndex, Payload)>,
    /// How many activations are in it.
    pub(crate) active: u32,
    pub(crate) tokens: BTreeMap<ConnectionIndex, VecDeque<Payload>>,
    /// How often each of its nodes has begun to run in it.
    pub(crate) runs: BTreeMap<NodeIndex, u32>,
    pub(crate) outputs: BTreeMap<NodeIndex, Payload>,
    pub(crate) arrivals: Vec<Arrival>,
}

/// A node at work on its blocks.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Owner {
    pub(crate) since: Timestamp,
    /// The item, round or attempt that comes next.
    pub(crate) next: u32,
    /// Frames that are open.
    pub(crate) open: u32,
    /// What it waits for before it opens another one.
    pub(crate) timer: Option<TimerId>,
    pub(crate) work: Work,
}

/// What a node does with its blocks.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Work {
    /// Runs its body for each item.
    Items { items: Arc<Vec<Payload>>, results: Results },
    /// Runs its body again and again on the value of the time before.
    Rounds { value: Payload },
    /// Runs its body on its token, and then, perhaps, another block.
    Attempts(Attempts),
}

/// The state of a `try`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Attempts {
    pub(crate) input: Payload,
    /// The block that was run first; any other one comes last.
    pub(crate) body: Option<BlockIndex>,
    /// How the latest attempt ended, while no other one runs.
    pub(crate) ended: Option<Ended>,
    /// What the latest attempt has done before it failed, in order, as far as it is not undone.
    pub(crate) done: Vec<(NodeIndex, Payload)>,
    /// Whether there must be no further attempt: what was done could not be undone.
    pub(crate) is_spent: bool,
    /// Whether the block that comes last has begun.
    pub(crate) is_last: bool,
}

/// How a run of a block ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Ended {
    Completed(Payload),
    Failed(Problem),
}

/// The results of items by their place, in pieces: a change copies one piece only.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Results(Vec<Arc<Vec<Option<Payload>>>>);

/// Results in one piece.
const PIECE: usize = 64;

impl Results {
    /// Room for so many results, none of which is there.
    pub(crate) fn of(count: usize) -> Self {
        let pieces = (0..count).step_by(PIECE).map(|first| (count - first).min(PIECE));
        Self(pieces.map(|size| Arc::new(vec![None; size])).collect())
    }

    pub(crate) fn set(&mut self, place: usize, result: Option<Payload>) {
        let piece = self.0.get_mut(place / PIECE).map(Arc::make_mut);
        if let Some(slot) = piece.and_then(|piece| piece.get_mut(place % PIECE)) {
            *slot = result;
        }
    }

    /// Those that are there, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Payload> {
        self.0.iter().flat_map(|piece| piece.iter()).flatten()
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut Payload> {
        self.0.iter_mut().flat_map(Arc::make_mut).flatten()
    }
}

impl Frame {
    pub(crate) fn new(owner: Activation, block: BlockIndex, index: u32, input: Payload) -> Self {
        Self {
            owner,
            block,
            index,
            input,
            undoes: false,
            done: Vec::new(),
            active: 0,
            tokens: BTreeMap::new(),
            runs: BTreeMap::new(),
            outputs: BTreeMap::new(),
            arrivals: Vec::new(),
        }
    }

    pub(super) fn each_payload<'a>(&'a self, visit: &mut dyn FnMut(&'a Payload)) {
        visit(&self.input);
        self.done.iter().for_each(|(_, value)| visit(value));
        self.tokens.values().flatten().for_each(&mut *visit);
        self.outputs.values().for_each(&mut *visit);
        self.arrivals.iter().for_each(|arrival| visit(&arrival.value));
    }

    /// The same places as [`Frame::each_payload`], in the same order.
    pub(super) fn payloads_mut(&mut self) -> impl Iterator<Item = &mut Payload> {
        let tokens = self.tokens.values_mut().flatten();
        let arrivals = self.arrivals.iter_mut().map(|arrival| &mut arrival.value);
        std::iter::once(&mut self.input)
            .chain(self.done.iter_mut().map(|(_, value)| value))
            .chain(tokens)
            .chain(self.outputs.values_mut())
            .chain(arrivals)
    }

    /// Entries of its collections.
    pub(super) fn entries(&self) -> usize {
        let tokens = self.tokens.values().map(|queue| 1 + queue.len()).sum::<usize>();
        2 + tokens + self.done.len() + self.runs.len() + self.outputs.len() + self.arrivals.len()
    }
}

impl Owner {
    pub(super) fn each_payload<'a>(&'a self, visit: &mut dyn FnMut(&'a Payload)) {
        match &self.work {
            Work::Items { items, results } => {
                items.iter().for_each(&mut *visit);
                results.iter().for_each(&mut *visit);
            }
            Work::Rounds { value } => visit(value),
            Work::Attempts(attempts) => {
                visit(&attempts.input);
                attempts.done.iter().for_each(|(_, value)| visit(value));
                if let Some(Ended::Completed(value)) = &attempts.ended {
                    visit(value);
                }
            }
        }
    }

    /// The same places as [`Owner::each_payload`], in the same order.
    pub(super) fn payloads_mut(&mut self) -> Vec<&mut Payload> {
        match &mut self.work {
            Work::Items { items, results } => {
                Arc::make_mut(items).iter_mut().chain(results.iter_mut()).collect()
            }
            Work::Rounds { value } => vec![value],
            Work::Attempts(attempts) => {
                let ended = match &mut attempts.ended {
                    Some(Ended::Completed(value)) => Some(value),
                    Some(Ended::Failed(_)) | None => None,
                };
                let done = attempts.done.iter_mut().map(|(_, value)| value);
                std::iter::once(&mut attempts.input).chain(done).chain(ended).collect()
            }
        }
    }

    /// Entries of its collections.
    pub(super) fn entries(&self) -> usize {
        match &self.work {
            // Each item has a place for its result.
            Work::Items { items, .. } => 2 + items.len(),
            Work::Rounds { .. } => 2,
            Work::Attempts(attempts) => 2 + attempts.done.len(),
        }
    }

    /// The error that it keeps, if any.
    pub(super) fn problem(&self) -> Option<&Problem> {
        match &self.work {
            Work::Attempts(Attempts { ended: Some(Ended::Failed(problem)), .. }) => Some(problem),
            Work::Items { .. } | Work::Rounds { .. } | Work::Attempts(_) => None,
        }
    }
}

impl Execution {
    /// A frame that is open and not that of the flow itself.
    pub(crate) fn frame(&self, frame: FrameId) -> Option<&Frame> {
        self.frames.0.open.get(&frame).map(Arc::as_ref)
    }

    pub(crate) fn frame_mut(&mut self, frame: FrameId) -> Option<&mut Frame> {
        self.frames.0.open.get_mut(&frame).map(Arc::make_mut)
    }

    /// The frame that an activation is in.
    pub(crate) fn frame_of(&self, activation: Activation) -> FrameId {
        self.frames.0.within.get(&activation).copied().unwrap_or_default()
    }

    pub(crate) fn owner(&self, activation: Activation) -> Option<&Owner> {
        match self.active.get(&activation)? {
            Active::Owner(owner) => Some(owner),
            Active::Task(_) | Active::Wait(_) | Active::Signal(_) => None,
        }
    }

    pub(crate) fn owner_mut(&mut self, activation: Activation) -> Option<&mut Owner> {
        match self.active.get_mut(&activation)? {
            Active::Owner(owner) => Some(owner),
            Active::Task(_) | Active::Wait(_) | Active::Signal(_) => None,
        }
    }

    /// Nodes that are at work on their blocks.
    pub(crate) fn owners(&self) -> impl Iterator<Item = Activation> + '_ {
        let active = self.active.iter();
        active.filter(|(_, active)| matches!(active, Active::Owner(_))).map(|(id, _)| *id)
    }

    /// The tokens of a frame; none of one that is not open.
    pub(crate) fn tokens(
        &self,
        frame: FrameId,
    ) -> Option<&BTreeMap<ConnectionIndex, VecDeque<Payload>>> {
        match frame {
            FrameId::ROOT => Some(&self.tokens),
            frame => self.frame(frame).map(|frame| &frame.tokens),
        }
    }

    pub(crate) fn tokens_mut(
        &mut self,
        frame: FrameId,
    ) -> Option<&mut BTreeMap<ConnectionIndex, VecDeque<Payload>>> {
        match frame {
            FrameId::ROOT => Some(&mut self.tokens),
            frame => self.frame_mut(frame).map(|frame| &mut frame.tokens),
        }
    }

    /// The latest outputs of a frame's nodes; none of one that is not open.
    pub(crate) fn outputs_in(&self, frame: FrameId) -> Option<&BTreeMap<NodeIndex, Payload>> {
        match frame {
            FrameId::ROOT => Some(&self.outputs),
            frame => self.frame(frame).map(|frame| &frame.outputs),
        }
    }

    /// How often a node has begun to run in a frame.
    pub(crate) fn runs_in(&self, frame: FrameId, node: NodeIndex) -> u32 {
        match frame {
            FrameId::ROOT => self.runs_of(node),
            frame => {
                let frame = self.frame(frame);
                frame.and_then(|frame| frame.runs.get(&node)).copied().unwrap_or_default()
            }
        }
    }

    /// The activations in frames that belong to this one, at any depth.
    pub(crate) fn beneath(&self, activation: Activation) -> Vec<Activation> {
        let frames = self.frames.0.open.iter().filter(|(_, frame)| frame.owner == activation);
        frames.flat_map(|(id, _)| self.inside(*id)).collect()
    }

    /// The activations in a frame and in those beneath them.
    pub(crate) fn inside(&self, frame: FrameId) -> Vec<Activation> {
        let own = self.frames.0.within.iter().filter(|(_, within)| **within == frame);
        let own: Vec<Activation> = own.map(|(activation, _)| *activation).collect();
        let deeper: Vec<_> = own.iter().flat_map(|activation| self.beneath(*activation)).collect();
        own.into_iter().chain(deeper).collect()
    }

    /// Holds an activation from now on.
    pub(crate) fn activate(&mut self, activation: Activation, frame: FrameId, active: Active) {
        if self.active.insert(activation, active).is_none()
            && let Some(open) = self.frame_mut(frame)
        {
            open.active += 1;
            self.frames.0.within.insert(activation, frame);
        }
    }

    /// Holds an activation no longer, nor what is beneath it. Gives it, and the frame it was in.
    pub(crate) fn deactivate(&mut self, activation: Activation) -> (FrameId, Option<Active>) {
        let frame = self.frames.0.within.remove(&activation).unwrap_or_default();
        let active = self.active.remove(&activation);
        if active.is_some()
            && let Some(open) = self.frame_mut(frame)
        {
            open.active = open.active.saturating_sub(1);
        }
        if matches!(active, Some(Active::Owner(_))) {
            let frames = self.frames.0.open.iter().filter(|(_, frame)| frame.owner == activation);
            let frames: Vec<FrameId> = frames.map(|(id, _)| *id).collect();
            frames.into_iter().for_each(|frame| drop(self.close_frame(frame)));
        }
        (frame, active)
    }

    /// Takes a frame away, and all that is in it.
    pub(crate) fn close_frame(&mut self, frame: FrameId) -> Option<Arc<Frame>> {
        let within = self.frames.0.within.iter().filter(|(_, within)| **within == frame);
        let inside: Vec<Activation> = within.map(|(activation, _)| *activation).collect();
        inside.into_iter().for_each(|activation| drop(self.deactivate(activation)));
        self.frames.0.open.remove(&frame)
    }
}
