//! The native types, and all others through Cloud Control, against the simulated AWS.

mod cloud_control;
mod cloud_control_all;
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
