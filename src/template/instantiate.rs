//! [`Template::instantiate`]: parameters, mappings, pseudo parameters and conditions are folded in.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use payctl_model::{Address, Value};

use super::diagnostic::{Diagnostic, did_you_mean};
use super::expr::{EvalError, Expr, Field, Function, Kind, NoAttributes, Reference, Tree};
use super::parameter::Parameter;
use super::source::Span;
use super::stack::{Inputs, Lookups, Output, Stack, StackResource};
use super::syntax::{Local, Pseudo, Term};
use super::{Template, check, dynamic};

impl Template {
    /// What must be read from AWS before [`Template::instantiate`], with these inputs.
    pub fn lookups(&self, inputs: &Inputs) -> Lookups {
        let (parameters, _) = self.accept_parameters(inputs);
        let binder = Binder::new(self, inputs, parameters);
        let mut lookups = Lookups::default();
        let mut see = |term: &Term| {
            visit_zones(term, &mut |region| {
                if let Ok(region) = binder.text(region) {
                    let region = if region.is_empty() {
                        inputs.region.clone()
                    } else {
                        region
                    };
                    lookups.availability_zones.insert(region);
                }
            });
        };
        self.conditions.values().for_each(|(_, term)| see(term));
        for resource in self.resources.values() {
            let more = [
                &resource.creation_policy,
                &resource.update_policy,
                &resource.metadata,
            ];
            see(&resource.properties);
            more.into_iter().flatten().for_each(&mut see);
        }
        self.outputs
            .values()
            .flat_map(|output| [&output.value, &output.export])
            .flatten()
            .for_each(&mut see);
        lookups
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
        let binder = Binder::new(self, inputs, parameters);
        let mut diagnostics = Vec::new();
        let mut stack = Stack {
            source: self.source.clone(),
            region: inputs.region.clone(),
            name: inputs.stack.clone(),
            resources: BTreeMap::new(),
            outputs: BTreeMap::new(),
            exports: BTreeMap::new(),
            warnings: self.warnings.clone(),
        };
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
            .filter(|(_, term)| exists(&term.condition))
            .map(|(name, _)| name.as_str())
            .collect();
        for (name, term) in self
            .resources
            .iter()
            .filter(|(name, _)| existing.contains(name.as_str()))
        {
            let address = Address::new(&inputs.region, &inputs.stack, name);
            let properties = binder.expr(&term.properties, &existing);
            let more = |term: &Option<Term>| term.as_ref().map(|term| binder.expr(term, &existing));
            let resource = StackResource {
                type_name: term.type_name.clone(),
                depends_on: term
                    .depends_on
                    .iter()
                    .filter(|name| existing.contains(name.as_str()))
                    .cloned()
                    .collect(),
                deletion_policy: term.deletion_policy,
                update_replace_policy: term.update_replace_policy,
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
        diagnostics.sort_by_key(|diagnostic| diagnostic.place.as_ref().map(|place| place.span));
        if diagnostics.is_empty() {
            Ok(stack)
        } else {
            Err(diagnostics)
        }
    }

    /// Every parameter's value (as far as it is right), and what is wrong.
    fn accept_parameters(&self, inputs: &Inputs) -> (BTreeMap<String, Value>, Vec<Diagnostic>) {
        let mut values = BTreeMap::new();
        let mut diagnostics = Vec::new();
        for (name, parameter) in &self.parameters {
            let given = inputs.parameters.get(name).or(parameter.default.as_ref());
            match given.map(|given| parameter.accept(name, given)) {
                Some(Ok(value)) => {
                    values.insert(name.clone(), value);
                }
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

/// Turns terms into expressions for one set of inputs.
struct Binder<'a> {
    template: &'a Template,
    inputs: &'a Inputs,
    parameters: BTreeMap<String, Value>,
    /// Whether each condition holds; `None` where that failed.
    conditions: BTreeMap<&'a str, Option<bool>>,
    errors: RefCell<Vec<EvalError>>,
}

impl<'a> Binder<'a> {
    fn new(
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
        if let Some(call) = find_import(&bound) {
            self.fail(
                "bad-reference",
                "the name of an import must be known before anything is created",
                call,
            );
        }
        bound
    }

    /// The value of what can only depend on parameters, mappings and pseudo parameters.
    fn value(&self, term: &Term) -> Result<Value, EvalError> {
        let bound = self.bind(term, None).reduce(&NoAttributes);
        let value = bound.evaluate(&NoAttributes)?;
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
            Local::FindInMap(parts) => noted(self.find_in_map(parts).map(Kind::Value)),
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

    fn find_in_map(&self, parts: &[Term; 3]) -> Result<Value, EvalError> {
        let [map, first, second] = parts;
        let (name, first_key, second_key) =
            (self.text(map)?, self.text(first)?, self.text(second)?);
        let missing = |at: &Term, what: String, key: &str, keys: Vec<&str>| {
            let near = did_you_mean(key, keys.iter().copied())
                .map(|near| format!("; did you mean `{near}`?"));
            let all = || {
                format!(
                    "; it has {}",
                    keys.iter().take(20).copied().collect::<Vec<_>>().join(", ")
                )
            };
            at.error(
                "unknown-mapping-key",
                format!("{what} has no `{key}`{}", near.unwrap_or_else(all)),
            )
        };
        let mappings = &self.template.mappings;
        let mapping = mappings.get(&name).ok_or_else(|| {
            missing(
                map,
                "the template's section Mappings".into(),
                &name,
                mappings.keys().map(String::as_str).collect(),
            )
        })?;
        let values = mapping.get(&first_key).ok_or_else(|| {
            missing(
                first,
                format!("the mapping `{name}`"),
                &first_key,
                mapping.keys().map(String::as_str).collect(),
            )
        })?;
        let value = values.get(&second_key).ok_or_else(|| {
            let what = format!("`{first_key}` of the mapping `{name}`");
            missing(
                second,
                what,
                &second_key,
                values.keys().map(String::as_str).collect(),
            )
        })?;
        Ok(value.clone())
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
        Kind::Call(Function::ImportValue, _) => Some(expr.span),
        Kind::List(items) | Kind::Call(_, items) => items.iter().find_map(find_import),
        Kind::Map(fields) => fields.values().find_map(|field| find_import(&field.value)),
        Kind::Value(_) | Kind::NoValue | Kind::Leaf(_) => None,
    }
}

fn visit_zones<'t>(term: &'t Term, see: &mut impl FnMut(&'t Term)) {
    match &term.kind {
        Kind::Leaf(Local::Zones(region)) => {
            see(region);
            visit_zones(region, see);
        }
        Kind::Leaf(Local::FindInMap(parts)) => parts.iter().for_each(|part| visit_zones(part, see)),
        Kind::List(items) | Kind::Call(_, items) => {
            items.iter().for_each(|item| visit_zones(item, see))
        }
        Kind::Map(fields) => fields
            .values()
            .for_each(|field| visit_zones(&field.value, see)),
        Kind::Value(_) | Kind::NoValue | Kind::Leaf(_) => {}
    }
}
