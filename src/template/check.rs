//! What the facts of the CloudFormation registry say against a template: types, properties, attributes.

use std::sync::Arc;

use payctl_model::facts::{FindingKind, check, facts};
use payctl_model::{Address, AttributeOf, PropertyPath, Step, Value};

use super::diagnostic::Diagnostic;
use super::expr::{Field, Function, Kind, Tree};
use super::source::{Source, Span};

/// Whether facts about this type exist. A type without them is accepted unchecked where it is none of AWS's own.
pub(super) fn type_name(name: &str) -> Result<bool, (String, Option<String>)> {
    if name == "AWS::CloudFormation::WaitCondition" {
        let help = "take it out: payctl waits for every resource until AWS reports it ready; for an order alone use DependsOn, or an AWS::CloudFormation::WaitConditionHandle in the middle of it";
        return Err((
            format!("`{name}` waits for signals (cfn-signal), which is not supported"),
            Some(help.to_owned()),
        ));
    }
    if facts().contains(name) {
        return Ok(true);
    }
    if name.ends_with("::MODULE") {
        let help = "write the resources of the module, or give payctl the processed template (`aws cloudformation get-template --template-stage Processed`)";
        return Err((
            format!("`{name}` is a module, and modules are not supported"),
            Some(help.to_owned()),
        ));
    }
    if name.starts_with("AWS::Serverless::") {
        let help = "transform the template first (`sam build` and `sam package`), or use the types it stands for";
        return Err((
            format!("`{name}` needs the transform AWS::Serverless, which is not supported"),
            Some(help.to_owned()),
        ));
    }
    let parts: Vec<&str> = name.split("::").collect();
    let foreign = match parts.as_slice() {
        ["Custom", rest] => !rest.is_empty(),
        ["AWS" | "Alexa", "CloudFormation", ..] => true,
        [first, _, _] => *first != "AWS" && *first != "Alexa",
        _ => false,
    };
    if foreign {
        return Ok(false);
    }
    let help = facts()
        .nearest(name)
        .map(|similar| format!("did you mean `{similar}`?"));
    Err((
        format!("there is no resource type `{name}`"),
        help.or(Some("types look like AWS::EC2::VPC".to_owned())),
    ))
}

/// Whether a type is somebody's own: `Org::Service::Type`.
pub(super) fn is_foreign(name: &str) -> bool {
    let parts: Vec<&str> = name.split("::").collect();
    matches!(parts.as_slice(), [org, _, _] if !["AWS", "Alexa", "Custom"].contains(org))
}

/// Message and advice, where a type has no such attribute.
pub(super) fn attribute(type_name: &str, attribute: &str) -> Option<(String, String)> {
    let facts = facts().get(type_name)?;
    if facts.has_attribute(attribute) {
        return None;
    }
    // Parts of an attribute are many, and easily found once it is.
    let is_part = |name: &str| {
        name.split_once('.')
            .is_some_and(|(whole, _)| facts.has_attribute(whole))
    };
    let all: Vec<&str> = facts.attributes().filter(|name| !is_part(name)).collect();
    let all = all.join(", ");
    let help = match facts.nearest_attribute(attribute) {
        _ if all.is_empty() => "it has no attributes; Ref gives its identifier".to_owned(),
        Some(similar) => format!("did you mean `{similar}`? It has: {all}"),
        None => format!("it has: {all}"),
    };
    Some((format!("{type_name} has no attribute `{attribute}`"), help))
}

/// One mistake in properties.
struct Found {
    kind: FindingKind,
    message: String,
    span: Span,
}

/// What is wrong with the properties of one resource. Functions count as unknown; of an `Fn::If` both sides are looked at, and
/// what depends on the choice is left to the instantiated stack.
pub(super) fn properties<L: Clone>(
    source: &Arc<Source>,
    address: &str,
    type_name: &str,
    resource: Span,
    tree: &Tree<L>,
) -> Vec<Diagnostic> {
    let Some(facts) = facts().get(type_name) else {
        return Vec::new();
    };
    let mut has_choice = false;
    let mut found: Vec<Found> = Vec::new();
    for side in [true, false] {
        let chosen = choose(tree, side, &mut has_choice);
        for finding in check(&facts, &sketch(&chosen)) {
            let hangs_on_choice = matches!(
                finding.kind,
                FindingKind::Missing | FindingKind::OneOf | FindingKind::Bounds
            );
            if has_choice && hangs_on_choice {
                continue;
            }
            let span = place(&chosen, &finding.path, finding.kind).unwrap_or(resource);
            let message = match finding.path.is_root() {
                true => finding.message,
                false
                    if matches!(
                        finding.kind,
                        FindingKind::UnknownProperty | FindingKind::ReadOnly
                    ) =>
                {
                    finding.message
                }
                false => format!("{}: {}", finding.path, finding.message),
            };
            if !found
                .iter()
                .any(|other| other.span == span && other.message == message)
            {
                found.push(Found {
                    kind: finding.kind,
                    message,
                    span,
                });
            }
        }
        if !has_choice {
            break;
        }
    }
    // Who misspelt a property need not hear that the right one is missing.
    let meant: Vec<String> = found
        .iter()
        .filter(|found| found.kind == FindingKind::UnknownProperty)
        .filter_map(|found| {
            Some(
                found
                    .message
                    .split_once("; did you mean ")?
                    .1
                    .trim_end_matches('?')
                    .to_owned(),
            )
        })
        .collect();
    found.retain(|found| {
        !matches!(found.kind, FindingKind::Missing | FindingKind::OneOf)
            || !meant
                .iter()
                .any(|name| found.message.contains(name.as_str()))
    });
    found
        .into_iter()
        .map(|found| {
            let (message, advice) = match found.message.split_once("; did you mean ") {
                Some((message, similar)) => {
                    (message.to_owned(), Some(format!("did you mean {similar}")))
                }
                None => (found.message, None),
            };
            let (code, help) = match found.kind {
                FindingKind::UnknownProperty => (
                    "unknown-property",
                    format!("`payctl schema {type_name}` lists its properties"),
                ),
                FindingKind::Missing => (
                    "missing-property",
                    format!("`payctl schema {type_name}` says what it takes"),
                ),
                FindingKind::ReadOnly => (
                    "read-only-property",
                    "remove it; other resources read it with Fn::GetAtt".to_owned(),
                ),
                FindingKind::WrongType => ("wrong-type", form(&message, type_name)),
                FindingKind::Enum => ("bad-value", "use one of the allowed values".to_owned()),
                FindingKind::Pattern => (
                    "bad-value",
                    "write it in the form that the pattern describes".to_owned(),
                ),
                FindingKind::Bounds => (
                    "out-of-bounds",
                    "choose a value within the limits".to_owned(),
                ),
                FindingKind::OneOf => (
                    "bad-combination",
                    format!("`payctl schema {type_name}` says which properties go together"),
                ),
            };
            let message = match found.kind {
                FindingKind::UnknownProperty | FindingKind::Missing => {
                    format!("{type_name}: {message}")
                }
                _ => message,
            };
            Diagnostic::error(code, message)
                .at(source, found.span)
                .help(advice.unwrap_or(help))
                .address(address)
        })
        .collect()
}

