//! Clears up what an interrupted run left: [`settle`] asks AWS about everything that is in doubt, before anything else is
//! done; [`inspect`] only counts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use payctl_model::{Address, Incarnation, PhysicalId, Value};

use super::cloud::{Cloud, CloudError, Observed, Status, Target};
use super::events::{Events, Happened, Verb};
use super::ledger::{Ledger, Verdict, Written};
use super::log::{Entry, Log, LogError, OperationId};
use crate::plan::references::values;

/// What an interrupted run left, as the journal tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftover {
    /// Operations whose result never reached the state file.
    pub settled: Vec<(Address, Verb)>,
    /// Operations of which only AWS knows what came.
    pub in_doubt: Vec<(Address, Verb)>,
}

/// What a look at AWS showed about one operation in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The create had made this.
    Made(PhysicalId),
    /// The create had made nothing.
    NotMade,
    /// What was to be deleted is gone.
    Gone(PhysicalId),
    /// What was to be deleted is still there.
    StillThere(PhysicalId),
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Finding::Made(id) => write!(f, "the interrupted create had made {id}"),
            Finding::NotMade => f.write_str("the interrupted create had made nothing"),
            Finding::Gone(id) => write!(f, "{id} is deleted"),
            Finding::StillThere(id) => write!(f, "{id} is still there"),
        }
    }
}

/// Why an interrupted run could not be cleared up.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SettleError {
    /// AWS could not be asked.
    #[error(
        "cannot find out what became of {address}, which an interrupted run left in doubt: {error}"
    )]
    Cloud {
        /// Which resource.
        address: Address,
        /// What AWS said.
        error: CloudError,
    },
    /// The journal could not be written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The journal contradicts itself.
    #[error(transparent)]
    Impossible(#[from] super::ledger::Impossible),
}

/// How often and how long a resource that may have been made is looked for: AWS's lists are eventually consistent (EC2
/// developer guide, "Eventual consistency"), and the interrupted call may only just have been made.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Looks in all.
    pub looks: u32,
    /// Before the second look; twice as long before each further one.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            looks: 4,
            pause: Duration::from_secs(2),
        }
    }
}

/// What a left-over journal says, without asking AWS or changing anything: for commands that only read.
pub fn inspect(ledger: &Ledger) -> Leftover {
    let mut leftover = Leftover::default();
    for (_, written) in ledger.operations() {
        let about = (written.intent.address.clone(), written.intent.verb);
        match written.verdict() {
            Verdict::Settled => leftover.settled.push(about),
            Verdict::InDoubt => leftover.in_doubt.push(about),
            Verdict::Untouched => {}
        }
    }
    leftover
}

/// Asks AWS about everything in doubt and writes down what it finds. Afterwards nothing in the ledger is in doubt, and
/// [`Ledger::changes`] says what the state has to take in. All questions go out at once.
///
/// # Errors
/// The first question that AWS did not answer; what was found till then is written down.
pub async fn settle(
    ledger: &mut Ledger,
    cloud: Arc<dyn Cloud>,
    log: &dyn Log,
    events: &Events,
    patience: Patience,
) -> Result<Vec<(Address, Finding)>, SettleError> {
    let open: Vec<(OperationId, Written)> = ledger
        .in_doubt()
        .map(|(id, written)| (id, written.clone()))
        .collect();
    let mut asking = tokio::task::JoinSet::new();
    for (operation, written) in open {
        let cloud = cloud.clone();
        asking.spawn(async move {
            let found = look(&*cloud, &written, patience).await;
            (operation, written, found)
        });
    }
    let (mut findings, mut failed) = (Vec::new(), None);
    while let Some(ended) = asking.join_next().await {
        let Ok((operation, written, found)) = ended else {
            continue;
        };
        let address = written.intent.address.clone();
        let finding = match found {
            Ok(finding) => finding,
            Err(error) => {
                failed.get_or_insert(SettleError::Cloud { address, error });
                continue;
            }
        };
        let entry = entry(operation, &finding);
        log.append(entry.clone()).await?;
        ledger.after(&entry)?;
        events.send(Happened::Done {
            address: address.clone(),
            verb: Verb::Settle,
            physical_id: match &finding {
                Finding::Made(id) | Finding::Gone(id) | Finding::StillThere(id) => Some(id.clone()),
                Finding::NotMade => None,
            },
            seconds: 0.0,
            note: Some(finding.to_string()),
        });
        findings.push((address, finding));
    }
    findings.sort_by(|a, b| a.0.cmp(&b.0));
    failed.map_or(Ok(findings), Err)
}

/// How a finding stands in the journal.
fn entry(operation: OperationId, finding: &Finding) -> Entry {
    match finding {
        // Not tainted: what is missing of it the next plan sees, which reads it.
        Finding::Made(id) => Entry::Settled {
            operation,
            made: Some(id.clone()),
        },
        Finding::NotMade | Finding::StillThere(_) => Entry::Settled {
            operation,
            made: None,
        },
        Finding::Gone(_) => Entry::Done { operation },
    }
}

async fn look(
    cloud: &dyn Cloud,
    written: &Written,
    patience: Patience,
) -> Result<Finding, CloudError> {
    let intent = &written.intent;
    let target = Target {
        address: intent.address.clone(),
        type_name: intent.type_name.clone(),
        // Only whether it is there matters: what AWS tells by calls of their own is not asked for.
        declared: Some(BTreeSet::new()),
    };
    if let (None, Some(id)) = (&intent.desired, &intent.physical_id) {
        let read = cloud
            .read(std::slice::from_ref(&(target, id.clone())))
            .await;
        let seen = read.into_iter().next().transpose()?.flatten();
        return Ok(match seen {
            None
            | Some(Observed {
                status: Status::Gone,
                ..
            }) => Finding::Gone(id.clone()),
            Some(_) => Finding::StillThere(id.clone()),
        });
    }
    let (Some(desired), Some(incarnation)) = (&intent.desired, &intent.incarnation) else {
        return Ok(Finding::NotMade);
    };
    // Names may come from parameters: what is looked for has what they stood for.
    let desired = values(desired);
    let found = search(cloud, &target, &desired, incarnation, patience).await?;
    Ok(found.map_or(Finding::NotMade, Finding::Made))
}

/// Looks for what a create of this incarnation has made, for as long as AWS may need to show it.
///
/// # Errors
/// What AWS says.
pub(super) async fn search(
    cloud: &dyn Cloud,
    target: &Target,
    desired: &Value,
    incarnation: &Incarnation,
    patience: Patience,
) -> Result<Option<PhysicalId>, CloudError> {
    let mut pause = patience.pause;
    for look in 1..=patience.looks.max(1) {
        if let Some(id) = cloud.find(target, desired, incarnation).await? {
            return Ok(Some(id));
        }
        if look < patience.looks {
            cloud.clock().sleep(pause).await;
            pause *= 2;
        }
    }
    Ok(None)
}
