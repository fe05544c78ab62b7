//! AWS's API models and the codecs that they drive, both ways. No I/O.
//!
//! A request is encoded by the client in `payctl-resources` and decoded by the simulated AWS; an answer the other way round.
//! Values are `serde_json::Value`s under the model's member names; timestamps are numbers (epoch seconds), blobs base64 text.

pub mod codec;
pub mod endpoint;
mod model;
mod pack;
pub mod validate;

pub use model::{
    ErrorTrait, Http, Kind, Location, Member, Metadata, Operation, OperationRef, Paginator,
    Protocol, Service, Shape, TimestampFormat, XmlNamespace,
};
pub use pack::{names, service, services};
