//! What a batch says of inputs, how an owner makes one, and what readers make of it.

use crate::mutation::Mutation;
use crate::property::{Broken, Property};

/// How many executions there are.
pub(super) const EXECUTIONS: usize = 2;

/// The inputs of each topic, by the execution that each is for: commands, then results.
pub(super) const TOPICS: [&[usize]; 2] = [&[0, 1], &[0]];

/// A record of an input topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Input {
    pub(super) topic: u8,
    pub(super) offset: u8,
}

impl Input {
    const fn execution(self) -> usize {
        TOPICS[self.topic as usize][self.offset as usize]
    }

    /// The name of its execution: a letter.
    pub(super) const fn execution_name(self) -> char {
        ['x', 'y'][self.execution()]
    }
}

/// What a batch says here.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Content {
    /// What it decides, in order: resolved inputs, commands, results.
    pub(super) decided: Vec<Input>,
    pub(super) deferred: Vec<Input>,
    pub(super) resolved: Vec<Input>,
    /// Where each topic is read on after it.
    pub(super) positions: [u8; 2],
}

/// What an owner does with the next input of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    Leave,
    Decide,
    Defer,
}

/// What an owner puts into a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    /// How many of each execution's deferred inputs it resolves.
    resolve: [usize; EXECUTIONS],
    take: [Take; 2],
    /// The execution whose deferrals it renews.
    pub(super) renew: Option<usize>,
}

/// What an owner knows of inputs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Memory {
    pub(super) positions: [u8; 2],
    /// Inputs that are deferred and not resolved, in the order in which they were deferred.
    pub(super) waiting: Vec<Input>,
}

impl Memory {
    /// Every choice that the owner may have; some are possible only now and then.
    pub(super) fn choices(&self, may_renew: bool) -> impl Iterator<Item = Choice> {
        const TAKES: [Take; 3] = [Take::Leave, Take::Decide, Take::Defer];
        let of = |execution| self.waiting.iter().filter(move |i| i.execution() == execution);
        let [x, y] = [0, 1].map(|execution| of(execution).count());
        let resolves = (0..=x).flat_map(move |x| (0..=y).map(move |y| [x, y]));
        let renewals = (0..EXECUTIONS).map(Some).filter(move |_| may_renew);
        let renewals = std::iter::once(None).chain(renewals);
        renewals.flat_map(move |renew| {
            resolves.clone().flat_map(move |resolve| {
                let takes = TAKES.into_iter().flat_map(|one| TAKES.map(|other| [one, other]));
                takes.map(move |take| Choice { resolve, take, renew })
            })
        })
    }

    /// The batch that a choice makes, if it is possible.
    pub(super) fn decide(&self, choice: &Choice, mutation: Option<Mutation>) -> Option<Content> {
        let mut content = Content { positions: self.positions, ..Content::default() };
        let mut waiting = self.waiting.clone();
        for (execution, count) in choice.resolve.into_iter().enumerate() {
            let of_it = waiting.iter().copied().filter(|input| input.execution() == execution);
            let first: Vec<_> = of_it.take(count).collect();
            if first.len() < count {
                return None;
            }
            waiting.retain(|input| !first.contains(input));
            content.decided.extend(&first);
            content.resolved.extend(first);
        }
        if let Some(execution) = choice.renew {
            let of_it = waiting.iter().copied().filter(|input| input.execution() == execution);
            let of_it: Vec<_> = of_it.collect();
            if of_it.is_empty() {
                return None;
            }
            content.resolved.extend(&of_it);
            content.deferred.extend(of_it);
        }
        for (topic, take) in (0..).zip(choice.take) {
            self.take(&mut content, &mut waiting, (topic, take), mutation)?;
        }
        match mutation {
            Some(Mutation::ResolvedNotRecorded) => content.resolved.clear(),
            Some(Mutation::OnePosition) => content.positions[1] = 0,
            _ => {}
        }
        let says_something = !content.decided.is_empty() || !content.deferred.is_empty();
        says_something.then_some(content)
    }

