//! JSON with a place for every key and value. Strict, as CloudFormation is with text that starts with `{`.

#![allow(
    clippy::result_large_err,
    reason = "an error ends the parse: its size costs nothing"
)]

use std::collections::HashMap;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, is_full};
use super::node::{Entry, MAX_DEPTH, Node, NodeKind};
use super::source::{Source, Span};

/// Reads the whole text as one JSON value. Equal keys are reported all in one run; the first syntax error ends it, and there
/// is no value.
pub(super) fn parse(
    source: &Arc<Source>,
    start: usize,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Node> {
    let mut parser = Parser {
        source,
        text: source.text(),
        at: start,
        diagnostics,
    };
    let node = parser.value(0).and_then(|node| {
        parser.skip_blanks();
        match parser.peek() {
            None => Ok(node),
            Some(_) => Err(parser.unexpected("the end of the template", "")),
        }
    });
    node.map_err(|error| diagnostics.push(error)).ok()
}

struct Parser<'a> {
    source: &'a Arc<Source>,
    text: &'a str,
    at: usize,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn error(&self, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::error("bad-json", message).at(self.source, span)
    }

    fn unexpected(&self, wanted: &str, help: &str) -> Diagnostic {
        let found = match self
            .text
            .get(self.at..)
            .and_then(|rest| rest.chars().next())
        {
            Some(found) if found.is_control() => format!("`{}`", found.escape_debug()),
            Some(found) => format!("`{found}`"),
            None => "the end of the text".to_owned(),
        };
        let diagnostic = self.error(
            format!("expected {wanted}, found {found}"),
            Span {
                offset: self.at,
                length: 1,
            },
        );
        if help.is_empty() {
            diagnostic
        } else {
            diagnostic.help(help)
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Diagnostic> {
        self.skip_blanks();
        let start = self.at;
        if depth > MAX_DEPTH {
            return Err(self.error(
                format!("nested more than {MAX_DEPTH} deep"),
                Span {
                    offset: start,
                    length: 1,
                },
            ));
        }
        let kind = match self.peek() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => NodeKind::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", NodeKind::Bool(true))?,
            Some(b'f') => self.word("false", NodeKind::Bool(false))?,
            Some(b'n') => self.word("null", NodeKind::Null)?,
            Some(b'\'') => {
                return Err(self.unexpected("a value", "JSON writes texts in double quotes"));
            }
            Some(b'/' | b'#') => return Err(self.unexpected("a value", "JSON has no comments")),
            Some(b'}' | b']') => {
                return Err(self.unexpected("a value", "remove the comma before it"));
            }
            _ => return Err(self.unexpected("a value", "")),
        };
        // Of a list or map only the bracket: messages underline a place, not a page.
        let length = if matches!(kind, NodeKind::List(_) | NodeKind::Map(_)) {
            1
        } else {
            self.at - start
        };
        Ok(Node {
            kind,
            span: Span {
                offset: start,
                length,
            },
        })
    }

    fn word(&mut self, word: &str, kind: NodeKind) -> Result<NodeKind, Diagnostic> {
        if !self
            .text
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(word))
        {
            return Err(self.unexpected("a value", "texts stand in double quotes"));
        }
        self.at += word.len();
        Ok(kind)
    }

    fn number(&mut self) -> Result<NodeKind, Diagnostic> {
        let start = self.at;
        while let Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        let text = &self.text[start..self.at];
        if !is_number(text) {
            let span = Span::between(start, self.at);
            return Err(self
                .error(format!("`{text}` is no JSON number"), span)
                .help("write it in double quotes if it is a text"));
        }
        Ok(match super::node::number(text) {
            Some(number) => NodeKind::Number(number),
            None => NodeKind::Text(text.to_owned()),
        })
    }

    fn map(&mut self, depth: usize) -> Result<NodeKind, Diagnostic> {
        self.at += 1;
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: HashMap<String, Span> = HashMap::new();
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(NodeKind::Map(entries));
        }
        loop {
            self.skip_blanks();
            let start = self.at;
            let key = match self.peek() {
                Some(b'"') => self.string()?,
                Some(b'}') => return Err(self.unexpected("a key", "remove the comma before it")),
                _ => return Err(self.unexpected("a key in double quotes", "")),
            };
            let key_span = Span::between(start, self.at);
            self.skip_blanks();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("`:` after the key", ""));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            match seen.get(&key) {
                Some(_) if is_full(self.diagnostics) => {}
                Some(first) => {
                    self.diagnostics
                        .push(duplicate_key(self.source, &key, key_span, *first))
                }
                None => {
                    seen.insert(key.clone(), key_span);
                    entries.push(Entry {
                        key,
                        key_span,
                        value,
                    });
                }
            }
            self.skip_blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(NodeKind::Map(entries));
                }
                _ => {
                    return Err(self.unexpected(
                        "`,` or `}`",
                        "a comma is missing after the entry before it, or the `}` of its map",
                    ));
                }
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<NodeKind, Diagnostic> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(NodeKind::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(NodeKind::List(items));
                }
                _ => {
                    return Err(self.unexpected(
                        "`,` or `]`",
                        "a comma is missing after the item before it, or the `]` of its list",
                    ));
                }
            }
        }
    }

    fn string(&mut self) -> Result<String, Diagnostic> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(stop) = rest.find(|c: char| c == '"' || c == '\\' || c < ' ') else {
                return Err(self.error(
                    "this text has no closing quote",
                    Span {
                        offset: start,
                        length: 1,
                    },
                ));
            };
            text.push_str(&rest[..stop]);
            self.at += stop;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                _ => {
                    let diagnostic = self.unexpected("the rest of a text", "");
                    return Err(diagnostic.help(r"write a line break as \n and a tab as \t"));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Diagnostic> {
        let start = self.at;
        let code = self.text.as_bytes().get(start + 1).copied();
        self.at += 2;
        let bad = |parser: &Self| {
            parser.error(
                "no such escape in JSON",
                Span {
                    offset: start,
                    length: 1,
                },
            )
        };
        Ok(match code {
            Some(plain @ (b'"' | b'\\' | b'/')) => plain as char,
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.hex().ok_or_else(|| bad(self))?;
                match char::from_u32(first) {
                    Some(c) => c,
                    // A pair of surrogates makes one character.
                    None if self.text[self.at..].starts_with("\\u") => {
                        self.at += 2;
                        let second = self.hex().ok_or_else(|| bad(self))?;
                        char::decode_utf16([first as u16, second as u16])
                            .next()
                            .and_then(Result::ok)
                            .ok_or_else(|| bad(self))?
                    }
                    None => return Err(bad(self)),
                }
            }
            _ => return Err(bad(self)),
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}

/// Whether a text is a number by JSON's grammar (RFC 8259, section 6).
fn is_number(text: &str) -> bool {
    fn digits(text: &str) -> Option<&str> {
        let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
        (rest.len() < text.len()).then_some(rest)
    }
    let whole = text.strip_prefix('-').unwrap_or(text);
    let rest = match whole.strip_prefix('0') {
        Some(rest) => Some(rest),
        None => digits(whole),
    };
    let rest = rest.and_then(|rest| match rest.strip_prefix('.') {
        Some(fraction) => digits(fraction),
        None => Some(rest),
    });
    let rest = rest.and_then(|rest| match rest.strip_prefix(['e', 'E']) {
        Some(power) => digits(power.strip_prefix(['+', '-']).unwrap_or(power)),
        None => Some(rest),
    });
    rest == Some("")
}

/// The message for two equal keys of one map.
pub(super) fn duplicate_key(
    source: &Arc<Source>,
    key: &str,
    second: Span,
    first: Span,
) -> Diagnostic {
    Diagnostic::error(
        "duplicate-key",
        format!("the key `{key}` stands twice in this map"),
    )
    .at(source, second)
    .related("first here", first)
    .help("rename or remove one of them: a map has each key once")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Node, String> {
        let source = Arc::new(Source::new("t.json", text));
        let mut diagnostics = Vec::new();
        let node = parse(&source, 0, &mut diagnostics);
        let messages: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        node.filter(|_| diagnostics.is_empty())
            .ok_or_else(|| messages.join("\n"))
    }

    #[test]
    fn reads_what_json_is() {
        let text = "{\"a\\u00e9\\ud83d\\ude00\\n\": [1, -2.5, true, null, \"x\\\\\"], \"big\": 12345678901234567890123}";
        let node = read(text).unwrap();
        assert_eq!(
            node.to_value().to_json(),
            serde_json::json!({"aé😀\n": [1, -2.5, true, null, "x\\"], "big": "12345678901234567890123"})
        );
        let entries = node.as_map().unwrap();
        assert_eq!(
            &text[entries[1].key_span.offset..entries[1].key_span.end()],
            "\"big\""
        );
    }

    #[test]
    fn numbers_that_a_number_would_change_stay_text() {
        let text = r#"[7, -7, 1.5, 1.0, 1.10, 1e3, -0, 123456789012, 18446744073709551615, 18446744073709551616, 0.1e1]"#;
        assert_eq!(
            read(text).unwrap().to_value().to_json(),
            serde_json::json!([
                7,
                -7,
                1.5,
                1.0,
                "1.10",
                "1e3",
                "-0",
                123456789012u64,
                u64::MAX,
                "18446744073709551616",
                "0.1e1"
            ])
        );
    }

    #[test]
    fn what_follows_equal_keys_is_read_all_the_same() {
        let source = Arc::new(Source::new(
            "t.json",
            r#"{"a": 1, "a": 2, "b": {"c": 3, "c": 4}}"#,
        ));
        let mut diagnostics = Vec::new();
        let node = parse(&source, 0, &mut diagnostics).unwrap();
        assert_eq!(diagnostics.len(), 2);
        assert_eq!(
            node.to_value().to_json(),
            serde_json::json!({"a": 1, "b": {"c": 3}})
        );
    }

    #[test]
    fn agrees_with_serde_json_on_what_is_none() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{'a':1}",
            "\"\\x\"",
            "\"\\ud800\"",
            "01",
            "1.",
            "-",
            "tru",
            "[1 2]",
            "{} x",
            "\"a\nb\"",
            "\"\\u12\"",
            "\"é\\u12é4\"",
        ] {
            assert!(read(text).is_err(), "{text}");
            assert!(
                serde_json::from_str::<serde_json::Value>(text).is_err(),
                "{text}"
            );
        }
        assert!(read(&"[".repeat(100_000)).unwrap_err().contains("nested"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_agrees_with_serde_json(text in "[\\[\\]{}\",:0-9a-e\\\\u.\\- é]{0,40}") {
            let theirs = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            let ours = read(&text);
            if theirs {
                proptest::prop_assert!(ours.is_ok() || ours.unwrap_err().contains("duplicate-key"), "{}", text);
            } else {
                // Only numbers that no `f64` holds are more to us than to serde_json.
                let too_large = serde_json::from_str::<serde_json::Value>(&text)
                    .is_err_and(|error| error.to_string().contains("out of range"));
                proptest::prop_assert!(ours.is_err() || too_large, "{}", text);
            }
        }
    }
}
