//! [`Template::instantiate`]: parameters, mappings, pseudo parameters and conditions are folded in.

mod binder;
mod lookups;
mod mappings;
mod parameters;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payctl_model::{Address, Value};

use super::diagnostic::{Diagnostic, in_order};
use super::expr::{Kind, Tree};
use super::stack::{Inputs, Output, Stack, StackResource};
use super::syntax::Term;
use super::{PolicyTerm, Template, check, dynamic};

pub(super) use binder::Binder;

impl Template {
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
}

/// Types that are no resource of AWS, and of which nothing is made: the CDK notes its version in each template that it writes
/// (CDK Developer Guide, "Version reporting").
fn is_note(type_name: &str) -> bool {
    type_name == "AWS::CDK::Metadata"
}
