//! YAML with a place for every key and value, read as CloudFormation reads it.
//!
//! CloudFormation speaks YAML 1.1 (User Guide, "CloudFormation template formats"), but keeps dates as texts. So do we: `yes` and
//! `on` are booleans, `2012-10-17` and `0123` are texts. Short forms of functions are written out: `!Ref x` becomes
//! `{"Ref": "x"}`. Anchors, aliases and merge keys work, within limits.

#![allow(
    clippy::result_large_err,
    reason = "an error ends the parse: its size costs nothing"
)]

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::diagnostic::{Diagnostic, did_you_mean};
use super::json::duplicate_key;
use super::node::{Entry, MAX_DEPTH, Node, NodeKind, number};
use super::source::{Source, Span};
use super::syntax::FUNCTIONS;

/// How many bytes of nodes aliases may make of a document.
const MAX_EXPANSION: usize = 64 << 20;

/// Reads the text from byte `start` on as one YAML document. The first syntax error ends it; all else is reported in one run.
pub(super) fn parse(source: &Arc<Source>, start: usize) -> Result<Node, Vec<Diagnostic>> {
    let text = &source.text()[start..];
    let offsets = Offsets::new(text, start);
    let mut builder = Builder {
        source,
        offsets,
        frames: Vec::new(),
        anchors: HashMap::new(),
        expanded: 0,
        root: None,
        diagnostics: Vec::new(),
    };
    let mut parser = Parser::new_from_str(text);
    let mut documents = 0;
    while let Some(event) = parser.next_event() {
        let outcome = match event {
            Ok((Event::DocumentStart(_), span)) => {
                documents += 1;
                match documents {
                    1 => Ok(()),
                    _ => Err(builder
                        .error("a second document starts here", span.start, span.end)
                        .help("a template is one YAML document: remove `---`")),
                }
            }
            Ok((event, span)) => builder.event(event, span.start, span.end),
            Err(error) => {
                let mark = error.marker();
                let message = format!("this is no YAML: {}", error.info());
                let diagnostic = builder.error(message, *mark, *mark);
                let line = source.line(diagnostic.line().unwrap_or(1));
                let indentation = line.len() - line.trim_start().len();
                Err(match line[..indentation].contains('\t') {
                    true => diagnostic.help("YAML is indented with spaces, not tabs"),
                    false => diagnostic.help(
                        "the cause may stand above: a bracket or quote that is not closed, a wrong indentation",
                    ),
                })
            }
        };
        if let Err(diagnostic) = outcome {
            builder.diagnostics.push(diagnostic);
            return Err(builder.diagnostics);
        }
    }
    match builder.root {
        _ if !builder.diagnostics.is_empty() => Err(builder.diagnostics),
        Some(root) => Ok(root),
        None => Err(vec![
            Diagnostic::error("empty-template", "the template is empty")
                .at(source, Span::default()),
        ]),
    }
}

/// From the parser's character counts to byte offsets.
struct Offsets {
    start: usize,
    /// Byte offset of each character; empty where all are ASCII.
    bytes: Vec<u32>,
    end: usize,
}

impl Offsets {
    fn new(text: &str, start: usize) -> Offsets {
        // A template's size is limited far below 4 GiB.
        let bytes = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().map(|(at, _)| at as u32).collect()
        };
        Offsets {
            start,
            bytes,
            end: text.len(),
        }
    }

    fn byte(&self, mark: Marker) -> usize {
        let at = match self.bytes.is_empty() {
            true => mark.index().min(self.end),
            false => self
                .bytes
                .get(mark.index())
                .map_or(self.end, |at| *at as usize),
        };
        self.start + at
    }
}

/// A list or map that is not closed yet.
struct Frame {
    content: Content,
    span: Span,
    tag: Option<String>,
    anchor: usize,
}

enum Content {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        key: Option<(String, Span)>,
        seen: BTreeMap<String, Span>,
        merges: Vec<Node>,
    },
}

struct Builder<'a> {
    source: &'a Arc<Source>,
    offsets: Offsets,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    expanded: usize,
    root: Option<Node>,
    diagnostics: Vec<Diagnostic>,
}

