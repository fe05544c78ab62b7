//! Developer commands: `cargo xtask facts | check`.

mod facts;
mod python;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("facts") => facts::build(),
        Some("check") => facts::check(),
        _ => bail!("usage: cargo xtask facts | check"),
    }
}
