//! The section Conditions.

use std::collections::BTreeMap;

use super::super::Template;
use super::super::expr::Kind;
use super::super::node::Entry;
use super::super::syntax::Within;
use super::{Loader, find};

impl Loader {
    pub(super) fn conditions(&mut self, sections: &[Entry], template: &mut Template) {
        template.conditions = BTreeMap::new();
        let Some(section) = find(sections, "Conditions") else {
            return;
        };
        for entry in self.entries("Conditions", &section.value) {
            if self.is_full() {
                break;
            }
            // Their names may have more than letters and digits.
            if entry.key.starts_with("Fn::") && !self.alphanumeric("a condition", entry) {
                continue;
            }
            let term = self.term(&entry.value, None, Within::Condition);
            if matches!(&term.kind, Kind::Value(_) | Kind::Map(_) | Kind::List(_))
                && !self.failed_within(entry.value.span)
            {
                self.report(
                    "wrong-type",
                    format!("the condition `{}` is no condition function", entry.key),
                    entry.value.span,
                )
                .help = Some("use Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition".to_owned());
            }
            template
                .conditions
                .insert(entry.key.clone(), (entry.key_span, term));
        }
        template.condition_order = self.condition_order(&template.conditions);
    }
}
