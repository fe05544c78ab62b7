//! YAML with a place for every key and value, read as CloudFormation reads it.
//!
//! CloudFormation speaks YAML 1.1 (User Guide, "CloudFormation template formats"), but keeps dates as texts. So do we: `yes` and
//! `on` are booleans (`y` and `n` are texts), `2012-10-17` is a text, and so is every number that a number would write
//! otherwise ([`number`]). Short forms of functions are written out: `!Ref x` becomes `{"Ref": "x"}`.
//!
//! Anchors, aliases and merge keys are written out, as `aws cloudformation package` does before CloudFormation sees them, which
//! itself takes none. What they make of a document is limited, and so is how deep it may be nested.

#![allow(
    clippy::result_large_err,
    reason = "an error ends the parse: its size costs nothing"
)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::diagnostic::{Diagnostic, is_full, warn};
use super::json::duplicate_key;
use super::node::{Entry, MAX_DEPTH, Node, NodeKind, number};
use super::source::{Source, Span};

mod mistake;
#[cfg(test)]
mod tests;

/// How many bytes of nodes anchors and aliases may make of a document.
const MAX_EXPANSION: usize = 32 << 20;

/// Reads the text from byte `start` on as one YAML document. The first syntax error ends it, and there is no value; all else
/// is reported in one run.
pub(super) fn parse(
    source: &Arc<Source>,
    start: usize,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Node> {
    let text = &source.text()[start..];
    let mut builder = Builder {
        source,
        offsets: Offsets::new(text, start),
        frames: Vec::new(),
        anchors: HashMap::new(),
        expanded: 0,
        root: None,
        diagnostics,
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
                let at = builder.offsets.byte(*error.marker());
                let open: Vec<Span> = builder.frames.iter().map(|frame| frame.span).collect();
                Err(mistake::explain(source, error.info(), at, &open))
            }
        };
        if let Err(diagnostic) = outcome {
            builder.diagnostics.push(diagnostic);
            return None;
        }
    }
    if builder.root.is_none() {
        let empty = Diagnostic::error("empty-template", "the template is empty");
        builder.diagnostics.push(empty.at(source, Span::default()));
    }
    builder.root
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
    /// The function that it is the argument of.
    function: Option<Function>,
    anchor: usize,
}

/// A function's short form.
struct Function {
    /// Its long name.
    name: String,
    /// Where the tag stands.
    span: Span,
}

enum Content {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        key: Option<Key>,
        seen: BTreeMap<String, Span>,
        merges: Vec<Node>,
    },
}

/// A key whose value comes next.
enum Key {
    Named(String, Span),
    /// `<<`, without quotes.
    Merge,
}

/// What a tag says.
enum Meaning {
    /// Nothing that matters.
    None,
    /// That the scalar is a text.
    Text,
    Function(Function),
}

