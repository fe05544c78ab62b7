//! The intrinsic functions as functions of values. An unknown argument makes the result unknown; a secret one, secret.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine as _;
use payctl_model::{AttributeOf, Secret, Value};

use super::cidr;
use super::expr::Function;

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Function::Join => "Fn::Join",
            Function::Sub => "Fn::Sub",
            Function::Split => "Fn::Split",
            Function::Select => "Fn::Select",
            Function::Base64 => "Fn::Base64",
            Function::Cidr => "Fn::Cidr",
            Function::If => "Fn::If",
            Function::And => "Fn::And",
            Function::Or => "Fn::Or",
            Function::Not => "Fn::Not",
            Function::Equals => "Fn::Equals",
            Function::ImportValue => "Fn::ImportValue",
        })
    }
}

/// How long a text may become, in bytes: as long as the longest that AWS takes in a property, an inline function's source
/// (AWS::Lambda::Function Code, ZipFile). Functions within functions could make texts of any length.
const MAX_TEXT: usize = 4 << 20;

/// Calls a function. The error is a sentence for people.
pub(super) fn apply(function: Function, arguments: &[Value]) -> Result<Value, String> {
    match (function, arguments) {
        (Function::Join, [delimiter, list]) => join(delimiter, list),
        (Function::Sub, pieces) => concatenate(function, &Value::String(String::new()), pieces),
        (Function::Split, [delimiter, text]) => split(delimiter, text),
        (Function::Select, [index, list]) => select(index, list),
        (Function::Base64, [text]) => {
            let mut gathered = Gathered::default();
            let plain = gathered.text(function, text)?;
            bounded(function, plain.len() / 3 * 4)?;
            Ok(gathered.finish(|| base64::engine::general_purpose::STANDARD.encode(plain)))
        }
        (Function::Cidr, [block, count]) => cidr_blocks(block, count, None),
        (Function::Cidr, [block, count, bits]) => cidr_blocks(block, count, Some(bits)),
        (Function::And, arguments) => all_equal(arguments, function, false),
        (Function::Or, arguments) => all_equal(arguments, function, true),
        (Function::Not, [argument]) => Ok(match truth(function, argument)? {
            Truth::Known(flag) => Value::Bool(!flag),
            Truth::Unknown(of) => Value::Unknown(of),
        }),
        (Function::Equals, [a, b]) => {
            let unknowns: BTreeSet<AttributeOf> =
                a.unknowns().into_iter().chain(b.unknowns()).collect();
            Ok(if unknowns.is_empty() {
                Value::Bool(equal(a, b))
            } else {
                Value::Unknown(unknowns)
            })
        }
        (Function::ImportValue, _) => {
            Err("Fn::ImportValue needs a name that is known before anything is created".into())
        }
        _ => Err(format!(
            "{function} does not take {} arguments",
            arguments.len()
        )),
    }
}

/// What the arguments of a function have told: unknowns and whether one is secret.
#[derive(Default)]
struct Gathered {
    unknowns: BTreeSet<AttributeOf>,
    secret: bool,
}

impl Gathered {
    /// An argument that must be a text (numbers and booleans are written as text). Empty where it is unknown.
    fn text(&mut self, function: Function, value: &Value) -> Result<String, String> {
        match value {
            Value::Unknown(of) => {
                self.unknowns.extend(of.iter().cloned());
                Ok(String::new())
            }
            Value::Secret(Secret::Plain(text)) => {
                self.secret = true;
                Ok(text.to_string())
            }
            Value::Secret(Secret::Hashed(_)) => Err(format!(
                "{function} needs a secret of which only a hash is known"
            )),
            other => other
                .to_text()
                .ok_or_else(|| format!("{function} needs a text here, not {}", kind(other))),
        }
    }

    /// An argument that must be a whole number, also written as text.
    fn number(
        &mut self,
        function: Function,
        what: &str,
        value: &Value,
    ) -> Result<Option<i64>, String> {
        let text = self.text(function, value)?;
        if matches!(value, Value::Unknown(_)) {
            return Ok(None);
        }
        match text.trim().parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) if self.secret => Err(format!("{function} needs a whole number as {what}")),
            Err(_) => Err(format!(
                "{function} needs a whole number as {what}, not `{text}`"
            )),
        }
    }

    fn wrap(&self, text: String) -> Value {
        if self.secret {
            Value::secret(text)
        } else {
            Value::String(text)
        }
    }

    fn finish(self, text: impl FnOnce() -> String) -> Value {
        if self.unknowns.is_empty() {
            self.wrap(text())
        } else {
            Value::Unknown(self.unknowns)
        }
    }
}

