//! The section Parameters.

use payctl_model::Value;

use super::super::diagnostic::{Diagnostic, warn};
use super::super::node::{Entry, Node};
use super::super::parameter::{Parameter, shape};
use super::Loader;

const PARAMETER_KEYS: [&str; 11] = [
    "Type",
    "Default",
    "AllowedValues",
    "AllowedPattern",
    "MinLength",
    "MaxLength",
    "MinValue",
    "MaxValue",
    "NoEcho",
    "Description",
    "ConstraintDescription",
];

impl Loader {
    pub(super) fn parameter(&mut self, entry: &Entry) -> Parameter {
        let name = &entry.key;
        let mut parameter = Parameter {
            type_name: "String".to_owned(),
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
            span: entry.key_span,
        };
        let before = self.diagnostics.len();
        let mut default_at = entry.key_span;
        let mut has_type = false;
        for part in self.entries(&format!("the parameter `{name}`"), &entry.value) {
            let value = &part.value;
            let what = format!("{} of the parameter `{name}`", part.key);
            match part.key.as_str() {
                "Type" => {
                    has_type = true;
                    parameter.type_name = self.text(&what, value).unwrap_or_default();
                    if value.scalar_text().is_some()
                        && let Err((message, help)) = shape(&parameter.type_name)
                    {
                        let code = if message.contains("not supported") {
                            "unsupported"
                        } else {
                            "unknown-type"
                        };
                        self.report(code, message, value.span).help = help;
                    }
                }
                "Default" => {
                    default_at = value.span;
                    // The value as written, so that `Default: 0123` and numbers keep their form.
                    let list = value
                        .as_list()
                        .map(|items| items.iter().all(|item| item.scalar_text().is_some()));
                    match list {
                        Some(true) => parameter.default = Some(value.to_value()),
                        _ => parameter.default = self.text(&what, value).map(Value::String),
                    }
                }
                "AllowedValues" => match value.as_list() {
                    Some(items) => {
                        for item in items {
                            parameter.allowed_values.extend(self.text(&what, item));
                        }
                    }
                    None => {
                        self.report(
                            "wrong-type",
                            format!("{what} must be a list, not {}", value.kind_name()),
                            value.span,
                        );
                    }
                },
                "AllowedPattern" => {
                    parameter.allowed_pattern = self.text(&what, value);
                    if let Some(pattern) = &parameter.allowed_pattern
                        && fancy_regex::Regex::new(pattern).is_err()
                    {
                        let message = format!(
                            "the pattern of `{name}` is not understood, so values are not checked with it"
                        );
                        let warning = Diagnostic::warning("bad-pattern", message)
                            .at(&self.source, value.span);
                        warn(&mut self.diagnostics, warning);
                    }
                }
                "MinLength" => parameter.min_length = self.number(&what, value),
                "MaxLength" => parameter.max_length = self.number(&what, value),
                "MinValue" => parameter.min_value = self.number(&what, value),
                "MaxValue" => parameter.max_value = self.number(&what, value),
                "NoEcho" => match value.to_value().as_bool() {
                    Some(flag) => parameter.no_echo = flag,
                    None => {
                        self.report(
                            "wrong-type",
                            format!("{what} must be true or false"),
                            value.span,
                        );
                    }
                },
                "Description" => parameter.description = self.text(&what, value),
                "ConstraintDescription" => {
                    parameter.constraint_description = self.text(&what, value)
                }
                _ => self.unknown_key("a parameter", part, &PARAMETER_KEYS),
            }
        }
        if !has_type && self.diagnostics.len() == before {
            self.report(
                "missing-key",
                format!("the parameter `{name}` has no Type"),
                entry.key_span,
            )
            .help = Some("add `Type: String`".to_owned());
        }
        if self.diagnostics[before..]
            .iter()
            .all(|diagnostic| !diagnostic.is_error())
            && let Some(default) = &parameter.default
            && let Err(message) = parameter.accept(name, default)
        {
            let mut diagnostic = parameter.refuse(&self.source, message, default_at);
            diagnostic
                .help
                .get_or_insert_with(|| "change Default, or what the parameter allows".to_owned());
            self.diagnostics.push(diagnostic);
        }
        parameter
    }

    fn number<T: std::str::FromStr>(&mut self, what: &str, node: &Node) -> Option<T> {
        let number = node.scalar_text().and_then(|text| text.trim().parse().ok());
        if number.is_none() {
            self.report("wrong-type", format!("{what} must be a number"), node.span);
        }
        number
    }
}
