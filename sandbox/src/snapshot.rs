//! The snapshot: everything as one JSON document.

use crate::registry;
use crate::sandbox::SandboxError;
use crate::world::{Key, Record, Session, Token, World};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

const VERSION: u64 = 1;

/// The time of a snapshot, in epoch seconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Times {
    /// In the simulated AWS.
    pub simulated: f64,
    /// On the wall.
    pub wall: f64,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    account: String,
    #[serde(default)]
    region: String,
    kind: String,
    record: Record,
}

#[derive(Deserialize)]
struct Snapshot {
    version: u64,
    account: String,
    times: Times,
    records: Vec<Kept>,
    occurrences: BTreeMap<String, u32>,
    tokens: BTreeMap<String, Token>,
    sessions: BTreeMap<String, Session>,
}

/// The world as JSON.
pub(crate) fn take(world: &World, times: &Times, account: &str) -> Json {
    let records: Vec<Kept> = world
        .all()
        .map(|(key, record)| Kept {
            account: key.account,
            region: key.region,
            kind: key.kind.to_owned(),
            record: record.clone(),
        })
        .collect();
    let occurrences: BTreeMap<_, _> = world.occurrences.iter().collect();
    let tokens: BTreeMap<_, _> = world.tokens.iter().collect();
    json!({
        "version": VERSION, "account": account, "times": times, "records": records,
        "occurrences": occurrences, "tokens": tokens, "sessions": world.sessions,
    })
}

/// The world that the JSON describes, its time, and the account of its callers.
pub(crate) fn restore(snapshot: Json) -> Result<(World, Times, String), String> {
    let snapshot: Snapshot = serde_json::from_value(snapshot).map_err(|error| error.to_string())?;
    if snapshot.version != VERSION {
        return Err(format!(
            "it has version {}, this program writes version {VERSION}",
            snapshot.version
        ));
    }
    let mut world = World::default();
    let mut keys = Vec::new();
    for kept in snapshot.records {
        let kind = registry::kind(&kept.kind)
            .ok_or_else(|| format!("it holds a {}, which is not known", kept.kind))?;
        let key = Key {
            account: kept.account,
            region: kept.region,
            kind: kind.name,
            id: kept.record.id.clone(),
        };
        world.put(key.clone(), kept.record);
        keys.push(key);
    }
    // References by alias find their record only once all are there.
    for key in keys {
        world.update(&key, |_| ());
    }
    world.occurrences = snapshot.occurrences.into_iter().collect();
    world.tokens = snapshot.tokens.into_iter().collect();
    world.sessions = snapshot.sessions;
    Ok((world, snapshot.times, snapshot.account))
}

/// What the file holds; `None` when there is no file.
pub(crate) fn load(path: &Path) -> Result<Option<Json>, SandboxError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(SandboxError::Io {
                path: path.to_owned(),
                source,
            });
        }
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| SandboxError::Corrupt {
            path: path.to_owned(),
            reason: error.to_string(),
        })
}

/// Replaces the file: written beside it, synced, renamed, the folder synced.
pub(crate) fn store(path: &Path, snapshot: &Json) -> Result<(), SandboxError> {
    let write = || -> std::io::Result<()> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let beside = folder.join(name);
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.write_all(&serde_json::to_vec(snapshot)?)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        fs::File::open(folder)?.sync_all()
    };
    write().map_err(|source| SandboxError::Io {
        path: path.to_owned(),
        source,
    })
}
