//! [`Store`]: the state file, read whole and replaced atomically.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::journal::{Journal, JournalError};
use crate::state::{FORMAT_VERSION, State};
use crate::{checksum, files};

/// Where the files of one environment stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// `ENV.json`.
    pub state: PathBuf,
    /// `ENV.journal`.
    pub journal: PathBuf,
    /// `ENV.lock`.
    pub lock: PathBuf,
}

impl Paths {
    /// In a project's state folder.
    pub fn new(folder: &Path, environment: &str) -> Paths {
        Paths {
            state: folder.join(format!("{environment}.json")),
            journal: folder.join(format!("{environment}.journal")),
            lock: folder.join(format!("{environment}.lock")),
        }
    }
}

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("cannot {what} {path}: {error}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is no state file, or was changed by hand or damaged.
    #[error("the state file {path} is damaged: {why}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// How one can tell.
        why: String,
    },
    /// Another payctl wrote it.
    #[error(
        "the state file {path} has format {found} of payctl {written_by}; this payctl knows up to {FORMAT_VERSION}"
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// The format that it has.
        found: u64,
        /// The payctl that wrote it, as far as it says.
        written_by: String,
    },
    /// It belongs to another project or environment.
    #[error("the state file {path} belongs to {found}, not to {wanted}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose it is, as project/environment.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
    /// A secret would have been written in the open.
    #[error("a secret of {place} is not hashed: the state was not written")]
    OpenSecret {
        /// Which resource or output.
        place: String,
    },
    /// A journal is left over, or cannot be believed: saving now would hide what an interrupted run did.
    #[error("the state was not written: {0}")]
    Journal(#[source] Box<JournalError>),
}

/// Turns a state of one format into the next one's.
type Migration = fn(Json) -> Result<Json, String>;

/// `MIGRATIONS[n]` turns format n + 1 into format n + 2. Format 1 is the first.
const MIGRATIONS: &[Migration] = &[];

/// The state file of one environment.
#[derive(Clone, Debug)]
pub struct Store {
    paths: Paths,
}

impl Store {
    /// The store at these paths. Nothing is read yet.
    pub fn new(paths: Paths) -> Store {
        Store { paths }
    }

    /// The files.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Reads the state; `None` where the environment has none yet.
    ///
    /// # Errors
    /// Where the file is unreadable, damaged, of an unknown format or another environment's.
    pub fn load(&self, project: &str, environment: &str) -> Result<Option<State>, StoreError> {
        let path = &self.paths.state;
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(corrupt(path, "it is no text"));
            }
            Err(error) => return Err(io("read", path, error)),
        };
        let state = parse(path, &text, MIGRATIONS, FORMAT_VERSION)?;
        if (state.project.as_str(), state.environment.as_str()) != (project, environment) {
            return Err(StoreError::Foreign {
                path: path.clone(),
                found: format!("{}/{}", state.project, state.environment),
                wanted: format!("{project}/{environment}"),
            });
        }
        Ok(Some(state))
    }

    /// Replaces the state file, counting the serial up: written beside it, synced, renamed over it, and the folder synced.
    /// What it said before stands in `ENV.json.backup`; a file of an older format also in `ENV.json.format-N`.
    ///
    /// # Errors
    /// Where an interrupted run's journal is left over, a secret stands in the state in the open, or the file system refuses.
    /// The file and `state` are as before then.
    pub fn save(&self, state: &mut State) -> Result<(), StoreError> {
        let path = &self.paths.journal;
        let refuse = |error| Err(StoreError::Journal(Box::new(error)));
        match Journal::read(path, state) {
            Ok(None) => self.write(state, None),
            Ok(Some(_)) => refuse(JournalError::LeftOver { path: path.clone() }),
            Err(error) => refuse(error),
        }
    }

    /// The same at the end of a run: the state has taken in everything that its journal says.
    ///
    /// # Errors
    /// As of [`Store::save`].
    pub fn save_run(&self, state: &mut State, journal: &Journal) -> Result<(), StoreError> {
        self.write(state, Some(journal))
    }

    fn write(&self, state: &mut State, journal: Option<&Journal>) -> Result<(), StoreError> {
        if let Some(place) = state.open_secret() {
            return Err(StoreError::OpenSecret { place });
        }
        let path = &self.paths.state;
        let failed = |error| io("write", path, error);
        let mut next = state.clone();
        next.serial += 1;
        next.format_version = FORMAT_VERSION;
        env!("CARGO_PKG_VERSION").clone_into(&mut next.payctl_version);
        if let Some(journal) = journal {
            next.absorbed = Some(journal.absorbed());
        }
        let text = text_of(&next).map_err(|error| failed(error.into()))?;
        self.back_up()?;
        files::replace(path, &text).map_err(failed)?;
        *state = next;
        Ok(())
    }

    /// Keeps what is there, if it is whole: a damaged file must not take a good backup's place.
    fn back_up(&self) -> Result<(), StoreError> {
        let path = &self.paths.state;
        let Ok(text) = std::fs::read_to_string(path) else {
            return Ok(());
        };
        if parse(path, &text, MIGRATIONS, FORMAT_VERSION).is_err() {
            return Ok(());
        }
        let keep = |more: &str| {
            let backup = files::extended(path, more);
            files::replace(&backup, &text).map_err(|error| io("write", &backup, error))
        };
        let format = serde_json::from_str::<Json>(&text)
            .ok()
            .and_then(|json| json["format_version"].as_u64());
        if let Some(old) = format.filter(|format| *format < u64::from(FORMAT_VERSION)) {
            keep(&format!(".format-{old}"))?;
        }
        keep(".backup")
    }
}

