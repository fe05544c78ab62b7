//! The native types against the simulated AWS.

mod deployments;
mod edge;
mod functions;
mod groups;
mod identities;
mod instances;
mod networks;
mod operations;
mod round_trip;
mod secrets;
mod stores;
mod trip;
mod whole_life;