struct Builder<'a> {
    source: &'a Arc<Source>,
    offsets: Offsets,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    expanded: usize,
    root: Option<Node>,
    diagnostics: &'a mut Vec<Diagnostic>,
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
                let (meaning, content) = self.properties(tag.as_deref(), anchor, span);
                let is_key = matches!(
                    self.frames.last(),
                    Some(Frame {
                        content: Content::Map { key: None, .. },
                        ..
                    })
                );
                // A function's short form takes its scalar as text: `!Ref yes` means the parameter `yes`.
                let keep_text = is_key
                    || style != ScalarStyle::Plain
                    || matches!(meaning, Meaning::Text | Meaning::Function(_));
                let kind = match keep_text {
                    true => NodeKind::Text(text.into_owned()),
                    false => self.plain(&text, content),
                };
                let merge = is_key && style == ScalarStyle::Plain && text_of(&kind) == "<<";
                let node = Node {
                    kind,
                    span: self.trimmed(content),
                };
                match meaning {
                    Meaning::Function(function) => {
                        let span = self.trimmed(span);
                        self.finish(function.call(node, span), anchor, false)
                    }
                    _ => self.finish(node, anchor, merge),
                }
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
                let node = Node {
                    kind,
                    span: frame.span,
                };
                let node = match frame.function {
                    Some(function) => {
                        let span = function.span;
                        function.call(node, span)
                    }
                    None => node,
                };
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
                        .help(format!(
                            "payctl writes aliases out, and stops at {} MB or {MAX_DEPTH} levels",
                            MAX_EXPANSION >> 20
                        )));
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
        let (meaning, _) = self.properties(tag, anchor, span);
        // The parser's span covers tag and anchor, else it begins with the list or map. Of that only the first character:
        // messages underline a place, not a page.
        let has_properties = tag.is_some() || anchor != 0;
        let span = Span {
            offset: if has_properties {
                span.end()
            } else {
                span.offset
            },
            length: 1,
        };
        if self.frames.len() >= MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} deep");
            return Err(Diagnostic::error("bad-yaml", message).at(self.source, span));
        }
        self.frames.push(Frame {
            content,
            span,
            function: match meaning {
                Meaning::Function(function) => Some(function),
                _ => None,
            },
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

    /// What a node's tag means, and the place of the node without its tag and anchor.
    fn properties(&mut self, tag: Option<&Tag>, anchor: usize, span: Span) -> (Meaning, Span) {
        if tag.is_none() && anchor == 0 {
            return (Meaning::None, span);
        }
        let source = Arc::clone(self.source);
        let text = source.slice(span);
        let mut rest = text;
        let (mut tag_span, mut end) = (span, span.offset);
        while rest.starts_with(['!', '&']) {
            let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let offset = span.end() - rest.len();
            end = offset + length;
            if rest.starts_with('!') {
                tag_span = Span { offset, length };
            }
            rest = rest[length..].trim_start();
        }
        // Where nothing is left, a list or map begins right after the span, and an empty scalar right after its tag.
        let content = match rest.is_empty() {
            true => Span::between(end, end),
            false => Span::between(span.end() - rest.len(), span.end()),
        };
        let meaning = match tag {
            Some(tag) => self.meaning(tag, tag_span),
            None => Meaning::None,
        };
        (meaning, content)
    }

    /// Every `!Name` is the function `Fn::Name`; whether there is one is not YAML's business.
    fn meaning(&mut self, tag: &Tag, span: Span) -> Meaning {
        match (tag.handle.as_str(), tag.suffix.as_str()) {
            ("", "!") | ("!", "") | ("tag:yaml.org,2002:", "str") => Meaning::Text,
            ("tag:yaml.org,2002:", "int" | "float" | "bool" | "null" | "map" | "seq") => {
                Meaning::None
            }
            ("!", short) => Meaning::Function(Function {
                name: match short {
                    "Ref" | "Condition" => short.to_owned(),
                    _ => format!("Fn::{short}"),
                },
                span,
            }),
            // CloudFormation takes neither `binary`, `omap`, `pairs`, `set` nor `timestamp` (User Guide, "CloudFormation
            // template formats").
            _ => {
                let message = format!("the tag `{}` is not known", self.source.slice(span));
                let unknown = Diagnostic::error("unknown-tag", message).at(self.source, span);
                self.diagnostics
                    .push(unknown.help("CloudFormation templates do not use it: remove the tag"));
                Meaning::None
            }
        }
    }

    /// What a plain scalar means.
    fn plain(&mut self, text: &str, span: Span) -> NodeKind {
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
        if let Some(number) = number(text) {
            return NodeKind::Number(number);
        }
        // YAML 1.1 reads digits after a zero as octal, and so does CloudFormation (aws-cloudformation/cfn-language-discussion
        // issue 31, DataDog/cloudformation-template pull request 109). Nobody means that, but they must hear of it.
        if text.len() > 1
            && text.starts_with('0')
            && let Ok(octal) = u64::from_str_radix(text, 8)
        {
            let message = format!(
                "`{text}` stays as it is written here, but CloudFormation reads it as octal: {octal}"
            );
            let warning = Diagnostic::warning("octal-number", message)
                .at(self.source, span)
                .help("write it in quotes, and it is the same everywhere");
            warn(self.diagnostics, warning);
        }
        NodeKind::Text(text.to_owned())
    }

    /// A map's entries with those it inherits: its own stand first, and of those inherited the first of each key.
    fn merged(&mut self, mut entries: Vec<Entry>, merges: Vec<Node>) -> Vec<Entry> {
        if merges.is_empty() {
            return entries;
        }
        let mut known: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        let maps = merges.into_iter().flat_map(|merge| match merge.kind {
            NodeKind::List(items) => items,
            kind => vec![Node {
                kind,
                span: merge.span,
            }],
        });
        for map in maps {
            match map.kind {
                NodeKind::Map(inherited) => entries.extend(
                    inherited
                        .into_iter()
                        .filter(|entry| known.insert(entry.key.clone())),
                ),
                _ => self.diagnostics.push(
                    Diagnostic::error(
                        "bad-yaml",
                        "the merge key `<<` takes a map or a list of maps",
                    )
                    .at(self.source, map.span),
                ),
            }
        }
        entries
    }

    fn finish(&mut self, node: Node, anchor: usize, merge: bool) -> Result<(), Diagnostic> {
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
                None if merge => *key = Some(Key::Merge),
                None => {
                    let NodeKind::Text(text) = node.kind else {
                        let message = format!("a key must be a text, not {}", node.kind_name());
                        return Err(
                            Diagnostic::error("bad-yaml", message).at(self.source, node.span)
                        );
                    };
                    *key = Some(Key::Named(text, node.span));
                }
                Some(Key::Merge) => merges.push(node),
                Some(Key::Named(name, span)) => match seen.get(&name) {
                    Some(_) if is_full(self.diagnostics) => {}
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

impl Function {
    /// Written out: a map of its name and its argument.
    fn call(self, argument: Node, span: Span) -> Node {
        Node {
            kind: NodeKind::Map(vec![Entry {
                key: self.name,
                key_span: self.span,
                value: argument,
            }]),
            span,
        }
    }
}

fn text_of(kind: &NodeKind) -> &str {
    match kind {
        NodeKind::Text(text) => text,
        _ => "",
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