fn io(what: &'static str, path: &Path, error: std::io::Error) -> StoreError {
    StoreError::Io {
        what,
        path: path.to_owned(),
        error,
    }
}

fn corrupt(path: &Path, why: impl ToString) -> StoreError {
    StoreError::Corrupt {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

/// How the checksum stands in the text; it is made of the text with an empty one.
fn checksum_line(checksum: &str) -> String {
    format!("\n  \"checksum\": \"{checksum}\"")
}

/// Sorted by key, whatever map serde_json is built with.
fn text_of(state: &State) -> serde_json::Result<String> {
    let mut json = serde_json::to_value(state)?;
    json["checksum"] = "".into();
    json.sort_all_objects();
    let text = serde_json::to_string_pretty(&json)? + "\n";
    let sum = checksum::of(&text);
    Ok(text.replacen(&checksum_line(""), &checksum_line(&sum), 1))
}

fn parse(
    path: &Path,
    text: &str,
    migrations: &[Migration],
    current: u32,
) -> Result<State, StoreError> {
    let mut json: Json = serde_json::from_str(text)
        .map_err(|error| corrupt(path, format!("it is no JSON ({error})")))?;
    let found = json["format_version"]
        .as_u64()
        .filter(|version| *version > 0)
        .ok_or_else(|| corrupt(path, "it has no format_version"))?;
    if found > u64::from(current) {
        return Err(StoreError::UnknownFormat {
            path: path.to_owned(),
            found,
            written_by: json["payctl_version"]
                .as_str()
                .unwrap_or("(unknown)")
                .to_owned(),
        });
    }
    let sum = json.as_object_mut().and_then(|map| map.remove("checksum"));
    let sum = sum.as_ref().and_then(Json::as_str).unwrap_or_default();
    let bare = text.replacen(&checksum_line(sum), &checksum_line(""), 1);
    if checksum::of(&bare) != sum {
        let why = "its checksum is wrong: it was edited or written in part";
        return Err(corrupt(path, why));
    }
    let done = usize::try_from(found - 1).unwrap_or(usize::MAX);
    for migration in migrations.iter().skip(done) {
        json = migration(json).map_err(|why| corrupt(path, why))?;
    }
    serde_json::from_value(json).map_err(|error| corrupt(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use payctl_model::Value;
    use std::os::unix::fs::PermissionsExt as _;

    fn store() -> (tempfile::TempDir, Store, State) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(Paths::new(&folder.path().join("state"), "prod"));
        (
            folder,
            store,
            State::empty("payments", "prod", "lineage".into(), "salt".into()),
        )
    }

    #[test]
    fn what_was_saved_is_loaded_and_only_the_owner_may_read_it() {
        let (_folder, store, mut state) = store();
        assert_eq!(store.load("payments", "prod").unwrap(), None);
        store.save(&mut state).unwrap();
        assert_eq!(state.serial, 1);
        assert_eq!(store.load("payments", "prod").unwrap(), Some(state));
        let mode = std::fs::metadata(&store.paths().state)
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let folder = store.paths().state.parent().unwrap();
        let mode = std::fs::metadata(folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn numbers_with_many_digits_do_no_damage() {
        let (_folder, store, mut state) = store();
        for (n, number) in [0.1 + 0.2, 1.0 / 3.0, 2.2250738585072014e-308, 1e21]
            .into_iter()
            .enumerate()
        {
            let number = serde_json::Number::from_f64(number).unwrap();
            state.outputs.insert(n.to_string(), Value::Number(number));
        }
        store.save(&mut state).unwrap();
        assert_eq!(store.load("payments", "prod").unwrap(), Some(state));
    }

    #[test]
    fn a_secret_in_the_open_is_not_written() {
        let (_folder, store, mut state) = store();
        store.save(&mut state).unwrap();
        state.outputs.insert("o".into(), Value::secret("hunter2"));
        let before = state.clone();
        assert!(matches!(
            store.save(&mut state),
            Err(StoreError::OpenSecret { .. })
        ));
        assert_eq!(state, before);
        assert_eq!(store.load("payments", "prod").unwrap().unwrap().serial, 1);
    }

    #[test]
    fn the_state_before_the_last_save_is_kept_and_damage_does_not_replace_it() {
        let (_folder, store, mut state) = store();
        store.save(&mut state).unwrap();
        let first = std::fs::read_to_string(&store.paths().state).unwrap();
        store.save(&mut state).unwrap();
        let backup = files::extended(&store.paths().state, ".backup");
        assert_eq!(std::fs::read_to_string(&backup).unwrap(), first);
        std::fs::write(&store.paths().state, "{}").unwrap();
        store.save(&mut state).unwrap();
        assert_eq!(std::fs::read_to_string(&backup).unwrap(), first);
    }

    #[test]
    fn an_older_format_is_migrated() {
        let (_folder, store, mut state) = store();
        store.save(&mut state).unwrap();
        let text = std::fs::read_to_string(&store.paths().state).unwrap();
        let migration: Migration = |mut json| {
            json["project"] = "migrated".into();
            Ok(json)
        };
        let state = parse(&store.paths().state, &text, &[migration], 2).unwrap();
        assert_eq!(state.project, "migrated");
    }

    #[test]
    fn a_damaged_foreign_or_newer_file_is_refused() {
        let (_folder, store, mut state) = store();
        store.save(&mut state).unwrap();
        let path = &store.paths().state;
        assert!(matches!(
            store.load("payments", "dev"),
            Err(StoreError::Foreign { .. })
        ));
        let text = std::fs::read_to_string(path).unwrap();
        std::fs::write(
            path,
            text.replace("lineage\": \"lineage", "lineage\": \"another"),
        )
        .unwrap();
        assert!(matches!(
            store.load("payments", "prod"),
            Err(StoreError::Corrupt { .. })
        ));
        std::fs::write(path, &text[..text.len() / 2]).unwrap();
        assert!(matches!(
            store.load("payments", "prod"),
            Err(StoreError::Corrupt { .. })
        ));
        std::fs::write(path, "{\"format_version\": 2}").unwrap();
        assert!(matches!(
            store.load("payments", "prod"),
            Err(StoreError::UnknownFormat { found: 2, .. })
        ));
    }
}