impl Builder<'_> {
    fn error(&self, message: impl Into<String>, start: Marker, end: Marker) -> Diagnostic {
        let span = Span::between(self.offsets.byte(start), self.offsets.byte(end));
        Diagnostic::error("bad-yaml", message).at(self.source, span)
    }

    fn event(&mut self, event: Event<'_>, start: Marker, end: Marker) -> Result<(), Diagnostic> {
        let span = Span::between(self.offsets.byte(start), self.offsets.byte(end));
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = self.tag(tag.as_deref(), span);
                let keep_text =
                    style != ScalarStyle::Plain || matches!(tag.as_deref(), Some("!" | "!!str"));
                let is_key = matches!(
                    self.frames.last(),
                    Some(Frame {
                        content: Content::Map { key: None, .. },
                        ..
                    })
                );
                // A function's short form takes its scalar as text: `!Ref yes` means the parameter `yes`.
                let function = tag.as_deref().is_some_and(|tag| !tag.starts_with('!'));
                let kind = match keep_text || is_key || function {
                    true => NodeKind::Text(text.into_owned()),
                    false => plain(&text),
                };
                let node = self.written_out(
                    Node {
                        kind,
                        span: self.trimmed(span),
                    },
                    tag,
                );
                self.finish(node, anchor, style == ScalarStyle::Plain)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(Content::List(Vec::new()), span, anchor, tag.as_deref())
            }
            Event::MappingStart(anchor, tag) => {
                let content = Content::Map {
                    entries: Vec::new(),
                    key: None,
                    seen: BTreeMap::new(),
                    merges: Vec::new(),
                };
                self.open(content, span, anchor, tag.as_deref())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                // The parser closes only what it opened.
                let Some(frame) = self.frames.pop() else {
                    return Ok(());
                };
                let kind = match frame.content {
                    Content::List(items) => NodeKind::List(items),
                    Content::Map {
                        entries, merges, ..
                    } => NodeKind::Map(self.merged(entries, merges)),
                };
                let node = self.written_out(
                    Node {
                        kind,
                        span: frame.span,
                    },
                    frame.tag,
                );
                self.finish(node, frame.anchor, false)
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor) else {
                    return Err(self.error(
                        "this alias stands inside the value that it names",
                        start,
                        end,
                    ));
                };
                let (size, depth) = measure(node);
                self.expanded += size;
                if self.expanded > MAX_EXPANSION || self.frames.len() + depth > MAX_DEPTH {
                    return Err(self
                        .error("this alias makes the template too large", start, end)
                        .help("write out less by aliases: payctl stops at 64 MB or 100 levels"));
                }
                let node = node.clone();
                self.finish(node, 0, false)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn open(
        &mut self,
        content: Content,
        span: Span,
        anchor: usize,
        tag: Option<&Tag>,
    ) -> Result<(), Diagnostic> {
        let span = Span {
            offset: span.offset,
            length: 1,
        };
        if self.frames.len() >= MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} deep");
            return Err(Diagnostic::error("bad-yaml", message).at(self.source, span));
        }
        let tag = self.tag(tag, span);
        self.frames.push(Frame {
            content,
            span,
            tag,
            anchor,
        });
        Ok(())
    }

    /// A block text's span ends where the next token starts: without what follows its last line.
    fn trimmed(&self, span: Span) -> Span {
        Span {
            length: self.source.slice(span).trim_end().len(),
            ..span
        }
    }

    /// The long name of a function's short form (`Fn::Sub`), or a tag that only says how to read a scalar (`!`, `!!str`).
    fn tag(&mut self, tag: Option<&Tag>, span: Span) -> Option<String> {
        let tag = tag?;
        let unknown = |name: &str| {
            Diagnostic::error("unknown-tag", format!("the tag `{name}` is not known"))
                .at(self.source, span)
        };
        if tag.handle == "tag:yaml.org,2002:" {
            return match tag.suffix.as_str() {
                "str" => Some("!!str".to_owned()),
                "int" | "float" | "bool" | "null" | "map" | "seq" => None,
                other => {
                    let diagnostic = unknown(&format!("!!{other}"));
                    self.diagnostics.push(
                        diagnostic.help("CloudFormation templates do not use it: remove the tag"),
                    );
                    None
                }
            };
        }
        if tag.handle.is_empty() && tag.suffix == "!" || tag.handle == "!" && tag.suffix.is_empty()
        {
            return Some("!".to_owned());
        }
        let short = tag.suffix.as_str();
        let long = match short {
            "Ref" | "Condition" => short.to_owned(),
            _ => format!("Fn::{short}"),
        };
        if tag.handle == "!"
            && (FUNCTIONS.contains(&long.as_str()) || super::syntax::refusal(&long).is_some())
        {
            return Some(long);
        }
        let shorts = FUNCTIONS.iter().map(|name| name.trim_start_matches("Fn::"));
        let similar = did_you_mean(short, shorts).map(|name| format!("did you mean `!{name}`?"));
        let diagnostic = unknown(&tag.to_string());
        self.diagnostics.push(diagnostic.maybe_help(similar));
        None
    }

    fn written_out(&self, node: Node, tag: Option<String>) -> Node {
        match tag {
            Some(name) if !name.starts_with('!') => {
                let span = node.span;
                Node {
                    kind: NodeKind::Map(vec![Entry {
                        key: name,
                        key_span: span,
                        value: node,
                    }]),
                    span,
                }
            }
            _ => node,
        }
    }

    fn merged(&mut self, mut entries: Vec<Entry>, merges: Vec<Node>) -> Vec<Entry> {
        for merge in merges {
            let maps = match merge.kind {
                NodeKind::List(items) => items,
                kind => vec![Node {
                    kind,
                    span: merge.span,
                }],
            };
            for map in maps {
                match map.kind {
                    NodeKind::Map(inherited) => {
                        let known: std::collections::BTreeSet<String> =
                            entries.iter().map(|entry| entry.key.clone()).collect();
                        entries.extend(
                            inherited
                                .into_iter()
                                .filter(|entry| !known.contains(&entry.key)),
                        );
                    }
                    _ => self.diagnostics.push(
                        Diagnostic::error(
                            "bad-yaml",
                            "the merge key `<<` takes a map or a list of maps",
                        )
                        .at(self.source, map.span),
                    ),
                }
            }
        }
        entries
    }

    fn finish(&mut self, node: Node, anchor: usize, plain: bool) -> Result<(), Diagnostic> {
        if anchor != 0 {
            self.expanded += measure(&node).0;
            if self.expanded > MAX_EXPANSION {
                return Err(Diagnostic::error(
                    "bad-yaml",
                    "the anchors make the template too large",
                )
                .at(self.source, node.span));
            }
            self.anchors.insert(anchor, node.clone());
        }
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut frame.content {
            Content::List(items) => items.push(node),
            Content::Map {
                entries,
                key,
                seen,
                merges,
            } => match key.take() {
                None => {
                    let NodeKind::Text(text) = node.kind else {
                        return Err(Diagnostic::error("bad-yaml", "a key must be a text")
                            .at(self.source, node.span));
                    };
                    // Marks the merge key apart from a quoted "<<".
                    let text = if plain && text == "<<" {
                        "\u{0}<<".to_owned()
                    } else {
                        text
                    };
                    *key = Some((text, node.span));
                }
                Some((name, _)) if name == "\u{0}<<" => merges.push(node),
                Some((name, span)) => match seen.get(&name) {
                    Some(first) => {
                        self.diagnostics
                            .push(duplicate_key(self.source, &name, span, *first))
                    }
                    None => {
                        seen.insert(name.clone(), span);
                        entries.push(Entry {
                            key: name,
                            key_span: span,
                            value: node,
                        });
                    }
                },
            },
        }
        Ok(())
    }
}

