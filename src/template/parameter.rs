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

/// AWS's own types. Source: CloudFormation template reference, "AWS-specific parameter types" and "Systems Manager parameter
/// types".
const AWS_TYPES: [&str; 11] = [
    "AWS::EC2::AvailabilityZone::Name",
    "AWS::EC2::Image::Id",
    "AWS::EC2::Instance::Id",
    "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::SecurityGroup::GroupName",
    "AWS::EC2::SecurityGroup::Id",
    "AWS::EC2::Subnet::Id",
    "AWS::EC2::VPC::Id",
    "AWS::EC2::Volume::Id",
    "AWS::Route53::HostedZone::Id",
    SSM_NAME,
];
const SSM_NAME: &str = "AWS::SSM::Parameter::Name";

/// What a parameter asks Systems Manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SsmUse {
    /// Whether a parameter of this name exists (`AWS::SSM::Parameter::Name`).
    Exists,
    /// The value of the parameter that the given value names (`AWS::SSM::Parameter::Value<…>`).
    Value,
}

/// The type inside `AWS::SSM::Parameter::Value<…>`.
fn ssm_value(type_name: &str) -> Option<&str> {
    type_name
        .strip_prefix("AWS::SSM::Parameter::Value<")?
        .strip_suffix('>')
}

/// How a type reads its value; the error is why it is refused, with advice.
pub(super) fn shape(type_name: &str) -> Result<Shape, (String, Option<String>)> {
    let plain = ssm_value(type_name).unwrap_or(type_name);
    let found = match plain {
        "String" => Some(Shape::Text),
        "Number" => Some(Shape::Number),
        "CommaDelimitedList" | "List<String>" => Some(Shape::TextList),
        "List<Number>" => Some(Shape::NumberList),
        _ => match plain
            .strip_prefix("List<")
            .and_then(|rest| rest.strip_suffix('>'))
        {
            Some(inner) => AWS_TYPES.contains(&inner).then_some(Shape::TextList),
            None => AWS_TYPES.contains(&plain).then_some(Shape::Text),
        },
    };
    found.ok_or_else(|| {
        let known = ["String", "Number", "CommaDelimitedList", "List<Number>"];
        let wrapped = ["List<", "AWS::SSM::Parameter::Value<"].iter().flat_map(|outer| {
            AWS_TYPES.iter().chain(&["String", "Number"]).map(move |inner| format!("{outer}{inner}>"))
        });
        let all: Vec<String> = known
            .iter()
            .chain(&AWS_TYPES)
            .map(|name| name.to_string())
            .chain(wrapped)
            .collect();
        let help = match super::diagnostic::did_you_mean(type_name, all.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "types are String, Number, CommaDelimitedList, List<Number>, AWS's own such as AWS::EC2::VPC::Id and List<AWS::EC2::Subnet::Id>, and AWS::SSM::Parameter::Value<…> of these".to_owned(),
        };
        (format!("there is no parameter type `{type_name}`"), Some(help))
    })
}

impl Parameter {
    /// What has to be asked of Systems Manager before the parameter has a value.
    pub fn ssm(&self) -> Option<SsmUse> {
        match self.type_name.as_str() {
            SSM_NAME => Some(SsmUse::Exists),
            name => ssm_value(name).map(|_| SsmUse::Value),
        }
    }

    /// What a given (or default) value means: a text (of numbers as they were written), or a list of texts; secret with
    /// NoEcho. It is what `Ref` returns, but of `AWS::SSM::Parameter::Value<…>` the name of the parameter in Systems Manager,
    /// to which [`Parameter::resolve`] has the value; the constraints are for the name.
    ///
    /// # Errors
    /// The first constraint that it does not satisfy, as a sentence; of a NoEcho parameter it does not show the value.
    pub fn accept(&self, name: &str, given: &Value) -> Result<Value, String> {
        let shape = match self.ssm() {
            Some(_) => Shape::Text,
            None => shape(&self.type_name).map_err(|(message, _)| message)?,
        };
        let scalar = |value: &Value| {
            value
                .expose_str()
                .map(str::to_owned)
                .or_else(|| value.to_text())
        };
        let secret = self.no_echo || given.has_secret();
        let wrap = |text: String| match secret {
            true => Value::secret(text),
            false => Value::String(text),
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

    /// What `Ref` returns where Systems Manager has this text for the given name.
    ///
    /// # Errors
    /// Where the type is a number and the text is none.
    pub(super) fn resolve(&self, name: &str, key: &str, text: &str) -> Result<Value, String> {
        let shape = shape(&self.type_name).map_err(|(message, _)| message)?;
        let wrap = |text: &str| match self.no_echo {
            true => Value::secret(text),
            false => Value::from(text),
        };
        let is_number = |text: &str| text.trim().parse::<f64>().is_ok_and(f64::is_finite);
        let texts: Vec<&str> = match shape {
            Shape::Text | Shape::Number => vec![text],
            Shape::TextList | Shape::NumberList => text.split(',').map(str::trim).collect(),
        };
        if matches!(shape, Shape::Number | Shape::NumberList)
            && !texts.iter().all(|text| is_number(text))
        {
            return Err(format!(
                "parameter `{name}`: the value of `{key}` in Systems Manager is no number"
            ));
        }
        Ok(match shape {
            Shape::Text | Shape::Number => wrap(text),
            Shape::TextList | Shape::NumberList => {
                Value::List(texts.into_iter().map(wrap).collect())
            }
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
    }

    #[test]
    fn parameters_of_systems_manager_are_given_by_name() {
        let mut subnets = parameter("AWS::SSM::Parameter::Value<List<AWS::EC2::Subnet::Id>>");
        subnets.allowed_pattern = Some("/net/.*".into());
        assert_eq!(subnets.ssm(), Some(SsmUse::Value));
        assert_eq!(
            subnets.accept("Subnets", &Value::from("/net/a")).unwrap(),
            Value::from("/net/a")
        );
        assert!(subnets.accept("Subnets", &Value::from("/other")).is_err());
        assert_eq!(
            subnets
                .resolve("Subnets", "/net/a", "subnet-1, subnet-2")
                .unwrap(),
            Value::List(vec![Value::from("subnet-1"), Value::from("subnet-2")])
        );
        let mut count = parameter("AWS::SSM::Parameter::Value<Number>");
        count.no_echo = true;
        assert_eq!(
            count.resolve("Count", "/n", "3").unwrap(),
            Value::secret("3")
        );
        assert_eq!(
            count.resolve("Count", "/n", "three").unwrap_err(),
            "parameter `Count`: the value of `/n` in Systems Manager is no number"
        );
        assert_eq!(parameter(SSM_NAME).ssm(), Some(SsmUse::Exists));
        for wrong in [
            "AWS::EC2::Vpc::Id",
            "AWS::SSM::Parameter::Value<AWS::EC2::Subnets>",
            "List<>",
        ] {
            assert!(shape(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            shape("List<AWS::EC2::Subnet::ID>").unwrap_err().1.unwrap(),
            "did you mean `List<AWS::EC2::Subnet::Id>`?"
        );
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