fn join(delimiter: &Value, list: &Value) -> Result<Value, String> {
    match list {
        Value::List(items) => concatenate(Function::Join, delimiter, items),
        Value::Unknown(of) => Ok(Value::Unknown(
            of.iter().cloned().chain(delimiter.unknowns()).collect(),
        )),
        other => Err(format!(
            "Fn::Join needs a list to join, not {}",
            kind(other)
        )),
    }
}

fn concatenate(function: Function, delimiter: &Value, items: &[Value]) -> Result<Value, String> {
    let mut gathered = Gathered::default();
    let delimiter = gathered.text(function, delimiter)?;
    let texts = items
        .iter()
        .map(|item| gathered.text(function, item))
        .collect::<Result<Vec<_>, _>>()?;
    let delimiters = delimiter
        .len()
        .saturating_mul(texts.len().saturating_sub(1));
    let length: usize = texts.iter().map(String::len).sum();
    bounded(function, length.saturating_add(delimiters))?;
    Ok(gathered.finish(|| texts.join(&delimiter)))
}

/// An error where a function's text would be too long.
fn bounded(function: Function, length: usize) -> Result<(), String> {
    match length > MAX_TEXT {
        true => Err(format!(
            "{function} would make a text of {length} bytes; at most {MAX_TEXT} are allowed"
        )),
        false => Ok(()),
    }
}

fn split(delimiter: &Value, text: &Value) -> Result<Value, String> {
    let mut gathered = Gathered::default();
    let delimiter_text = gathered.text(Function::Split, delimiter)?;
    if delimiter_text.is_empty() && !matches!(delimiter, Value::Unknown(_)) {
        return Err("Fn::Split needs a delimiter that is not empty".into());
    }
    let text = gathered.text(Function::Split, text)?;
    if !gathered.unknowns.is_empty() {
        return Ok(Value::Unknown(gathered.unknowns));
    }
    Ok(Value::List(
        text.split(&delimiter_text)
            .map(|part| gathered.wrap(part.to_owned()))
            .collect(),
    ))
}

fn select(index: &Value, list: &Value) -> Result<Value, String> {
    let mut gathered = Gathered::default();
    let index = gathered.number(Function::Select, "index", index)?;
    if let Some(negative) = index.filter(|index| *index < 0) {
        return Err(format!("Fn::Select needs an index from 0, not {negative}"));
    }
    let items = match list {
        Value::List(items) => items,
        Value::Unknown(of) => {
            gathered.unknowns.extend(of.iter().cloned());
            return Ok(Value::Unknown(gathered.unknowns));
        }
        other => {
            return Err(format!(
                "Fn::Select needs a list to select from, not {}",
                kind(other)
            ));
        }
    };
    let Some(index) = index else {
        return Ok(Value::Unknown(gathered.unknowns));
    };
    let item = usize::try_from(index).ok().and_then(|index| items.get(index)).ok_or_else(|| {
        let count = items.len();
        let noun = if count == 1 { "item" } else { "items" };
        format!("Fn::Select cannot select index {index} of a list with {count} {noun} (indexes start at 0)")
    })?;
    Ok(match item {
        Value::Null => {
            return Err(format!(
                "Fn::Select cannot select index {index}: it is null"
            ));
        }
        item => item.clone(),
    })
}

fn cidr_blocks(block: &Value, count: &Value, bits: Option<&Value>) -> Result<Value, String> {
    let mut gathered = Gathered::default();
    let text = gathered.text(Function::Cidr, block)?;
    let count = gathered.number(Function::Cidr, "count", count)?;
    let bits = match bits {
        Some(bits) => gathered.number(Function::Cidr, "host bits", bits)?,
        None => None,
    };
    if let Some(count) = count.filter(|count| !(1..=256).contains(count)) {
        return Err(format!("Fn::Cidr makes 1 to 256 blocks, not {count}"));
    }
    if let Some(bits) = bits.filter(|bits| !(1..=128).contains(bits)) {
        return Err(format!("Fn::Cidr needs 1 to 128 host bits, not {bits}"));
    }
    match count {
        Some(count) if gathered.unknowns.is_empty() => {
            let blocks = cidr::split(&text, count, bits)?;
            Ok(Value::List(
                blocks
                    .into_iter()
                    .map(|block| gathered.wrap(block))
                    .collect(),
            ))
        }
        _ => Ok(Value::Unknown(gathered.unknowns)),
    }
}

