//! End-to-end tests: the real binary against the simulated AWS and against moto's server.

mod assembly;
mod assets;
mod cloud_control;
mod commands;
mod data_templates;
mod deployments;
mod differential;
mod drift;
mod faults;
mod harness;
mod high_availability;
mod laws;
mod lookups;
mod order;
mod projects;
mod public_templates;
mod references;
mod replacements;
mod replicas;
mod sandbox_outside;
mod scenarios;
mod secrecy;
mod template_mistakes;
mod templates;
mod witness;
mod wrong_input;
