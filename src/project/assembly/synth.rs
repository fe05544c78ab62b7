//! Whether an assembly is older than its sources, and the command that makes it anew.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use walkdir::{DirEntry, WalkDir};

use super::MANIFEST;

/// Folders that hold no sources, wherever they stand: what tools install or write. Folders whose names begin with a dot (.git,
/// .venv, .payctl) are none either.
const NO_SOURCES: [&str; 4] = ["node_modules", "venv", "__pycache__", "target"];

/// The file that the CDK puts into each assembly beside the manifest.
const MARKER: &str = "cdk.out";

/// Why an assembly has to be made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stale {
    /// There is none.
    Missing,
    /// This source is younger.
    Changed(PathBuf),
}

/// Why the command that makes an assembly did not.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// It could not be started.
    #[error("cannot run `{command}` in {}: {error}", folder.display())]
    NotStarted {
        /// The command.
        command: String,
        /// Where.
        folder: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It failed.
    #[error("`{command}` failed in {} ({status})", folder.display())]
    Failed {
        /// The command.
        command: String,
        /// Where.
        folder: PathBuf,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// It made no assembly.
    #[error("`{command}` left no {MANIFEST} in {}", assembly.display())]
    NoAssembly {
        /// The command.
        command: String,
        /// Where it should be.
        assembly: PathBuf,
    },
}

/// Whether the assembly is missing, or older than a file of the project. Sources are all files below `root` except what
/// stands in assemblies, in hidden folders and in [`NO_SOURCES`]. `None`: it is as young as they are.
pub fn stale(root: &Path, assembly: &Path) -> Option<Stale> {
    let made = modified(&assembly.join(MANIFEST));
    let Some(made) = made else {
        return Some(Stale::Missing);
    };
    let sources = WalkDir::new(root)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || holds_sources(entry, assembly));
    // What cannot be looked at cannot be told to be younger.
    sources
        .flatten()
        .filter(|entry| !entry.file_type().is_dir())
        .find(|entry| modified(entry.path()).is_some_and(|changed| changed > made))
        .map(|entry| Stale::Changed(entry.into_path()))
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata()
        .and_then(|metadata| metadata.modified())
        .ok()
}

fn holds_sources(entry: &DirEntry, assembly: &Path) -> bool {
    if !entry.file_type().is_dir() {
        return true;
    }
    let name = entry.file_name().to_string_lossy();
    let is_assembly = |path: &Path| path.join(MARKER).is_file() && path.join(MANIFEST).is_file();
    !name.starts_with('.')
        && !NO_SOURCES.contains(&&*name)
        && entry.path() != assembly
        && !is_assembly(entry.path())
}

/// Runs the command in the project's folder. What it prints goes to standard error: standard output carries payctl's results.
///
/// # Errors
/// Where it fails, or leaves no assembly.
pub fn run(command: &str, root: &Path, assembly: &Path) -> Result<(), SynthError> {
    let not_started = |error| SynthError::NotStarted {
        command: command.to_owned(),
        folder: root.to_owned(),
        error,
    };
    let status = Command::new("sh")
        .args(["-c", command])
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .map_err(not_started)?;
    if !status.success() {
        return Err(SynthError::Failed {
            command: command.to_owned(),
            folder: root.to_owned(),
            status,
        });
    }
    if assembly.join(MANIFEST).is_file() {
        return Ok(());
    }
    Err(SynthError::NoAssembly {
        command: command.to_owned(),
        assembly: assembly.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// A file that was changed this many seconds after the epoch.
    fn file(path: &Path, seconds: u64) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(time).unwrap();
    }

    #[test]
    fn an_assembly_is_old_when_a_source_is_younger() {
        let project = tempfile::tempdir().unwrap();
        let root = project.path();
        let assembly = root.join("cdk.out");
        file(&root.join("app.py"), 100);
        assert_eq!(stale(root, &assembly), Some(Stale::Missing));
        file(&assembly.join(MANIFEST), 200);
        file(&assembly.join("asset.1/index.js"), 300);
        for ignored in [
            ".git/index",
            ".venv/lib/a.py",
            ".payctl/state/local.json",
            "web/node_modules/a/index.js",
            "lib/__pycache__/a.pyc",
            "other/manifest.json",
            "other/cdk.out",
        ] {
            file(&root.join(ignored), 300);
        }
        assert_eq!(stale(root, &assembly), None);
        file(&root.join("lib/stack.py"), 201);
        assert_eq!(
            stale(root, &assembly),
            Some(Stale::Changed(root.join("lib/stack.py")))
        );
    }

    #[test]
    fn a_command_must_succeed_and_leave_an_assembly() {
        let project = tempfile::tempdir().unwrap();
        let root = project.path();
        let assembly = root.join("cdk.out");
        let message = |command: &str| {
            let error = run(command, root, &assembly).unwrap_err().to_string();
            error.replace(&root.display().to_string(), "[project]")
        };
        insta::assert_snapshot!([message("exit 3"), message("true")].join("\n"), @r#"
        `exit 3` failed in [project] (exit status: 3)
        `true` left no manifest.json in [project]/cdk.out
        "#);
        run(
            "mkdir cdk.out && echo '{}' > cdk.out/manifest.json",
            root,
            &assembly,
        )
        .unwrap();
    }
}
