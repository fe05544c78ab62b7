//! What is certain of texts that are not known yet: conditions of nested stacks ask whether they were given anything at all.

use payctl_model::{AttributeOf, Value};

use super::super::expr::{Expr, Function, Kind, Reference};

/// Whether two texts differ whatever becomes known of them.
pub(super) fn differ(a: &Expr, b: &Expr) -> bool {
    match (Form::of(a), Form::of(b)) {
        (Some(a), Some(b)) => a.differs(&b) || b.differs(&a),
        _ => false,
    }
}

/// What is known of a text.
#[derive(Default)]
struct Form {
    /// With what it begins; where it is `whole`, all of it.
    start: String,
    end: String,
    whole: bool,
    /// In bytes.
    least: usize,
}

impl Form {
    fn of(expr: &Expr) -> Option<Form> {
        let mut form = Form {
            whole: true,
            ..Form::default()
        };
        form.add(expr)?;
        Some(form)
    }

    fn add(&mut self, expr: &Expr) -> Option<()> {
        match &expr.kind {
            Kind::Value(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => {
                self.text(&value.to_text()?);
            }
            Kind::Call(Function::Sub, pieces) => {
                for piece in pieces {
                    self.add(piece)?;
                }
            }
            Kind::Call(Function::NoEcho, arguments) => self.add(arguments.first()?)?,
            Kind::Call(Function::Join, arguments) => {
                let [delimiter, list] = arguments.as_slice() else {
                    return None;
                };
                let delimiter = delimiter.as_value().and_then(Value::as_str)?;
                let Kind::List(items) = &list.kind else {
                    return None;
                };
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.text(delimiter);
                    }
                    self.add(item)?;
                }
            }
            // What Ref gives identifies something: it is never empty. An ARN or an identifier is neither.
            Kind::Leaf(Reference::Attribute(of)) => {
                let never_empty = of.attribute == AttributeOf::REF
                    || ["Arn", "Id"].iter().any(|end| of.attribute.ends_with(end));
                self.open(usize::from(never_empty));
            }
            Kind::Leaf(_) | Kind::Call(..) => self.open(0),
            Kind::Value(_) | Kind::NoValue | Kind::List(_) | Kind::Map(_) => return None,
        }
        Some(())
    }

    fn text(&mut self, text: &str) {
        if self.whole {
            self.start.push_str(text);
        }
        self.end.push_str(text);
        self.least += text.len();
    }

    fn open(&mut self, least: usize) {
        self.whole = false;
        self.end.clear();
        self.least += least;
    }

    /// Whether this one cannot become the other.
    fn differs(&self, other: &Form) -> bool {
        let same_start =
            self.start.starts_with(&other.start) || other.start.starts_with(&self.start);
        let same_end = self.end.ends_with(&other.end) || other.end.ends_with(&self.end);
        !same_start || !same_end || self.whole && self.start.len() < other.least
    }
}

#[cfg(test)]
mod tests {
    use payctl_model::Address;

    use super::super::super::expr::Tree;
    use super::super::super::source::Span;
    use super::*;

    fn tree(kind: Kind<Reference>) -> Expr {
        Tree::new(kind, Span::default())
    }

    fn text(text: &str) -> Expr {
        tree(Kind::Value(Value::from(text)))
    }

    fn of(attribute: &str) -> Expr {
        let of = Address::new("r", "s", "Key").attribute(attribute);
        tree(Kind::Leaf(Reference::Attribute(of)))
    }

    fn sub(pieces: &[Expr]) -> Expr {
        tree(Kind::Call(Function::Sub, pieces.to_vec()))
    }

    #[test]
    fn what_is_put_together_begins_and_ends_with_what_is_known_of_it() {
        let (key, other) = (of(AttributeOf::REF), of("Endpoint"));
        assert!(differ(&key, &text("")) && differ(&text(""), &key));
        assert!(!differ(&key, &text("none")));
        assert!(!differ(&other, &text("")));
        let arn = sub(&[text("arn:aws:"), other.clone(), text("/x")]);
        assert!(
            differ(&arn, &text(""))
                && differ(&arn, &text("none"))
                && differ(&arn, &text("arn:aws:/y"))
        );
        assert!(!differ(&arn, &text("arn:aws:s3/x")));
        // Shorter than what is known of it, although both its ends fit.
        assert!(differ(
            &sub(&[text("aba"), other.clone(), text("aba")]),
            &text("aba")
        ));
        assert!(!differ(
            &sub(&[other.clone(), text(",")]),
            &sub(&[text("a"), other])
        ));
    }
}
