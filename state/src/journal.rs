//! [`Journal`]: what a run is doing, durable before it is done, so that the next run can settle it.
//!
//! JSON lines. The first names the state (lineage and serial) that the run began with; each further one is a [`Record`]
//! with a checksum. A torn LAST line is a write that the kill cut off: nothing was done after it, so it is dropped. Any
//! other damage is an error. [`OperationStatus::after`] is the one transition function, used live and in recovery.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use payctl_model::{Address, Incarnation, PhysicalId, Value};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::checksum;
use crate::state::{Dependency, Policy};
use crate::store::make_folder;

/// The kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Something is about to happen: an operation, or (with `call`) one of its calls.
    Intent,
    /// It happened. Of an operation: with `done` it is complete, without it this is what is known so far.
    Result,
    /// It did not happen, or not to the end.
    Failed,
    /// A later run found out how it stands.
    Settled,
}

/// One line of the journal. What a record does not speak of is absent. Secrets stand in it as hashes only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The position in the journal, from 1; set by the journal.
    #[serde(default)]
    pub seq: u64,
    /// When, RFC 3339 or epoch seconds: for people.
    pub time: String,
    /// Which operation of the run.
    pub operation: u64,
    /// What kind of record.
    pub kind: Kind,
    /// Which resource.
    pub address: Address,
    /// `create`, `update`, `delete`, `forget` …
    pub action: String,
    /// Of an operation's last result: it is complete.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub done: bool,
    /// The CloudFormation type (on an operation's intent).
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// The incarnation: of a create the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<Incarnation>,
    /// One AWS call, such as `ec2:CreateSubnet`; absent where the record is about the operation itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// AWS's identifier, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub physical_id: Option<PhysicalId>,
    /// What the resource shall be (on a create's or update's intent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<Value>,
    /// The model that AWS gave (on a result).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Value>,
    /// What it needs of others (on an intent).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dependencies: BTreeMap<Address, Dependency>,
    /// What becomes of it when it is no longer wanted (on an intent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<Policy>,
    /// What becomes of it when it is replaced (on an intent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_replace_policy: Option<Policy>,
    /// Of a deletion: a successor lives on under the same address, or will; of a create: it takes the place of another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaces: bool,
    /// Of a failed operation: what exists is not whole and must be replaced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tainted: bool,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Record {
    /// A record that says only the necessary.
    pub fn new(
        time: String,
        operation: u64,
        kind: Kind,
        address: Address,
        action: impl Into<String>,
    ) -> Record {
        Record {
            seq: 0,
            time,
            operation,
            kind,
            address,
            action: action.into(),
            done: false,
            type_name: None,
            incarnation: None,
            call: None,
            physical_id: None,
            properties: None,
            attributes: None,
            dependencies: BTreeMap::new(),
            deletion_policy: None,
            update_replace_policy: None,
            replaces: false,
            tainted: false,
            error: None,
        }
    }
}

/// The journal's first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    journal: u32,
    lineage: String,
    serial: u64,
}

const JOURNAL_VERSION: u32 = 1;

/// Why the journal cannot be read, written or believed.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refused.
    #[error("cannot {what} the journal {path}: {error}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A line other than the last is damaged.
    #[error("the journal {path} is damaged in line {line}: {why}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// How one can tell.
        why: String,
    },
    /// It belongs to another state.
    #[error("the journal {path} was written from state {found}, but the state file is {wanted}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Lineage and serial that it names.
        found: String,
        /// Lineage and serial of the state.
        wanted: String,
    },
    /// A record that cannot follow what came before.
    #[error("the journal says the impossible of {address}, operation {operation}: {why}")]
    Impossible {
        /// Which resource.
        address: Address,
        /// Which operation.
        operation: u64,
        /// Why not.
        why: String,
    },
    /// The writer has ended after an earlier error.
    #[error("the journal is closed after an earlier error")]
    Closed,
}

