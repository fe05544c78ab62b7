//! [`Recorder`]: the executor's entries in the environment's journal, folded at the same time.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use payctl_model::{Clock, Value};
use payctl_state::{Journal, Kind, Record};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::events::Verb;
use super::ledger::{Impossible, Ledger};
use super::log::{Entry, Intent, Log, LogError};

/// Writes into the journal, and knows everything that stands in it.
#[derive(Debug)]
pub struct Recorder {
    journal: Journal,
    clock: Clock,
    ledger: Mutex<Ledger>,
}

impl Recorder {
    /// With a journal, and what stands in it already.
    pub fn new(journal: Journal, clock: Clock, ledger: Ledger) -> Recorder {
        Recorder {
            journal,
            clock,
            ledger: Mutex::new(ledger),
        }
    }

    /// Everything that stands in the journal.
    pub fn ledger(&self) -> Ledger {
        self.ledger
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The journal.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The journal itself, once nothing is written any more.
    pub fn into_journal(self) -> Journal {
        self.journal
    }

    fn record(&self, entry: &Entry) -> Result<Record, LogError> {
        let time = OffsetDateTime::from(self.clock.now())
            .format(&Rfc3339)
            .unwrap_or_default();
        if let Entry::Intent(intent) = entry {
            return Ok(intent_record(time, intent));
        }
        let operation = entry.operation();
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(written) = ledger.get(operation) else {
            return Err(LogError(format!("operation {operation} has no intent")));
        };
        let new = |kind| {
            Record::new(
                time.clone(),
                operation,
                kind,
                written.intent.address.clone(),
                written.intent.verb.name(),
            )
        };
        Ok(match entry {
            Entry::Intent(intent) => intent_record(time.clone(), intent),
            Entry::Call { call, .. } => Record {
                call: Some(call.clone()),
                ..new(Kind::Intent)
            },
            Entry::Answer {
                call, error: None, ..
            } => Record {
                call: Some(call.clone()),
                ..new(Kind::Result)
            },
            Entry::Answer {
                call,
                error,
                refused,
                ..
            } => Record {
                call: Some(call.clone()),
                error: error.clone(),
                refused: *refused,
                ..new(Kind::Failed)
            },
            Entry::Exists {
                physical_id,
                attributes,
                ..
            } => Record {
                physical_id: Some(physical_id.clone()),
                attributes: Some(attributes.clone()),
                ..new(Kind::Result)
            },
            Entry::Done { .. } => Record {
                done: true,
                ..new(Kind::Result)
            },
            Entry::Failed {
                reason, tainted, ..
            } => Record {
                error: Some(reason.clone()),
                tainted: tainted.is_some(),
                physical_id: tainted.clone(),
                ..new(Kind::Failed)
            },
            Entry::Settled { made, .. } => Record {
                physical_id: made.clone(),
                ..new(Kind::Settled)
            },
        })
    }
}

fn intent_record(time: String, intent: &Intent) -> Record {
    let new = Record::new(
        time,
        intent.operation,
        Kind::Intent,
        intent.address.clone(),
        intent.verb.name(),
    );
    Record {
        type_name: Some(intent.type_name.clone()),
        incarnation: intent.incarnation.clone(),
        physical_id: intent.physical_id.clone(),
        properties: intent.desired.clone(),
        dependencies: intent.dependencies.clone(),
        deletion_policy: Some(intent.deletion_policy),
        update_replace_policy: Some(intent.update_replace_policy),
        replaces: intent.replaced || intent.verb == Verb::Replace,
        ..new
    }
}

#[async_trait]
impl Log for Recorder {
    async fn append(&self, entry: Entry) -> Result<(), LogError> {
        let record = self.record(&entry)?;
        self.journal
            .append(record)
            .await
            .map_err(|error| LogError(error.to_string()))?;
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger
            .after(&entry)
            .map_err(|error| LogError(error.to_string()))
    }
}

/// What an earlier run's journal says, folded as the run itself folded it.
///
/// # Errors
/// Where a record cannot follow what stands before it.
pub fn ledger_of(records: &[Record]) -> Result<Ledger, Impossible> {
    let mut ledger = Ledger::default();
    for record in records {
        ledger.after(&entry(record)?)?;
    }
    Ok(ledger)
}

/// What a record says: the inverse of [`Recorder::record`].
fn entry(record: &Record) -> Result<Entry, Impossible> {
    let operation = record.operation;
    let impossible = |what| Impossible { operation, what };
    Ok(match (record.kind, &record.call) {
        (Kind::Intent, None) => Entry::Intent(Box::new(intent(record)?)),
        (Kind::Intent, Some(call)) => Entry::Call {
            operation,
            call: call.clone(),
        },
        (Kind::Result | Kind::Failed, Some(call)) => Entry::Answer {
            operation,
            call: call.clone(),
            error: record.error.clone(),
            refused: record.refused,
        },
        (Kind::Result, None) if record.done => Entry::Done { operation },
        (Kind::Result, None) => Entry::Exists {
            operation,
            physical_id: record
                .physical_id
                .clone()
                .ok_or_else(|| impossible("a result without an identifier"))?,
            attributes: record.attributes.clone().unwrap_or_else(Value::map),
        },
        (Kind::Failed, None) => Entry::Failed {
            operation,
            reason: record.error.clone().unwrap_or_default(),
            tainted: record.physical_id.clone().filter(|_| record.tainted),
        },
        (Kind::Settled, _) => Entry::Settled {
            operation,
            made: record.physical_id.clone(),
        },
    })
}

fn intent(record: &Record) -> Result<Intent, Impossible> {
    let operation = record.operation;
    let impossible = |what| Impossible { operation, what };
    let verb = Verb::named(&record.action).ok_or_else(|| impossible("an unknown action"))?;
    Ok(Intent {
        operation,
        address: record.address.clone(),
        verb,
        type_name: record
            .type_name
            .clone()
            .ok_or_else(|| impossible("an intent without a type"))?,
        incarnation: record.incarnation.clone(),
        physical_id: record.physical_id.clone(),
        desired: record.properties.clone(),
        dependencies: record.dependencies.clone(),
        deletion_policy: record.deletion_policy.unwrap_or_default(),
        update_replace_policy: record.update_replace_policy.unwrap_or_default(),
        replaced: record.replaces && verb != Verb::Replace,
    })
}

#[cfg(test)]
mod tests {
    use payctl_model::{Address, Incarnation, PhysicalId};
    use payctl_state::{Policy, State};

