//! Nested stacks: their templates instantiated with expressions for parameters, so that what stands in them waits for what these
//! expressions refer to and for nothing else.
//!
//! Source: CloudFormation template reference, "AWS::CloudFormation::Stack"; User Guide, "Split a template into reusable pieces
//! using nested stacks".

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use payctl_model::{Address, Value};

use super::super::Template;
use super::super::diagnostic::{Diagnostic, did_you_mean};
use super::super::expr::{EvalError, Expr, Kind, NoAttributes, Reference};
use super::super::source::Span;
use super::super::stack::{DeletionPolicy, Given, Inputs, Stack, advice};
use super::super::syntax::Term;
use super::Binder;

/// How far a nested stack of the template has come.
#[derive(Clone)]
pub(super) enum Nested {
    /// Something that it needs is being looked at.
    Underway,
    /// It is wrong: told already.
    Failed,
    /// It is a stack.
    Made(Rc<Stack>),
}

/// What a nested stack's properties say, and what follows from them.
struct Properties {
    parameters: BTreeMap<String, Expr>,
    tags: BTreeMap<String, Expr>,
    warnings: Vec<Diagnostic>,
}

impl<'a> Binder<'a> {
    /// The template's nested stacks that exist, by logical id. What is wrong in them goes into `diagnostics`, what nobody
    /// carries out into `warnings`.
    pub(super) fn nested_stacks(
        &self,
        existing: &BTreeSet<&'a str>,
        diagnostics: &mut Vec<Diagnostic>,
        warnings: &mut Vec<Diagnostic>,
    ) -> BTreeMap<String, Stack> {
        let template: &'a Template = self.template;
        let mut found = BTreeMap::new();
        let nested = template.resources.iter();
        for (name, _) in
            nested.filter(|(name, term)| term.is_nested() && existing.contains(name.as_str()))
        {
            if let Nested::Made(stack) = self.nested(name, existing) {
                found.insert(name.clone(), (*stack).clone());
            }
        }
        diagnostics.append(&mut self.nested_mistakes.borrow_mut());
        warnings.append(&mut self.nested_warnings.borrow_mut());
        found
    }

    /// The inputs of every nested stack that exists, with its template: what is wrong is left to
    /// [`Binder::nested_stacks`].
    pub(super) fn nested_inputs(
        &self,
        existing: &BTreeSet<&'a str>,
    ) -> Vec<(&'a Template, Inputs)> {
        let template: &'a Template = self.template;
        let mut found = Vec::new();
        for (name, term) in template
            .resources
            .iter()
            .filter(|(_, term)| term.is_nested())
        {
            if let Some(nested) = template.nested_template(term)
                && existing.contains(name.as_str())
            {
                let properties = self.properties(name, &term.properties, existing);
                found.push((&**nested, self.inputs_of(name, term.span, properties)));
            }
        }
        self.errors.take();
        found
    }

    /// The nested stack of this name, made when it is first asked for: after those whose outputs it is given.
    fn nested(&self, logical_id: &str, existing: &BTreeSet<&str>) -> Nested {
        if let Some(nested) = self.nested.borrow().get(logical_id) {
            return nested.clone();
        }
        let note = |nested: &Nested| {
            let mut all = self.nested.borrow_mut();
            all.insert(logical_id.to_owned(), nested.clone());
        };
        note(&Nested::Underway);
        // What is wrong with the properties of this one is no matter of who has asked for it.
        let errors = self.errors.take();
        let made = self.make(logical_id, existing);
        self.errors.replace(errors);
        let nested = match made {
            Ok(stack) => Nested::Made(Rc::new(stack)),
            Err(mistakes) => {
                self.nested_mistakes.borrow_mut().extend(mistakes);
                Nested::Failed
            }
        };
        note(&nested);
        nested
    }

