//! What is wrong with a text that is no YAML, in words for people who know their template and not YAML's grammar.

use std::sync::Arc;

use super::super::diagnostic::Diagnostic;
use super::super::source::{Source, Span};

/// The parser's `info` at byte `at`, explained by what stands there. `open` are the lists and maps that are not closed yet, the
/// outermost first.
pub(super) fn explain(source: &Arc<Source>, info: &str, at: usize, open: &[Span]) -> Diagnostic {
    let here = Here::of(source, at);
    let explained = here
        .tab(info)
        .or_else(|| here.quote(info))
        .or_else(|| here.first_character(info))
        .or_else(|| here.anchor(info))
        .or_else(|| here.bracket(info, open))
        .or_else(|| here.colon(info))
        .or_else(|| here.key(info))
        .or_else(|| here.list_item(info))
        .or_else(|| here.indentation(info, open));
    explained.unwrap_or_else(|| {
        here.error(format!("this is no YAML: {info}"), here.point())
            .help("the cause may stand above: a bracket or quote that is not closed, a wrong indentation")
    })
}

/// The place of the error.
struct Here<'a> {
    source: &'a Arc<Source>,
    at: usize,
    line: usize,
    start: usize,
    text: &'a str,
}

impl<'a> Here<'a> {
    fn of(source: &'a Arc<Source>, at: usize) -> Here<'a> {
        let mut line = source.position(at).line;
        // At the end of the text the last line that says something is meant.
        while line > 1
            && at >= source.text().trim_end().len()
            && source.line(line).trim().is_empty()
        {
            line -= 1;
        }
        Here {
            source,
            at,
            line,
            start: source.line_start(line),
            text: source.line(line),
        }
    }

    fn error(&self, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::error("bad-yaml", message).at(self.source, span)
    }

    fn point(&self) -> Span {
        Span {
            offset: self.at,
            length: 1,
        }
    }

    /// The line without its indentation.
    fn content(&self) -> Span {
        let text = self.text.trim_start();
        Span {
            offset: self.start + self.text.len() - text.len(),
            length: text.trim_end().len(),
        }
    }

    fn indentation_of(text: &str) -> usize {
        text.len() - text.trim_start_matches(' ').len()
    }

    /// The line above that says something.
    fn above(&self) -> Option<(usize, &'a str)> {
        let lines = (1..self.line)
            .rev()
            .map(|line| (line, self.source.line(line)));
        lines
            .into_iter()
            .find(|(_, text)| !text.trim().is_empty() && !text.trim_start().starts_with('#'))
    }

    fn tab(&self, info: &str) -> Option<Diagnostic> {
        let tab_of = |line: usize| {
            let text = self.source.line(line);
            let indentation = &text[..text.len() - text.trim_start().len()];
            Some(self.source.line_start(line) + indentation.find('\t')?)
        };
        // A value that goes on in the next line is complained about where it begins.
        let below = self.line..self.line + if info.contains("tab") { 100 } else { 1 };
        let span = Span {
            offset: below.into_iter().find_map(tab_of)?,
            length: 1,
        };
        let error = self.error("this line is indented with a tab", span);
        Some(error.help("YAML is indented with spaces: replace the tab by spaces"))
    }

    fn quote(&self, info: &str) -> Option<Diagnostic> {
        if info.contains("trailing content after double-quoted") {
            let error = self.error("nothing may follow the closing quote", self.point());
            return Some(error.help(r#"write a double quote inside of a text as \", or put the text into single quotes"#));
        }
        if info.contains("escape") {
            let error = self.error(
                "there is no such escape in a text in double quotes",
                self.point(),
            );
            return Some(
                error.help(r"write a backslash as \\, or put the text into single quotes"),
            );
        }
        if !info.contains("quoted scalar") {
            return None;
        }
        // The parser notices it far below: the quote that opens is the last one on a line from here upwards whose quotes do
        // not pair.
        let (line, text) = (1..=self.line)
            .rev()
            .map(|line| (line, self.source.line(line)))
            .find(|(_, text)| opening_quote(text).is_some())?;
        let span = Span {
            offset: self.source.line_start(line) + opening_quote(text)?,
            length: 1,
        };
        let error = self.error("this quote is not closed", span);
        Some(error.help(match self.source.slice(span) {
            "'" => "close it on the same line; an apostrophe within the text is written twice",
            _ => r#"close it on the same line; a double quote within the text is written \""#,
        }))
    }

    fn bracket(&self, info: &str, open: &[Span]) -> Option<Diagnostic> {
        let innermost = open.last();
        let opened = innermost.filter(|span| matches!(self.source.slice(**span), "[" | "{"));
        let Some(opened) = opened else {
            if !info.contains("flow") && !info.contains("bracket") {
                return None;
            }
            let error = self.error("this bracket closes nothing", self.point());
            return Some(
                error.help("remove it, or open a list with `[` or a map with `{` before it"),
            );
        };
        let (what, closing) = match self.source.slice(*opened) {
            "[" => ("list", ']'),
            _ => ("map", '}'),
        };
        let message =
            format!("the {what} that opens here is not closed, or a comma is missing in it");
        let position = self.source.position(self.at);
        let error = self.error(message, *opened).help(format!(
            "separate with commas, and close with `{closing}`: it goes wrong at line {}, column {}",
            position.line, position.column
        ));
        Some(error)
    }

    /// A second `: ` on a line, or a key below a value.
    fn colon(&self, info: &str) -> Option<Diagnostic> {
        if info.contains("must be followed by a valid YAML whitespace") {
            let error = self.error("a tab follows the colon", self.point());
            return Some(error.help("write a space between a key's colon and its value"));
        }
        if !info.contains("mapping values are not allowed")
            && !info.contains("illegal placement of ':'")
        {
            return None;
        }
        let before = self.text.get(..self.at.saturating_sub(self.start))?;
        if let Some(first) = before.find(": ") {
            let value = before[first + 1..].trim_start();
            let offset = self.start + before.len() - value.len();
            let span = Span::between(offset, self.start + self.text.trim_end().len());
            let error = self.error("a value without quotes cannot have `: ` in it", span);
            return Some(error.help("put the value into quotes"));
        }
        let (line, above) = self.above()?;
        if !has_colon(above) {
            return self.neither(line, above);
        }
        let deeper = Self::indentation_of(self.text) > Self::indentation_of(above);
        if deeper && !above.trim_end().ends_with(':') {
            let key = above
                .trim()
                .trim_start_matches("- ")
                .split(':')
                .next()
                .unwrap_or_default();
            let message = format!(
                "this line is indented deeper than line {line}, where `{key}` has its value already"
            );
            let error = self.error(message, self.content());
            return Some(error.help(format!(
                "indent it by {} spaces, like `{key}`",
                Self::indentation_of(above) + above.trim_start().len()
                    - above.trim_start().trim_start_matches("- ").len()
            )));
        }
        None
    }

    /// A line that is no `key: value`.
    fn key(&self, info: &str) -> Option<Diagnostic> {
        if !info.contains("simple key expect") {
            return None;
        }
        // The parser stands on the line below.
        let lines = [Some((self.line, self.text)), self.above()];
        let (line, text) = lines
            .into_iter()
            .flatten()
            .find(|(_, text)| !has_colon(text) && !text.trim().is_empty())?;
        self.neither(line, text)
    }

    fn neither(&self, line: usize, text: &str) -> Option<Diagnostic> {
        let content = text.trim_start();
        let span = Span {
            offset: self.source.line_start(line) + text.len() - content.len(),
            length: content.trim_end().len(),
        };
        let error = self.error("this line is neither `key: value` nor a list item", span);
        let key = content.trim_start_matches("- ").split([':', ' ']).next()?;
        Some(
            match content
                .trim_start_matches("- ")
                .strip_prefix(key)?
                .starts_with(':')
            {
                true => error.help(format!("a space is missing after `{key}:`")),
                false => error.help(format!("is a colon missing after `{key}`?")),
            },
        )
    }

    fn list_item(&self, info: &str) -> Option<Diagnostic> {
        if !info.contains("block sequence entries are not allowed") {
            return None;
        }
        let error = self.error("a list item cannot begin here", self.point());
        Some(error.help("begin every item with `- ` on a line of its own, below its key"))
    }

    /// A line that stands between the levels above it.
    fn indentation(&self, info: &str, open: &[Span]) -> Option<Diagnostic> {
        if !info.contains("did not find expected key")
            && !info.contains("did not find expected '-'")
            && !info.contains("invalid indentation")
            && !info.contains("expected <document start>")
            && !info.contains("wrongly indented")
        {
            return None;
        }
        let indentation = Self::indentation_of(self.text);
        let mut levels: Vec<usize> = open
            .iter()
            .map(|span| self.source.position(span.offset).column - 1)
            .collect();
        levels.extend(self.above().map(|(_, text)| Self::indentation_of(text)));
        levels.sort_unstable();
        levels.dedup();
        let is_item = self.text.trim_start().starts_with("- ");
        if levels.contains(&indentation)
            && self
                .text
                .get(indentation..)?
                .starts_with(|c: char| c != '-')
        {
            let error = self.error(
                "a key cannot stand in a list: the lines above are its items",
                self.content(),
            );
            return Some(
                error
                    .help("indent it like the key that the list belongs to, or begin it with `- `"),
            );
        }
        let error = self.error(
            format!(
                "this line is indented by {indentation} space{}, like nothing above it",
                if indentation == 1 { "" } else { "s" }
            ),
            self.content(),
        );
        let near: Vec<String> = levels
            .iter()
            .rev()
            .take(3)
            .rev()
            .map(usize::to_string)
            .collect();
        Some(match near.as_slice() {
            [] => error.help("all sections of a template begin at the first column"),
            _ if is_item => error.help(format!(
                "align it with the other items of its list; above, levels are indented by {} spaces",
                near.join(", ")
            )),
            _ => error.help(format!(
                "align it with its siblings; above, levels are indented by {} spaces",
                near.join(", ")
            )),
        })
    }

    fn first_character(&self, info: &str) -> Option<Diagnostic> {
        if !info.contains("unexpected character")
            && !info.contains("did not find expected node content")
            && !info.contains("scanning an anchor or alias")
        {
            return None;
        }
        let found = self.source.text().get(self.at..)?.chars().next()?;
        let span = Span {
            offset: self.at,
            length: found.len_utf8(),
        };
        let message = format!(
            "a value without quotes cannot begin with `{}`",
            found.escape_debug()
        );
        Some(self.error(message, span).help("put the value into quotes"))
    }

    fn anchor(&self, info: &str) -> Option<Diagnostic> {
        if !info.contains("unknown anchor") {
            return None;
        }
        let rest = self.source.text().get(self.at..)?;
        let word = rest
            .split(|c: char| c.is_whitespace() || ",]}".contains(c))
            .next()?;
        let span = Span {
            offset: self.at,
            length: word.len().max(1),
        };
        let message = format!(
            "there is no anchor `&{}` above",
            word.trim_start_matches('*')
        );
        Some(
            self.error(message, span)
                .help("a text that begins with `*` needs quotes; an alias, its anchor before it"),
        )
    }
}

/// Whether a line has a key.
fn has_colon(text: &str) -> bool {
    text.contains(": ") || text.trim_end().ends_with(':')
}

/// The byte at which a quote opens that does not close on the line.
fn opening_quote(text: &str) -> Option<usize> {
    let mut open: Option<(usize, char)> = None;
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        match open {
            Some((_, quote)) if quote == character && (quote == '\'' || before != '\\') => {
                open = None
            }
            Some(_) => {}
            // A quote inside of a word is an apostrophe.
            None if matches!(character, '"' | '\'') && !before.is_alphanumeric() => {
                open = Some((at, character));
            }
            None if character == '#' && before == ' ' => return None,
            None => {}
        }
        before = character;
    }
    open.map(|(at, _)| at)
}
