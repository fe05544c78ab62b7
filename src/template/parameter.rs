//! Parameters of a template: their declarations, and what a given value must satisfy.

use std::sync::Arc;

use payctl_model::Value;

use super::diagnostic::Diagnostic;
use super::source::{Source, Span};

/// One parameter of a template.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its type as it is written.
    pub type_name: String,
    /// What it is when nothing is given.
    pub default: Option<Value>,
    /// The only values it may have.
    pub allowed_values: Vec<String>,
    /// A regular expression that the whole of a value must match.
    pub allowed_pattern: Option<String>,
    /// In characters.
    pub min_length: Option<u64>,
    /// In characters.
    pub max_length: Option<u64>,
    /// Of a number.
    pub min_value: Option<f64>,
    /// Of a number.
    pub max_value: Option<f64>,
    /// Whether its value is secret.
    pub no_echo: bool,
    /// What it is for.
    pub description: Option<String>,
    /// What to tell who gives a wrong value.
    pub constraint_description: Option<String>,
    /// Where its name stands in the template.
    pub span: Span,
}

/// How a parameter's type reads its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Number,
    TextList,
    NumberList,
}

/// How a type reads its value; the error is why it is refused, with advice.
pub(super) fn shape(type_name: &str) -> Result<Shape, (String, Option<String>)> {
    let aws = |name: &str| name.starts_with("AWS::") && name.split("::").count() >= 3;
    match type_name {
        "String" => return Ok(Shape::Text),
        "Number" => return Ok(Shape::Number),
        "CommaDelimitedList" | "List<String>" => return Ok(Shape::TextList),
        "List<Number>" => return Ok(Shape::NumberList),
        _ => {}
    }
    if type_name.starts_with("AWS::SSM::Parameter::Value<") {
        let help = "give the value itself with a parameter of type String".to_owned();
        return Err((
            format!("parameters of type `{type_name}` are not supported yet"),
            Some(help),
        ));
    }
    match type_name
        .strip_prefix("List<")
        .and_then(|rest| rest.strip_suffix('>'))
    {
        Some(inner) if aws(inner) => Ok(Shape::TextList),
        None if aws(type_name) => Ok(Shape::Text),
        _ => {
            let known = ["String", "Number", "CommaDelimitedList", "List<Number>"];
            let help = super::diagnostic::did_you_mean(type_name, known)
                .map(|name| format!("did you mean `{name}`?"));
            let all = "String, Number, CommaDelimitedList, List<Number> and AWS's own, such as AWS::EC2::VPC::Id".to_owned();
            Err((
                format!("there is no parameter type `{type_name}`"),
                help.or(Some(all)),
            ))
        }
    }
}

impl Parameter {
    /// What `Ref` returns for a given (or default) value: a text (of numbers as they were written), or a list of texts; secret
    /// with NoEcho.
    ///
    /// # Errors
    /// The first constraint that it does not satisfy, as a sentence; of a NoEcho parameter it does not show the value.
    pub fn accept(&self, name: &str, given: &Value) -> Result<Value, String> {
        let shape = shape(&self.type_name).map_err(|(message, _)| message)?;
        let scalar = |value: &Value| {
            value
                .expose_str()
                .map(str::to_owned)
                .or_else(|| value.to_text())
        };
        let wrap = |text: String| {
            if self.no_echo {
                Value::secret(text)
            } else {
                Value::String(text)
            }
        };
        let secret = self.no_echo || given.has_secret();
        let wrap = |text: String| {
            if secret {
                Value::secret(text)
            } else {
                wrap(text)
            }
        };
        let is_list = matches!(shape, Shape::TextList | Shape::NumberList);
        let texts: Vec<String> = match given {
            Value::List(items) if is_list => items
                .iter()
                .map(|item| {
                    scalar(item)
                        .ok_or_else(|| format!("the parameter `{name}` takes a list of texts"))
                })
                .collect::<Result<_, _>>()?,
            other => {
                let text = scalar(other).ok_or_else(|| {
                    let wanted = if is_list { "a list of texts" } else { "a text" };
                    format!(
                        "the parameter `{name}` takes {wanted}, not {}",
                        super::functions::kind(other)
                    )
                })?;
                if is_list {
                    text.split(',').map(|part| part.trim().to_owned()).collect()
                } else {
                    vec![text]
                }
            }
        };
        for text in &texts {
            self.check(
                name,
                text,
                matches!(shape, Shape::Number | Shape::NumberList),
                secret,
            )?;
        }
        Ok(if is_list {
            Value::List(texts.into_iter().map(wrap).collect())
        } else {
            wrap(texts.into_iter().next().unwrap_or_default())
        })
    }

