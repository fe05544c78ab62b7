//! [`Template::instantiate`]: parameters, mappings, pseudo parameters and conditions are folded in.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payctl_model::{Address, AttributeOf, Value};

use super::diagnostic::{Diagnostic, did_you_mean, in_order};
use super::expr::{EvalError, Expr, Field, Function, Kind, NoAttributes, Reference, Tree};
use super::parameter::{Parameter, SsmUse};
use super::source::Span;
use super::stack::{
    DeletionPolicy, Inputs, Lookups, Output, SsmParameter, SsmWanted, Stack, StackResource,
};
use super::syntax::{Local, NO_VALUE, PSEUDO, Pseudo, Term};
use super::{Mapping, PolicyTerm, RuleTerm, Template, check, dynamic};

impl Template {
    /// What must be read from AWS before [`Template::instantiate`], with these inputs. The regions of availability zones can
    /// hang on parameters of Systems Manager: once these are among the inputs, it tells all.
    pub fn lookups(&self, inputs: &Inputs) -> Lookups {
        let mut lookups = Lookups::default();
        for (name, parameter) in &self.parameters {
            let given = inputs.parameters.get(name).or(parameter.default.as_ref());
            let accepted = given.and_then(|given| parameter.accept(name, given).ok());
            if let (Some(asked), Some(value)) = (parameter.ssm(), accepted)
                && let Some(key) = value.expose_str()
            {
                let wanted = lookups.ssm_parameters.entry(key.to_owned()).or_default();
                *wanted = wanted.and(SsmWanted {
                    value: asked == SsmUse::Value,
                    secret: parameter.no_echo,
                });
            }
        }
        let written_out = self.written_out(inputs).and_then(Result::ok);
        let template = written_out.as_ref().unwrap_or(self);
        let (parameters, _) = template.accept_parameters(inputs);
        let binder = Binder::new(template, inputs, parameters);
        let mut see = |term: &Term| {
            term.visit_locals(&mut |local, _| {
                if let Local::Zones(region) = local
                    && let Ok(region) = binder.text(region)
                {
                    let region = if region.is_empty() {
                        inputs.region.clone()
                    } else {
                        region
                    };
                    lookups.availability_zones.insert(region);
                }
            });
        };
        template.conditions.values().for_each(|(_, term)| see(term));
        for rule in template.rules.values() {
            rule.condition.iter().for_each(&mut see);
            rule.assertions
                .iter()
                .for_each(|assertion| see(&assertion.assert));
        }
        for resource in template.resources.values() {
            let more = [
                &resource.creation_policy,
                &resource.update_policy,
                &resource.metadata,
            ];
            see(&resource.properties);
            more.into_iter().flatten().for_each(&mut see);
        }
        template
            .outputs
            .values()
            .flat_map(|output| [&output.value, &output.export])
            .flatten()
            .for_each(&mut see);
        lookups
    }

    /// The template with its loops written out for these inputs, where they depend on inputs.
    fn written_out(&self, inputs: &Inputs) -> Option<Result<Template, Vec<Diagnostic>>> {
        let (source, root) = &**self.loops.as_ref()?;
        Some(super::load::read(
            source.clone(),
            root.clone(),
            Vec::new(),
            Some(inputs),
        ))
    }

    /// Fills in the parameters and decides the conditions.
    ///
    /// # Errors
    /// All that is wrong, in the order of the text: parameters first (missing, unknown, against their constraints), then what the
    /// decided conditions make wrong, and what AWS's schemas refuse in the computed properties.
    pub fn instantiate(&self, inputs: &Inputs) -> Result<Stack, Vec<Diagnostic>> {
        let (parameters, diagnostics) = self.accept_parameters(inputs);
        if !diagnostics.is_empty() {
            return Err(diagnostics);
        }
        match self.written_out(inputs) {
            Some(template) => template?.bound(inputs, parameters),
            None => self.bound(inputs, parameters),
        }
    }

