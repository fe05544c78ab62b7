//! What a run tells while it goes on: [`Event`]s, sent into a channel that reports read. Nothing here prints.

use std::time::SystemTime;

use payctl_model::{Address, PhysicalId};
use payctl_resources::deployments::Deployment;
use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::mpsc;

use super::failure::Failure;

/// One thing that happened to one resource, or the end of the run.
#[derive(Clone, Debug)]
pub struct Event {
    /// When, on the run's clock.
    pub time: SystemTime,
    /// What.
    pub what: Happened,
}

/// What is done to a resource, as events and journal name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// It is made.
    Create,
    /// The successor of a replacement is made.
    Replace,
    /// It is changed in place.
    Update,
    /// It is changed by a deployment of another service.
    Deploy,
    /// It is deleted; of a replacement: the old one.
    Delete,
    /// It leaves the state and stays in AWS.
    Forget,
    /// What an interrupted run made is taken into the state.
    Adopt,
    /// What an interrupted run left in doubt is cleared up.
    Settle,
    /// Nothing is done to it; it is only waited for, because others need it ready.
    Keep,
}

impl Verb {
    const ALL: [Verb; 9] = [
        Verb::Create,
        Verb::Replace,
        Verb::Update,
        Verb::Deploy,
        Verb::Delete,
        Verb::Forget,
        Verb::Adopt,
        Verb::Settle,
        Verb::Keep,
    ];

    /// The verb of this name.
    pub fn named(name: &str) -> Option<Verb> {
        Verb::ALL.into_iter().find(|verb| verb.name() == name)
    }

    /// As a message says it.
    pub fn plain(self) -> &'static str {
        match self {
            Verb::Settle => "find out about",
            Verb::Keep => "wait for",
            verb => verb.name(),
        }
    }

    /// The name in JSON and in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Create => "create",
            Verb::Replace => "replace",
            Verb::Update => "update",
            Verb::Deploy => "deploy",
            Verb::Delete => "delete",
            Verb::Forget => "forget",
            Verb::Adopt => "adopt",
            Verb::Settle => "settle",
            Verb::Keep => "no-op",
        }
    }
}

/// How far an asset has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssetStep {
    /// It was there already.
    Exists,
    /// It is being packed and sent.
    Uploading,
    /// An image is being built and pushed.
    Building,
    /// It is there now.
    Published,
}

impl AssetStep {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            AssetStep::Exists => "exists",
            AssetStep::Uploading => "uploading",
            AssetStep::Building => "building",
            AssetStep::Published => "published",
        }
    }
}

/// What happened. Every `Started` is followed by one `Done` or `Failed` of the same address and verb, unless the run is
/// interrupted.
#[derive(Clone, Debug)]
pub enum Happened {
    /// Its first call is about to go out.
    Started {
        /// Which resource.
        address: Address,
        /// What is done to it.
        verb: Verb,
        /// Its type.
        type_name: String,
    },
    /// AWS has accepted it, and what consumers need to know of it is known.
    Accepted {
        /// Which resource.
        address: Address,
        /// What is done to it.
        verb: Verb,
        /// AWS's identifier.
        physical_id: PhysicalId,
    },
    /// It is ready for use.
    Ready {
        /// Which resource.
        address: Address,
        /// What is done to it.
        verb: Verb,
    },
    /// It failed.
    Failed {
        /// Which resource.
        address: Address,
        /// What was done to it.
        verb: Verb,
        /// What went wrong, and what exists now.
        failure: Failure,
    },
    /// It was not started, because something that it needs failed.
    Skipped {
        /// Which resource.
        address: Address,
        /// What was planned for it.
        verb: Verb,
        /// The resource whose failure is the reason.
        because: Address,
    },
    /// It takes its time: said after each look at it.
    Waiting {
        /// Which resource.
        address: Address,
        /// What is done to it.
        verb: Verb,
        /// For what.
        until: &'static str,
        /// How long already.
        seconds: f64,
    },
    /// A call is made again, because AWS is not ready for it yet.
    Retrying {
        /// Which resource.
        address: Address,
        /// What is done to it.
        verb: Verb,
        /// AWS's reason.
        reason: String,
    },
    /// A deployment that another service carries out moved on.
    Deployment {
        /// Which resource.
        address: Address,
        /// What is done to it.
        verb: Verb,
        /// Which deployment, and how far it has come.
        deployment: Box<Deployment>,
        /// The same in words.
        state: String,
    },
    /// A file or image that resources need is being published, before any of them is made.
    Asset {
        /// How people know it.
        name: String,
        /// Where it goes, such as `s3://bucket/key`.
        destination: String,
        /// How far it has come.
        step: AssetStep,
        /// How long it took, when it is there.
        seconds: Option<f64>,
    },
    /// It is finished.
    Done {
        /// Which resource.
        address: Address,
        /// What was done to it.
        verb: Verb,
        /// AWS's identifier, of deletions the one that went.
        physical_id: Option<PhysicalId>,
        /// How long it took.
        seconds: f64,
        /// What was found, where something was cleared up.
        note: Option<String>,
    },
    /// The run is over: always the last event.
    Summary(Summary),
}

