#![allow(missing_docs)]
use payctl_model::{PhysicalId, PropertyPath, Value};
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    pub id: PhysicalId,
    pub model: Value,
    pub status: Status,
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Pending,
    Ready,
    Gone,
    Failed(String),
}
#[derive(Clone, Debug)]
pub struct Update<'a> {
    pub desired: &'a Value,
    pub live: &'a Value,
    pub changed: &'a [PropertyPath],
}
#[derive(Clone, Debug, Default)]
pub struct Deletion {
    pub final_snapshot: Option<String>,
    pub last_applied: Option<Value>,
}
