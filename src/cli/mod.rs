//! The command line: one file per command. Parse arguments, call the engine, choose the exit code.

/// Runs the command line of this process.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
