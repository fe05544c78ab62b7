//! Developer commands: `cargo xtask facts | apis | docs | check`.

mod apis;
mod docs;
mod facts;
mod python;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("facts") => facts::build(),
        Some("apis") => apis::build(),
        Some("docs") => docs::build(),
        Some("check") => check(),
        _ => bail!("usage: cargo xtask facts | apis | docs | check"),
    }
}

/// Fails where anything generated is not what its sources give.
fn check() -> Result<()> {
    facts::check()?;
    apis::check()?;
    docs::check()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_packs_are_what_the_pinned_sources_give() {
        super::facts::check().unwrap();
        super::apis::check().unwrap();
    }
}