/// How one operation stands.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationStatus {
    /// The operation's intent.
    pub intent: Record,
    /// Calls that were announced and not answered, by name and count: what is in doubt.
    pub open_calls: BTreeMap<String, u32>,
    /// AWS's identifier, as soon as it is known.
    pub physical_id: Option<PhysicalId>,
    /// The model, as far as it is known.
    pub attributes: Option<Value>,
    /// How it ended, if it did.
    pub outcome: Outcome,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did not: its run died, or it runs.
    Open,
    /// It is complete.
    Done,
    /// It failed; what exists, if anything, is known.
    Failed {
        /// What exists must be replaced.
        tainted: bool,
    },
    /// A later run has settled it.
    Settled,
}

impl OperationStatus {
    /// From an operation's first record, which must be its intent.
    fn begin(record: &Record) -> Result<OperationStatus, JournalError> {
        if record.kind != Kind::Intent || record.call.is_some() {
            return Err(impossible(record, "it has no intent"));
        }
        Ok(OperationStatus {
            intent: record.clone(),
            open_calls: BTreeMap::new(),
            physical_id: record.physical_id.clone(),
            attributes: None,
            outcome: Outcome::Open,
        })
    }

    /// How it stands after one more record.
    ///
    /// # Errors
    /// Where the record cannot follow: an answer to a call that was not made, anything after the end.
    pub fn after(mut self, record: &Record) -> Result<OperationStatus, JournalError> {
        let settles = record.kind == Kind::Settled;
        if self.outcome != Outcome::Open && !settles {
            return Err(impossible(record, "it has ended already"));
        }
        match (record.kind, &record.call) {
            (Kind::Intent, None) => return Err(impossible(record, "it has two intents")),
            (Kind::Intent, Some(call)) => *self.open_calls.entry(call.clone()).or_default() += 1,
            (Kind::Result | Kind::Failed, Some(call)) => match self.open_calls.get_mut(call) {
                Some(1) => {
                    self.open_calls.remove(call);
                }
                Some(count) => *count -= 1,
                None => return Err(impossible(record, "it answers a call that was not made")),
            },
            (Kind::Result, None) if record.done => self.outcome = Outcome::Done,
            (Kind::Result, None) => {}
            (Kind::Failed, None) => {
                self.outcome = Outcome::Failed {
                    tainted: record.tainted,
                }
            }
            (Kind::Settled, _) => self.outcome = Outcome::Settled,
        }
        if record.physical_id.is_some() {
            self.physical_id.clone_from(&record.physical_id);
        }
        if record.attributes.is_some() {
            self.attributes.clone_from(&record.attributes);
        }
        Ok(self)
    }

    /// Whether AWS may have done something that no record tells.
    pub fn in_doubt(&self) -> bool {
        self.outcome == Outcome::Open
    }
}

fn impossible(record: &Record, why: &str) -> JournalError {
    JournalError::Impossible {
        address: record.address.clone(),
        operation: record.operation,
        why: why.to_owned(),
    }
}

/// Every operation of a journal, folded from its records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    operations: BTreeMap<u64, OperationStatus>,
}

impl Ledger {
    /// Folds one more record in.
    ///
    /// # Errors
    /// Where the record cannot follow what came before.
    pub fn take(&mut self, record: &Record) -> Result<(), JournalError> {
        let status = match self.operations.remove(&record.operation) {
            Some(status) => status.after(record)?,
            None => OperationStatus::begin(record)?,
        };
        self.operations.insert(record.operation, status);
        Ok(())
    }

    /// The operations, in the order in which they began.
    pub fn operations(&self) -> impl Iterator<Item = (u64, &OperationStatus)> {
        self.operations.iter().map(|(id, status)| (*id, status))
    }

    /// Those of which AWS may have done something that no record tells.
    pub fn in_doubt(&self) -> impl Iterator<Item = (u64, &OperationStatus)> {
        self.operations().filter(|(_, status)| status.in_doubt())
    }
}

