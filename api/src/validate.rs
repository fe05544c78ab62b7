//! Whether an input keeps to its model: what the simulated AWS refuses.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fancy_regex::Regex;
use serde_json::{Map, Value as Json};

use crate::model::{Kind, Operation, Service, Shape};

/// One way in which an input breaks its model.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// The member, under the model's names: `Filters[0].Values`.
    pub path: String,
    /// What is broken.
    pub constraint: Constraint,
}

/// A constraint of the model.
#[derive(Debug, Clone, PartialEq)]
pub enum Constraint {
    /// The member must be given.
    Required,
    /// The structure has no such member.
    UnknownMember,
    /// The value is of another type.
    Type(&'static str),
    /// The number or length is below the least.
    AtLeast {
        /// The least.
        least: f64,
        /// It is a length, not the number itself.
        length: bool,
    },
    /// The number or length is above the greatest.
    AtMost {
        /// The greatest.
        greatest: f64,
        /// It is a length, not the number itself.
        length: bool,
    },
    /// The text is none of the allowed values.
    OneOf(Vec<String>),
    /// The text does not match the pattern.
    Pattern(String),
    /// A union has none or more than one of its members.
    Union,
}

impl fmt::Display for Constraint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => formatter.write_str("Member must not be null"),
            Self::UnknownMember => formatter.write_str("Member is not known"),
            Self::Type(expected) => write!(formatter, "Member must be {expected}"),
            Self::AtLeast {
                least,
                length: true,
            } => write!(
                formatter,
                "Member must have length greater than or equal to {least}"
            ),
            Self::AtLeast { least, .. } => write!(
                formatter,
                "Member must have value greater than or equal to {least}"
            ),
            Self::AtMost {
                greatest,
                length: true,
            } => write!(
                formatter,
                "Member must have length less than or equal to {greatest}"
            ),
            Self::AtMost { greatest, .. } => write!(
                formatter,
                "Member must have value less than or equal to {greatest}"
            ),
            Self::OneOf(values) => write!(
                formatter,
                "Member must satisfy enum value set: [{}]",
                values.join(", ")
            ),
            Self::Pattern(pattern) => write!(
                formatter,
                "Member must satisfy regular expression pattern: {pattern}"
            ),
            Self::Union => formatter.write_str("Exactly one member of the union must be set"),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Value at '{}' failed to satisfy constraint: {}",
            self.path, self.constraint
        )
    }
}

/// The violations as AWS's services tell them in a `ValidationException`.
pub fn message(violations: &[Violation]) -> String {
    let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
    let plural = if violations.len() == 1 { "" } else { "s" };
    format!(
        "{} validation error{plural} detected: {}",
        violations.len(),
        texts.join("; ")
    )
}

/// Checks an input: required members, types, lengths, ranges, enumerations and patterns, at every depth.
///
/// # Errors
/// All violations, in the order of the model.
pub fn input(service: &Service, operation: &Operation, input: &Json) -> Result<(), Vec<Violation>> {
    let mut check = Check {
        service,
        violations: Vec::new(),
    };
    let none = Map::new();
    let members = match input {
        Json::Null => Some(&none),
        other => other.as_object(),
    };
    match (service.input(operation), members) {
        (Some(shape), Some(members)) => check.structure("", shape, members),
        (Some(_), None) => check.add("", Constraint::Type("an object")),
        (None, _) => {}
    }
    if check.violations.is_empty() {
        Ok(())
    } else {
        Err(check.violations)
    }
}

struct Check<'a> {
    service: &'a Service,
    violations: Vec<Violation>,
}

