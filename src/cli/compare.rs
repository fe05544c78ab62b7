//! `payctl compare TYPE DECLARED LIVE`: what a plan would do with a resource that declares the one and reads like the
//! other.

use std::path::Path;

use super::arguments::CompareArguments;
use super::{Exit, Global, Outcome};
use crate::report::failure::Failure;
