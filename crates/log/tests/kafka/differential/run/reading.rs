//! Readers: from anywhere, in pieces, at the end; and the look at everything there is.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use flowmill_log::{Partition, ReadLimit, Reader};
use flowmill_model::Offset;
use futures::FutureExt;

use super::{COMPACTED, Done, Run, available, within};
use crate::differential::script::{Send, Spot};
use crate::differential::seen::{Event, Failure, Seen, Sent};

/// As much as there is.
const ALL: (usize, usize) = (usize::MAX, usize::MAX);

/// Readers by their numbers in the script.
#[derive(Default)]
pub(super) struct Readers(BTreeMap<usize, Open>);

struct Open {
    session: usize,
    of: Partition,
    reader: Box<dyn Reader>,
}

impl Readers {
    pub(super) fn end_session(&mut self, session: usize) {
        self.0.retain(|_, open| open.session != session);
    }
}

impl Run<'_> {
    pub(super) async fn open_reader(
        &mut self,
        number: usize,
        session: usize,
        of: &Partition,
        from: Spot,
    ) -> Done<Seen> {
        let log = self.log(session).await?;
        let bounds = available("bounds", || log.bounds(of)).await?;
        let from = bounds.map_or(Offset::new(0), |bounds| from.at(bounds));
        let reader = log.reader(of, from);
        self.readers.0.insert(number, Open { session, of: of.clone(), reader });
        Ok(Seen::Opened(from.get()))
    }

    /// Reads until it has so many records or is at the end. Of a compacted topic everything is
    /// read: how many records there are is the log's affair.
    pub(super) async fn pull(
        &mut self,
        number: usize,
        records: usize,
        limit: (usize, usize),
    ) -> Done<Seen> {
        let Some(mut open) = self.readers.0.remove(&number) else { return Ok(Seen::PassedOver) };
        let log = self.log(open.session).await?;
        let end = available("bounds", || log.bounds(&open.of)).await?;
        let end = end.map_or(Offset::new(u64::MAX), |bounds| bounds.end);
        let records = if open.of.topic == COMPACTED { usize::MAX } else { records };
        let mut got = Vec::new();
        let mut failed = false;
        while !failed && got.len() < records && open.reader.position() < end {
            let limit = (limit.0.min(records - got.len()), limit.1);
            failed = self.read_once(&mut open.reader, limit, &mut got).await?;
        }
        if !failed {
            self.readers.0.insert(number, open);
        }
        Ok(Seen::Pulled(got))
    }

    /// Reads where there is nothing yet, drops that, appends, and reads again if there is something
    /// for the reader by then.
    pub(super) async fn await_records(&mut self, number: usize, sends: &[Send]) -> Done<Seen> {
        let mut open = self.readers.0.remove(&number);
        let mut waited = None;
        if let Some(open) = &mut open {
            let log = self.log(open.session).await?;
            let bounds = available("bounds", || log.bounds(&open.of)).await?;
            if bounds.is_ok_and(|bounds| open.reader.position() >= bounds.end) {
                waited = Some(open.reader.read(limit(ALL)).now_or_never().is_none());
            }
        }
        let mut sent = Vec::new();
        for send in sends {
            sent.push(self.append(send).await?);
        }
        let mut got = Vec::new();
        if let Some(mut open) = open {
            let last = sent.iter().filter(|sent| sent.to == open.of).filter_map(Sent::at).max();
            // One record, unless it depends on the log which that is.
            let most = if open.of.topic == COMPACTED { usize::MAX } else { 1 };
            let mut failed = waited.is_none();
            while !failed && got.len() < most && last >= Some(open.reader.position().get()) {
                failed = self.read_once(&mut open.reader, (1, usize::MAX), &mut got).await?;
            }
            if !failed || waited.is_none() {
                self.readers.0.insert(number, open);
            }
        }
        Ok(Seen::Awaited { waited, sent, got })
    }

    /// Reads once; says whether that failed. A read that keeps its limits not is a failure, too.
    async fn read_once(
        &self,
        reader: &mut Box<dyn Reader>,
        wanted: (usize, usize),
        got: &mut Vec<Event>,
    ) -> Done<bool> {
        let records = match within("a read", reader.read(limit(wanted))).await? {
            Ok(records) => records,
            Err(error) => {
                got.push(Event::Failed(Failure::from(error)));
                return Ok(true);
            }
        };
        let bytes: usize = records.iter().map(|fetched| fetched.record.bytes()).sum();
        let keeps = records.len() <= wanted.0 && (records.len() == 1 || bytes <= wanted.1);
        let next = records.last().map(|last| last.offset.next());
        if records.is_empty() || !keeps || next != Some(reader.position()) {
            got.push(Event::Failed(Failure::Damaged));
            return Ok(true);
        }
        let events = records.iter().map(|f| Event::Got(f.offset.get(), self.found(&f.record)));
        got.extend(events);
        Ok(false)
    }

    /// Reads everything of a partition that was not looked at yet.
    pub(super) async fn look(&mut self, session: usize, of: &Partition) -> Done<()> {
        let log = self.log(session).await?;
        let Ok(bounds) = available("bounds", || log.bounds(of)).await? else { return Ok(()) };
        let seen = self.contents.entry(of.clone()).or_default();
        let next = seen.last_key_value().map_or(0, |(last, _)| last + 1);
        let mut reader = log.reader(of, bounds.start.max(Offset::new(next)));
        while reader.position() < bounds.end {
            let read = within("a look", reader.read(limit(ALL))).await?;
            let Ok(records) = read else {
                return Err(super::Stuck(format!("a look at {of} failed: {read:?}")));
            };
            for fetched in records {
                let found = self.found(&fetched.record);
                self.contents.entry(of.clone()).or_default().insert(fetched.offset.get(), found);
            }
        }
        Ok(())
    }
}

fn limit((records, bytes): (usize, usize)) -> ReadLimit {
    ReadLimit { records: NonZeroUsize::new(records).expect("scripts ask for records"), bytes }
}
