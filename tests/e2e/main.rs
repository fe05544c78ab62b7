//! End-to-end tests: the real binary against the simulated AWS and against moto's server.

mod harness;
mod high_availability;
