//! [`Stack`]: a template with its parameters filled in and its conditions decided.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payctl_model::{Address, Value};

use super::diagnostic::Diagnostic;
use super::expr::{EvalError, Expr};
use super::source::{Source, Span};

/// What instantiation needs to know besides the template.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inputs {
    /// `AWS::Region`.
    pub region: String,
    /// `AWS::AccountId`.
    pub account: String,
    /// `AWS::Partition`: `aws`, `aws-cn` or `aws-us-gov`. It decides `AWS::URLSuffix`.
    pub partition: String,
    /// The stack's part of addresses.
    pub stack: String,
    /// `AWS::StackName`.
    pub stack_name: String,
    /// `AWS::StackId`.
    pub stack_id: String,
    /// The given parameters: texts as people type them (lists with commas), or lists. What is missing takes its default.
    pub parameters: BTreeMap<String, Value>,
    /// The zones of each region that [`super::Template::lookups`] names.
    pub availability_zones: BTreeMap<String, Vec<String>>,
}

/// What must be read from AWS before [`super::Template::instantiate`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    /// The regions whose availability zones `Fn::GetAZs` asks for.
    pub availability_zones: BTreeSet<String>,
}

/// A template with its parameters filled in and its conditions decided: what the graph is built from.
#[derive(Clone, Debug, PartialEq)]
pub struct Stack {
    /// The template, for messages.
    pub source: Arc<Source>,
    /// The region.
    pub region: String,
    /// The stack's part of addresses.
    pub name: String,
    /// The resources that exist (those whose condition is false do not), by logical id.
    pub resources: BTreeMap<String, StackResource>,
    /// The outputs that exist, by name.
    pub outputs: BTreeMap<String, Output>,
    /// Exported names, each with the output that has its value.
    pub exports: BTreeMap<String, String>,
    /// What is worth knowing and stopped nothing.
    pub warnings: Vec<Diagnostic>,
}

/// One resource of a [`Stack`].
#[derive(Clone, Debug, PartialEq)]
pub struct StackResource {
    /// Its address.
    pub address: Address,
    /// Its type, such as `AWS::EC2::VPC`.
    pub type_name: String,
    /// Its properties: always a map.
    pub properties: Expr,
    /// The logical ids of `DependsOn` that exist.
    pub depends_on: BTreeSet<String>,
    /// What happens in AWS when it leaves the template; `None` takes CloudFormation's default for the type.
    pub deletion_policy: Option<DeletionPolicy>,
    /// What happens to the old one when it is replaced.
    pub update_replace_policy: Option<DeletionPolicy>,
    /// `CreationPolicy`, `UpdatePolicy` and `Metadata`, evaluated as far as possible.
    pub creation_policy: Option<Expr>,
    /// See `creation_policy`.
    pub update_policy: Option<Expr>,
    /// See `creation_policy`.
    pub metadata: Option<Expr>,
    /// Where its logical id stands in the template.
    pub span: Span,
}

/// `DeletionPolicy` and `UpdateReplacePolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeletionPolicy {
    /// It is deleted.
    Delete,
    /// It stays in AWS.
    Retain,
    /// It stays, unless the run that creates it fails.
    RetainExceptOnCreate,
    /// It is deleted after a final snapshot.
    Snapshot,
}

/// One output of a [`Stack`].
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Its value.
    pub value: Expr,
    /// What the template says about it.
    pub description: Option<String>,
    /// The name under which other stacks import it.
    pub export: Option<String>,
    /// Where its name stands in the template.
    pub span: Span,
}

impl Stack {
    /// The message for an expression of this stack that could not be evaluated.
    pub fn diagnose(&self, error: &EvalError, address: Option<&Address>) -> Diagnostic {
        let help = match error.code {
            "conditional-reference" => Some(
                "give it the same condition, or use Fn::If with AWS::NoValue on the other side",
            ),
            "unknown-export" => Some(
                "deploy the exporting stack in this environment and region, or pass the value as a parameter",
            ),
            _ => None,
        };
        let diagnostic = Diagnostic::error(error.code, error.message.clone())
            .at(&self.source, error.span)
            .maybe_help(help.map(str::to_owned));
        match address {
            Some(address) => diagnostic.address(address.to_string()),
            None => diagnostic,
        }
    }
}
