//! What every part of payctl shares: [`Value`]s (with unknowns and secrets), [`Address`]es, the [`Clock`] and the facts
//! of the CloudFormation registry.
//!
//! Nothing here knows an AWS SDK, does network I/O or reads a file, so that templates, graph and plan compile and test in
//! seconds. Read [`value`] first.

pub mod address;
pub mod clock;
pub mod compare;
pub mod facts;
pub mod path;
pub mod value;

pub use address::{Address, AddressError, AttributeOf, Incarnation, PhysicalId};
pub use clock::Clock;
pub use path::{PropertyPath, Step};
pub use value::{Secret, Value};