/// What a plain scalar means.
fn plain(text: &str) -> NodeKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return NodeKind::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return NodeKind::Bool(true);
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return NodeKind::Bool(false);
        }
        _ => {}
    }
    match number(text) {
        Some(number) => NodeKind::Number(number),
        None => NodeKind::Text(text.to_owned()),
    }
}

/// Roughly the bytes that a node takes, and its depth.
fn measure(node: &Node) -> (usize, usize) {
    let (size, depth) = match &node.kind {
        NodeKind::Text(text) => (text.len(), 0),
        NodeKind::List(items) => items
            .iter()
            .map(measure)
            .fold((0, 0), |(size, depth), (s, d)| (size + s, depth.max(d))),
        NodeKind::Map(entries) => entries.iter().fold((0, 0), |(size, depth), entry| {
            let (s, d) = measure(&entry.value);
            (
                size + s + entry.key.len() + size_of::<Entry>(),
                depth.max(d),
            )
        }),
        _ => (0, 0),
    };
    (size + size_of::<Node>(), depth + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<serde_json::Value, String> {
        let source = Arc::new(Source::new("t.yaml", text));
        match parse(&source, 0) {
            Ok(node) => Ok(node.to_value().to_json()),
            Err(errors) => Err(errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")),
        }
    }

    #[test]
    fn scalars_mean_what_cloudformation_takes_them_for() {
        let text = "a: yes\nb: 'yes'\nc: 2012-10-17\nd: 0123\ne: 123456789012\nf: off\ng: ~\nh: 1.5\ni: !!str 80\nj: \"80\"\nk: 012345678901\nl: 0\nm: 1e400\n80: x\ntrue: y\n";
        assert_eq!(
            read(text).unwrap(),
            serde_json::json!({"a": true, "b": "yes", "c": "2012-10-17", "d": "0123", "e": 123456789012i64, "f": false,
                "g": null, "h": 1.5, "i": "80", "j": "80", "k": "012345678901", "l": 0, "m": "1e400", "80": "x", "true": "y"})
        );
    }

    #[test]
    fn short_forms_are_written_out() {
        let text = "a: !Ref yes\nb: !GetAtt x.y\nc: !GetAtt [x, y]\nd: !Join ['', [!Sub 'a${b}', !Ref c]]\ne: !If [A, 1, !Ref AWS::NoValue]\nf: !Condition Z\n";
        assert_eq!(
            read(text).unwrap(),
            serde_json::json!({"a": {"Ref": "yes"}, "b": {"Fn::GetAtt": "x.y"}, "c": {"Fn::GetAtt": ["x", "y"]},
                "d": {"Fn::Join": ["", [{"Fn::Sub": "a${b}"}, {"Ref": "c"}]]},
                "e": {"Fn::If": ["A", 1, {"Ref": "AWS::NoValue"}]}, "f": {"Condition": "Z"}})
        );
        assert!(
            read("a: !Reff b")
                .unwrap_err()
                .contains("did you mean `!Ref`?")
        );
    }

    #[test]
    fn anchors_and_merge_keys_work_within_limits() {
        let text = "base: &b {x: 1, y: 2}\nother:\n  <<: *b\n  y: 3\nagain: *b\n";
        assert_eq!(
            read(text).unwrap(),
            serde_json::json!({"base": {"x": 1, "y": 2}, "other": {"y": 3, "x": 1}, "again": {"x": 1, "y": 2}})
        );
        let mut bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        assert!(read(&bomb).unwrap_err().contains("too large"));
        assert!(read("a: &a [*a]").is_err());
    }

    #[test]
    fn line_ends_marks_and_depth() {
        assert_eq!(
            read("a:\r\n  b: 1\r\n  c: |\r\n    x\r\n    y\r\n").unwrap(),
            serde_json::json!({"a": {"b": 1, "c": "x\ny\n"}})
        );
        assert!(read(&"[".repeat(5000)).is_err());
        assert!(read(&"- ".repeat(5000)).is_err());
        assert!(
            read("a: 1\n---\nb: 2\n")
                .unwrap_err()
                .contains("second document")
        );
        assert!(read("").unwrap_err().contains("empty"));
    }

    #[test]
    fn places_are_exact_with_any_alphabet_and_line_end() {
        for text in ["a: é\r\nbü: [ü, 7]\r\n", "a: é\nbü: [ü, 7]\n"] {
            let source = Arc::new(Source::new("t", text));
            let node = parse(&source, 0).unwrap();
            let entry = &node.as_map().unwrap()[1];
            assert_eq!(source.slice(entry.key_span), "bü");
            let items = entry.value.as_list().unwrap();
            assert_eq!(
                (source.slice(items[0].span), source.slice(items[1].span)),
                ("ü", "7")
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[a-c:\\-\\[\\]{}!&*<>|'\"#%,?\\\\\n\r\t é]{0,60}") {
            let _ = read(&text);
        }

        #[test]
        fn never_panics_on_any_text(text in "\\PC{0,80}") {
            let _ = read(&text);
        }
    }
}
