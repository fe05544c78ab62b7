//! What people and programs see: plans, progress, errors. Consumes what the engine gives; the engine never imports it.

pub(crate) mod constructs;
pub mod failure;
pub mod plan_json;
pub mod plan_text;
pub mod progress;
pub mod schema;
pub mod style;
pub mod values;
