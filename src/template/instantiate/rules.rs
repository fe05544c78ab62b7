//! Whether parameters keep the template's rules.

use std::collections::BTreeMap;

use payctl_model::Value;

use super::super::RuleTerm;
use super::super::diagnostic::Diagnostic;
use super::super::syntax::Local;
use super::super::syntax::Term;
use super::Binder;
use super::binder::awaited;
use super::parameters::{NOT_ASKED, NOT_THERE};

impl Binder<'_> {
    /// Whether the parameters keep a rule. What is wrong goes into `diagnostics`, what nobody can tell into `warnings`.
    pub(super) fn rule(
        &self,
        name: &str,
        rule: &RuleTerm,
        diagnostics: &mut Vec<Diagnostic>,
        warnings: &mut Vec<Diagnostic>,
    ) {
        let source = &self.template.source;
        let mut decide = |term: &Term| match self.value_or_unknown(term) {
            Ok(Value::Unknown(of)) => Some(Err(of)),
            Ok(value) => match value.as_bool() {
                Some(flag) => Some(Ok(flag)),
                None => {
                    let message = format!("the rule `{name}` is neither true nor false");
                    diagnostics
                        .push(Diagnostic::error("bad-argument", message).at(source, term.span));
                    None
                }
            },
            Err(error) => {
                let diagnostic = Diagnostic::error(error.code, error.message);
                diagnostics.push(diagnostic.at(source, error.span));
                None
            }
        };
        let applies = match rule.condition.as_ref().map(&mut decide) {
            Some(Some(Ok(false)) | None) => return,
            None | Some(Some(Ok(true))) => Ok(true),
            Some(Some(unknown)) => unknown,
        };
        let mut failed = Vec::new();
        for assertion in &rule.assertions {
            let Some(holds) = decide(&assertion.assert) else {
                continue;
            };
            let unknown = match (&applies, holds) {
                (_, Ok(true)) => continue,
                (Ok(_), Ok(false)) => {
                    failed.push(assertion);
                    continue;
                }
                (Err(of), _) => of.clone(),
                (_, Err(of)) => of,
            };
            if unknown.iter().any(|of| of.attribute == NOT_ASKED) {
                self.assumed.set(true);
                continue;
            }
            if let Some(of) = unknown.iter().find(|of| of.attribute == NOT_THERE) {
                let message = format!(
                    "the rule `{name}` is not checked: Systems Manager does not have what the parameter `{}` names, and only rules read it",
                    of.address.logical_id
                );
                let warning = Diagnostic::warning("unchecked-rule", message);
                warnings.push(warning.at(source, assertion.assert.span));
                continue;
            }
            let mut asked: Vec<&str> = Vec::new();
            for term in rule.condition.iter().chain([&assertion.assert]) {
                term.visit_locals(&mut |local, _| {
                    if let Local::Account(function) = local {
                        asked.push(function);
                    }
                });
            }
            asked.sort_unstable();
            asked.dedup();
            let message = match asked.is_empty() {
                false => format!(
                    "the rule `{name}` is not checked: payctl does not know what {} would tell of the account",
                    asked.join(" and ")
                ),
                true => format!(
                    "the rule `{name}` is not checked: it looks at {}",
                    awaited(&Value::Unknown(unknown))
                ),
            };
            let warning = Diagnostic::warning("unchecked-rule", message);
            warnings.push(warning.at(source, assertion.assert.span));
        }
        for assertion in failed {
            let said = match &assertion.description {
                Some(text) => text.trim_end_matches('.').to_owned(),
                None => "the parameters do not keep it".to_owned(),
            };
            let mut given: BTreeMap<&str, String> = BTreeMap::new();
            for term in rule.condition.iter().chain([&assertion.assert]) {
                term.visit_locals(&mut |local, _| {
                    if let Local::Parameter(parameter) = local {
                        given.insert(parameter, self.shown(parameter));
                    }
                });
            }
            let given: Vec<String> = given
                .iter()
                .map(|(name, value)| format!("{name}, which is {value}"))
                .collect();
            let help = match given.is_empty() {
                true => "it looks at no parameter: the template is not for here".to_owned(),
                false => format!("it looks at {}", given.join(", ")),
            };
            diagnostics.push(
                Diagnostic::error("rule-failed", format!("the rule `{name}`: {said}"))
                    .at(source, assertion.assert.span)
                    .help(help),
            );
        }
    }

    /// A parameter's value for messages.
    fn shown(&self, parameter: &str) -> String {
        let Some(expr) = self.parameters.get(parameter) else {
            return "not given".to_owned();
        };
        match expr.as_value() {
            Some(value) if value.has_secret() => "secret".to_owned(),
            Some(Value::List(items)) => {
                let texts: Vec<String> = items.iter().filter_map(Value::to_text).collect();
                format!("`{}`", texts.join(","))
            }
            Some(value) => format!("`{}`", value.to_text().unwrap_or_default()),
            None => "not known yet".to_owned(),
        }
    }
}
