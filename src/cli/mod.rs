//! The command line: one file per command. Parse arguments, call the engine, choose the exit code.
//!
//! Standard output carries the result, standard error everything else. Exit codes: 0 success, 1 error, 2 changes (with
//! `--detailed-exitcode`, and from `compare`), 130 interrupted.

mod arguments;
mod compare;
mod completions;
mod deploy;
mod deployments;
mod drift;
mod failures;
mod graph;
mod init;
mod lookups;
mod outputs;
mod parameters;
mod plan;
mod run;
#[cfg(feature = "sandbox")]
mod sandbox;
mod schema;
mod services;
mod session;
#[cfg(feature = "sandbox")]
mod simulated;
mod state;
mod templates;
mod validate;
mod workflow;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{Signal, SignalKind, signal};

use arguments::Command;
pub use arguments::{Arguments, Global};

use crate::report::failure::Failure;

/// How a command ended.
pub(crate) type Outcome = Result<Exit, Failure>;

/// The exit codes of commands that did what they were asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0.
    Success,
    /// 2: there are changes, and the command was asked to say so by its exit code.
    Changes,
    /// 1: the command has said why on its own.
    Failed,
    /// 130: the user interrupted it.
    Interrupted,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let json = arguments.global.json;
    match run(arguments) {
        Ok(Exit::Success) => ExitCode::SUCCESS,
        Ok(Exit::Changes) => ExitCode::from(2),
        Ok(Exit::Failed) => ExitCode::from(1),
        Ok(Exit::Interrupted) => ExitCode::from(130),
        Err(failure) => {
            let failure = match std::env::current_dir() {
                Ok(folder) => failure.seen_from(&folder),
                Err(_) => failure,
            };
            if json {
                print_json(&failure.to_json());
            } else {
                say(&failure.render());
            }
            ExitCode::from(1)
        }
    }
}

/// Help and version are results; a wrong command line is an error like any other: exit code 1, JSON where asked for.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if std::env::args().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let message = text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        print_json(
            &Failure::new("usage", message)
                .help("payctl --help lists the commands")
                .to_json(),
        );
    } else {
        let _ = error.print();
    }
    ExitCode::from(1)
}

fn run(arguments: Arguments) -> Outcome {
    let Arguments { global, command } = arguments;
    // What needs no AWS needs no runtime either.
    match command {
        Command::Init(options) => return init::run(&global, &options),
        Command::Compare(options) => return compare::run(&global, &options),
        Command::Completions { shell } => return completions::run(shell),
        Command::Graph { format } => return graph::run(&global, format),
        Command::Outputs { name } => return outputs::run(&global, name.as_deref()),
        Command::Schema { r#type } => return schema::run(&global, r#type.as_deref()),
        Command::Show { address } => return state::show(&global, address.as_deref()),
        Command::Unlock => return state::unlock(&global),
        Command::Validate => return validate::run(&global),
        _ => {}
    }
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::new("io", format!("cannot start the runtime: {error}")))?;
    runtime.block_on(async {
        match command {
            Command::Plan(options) => plan::run(&global, &options).await,
            Command::Apply(options) => run::apply_command(&global, &options).await,
            Command::Destroy(options) => run::destroy_command(&global, &options).await,
            Command::Drift(options) => drift::run(&global, &options).await,
            Command::Deploy(options) => deploy::deploy(&global, &options).await,
            Command::Deployments(options) => deployments::run(&global, &options).await,
            Command::Rollback(options) => deploy::rollback(&global, &options).await,
            Command::State(command) => state::run(&global, &command).await,
            #[cfg(feature = "sandbox")]
            Command::Sandbox(command) => sandbox::run(&global, &command).await,
            _ => Ok(Exit::Success),
        }
    })
}

/// Ctrl-C, and the wish that the process ends (SIGTERM), each time they come: one that comes while nobody waits for it is
/// not lost.
pub(crate) struct Interrupts(Option<(Signal, Signal)>);

impl Interrupts {
    /// From now on. Where the system has no room for the handlers, a signal ends the process: the journal has it all.
    pub(crate) fn listen() -> Interrupts {
        let asked = signal(SignalKind::interrupt()).and_then(|pressed| {
            let asked = signal(SignalKind::terminate())?;
            Ok((pressed, asked))
        });
        Interrupts(asked.ok())
    }

    /// Ends at the next one.
    pub(crate) async fn next(&mut self) {
        match &mut self.0 {
            None => std::future::pending().await,
            Some((pressed, asked)) => tokio::select! {
                _ = pressed.recv() => {}
                _ = asked.recv() => {}
            },
        }
    }
}

/// Writes a result to standard output. A reader that has gone away (`payctl … | head`) is no error.
pub(crate) fn print(text: &str) {
    let mut out = anstream::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
    let _ = out.flush();
}

/// Writes a JSON result to standard output, in one line where it is an event, indented otherwise.
pub(crate) fn print_json(value: &serde_json::Value) {
    // Writing a `serde_json::Value` into a text cannot fail.
    print(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// Writes to standard error.
pub(crate) fn say(text: &str) {
    let mut err = anstream::stderr().lock();
    let _ = err.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = err.write_all(b"\n");
    }
}
