//! The values of a template's parameters: given, default, or looked up in Systems Manager.

use std::collections::BTreeMap;

use payctl_model::{Address, AttributeOf, Value};

use super::super::diagnostic::Diagnostic;
use super::super::expr::Expr;
use super::super::parameter::{Parameter, SsmUse};
use super::super::stack::{Inputs, SsmParameter};
use super::super::syntax::{Local, Term};
use super::super::{PolicyTerm, Template, dynamic};
use super::computed;

/// The attribute that stands for what a look-up in AWS would tell.
pub(super) const NOT_ASKED: &str = "(look-up)";

/// The same for a parameter that only rules read and that names one of Systems Manager which is not there.
pub(super) const NOT_THERE: &str = "(not there)";

impl Template {
    /// What `Ref` gives for every parameter (as far as that is right), and what is wrong.
    pub(in crate::template) fn accept_parameters(
        &self,
        inputs: &Inputs,
    ) -> (BTreeMap<String, Expr>, Vec<Diagnostic>) {
        let mut values = BTreeMap::new();
        let mut diagnostics = Vec::new();
        let parent = inputs.parent.as_ref();
        for (name, parameter) in &self.parameters {
            if let Some(expr) = parent.and_then(|parent| parent.computed.get(name)) {
                match computed::of(parameter, name, expr) {
                    Ok(expr) => {
                        values.insert(name.clone(), expr);
                    }
                    Err(message) => {
                        diagnostics.push(self.refused(inputs, name, parameter, message))
                    }
                }
                continue;
            }
            let given = inputs.parameters.get(name).or(parameter.default.as_ref());
            // What a dynamic reference stands for is not known here, and so not whether the parameter takes it.
            if let (Some(_), Some(Value::String(text))) = (parent, given)
                && dynamic::has_reference(text)
                && parameter.ssm().is_none()
            {
                values.insert(name.clone(), computed::referring(parameter, text));
                continue;
            }
            match given.map(|given| parameter.accept(name, given)) {
                Some(Ok(value)) => match self.looked_up(name, parameter, value, inputs) {
                    Ok(value) => {
                        values.insert(name.clone(), Expr::value(value));
                    }
                    Err(diagnostic) => diagnostics.push(*diagnostic),
                },
                Some(Err(message)) => {
                    diagnostics.push(self.refused(inputs, name, parameter, message));
                }
                None => diagnostics.push(self.missing(inputs, name, parameter)),
            }
        }
        let given = inputs.parameters.keys();
        let given = given.chain(parent.into_iter().flat_map(|parent| parent.computed.keys()));
        for name in given.filter(|name| !self.parameters.contains_key(*name)) {
            let mistake = self.unknown_parameter(name);
            diagnostics.push(match parent {
                Some(parent) => parent.mistake(mistake, name),
                None => mistake,
            });
        }
        (values, diagnostics)
    }

    /// A value that a parameter does not take.
    fn refused(
        &self,
        inputs: &Inputs,
        name: &str,
        parameter: &Parameter,
        message: String,
    ) -> Diagnostic {
        let refused = parameter.refuse(&self.source, message, parameter.span);
        let help = match &inputs.parent {
            Some(_) => {
                let at = self.source.position(parameter.span.offset);
                let file = self.source.name();
                format!("{file}:{}:{} says what it takes", at.line, at.column)
            }
            None => format!(
                "give another value with `--parameter {name}=…`, or under `parameters` in payctl.toml"
            ),
        };
        let help = match &refused.help {
            Some(purpose) => format!("{help}; {purpose}"),
            None => help,
        };
        // A default is the nested template's own.
        match inputs
            .parent
            .as_ref()
            .filter(|parent| parent.places.contains_key(name))
        {
            Some(parent) => parent.mistake(refused, name).help(help),
            None => refused.help(help),
        }
    }

