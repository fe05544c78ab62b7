//! `Ref`, `Fn::GetAtt`, `Fn::FindInMap` and `Fn::GetStackOutput`: what names something.

use payctl_model::{AttributeOf, Value};

use super::super::check;
use super::super::diagnostic::did_you_mean;
use super::super::expr::{Function, Kind, Tree};
use super::super::node::Node;
use super::super::source::Span;
use super::{Local, NO_VALUE, PSEUDO, Syntax, Term, Within, broken};

impl Syntax<'_> {
    pub(super) fn reference(&mut self, name: &str, span: Span) -> Kind<Local> {
        if name == NO_VALUE {
            return Kind::NoValue;
        }
        if let Some((_, pseudo)) = PSEUDO.iter().find(|(known, _)| *known == name) {
            return Kind::Leaf(Local::Pseudo(*pseudo));
        }
        if self.names.parameters.contains(name) {
            return Kind::Leaf(Local::Parameter(name.to_owned()));
        }
        if self.names.resources.contains_key(name) {
            let attribute = Tree::new(Kind::Value(Value::from(AttributeOf::REF)), span);
            return self.resource(name, attribute, span);
        }
        if self.names.may_exist(name) {
            return broken();
        }
        let pseudo = PSEUDO.iter().map(|(name, _)| *name).chain([NO_VALUE]);
        let all = self
            .names
            .parameters
            .iter()
            .chain(self.names.resources.keys())
            .map(String::as_str)
            .chain(pseudo);
        let of_resource = name
            .split_once('.')
            .is_some_and(|(resource, _)| self.names.resources.contains_key(resource));
        let help = match did_you_mean(name, all) {
            _ if of_resource => format!("an attribute is read with Fn::GetAtt: `!GetAtt {name}`"),
            Some(similar) => format!("did you mean `{similar}`?"),
            None if name.contains('.') => {
                "Ref takes a name alone; use Fn::GetAtt for attributes".to_owned()
            }
            None => "Ref takes the name of a parameter or resource of this template".to_owned(),
        };
        let message = format!("there is no parameter or resource `{name}`");
        self.report("unknown-reference", message, span, Some(help));
        broken()
    }

    fn resource(&mut self, logical_id: &str, attribute: Term, span: Span) -> Kind<Local> {
        if let Some(what) = match self.within {
            Within::Condition => Some("condition"),
            Within::Rule => Some("rule"),
            Within::Collection => Some("loop's collection"),
            Within::Value | Within::Metadata => None,
        } {
            let message = format!("a {what} cannot refer to the resource `{logical_id}`");
            let help = match self.within {
                Within::Condition => "conditions are decided",
                Within::Rule => "rules are checked",
                _ => "loops are written out",
            };
            let help = format!("{help} before anything exists: use parameters and mappings");
            self.report("bad-reference", message, span, Some(help));
        }
        if self.resource == Some(logical_id) && self.within == Within::Value {
            self.report(
                "circular",
                format!("`{logical_id}` refers to itself"),
                span,
                None,
            );
        }
        Kind::Leaf(Local::Resource {
            logical_id: logical_id.to_owned(),
            attribute: Box::new(attribute),
        })
    }

    pub(super) fn get_att(&mut self, argument: &Node) -> Kind<Local> {
        if let Some(text) = argument.as_text() {
            return match text.split_once('.') {
                Some((logical_id, attribute)) => {
                    // Where the text stands in the template as it is, each part has its own place.
                    let span = argument.span;
                    let (at, attribute_at) = match self.source.slice(span) == text {
                        true => {
                            let split = span.offset + logical_id.len();
                            (
                                Span::between(span.offset, split),
                                Span::between(split + 1, span.end()),
                            )
                        }
                        false => (span, span),
                    };
                    self.attribute(logical_id, attribute, at, attribute_at)
                }
                None => {
                    let message =
                        "Fn::GetAtt takes a resource and an attribute, such as `Vpc.CidrBlock`";
                    self.report("bad-function", message, argument.span, None);
                    broken()
                }
            };
        }
        let Some([logical_id, attribute]) =
            self.arguments("Fn::GetAtt", argument, 2, 2, "[resource, attribute]")
        else {
            return broken();
        };
        let Some(name) = logical_id.as_text() else {
            return self.computed_attribute(logical_id, attribute);
        };
        match attribute.scalar_text() {
            Some(text) => self.attribute(name, &text, logical_id.span, attribute.span),
            None => {
                // Only Ref is allowed there as the language is (template reference, "Fn::GetAtt").
                let is_ref = attribute.function().is_some_and(|(name, _)| name == "Ref");
                if !is_ref
                    && !self.needs_extensions(
                        "a function other than Ref in the attribute of Fn::GetAtt",
                        attribute.span,
                    )
                {
                    return broken();
                }
                let term = self.term(attribute);
                match term.constant() {
                    Some(text) => self.attribute(name, &text, logical_id.span, attribute.span),
                    None if self.names.resources.contains_key(name) => {
                        self.resource(name, term, logical_id.span)
                    }
                    None => self.attribute(name, "", logical_id.span, attribute.span),
                }
            }
        }
    }

    /// `Ref` of a function.
    pub(super) fn computed_reference(&mut self, argument: &Node) -> Kind<Local> {
        if argument.function().is_none() {
            let message = format!("Ref takes a name, not {}", argument.kind_name());
            self.report("bad-function", message, argument.span, None);
            return broken();
        }
        if !self.needs_extensions("Ref of a function", argument.span) {
            return broken();
        }
        let name = self.term(argument);
        match name.constant() {
            Some(text) => self.reference(&text, argument.span),
            None => Kind::Leaf(Local::Named {
                name: Box::new(name),
                attribute: None,
            }),
        }
    }

    /// `Fn::GetAtt` whose resource is named by a function.
    fn computed_attribute(&mut self, logical_id: &Node, attribute: &Node) -> Kind<Local> {
        if logical_id.function().is_none() {
            self.report(
                "bad-function",
                "Fn::GetAtt takes the name of a resource",
                logical_id.span,
                None,
            );
            return broken();
        }
        if !self.needs_extensions("a function as the resource of Fn::GetAtt", logical_id.span) {
            return broken();
        }
        let (name, attribute) = (self.term(logical_id), self.term(attribute));
        match (name.constant(), attribute.constant()) {
            (Some(name), Some(text)) => {
                self.attribute(&name, &text, logical_id.span, attribute.span)
            }
            (Some(name), None) if self.names.resources.contains_key(&name) => {
                self.resource(&name, attribute, logical_id.span)
            }
            (Some(name), None) => self.attribute(&name, "", logical_id.span, attribute.span),
            (None, _) => Kind::Leaf(Local::Named {
                name: Box::new(name),
                attribute: Some(Box::new(attribute)),
            }),
        }
    }

    /// `Fn::FindInMap`. As the language is, its keys are texts, Ref and Fn::FindInMap; the transform allows more functions and
    /// a default (template reference, "Fn::FindInMap").
    pub(super) fn find_in_map(&mut self, argument: &Node) -> Kind<Local> {
        let form = match self.names.extensions {
            true => "[mapping, first key, second key] and perhaps {DefaultValue: …}",
            false => "[mapping, first key, second key]",
        };
        let most = match argument.as_list() {
            Some(items) if items.len() == 4 => 4,
            _ => 3,
        };
        let Some([map, first, second, more @ ..]) =
            self.arguments("Fn::FindInMap", argument, 3, most, form)
        else {
            return broken();
        };
        let default = match more {
            [node] => {
                if !self.needs_extensions("the DefaultValue of Fn::FindInMap", node.span) {
                    return broken();
                }
                match node.as_map() {
                    Some([entry]) if entry.key == "DefaultValue" => {
                        Some(Box::new(self.term(&entry.value)))
                    }
                    _ => {
                        let message = "the fourth argument of Fn::FindInMap is a map with the key DefaultValue alone";
                        self.report("bad-function", message, node.span, None);
                        return broken();
                    }
                }
            }
            _ => None,
        };
        if let Some(text) = map.as_text() {
            self.check_mapping(text, map.span);
        }
        let keys = [map, first, second].map(|key| {
            let plain = key
                .function()
                .is_none_or(|(name, _)| matches!(name, "Ref" | "Fn::FindInMap"));
            if !plain
                && !self.needs_extensions(
                    "a function other than Ref and Fn::FindInMap in Fn::FindInMap",
                    key.span,
                )
            {
                return Tree::new(broken(), key.span);
            }
            self.term(key)
        });
        Kind::Leaf(Local::FindInMap {
            keys: Box::new(keys),
            default,
        })
    }

    /// `Fn::GetStackOutput`, a weak reference (template reference, "Fn::GetStackOutput").
    pub(super) fn stack_output(&mut self, argument: &Node) -> Kind<Local> {
        const KEYS: [&str; 4] = ["StackName", "OutputName", "Region", "RoleArn"];
        let entries = match argument.as_map() {
            Some(entries) if argument.function().is_none() => entries,
            _ => {
                let message = format!(
                    "Fn::GetStackOutput takes a map with StackName, OutputName and perhaps Region, not {}",
                    argument.kind_name()
                );
                self.report("bad-function", message, argument.span, None);
                return broken();
            }
        };
        if let Some(entry) = entries
            .iter()
            .find(|entry| !KEYS.contains(&entry.key.as_str()))
        {
            let help = match did_you_mean(&entry.key, KEYS) {
                Some(similar) => format!("did you mean `{similar}`?"),
                None => "it has StackName, OutputName and perhaps Region".to_owned(),
            };
            let message = format!("Fn::GetStackOutput has no `{}`", entry.key);
            self.report("unknown-key", message, entry.key_span, Some(help));
        }
        let find = |key: &str| entries.iter().find(|entry| entry.key == key);
        if let Some(entry) = find("RoleArn") {
            let message = "Fn::GetStackOutput of another account (RoleArn) is not supported";
            let help =
                "payctl reads outputs of its own environment only: pass the value as a parameter";
            self.report(
                "unsupported",
                message,
                entry.key_span,
                Some(help.to_owned()),
            );
        }
        let mut arguments = Vec::new();
        for key in ["StackName", "OutputName"] {
            match find(key) {
                Some(entry) => arguments.push(self.term(&entry.value)),
                None => {
                    let message = format!("Fn::GetStackOutput has no {key}");
                    self.report("missing-key", message, argument.span, None);
                    return broken();
                }
            }
        }
        if let Some(entry) = find("Region") {
            arguments.push(self.term(&entry.value));
        }
        if !matches!(self.within, Within::Value | Within::Metadata) {
            let message = "Fn::GetStackOutput can be used only in properties and outputs";
            self.report("bad-function", message, argument.span, None);
        }
        Kind::Call(Function::GetStackOutput, arguments)
    }

    pub(super) fn attribute(
        &mut self,
        logical_id: &str,
        attribute: &str,
        at: Span,
        attribute_at: Span,
    ) -> Kind<Local> {
        let Some(type_name) = self.names.resources.get(logical_id) else {
            if self.names.may_exist(logical_id) {
                return broken();
            }
            let help = match self.names.parameters.contains(logical_id) {
                true => Some("it is a parameter, which has no attributes: use Ref".to_owned()),
                false => self.advice(logical_id, self.names.resources.keys(), "resources"),
            };
            self.report(
                "unknown-reference",
                format!("there is no resource `{logical_id}`"),
                at,
                help,
            );
            return broken();
        };
        if let Some((message, help)) = check::attribute(type_name, attribute) {
            self.report("unknown-attribute", message, attribute_at, Some(help));
        }
        self.resource(
            logical_id,
            Tree::new(Kind::Value(Value::from(attribute)), attribute_at),
            at,
        )
    }
}
