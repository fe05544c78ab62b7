//! CloudFormation templates: text -> [`Template`] (typed, every value with its place) -> [`Stack`] (parameters filled in,
//! conditions decided) -> [`Value`](payctl_model::Value)s, as far as AWS has told what they need.
//!
//! [`load`] finds all mistakes of a template in one run. [`Template::instantiate`] folds in parameters, mappings, conditions
//! and pseudo parameters. What remains are [`Expr`]s over attributes of resources, which [`Expr::reduce`] and
//! [`Expr::evaluate`] compute as attributes become known. CloudFormation's behaviour is the reference.

pub mod diagnostic;
pub mod expr;
pub mod source;
pub mod stack;

pub use diagnostic::{Diagnostic, Place, Severity};
pub use expr::{Attributes, EvalError, Expr, Function, Kind, NoAttributes, Reference, Tree};
pub use source::{Position, Source, Span};
pub use stack::{DeletionPolicy, Inputs, Lookups, Output, Stack, StackResource};
