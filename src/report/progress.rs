//! A run as it happens: JSON lines, plain lines, or live lines on a terminal.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use payctl_model::Address;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use super::style::{CREATE, DELETE, FAINT, REPLACE, STRONG, UPDATE, paint};
use crate::apply::events::AssetStep;
use crate::apply::{Event, Happened, Summary, Verb};
use crate::graph::Names;

/// Reads a run's events and shows them. JSON lines go to standard output, everything else to standard error.
pub struct Progress {
    names: Arc<Mutex<Names>>,
    task: JoinHandle<()>,
}

impl Progress {
    /// Starts to listen; ends with the events.
    pub fn start(mut events: UnboundedReceiver<Event>, json: bool) -> Progress {
        let names = Arc::new(Mutex::new(Names::default()));
        let known = names.clone();
        let task = tokio::spawn(async move {
            let mut live = Live::new(!json && std::io::stderr().is_terminal());
            while let Some(event) = events.recv().await {
                if json {
                    // A reader that has gone away does not stop the run.
                    let _ = writeln!(std::io::stdout().lock(), "{}", event.to_json());
                    continue;
                }
                let names = known.lock().unwrap_or_else(PoisonError::into_inner);
                live.take(&event.what, &names);
            }
            live.end();
        });
        Progress { names, task }
    }

    /// How addresses are shown from now on.
    pub fn names(&mut self, names: Names) {
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = names;
    }

    /// Waits until everything is shown.
    pub async fn finish(self) {
        // A panic in showing is no reason to fail the run.
        let _ = self.task.await;
    }
}

/// What runs now, as one line at the bottom of a terminal; what ended, as lines above it.
struct Live {
    bar: Option<ProgressBar>,
    running: BTreeMap<Address, &'static str>,
    /// After how many seconds of waiting each resource is spoken of again.
    speak_after: BTreeMap<Address, f64>,
    /// What was said last of each deployment: not all that programs are told changes what people see.
    deployments: BTreeMap<Address, String>,
    done: usize,
}

/// The first word about a wait comes after this many seconds, each further one after twice as many.
const SPEAK_AFTER: f64 = 30.0;

impl Live {
    fn new(terminal: bool) -> Live {
        let bar = terminal.then(|| {
            let bar = ProgressBar::new_spinner();
            // The template is a constant; a wrong one would only show less.
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(std::time::Duration::from_millis(120));
            bar
        });
        Live {
            bar,
            running: BTreeMap::new(),
            speak_after: BTreeMap::new(),
            deployments: BTreeMap::new(),
            done: 0,
        }
    }

    fn take(&mut self, what: &Happened, names: &Names) {
        match what {
            Happened::Started { address, verb, .. } => {
                self.running.insert(address.clone(), doing(*verb));
            }
            Happened::Done { address, .. } | Happened::Failed { address, .. } => {
                self.running.remove(address);
                self.done += 1;
            }
            Happened::Waiting {
                address, seconds, ..
            } => {
                let after = self
                    .speak_after
                    .entry(address.clone())
                    .or_insert(SPEAK_AFTER);
                if *seconds < *after {
                    return;
                }
                *after = 2.0 * seconds;
            }
            Happened::Deployment { address, state, .. } => {
                let said = self.deployments.insert(address.clone(), state.clone());
                if said.as_ref() == Some(state) {
                    return;
                }
            }
            _ => {}
        }
        if let Some(line) = line(what, names) {
            match &self.bar {
                Some(bar) => bar.println(line),
                None => {
                    let _ = writeln!(anstream::stderr().lock(), "{line}");
                }
            }
        }
        if let Some(bar) = &self.bar {
            let running: Vec<String> = self
                .running
                .iter()
                .map(|(address, doing)| format!("{doing} {}", names.show(address)))
                .collect();
            bar.set_message(format!(
                "{} done, {} running: {}",
                self.done,
                running.len(),
                running.join(", ")
            ));
        }
    }

