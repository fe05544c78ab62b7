//! Colours of the terminal output. Texts are built with ANSI codes; the stream strips them where they are not wanted
//! (`NO_COLOR`, no TTY, `TERM=dumb`), so no renderer asks.

use anstyle::{AnsiColor, Style};

/// What comes into being.
pub const CREATE: Style = AnsiColor::Green.on_default();
/// What changes in place.
pub const UPDATE: Style = AnsiColor::Yellow.on_default();
/// What gets a successor.
pub const REPLACE: Style = AnsiColor::Magenta.on_default();
/// What goes away, and errors.
pub const DELETE: Style = AnsiColor::Red.on_default();
/// What is said in passing.
pub const FAINT: Style = Style::new().dimmed();
/// Headings and names.
pub const STRONG: Style = Style::new().bold();

/// `text` in `style`.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// `text` without ANSI codes.
pub fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
