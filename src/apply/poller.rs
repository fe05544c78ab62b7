//! [`Poller`]: the one place that waits for AWS. All that a run waits for is read together, round after round.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use payctl_model::PhysicalId;
use tokio::sync::{mpsc, oneshot};

use super::cloud::{Cloud, CloudError, Observed, Status, Target};
use super::events::{Events, Happened, Verb};
use super::failure::Cause;
use super::models::Known;

/// How often is looked, and for how long what AWS has just accepted may seem not to exist.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From the question to the first look: long enough that looks of the same moment go together.
    pub first: Duration,
    /// From the first look to the second.
    pub interval: Duration,
    /// Each interval is this many times the one before.
    pub growth: f64,
    /// The longest interval.
    pub longest: Duration,
    /// How long AWS may not know what it has just made, and how long an attribute may be missing of what is ready. EC2 and
    /// IAM are eventually consistent (EC2 developer guide, "Eventual consistency"): mostly seconds, rarely more.
    pub consistency: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            first: Duration::from_millis(250),
            interval: Duration::from_secs(1),
            growth: 1.5,
            longest: Duration::from_secs(15),
            consistency: Duration::from_secs(120),
        }
    }
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Until {
    /// These attributes are there.
    Known(BTreeSet<String>),
    /// It was read once, whatever its status.
    Seen,
    /// It is ready.
    Ready,
    /// AWS does not have it any more.
    Gone,
}

impl Until {
    fn name(&self) -> &'static str {
        match self {
            Until::Known(_) => "known",
            Until::Seen => "visible",
            Until::Ready => "ready",
            Until::Gone => "gone",
        }
    }
}

/// Waits for resources. Cheap to clone; its task ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Poller {
    questions: mpsc::UnboundedSender<Question>,
}

#[derive(Debug)]
struct Question {
    target: Target,
    id: PhysicalId,
    verb: Verb,
    until: Until,
    answer: oneshot::Sender<Result<Option<Observed>, Cause>>,
}

struct Pending {
    question: Question,
    asked: SystemTime,
    due: SystemTime,
    interval: Duration,
    /// When it was first seen ready, while an attribute is still missing.
    ready_since: Option<SystemTime>,
    errors: u32,
}

/// Read errors in a row that are taken for a passing disturbance.
const TOLERATED_ERRORS: u32 = 4;

impl Poller {
    /// Starts the task that looks.
    pub fn start(cloud: Arc<dyn Cloud>, pace: Pace, events: Events) -> Poller {
        let (questions, asked) = mpsc::unbounded_channel();
        tokio::spawn(look(cloud, pace, events, asked));
        Poller { questions }
    }

    /// Waits until `until` holds; what was read last, `None` where it is gone. Dropping the future stops the looking.
    ///
    /// # Errors
    /// Where AWS gave up on it, does not know it, cannot be read, or takes longer than the type may.
    pub async fn wait(
        &self,
        target: &Target,
        id: &PhysicalId,
        verb: Verb,
        until: Until,
    ) -> Result<Option<Observed>, Cause> {
        let (answer, answered) = oneshot::channel();
        let question = Question {
            target: target.clone(),
            id: id.clone(),
            verb,
            until,
            answer,
        };
        let ended = || Cause::Defect("the poller ended".to_owned());
        self.questions.send(question).map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }
}

