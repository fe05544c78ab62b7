//! [`Lock`]: one run at a time per environment.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files;

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The user.
    pub who: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// The command line's command.
    pub command: String,
    /// Since when, RFC 3339.
    pub since: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Holder {
            who,
            host,
            pid,
            command,
            since,
        } = self;
        write!(
            f,
            "{who}@{host} (process {pid}, payctl {command}, since {since})"
        )
    }
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run has it.
    #[error("the environment is locked by {}", holder.as_ref().map_or("another process".to_owned(), ToString::to_string))]
    Held {
        /// Who, where the lock file says so.
        holder: Option<Holder>,
    },
    /// The file system refused.
    #[error("cannot lock {path}: {error}")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// What a lock file says while nobody is asked to take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// Nobody holds it.
    Free,
    /// Its holder died; the note is what remains.
    LeftOver(Holder),
    /// A living process holds it.
    Living(Option<Holder>),
}

/// The lock of an environment, held until the value goes. The operating system's lock dies with its holder; the file stays
/// and is never renamed, so that nobody can hold a lock on a file that is not there any more.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock, or says who has it.
    ///
    /// # Errors
    /// Where another process holds it or the file cannot be written.
    pub fn take(path: &Path, holder: &Holder) -> Result<Lock, LockError> {
        let io = |error| LockError::Io {
            path: path.to_owned(),
            error,
        };
        files::make_folder(files::folder_of(path)).map_err(io)?;
        let mut file = open(path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held {
                    holder: note(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let text = serde_json::to_string(holder).map_err(|error| io(error.into()))?;
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .map_err(io)?;
        Ok(Lock { file })
    }

    /// Who holds the lock, without taking it.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn look(path: &Path) -> Result<Held, LockError> {
        let io = |error| LockError::Io {
            path: path.to_owned(),
            error,
        };
        if !path.exists() {
            return Ok(Held::Free);
        }
        let mut file = open(path).map_err(io)?;
        let holder = note(&mut file);
        match file.try_lock() {
            Ok(()) => Ok(holder.map_or(Held::Free, Held::LeftOver)),
            Err(TryLockError::WouldBlock) => Ok(Held::Living(holder)),
            Err(TryLockError::Error(error)) => Err(io(error)),
        }
    }

    /// Clears the note that a dead holder left.
    ///
    /// # Errors
    /// Where a living process holds the lock.
    pub fn clear(path: &Path) -> Result<Held, LockError> {
        let held = Lock::look(path)?;
        match &held {
            Held::Living(holder) => Err(LockError::Held {
                holder: holder.clone(),
            }),
            Held::Free => Ok(held),
            Held::LeftOver(_) => {
                let io = |error| LockError::Io {
                    path: path.to_owned(),
                    error,
                };
                open(path).and_then(|file| file.set_len(0)).map_err(io)?;
                Ok(held)
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The lock itself goes with the file handle; an empty file says that nobody was cut off.
        let _ = self.file.set_len(0);
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

fn note(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder() -> Holder {
        Holder {
            who: "ada".into(),
            host: "h".into(),
            pid: 7,
            command: "apply".into(),
            since: "now".into(),
        }
    }

    #[test]
    fn a_second_one_is_refused_and_told_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prod.lock");
        let lock = Lock::take(&path, &holder()).unwrap();
        match Lock::take(&path, &holder()) {
            Err(LockError::Held {
                holder: Some(found),
            }) => assert_eq!(found, holder()),
            other => panic!("{other:?}"),
        }
        assert_eq!(Lock::look(&path).unwrap(), Held::Living(Some(holder())));
        assert!(Lock::clear(&path).is_err());
        drop(lock);
        assert_eq!(Lock::look(&path).unwrap(), Held::Free);
        Lock::take(&path, &holder()).unwrap();
    }

    #[test]
    fn what_a_dead_holder_left_can_be_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prod.lock");
        std::fs::write(&path, serde_json::to_string(&holder()).unwrap()).unwrap();
        assert_eq!(Lock::look(&path).unwrap(), Held::LeftOver(holder()));
        Lock::clear(&path).unwrap();
        assert_eq!(Lock::look(&path).unwrap(), Held::Free);
    }
}
