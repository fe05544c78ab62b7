//! Template text and places in it: [`Source`], [`Span`], [`Position`].

use std::fmt;
use std::sync::Arc;

/// A template's text under the name that messages show.
///
/// A loop (`Fn::ForEach`) makes several copies of one stretch of text. Each copy has offsets of its own, beyond the text's end,
/// so that a place says not only where it is written but also for which value of the loop; everything here takes both kinds.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: Arc<str>,
    /// Byte offset of each line's start.
    lines: Arc<[usize]>,
    /// In the order of `start`.
    copies: Vec<Copy>,
}

/// One turn of a loop: a copy of the text of the loop's body.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Copy {
    /// The first offset of the copy.
    pub start: usize,
    /// The offset in the text of what is copied.
    pub of: usize,
    pub length: usize,
    /// The turn of the loop around this loop: an index into all copies.
    pub within: Option<usize>,
    /// Such as `TopicName = Alerts`.
    pub turn: String,
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
            text: text.into(),
            lines,
            copies: Vec::new(),
        }
    }

    /// The same with the turns of its loops.
    pub(super) fn with_copies(&self, copies: Vec<Copy>) -> Source {
        Source {
            copies,
            ..self.clone()
        }
    }

    fn copy(&self, offset: usize) -> Option<&Copy> {
        let index = self.copies.partition_point(|copy| copy.start <= offset);
        // Before the first copy is the text itself.
        self.copies.get(index.checked_sub(1)?)
    }

    /// Where in the text a span is written: of a loop's turn, the place in the loop's body.
    pub fn written(&self, span: Span) -> Span {
        match self.copy(span.offset) {
            Some(copy) => Span {
                offset: copy.of + (span.offset - copy.start).min(copy.length),
                ..span
            },
            None => span,
        }
    }

    /// In which turns of which loops an offset stands, such as `TopicName = Alerts`: the outermost first.
    pub fn turns(&self, offset: usize) -> Vec<&str> {
        let mut turns = Vec::new();
        let mut copy = self.copy(offset);
        while let Some(this) = copy {
            turns.push(this.turn.as_str());
            // A loop within another has its copy made after the outer one's: the indices only decrease.
            copy = this.within.and_then(|index| self.copies.get(index));
        }
        turns.reverse();
        turns
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
        let span = self.written(span);
        self.text
            .get(span.offset..span.offset.saturating_add(span.length))
            .unwrap_or_default()
    }

    /// Line and column of a byte offset; an offset beyond the end gives the end.
    pub fn position(&self, offset: usize) -> Position {
        let written = self.written(Span { offset, length: 0 });
        let offset = written.offset.min(self.text.len());
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

    #[test]
    fn a_turn_of_a_loop_is_a_place_of_its_own() {
        let copy = |start, of, within, turn: &str| Copy {
            start,
            of,
            length: 2,
            within,
            turn: turn.into(),
        };
        let source = Source::new("t", "ab\ncd\n").with_copies(vec![
            copy(7, 3, None, "A = 1"),
            copy(10, 4, Some(0), "B = 2"),
        ]);
        assert_eq!(source.position(8), Position { line: 2, column: 2 });
        assert_eq!(source.position(10), Position { line: 2, column: 2 });
        assert_eq!(source.slice(Span::between(7, 9)), "cd");
        assert_eq!(source.turns(1), Vec::<&str>::new());
        assert_eq!(source.turns(9), ["A = 1"]);
        assert_eq!(source.turns(11), ["A = 1", "B = 2"]);
    }
}
