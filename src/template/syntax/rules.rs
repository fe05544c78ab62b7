//! The functions that only rules may use.

use super::super::expr::{Function, Kind};
use super::super::node::Node;
use super::super::parameter;
use super::super::source::Span;
use super::{Local, Syntax, Within, broken};

impl Syntax<'_> {
    /// Source: CloudFormation template reference, "Rule functions".
    pub(super) fn rule_function(&mut self, name: &str, at: Span, argument: &Node) -> Kind<Local> {
        if self.within != Within::Rule {
            let help = "elsewhere use Fn::Equals, Fn::And, Fn::Or and Fn::Not in Conditions";
            self.report(
                "bad-function",
                format!("`{name}` can be used only in Rules"),
                at,
                Some(help.to_owned()),
            );
            return broken();
        }
        match name {
            "Fn::Contains" => self.call(name, Function::Contains, argument, 2, 2, "[list, text]"),
            "Fn::EachMemberEquals" => self.call(
                name,
                Function::EachMemberEquals,
                argument,
                2,
                2,
                "[list, text]",
            ),
            "Fn::EachMemberIn" => {
                self.call(name, Function::EachMemberIn, argument, 2, 2, "[list, list]")
            }
            "Fn::ValueOf" => {
                let form = "[parameter, attribute]";
                let Some([parameter, _]) = self.arguments(name, argument, 2, 2, form) else {
                    return broken();
                };
                match parameter.as_text() {
                    Some(text) if self.names.parameters.contains(text) => {
                        Kind::Leaf(Local::Account("Fn::ValueOf"))
                    }
                    Some(text) => {
                        let help = self.advice(text, self.names.parameters.iter(), "parameters");
                        let message = format!("there is no parameter `{text}`");
                        self.report("unknown-reference", message, parameter.span, help);
                        broken()
                    }
                    None => {
                        let message = "Fn::ValueOf takes the name of a parameter, no function";
                        self.report("bad-function", message, parameter.span, None);
                        broken()
                    }
                }
            }
            "Fn::ValueOfAll" => {
                let form = "[parameter type, attribute]";
                match self.arguments(name, argument, 2, 2, form) {
                    Some([kind, _]) => self.all_of("Fn::ValueOfAll", kind),
                    _ => broken(),
                }
            }
            _ => self.all_of("Fn::RefAll", argument),
        }
    }

    fn all_of(&mut self, name: &'static str, kind: &Node) -> Kind<Local> {
        match kind.as_text() {
            Some(text) if parameter::shape(text).is_ok() => Kind::Leaf(Local::Account(name)),
            Some(text) => {
                let message = format!("there is no parameter type `{text}`");
                let help = "name one of AWS's own, such as AWS::EC2::VPC::Id".to_owned();
                self.report("unknown-type", message, kind.span, Some(help));
                broken()
            }
            None => {
                let message = format!("{name} takes a parameter type, not {}", kind.kind_name());
                self.report("bad-function", message, kind.span, None);
                broken()
            }
        }
    }
}
