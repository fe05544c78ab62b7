//! What AWS refuses, or carries out without it ever working, although every resource for itself is right: found in the
//! graph, before anything is called.
//!
//! A check tells what it can prove from the templates; where the answer hangs on something that only AWS knows, it says nothing.
//! Somebody who knows better allows it, resource by resource: `Metadata: { payctl: { allow: [code] } }`.

mod codedeploy;
mod policy;
mod secrets;
mod service;
mod task_size;
mod view;

use crate::graph::ResourceGraph;
use crate::template::Diagnostic;

use view::View;

/// Everything that is wrong between the resources of an environment: errors and warnings, in the order of the addresses.
pub fn check(graph: &ResourceGraph) -> Vec<Diagnostic> {
    let view = View::new(graph);
    let mut found = Vec::new();
    task_size::check(&view, &mut found);
    service::check(&view, &mut found);
    codedeploy::check(&view, &mut found);
    secrets::check(&view, &mut found);
    found.sort_by(|a, b| (&a.address, a.code).cmp(&(&b.address, b.code)));
    found
}

#[cfg(test)]
mod tests;
