//! Carries a plan out: concurrently, journalled, and so that nothing is lost when it is killed.
//!
//! The executor decides nothing: what is done stands in the [`Plan`](crate::plan::Plan), and before each call it checks
//! that what became known refines what was planned. It prints nothing: [`events`] go into a channel. Read `executor.rs`
//! (the order of things), then `operation.rs` (what one thing is), then `recovery.rs` (what is left when it is killed).

pub mod assets;
pub mod cloud;
pub mod engine;
pub mod events;
pub mod executor;
pub mod failure;
#[cfg(test)]
mod fake;
pub mod journal;
mod journalled;
pub mod keep;
pub mod ledger;
pub mod log;
mod lookups;
pub mod models;
pub(crate) mod operation;
pub mod poller;
pub mod recovery;
pub mod redeploy;
pub mod references;
pub mod refresh;
pub mod regions;
pub mod templates;
#[cfg(test)]
mod tests;

pub use cloud::{Calls, Cloud, CloudError, Target};
pub use events::{Event, Events, Happened, Summary, Verb};
pub use executor::{Outcome, Run, Wanted, execute};
pub use failure::{About, Cause, Failure};