    /// [`Template::instantiate`] with accepted parameters, and loops written out.
    fn bound(
        &self,
        inputs: &Inputs,
        parameters: BTreeMap<String, Value>,
    ) -> Result<Stack, Vec<Diagnostic>> {
        let binder = Binder::new(self, inputs, parameters);
        let mut diagnostics = Vec::new();
        let mut stack = Stack {
            source: self.source.clone(),
            region: inputs.region.clone(),
            name: inputs.stack.clone(),
            stack_name: inputs.stack_name.clone(),
            resources: BTreeMap::new(),
            outputs: BTreeMap::new(),
            exports: BTreeMap::new(),
            warnings: self.warnings.clone(),
            assumed: false,
            tags: Arc::new(inputs.tags.clone()),
            termination_protection: inputs.termination_protection,
        };
        for (name, rule) in &self.rules {
            binder.rule(name, rule, &mut diagnostics, &mut stack.warnings);
        }
        // Also where nothing uses a condition, its mistakes are the template's.
        diagnostics.extend(
            binder
                .errors
                .take()
                .into_iter()
                .map(|error| stack.diagnose(&error, None)),
        );
        if !diagnostics.is_empty() {
            return Err(diagnostics);
        }
        let exists = |condition: &Option<String>| match condition {
            Some(name) => binder.condition(name).unwrap_or(false),
            None => true,
        };
        let existing: BTreeSet<&str> = self
            .resources
            .iter()
            .filter(|(_, term)| exists(&term.condition) && !is_note(&term.type_name))
            .map(|(name, _)| name.as_str())
            .collect();
        for (name, term) in self
            .resources
            .iter()
            .filter(|(name, _)| existing.contains(name.as_str()))
        {
            let address = Address::new(&inputs.region, &inputs.stack, name);
            let properties = binder.expr(&term.properties, &existing);
            let properties = match properties.kind {
                Kind::NoValue => Tree::new(Kind::Map(BTreeMap::new()), properties.span),
                _ => properties,
            };
            let more = |term: &Option<Term>| term.as_ref().map(|term| binder.expr(term, &existing));
            let policy = |attribute, written: &Option<PolicyTerm>| {
                binder.policy(attribute, written.as_ref()?, &term.type_name)
            };
            let resource = StackResource {
                type_name: term.type_name.clone(),
                depends_on: term
                    .depends_on
                    .iter()
                    .filter(|name| existing.contains(name.as_str()))
                    .cloned()
                    .collect(),
                deletion_policy: policy("DeletionPolicy", &term.deletion_policy),
                update_replace_policy: policy("UpdateReplacePolicy", &term.update_replace_policy),
                creation_policy: more(&term.creation_policy),
                update_policy: more(&term.update_policy),
                metadata: more(&term.metadata),
                span: term.span,
                properties,
                address: address.clone(),
            };
            let errors = binder.errors.take();
            let sound = errors.is_empty();
            diagnostics.extend(
                errors
                    .iter()
                    .map(|error| stack.diagnose(error, Some(&address))),
            );
            // What parameters and functions have put together since the text was read.
            for found in dynamic::check(&self.source, &term.type_name, &resource.properties) {
                if found.is_error() {
                    diagnostics.push(found.diagnostic(&self.source).address(address.to_string()));
                }
            }
            if sound && term.checked {
                let shown = address.to_string();
                diagnostics.extend(check::properties(
                    &self.source,
                    &shown,
                    &term.type_name,
                    term.span,
                    &resource.properties,
                ));
            }
            stack.resources.insert(name.clone(), resource);
        }
        for (name, term) in self
            .outputs
            .iter()
            .filter(|(_, term)| exists(&term.condition))
        {
            let Some(value) = &term.value else { continue };
            let value = binder.expr(value, &existing);
            let export = term.export.as_ref().and_then(|export| {
                let bound = binder.expr(export, &existing);
                match bound.as_value().and_then(Value::to_text) {
                    Some(text) => Some((text, export.span)),
                    None if binder.waits_for_lookup(&bound) => None,
                    None => {
                        let message =
                            "the name of an export must be known before anything is created";
                        binder.fail("bad-reference", message, export.span);
                        None
                    }
                }
            });
            if let Some((export, span)) = &export
                && let Some(other) = stack.exports.insert(export.clone(), name.clone())
            {
                let message = format!(
                    "the outputs `{other}` and `{name}` have the same export name `{export}`"
                );
                binder.fail("duplicate-name", message, *span);
            }
            diagnostics.extend(
                binder
                    .errors
                    .take()
                    .iter()
                    .map(|error| stack.diagnose(error, None)),
            );
            let output = Output {
                value,
                description: term.description.clone(),
                export: export.map(|(name, _)| name),
                span: term.span,
            };
            stack.outputs.insert(name.clone(), output);
        }
        stack.assumed = binder.assumed.get();
        if stack.assumed {
            // Of two that exclude each other, both are there while nobody knows which.
            diagnostics.retain(|diagnostic| diagnostic.code != "duplicate-name");
        }
        if diagnostics.is_empty() {
            Ok(stack)
        } else {
            Err(in_order(diagnostics))
        }
    }

