//! The API packs: botocore's models of the services listed in `api/packs/services.txt`, stripped and compressed.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use flate2::{Compression, GzBuilder};

use crate::python;

/// The files of `api/packs` as they should be: name and content, the list of services aside.
pub fn files() -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let directory = python::root().join("api/packs");
    let list = std::fs::read_to_string(directory.join("services.txt"))?;
    let names: Vec<&str> = list
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let output = python::script(include_str!("apis.py"), &names)?;
    let output = String::from_utf8(output)?;
    let mut lines = output.lines();
    let mut next = || {
        lines
            .next()
            .context("the script printed fewer lines than services")
    };
    let mut files = vec![(
        directory.join("partitions.json"),
        format!("{}\n", next()?).into_bytes(),
    )];
    let mut table = String::from("packs![\n");
    for name in &names {
        table.push_str(&format!("    {name:?} signed as {},\n", next()?));
        files.push((
            directory.join(format!("{name}.model.gz")),
            compress(next()?)?,
        ));
        files.push((
            directory.join(format!("{name}.rules.gz")),
            compress(next()?)?,
        ));
    }
    table.push_str("];\n");
    files.push((directory.join("table.rs"), table.into_bytes()));
    Ok(files)
}

/// Writes the packs, and removes those of services that are no longer listed.
pub fn build() -> Result<()> {
    let files = files()?;
    let directory = python::root().join("api/packs");
    for entry in std::fs::read_dir(&directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "gz")
            && !files.iter().any(|(kept, _)| *kept == path)
        {
            std::fs::remove_file(&path)?;
        }
    }
    for (path, content) in files {
        std::fs::write(&path, content)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Fails when what is committed differs from a rebuild.
pub fn check() -> Result<()> {
    for (path, content) in files()? {
        let committed =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(
            committed == content,
            "{} is stale: run `cargo xtask apis`",
            path.display()
        );
    }
    Ok(())
}

/// The same bytes on every machine: no time, no name, and a compressor whose version Cargo.lock pins.
fn compress(line: &str) -> Result<Vec<u8>> {
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(Vec::new(), Compression::best());
    encoder.write_all(line.as_bytes())?;
    Ok(encoder.finish()?)
}