impl Check<'_> {
    fn add(&mut self, path: &str, constraint: Constraint) {
        self.violations.push(Violation {
            path: path.to_owned(),
            constraint,
        });
    }

    fn structure(&mut self, path: &str, shape: &Shape, members: &Map<String, Json>) {
        let join = |name: &str| {
            if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            }
        };
        for name in &shape.required {
            if members.get(name).is_none_or(Json::is_null) {
                self.add(&join(name), Constraint::Required);
            }
        }
        if shape.document {
            return;
        }
        for member in &shape.members {
            if let Some(value) = members.get(&member.name).filter(|value| !value.is_null()) {
                self.value(&join(&member.name), &member.shape, value);
            }
        }
        for name in members
            .keys()
            .filter(|name| shape.member_named(name).is_none())
        {
            self.add(&join(name), Constraint::UnknownMember);
        }
        if shape.union && members.values().filter(|value| !value.is_null()).count() != 1 {
            self.add(path, Constraint::Union);
        }
    }

    fn value(&mut self, path: &str, shape: &str, value: &Json) {
        let shape = self.service.shape(shape);
        match (shape.kind, value) {
            (Kind::Structure, _) if shape.document => {}
            (Kind::Structure, Json::Object(members)) => self.structure(path, shape, members),
            (Kind::List, Json::Array(elements)) => {
                self.size(path, shape, elements.len());
                if let Some(element) = shape.member.as_deref() {
                    for (index, value) in elements
                        .iter()
                        .enumerate()
                        .filter(|(_, value)| !value.is_null())
                    {
                        self.value(&format!("{path}[{index}]"), &element.shape, value);
                    }
                }
            }
            (Kind::Map, Json::Object(entries)) => {
                self.size(path, shape, entries.len());
                if let (Some(key), Some(each)) = (shape.key.as_deref(), shape.value.as_deref()) {
                    for (name, value) in entries.iter().filter(|(_, value)| !value.is_null()) {
                        let path = format!("{path}.{name}");
                        self.text(&path, self.service.shape(&key.shape), name);
                        self.value(&path, &each.shape, value);
                    }
                }
            }
            (Kind::String | Kind::Character, Json::String(text)) => self.text(path, shape, text),
            (Kind::Blob, Json::String(text)) => match STANDARD.decode(text) {
                Ok(bytes) => self.size(path, shape, bytes.len()),
                Err(_) => self.add(path, Constraint::Type("base64 text")),
            },
            (Kind::Integer | Kind::Long, Json::Number(number))
                if number.as_f64().is_some_and(|number| number.fract() == 0.0) =>
            {
                self.range(path, shape, number.as_f64().unwrap_or_default(), false);
            }
            (Kind::Float | Kind::Double, Json::Number(number)) => {
                self.range(path, shape, number.as_f64().unwrap_or_default(), false);
            }
            (Kind::Boolean, Json::Bool(_))
            | (Kind::Timestamp, Json::Number(_) | Json::String(_)) => {}
            (Kind::Float | Kind::Double, Json::String(text))
                if matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity") => {}
            (kind, _) => self.add(path, Constraint::Type(expected(kind))),
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn size(&mut self, path: &str, shape: &Shape, size: usize) {
        self.range(path, shape, size as f64, true);
    }

    fn range(&mut self, path: &str, shape: &Shape, number: f64, length: bool) {
        if let Some(least) = shape.min.filter(|least| number < *least) {
            self.add(path, Constraint::AtLeast { least, length });
        }
        if let Some(greatest) = shape.max.filter(|greatest| number > *greatest) {
            self.add(path, Constraint::AtMost { greatest, length });
        }
    }

    fn text(&mut self, path: &str, shape: &Shape, text: &str) {
        self.size(path, shape, text.chars().count());
        if !shape.variants.is_empty() && !shape.variants.iter().any(|variant| variant == text) {
            self.add(path, Constraint::OneOf(shape.variants.clone()));
        }
        if let Some(pattern) = &shape.pattern
            && compiled(pattern).is_some_and(|regex| !regex.is_match(text).unwrap_or(true))
        {
            self.add(path, Constraint::Pattern(pattern.clone()));
        }
    }
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Structure | Kind::Map => "an object",
        Kind::List => "a list",
        Kind::String | Kind::Character => "text",
        Kind::Integer | Kind::Long => "an integer",
        Kind::Float | Kind::Double => "a number",
        Kind::Boolean => "a boolean",
        Kind::Blob => "base64 text",
        Kind::Timestamp => "a timestamp",
    }
}

/// A pattern, which must match the whole text; its dots match line breaks too. One that backtracks too far counts as matched.
fn compiled(pattern: &str) -> Option<Arc<Regex>> {
    static CACHE: OnceLock<Mutex<HashMap<String, Option<Arc<Regex>>>>> = OnceLock::new();
    // A panic cannot leave the map half-written: insertion is its only change.
    let mut cache = CACHE
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = cache.get(pattern) {
        return known.clone();
    }
    let regex = Regex::new(&format!(r"(?s)\A(?:{pattern})\z"))
        .ok()
        .map(Arc::new);
    cache.insert(pattern.to_owned(), regex.clone());
    regex
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(service: &str, operation: &str, value: &Json) -> Vec<String> {
        let service = crate::service(service).expect("packed");
        let operation = service.operation(operation).expect("modelled");
        let violations = input(service, operation, value).err().unwrap_or_default();
        violations
            .iter()
            .map(|violation| format!("{}: {}", violation.path, violation.constraint))
            .collect()
    }

    #[test]
    fn violations_name_the_member() {
        assert_eq!(
            told("sqs", "CreateQueue", &json!({})),
            ["QueueName: Member must not be null"]
        );
        assert_eq!(
            told(
                "iam",
                "CreateRole",
                &json!({"RoleName": "a b", "AssumeRolePolicyDocument": "{}", "Tags": [{"Key": ""}], "MaxSessionDuration": 1})
            ),
            [
                r"RoleName: Member must satisfy regular expression pattern: [\w+=,.@-]+",
                "MaxSessionDuration: Member must have value greater than or equal to 3600",
                "Tags[0].Value: Member must not be null",
                "Tags[0].Key: Member must have length greater than or equal to 1",
                r"Tags[0].Key: Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+",
            ]
        );
        let typed = told(
            "ecs",
            "CreateService",
            &json!({"serviceName": 3, "launchType": "MOON", "desiredCount": 1.5, "nope": 1}),
        );
        assert_eq!(typed[0], "serviceName: Member must be text");
        assert!(
            typed[1].starts_with("desiredCount: Member must be an integer"),
            "{typed:?}"
        );
        assert!(
            typed[2].starts_with("launchType: Member must satisfy enum value set: [EC2, FARGATE"),
            "{typed:?}"
        );
        assert_eq!(typed[3], "nope: Member is not known");
        let label = told(
            "acm",
            "RequestCertificate",
            &json!({"DomainName": "-a.example"}),
        );
        assert_eq!(
            label.len(),
            1,
            "look-around patterns are checked: {label:?}"
        );
    }

    #[test]
    fn good_input_passes() {
        let policy = "{\"Version\": \"2012-10-17\",\n\t\"Statement\": []}";
        let role =
            json!({"RoleName": "app", "AssumeRolePolicyDocument": policy, "Path": "/service/"});
        assert_eq!(told("iam", "CreateRole", &role), Vec::<String>::new());
        assert_eq!(
            told("ec2", "CreateVpc", &json!({"CidrBlock": "10.0.0.0/16"})),
            Vec::<String>::new()
        );
    }
}
