//! What people and programs see: plans, progress, errors. Consumes what the engine gives; the engine never imports it.

pub mod plan_json;
pub mod plan_text;
pub mod style;
pub mod values;