    /// Every parameter's value (as far as it is right), and what is wrong.
    pub(super) fn accept_parameters(
        &self,
        inputs: &Inputs,
    ) -> (BTreeMap<String, Value>, Vec<Diagnostic>) {
        let mut values = BTreeMap::new();
        let mut diagnostics = Vec::new();
        for (name, parameter) in &self.parameters {
            let given = inputs.parameters.get(name).or(parameter.default.as_ref());
            match given.map(|given| parameter.accept(name, given)) {
                Some(Ok(value)) => match self.looked_up(name, parameter, value, inputs) {
                    Ok(value) => {
                        values.insert(name.clone(), value);
                    }
                    Err(diagnostic) => diagnostics.push(*diagnostic),
                },
                Some(Err(message)) => {
                    let help = format!(
                        "give another value with `--parameter {name}=…`, or under `parameters` in payctl.toml"
                    );
                    let refused = parameter.refuse(&self.source, message, parameter.span);
                    let help = match &refused.help {
                        Some(purpose) => format!("{help}; {purpose}"),
                        None => help,
                    };
                    diagnostics.push(refused.help(help));
                }
                None => diagnostics.push(self.missing(name, parameter)),
            }
        }
        for name in inputs
            .parameters
            .keys()
            .filter(|name| !self.parameters.contains_key(*name))
        {
            let help = match did_you_mean(name, self.parameters.keys().map(String::as_str)) {
                Some(similar) => format!("did you mean `{similar}`?"),
                None => {
                    let all: Vec<&str> = self.parameters.keys().map(String::as_str).collect();
                    format!("parameters of {}: {}", self.source.name(), all.join(", "))
                }
            };
            let message = format!("there is no parameter `{name}` in {}", self.source.name());
            diagnostics.push(Diagnostic::error("unknown-parameter", message).help(help));
        }
        (values, diagnostics)
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

    /// What stands for the value that a look-up would tell.
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

    fn unasked(&self, inputs: &Inputs, parameter: &str) -> AttributeOf {
        Address::new(&inputs.region, &inputs.stack, parameter).attribute(NOT_ASKED)
    }

    fn missing(&self, name: &str, parameter: &Parameter) -> Diagnostic {
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

/// The attribute that stands for what a look-up in AWS would tell.
const NOT_ASKED: &str = "(look-up)";

/// The same for a parameter that only rules read and that names one of Systems Manager which is not there.
const NOT_THERE: &str = "(not there)";

/// Types that are no resource of AWS, and of which nothing is made: the CDK notes its version in each template that it writes
/// (CDK Developer Guide, "Version reporting").
fn is_note(type_name: &str) -> bool {
    type_name == "AWS::CDK::Metadata"
}
/// The attribute that stands for what rules ask of the account.
const ACCOUNT: &str = "(account)";
/// The code of errors that only say that nobody has looked.
const UNASKED: &str = "not-asked";

/// Turns terms into expressions for one set of inputs.
pub(super) struct Binder<'a> {
    template: &'a Template,
    inputs: &'a Inputs,
    parameters: BTreeMap<String, Value>,
    /// Whether each condition holds; `None` where that failed.
    conditions: BTreeMap<&'a str, Option<bool>>,
    errors: RefCell<Vec<EvalError>>,
    /// Whether something was taken to hold because nobody has looked.
    assumed: Cell<bool>,
}

impl<'a> Binder<'a> {
    pub(super) fn new(
        template: &'a Template,
        inputs: &'a Inputs,
        parameters: BTreeMap<String, Value>,
    ) -> Binder<'a> {
        let mut binder = Binder {
            template,
            inputs,
            parameters,
            conditions: BTreeMap::new(),
            errors: RefCell::default(),
            assumed: Cell::new(false),
        };
        for name in &template.condition_order {
            let decided = binder.decide(name);
            binder.conditions.insert(name, decided);
        }
        binder
    }

    fn fail(&self, code: &'static str, message: impl Into<String>, span: Span) {
        self.errors.borrow_mut().push(EvalError {
            code,
            message: message.into(),
            span,
        });
    }

    /// The reduced expression of a term, its errors noted.
    fn expr(&self, term: &Term, existing: &BTreeSet<&str>) -> Expr {
        let bound = self.bind(term, Some(existing)).reduce(&NoAttributes);
        let errors = bound.errors();
        self.errors.borrow_mut().extend(errors);
        if let Some(call) = find_import(&bound)
            && !self.waits_for_lookup(&bound)
        {
            self.fail(
                "bad-reference",
                "the names of an import must be known before anything is created",
                call,
            );
        }
        bound
    }

    /// Whether what is unknown of it only waits for a look-up.
    fn waits_for_lookup(&self, bound: &Expr) -> bool {
        let waits = bound
            .evaluate(&NoAttributes)
            .is_ok_and(|value| has_unasked(&value));
        if waits {
            self.assumed.set(true);
        }
        waits
    }

    /// What `DeletionPolicy` or `UpdateReplacePolicy` says; what is wrong is noted.
    fn policy(
        &self,
        attribute: &str,
        written: &PolicyTerm,
        type_name: &str,
    ) -> Option<DeletionPolicy> {
        let term = match written {
            PolicyTerm::Written(policy) => return Some(*policy),
            PolicyTerm::Computed(term) => term,
        };
        let value = match self.value_or_unknown(term) {
            // No policy, as if it were not written.
            Ok(Value::Null) => return None,
            Ok(value) if has_unasked(&value) => {
                self.assumed.set(true);
                return None;
            }
            Ok(value) => value,
            Err(error) => {
                self.errors.borrow_mut().push(error);
                return None;
            }
        };
        match DeletionPolicy::of(attribute, value.as_str().unwrap_or_default(), type_name) {
            Ok(policy) => Some(policy),
            Err((message, help)) => {
                self.fail("bad-value", format!("{message}: {help}"), term.span);
                None
            }
        }
    }

    /// Whether the parameters keep a rule. What is wrong goes into `diagnostics`, what nobody can tell into `warnings`.
    fn rule(
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
            let message = format!(
                "the rule `{name}` is not checked: payctl does not know what {} would tell of the account",
                asked.join(" and ")
            );
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
        match self.parameters.get(parameter) {
            Some(value) if value.has_secret() => "secret".to_owned(),
            Some(Value::List(items)) => {
                let texts: Vec<String> = items.iter().filter_map(Value::to_text).collect();
                format!("`{}`", texts.join(","))
            }
            Some(value) => format!("`{}`", value.to_text().unwrap_or_default()),
            None => "not given".to_owned(),
        }
    }

    /// The value of what can only depend on parameters, mappings, pseudo parameters and, in rules, the account.
    pub(super) fn value_or_unknown(&self, term: &Term) -> Result<Value, EvalError> {
        let told = self.errors.borrow().len();
        let bound = self.bind(term, None).reduce(&NoAttributes);
        // What was noted while binding is this term's alone.
        let noted = self.errors.borrow_mut().drain(told..).next();
        match noted {
            Some(error) => Err(error),
            None => bound.evaluate(&NoAttributes),
        }
    }

    /// The value of what can only depend on parameters, mappings and pseudo parameters.
    fn value(&self, term: &Term) -> Result<Value, EvalError> {
        let value = self.value_or_unknown(term)?;
        if has_unasked(&value) {
            return Err(term.error(UNASKED, "nobody has looked this up"));
        }
        if value.has_unknown() {
            return Err(term.error(
                "bad-reference",
                "this must be known before anything is created",
            ));
        }
        Ok(value)
    }

    fn text(&self, term: &Term) -> Result<String, EvalError> {
        let value = self.value(term)?;
        let text = value
            .expose_str()
            .map(str::to_owned)
            .or_else(|| value.to_text());
        text.ok_or_else(|| {
            let message = format!(
                "a text is needed here, not {}",
                super::functions::kind(&value)
            );
            term.error("bad-argument", message)
        })
    }

    /// Whether a condition holds; `None` where that failed (its error is noted).
    fn condition(&self, name: &str) -> Option<bool> {
        self.conditions.get(name).copied().flatten()
    }

    /// The same, computed: those that it needs are decided.
    fn decide(&self, name: &str) -> Option<bool> {
        let (_, term) = self.template.conditions.get(name)?;
        match self.value(term) {
            Ok(value) => match value.as_bool() {
                Some(flag) => Some(flag),
                None => {
                    self.fail(
                        "bad-argument",
                        format!("the condition `{name}` is neither true nor false"),
                        term.span,
                    );
                    None
                }
            },
            Err(error) if error.code == UNASKED => {
                self.assumed.set(true);
                Some(true)
            }
            Err(error) => {
                self.errors.borrow_mut().push(error);
                None
            }
        }
    }

    /// `existing` is `None` where resources cannot be referred to.
    fn bind(&self, term: &Term, existing: Option<&BTreeSet<&str>>) -> Expr {
        let kind = match &term.kind {
            Kind::Value(value) => Kind::Value(value.clone()),
            Kind::NoValue => Kind::NoValue,
            Kind::List(items) => {
                Kind::List(items.iter().map(|item| self.bind(item, existing)).collect())
            }
            Kind::Map(fields) => Kind::Map(
                fields
                    .iter()
                    .map(|(key, field)| {
                        (
                            key.clone(),
                            Field {
                                key: field.key,
                                value: self.bind(&field.value, existing),
                            },
                        )
                    })
                    .collect(),
            ),
            Kind::Call(Function::If, arguments) if arguments.len() == 3 => {
                // The side that is not taken may refer to what does not exist.
                let condition = self.bind(&arguments[0], existing);
                return match condition.as_value().and_then(Value::as_bool) {
                    Some(true) => self.bind(&arguments[1], existing),
                    _ => self.bind(&arguments[2], existing),
                };
            }
            Kind::Call(function, arguments) => Kind::Call(
                *function,
                arguments
                    .iter()
                    .map(|argument| self.bind(argument, existing))
                    .collect(),
            ),
            Kind::Leaf(local) => self.leaf(local, term.span, existing),
        };
        Tree::new(kind, term.span)
    }

    fn leaf(
        &self,
        local: &Local,
        span: Span,
        existing: Option<&BTreeSet<&str>>,
    ) -> Kind<Reference> {
        let noted = |outcome: Result<Kind<Reference>, EvalError>| {
            outcome.unwrap_or_else(|error| {
                if error.code == UNASKED {
                    self.assumed.set(true);
                    return Kind::Value(Value::unknown(self.template.unasked(self.inputs, "")));
                }
                self.errors.borrow_mut().push(error);
                // Never seen: an instantiation with errors gives no stack. As unknown it causes no second error.
                Kind::Leaf(Reference::Import(String::new()))
            })
        };
        match local {
            // A parameter without a value has been reported, and ends instantiation before this.
            Local::Parameter(name) => {
                Kind::Value(self.parameters.get(name).cloned().unwrap_or(Value::Null))
            }
            Local::Pseudo(pseudo) => Kind::Value(self.pseudo(*pseudo)),
            Local::Condition(name) => {
                Kind::Value(Value::Bool(self.condition(name).unwrap_or(false)))
            }
            Local::FindInMap { keys, default } => match (self.find_in_map(keys), default) {
                (Ok(Some(value)), _) => Kind::Value(value),
                (Ok(None), Some(default)) => self.bind(default, existing).kind,
                (Ok(None), None) => noted(Err(self.missing_key(keys, span))),
                (Err(error), _) => noted(Err(error)),
            },
            Local::Named { name, attribute } => {
                let found = self.named(name, attribute.as_deref(), span, existing);
                noted(found)
            }
            Local::Account(_) => {
                let account = Address::new(&self.inputs.region, &self.inputs.stack, "");
                Kind::Value(Value::unknown(account.attribute(ACCOUNT)))
            }
            Local::Zones(region) => noted(self.zones(region).map(Kind::Value)),
            Local::Resource {
                logical_id,
                attribute,
            } => noted(self.resource(logical_id, attribute, span, existing)),
        }
    }

    fn resource(
        &self,
        logical_id: &str,
        attribute: &Term,
        span: Span,
        existing: Option<&BTreeSet<&str>>,
    ) -> Result<Kind<Reference>, EvalError> {
        let error = |code, message: String| EvalError {
            code,
            message,
            span,
        };
        let Some(existing) = existing else {
            let message = format!(
                "this must be known before anything is created, but `{logical_id}` is a resource"
            );
            return Err(error("bad-reference", message));
        };
        if !existing.contains(logical_id) {
            let condition = self
                .template
                .resources
                .get(logical_id)
                .and_then(|term| term.condition.as_deref());
            return Err(error(
                "conditional-reference",
                format!(
                    "`{logical_id}` does not exist here: its condition `{}` is false",
                    condition.unwrap_or_default()
                ),
            ));
        }
        let name = self.text(attribute)?;
        let type_name = self
            .template
            .resources
            .get(logical_id)
            .map(|term| term.type_name.as_str())
            .unwrap_or_default();
        if name != payctl_model::AttributeOf::REF
            && let Some((message, _)) = check::attribute(type_name, &name)
        {
            return Err(error("unknown-attribute", message));
        }
        let address = Address::new(&self.inputs.region, &self.inputs.stack, logical_id);
        Ok(Kind::Leaf(Reference::Attribute(address.attribute(name))))
    }

    fn pseudo(&self, pseudo: Pseudo) -> Value {
        let inputs = self.inputs;
        Value::String(match pseudo {
            // payctl notifies nobody.
            Pseudo::NotificationArns => return Value::List(Vec::new()),
            Pseudo::AccountId => inputs.account.clone(),
            Pseudo::Partition => inputs.partition.clone(),
            Pseudo::Region => inputs.region.clone(),
            Pseudo::StackId => inputs.stack_id.clone(),
            Pseudo::StackName => inputs.stack_name.clone(),
            Pseudo::UrlSuffix => url_suffix(&inputs.partition).to_owned(),
        })
    }

    /// `Ref` or `Fn::GetAtt` of a computed name.
    fn named(
        &self,
        name: &Term,
        attribute: Option<&Term>,
        span: Span,
        existing: Option<&BTreeSet<&str>>,
    ) -> Result<Kind<Reference>, EvalError> {
        let text = self.text(name)?;
        if let Some(attribute) = attribute
            && self.template.resources.contains_key(&text)
        {
            return self.resource(&text, attribute, span, existing);
        }
        if attribute.is_none() {
            if text == NO_VALUE {
                return Ok(Kind::NoValue);
            }
            if let Some((_, pseudo)) = PSEUDO.iter().find(|(name, _)| *name == text) {
                return Ok(Kind::Value(self.pseudo(*pseudo)));
            }
            if let Some(value) = self.parameters.get(&text) {
                return Ok(Kind::Value(value.clone()));
            }
            if self.template.resources.contains_key(&text) {
                let itself = Tree::new(Kind::Value(Value::from(AttributeOf::REF)), span);
                return self.resource(&text, &itself, span, existing);
            }
        }
        let names = self.template.resources.keys().map(String::as_str);
        let near = did_you_mean(&text, names).map(|near| format!("; did you mean `{near}`?"));
        let what = match attribute {
            Some(_) => "resource",
            None => "parameter or resource",
        };
        Err(name.error(
            "unknown-reference",
            format!("there is no {what} `{text}`{}", near.unwrap_or_default()),
        ))
    }

    /// What a mapping has under two keys; `None` where it has no such keys.
    fn find_in_map(&self, keys: &[Term; 3]) -> Result<Option<Value>, EvalError> {
        let [map, first, second] = keys;
        let (name, first, second) = (self.text(map)?, self.text(first)?, self.text(second)?);
        let mappings = &self.template.mappings;
        let Some(mapping) = mappings.get(&name) else {
            return Err(self.no_key(
                map,
                "the template's section Mappings",
                &name,
                mappings.keys(),
            ));
        };
        Ok(mapping
            .get(&first)
            .and_then(|values| values.get(&second))
            .cloned())
    }

    /// Which key of a mapping is missing.
    fn missing_key(&self, keys: &[Term; 3], span: Span) -> EvalError {
        let [map, first, second] = keys;
        let texts = [map, first, second].map(|key| self.text(key).unwrap_or_default());
        let [name, first_key, second_key] = &texts;
        let nothing = Mapping::new();
        let mapping = self.template.mappings.get(name).unwrap_or(&nothing);
        match mapping.get(first_key) {
            None => {
                let what = format!("the mapping `{name}`");
                self.no_key(first, &what, first_key, mapping.keys())
            }
            Some(values) if !values.contains_key(second_key) => {
                let what = format!("`{first_key}` of the mapping `{name}`");
                self.no_key(second, &what, second_key, values.keys())
            }
            Some(_) => EvalError {
                code: "unknown-mapping-key",
                message: format!("the mapping `{name}` does not have this"),
                span,
            },
        }
    }

    fn no_key<'k>(
        &self,
        at: &Term,
        what: &str,
        key: &str,
        keys: impl Iterator<Item = &'k String> + Clone,
    ) -> EvalError {
        let near = did_you_mean(key, keys.clone().map(String::as_str))
            .map(|near| format!("; did you mean `{near}`?"));
        let all = || {
            let keys: Vec<&str> = keys.take(20).map(String::as_str).collect();
            format!("; it has {}", keys.join(", "))
        };
        at.error(
            "unknown-mapping-key",
            format!("{what} has no `{key}`{}", near.unwrap_or_else(all)),
        )
    }

