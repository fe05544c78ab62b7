//! `payctl completions SHELL`.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Arguments, Exit, Outcome};

pub(super) fn run(shell: Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "payctl", &mut script);
    super::print(&String::from_utf8_lossy(&script));
    Ok(Exit::Success)
}
