//! Developer commands: `cargo xtask facts | apis | check`.

mod apis;
mod facts;
mod python;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("facts") => facts::build(),
        Some("apis") => apis::build(),
        Some("check") => facts::check().and_then(|()| apis::check()),
        _ => bail!("usage: cargo xtask facts | apis | check"),
    }
}
