//! `Fn::Sub`: a text with variables in it, cut into its pieces.

use std::collections::BTreeMap;

use payctl_model::Value;

use super::super::diagnostic::did_you_mean;
use super::super::expr::{Function, Kind, Tree};
use super::super::node::Node;
use super::super::source::Span;
use super::{Local, Syntax, Term, broken};

/// How many expressions the variables of all Fn::Sub of a template may make: each use of a variable is a copy of its value,
/// and variables within variables multiply.
const MAX_COPIED: usize = 500_000;

impl Syntax<'_> {
    pub(super) fn sub(&mut self, argument: &Node) -> Kind<Local> {
        // Each with the number of its expressions.
        let mut variables: BTreeMap<&str, (Term, usize)> = BTreeMap::new();
        let template = match argument.as_list() {
            None => argument,
            Some([template, values]) if values.as_map().is_some() => {
                for entry in values.as_map().unwrap_or_default() {
                    let term = self.term(&entry.value);
                    let size = size(&term);
                    variables.insert(entry.key.as_str(), (term, size));
                }
                template
            }
            Some(_) => {
                let message = "Fn::Sub takes a text, or [text, map of variables]";
                self.report("bad-function", message, argument.span, None);
                return broken();
            }
        };
        let Some(text) = template.scalar_text() else {
            let message = format!("Fn::Sub takes a text, not {}", template.kind_name());
            self.report("bad-function", message, template.span, None);
            return broken();
        };
        let mut pieces: Vec<Term> = Vec::new();
        let mut plain = String::new();
        let mut rest = text.as_str();
        // Finds a variable's own place where the text stands in the source as it is.
        let raw = self.source.slice(template.span).to_owned();
        let mut searched = 0;
        while let Some((before, after)) = rest.split_once("${") {
            plain.push_str(before);
            let Some((name, remaining)) = after.split_once('}') else {
                rest = &rest[before.len()..];
                break;
            };
            rest = remaining;
            if let Some(literal) = name.strip_prefix('!') {
                plain.push_str(&format!("${{{literal}}}"));
                continue;
            }
            let span = match raw
                .get(searched..)
                .and_then(|raw| raw.find(&format!("${{{name}}}")))
            {
                Some(found) => {
                    let offset = template.span.offset + searched + found;
                    searched += found + name.len() + 3;
                    Span {
                        offset: offset + 2,
                        length: name.len(),
                    }
                }
                // The text is written otherwise here, with escapes: further on it need not be looked for.
                None => {
                    searched = raw.len();
                    template.span
                }
            };
            if !plain.is_empty() {
                let value = Value::String(std::mem::take(&mut plain));
                pieces.push(Tree::new(Kind::Value(value), template.span));
            }
            let kind = match variables.get(name) {
                Some((term, size)) => {
                    let before = *self.copied;
                    *self.copied = before.saturating_add(*size);
                    if *self.copied > MAX_COPIED {
                        if before <= MAX_COPIED {
                            let message = "the variables of Fn::Sub make the template too large";
                            self.report("too-large", message, span, None);
                        }
                        return broken();
                    }
                    term.kind.clone()
                }
                None if let Some(similar) = self.meant(name, &variables) => {
                    let message = format!("there is no variable `{name}`");
                    let help = format!("did you mean `{similar}`?");
                    self.report("unknown-reference", message, span, Some(help));
                    broken()
                }
                // `${AWS::NoValue}` is no text at all.
                None => match self.sub_variable(name, span) {
                    Kind::NoValue => Kind::Value(Value::from("")),
                    kind => kind,
                },
            };
            pieces.push(Tree::new(kind, span));
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Tree::new(Kind::Value(Value::String(plain)), template.span));
        }
        Kind::Call(Function::Sub, pieces)
    }

    /// The variable that was meant by a name which is nothing else.
    fn meant<'v>(
        &self,
        name: &str,
        variables: &BTreeMap<&'v str, (Term, usize)>,
    ) -> Option<&'v str> {
        let known = name.contains([':', '.'])
            || self.names.parameters.contains(name)
            || self.names.resources.contains_key(name)
            || self.names.may_exist(name);
        did_you_mean(name, variables.keys().copied()).filter(|_| !known)
    }

    fn sub_variable(&mut self, name: &str, span: Span) -> Kind<Local> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-');
        if name.is_empty() || !name.chars().all(allowed) {
            let message = format!("`${{{name}}}` is no variable of Fn::Sub");
            let help = format!(
                "names have letters, digits, `_`, `.` and `:`; write `${{!{name}}}` for the text itself"
            );
            self.report("bad-function", message, span, Some(help));
            return broken();
        }
        match name.split_once('.') {
            Some((logical_id, attribute)) => self.attribute(logical_id, attribute, span, span),
            None => self.reference(name, span),
        }
    }
}

/// How many expressions an expression consists of.
fn size(term: &Term) -> usize {
    let inner = match &term.kind {
        Kind::List(items) | Kind::Call(_, items) => items.iter().map(size).sum(),
        Kind::Map(fields) => fields.values().map(|field| size(&field.value)).sum(),
        Kind::Leaf(local) => local.parts().into_iter().map(size).sum(),
        Kind::Value(_) | Kind::NoValue => 0,
    };
    inner + 1
}
