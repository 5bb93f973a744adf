//! Functions that call each other in a circle are refused: each call stands for what it calls.

use std::collections::{BTreeMap, BTreeSet};

use flowmill_flow::reading::Item;

use crate::construct::Construct;

use super::Reader;

/// A call of a function that stands in a function.
pub(super) struct FunctionUse<'d> {
    /// The function that calls.
    pub(super) caller: &'d str,
    /// The function that is called.
    pub(super) callee: &'d str,
    /// The call.
    pub(super) item: &'d Item,
}

impl Reader<'_> {
    /// Refuses every call that leads back to the function in which it stands.
    pub(super) fn refuse_recursion(&mut self) {
        let mut calls: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for &FunctionUse { caller, callee, .. } in &self.calls {
            calls.entry(caller).or_default().insert(callee);
        }
        for &FunctionUse { caller, callee, item } in &self.calls {
            if leads(&calls, callee, caller) {
                self.report.refuse(item, Construct::RecursiveFunction);
            }
        }
    }
}

/// Whether calls lead from one function to another.
fn leads(calls: &BTreeMap<&str, BTreeSet<&str>>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(function) = open.pop() {
        if function == to {
            return true;
        }
        let next = calls.get(function).into_iter().flatten();
        open.extend(next.filter(|next| seen.insert(next)));
    }
    false
}
