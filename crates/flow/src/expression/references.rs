//! What an expression refers to: functions, variables, nodes.

use std::collections::BTreeSet;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::load::span;
use jaq_core::path::Part;

use super::library::Signature;
use super::syntax::SyntaxFault;

/// One `$nodes.<id>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeReference {
    pub(crate) id: String,
    /// Where the id stands in the expression, in bytes.
    pub(crate) offset: usize,
}

pub(super) struct References<'s> {
    pub(super) calls: BTreeSet<Signature<'s>>,
    pub(super) variables: BTreeSet<&'s str>,
    pub(super) nodes: Vec<NodeReference>,
    pub(super) every_node: bool,
}

/// Collects what `term`, parsed from `source`, refers to; refuses functions that call themselves.
pub(super) fn of<'s>(source: &'s str, term: &Term<&'s str>) -> Result<References<'s>, SyntaxFault> {
    let mut walk = Walk::default();
    walk.term(term);
    if let Some(name) = walk.recursive {
        return Err(SyntaxFault::new(
            span(source, name).start,
            format!("the function `{name}` calls itself"),
            "write it with reduce, foreach, recurse, walk, while or until",
        ));
    }
    let place = |id: &&'s str| NodeReference {
        id: (*id).to_owned(),
        offset: if id.is_empty() { 0 } else { span(source, id).start },
    };
    let mut nodes: Vec<_> = walk.nodes.iter().map(place).collect();
    nodes.sort();
    nodes.dedup_by(|later, earlier| later.id == earlier.id);
    Ok(References {
        calls: walk.calls,
        variables: walk.variables,
        nodes,
        every_node: walk.every_node,
    })
}

/// The functions that `term` calls.
pub(super) fn calls_of<'s>(term: &Term<&'s str>) -> BTreeSet<Signature<'s>> {
    let mut walk = Walk::default();
    walk.term(term);
    walk.calls
}

/// Whether `signature` is a function that `term` itself defines.
pub(super) fn is_defined_inside(term: &Term<&str>, signature: Signature<'_>) -> bool {
    let mut walk = Walk::default();
    walk.term(term);
    walk.defined.contains(&signature)
}

#[derive(Default)]
struct Walk<'s> {
    calls: BTreeSet<Signature<'s>>,
    defined: BTreeSet<Signature<'s>>,
    variables: BTreeSet<&'s str>,
    nodes: Vec<&'s str>,
    every_node: bool,
    /// The functions whose bodies are being walked.
    inside: Vec<Signature<'s>>,
    recursive: Option<&'s str>,
}

impl<'s> Walk<'s> {
    fn term(&mut self, term: &Term<&'s str>) {
        match term {
            Term::Id | Term::Recurse | Term::Num(_) | Term::Arr(None) | Term::Break(_) => {}
            Term::Str(format, parts) => {
                self.calls.extend(format.iter().map(|format| (*format, 0)));
                self.string(parts);
            }
            Term::Arr(Some(inner)) | Term::Neg(inner) | Term::Label(_, inner) => self.term(inner),
            Term::Obj(entries) => {
                for (key, value) in entries {
                    self.term(key);
                    self.terms(value);
                }
            }
            Term::BinOp(left, operator, right) => {
                self.term(left);
                if let BinaryOp::Pipe(Some(pattern)) = operator {
                    self.pattern(pattern);
                }
                self.term(right);
            }
            Term::Fold(_, items, pattern, arguments) => {
                self.term(items);
                self.pattern(pattern);
                self.terms(arguments);
            }
            Term::TryCatch(tried, caught) => {
                self.term(tried);
                self.terms(caught.as_deref());
            }
            Term::IfThenElse(branches, otherwise) => {
                for (condition, branch) in branches {
                    self.term(condition);
                    self.term(branch);
                }
                self.terms(otherwise.as_deref());
            }
            Term::Def(definitions, body) => {
                definitions.iter().for_each(|definition| self.definition(definition));
                self.term(body);
            }
            Term::Call(name, arguments) => self.call(name, arguments),
            Term::Var(name) => {
                self.variables.insert(name);
                self.every_node |= *name == "$nodes";
            }
            Term::Path(head, path) => self.path(head, &path.0),
        }
    }

    fn terms<'t>(&mut self, terms: impl IntoIterator<Item = &'t Term<&'s str>>)
    where
        's: 't,
    {
        terms.into_iter().for_each(|term| self.term(term));
    }

    fn string(&mut self, parts: &[StrPart<&'s str, Term<&'s str>>]) {
        for part in parts {
            if let StrPart::Term(term) = part {
                self.term(term);
            }
        }
    }

    fn definition(&mut self, definition: &Def<&'s str>) {
        let signature = (definition.name, definition.args.len());
        self.defined.insert(signature);
        self.inside.push(signature);
        self.term(&definition.body);
        self.inside.pop();
    }

    fn call(&mut self, name: &'s str, arguments: &[Term<&'s str>]) {
        let signature = (name, arguments.len());
        if self.inside.contains(&signature) {
            self.recursive = self.recursive.or(Some(name));
        }
        self.calls.insert(signature);
        self.terms(arguments);
    }

    fn pattern(&mut self, pattern: &Pattern<&'s str>) {
        match pattern {
            Pattern::Var(_) => {}
            Pattern::Arr(items) => items.iter().for_each(|item| self.pattern(item)),
            Pattern::Obj(entries) => {
                for (key, value) in entries {
                    self.term(key);
                    self.pattern(value);
                }
            }
        }
    }

    fn path<O>(&mut self, head: &Term<&'s str>, parts: &[(Part<Term<&'s str>>, O)]) {
        let named = match (head, parts.first()) {
            (Term::Var("$nodes"), Some((Part::Index(Term::Str(None, id)), _))) => match &id[..] {
                [StrPart::Str(id)] => Some(*id),
                _ => None,
            },
            _ => None,
        };
        match named {
            Some(id) => {
                self.variables.insert("$nodes");
                self.nodes.push(id);
            }
            None => self.term(head),
        }
        for (part, _) in parts {
            match part {
                Part::Index(index) => self.term(index),
                Part::Range(from, to) => self.terms(from.iter().chain(to)),
            }
        }
    }
}