    /// The value of a parameter that may name one of Systems Manager.
    ///
    /// Source: CloudFormation template reference, "Systems Manager parameter types": SecureString is not supported.
    fn looked_up(
        &self,
        name: &str,
        parameter: &Parameter,
        given: Value,
        inputs: &Inputs,
    ) -> Result<Value, Box<Diagnostic>> {
        let (Some(asked), Some(key)) = (parameter.ssm(), given.expose_str()) else {
            return Ok(given);
        };
        let shown = match parameter.no_echo {
            true => "the given name".to_owned(),
            false => format!("`{key}`"),
        };
        let error = |message: String, help: &str| {
            let diagnostic = Diagnostic::error("ssm-parameter", message);
            Box::new(diagnostic.at(&self.source, parameter.span).help(help))
        };
        let unknown = || Value::unknown(self.unasked(inputs, name));
        match (inputs.ssm_parameters.get(key), asked) {
            // Nothing is made of it: a rule that guards what CloudFormation needs (the CDK's bootstrap stack) stops nobody.
            (Some(SsmParameter::Missing), SsmUse::Value) if self.only_rules_read(name) => {
                Ok(Value::unknown(
                    Address::new(&inputs.region, &inputs.stack, name).attribute(NOT_THERE),
                ))
            }
            (Some(SsmParameter::Missing), _) => Err(error(
                format!(
                    "parameter `{name}`: Systems Manager has no parameter {shown} in {}",
                    inputs.region
                ),
                "create it, or give the name of another one with `--parameter` or in payctl.toml",
            )),
            (_, SsmUse::Exists) => Ok(given),
            (Some(SsmParameter::Text(text)), SsmUse::Value) => parameter
                .resolve(name, key, text)
                .map_err(|message| error(message, "store a value of the parameter's type there")),
            (Some(SsmParameter::Secure), SsmUse::Value) => Err(error(
                format!(
                    "parameter `{name}`: {shown} is a SecureString, which parameters cannot read"
                ),
                "read it in the property itself, with {{resolve:ssm-secure:NAME}} or {{resolve:secretsmanager:NAME}}",
            )),
            (Some(SsmParameter::Exists | SsmParameter::NotAsked) | None, SsmUse::Value) => {
                Ok(unknown())
            }
        }
    }

    /// Whether a parameter is read by rules, and by nothing else.
    fn only_rules_read(&self, name: &str) -> bool {
        let reads = |term: &Term| {
            let mut found = false;
            term.visit_locals(&mut |local, _| {
                found |= match local {
                    Local::Parameter(parameter) => parameter == name,
                    // A computed name may be this one.
                    Local::Named { .. } => true,
                    _ => false,
                };
            });
            found
        };
        let resources = self.resources.values().any(|resource| {
            let more = [
                &resource.creation_policy,
                &resource.update_policy,
                &resource.metadata,
            ];
            let policies = [&resource.deletion_policy, &resource.update_replace_policy];
            let mut policies = policies.into_iter().flatten();
            reads(&resource.properties)
                || more.into_iter().flatten().any(reads)
                || policies
                    .any(|policy| matches!(policy, PolicyTerm::Computed(term) if reads(term)))
        });
        let outputs = self.outputs.values();
        let mut outputs = outputs.flat_map(|output| [&output.value, &output.export]);
        let ruled = self.rules.values().any(|rule| {
            let assertions = rule.assertions.iter().map(|assertion| &assertion.assert);
            rule.condition.iter().chain(assertions).any(reads)
        });
        ruled
            && !resources
            && self.loops.is_none()
            && !self.conditions.values().any(|(_, term)| reads(term))
            && !outputs.any(|term| term.as_ref().is_some_and(reads))
    }

    /// What stands for the value that a look-up would tell.
    pub(super) fn unasked(&self, inputs: &Inputs, parameter: &str) -> AttributeOf {
        Address::new(&inputs.region, &inputs.stack, parameter).attribute(NOT_ASKED)
    }

    fn missing(&self, inputs: &Inputs, name: &str, parameter: &Parameter) -> Diagnostic {
        if let Some(parent) = &inputs.parent {
            let mistake = self.not_given(&parent.address.logical_id, name);
            return parent.mistake(mistake, name);
        }
        let purpose = parameter
            .description
            .as_ref()
            .map(|text| format!(" ({text})"))
            .unwrap_or_default();
        Diagnostic::error(
            "missing-parameter",
            format!("the parameter `{name}` has no value{purpose}"),
        )
        .at(&self.source, parameter.span)
        .help(format!(
            "give it with `--parameter {name}=…`, or under `parameters` in payctl.toml"
        ))
    }
}

pub(super) fn has_unasked(value: &Value) -> bool {
    value.unknowns().iter().any(|of| of.attribute == NOT_ASKED)
}
