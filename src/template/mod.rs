//! CloudFormation templates: text -> [`Template`] (typed, every value with its place) -> [`Stack`] (parameters filled in,
//! conditions decided) -> [`Value`]s, as far as AWS has told what they need.
//!
//! [`load`] finds all mistakes of a template in one run. [`Template::instantiate`] folds in parameters, mappings, conditions
//! and pseudo parameters. What remains are [`Expr`]s over attributes of resources, which [`Expr::reduce`] and
//! [`Expr::evaluate`] compute as attributes become known. CloudFormation's behaviour is the reference.

mod check;
mod cidr;
pub mod diagnostic;
pub mod dynamic;
mod eval;
pub mod expr;
#[cfg(test)]
mod extremes;
mod foreach;
mod functions;
mod instantiate;
mod json;
mod json_text;
mod load;
#[cfg(test)]
mod mistakes;
mod nested;
mod node;
pub mod parameter;
pub mod source;
pub mod stack;
mod syntax;
#[cfg(test)]
mod tests;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payctl_model::Value;

pub use diagnostic::{Diagnostic, Place, Severity};
pub use dynamic::{DynamicReference, Lookup, SecretVersion};
pub use expr::{
    Attributes, EvalError, Expr, Field, Function, Kind, NoAttributes, Reference, StackOutput, Tree,
};
pub use load::load;
pub use nested::{NESTED_STACK, NestedStack, TemplateLocation};
pub use parameter::{Parameter, SsmUse};
pub use source::{Position, Source, Span};
pub use stack::{
    DeletionPolicy, Inputs, Lookups, Output, SsmParameter, SsmWanted, Stack, StackResource,
};

use syntax::Term;

/// First key -> second key -> value.
type Mapping = BTreeMap<String, BTreeMap<String, Value>>;

/// A template that [`load`] found nothing wrong with.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Its text, for messages.
    pub source: Arc<Source>,
    /// What it says about itself.
    pub description: Option<String>,
    /// Its parameters by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// Its section Metadata, not evaluated.
    pub metadata: Option<Value>,
    /// What is worth knowing and stopped nothing, such as types whose properties cannot be checked.
    pub warnings: Vec<Diagnostic>,
    mappings: BTreeMap<String, Mapping>,
    /// With the place of each name.
    conditions: BTreeMap<String, (Span, Term)>,
    /// The names of all conditions, each after those that it needs.
    condition_order: Vec<String>,
    rules: BTreeMap<String, RuleTerm>,
    resources: BTreeMap<String, ResourceTerm>,
    outputs: BTreeMap<String, OutputTerm>,
    /// The document, where what its loops make depends on the inputs: it is read again with them.
    loops: Option<Arc<(Arc<Source>, node::Node)>>,
    /// The templates of nested stacks, by where they are.
    nested: BTreeMap<TemplateLocation, nested::Nested>,
}

impl Template {
    /// The types of its resources that are not AWS's own, each with the first resource of it: what their properties are only the
    /// account's registry knows.
    pub fn foreign_types(&self) -> BTreeMap<&str, (&str, Span)> {
        let mut types = BTreeMap::new();
        for (name, resource) in &self.resources {
            if check::is_foreign(&resource.type_name) {
                types
                    .entry(resource.type_name.as_str())
                    .or_insert((name.as_str(), resource.span));
            }
        }
        types
    }
}

/// One rule for the parameters.
#[derive(Clone, Debug, PartialEq)]
struct RuleTerm {
    /// When it is to be kept; always, if there is none.
    condition: Option<Term>,
    assertions: Vec<Assertion>,
}

/// What must hold of the parameters.
#[derive(Clone, Debug, PartialEq)]
struct Assertion {
    assert: Term,
    description: Option<String>,
}

/// `DeletionPolicy` or `UpdateReplacePolicy` before instantiation.
#[derive(Clone, Debug, PartialEq)]
enum PolicyTerm {
    Written(DeletionPolicy),
    Computed(Term),
}

/// A resource of a template before it is instantiated.
#[derive(Clone, Debug, PartialEq)]
struct ResourceTerm {
    type_name: String,
    properties: Term,
    depends_on: BTreeSet<String>,
    condition: Option<String>,
    deletion_policy: Option<PolicyTerm>,
    update_replace_policy: Option<PolicyTerm>,
    creation_policy: Option<Term>,
    update_policy: Option<Term>,
    metadata: Option<Term>,
    /// Whether the registry knows the type.
    checked: bool,
    span: Span,
}

/// An output of a template before it is instantiated.
#[derive(Clone, Debug, PartialEq)]
struct OutputTerm {
    value: Option<Term>,
    description: Option<String>,
    export: Option<Term>,
    condition: Option<String>,
    span: Span,
}

impl Template {
    /// Logical id and type of every resource, whatever its condition.
    pub fn resource_types(&self) -> impl Iterator<Item = (&str, &str)> {
        self.resources
            .iter()
            .map(|(name, resource)| (name.as_str(), resource.type_name.as_str()))
    }
}
