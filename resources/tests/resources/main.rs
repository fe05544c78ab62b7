//! The native types against the simulated AWS.

mod edge;
mod operations;
mod round_trip;
mod trip;
mod whole_life;