    fn make(&self, logical_id: &str, existing: &BTreeSet<&str>) -> Result<Stack, Vec<Diagnostic>> {
        // Asked for are resources of the template alone.
        let Some(term) = self.template.resources.get(logical_id) else {
            return Err(Vec::new());
        };
        let source = &self.template.source;
        let address = self.address(logical_id);
        let Some(template) = self.template.nested_template(term) else {
            let message = format!("the template of the nested stack `{logical_id}` was not read");
            let help = "in a loop, TemplateURL names a file without the loop's values where these hang on parameters";
            return Err(vec![
                Diagnostic::error("nested-stack", message)
                    .at(source, term.span)
                    .help(help)
                    .address(address.to_string()),
            ]);
        };
        let properties = self.properties(logical_id, &term.properties, existing);
        let deletion = term
            .deletion_policy
            .as_ref()
            .and_then(|written| self.policy("DeletionPolicy", written, &term.type_name));
        let mistakes: Vec<Diagnostic> = self
            .errors
            .take()
            .into_iter()
            .map(|error| {
                Diagnostic::error(error.code, error.message)
                    .at(source, error.span)
                    .maybe_help(advice(error.code).map(str::to_owned))
                    .address(address.to_string())
            })
            .collect();
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let Properties { warnings, .. } = &properties;
        self.nested_warnings.borrow_mut().extend(warnings.clone());
        let inputs = self.inputs_of(logical_id, term.span, properties);
        let mut stack = template.instantiate(&inputs).map_err(|mistakes| {
            let named = |mut mistake: Diagnostic| {
                mistake.address.get_or_insert_with(|| address.to_string());
                mistake
            };
            mistakes.into_iter().map(named).collect::<Vec<_>>()
        })?;
        let depends_on = term.depends_on.iter();
        stack.depends_on = depends_on
            .filter(|name| existing.contains(name.as_str()))
            .cloned()
            .collect();
        if let Some(kept @ (DeletionPolicy::Retain | DeletionPolicy::RetainExceptOnCreate)) =
            deletion
        {
            keep(&mut stack, kept);
        }
        Ok(stack)
    }

    fn address(&self, logical_id: &str) -> Address {
        Address::new(&self.inputs.region, &self.inputs.stack, logical_id)
    }

    fn properties(
        &self,
        logical_id: &str,
        properties: &Term,
        existing: &BTreeSet<&str>,
    ) -> Properties {
        let mut found = Properties {
            parameters: BTreeMap::new(),
            tags: self.inputs.tags.clone(),
            warnings: Vec::new(),
        };
        let bound = self.expr(properties, existing);
        let Kind::Map(fields) = bound.kind else {
            return found;
        };
        for (name, field) in fields {
            let (at, value) = (field.key, field.value);
            match (name.as_str(), value.kind) {
                ("Parameters", Kind::Map(given)) => {
                    let given = given.into_iter();
                    found.parameters = given.map(|(name, field)| (name, field.value)).collect();
                }
                ("Tags", Kind::List(items)) => {
                    for item in items {
                        self.tag(item, &mut found.tags);
                    }
                }
                ("NotificationARNs", _) => found.warnings.push(self.unheard(
                    logical_id,
                    "NotificationARNs: payctl notifies nobody of a stack's events",
                    "follow a run by `payctl apply --json`, or take NotificationARNs out",
                    at,
                )),
                ("TimeoutInMinutes", _) => found.warnings.push(self.unheard(
                    logical_id,
                    "TimeoutInMinutes: each resource has a time limit of its own, a nested stack none",
                    "take TimeoutInMinutes out",
                    at,
                )),
                _ => {}
            }
        }
        found
    }

    fn unheard(&self, logical_id: &str, message: &str, help: &str, at: Span) -> Diagnostic {
        Diagnostic::warning("ignored-property", message)
            .at(&self.template.source, at)
            .help(help)
            .address(self.address(logical_id).to_string())
    }

    /// One tag of a nested stack.
    fn tag(&self, item: Expr, tags: &mut BTreeMap<String, Expr>) {
        let Kind::Map(mut fields) = item.kind else {
            return;
        };
        let (Some(key), Some(value)) = (fields.remove("Key"), fields.remove("Value")) else {
            return;
        };
        match key.value.as_value().and_then(Value::to_text) {
            Some(key) => {
                tags.insert(key, value.value);
            }
            None => self.fail(
                "bad-reference",
                "the key of a stack's tag must be known before anything is created",
                key.value.span,
            ),
        }
    }

