//! The native types against the simulated AWS.

mod networks;
mod groups;
mod identities;
mod edge;
mod operations;
mod round_trip;
mod secrets;
mod trip;
mod whole_life;
