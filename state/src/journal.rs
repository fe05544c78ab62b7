//! [`Journal`]: what a run is doing, durable before it is done, so that the next run can settle it.
//!
//! JSON lines, each with a checksum of its own text. The first names the state (lineage and serial) that the run began with
//! and the journal itself; each further one is a [`Record`]. A torn LAST line is a write that the kill cut off: nothing was
//! done after it, so it is dropped. Any other damage is an error. A journal is over when the state says that it has taken
//! it in ([`crate::Store::save_run`]), never because the state is newer.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use payctl_model::Address;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::checksum;
use crate::files;
use crate::record::Record;
use crate::state::{Absorbed, State};

/// The journal's first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    journal: u32,
    id: String,
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
    /// An earlier run left records that no state has taken in yet.
    #[error(
        "the journal {path} holds what an interrupted run did, and the state does not know it yet"
    )]
    LeftOver {
        /// The file.
        path: PathBuf,
    },
    /// A secret would have been written in the open.
    #[error("a secret of {address} is not hashed: it was not written to the journal")]
    OpenSecret {
        /// Whose.
        address: Address,
    },
    /// The system has no randomness to name the journal with.
    #[error("no randomness from the system: {0}")]
    Randomness(String),
    /// The writer has ended after an earlier error.
    #[error("the journal is closed after an earlier error")]
    Closed,
}

/// What an earlier run left.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOver {
    /// Its records, in the order in which they were written.
    pub records: Vec<Record>,
    /// The journal's name.
    id: String,
    /// How many bytes of the file are whole lines.
    whole: u64,
}

impl LeftOver {
    /// The greatest operation number, so that a run that goes on takes new ones.
    pub fn last_operation(&self) -> u64 {
        let operations = self.records.iter().map(|record| record.operation);
        operations.max().unwrap_or_default()
    }
}

type Append = (Record, oneshot::Sender<Result<u64, JournalError>>);

/// An open journal. Appends of many tasks share their fsyncs.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    id: String,
    written: Arc<AtomicU64>,
    queue: Mutex<Option<mpsc::UnboundedSender<Append>>>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Journal {
    /// Reads what an earlier run left; `None` where there is nothing to settle.
    ///
    /// # Errors
    /// Where the journal is damaged anywhere but in its last line, or belongs to another state.
    pub fn read(path: &Path, state: &State) -> Result<Option<LeftOver>, JournalError> {
        let text = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io("read", path, error)),
        };
        let Some((header, left)) = parse(path, &text)? else {
            return Ok(None);
        };
        if header.lineage != state.lineage || header.serial > state.serial {
            return Err(JournalError::Foreign {
                path: path.to_owned(),
                found: format!("{} serial {}", header.lineage, header.serial),
                wanted: format!("{} serial {}", state.lineage, state.serial),
            });
        }
        let records = left.records.len() as u64;
        let absorbed = state
            .absorbed
            .as_ref()
            .is_some_and(|absorbed| absorbed.journal == left.id && absorbed.records >= records);
        Ok((records > 0 && !absorbed).then_some(left))
    }

    /// Starts an empty journal for a run that begins with this state.
    ///
    /// # Errors
    /// Where an earlier run left something that the state has not taken in, or the file cannot be written.
    pub fn create(path: &Path, state: &State) -> Result<Journal, JournalError> {
        if Journal::read(path, state)?.is_some() {
            return Err(JournalError::LeftOver {
                path: path.to_owned(),
            });
        }
        let mut id = [0u8; 16];
        getrandom::fill(&mut id).map_err(|error| JournalError::Randomness(error.to_string()))?;
        let header = Header {
            journal: JOURNAL_VERSION,
            id: checksum::hex(&id),
            lineage: state.lineage.clone(),
            serial: state.serial,
        };
        let failed = |error| io("write", path, error);
        let folder = files::folder_of(path);
        files::make_folder(folder).map_err(failed)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        let line = checksum::seal(&header).map_err(|error| failed(error.into()))?;
        file.write_all(line.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| files::sync_folder(folder))
            .map_err(failed)?;
        Ok(Journal::writing(path, header.id, file, 0))
    }

    /// Goes on with a journal that an earlier run left, dropping a torn last line.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn resume(path: &Path, left: &LeftOver) -> Result<Journal, JournalError> {
        let failed = |error| io("write", path, error);
        let file = OpenOptions::new().append(true).open(path).map_err(failed)?;
        file.set_len(left.whole)
            .and_then(|()| file.sync_all())
            .map_err(failed)?;
        let records = left.records.len() as u64;
        Ok(Journal::writing(path, left.id.clone(), file, records))
    }

    fn writing(path: &Path, id: String, file: File, seq: u64) -> Journal {
        let (queue, records) = mpsc::unbounded_channel();
        let written = Arc::new(AtomicU64::new(seq));
        let (at, count) = (path.to_owned(), written.clone());
        // A thread of its own: fsync blocks, and must not hold up the runtime's workers.
        let writer = std::thread::spawn(move || write(&at, file, &count, records));
        Journal {
            path: path.to_owned(),
            id,
            written,
            queue: Mutex::new(Some(queue)),
            writer: Mutex::new(Some(writer)),
        }
    }

    /// What a state says that has taken in everything written so far.
    pub(crate) fn absorbed(&self) -> Absorbed {
        Absorbed {
            journal: self.id.clone(),
            records: self.written.load(Ordering::SeqCst),
        }
    }

    /// Writes a record; durable on return. The position that it got.
    ///
    /// # Errors
    /// Where it could not be written, or holds a secret in the open: the caller must not go on.
    pub async fn append(&self, record: Record) -> Result<u64, JournalError> {
        if record.has_open_secret() {
            return Err(JournalError::OpenSecret {
                address: record.address,
            });
        }
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
    /// Where the file system refuses; the state says then that it has taken the records in.
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
        let failed = |error| io("empty", &self.path, error);
        let file = OpenOptions::new()
            .write(true)
            .open(&self.path)
            .map_err(failed)?;
        file.set_len(0)
            .and_then(|()| file.sync_all())
            .map_err(failed)
    }
}