    fn inputs_of(&self, logical_id: &str, span: Span, properties: Properties) -> Inputs {
        let mut given = Given {
            computed: BTreeMap::new(),
            source: self.template.source.clone(),
            span,
            places: BTreeMap::new(),
            address: self.address(logical_id),
        };
        let mut parameters = BTreeMap::new();
        for (name, expr) in properties.parameters {
            given.places.insert(name.clone(), expr.span);
            match expr.without_links().evaluate(&NoAttributes) {
                Ok(value) if !value.has_unknown() => {
                    parameters.insert(name, value);
                }
                _ => {
                    given.computed.insert(name, expr);
                }
            }
        }
        let (stack_name, stack_id) = self.inputs.names_of_nested(logical_id);
        Inputs {
            stack: format!("{}/{logical_id}", self.inputs.stack),
            stack_name,
            stack_id,
            parameters,
            tags: properties.tags,
            parent: Some(given),
            ..self.inputs.clone()
        }
    }

    /// `Ref` or `Fn::GetAtt` of a nested stack.
    pub(super) fn nested_attribute(
        &self,
        logical_id: &str,
        attribute: &str,
        span: Span,
        existing: &BTreeSet<&str>,
    ) -> Result<Kind<Reference>, EvalError> {
        let error = |code, message: String| EvalError {
            code,
            message,
            span,
        };
        if matches!(attribute, "Ref" | "StackId") {
            let (_, id) = self.inputs.names_of_nested(logical_id);
            return Ok(Kind::Value(Value::String(id)));
        }
        let Some(output) = attribute.strip_prefix("Outputs.") else {
            let message = format!(
                "a nested stack has the attributes `Outputs.NAME` and `StackId`, and no `{attribute}`"
            );
            return Err(error("unknown-attribute", message));
        };
        let template = self.template.resources.get(logical_id);
        let template = template.and_then(|term| self.template.nested_template(term));
        match self.nested(logical_id, existing) {
            Nested::Underway => Err(error(
                "cycle",
                format!(
                    "nested stacks need each other's outputs: `{logical_id}` is given what is made from its own output `{output}`"
                ),
            )),
            // Never seen: this instantiation gives no stack. As unknown it causes no second error.
            Nested::Failed => Ok(Kind::Leaf(Reference::Import(String::new()))),
            Nested::Made(stack) => match (stack.outputs.get(output), template) {
                (Some(output), _) => Ok(output.value.placed(span).kind),
                (None, Some(template)) if template.has_output(output) => Err(error(
                    "conditional-reference",
                    format!(
                        "the output `{output}` of the nested stack `{logical_id}` does not exist here: its condition is false"
                    ),
                )),
                (None, _) => {
                    let names = stack.outputs.keys().map(String::as_str);
                    let near = did_you_mean(output, names)
                        .map(|near| format!("; did you mean `Outputs.{near}`?"));
                    let message = format!(
                        "the nested stack `{logical_id}` has no output `{output}`{}",
                        near.unwrap_or_default()
                    );
                    Err(error("unknown-attribute", message))
                }
            },
        }
    }
}

/// A nested stack that is kept: all that is in it stays in AWS, whatever its own policy is.
fn keep(stack: &mut Stack, policy: DeletionPolicy) {
    for resource in stack.resources.values_mut() {
        resource.deletion_policy = Some(match resource.deletion_policy {
            // What stays in any case.
            Some(DeletionPolicy::Retain) => DeletionPolicy::Retain,
            _ => policy,
        });
    }
    stack
        .nested
        .values_mut()
        .for_each(|nested| keep(nested, policy));
}

impl Given {
    /// A mistake in what the parent gives for a parameter, or does not give.
    pub(super) fn mistake(&self, diagnostic: Diagnostic, parameter: &str) -> Diagnostic {
        let span = self.places.get(parameter).copied().unwrap_or(self.span);
        diagnostic
            .at(&self.source, span)
            .address(self.address.to_string())
    }
}
