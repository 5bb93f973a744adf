//! Steps in plain words.

use super::store::{Lost, Mark, Write};
use super::{State, Step, Which};

fn mark(mark: Mark) -> String {
    let number = mark.number.map_or_else(|| "no batch".to_owned(), |n| format!("batch {n}"));
    format!("{number}, epoch {}, offset {}", mark.epoch, mark.offset)
}

fn write(write: Write) -> String {
    match write {
        Write::Row(row) => format!("the row as of batch {row}"),
        Write::Watermark(at) => format!("the watermark ({})", mark(at)),
        Write::Margin(at) => format!("the margin mark ({})", mark(at)),
        Write::Both(watermark, margin) => {
            format!("the watermark ({}) and the margin mark ({})", mark(watermark), mark(margin))
        }
    }
}

const fn who(which: Which) -> &'static str {
    match which {
        Which::Owner => "the owner",
        Which::Former => "the former owner",
    }
}

fn lost(Lost { row, watermark, margin }: Lost) -> String {
    let cells = [(row, "row"), (watermark, "watermark"), (margin, "margin mark")];
    let lost: Vec<_> = cells.into_iter().filter(|(lost, _)| *lost).map(|(_, name)| name).collect();
    if lost.is_empty() { "nothing".to_owned() } else { format!("the last {}", lost.join(" and ")) }
}

pub(super) fn tell(state: &State, step: &Step) -> String {
    let end = state.history.end();
    let at = state.history.records.len();
    match step {
        Step::TakeOver { lives } => {
            let epoch = end.epoch.next();
            let former = if *lives { "; the owner before lives on" } else { "" };
            format!("a node claims epoch {epoch} at offset {at} and recovers{former}")
        }
        Step::Commit => {
            format!(
                "the owner commits batch {} of epoch {} at offset {at}",
                end.number.next(),
                end.epoch
            )
        }
        Step::Leftover(batch) => format!(
            "a batch {} of epoch {} lands at offset {at} and does not count",
            batch.number, batch.epoch
        ),
        Step::Write(which, written) => format!("{} writes {}", who(*which), write(*written)),
        Step::WriteLate(which, written) => {
            format!("{} is not told whether it has written {}", who(*which), write(*written))
        }
        Step::Arrive(index) => format!("the store writes, late, {}", write(state.late[*index])),
        Step::Trim(which) => format!("{} trims the log", who(*which)),
        Step::Tick => "time passes: what is written is safe".to_owned(),
        Step::Crash(cells) => format!("the store crashes and loses {}", lost(*cells)),
    }
}