    use crate::apply::log::OperationId;

    use super::*;

    fn intent(operation: OperationId, verb: Verb, id: Option<&str>) -> Entry {
        Entry::Intent(Box::new(Intent {
            operation,
            address: Address::new("r", "s", format!("R{operation}")),
            verb,
            type_name: "AWS::EC2::VPC".into(),
            incarnation: Some(Incarnation::from_bits(operation.into())),
            physical_id: id.map(PhysicalId::from),
            desired: (verb != Verb::Delete).then(Value::map),
            dependencies: Default::default(),
            deletion_policy: Policy::Retain,
            update_replace_policy: Policy::Delete,
            replaced: false,
        }))
    }

    #[tokio::test]
    async fn what_is_read_back_means_the_same_for_the_state() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.journal");
        let state = State::empty("p", "e", "lineage".into(), "salt".into());
        let journal = Journal::create(&path, &state).unwrap();
        let recorder = Recorder::new(journal, Clock::real(), Ledger::default());
        let call = |operation| Entry::Call {
            operation,
            call: "ec2:Call".into(),
        };
        let answer = |operation| Entry::Answer {
            operation,
            call: "ec2:Call".into(),
            error: None,
            refused: false,
        };
        let exists = |operation, id: &str| Entry::Exists {
            operation,
            physical_id: id.into(),
            attributes: Value::Map([("A".to_owned(), Value::from(1))].into()),
        };
        let entries = [
            intent(0, Verb::Create, None),
            intent(1, Verb::Replace, Some("old-1")),
            intent(2, Verb::Delete, Some("old-2")),
            intent(3, Verb::Create, None),
            intent(4, Verb::Create, None),
            intent(5, Verb::Update, Some("same-5")),
            intent(6, Verb::Delete, Some("old-6")),
            intent(7, Verb::Replace, Some("old-7")),
            call(0),
            call(1),
            answer(1),
            exists(1, "new-1"),
            call(2),
            answer(2),
            Entry::Done { operation: 2 },
            call(3),
            Entry::Answer {
                operation: 3,
                call: "ec2:Call".into(),
                error: Some("no".into()),
                refused: true,
            },
            call(3),
            Entry::Settled {
                operation: 3,
                made: Some("new-3".into()),
            },
            exists(4, "new-4"),
            Entry::Failed {
                operation: 4,
                reason: "broken".into(),
                tainted: Some("new-4".into()),
            },
            exists(5, "same-5"),
            Entry::Done { operation: 5 },
            call(6),
            Entry::Settled {
                operation: 6,
                made: None,
            },
            call(7),
            Entry::Settled {
                operation: 7,
                made: None,
            },
        ];
        for entry in entries {
            recorder.append(entry).await.unwrap();
        }
        let written = recorder.ledger();
        drop(recorder);
        let left = Journal::read(&path, &state).unwrap().unwrap();
        assert_eq!(ledger_of(&left.records).unwrap(), written);
    }

    #[test]
    fn the_impossible_is_refused() {
        let address = Address::new("r", "s", "R");
        let record = |kind| Record::new("t".into(), 1, kind, address.clone(), "create");
        let begun = Record {
            type_name: Some("AWS::EC2::VPC".into()),
            ..record(Kind::Intent)
        };
        let settled = record(Kind::Settled);
        let answer = Record {
            call: Some("ec2:CreateVpc".into()),
            ..record(Kind::Result)
        };
        for records in [
            vec![settled.clone()],
            vec![begun.clone(), begun.clone()],
            vec![begun.clone(), answer],
            vec![begun.clone(), record(Kind::Result)],
            vec![begun.clone(), settled.clone(), settled],
        ] {
            assert!(ledger_of(&records).is_err(), "{records:?}");
        }
        assert!(ledger_of(&[begun]).is_ok());
    }
}