    fn zones(&self, region: &Term) -> Result<Value, EvalError> {
        let text = self.text(region)?;
        let name = if text.is_empty() {
            self.inputs.region.as_str()
        } else {
            text.as_str()
        };
        match self.inputs.availability_zones.get(name) {
            Some(zones) => Ok(Value::List(
                zones
                    .iter()
                    .map(|zone| Value::from(zone.as_str()))
                    .collect(),
            )),
            None => {
                let message =
                    format!("the availability zones of the region `{name}` are not known");
                Err(region.error("unknown-region", message))
            }
        }
    }
}

/// `AWS::URLSuffix`. Source: botocore's partitions, `dnsSuffix`.
fn url_suffix(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "amazonaws.com.cn",
        "aws-eusc" => "amazonaws.eu",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-iso-e" => "cloud.adc-e.uk",
        "aws-iso-f" => "csp.hci.ic.gov",
        _ => "amazonaws.com",
    }
}

/// The place of an import whose name is still to be computed.
fn find_import(expr: &Expr) -> Option<Span> {
    match &expr.kind {
        Kind::Call(Function::ImportValue | Function::GetStackOutput, _) => Some(expr.span),
        Kind::List(items) | Kind::Call(_, items) => items.iter().find_map(find_import),
        Kind::Map(fields) => fields.values().find_map(|field| find_import(&field.value)),
        Kind::Value(_) | Kind::NoValue | Kind::Leaf(_) => None,
    }
}

fn has_unasked(value: &Value) -> bool {
    value.unknowns().iter().any(|of| of.attribute == NOT_ASKED)
}
