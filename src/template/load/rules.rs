//! The section Rules.

use super::super::node::{Entry, Node};
use super::super::source::Span;
use super::super::syntax::{Term, Within};
use super::super::{Assertion, RuleTerm, Template};
use super::{Loader, find};

impl Loader {
    /// Source: CloudFormation User Guide, "Rules".
    pub(super) fn rules(&mut self, sections: &[Entry], template: &mut Template) {
        let Some(section) = find(sections, "Rules") else {
            return;
        };
        for entry in self.entries("Rules", &section.value) {
            if self.is_full() {
                break;
            }
            if self.alphanumeric("a rule", entry)
                && let Some(rule) = self.rule(entry)
            {
                template.rules.insert(entry.key.clone(), rule);
            }
        }
    }

    fn rule(&mut self, entry: &Entry) -> Option<RuleTerm> {
        let what = format!("the rule `{}`", entry.key);
        let before = self.diagnostics.len();
        let mut rule = RuleTerm {
            condition: None,
            assertions: Vec::new(),
        };
        for part in self.entries(&what, &entry.value) {
            match part.key.as_str() {
                "RuleCondition" => {
                    rule.condition = Some(self.decision("RuleCondition", &part.value))
                }
                "Assertions" => match part.value.as_list() {
                    Some(items) => {
                        for item in items {
                            rule.assertions.extend(self.assertion(&what, item));
                        }
                    }
                    None => {
                        let message = format!(
                            "Assertions of {what} must be a list, not {}",
                            part.value.kind_name()
                        );
                        self.report("wrong-type", message, part.value.span);
                    }
                },
                _ => self.unknown_key("a rule", part, &["RuleCondition", "Assertions"]),
            }
        }
        let sound = self.diagnostics.len() == before;
        if sound && rule.assertions.is_empty() {
            let message = format!("{what} has no Assertions");
            self.report("missing-key", message, entry.key_span).help =
                Some("add what must hold: `Assertions: [{Assert: …}]`".to_owned());
        }
        Some(rule)
    }

    fn assertion(&mut self, rule: &str, node: &Node) -> Option<Assertion> {
        let (mut assert, mut description) = (None, None);
        let before = self.diagnostics.len();
        for part in self.entries(&format!("an assertion of {rule}"), node) {
            match part.key.as_str() {
                "Assert" => assert = Some(self.decision("Assert", &part.value)),
                "AssertDescription" => {
                    description = self.text("AssertDescription", &part.value);
                }
                _ => self.unknown_key("an assertion", part, &["Assert", "AssertDescription"]),
            }
        }
        if assert.is_none() && self.diagnostics.len() == before {
            let message = format!("an assertion of {rule} has no Assert");
            self.report("missing-key", message, node.span);
        }
        Some(Assertion {
            assert: assert?,
            description,
        })
    }

    /// What must be true or false.
    fn decision(&mut self, what: &str, node: &Node) -> Term {
        let at = Span {
            length: 1,
            ..node.span
        };
        let is_function = node
            .as_map()
            .is_some_and(|entries| matches!(entries, [entry] if entry.key == "Condition"))
            || node.function().is_some();
        if !is_function && node.to_value().as_bool().is_none() {
            let message = format!("{what} must be a condition, not {}", node.kind_name());
            self.report("wrong-type", message, at).help = Some(
                "use Fn::Equals, Fn::Not, Fn::And, Fn::Or, Fn::Contains, Fn::EachMemberEquals or Fn::EachMemberIn"
                    .to_owned(),
            );
        }
        self.term(node, None, Within::Rule)
    }
}