/// How a value of the type that was expected is written.
fn form(message: &str, type_name: &str) -> String {
    let expected = message
        .split_once("expected ")
        .and_then(|(_, rest)| rest.split_once(", found "));
    match expected {
        Some(("a list", "a map")) => "begin each item with `- `: it is a list of maps".to_owned(),
        Some(("a list", _)) => {
            "write it as a list: `[…]`, or items that begin with `- `".to_owned()
        }
        Some(("a map", "a list")) => "remove the `- ` or brackets around it".to_owned(),
        Some(("a text" | "a number" | "a whole number" | "true or false", "a list" | "a map")) => {
            "give it one value".to_owned()
        }
        Some(("true or false", _)) => "write true or false".to_owned(),
        _ => format!("`payctl schema {type_name}` says what it takes"),
    }
}

/// The same without any choice: of each `Fn::If` one side, but never `AWS::NoValue` where the other side is something.
fn choose<L: Clone>(tree: &Tree<L>, side: bool, has_choice: &mut bool) -> Tree<L> {
    let kind = match &tree.kind {
        Kind::Call(Function::If, arguments) if arguments.len() == 3 => {
            *has_choice = true;
            let (first, second) = if side {
                (&arguments[1], &arguments[2])
            } else {
                (&arguments[2], &arguments[1])
            };
            let first = choose(first, side, has_choice);
            return if matches!(first.kind, Kind::NoValue) {
                choose(second, side, has_choice)
            } else {
                first
            };
        }
        Kind::List(items) => Kind::List(
            items
                .iter()
                .map(|item| choose(item, side, has_choice))
                .filter(|item| !matches!(item.kind, Kind::NoValue))
                .collect(),
        ),
        Kind::Map(fields) => Kind::Map(
            fields
                .iter()
                .map(|(key, field)| {
                    (
                        key.clone(),
                        Field {
                            key: field.key,
                            value: choose(&field.value, side, has_choice),
                        },
                    )
                })
                .filter(|(_, field)| !matches!(field.value.kind, Kind::NoValue))
                .collect(),
        ),
        kind => kind.clone(),
    };
    Tree::new(kind, tree.span)
}

/// The value with everything that is to be computed as unknown.
fn sketch<L>(tree: &Tree<L>) -> Value {
    match &tree.kind {
        Kind::Value(value) => value.clone(),
        Kind::List(items) => Value::List(items.iter().map(sketch).collect()),
        Kind::Map(fields) => Value::Map(
            fields
                .iter()
                .map(|(key, field)| (key.clone(), sketch(&field.value)))
                .collect(),
        ),
        Kind::NoValue | Kind::Leaf(_) | Kind::Call(..) => {
            Value::unknown(Address::new("", "", "").attribute(AttributeOf::REF))
        }
    }
}

/// Where a finding points: at the key that should not be there, at the key whose map lacks something, else at the value.
/// `None` for what the whole of the properties lack.
fn place<L>(tree: &Tree<L>, path: &PropertyPath, kind: FindingKind) -> Option<Span> {
    let mut tree = tree;
    let mut key = None;
    let mut reached = 0;
    for step in path.steps() {
        tree = match (&tree.kind, step) {
            (Kind::Map(fields), Step::Key(name)) => match fields.get(name) {
                Some(field) => {
                    key = Some(field.key);
                    &field.value
                }
                None => break,
            },
            (Kind::List(items), Step::Index(index)) => match items.get(*index) {
                Some(item) => {
                    key = None;
                    item
                }
                None => break,
            },
            _ => break,
        };
        reached += 1;
    }
    match kind {
        FindingKind::UnknownProperty
        | FindingKind::ReadOnly
        | FindingKind::Missing
        | FindingKind::OneOf => {
            if reached == 0 {
                None
            } else {
                key.or(Some(tree.span))
            }
        }
        _ if reached == 0 && path.is_root() => None,
        _ => Some(tree.span),
    }
}