/// What an earlier run left.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOver {
    /// Its operations.
    pub ledger: Ledger,
    /// The last record's position.
    pub last_seq: u64,
    /// Whether the last line was cut off by the kill.
    pub torn: bool,
    /// The greatest operation number, so that a run that goes on takes new ones.
    pub last_operation: u64,
}

type Append = (Record, oneshot::Sender<Result<u64, JournalError>>);

/// An open journal. Appends of many tasks share their fsyncs.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    queue: Mutex<Option<mpsc::UnboundedSender<Append>>>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Journal {
    /// Reads what an earlier run left; `None` where there is nothing to settle.
    ///
    /// # Errors
    /// Where the journal is damaged anywhere but in its last line, or belongs to another state.
    pub fn read(path: &Path, lineage: &str, serial: u64) -> Result<Option<LeftOver>, JournalError> {
        let text = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(JournalError::Io {
                    what: "read",
                    path: path.to_owned(),
                    error,
                });
            }
        };
        if text.is_empty() {
            return Ok(None);
        }
        let whole = text.ends_with(b"\n");
        let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        if whole {
            lines.pop();
        }
        let corrupt = |line: usize, why: String| JournalError::Corrupt {
            path: path.to_owned(),
            line,
            why,
        };
        let last = lines.len() - 1;
        let header: Header = match serde_json::from_slice(lines[0]) {
            Ok(header) => header,
            // Cut off while the very first line was written: nothing was done.
            Err(_) if last == 0 && !whole => return Ok(None),
            Err(error) => return Err(corrupt(1, error.to_string())),
        };
        if header.journal != JOURNAL_VERSION {
            return Err(corrupt(1, format!("it has format {}", header.journal)));
        }
        if (header.lineage.as_str(), header.serial) != (lineage, serial) {
            // The state was saved after this journal began, and the kill came before the journal was emptied.
            if header.lineage == lineage && header.serial < serial {
                return Ok(None);
            }
            return Err(JournalError::Foreign {
                path: path.to_owned(),
                found: format!("{} serial {}", header.lineage, header.serial),
                wanted: format!("{lineage} serial {serial}"),
            });
        }
        let (mut ledger, mut last_seq, mut torn, mut last_operation) =
            (Ledger::default(), 0, false, 0);
        for (index, line) in lines.iter().enumerate().skip(1) {
            // A line without its end was not acknowledged, even where it could be read.
            if index == last && !whole {
                torn = true;
                break;
            }
            let record = parse(line).map_err(|why| corrupt(index + 1, why))?;
            if record.seq != last_seq + 1 {
                return Err(corrupt(
                    index + 1,
                    format!("record {} follows {last_seq}", record.seq),
                ));
            }
            last_seq = record.seq;
            last_operation = last_operation.max(record.operation);
            ledger.take(&record)?;
        }
        if last_seq == 0 {
            return Ok(None);
        }
        Ok(Some(LeftOver {
            ledger,
            last_seq,
            torn,
            last_operation,
        }))
    }

    /// Starts an empty journal for a run that begins with this state.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn create(path: &Path, lineage: &str, serial: u64) -> Result<Journal, JournalError> {
        let io = |error| JournalError::Io {
            what: "write",
            path: path.to_owned(),
            error,
        };
        make_folder(path).map_err(|error| io(std::io::Error::other(error)))?;
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .map_err(io)?;
        let header = Header {
            journal: JOURNAL_VERSION,
            lineage: lineage.to_owned(),
            serial,
        };
        let mut line = serde_json::to_string(&header).map_err(|error| io(error.into()))?;
        line.push('\n');
        file.write_all(line.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(io)?;
        Ok(Journal::writing(path, file, 0))
    }

    /// Goes on with a journal that an earlier run left, dropping a torn last line.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn resume(path: &Path, left: &LeftOver) -> Result<Journal, JournalError> {
        let io = |error| JournalError::Io {
            what: "write",
            path: path.to_owned(),
            error,
        };
        let file = OpenOptions::new().append(true).open(path).map_err(io)?;
        if left.torn {
            let text = std::fs::read(path).map_err(io)?;
            let whole = text
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |position| position + 1);
            file.set_len(whole as u64).map_err(io)?;
        }
        Ok(Journal::writing(path, file, left.last_seq))
    }

    fn writing(path: &Path, file: File, seq: u64) -> Journal {
        let (queue, records) = mpsc::unbounded_channel();
        let at = path.to_owned();
        // A thread of its own: fsync blocks, and must not hold up the runtime's workers.
        let writer = std::thread::spawn(move || write(&at, file, seq, records));
        Journal {
            path: path.to_owned(),
            queue: Mutex::new(Some(queue)),
            writer: Mutex::new(Some(writer)),
        }
    }

    /// Writes a record; durable on return. The position that it got.
    ///
    /// # Errors
    /// Where it could not be written: the caller must not go on.
    pub async fn append(&self, record: Record) -> Result<u64, JournalError> {
        let (done, written) = oneshot::channel();
        {
            let queue = self
                .queue
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            let queue = queue.as_ref().ok_or(JournalError::Closed)?;
            queue
                .send((record, done))
                .map_err(|_| JournalError::Closed)?;
        }
        written.await.map_err(|_| JournalError::Closed)?
    }

    /// Empties it: the state file now holds everything. Waits for what is being written.
    ///
    /// # Errors
    /// Where the file system refuses; the records then name an older serial and are dropped by the next run.
    pub fn clear(self) -> Result<(), JournalError> {
        self.queue
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        if let Some(writer) = self
            .writer
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take()
        {
            // A writer that panicked has already told its callers by dropping their channels.
            let _ = writer.join();
        }
        let io = |error| JournalError::Io {
            what: "empty",
            path: self.path.clone(),
            error,
        };
        let file = OpenOptions::new()
            .write(true)
            .open(&self.path)
            .map_err(io)?;
        file.set_len(0).and_then(|()| file.sync_all()).map_err(io)
    }
}

