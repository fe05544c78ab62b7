//! The registry pack: cfn-lint's copy of the CloudFormation registry's schemas (us-east-1), without its prose.
//!
//! The layout of the file stands in `model/src/facts/pack.rs`, which reads it.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::python;

/// Types share a block, in alphabetical order, until it holds this many bytes: they compress far better together, and
/// reading one type inflates one block.
const BLOCK: usize = 96 * 1024;

fn path() -> PathBuf {
    python::root().join("model/src/facts/registry.pack")
}

/// Writes the pack.
pub fn build() -> Result<()> {
    Ok(std::fs::write(path(), pack()?)?)
}

/// Fails when what is committed differs from a rebuild.
pub fn check() -> Result<()> {
    let committed =
        std::fs::read(path()).with_context(|| format!("cannot read {}", path().display()))?;
    ensure!(
        committed == pack()?,
        "{} is stale: run `cargo xtask facts`",
        path().display()
    );
    Ok(())
}

fn pack() -> Result<Vec<u8>> {
    let output = String::from_utf8(python::script(include_str!("facts.py"), [""; 0])?)?;
    let (stateful, types) = output
        .split_once('\n')
        .context("the script printed nothing")?;
    let mut index = format!("stateful {stateful}\n");
    let mut blocks = Vec::new();
    let mut block = String::new();
    let mut names = String::new();
    let mut lines = types.lines().peekable();
    while let Some(line) = lines.next() {
        let (name, schema) = line
            .split_once('\t')
            .context("a line without a type's name")?;
        names.push_str(&format!("type {name} {} {}\n", block.len(), schema.len()));
        block.push_str(schema);
        if block.len() >= BLOCK || lines.peek().is_none() {
            let compressed = compress(&block)?;
            index.push_str(&format!(
                "block {} {}\n{names}",
                blocks.len(),
                compressed.len()
            ));
            blocks.extend(compressed);
            block.clear();
            names.clear();
        }
    }
    let index = compress(&index)?;
    let mut pack = b"PFX1".to_vec();
    pack.extend(u32::try_from(index.len())?.to_le_bytes());
    pack.extend(index);
    pack.extend(blocks);
    Ok(pack)
}

fn compress(text: &str) -> Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes())?;
    Ok(encoder.finish()?)
}
