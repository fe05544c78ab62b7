//! Parameters of nested stacks whose values are not known before something is created: expressions of the parameter's type.

use payctl_model::{AttributeOf, Value};

use super::super::expr::{Expr, Function, Kind, Reference, Tree};
use super::super::functions;
use super::super::parameter::{Parameter, Shape, shape};
use super::super::source::Span;

/// What `Ref` of a parameter stands for when its nested stack is given this expression.
///
/// # Errors
/// Where what is given is of the wrong type for sure, as a sentence.
pub(super) fn of(parameter: &Parameter, name: &str, given: &Expr) -> Result<Expr, String> {
    if parameter.ssm().is_some() {
        return Err(format!(
            "the parameter `{name}` names a parameter of Systems Manager: the name must be known before anything is created"
        ));
    }
    let text = |given: &Expr| match parameter.no_echo {
        true => Tree::new(
            Kind::Call(Function::NoEcho, vec![given.clone()]),
            given.span,
        ),
        false => given.clone(),
    };
    match shape(&parameter.type_name).map_err(|(message, _)| message)? {
        Shape::Text | Shape::Number => match other_than_text(given) {
            Some(what) => Err(format!(
                "the parameter `{name}` takes a text, not {what}{}",
                match what {
                    "a list" => "; join the list by Fn::Join",
                    _ => "",
                }
            )),
            None => Ok(text(given)),
        },
        Shape::TextList | Shape::NumberList => {
            let items = match &given.kind {
                Kind::List(items) => Some(items.clone()),
                _ => items(given),
            };
            let Some(items) = items else {
                return match other_than_text(given) {
                    Some(what) => Err(format!(
                        "the parameter `{name}` takes a list, joined by commas, not {what}"
                    )),
                    None => {
                        let all = Kind::Call(Function::Items, vec![text(given)]);
                        Ok(Tree::new(all, given.span))
                    }
                };
            };
            if items.iter().any(|item| other_than_text(item).is_some()) {
                return Err(format!("the parameter `{name}` takes a list of texts"));
            }
            Ok(Tree::new(
                Kind::List(items.iter().map(text).collect()),
                given.span,
            ))
        }
    }
}

/// The same for a text with a dynamic reference in it, which is resolved where it is used. It is no secret itself.
pub(super) fn referring(parameter: &Parameter, text: &str) -> Expr {
    let whole = Expr::value(Value::from(text));
    match shape(&parameter.type_name) {
        Ok(Shape::TextList | Shape::NumberList) => {
            Tree::new(Kind::Call(Function::Items, vec![whole]), Span::default())
        }
        _ => whole,
    }
}

/// What an expression gives, where that is no text for sure.
fn other_than_text(expr: &Expr) -> Option<&'static str> {
    match &expr.kind {
        Kind::List(_) | Kind::Call(Function::Split | Function::Cidr | Function::Items, _) => {
            Some("a list")
        }
        Kind::Map(_) => Some("a map"),
        Kind::Value(value @ (Value::List(_) | Value::Map(_))) => Some(functions::kind(value)),
        _ => None,
    }
}

/// A piece of a text.
enum Piece {
    Text(String),
    /// What is one item, whatever it turns out to be.
    Whole(Expr),
}

/// The items of a text that commas join, where it can be told before the text is known: so that who takes one of them waits for
/// this one.
fn items(given: &Expr) -> Option<Vec<Expr>> {
    let mut pieces = Vec::new();
    cut(given, &mut pieces)?;
    let mut items = Vec::new();
    let mut item = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Whole(expr) => item.push(expr),
            Piece::Text(text) => {
                let mut parts = text.split(',');
                item.extend(parts.next().and_then(|part| plain(part, given.span)));
                for part in parts {
                    items.push(put_together(std::mem::take(&mut item), given.span));
                    item.extend(plain(part, given.span));
                }
            }
        }
    }
    items.push(put_together(item, given.span));
    Some(items)
}

fn plain(text: &str, span: Span) -> Option<Expr> {
    let text = Value::from(text);
    (text.as_str() != Some("")).then(|| Tree::new(Kind::Value(text), span))
}

/// One item of its pieces: without the blanks around it, which CloudFormation takes away.
fn put_together(mut pieces: Vec<Expr>, span: Span) -> Expr {
    let trimmed = |expr: &Expr, trim: fn(&str) -> &str| {
        let text = expr.as_value().and_then(Value::as_str)?;
        Some(plain(trim(text), expr.span))
    };
    if let Some(first) = pieces.first().and_then(|one| trimmed(one, str::trim_start)) {
        pieces.splice(0..1, first);
    }
    if let Some(last) = pieces.last().and_then(|one| trimmed(one, str::trim_end)) {
        let at = pieces.len() - 1;
        pieces.splice(at.., last);
    }
    match pieces.len() {
        0 => Tree::new(Kind::Value(Value::from("")), span),
        1 => pieces.remove(0),
        _ => Tree::new(Kind::Call(Function::Sub, pieces), span),
    }
}

/// The pieces of a text; `None` where commas may be in what is not known.
fn cut(expr: &Expr, pieces: &mut Vec<Piece>) -> Option<()> {
    match &expr.kind {
        Kind::Value(value) => match value {
            Value::String(text) => pieces.push(Piece::Text(text.clone())),
            // Not to be looked into here: it is known, and the function says what is wrong with it.
            Value::Secret(_) | Value::Unknown(_) | Value::List(_) | Value::Map(_) => return None,
            other => pieces.push(Piece::Text(other.to_text()?)),
        },
        Kind::Call(Function::Sub, all) => {
            for piece in all {
                cut(piece, pieces)?;
            }
        }
        Kind::Call(Function::Join, arguments) => {
            let [delimiter, list] = arguments.as_slice() else {
                return None;
            };
            let delimiter = delimiter.as_value().and_then(Value::as_str)?;
            let known;
            let joined = match &list.kind {
                Kind::List(items) => items,
                Kind::Value(Value::List(items)) => {
                    let item = |item: &Value| Tree::new(Kind::Value(item.clone()), list.span);
                    known = items.iter().map(item).collect::<Vec<_>>();
                    &known
                }
                _ => return None,
            };
            for (index, item) in joined.iter().enumerate() {
                if index > 0 {
                    pieces.push(Piece::Text(delimiter.to_owned()));
                }
                cut(item, pieces)?;
            }
        }
        Kind::Leaf(Reference::Attribute(of)) if is_one_item(of) => {
            pieces.push(Piece::Whole(expr.clone()));
        }
        _ => return None,
    }
    Some(())
}

/// Whether an attribute has no comma in it: identifiers, ARNs and names of AWS have none, lists and what custom resources answer
/// may have.
fn is_one_item(of: &AttributeOf) -> bool {
    of.attribute == AttributeOf::REF
        || ["Arn", "Id", "Name"]
            .iter()
            .any(|end| of.attribute.ends_with(end))
}
