//! Parameters of nodes that own blocks.

use std::num::NonZeroU32;
use std::sync::Arc;

use flowmill_model::{BlockIndex, limits};

use super::{Parameters, number};
use crate::diagnostic::DiagnosticCode;
use crate::expression::Variable;
use crate::graph::{Failures, NodeKind};
use crate::source::{Item, ItemValue};

use super::super::shape::is_identifier;

impl Parameters<'_, '_> {
    pub(super) fn block(&self, name: &str) -> Option<BlockIndex> {
        self.blocks.get(name).copied()
    }

    /// What a parameter says that a value is called, or else this.
    fn bound(&mut self, field: &str, default: &str) -> Option<Arc<str>> {
        let Some(item) = self.item.get(field).filter(|item| item.value != ItemValue::Null) else {
            return Some(default.into());
        };
        let name = item.text().filter(|name| is_identifier(name))?;
        let has_meaning = Variable::OF_NODES.iter().any(|variable| variable.bare_name() == name);
        if !has_meaning && !name.contains('-') {
            return Some(name.into());
        }
        let message = match has_meaning {
            true => format!("`${name}` means something else already"),
            false => format!("`${name}` is no variable of jq"),
        };
        let (code, help) =
            (DiagnosticCode::InvalidName, "choose another name of letters and digits");
        self.refuse(item, &self.path(field), code, &message, help);
        None
    }

    pub(super) fn for_each(&mut self) -> Option<NodeKind> {
        let items = match self.item.get("items").filter(|item| item.value != ItemValue::Null) {
            Some(_) => self.expression("items").map(Some),
            None => Some(None),
        };
        let (item, index) = (self.bound("item", "item"), self.bound("index", "index"));
        let failures = match self.item.get("failures").and_then(Item::text) {
            Some("keep") => Failures::Keep,
            Some("drop") => Failures::Drop,
            _ => Failures::Fail,
        };
        let (item, index) = (item?, index?);
        if item == index {
            let message = format!("both the item and its place are called `${item}`");
            let at = self.item.get("index").or_else(|| self.item.get("item"))?;
            let code = DiagnosticCode::DuplicateName;
            self.refuse(at, &self.path("index"), code, &message, "choose another name");
            return None;
        }
        Some(NodeKind::ForEach {
            items: items?,
            parallel: number(self.item, "parallel").unwrap_or(NonZeroU32::MIN),
            failures,
            item,
            index,
            body: self.block("body")?,
        })
    }

    pub(super) fn while_loop(&mut self) -> Option<NodeKind> {
        let index = self.bound("index", "index");
        // The condition knows the round, too.
        let outside = self.context.names.clone();
        self.context.names = outside.with(index.as_deref().unwrap_or("index"));
        let condition = self.expression("condition");
        self.context.names = outside;
        Some(NodeKind::While {
            condition: condition?,
            rounds: number(self.item, "rounds").unwrap_or(limits::DEFAULT_WHILE_ROUNDS),
            index: index?,
            body: self.block("body")?,
        })
    }
}