fn io(what: &'static str, path: &Path, error: std::io::Error) -> JournalError {
    JournalError::Io {
        what,
        path: path.to_owned(),
        error,
    }
}

/// `None`: not even the header is whole, so nothing was ever done.
fn parse(path: &Path, text: &[u8]) -> Result<Option<(Header, LeftOver)>, JournalError> {
    let mut header: Option<Header> = None;
    let (mut records, mut whole) = (Vec::new(), 0);
    for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let Some(line) = line.strip_suffix(b"\n") else {
            // Only the last line can lack its end: nobody was told that it is durable, even where it could be read.
            break;
        };
        let corrupt = |why: String| JournalError::Corrupt {
            path: path.to_owned(),
            line: index + 1,
            why,
        };
        let json = checksum::unseal(line).map_err(corrupt)?;
        whole += line.len() as u64 + 1;
        if header.is_none() {
            let first: Header =
                serde_json::from_str(&json).map_err(|error| corrupt(error.to_string()))?;
            if first.journal != JOURNAL_VERSION {
                return Err(corrupt(format!("it has format {}", first.journal)));
            }
            header = Some(first);
            continue;
        }
        let record: Record =
            serde_json::from_str(&json).map_err(|error| corrupt(error.to_string()))?;
        if record.seq != index as u64 {
            return Err(corrupt(format!(
                "record {} stands where {index} should be",
                record.seq
            )));
        }
        records.push(record);
    }
    Ok(header.map(|header| {
        let id = header.id.clone();
        (header, LeftOver { records, id, whole })
    }))
}

