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
            Function::GetStackOutput => "Fn::GetStackOutput",
            Function::Length => "Fn::Length",
            Function::ToJsonString => "Fn::ToJsonString",
            Function::Contains => "Fn::Contains",
            Function::EachMemberEquals => "Fn::EachMemberEquals",
            Function::EachMemberIn => "Fn::EachMemberIn",
            Function::Items => "the list of a parameter",
            Function::NoEcho => "the text of a parameter",
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
            Known(flag) => Value::Bool(!flag),
            Unknown(of) => Value::Unknown(of),
        }),
        (Function::Equals, [a, b]) => Ok(same(a, b).into_value()),
        (Function::ImportValue | Function::GetStackOutput, names) => {
            let unknowns: BTreeSet<AttributeOf> = names.iter().flat_map(Value::unknowns).collect();
            match unknowns.is_empty() {
                true => Err(format!("{function} needs texts as names")),
                false => Ok(Value::Unknown(unknowns)),
            }
        }
        (Function::Items, [text]) => {
            let mut gathered = Gathered::default();
            let text = gathered.text(function, text)?;
            if !gathered.unknowns.is_empty() {
                return Ok(Value::Unknown(gathered.unknowns));
            }
            let items = text.split(',').map(|item| item.trim().to_owned());
            Ok(Value::List(items.map(|item| gathered.wrap(item)).collect()))
        }
        (Function::NoEcho, [text]) => {
            let mut gathered = Gathered {
                secret: true,
                ..Gathered::default()
            };
            let text = gathered.text(function, text)?;
            Ok(gathered.finish(|| text))
        }
        (Function::Length, [list]) => match list {
            Value::List(items) => Ok(Value::from(items.len() as i64)),
            Value::Unknown(of) => Ok(Value::Unknown(of.clone())),
            other => Err(format!("Fn::Length takes a list, not {}", kind(other))),
        },
        (Function::Contains | Function::EachMemberEquals, [list, text]) => {
            let deciding = function == Function::Contains;
            Ok(match items(function, list)? {
                Known(items) => {
                    decide(items.iter().map(|item| same(item, text)), deciding).into_value()
                }
                Unknown(of) => Value::Unknown(of),
            })
        }
        (Function::EachMemberIn, [list, allowed]) => {
            Ok(match (items(function, list)?, items(function, allowed)?) {
                (Known(items), Known(allowed)) => {
                    let among = |item| decide(allowed.iter().map(|one| same(item, one)), true);
                    decide(items.iter().map(among), false).into_value()
                }
                _ => Value::Unknown(
                    list.unknowns()
                        .into_iter()
                        .chain(allowed.unknowns())
                        .collect(),
                ),
            })
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

/// What is known of an argument, or what it waits for.
enum Told<T> {
    Known(T),
    Unknown(BTreeSet<AttributeOf>),
}

use Told::{Known, Unknown};

impl Told<bool> {
    fn into_value(self) -> Value {
        match self {
            Known(flag) => Value::Bool(flag),
            Unknown(of) => Value::Unknown(of),
        }
    }
}

fn truth(function: Function, value: &Value) -> Result<Told<bool>, String> {
    match value {
        Value::Unknown(of) => Ok(Unknown(of.clone())),
        other => match other.as_bool() {
            Some(flag) => Ok(Known(flag)),
            None => Err(format!("{function} needs conditions, not {}", kind(other))),
        },
    }
}

fn items(function: Function, value: &Value) -> Result<Told<&[Value]>, String> {
    match value {
        Value::List(items) => Ok(Known(items)),
        Value::Unknown(of) => Ok(Unknown(of.clone())),
        other => Err(format!("{function} needs a list here, not {}", kind(other))),
    }
}

/// `Fn::And` is decided by one false, `Fn::Or` by one true.
fn all_equal(arguments: &[Value], function: Function, deciding: bool) -> Result<Value, String> {
    let truths = arguments
        .iter()
        .map(|argument| truth(function, argument))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(decide(truths.into_iter(), deciding).into_value())
}

/// One `deciding` answer decides; without it, all must be known.
fn decide(answers: impl Iterator<Item = Told<bool>>, deciding: bool) -> Told<bool> {
    let mut unknowns = BTreeSet::new();
    let mut decided = false;
    for answer in answers {
        match answer {
            Known(flag) => decided |= flag == deciding,
            Unknown(of) => unknowns.extend(of),
        }
    }
    match decided {
        true => Known(deciding),
        false if unknowns.is_empty() => Known(!deciding),
        false => Unknown(unknowns),
    }
}

fn same(a: &Value, b: &Value) -> Told<bool> {
    let unknowns: BTreeSet<AttributeOf> = a.unknowns().into_iter().chain(b.unknowns()).collect();
    match unknowns.is_empty() {
        true => Known(equal(a, b)),
        false => Unknown(unknowns),
    }
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
    fn rules_look_into_lists() {
        let call = |function, a, b| apply(function, &[a, b]).unwrap();
        let yes = Value::from(true);
        let no = Value::from(false);
        let contains = Function::Contains;
        assert_eq!(call(contains, list(&["1", "2"]), Value::from(2)), yes);
        assert_eq!(call(contains, list(&[]), Value::from("2")), no);
        let equals = Function::EachMemberEquals;
        assert_eq!(call(equals, list(&["a", "a"]), Value::from("a")), yes);
        assert_eq!(call(equals, list(&["a", "b"]), Value::from("a")), no);
        let each_in = Function::EachMemberIn;
        assert_eq!(call(each_in, list(&["a"]), list(&["b", "a"])), yes);
        assert_eq!(call(each_in, list(&["a", "c"]), list(&["b", "a"])), no);
        assert!(apply(contains, &[Value::from("a,b"), Value::from("a")]).is_err());
        // What is known can decide although something is not.
        let of = payctl_model::Address::new("r", "s", "R").attribute("A");
        let partly = Value::List(vec![Value::from("a"), Value::unknown(of.clone())]);
        assert_eq!(call(contains, partly.clone(), Value::from("a")), yes);
        assert_eq!(call(equals, partly.clone(), Value::from("b")), no);
        assert_eq!(call(contains, partly, Value::from("b")), Value::unknown(of));
    }

    #[test]
    fn length_counts_items_that_are_not_known_yet() {
        let of = payctl_model::Address::new("r", "s", "R").attribute("A");
        let items = Value::List(vec![Value::from("a"), Value::unknown(of.clone())]);
        let length = |value| apply(Function::Length, &[value]);
        assert_eq!(length(items).unwrap(), Value::from(2));
        assert_eq!(
            length(Value::unknown(of.clone())).unwrap(),
            Value::unknown(of)
        );
        assert!(length(Value::from("a,b")).is_err());
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
