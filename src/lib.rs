//! payctl: provisions AWS directly from CloudFormation templates and CDK assemblies. ARCHITECTURE.md is the map.
//!
//! Dependencies point one way: `cli` -> {`project`, `template`, `graph`, `plan`, `apply`, `report`}; `apply` -> {`plan`, `project`};
//! `plan` -> {`graph`, `template`}. The engine never imports `report`: it emits typed events into a channel.

pub mod apply;
pub mod checks;
pub mod cli;
pub mod graph;
pub mod plan;
pub mod project;
pub mod report;
pub mod template;
