//! Functions that are compiled in place: those that are instructions, and frequent ones whose
//! arguments then need no calls.

use crate::code::Op;
use crate::natives;
use crate::syntax::ast::Ast;
use crate::value::Value;

use super::{Compiled, Compiler};

/// The functions that are compiled in place.
pub(crate) const NAMES: [(&str, usize); 24] = [
    ("empty", 0),
    ("path", 1),
    ("getpath", 1),
    ("select", 1),
    ("map", 1),
    ("map_values", 1),
    ("first", 1),
    ("isempty", 1),
    ("any", 0),
    ("any", 1),
    ("any", 2),
    ("all", 0),
    ("all", 1),
    ("all", 2),
    ("range", 1),
    ("range", 2),
    ("range", 3),
    ("del", 1),
    ("with_entries", 1),
    ("sort_by", 1),
    ("group_by", 1),
    ("unique_by", 1),
    ("min_by", 1),
    ("max_by", 1),
];

impl Compiler {
    /// Compiles a call in place if it is one of these functions.
    pub(super) fn inline(&mut self, name: &str, arguments: &[Ast]) -> Compiled<bool> {
        match (name, arguments) {
            ("empty", []) => {
                self.emit(Op::Backtrack);
            }
            ("path", [filter]) => self.path(|compiler| compiler.filter(filter))?,
            ("getpath", [path]) => {
                self.sub(|compiler| compiler.filter(path))?;
                self.emit(Op::GetPath);
            }
            ("select", [when]) => self.select(when)?,
            ("map", [filter]) => self.collect(|compiler| {
                compiler.emit(Op::Each);
                compiler.filter(filter)
            })?,
            ("map_values", [filter]) => self.update(
                |compiler| {
                    compiler.emit(Op::Each);
                    Ok(())
                },
                |compiler| compiler.filter(filter),
            )?,
            ("first", [filter]) => self.first(filter)?,
            ("isempty", [filter]) => self.search([filter], None)?,
            ("any", []) => self.search([&Ast::Identity], Some(true))?,
            ("any", [when]) => self.search([when], Some(true))?,
            ("any", [source, when]) => self.search([source, when], Some(true))?,
            ("all", []) => self.search([&Ast::Identity], Some(false))?,
            ("all", [when]) => self.search([when], Some(false))?,
            ("all", [source, when]) => self.search([source, when], Some(false))?,
            ("range", [to]) => self.range([&Ast::Const(Value::from(0_i64)), to])?,
            ("range", [from, to]) => self.range([from, to])?,
            ("range", [from, to, by]) => self.range([from, to, by])?,
            ("del", [filter]) => {
                self.sub(|compiler| {
                    compiler.collect(|compiler| compiler.path(|compiler| compiler.filter(filter)))
                })?;
                self.native("delpaths", 1);
            }
            ("with_entries", [filter]) => {
                self.native("to_entries", 0);
                self.inline("map", std::slice::from_ref(filter))?;
                self.native("from_entries", 0);
            }
            ("sort_by" | "group_by" | "unique_by" | "min_by" | "max_by", [key]) => {
                self.by_key(name, key)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn select(&mut self, when: &Ast) -> Compiled {
        let not = self.test(when)?;
        let end = self.emit(Op::Jump(0));
        self.land(not);
        self.emit(Op::Backtrack);
        self.land(end);
        Ok(())
    }

    fn first(&mut self, filter: &Ast) -> Compiled {
        let mark = self.slot()?;
        let none = self.emit(Op::Mark(mark, 0));
        self.filter(filter)?;
        self.emit(Op::Cut(mark));
        let end = self.emit(Op::Jump(0));
        self.land(none);
        self.emit(Op::Backtrack);
        self.land(end);
        Ok(())
    }

    /// Whether filters in a row give something `wanted`, or for `None`, whether they give nothing.
    /// One filter and a wanted value look at each item of the input.
    fn search<const N: usize>(&mut self, filters: [&Ast; N], wanted: Option<bool>) -> Compiled {
        let mark = self.slot()?;
        let none = self.emit(Op::Mark(mark, 0));
        self.emit(Op::Enter);
        if N == 1 && wanted.is_some() {
            self.emit(Op::Each);
        }
        for filter in filters {
            self.filter(filter)?;
        }
        if let Some(wanted) = wanted {
            self.emit(Op::BacktrackIf(!wanted));
        }
        self.emit(Op::Cut(mark));
        self.emit(Op::Leave);
        self.literal(Value::Bool(wanted.unwrap_or(false)))?;
        let end = self.emit(Op::Jump(0));
        self.land(none);
        self.literal(Value::Bool(!wanted.unwrap_or(false)))?;
        self.land(end);
        Ok(())
    }

    fn range<const N: usize>(&mut self, bounds: [&Ast; N]) -> Compiled {
        for bound in bounds {
            self.sub(|compiler| compiler.filter(bound))?;
        }
        self.emit(Op::Range { by: N == 3 });
        Ok(())
    }

    /// A function that orders items by the outputs of a filter.
    fn by_key(&mut self, name: &str, key: &Ast) -> Compiled {
        self.sub(|compiler| {
            compiler.collect(|compiler| {
                compiler.emit(Op::Each);
                compiler.collect(|compiler| compiler.filter(key))
            })
        })?;
        self.native(&format!("_{name}"), 1);
        Ok(())
    }

    fn native(&mut self, name: &str, arity: usize) {
        let native = natives::index(name, arity).expect("it is one of ours");
        self.emit(Op::Native(native));
    }
}
