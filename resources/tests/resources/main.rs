//! The native types against the simulated AWS.

mod networks;
mod operations;
mod round_trip;
mod trip;
mod whole_life;
