//! [`Store`]: the state file, read whole and replaced atomically.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::checksum;
use crate::state::{FORMAT_VERSION, State};

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
    #[error("the state file {path} has format {found}; this payctl knows up to {FORMAT_VERSION}")]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// The format that it has.
        found: u64,
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
}

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
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io("read", path, error)),
        };
        let corrupt = |why: String| StoreError::Corrupt {
            path: path.clone(),
            why,
        };
        let mut json: serde_json::Value = serde_json::from_str(&text)
            .map_err(|error| corrupt(format!("it is no JSON ({error})")))?;
        // Format 1 is the first: older ones to migrate from do not exist yet.
        match json
            .get("format_version")
            .and_then(serde_json::Value::as_u64)
        {
            Some(found) if found == u64::from(FORMAT_VERSION) => {}
            Some(found) => {
                return Err(StoreError::UnknownFormat {
                    path: path.clone(),
                    found,
                });
            }
            None => return Err(corrupt("it has no format_version".into())),
        }
        let sum = json.as_object_mut().and_then(|map| map.remove("checksum"));
        if sum.as_ref().and_then(|sum| sum.as_str()) != Some(&checksum::of(&json)) {
            return Err(corrupt(
                "its checksum is wrong: it was edited or written in part".into(),
            ));
        }
        let state: State =
            serde_json::from_value(json).map_err(|error| corrupt(error.to_string()))?;
        if (state.project.as_str(), state.environment.as_str()) != (project, environment) {
            return Err(StoreError::Foreign {
                path: path.clone(),
                found: format!("{}/{}", state.project, state.environment),
                wanted: format!("{project}/{environment}"),
            });
        }
        Ok(Some(state))
    }

    /// Replaces the state file: written beside it, synced, renamed over it, and the folder synced. Counts the serial up in
    /// `state` first.
    ///
    /// # Errors
    /// Where the file system refuses; the old file is whole then.
    pub fn save(&self, state: &mut State) -> Result<(), StoreError> {
        state.serial += 1;
        state.payctl_version = env!("CARGO_PKG_VERSION").to_owned();
        let path = &self.paths.state;
        let corrupt = |error: serde_json::Error| StoreError::Corrupt {
            path: path.clone(),
            why: error.to_string(),
        };
        let mut json = serde_json::to_value(&*state).map_err(corrupt)?;
        json["checksum"] = checksum::of(&json).into();
        let mut text = serde_json::to_string_pretty(&json).map_err(corrupt)?;
        text.push('\n');
        replace(path, text.as_bytes())
    }
}

fn io(what: &'static str, path: &Path, error: std::io::Error) -> StoreError {
    StoreError::Io {
        what,
        path: path.to_owned(),
        error,
    }
}

/// Makes a folder for files that only their owner may read.
pub(crate) fn make_folder(path: &Path) -> Result<(), StoreError> {
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    std::fs::create_dir_all(folder).map_err(|error| io("make the folder of", path, error))
}

/// Writes a file atomically, mode 0600.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    make_folder(path)?;
    let beside = path.with_extension("json.new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .map_err(|error| io("write", &beside, error))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|error| io("write", &beside, error))?;
    std::fs::rename(&beside, path).map_err(|error| io("replace", path, error))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| io("sync the folder of", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
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
