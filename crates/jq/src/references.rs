//! Which variables a program looks at, and how.

use crate::syntax::ast::{Ast, Pattern, Suffix};

/// A place where a program looks at a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableUse {
    /// The variable's name, without its `$`.
    pub name: String,
    /// The field that is taken of it at once, as `a` of `$x.a` and `$x["a"]`, and where its name
    /// stands, in bytes.
    pub field: Option<(String, usize)>,
}

/// Finds the uses of these variables. What hides one of them is not looked at.
pub(crate) fn of(program: &Ast, variables: &[&str]) -> Vec<VariableUse> {
    let mut walk = Walk { variables, hidden: Vec::new(), found: Vec::new() };
    walk.filter(program);
    walk.found
}

struct Walk<'v> {
    variables: &'v [&'v str],
    /// Variables that the program binds around the place.
    hidden: Vec<String>,
    found: Vec<VariableUse>,
}

impl Walk<'_> {
    fn filter(&mut self, ast: &Ast) {
        match ast {
            Ast::Variable(name) => self.uses(&name.text, None),
            Ast::Suffixed(head, suffixes) => self.suffixed(head, suffixes, ast),
            Ast::Bind(source, patterns, body) => {
                self.filter(source);
                self.hiding(patterns, |walk| {
                    walk.keys(patterns);
                    walk.filter(body);
                });
            }
            Ast::Reduce(fold) => {
                self.filter(&fold.source);
                self.filter(&fold.start);
                self.hiding(&fold.patterns, |walk| {
                    walk.keys(&fold.patterns);
                    walk.filter(&fold.update);
                });
            }
            Ast::Foreach(fold, extract) => {
                self.filter(&fold.source);
                self.filter(&fold.start);
                self.hiding(&fold.patterns, |walk| {
                    walk.keys(&fold.patterns);
                    walk.filter(&fold.update);
                    extract.iter().for_each(|extract| walk.filter(extract));
                });
            }
            Ast::Define(definitions, body) => {
                for definition in definitions {
                    let before = self.hidden.len();
                    let values = definition.parameters.iter().filter(|parameter| parameter.value);
                    self.hidden.extend(values.map(|value| value.name.as_str().to_owned()));
                    self.filter(&definition.body);
                    self.hidden.truncate(before);
                }
                self.filter(body);
            }
            Ast::Identity
            | Ast::Recurse
            | Ast::Const(_)
            | Ast::Interpolation(..)
            | Ast::Format(_)
            | Ast::Array(_)
            | Ast::Object(_)
            | Ast::Negate(_)
            | Ast::Pipe(_)
            | Ast::Comma(_)
            | Ast::Binary(..)
            | Ast::And(_)
            | Ast::Or(_)
            | Ast::Alternative(_)
            | Ast::Assign(..)
            | Ast::If(..)
            | Ast::Try(..)
            | Ast::Label(..)
            | Ast::Break(_)
            | Ast::Call(..)
            | Ast::Location(_) => ast.children().into_iter().for_each(|child| self.filter(child)),
        }
    }

    fn suffixed(&mut self, head: &Ast, suffixes: &[Suffix], whole: &Ast) {
        let mut children = whole.children().into_iter();
        if let (Ast::Variable(name), [Suffix::Field(field), ..]) = (head, suffixes) {
            let field = (field.text.as_str().to_owned(), field.offset);
            self.uses(&name.text, Some(field));
            children.next();
        }
        children.for_each(|child| self.filter(child));
    }

    fn uses(&mut self, name: &str, field: Option<(String, usize)>) {
        let known = self.variables.contains(&name);
        if known && !self.hidden.iter().any(|hidden| hidden == name) {
            self.found.push(VariableUse { name: name.to_owned(), field });
        }
    }

    /// Walks with what patterns bind hidden.
    fn hiding(&mut self, patterns: &[Pattern], walk: impl FnOnce(&mut Self)) {
        let before = self.hidden.len();
        let mut names = Vec::new();
        patterns.iter().for_each(|pattern| pattern.variables(&mut names));
        self.hidden.extend(names.into_iter().map(|name| name.text.as_str().to_owned()));
        walk(self);
        self.hidden.truncate(before);
    }

    fn keys(&mut self, patterns: &[Pattern]) {
        for pattern in patterns {
            match pattern {
                Pattern::Variable(_) => {}
                Pattern::Array(items) => self.keys(items),
                Pattern::Object(entries) => {
                    for entry in entries {
                        self.filter(&entry.key);
                        self.keys(entry.pattern.as_slice());
                    }
                }
            }
        }
    }
}