async fn look(
    cloud: Arc<dyn Cloud>,
    pace: Pace,
    events: Events,
    mut asked: mpsc::UnboundedReceiver<Question>,
) {
    let clock = cloud.clock().clone();
    let mut pending: Vec<Pending> = Vec::new();
    let mut open = true;
    loop {
        pending.retain(|pending| !pending.question.answer.is_closed());
        let now = clock.now();
        let next = pending.iter().map(|pending| pending.due).min();
        match next {
            None if !open => return,
            Some(due) if due <= now => round(&*cloud, &pace, &events, &mut pending).await,
            _ => {
                let pause = next.and_then(|due| due.duration_since(now).ok());
                let alarm = async {
                    match pause {
                        Some(pause) => clock.sleep(pause).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    question = asked.recv(), if open => match question {
                        Some(question) => {
                            let now = clock.now();
                            pending.push(Pending {
                                question,
                                asked: now,
                                due: now + pace.first,
                                interval: pace.interval,
                                ready_since: None,
                                errors: 0,
                            });
                        }
                        None => open = false,
                    },
                    () = alarm => {}
                }
            }
        }
    }
}

/// Reads all that is due, and what will be within half an interval: read together they are fewer calls.
async fn round(cloud: &dyn Cloud, pace: &Pace, events: &Events, pending: &mut Vec<Pending>) {
    let now = cloud.clock().now();
    let (due, later): (Vec<Pending>, Vec<Pending>) = std::mem::take(pending)
        .into_iter()
        .partition(|pending| pending.due <= now + pending.interval / 2);
    *pending = later;
    let wanted: Vec<(Target, PhysicalId)> = due
        .iter()
        .map(|pending| (pending.question.target.clone(), pending.question.id.clone()))
        .collect();
    let read = cloud.read(&wanted).await;
    let (sent, now) = (now, cloud.clock().now());
    let mut read = read.into_iter();
    for mut one in due {
        let result = read.next().unwrap_or_else(|| Err(unanswered()));
        // What was asked in time is in time, however long the answer took: a process that did not run has not waited.
        match judge(&mut one, result, pace, cloud, sent) {
            Some(answer) => {
                // Nobody waits any more where the run was interrupted.
                let _ = one.question.answer.send(answer);
            }
            None => {
                events.send(Happened::Waiting {
                    address: one.question.target.address.clone(),
                    verb: one.question.verb,
                    until: one.question.until.name(),
                    seconds: since(one.asked, now).as_secs_f64(),
                });
                one.due = now + one.interval;
                one.interval = one.interval.mul_f64(pace.growth).min(pace.longest);
                pending.push(one);
            }
        }
    }
}

/// The answer, where there is one already.
fn judge(
    one: &mut Pending,
    read: Result<Option<Observed>, CloudError>,
    pace: &Pace,
    cloud: &dyn Cloud,
    now: SystemTime,
) -> Option<Result<Option<Observed>, Cause>> {
    let waited = since(one.asked, now);
    let until = &one.question.until;
    let late = waited >= cloud.patience(&one.question.target.type_name);
    let timed_out = || Cause::TimedOut {
        until: until.name(),
        seconds: waited.as_secs_f64(),
    };
    let observed = match read {
        Err(error) => {
            one.errors += 1;
            return (late || one.errors > TOLERATED_ERRORS).then(|| Err(error.into()));
        }
        Ok(observed) => observed,
    };
    one.errors = 0;
    match (until, observed) {
        (Until::Gone, None) => Some(Ok(None)),
        (Until::Gone, Some(observed)) => match observed.status {
            Status::Gone => Some(Ok(None)),
            _ if late => Some(Err(timed_out())),
            // A deletion that AWS gave up shows as a status of its own; what was broken before stays so for a moment.
            Status::Failed(reason) => {
                (waited >= pace.consistency).then_some(Err(Cause::Broken(reason)))
            }
            Status::Pending | Status::Ready | Status::Deploying => None,
        },
        (_, None) => (waited >= pace.consistency).then_some(Err(Cause::Vanished)),
        (
            _,
            Some(Observed {
                status: Status::Gone,
                ..
            }),
        ) => (waited >= pace.consistency).then_some(Err(Cause::Vanished)),
        (Until::Seen, Some(observed)) => Some(Ok(Some(observed))),
        (
            _,
            Some(Observed {
                status: Status::Failed(reason),
                ..
            }),
        ) => Some(Err(Cause::Broken(reason))),
        (Until::Ready, Some(observed)) => match observed.status {
            Status::Ready | Status::Deploying => Some(Ok(Some(observed))),
            _ => late.then(|| Err(timed_out())),
        },
        (Until::Known(names), Some(observed)) => {
            let known = Known {
                type_name: one.question.target.type_name.clone(),
                id: observed.id.clone(),
                model: observed.model.clone(),
            };
            if known.has(names) {
                return Some(Ok(Some(observed)));
            }
            if observed.status.is_ready() {
                // Nothing is going to change any more: what is missing then, AWS does not tell of such a resource.
                let since_ready = since(*one.ready_since.get_or_insert(now), now);
                if since_ready >= pace.consistency {
                    return Some(Ok(Some(observed)));
                }
            }
            late.then(|| Err(timed_out()))
        }
    }
}

fn since(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}

fn unanswered() -> CloudError {
    CloudError {
        message: "a read was not answered".to_owned(),
        aws: None,
        refused: false,
    }
}