enum Truth {
    Known(bool),
    Unknown(BTreeSet<AttributeOf>),
}

fn truth(function: Function, value: &Value) -> Result<Truth, String> {
    match value {
        Value::Unknown(of) => Ok(Truth::Unknown(of.clone())),
        other => match other.as_bool() {
            Some(flag) => Ok(Truth::Known(flag)),
            None => Err(format!("{function} needs conditions, not {}", kind(other))),
        },
    }
}

/// `Fn::And` is decided by one false, `Fn::Or` by one true.
fn all_equal(arguments: &[Value], function: Function, deciding: bool) -> Result<Value, String> {
    let mut unknowns = BTreeSet::new();
    let mut decided = false;
    for argument in arguments {
        match truth(function, argument)? {
            Truth::Known(flag) => decided |= flag == deciding,
            Truth::Unknown(of) => unknowns.extend(of),
        }
    }
    Ok(match decided {
        true => Value::Bool(deciding),
        false if unknowns.is_empty() => Value::Bool(!deciding),
        false => Value::Unknown(unknowns),
    })
}

/// As `Fn::Equals` compares: texts, numbers and booleans by how they are written.
fn equal(a: &Value, b: &Value) -> bool {
    let text = |value: &Value| {
        value
            .expose_str()
            .map(str::to_owned)
            .or_else(|| value.to_text())
    };
    match (a, b) {
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|((k, a), (l, b))| k == l && equal(a, b))
        }
        (a, b) => match (text(a), text(b)) {
            (Some(a), Some(b)) => a == b,
            _ => a == b,
        },
    }
}

/// What a value is, for messages.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        Value::Secret(_) => "a secret",
        Value::Unknown(_) => "a value that is not known yet",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(items: &[&str]) -> Value {
        Value::List(items.iter().map(|item| Value::from(*item)).collect())
    }

    #[test]
    fn join_writes_numbers_and_booleans_and_refuses_lists() {
        let items = Value::List(vec![Value::from("a"), Value::from(80), Value::from(true)]);
        assert_eq!(
            apply(Function::Join, &[Value::from("-"), items]).unwrap(),
            Value::from("a-80-true")
        );
        let nested = Value::List(vec![list(&["a"])]);
        assert!(apply(Function::Join, &[Value::from("-"), nested]).is_err());
        assert!(apply(Function::Join, &[Value::from("-"), Value::from("abc")]).is_err());
    }

    #[test]
    fn what_is_made_of_a_secret_is_secret() {
        let secret = Value::secret("a,b");
        let parts = apply(Function::Split, &[Value::from(","), secret.clone()]).unwrap();
        assert_eq!(
            apply(Function::Select, &[Value::from("1"), parts]).unwrap(),
            Value::secret("b")
        );
        assert_eq!(
            apply(Function::Base64, std::slice::from_ref(&secret)).unwrap(),
            Value::secret("YSxi")
        );
        let all = Value::List(vec![Value::from("x"), secret]);
        assert_eq!(
            apply(Function::Join, &[Value::from(""), all]).unwrap(),
            Value::secret("xa,b")
        );
    }

    #[test]
    fn select_stays_within_its_list() {
        let message = apply(Function::Select, &[Value::from(2), list(&["a", "b"])]).unwrap_err();
        assert_eq!(
            message,
            "Fn::Select cannot select index 2 of a list with 2 items (indexes start at 0)"
        );
        assert!(apply(Function::Select, &[Value::from(-1), list(&["a"])]).is_err());
        assert!(apply(Function::Select, &[Value::from(0), Value::from("a,b")]).is_err());
    }

    #[test]
    fn equals_compares_as_written() {
        let equals = |a: Value, b: Value| apply(Function::Equals, &[a, b]).unwrap();
        assert_eq!(
            equals(Value::from(true), Value::from("true")),
            Value::from(true)
        );
        assert_eq!(
            equals(Value::from("80"), Value::from(80)),
            Value::from(true)
        );
        assert_eq!(
            equals(Value::from("prod"), Value::from("Prod")),
            Value::from(false)
        );
        assert_eq!(
            equals(Value::secret("x"), Value::from("x")),
            Value::from(true)
        );
    }
}
