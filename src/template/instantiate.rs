//! [`Template::instantiate`]: parameters, mappings, pseudo parameters and conditions are folded in.

mod binder;
mod certain;
mod computed;
mod lookups;
mod mappings;
mod nested;
mod parameters;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payctl_model::{Address, Value};

use super::diagnostic::{Diagnostic, in_order};
use super::expr::{Expr, Kind, Tree};
use super::stack::{Inputs, Output, Stack, StackResource};
use super::syntax::Term;
use super::{PolicyTerm, Template, check, dynamic};

pub(super) use binder::Binder;

impl Template {
    /// Whether it has such an output, whatever its condition.
    fn has_output(&self, name: &str) -> bool {
        self.outputs.contains_key(name)
    }

    /// The template with its loops written out for these inputs, where they depend on inputs.
    fn written_out(&self, inputs: &Inputs) -> Option<Result<Template, Vec<Diagnostic>>> {
        let (source, root) = &**self.loops.as_ref()?;
        let read = super::load::read(source.clone(), root.clone(), Vec::new(), Some(inputs));
        Some(read.map(|template| Template {
            nested: self.nested.clone(),
            ..template
        }))
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
        parameters: BTreeMap<String, Expr>,
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
            nested: BTreeMap::new(),
            placeholders: BTreeMap::new(),
            depends_on: BTreeSet::new(),
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
        let existing: BTreeSet<&str> = self
            .resources
            .iter()
            .filter(|(_, term)| !is_note(&term.type_name))
            .filter(|(name, term)| binder.exists(&format!("`{name}`"), term.condition.as_deref()))
            .map(|(name, _)| name.as_str())
            .collect();
        diagnostics.extend(
            binder
                .errors
                .take()
                .iter()
                .map(|error| stack.diagnose(error, None)),
        );
        let mut nested_mistakes = Vec::new();
        stack.nested = binder.nested_stacks(&existing, &mut nested_mistakes, &mut stack.warnings);
        for (name, term) in self
            .resources
            .iter()
            .filter(|(name, term)| existing.contains(name.as_str()) && !term.is_nested())
        {
            if term.type_name == HANDLE {
                let depends_on = term.depends_on.iter();
                let existing = depends_on.filter(|name| existing.contains(name.as_str()));
                stack
                    .placeholders
                    .insert(name.clone(), existing.cloned().collect());
                continue;
            }
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
        for (name, term) in &self.outputs {
            let what = format!("the output `{name}`");
            let exists = binder.exists(&what, term.condition.as_deref());
            let Some(value) = term.value.as_ref().filter(|_| exists) else {
                diagnostics.extend(
                    binder
                        .errors
                        .take()
                        .iter()
                        .map(|error| stack.diagnose(error, None)),
                );
                continue;
            };
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
        let mut diagnostics = in_order(diagnostics);
        diagnostics.append(&mut nested_mistakes);
        match diagnostics.is_empty() {
            true => Ok(stack),
            false => Err(diagnostics),
        }
    }
}

/// The handle of a wait condition: a URL that nobody asks for. Templates use it where they need a resource that costs nothing.
const HANDLE: &str = "AWS::CloudFormation::WaitConditionHandle";

/// Types that are no resource of AWS, and of which nothing is made: the CDK notes its version in each template that it writes
/// (CDK Developer Guide, "Version reporting").
fn is_note(type_name: &str) -> bool {
    type_name == "AWS::CDK::Metadata"
}