    fn end(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn doing(verb: Verb) -> &'static str {
    match verb {
        Verb::Create | Verb::Replace => "creating",
        Verb::Update => "updating",
        Verb::Deploy => "deploying",
        Verb::Delete => "deleting",
        Verb::Forget => "forgetting",
        Verb::Adopt => "adopting",
        Verb::Settle => "settling",
        Verb::Keep => "waiting for",
    }
}

fn done(verb: Verb) -> String {
    match verb {
        Verb::Create => paint(CREATE, "created"),
        Verb::Replace => paint(REPLACE, "replaced"),
        Verb::Update => paint(UPDATE, "updated"),
        Verb::Deploy => paint(UPDATE, "deployed"),
        Verb::Delete => paint(DELETE, "deleted"),
        Verb::Forget => "forgotten".to_owned(),
        Verb::Adopt => paint(CREATE, "adopted"),
        Verb::Settle => "settled".to_owned(),
        Verb::Keep => "ready".to_owned(),
    }
}

/// One event as a line; `None` for what a person need not see.
fn line(what: &Happened, names: &Names) -> Option<String> {
    Some(match what {
        Happened::Done {
            address,
            verb,
            physical_id,
            seconds,
            note,
        } => {
            let id = physical_id
                .as_ref()
                .map(|id| paint(FAINT, format!(" {id}")))
                .unwrap_or_default();
            let note = note
                .as_ref()
                .map(|note| format!(": {note}"))
                .unwrap_or_default();
            let took = if *seconds >= 1.0 {
                paint(FAINT, format!(" ({seconds:.0} s)"))
            } else {
                String::new()
            };
            format!("  {} {}{id}{note}{took}", done(*verb), names.show(address))
        }
        Happened::Failed {
            address, failure, ..
        } => {
            format!(
                "  {} {}: {failure}",
                paint(DELETE, "failed"),
                names.show(address)
            )
        }
        Happened::Skipped {
            address, because, ..
        } => {
            let because = names.show(because);
            format!(
                "  {} {} (it needs {because})",
                paint(FAINT, "not started"),
                names.show(address)
            )
        }
        Happened::Waiting {
            address,
            until,
            seconds,
            ..
        } => {
            format!(
                "  {} {} until it is {until} ({seconds:.0} s)",
                paint(FAINT, "waiting for"),
                names.show(address)
            )
        }
        Happened::Retrying {
            address, reason, ..
        } => {
            format!(
                "  {} {}: {reason}",
                paint(FAINT, "again"),
                names.show(address)
            )
        }
        Happened::Deployment { address, state, .. } => {
            format!("  {}: {state}", names.show(address))
        }
        Happened::Asset {
            name,
            destination,
            step,
            seconds,
        } => {
            let what = match step {
                AssetStep::Building => "building",
                AssetStep::Published => "published",
                // What was there, and what will be in a moment.
                AssetStep::Exists | AssetStep::Uploading => return None,
            };
            let took = seconds.filter(|seconds| *seconds >= 1.0);
            let took = took.map(|took| paint(FAINT, format!(" ({took:.0} s)")));
            format!(
                "  {what} {name}{}{}",
                paint(FAINT, format!(" {destination}")),
                took.unwrap_or_default()
            )
        }
        Happened::Summary(summary) => summary_line(summary),
        Happened::Started { .. } | Happened::Accepted { .. } | Happened::Ready { .. } => {
            return None;
        }
    })
}

fn summary_line(summary: &Summary) -> String {
    let counts = &summary.counts;
    let parts: Vec<String> = [
        (counts.created, "created"),
        (counts.updated, "updated"),
        (counts.replaced, "replaced"),
        (counts.deleted, "deleted"),
        (counts.forgotten, "forgotten"),
        (counts.failed, "failed"),
        (counts.skipped, "not started"),
        (counts.interrupted, "interrupted"),
    ]
    .iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    let calls: u64 = summary.api_calls.values().sum();
    let what = if parts.is_empty() {
        "Nothing to do".to_owned()
    } else {
        parts.join(", ")
    };
    format!(
        "{} {}",
        paint(STRONG, format!("{what}.")),
        paint(
            FAINT,
            format!("{:.0} s, {calls} API calls", summary.seconds)
        )
    )
}