    fn check(&self, name: &str, text: &str, numeric: bool, secret: bool) -> Result<(), String> {
        let shown = if secret {
            "the given value".to_owned()
        } else {
            format!("`{text}`")
        };
        let because = |rule: String| match &self.constraint_description {
            Some(description) => format!(
                "parameter `{name}`: {shown} {rule} ({})",
                description.trim_end_matches('.')
            ),
            None => format!("parameter `{name}`: {shown} {rule}"),
        };
        if numeric {
            let number: f64 = text
                .trim()
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite())
                .ok_or_else(|| because("is no number".into()))?;
            if let Some(min) = self.min_value.filter(|min| number < *min) {
                return Err(because(format!("is less than MinValue {min}")));
            }
            if let Some(max) = self.max_value.filter(|max| number > *max) {
                return Err(because(format!("is more than MaxValue {max}")));
            }
        } else {
            let length = text.chars().count() as u64;
            if let Some(min) = self.min_length.filter(|min| length < *min) {
                return Err(because(format!(
                    "has {length} characters, MinLength is {min}"
                )));
            }
            if let Some(max) = self.max_length.filter(|max| length > *max) {
                return Err(because(format!(
                    "has {length} characters, MaxLength is {max}"
                )));
            }
        }
        if !self.allowed_values.is_empty()
            && !self.allowed_values.iter().any(|allowed| allowed == text)
        {
            return Err(because(format!(
                "is none of the allowed values: {}",
                self.allowed_values.join(", ")
            )));
        }
        if let Some(pattern) = &self.allowed_pattern
            && let Ok(regex) = fancy_regex::Regex::new(&format!("^(?:{pattern})\\z"))
            // An expression that runs away says nothing about the value.
            && regex.is_match(text).is_ok_and(|matches| !matches)
        {
            return Err(because(format!("does not match AllowedPattern {pattern}")));
        }
        Ok(())
    }

    /// The message for a value that was not accepted.
    pub(super) fn refuse(&self, source: &Arc<Source>, message: String, at: Span) -> Diagnostic {
        let diagnostic = Diagnostic::error("bad-parameter", message).at(source, at);
        match &self.description {
            Some(description) => diagnostic.help(format!("what it is for: {description}")),
            None => diagnostic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(type_name: &str) -> Parameter {
        Parameter {
            type_name: type_name.into(),
            default: None,
            allowed_values: Vec::new(),
            allowed_pattern: None,
            min_length: None,
            max_length: None,
            min_value: None,
            max_value: None,
            no_echo: false,
            description: None,
            constraint_description: None,
            span: Span::default(),
        }
    }

    #[test]
    fn types_read_their_values() {
        assert_eq!(
            parameter("Number")
                .accept("P", &Value::from("080"))
                .unwrap(),
            Value::from("080")
        );
        assert_eq!(
            parameter("String").accept("P", &Value::from(true)).unwrap(),
            Value::from("true")
        );
        let list = Value::List(vec![Value::from("a"), Value::from("b")]);
        assert_eq!(
            parameter("CommaDelimitedList")
                .accept("P", &Value::from("a, b"))
                .unwrap(),
            list
        );
        assert_eq!(
            parameter("List<AWS::EC2::Subnet::Id>")
                .accept("P", &list)
                .unwrap(),
            list
        );
        assert!(
            parameter("Number")
                .accept("P", &Value::from("ten"))
                .is_err()
        );
        assert!(
            parameter("List<Number>")
                .accept("P", &Value::from("1,x"))
                .is_err()
        );
        assert!(shape("Strin").unwrap_err().1.unwrap().contains("String"));
        assert!(shape("AWS::SSM::Parameter::Value<String>").is_err());
    }

    #[test]
    fn constraints_hold_and_secrets_do_not_show() {
        let mut port = parameter("Number");
        port.max_value = Some(65535.0);
        port.constraint_description = Some("a TCP port.".into());
        assert_eq!(
            port.accept("Port", &Value::from(70000)).unwrap_err(),
            "parameter `Port`: `70000` is more than MaxValue 65535 (a TCP port)"
        );
        let mut password = parameter("String");
        password.no_echo = true;
        password.allowed_pattern = Some("[a-z]+".into());
        let error = password
            .accept("Password", &Value::from("hunter2"))
            .unwrap_err();
        assert!(
            !error.contains("hunter2") && error.contains("AllowedPattern"),
            "{error}"
        );
        assert_eq!(
            password.accept("Password", &Value::from("hunter")).unwrap(),
            Value::secret("hunter")
        );
    }
}
