//! Template text and places in it: [`Source`], [`Span`], [`Position`].

use std::fmt;

/// A template's text under the name that messages show.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
    /// Byte offset of each line's start.
    lines: Vec<usize>,
}

/// A stretch of a [`Source`], in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Where it starts.
    pub offset: usize,
    /// How many bytes it has; 0 marks a point.
    pub length: usize,
}

/// A place as people count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters, from 1.
    pub column: usize,
}

impl Source {
    /// Takes a text; `name` is the file as the user named it.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Source {
        let text = text.into();
        let starts = text
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n')
            .map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        Source {
            name: name.into(),
            text,
            lines,
        }
    }

    /// The file as the user named it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a span; empty where it lies outside.
    pub fn slice(&self, span: Span) -> &str {
        self.text
            .get(span.offset..span.offset.saturating_add(span.length))
            .unwrap_or_default()
    }

    /// Line and column of a byte offset; an offset beyond the end gives the end.
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines[line - 1];
        let before = String::from_utf8_lossy(&self.text.as_bytes()[start..offset]);
        let column = before.trim_start_matches('\u{feff}').chars().count() + 1;
        Position { line, column }
    }

    /// The byte at which a line starts, counted from 1, after a byte order mark; the text's end where there is no such line.
    pub fn line_start(&self, line: usize) -> usize {
        let start = line.checked_sub(1).and_then(|index| self.lines.get(index));
        match start {
            Some(0) if self.text.starts_with('\u{feff}') => '\u{feff}'.len_utf8(),
            Some(start) => *start,
            None => self.text.len(),
        }
    }

    /// One line without its end, counted from 1; empty where there is none.
    pub fn line(&self, line: usize) -> &str {
        let Some(start) = line.checked_sub(1).and_then(|index| self.lines.get(index)) else {
            return "";
        };
        let end = self
            .lines
            .get(line)
            .map_or(self.text.len(), |next| next - 1);
        self.text
            .get(*start..end)
            .unwrap_or_default()
            .trim_end_matches('\r')
            .trim_start_matches('\u{feff}')
    }
}

/// Shows the name and the size, not the text: a template may hold what a log should not.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({}, {} bytes)", self.name, self.text.len())
    }
}

impl Span {
    /// From one byte offset up to another.
    pub fn between(start: usize, end: usize) -> Span {
        Span {
            offset: start,
            length: end.saturating_sub(start),
        }
    }

    /// The first byte after it.
    pub fn end(self) -> usize {
        self.offset + self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_characters_and_knows_every_line_end() {
        let source = Source::new("t", "\u{feff}a: é\r\nbü: 1\n");
        let at = source.text().find('1').unwrap();
        assert_eq!(source.position(at), Position { line: 2, column: 5 });
        assert_eq!(source.position(3), Position { line: 1, column: 1 });
        assert_eq!(
            (
                source.line(1),
                source.line(2),
                source.line(3),
                source.line(9)
            ),
            ("a: é", "bü: 1", "", "")
        );
        assert_eq!(source.position(10_000), Position { line: 3, column: 1 });
    }
}