    fn take(
        &self,
        content: &mut Content,
        waiting: &mut Vec<Input>,
        (topic, take): (u8, Take),
        mutation: Option<Mutation>,
    ) -> Option<()> {
        let offset = self.positions[usize::from(topic)];
        if take == Take::Leave {
            return Some(());
        }
        if usize::from(offset) == TOPICS[usize::from(topic)].len() {
            return None;
        }
        let input = Input { topic, offset };
        content.positions[usize::from(topic)] += 1;
        if take == Take::Defer {
            waiting.push(input);
            content.deferred.push(input);
            return Some(());
        }
        let is_behind = waiting.iter().any(|other| other.execution() == input.execution());
        if is_behind && mutation != Some(Mutation::LaterInputOvertakes) {
            return None;
        }
        content.decided.push(input);
        Some(())
    }

    /// Takes in a batch of an earlier owner, as history has it. A name that is resolved and not
    /// known here was deferred below the watermark.
    pub(super) fn read(&mut self, content: &Content) {
        self.waiting.retain(|input| !content.resolved.contains(input));
        self.waiting.extend(&content.deferred);
        self.positions = content.positions;
    }

    /// Takes in the owner's own batch, of which it knows more than history has.
    pub(super) fn commit(&mut self, content: &Content) {
        self.waiting.retain(|input| !content.decided.contains(input));
        self.waiting.retain(|input| !content.deferred.contains(input));
        self.waiting.extend(&content.deferred);
        for Input { topic, offset } in content.decided.iter().chain(&content.deferred) {
            let position = &mut self.positions[usize::from(*topic)];
            *position = (*position).max(offset + 1);
        }
    }
}

/// What the valid batches did with the inputs.
#[derive(Debug, Default)]
pub(super) struct Folded {
    /// How many of each topic were taken.
    taken: [u8; 2],
    /// Taken and not decided, in the order in which they were taken.
    undecided: Vec<Input>,
    /// Deferred once or more.
    ever_deferred: Vec<Input>,
    /// Deferred and not resolved.
    open: Vec<Input>,
}

/// Folds batches, and finds what must not be.
pub(super) fn fold<'a>(contents: impl Iterator<Item = &'a Content>) -> Result<Folded, Broken> {
    let mut folded = Folded::default();
    for content in contents {
        folded.resolve(content)?;
        folded.read(content)?;
        folded.decide(content)?;
    }
    Ok(folded)
}

impl Folded {
    pub(super) fn is_complete(&self) -> bool {
        self.undecided.is_empty() && self.taken.map(usize::from) == TOPICS.map(<[usize]>::len)
    }

    fn resolve(&mut self, content: &Content) -> Result<(), Broken> {
        for input in &content.resolved {
            let place = self.open.iter().position(|other| other == input);
            Property::S8.unless(place.is_some(), "an input is resolved that is not deferred")?;
            place.map(|place| self.open.remove(place));
        }
        self.open.extend(&content.deferred);
        Ok(())
    }

    /// Notes which inputs are taken, commands first.
    fn read(&mut self, content: &Content) -> Result<(), Broken> {
        let named = content.decided.iter().chain(&content.deferred);
        let mut fresh: Vec<_> = named
            .filter(|input| input.offset >= self.taken[usize::from(input.topic)])
            .copied()
            .collect();
        fresh.sort_unstable();
        for input in fresh {
            let taken = &mut self.taken[usize::from(input.topic)];
            Property::S1.unless(input.offset == *taken, "an input is skipped")?;
            *taken += 1;
            self.undecided.push(input);
        }
        self.ever_deferred.extend(&content.deferred);
        Ok(())
    }

    fn decide(&mut self, content: &Content) -> Result<(), Broken> {
        for input in &content.decided {
            let mut of_it = self.undecided.iter();
            let first = of_it.find(|other| other.execution() == input.execution());
            if !self.undecided.contains(input) {
                let was_deferred = self.ever_deferred.contains(input);
                let property = if was_deferred { Property::S8 } else { Property::S1 };
                property.unless(false, "an input is decided twice")?;
            }
            let in_order = first == Some(input);
            Property::S7.unless(in_order, "an input is decided before an earlier one")?;
            self.undecided.retain(|other| other != input);
        }
        Ok(())
    }
}