/// How a run ended, in numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// By verb and result.
    pub counts: Counts,
    /// How long it took.
    pub seconds: f64,
    /// Calls by operation, such as `ec2:DescribeVpcs`.
    pub api_calls: std::collections::BTreeMap<String, u64>,
    /// Whether it was interrupted before its end.
    pub interrupted: bool,
}

/// How many resources a run has dealt with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Made, adopted included.
    pub created: usize,
    /// Changed in place.
    pub updated: usize,
    /// Replaced: successors made.
    pub replaced: usize,
    /// Deleted, old ones of replacements included.
    pub deleted: usize,
    /// Taken out of the state only.
    pub forgotten: usize,
    /// Failed.
    pub failed: usize,
    /// Not started because of a failure.
    pub skipped: usize,
    /// Not started or not waited for, because the run was interrupted.
    pub interrupted: usize,
}

/// Where a run tells what happens. Cheap to clone; nobody has to listen.
#[derive(Clone, Debug)]
pub struct Events {
    sender: Option<mpsc::UnboundedSender<Event>>,
    clock: payctl_model::Clock,
}

impl Events {
    /// Events with the times of `clock`, and the end at which they are read.
    pub fn channel(clock: payctl_model::Clock) -> (Events, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (
            Events {
                sender: Some(sender),
                clock,
            },
            receiver,
        )
    }

    /// Events that nobody reads.
    pub fn unheard(clock: payctl_model::Clock) -> Events {
        Events {
            sender: None,
            clock,
        }
    }

    /// Tells.
    pub fn send(&self, what: Happened) {
        if let Some(sender) = &self.sender {
            // That nobody listens any more stops no run.
            let _ = sender.send(Event {
                time: self.clock.now(),
                what,
            });
        }
    }
}

impl Event {
    /// The line of `apply --json` and `destroy --json`.
    pub fn to_json(&self) -> Json {
        let time = OffsetDateTime::from(self.time)
            .format(&Rfc3339)
            .unwrap_or_default();
        let mut line = self.what.to_json();
        if let Some(map) = line.as_object_mut() {
            map.insert("time".to_owned(), Json::String(time));
        }
        line
    }
}

impl Happened {
    fn to_json(&self) -> Json {
        let about = |event: &str, address: &Address, verb: Verb, more: Json| {
            let mut line = json!({ "event": event, "address": address, "action": verb.name() });
            if let (Some(line), Json::Object(more)) = (line.as_object_mut(), more) {
                line.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
            }
            line
        };
        match self {
            Happened::Started {
                address,
                verb,
                type_name,
            } => about("started", address, *verb, json!({ "type": type_name })),
            Happened::Accepted {
                address,
                verb,
                physical_id,
            } => about(
                "accepted",
                address,
                *verb,
                json!({ "physical_id": physical_id }),
            ),
            Happened::Ready { address, verb } => about("ready", address, *verb, Json::Null),
            Happened::Failed {
                address,
                verb,
                failure,
            } => {
                let physical_id = &failure.physical_id;
                about(
                    "failed",
                    address,
                    *verb,
                    json!({ "error": failure.to_json(), "physical_id": physical_id }),
                )
            }
            Happened::Skipped {
                address,
                verb,
                because,
            } => about("skipped", address, *verb, json!({ "because": because })),
            Happened::Waiting {
                address,
                verb,
                until,
                seconds,
            } => about(
                "waiting",
                address,
                *verb,
                json!({ "until": until, "seconds": seconds }),
            ),
            Happened::Retrying {
                address,
                verb,
                reason,
            } => about("retrying", address, *verb, json!({ "reason": reason })),
            Happened::Deployment {
                address,
                verb,
                deployment,
                state,
            } => {
                let mut more = deployment.progress.to_json();
                more["deployment"] = json!(deployment.id);
                more["status"] = json!(deployment.status);
                more["state"] = json!(state);
                about("deployment", address, *verb, more)
            }
            Happened::Asset {
                name,
                destination,
                step,
                seconds,
            } => {
                let mut line = json!({
                    "event": "asset", "name": name, "destination": destination, "step": step.name(),
                });
                if let Some(seconds) = seconds {
                    line["seconds"] = json!(seconds);
                }
                line
            }
            Happened::Done {
                address,
                verb,
                physical_id,
                seconds,
                note,
            } => about(
                "done",
                address,
                *verb,
                json!({ "physical_id": physical_id, "seconds": seconds, "note": note }),
            ),
            Happened::Summary(summary) => json!({
                "event": "summary",
                "counts": summary.counts,
                "seconds": summary.seconds,
                "interrupted": summary.interrupted,
                "api_calls": {
                    "total": summary.api_calls.values().sum::<u64>(),
                    "by_operation": summary.api_calls,
                },
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_are_those_of_the_contract() {
        let event = Event {
            time: SystemTime::UNIX_EPOCH,
            what: Happened::Skipped {
                address: Address::new("r", "s", "Route"),
                verb: Verb::Create,
                because: Address::new("r", "s", "Gateway"),
            },
        };
        insta::assert_snapshot!(
            event.to_json(),
            @r#"{"action":"create","address":"r/s.Route","because":"r/s.Gateway","event":"skipped","time":"1970-01-01T00:00:00Z"}"#
        );
    }
}