fn parse(line: &[u8]) -> Result<Record, String> {
    let mut json: serde_json::Value =
        serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let sum = json.as_object_mut().and_then(|map| map.remove("checksum"));
    if sum.as_ref().and_then(|sum| sum.as_str()) != Some(&checksum::of(&json)) {
        return Err("its checksum is wrong".to_owned());
    }
    serde_json::from_value(json).map_err(|error| error.to_string())
}

fn line(record: &Record) -> Result<String, serde_json::Error> {
    let mut json = serde_json::to_value(record)?;
    json["checksum"] = checksum::of(&json).into();
    let mut line = json.to_string();
    line.push('\n');
    Ok(line)
}

/// Writes whatever is waiting with one write and one fsync, until the queue is closed or the disk fails.
fn write(path: &Path, mut file: File, mut seq: u64, mut records: mpsc::UnboundedReceiver<Append>) {
    let fail = |error: std::io::Error| JournalError::Io {
        what: "write",
        path: path.to_owned(),
        error,
    };
    while let Some(first) = records.blocking_recv() {
        let mut batch = vec![first];
        while let Ok(next) = records.try_recv() {
            batch.push(next);
        }
        let mut text = String::new();
        let mut waiting = Vec::new();
        for (mut record, done) in batch {
            record.seq = seq + 1;
            match line(&record) {
                Ok(line) => {
                    seq += 1;
                    text.push_str(&line);
                    waiting.push((seq, done));
                }
                Err(error) => drop(done.send(Err(fail(error.into())))),
            }
        }
        match file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_data())
        {
            // A caller that is gone does not want to know.
            Ok(()) => waiting
                .into_iter()
                .for_each(|(seq, done)| drop(done.send(Ok(seq)))),
            Err(error) => {
                let kind = error.kind();
                for (_, done) in waiting {
                    drop(done.send(Err(fail(std::io::Error::new(kind, error.to_string())))));
                }
                // What the file holds now is unknown: nothing may follow.
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(operation: u64, kind: Kind, call: Option<&str>) -> Record {
        let mut record = Record::new(
            "t".into(),
            operation,
            kind,
            Address::new("us-east-1", "s", "Vpc"),
            "create",
        );
        record.call = call.map(str::to_owned);
        record
    }

    async fn journal_of(path: &Path, records: Vec<Record>) {
        let journal = Journal::create(path, "l", 3).unwrap();
        for record in records {
            journal.append(record).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_call_without_an_answer_is_in_doubt() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.journal");
        let mut done = record(1, Kind::Result, None);
        done.done = true;
        let records = vec![
            record(1, Kind::Intent, None),
            record(1, Kind::Intent, Some("ec2:CreateVpc")),
            record(1, Kind::Result, Some("ec2:CreateVpc")),
            done,
            record(2, Kind::Intent, None),
            record(2, Kind::Intent, Some("ec2:CreateVpc")),
        ];
        journal_of(&path, records).await;
        let left = Journal::read(&path, "l", 3).unwrap().unwrap();
        let doubt: Vec<u64> = left.ledger.in_doubt().map(|(id, _)| id).collect();
        assert_eq!(doubt, [2]);
        assert_eq!((left.last_seq, left.last_operation), (6, 2));
    }

    #[tokio::test]
    async fn a_torn_last_line_is_dropped_wherever_it_was_cut_and_other_damage_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.journal");
        journal_of(
            &path,
            vec![record(1, Kind::Intent, None), record(2, Kind::Intent, None)],
        )
        .await;
        let whole = std::fs::read(&path).unwrap();
        let ends: Vec<usize> = (0..whole.len()).filter(|i| whole[*i] == b'\n').collect();
        for cut in ends[1] + 2..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let left = Journal::read(&path, "l", 3).unwrap().unwrap();
            assert_eq!((left.last_seq, left.torn), (1, true), "cut at {cut}");
            let journal = Journal::resume(&path, &left).unwrap();
            journal.append(record(3, Kind::Intent, None)).await.unwrap();
            assert_eq!(Journal::read(&path, "l", 3).unwrap().unwrap().last_seq, 2);
        }
        let mut damaged = whole.clone();
        damaged[ends[0] + 10] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        assert!(matches!(
            Journal::read(&path, "l", 3),
            Err(JournalError::Corrupt { line: 2, .. })
        ));
    }

    #[tokio::test]
    async fn another_states_journal_is_refused_and_a_saved_ones_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.journal");
        journal_of(&path, vec![record(1, Kind::Intent, None)]).await;
        assert!(matches!(
            Journal::read(&path, "other", 3),
            Err(JournalError::Foreign { .. })
        ));
        assert!(matches!(
            Journal::read(&path, "l", 2),
            Err(JournalError::Foreign { .. })
        ));
        assert_eq!(Journal::read(&path, "l", 4).unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_cleared_is_nothing_to_settle() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.journal");
        let journal = Journal::create(&path, "l", 3).unwrap();
        journal.append(record(1, Kind::Intent, None)).await.unwrap();
        journal.clear().unwrap();
        assert_eq!(Journal::read(&path, "l", 3).unwrap(), None);
    }

    #[test]
    fn the_impossible_is_refused() {
        let mut ledger = Ledger::default();
        assert!(ledger.clone().take(&record(1, Kind::Result, None)).is_err());
        ledger.take(&record(1, Kind::Intent, None)).unwrap();
        assert!(
            ledger
                .clone()
                .take(&record(1, Kind::Result, Some("ec2:CreateVpc")))
                .is_err()
        );
        assert!(ledger.clone().take(&record(1, Kind::Intent, None)).is_err());
    }
}