/// Writes whatever is waiting with one write and one fsync, until the queue is closed or the disk fails.
fn write(
    path: &Path,
    mut file: File,
    written: &AtomicU64,
    mut records: mpsc::UnboundedReceiver<Append>,
) {
    let fail = |error: std::io::Error| io("write", path, error);
    let mut seq = written.load(Ordering::SeqCst);
    while let Some(first) = records.blocking_recv() {
        let mut batch = vec![first];
        while let Ok(next) = records.try_recv() {
            batch.push(next);
        }
        let mut text = String::new();
        let mut waiting = Vec::new();
        for (mut record, done) in batch {
            record.seq = seq + 1;
            match checksum::seal(&record) {
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
            Ok(()) => {
                written.store(seq, Ordering::SeqCst);
                for (seq, done) in waiting {
                    drop(done.send(Ok(seq)));
                }
            }
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
    use crate::record::Kind;
    use crate::store::{Paths, Store, StoreError};
    use payctl_model::Value;

    fn begin() -> (tempfile::TempDir, Store, State) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(Paths::new(&folder.path().join("state"), "prod"));
        let mut state = State::empty("payments", "prod", "lineage".into(), "salt".into());
        store.save(&mut state).unwrap();
        (folder, store, state)
    }

    fn intent(operation: u64) -> Record {
        let address = Address::new("us-east-1", "s", "Vpc");
        Record::new("t".into(), operation, Kind::Intent, address, "create")
    }

    async fn journal_of(store: &Store, state: &State, operations: u64) -> Journal {
        let journal = Journal::create(&store.paths().journal, state).unwrap();
        for operation in 1..=operations {
            journal.append(intent(operation)).await.unwrap();
        }
        journal
    }

    #[tokio::test]
    async fn cut_anywhere_it_reads_what_was_durable_and_goes_on() {
        let (_folder, store, state) = begin();
        let journal = Arc::new(journal_of(&store, &state, 0).await);
        let many = (1..=20).map(|operation| {
            let journal = journal.clone();
            tokio::spawn(async move { journal.append(intent(operation)).await })
        });
        for append in many.collect::<Vec<_>>() {
            append.await.unwrap().unwrap();
        }
        let path = &store.paths().journal;
        let bytes = std::fs::read(path).unwrap();
        for cut in (0..=bytes.len()).step_by(7) {
            std::fs::write(path, &bytes[..cut]).unwrap();
            let lines = bytes[..cut].iter().filter(|byte| **byte == b'\n').count();
            let read = Journal::read(path, &state).unwrap();
            let records = read.as_ref().map_or(0, |left| left.records.len());
            assert_eq!(records, lines.saturating_sub(1), "cut at {cut}");
            if let Some(left) = read {
                let resumed = Journal::resume(path, &left).unwrap();
                resumed.append(intent(99)).await.unwrap();
                let again = Journal::read(path, &state).unwrap().unwrap();
                assert_eq!(again.records.len(), lines);
                assert_eq!(again.last_operation(), 99);
            }
        }
    }

    #[tokio::test]
    async fn damage_before_the_end_and_foreign_journals_are_refused() {
        let (_folder, store, mut state) = begin();
        drop(journal_of(&store, &state, 3).await);
        let path = &store.paths().journal;
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let changed = text.replacen("\"operation\":2", "\"operation\":7", 1);
        let missing = [lines[0], lines[1], lines[3]].concat();
        for damaged in [changed, missing, "x\n".to_owned() + &text] {
            std::fs::write(path, damaged).unwrap();
            assert!(matches!(
                Journal::read(path, &state),
                Err(JournalError::Corrupt { .. })
            ));
            assert!(Journal::create(path, &state).is_err());
        }
        std::fs::write(path, text).unwrap();
        state.serial -= 1;
        assert!(matches!(
            Journal::read(path, &state),
            Err(JournalError::Foreign { .. })
        ));
        state.serial += 1;
        state.lineage = "other".into();
        assert!(matches!(
            Journal::read(path, &state),
            Err(JournalError::Foreign { .. })
        ));
    }

    #[tokio::test]
    async fn what_no_state_has_taken_in_is_neither_overwritten_nor_saved_over() {
        let (_folder, store, mut state) = begin();
        let path = &store.paths().journal;
        drop(journal_of(&store, &state, 1).await);
        assert!(matches!(
            Journal::create(path, &state),
            Err(JournalError::LeftOver { .. })
        ));
        let before = state.clone();
        assert!(matches!(
            store.save(&mut state),
            Err(StoreError::Journal(_))
        ));
        assert_eq!(state, before);
        // Even where something did save: a newer state alone settles nothing.
        state.serial += 4;
        assert!(Journal::read(path, &state).unwrap().is_some());
    }

    #[tokio::test]
    async fn a_kill_between_state_and_journal_repeats_nothing() {
        let (_folder, store, mut state) = begin();
        let path = &store.paths().journal;
        let journal = journal_of(&store, &state, 2).await;
        store.save_run(&mut state, &journal).unwrap();
        let state = store.load("payments", "prod").unwrap().unwrap();
        assert_eq!(Journal::read(path, &state).unwrap(), None);
        // What is written after the save is not in the state.
        journal.append(intent(3)).await.unwrap();
        let left = Journal::read(path, &state).unwrap().unwrap();
        assert_eq!(left.records.len(), 3);
        journal.clear().unwrap();
        assert_eq!(Journal::read(path, &state).unwrap(), None);
        Journal::create(path, &state).unwrap();
    }

    #[tokio::test]
    async fn no_secret_reaches_the_disk() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, store, state) = begin();
        let journal = journal_of(&store, &state, 0).await;
        let mut record = intent(1);
        record.attributes = Some(Value::List(vec![Value::secret("hunter2")]));
        assert!(matches!(
            journal.append(record).await,
            Err(JournalError::OpenSecret { .. })
        ));
        journal.append(intent(1)).await.unwrap();
        let path = &store.paths().journal;
        assert!(!std::fs::read_to_string(path).unwrap().contains("hunter2"));
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
