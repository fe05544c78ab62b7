//! Pinned PyPI packages in a virtual environment of their own (`.venv`, not committed).

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// What the packs are built from. Changing a pin and rebuilding the packs is one commit.
const PINS: &[&str] = &["botocore==1.44.5", "cfn-lint==1.51.0"];
/// Where the registry of today comes from, for what it has more (`facts.py`); beside the others, in a folder of its own.
const NEWER: &str = "cfn-lint==1.58.0";

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The interpreter of the virtual environment, which is created, or brought to the pins, as needed.
pub fn interpreter() -> Result<PathBuf> {
    let venv = root().join(".venv");
    let python = venv.join("bin/python");
    let stamp = venv.join("pins");
    let pins = [PINS, &[NEWER]].concat().join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == pins) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    run(Command::new(&python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(PINS))?;
    run(Command::new(&python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--upgrade",
            "--target",
        ])
        .arg(venv.join("newer"))
        .arg(NEWER))?;
    std::fs::write(&stamp, pins)?;
    Ok(python)
}

/// Runs a script with the pinned packages and returns what it printed.
pub fn script<A: AsRef<OsStr>>(
    code: &str,
    arguments: impl IntoIterator<Item = A>,
) -> Result<Vec<u8>> {
    let output = Command::new(interpreter()?)
        .args(["-c", code])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run the virtual environment's python")?;
    ensure!(
        output.status.success(),
        "the script failed: {}",
        output.status
    );
    Ok(output.stdout)
}

fn run(command: &mut Command) -> Result<()> {
    let status = command
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}
