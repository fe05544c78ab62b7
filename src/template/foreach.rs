//! `Fn::ForEach`: loops are written out before anything else in a template is understood.
//!
//! Source: CloudFormation template reference, "Fn::ForEach". Each turn of a loop is a copy of its body in which `${Identifier}`,
//! `&{Identifier}` (letters and digits of the value alone) and `Ref` of the identifier are the value, in keys and everywhere
//! else. A copy has places of its own ([`Copy`]), so that messages say for which value something is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payctl_model::Value;

use super::diagnostic::{Diagnostic, is_full};
use super::functions;
use super::instantiate::Binder;
use super::node::{Entry, Node, NodeKind};
use super::source::{Copy, Source, Span};
use super::syntax::{Local, Names, Syntax, Within};

const LOOP: &str = "Fn::ForEach::";
/// CloudFormation's limit (template reference, "Fn::ForEach", considerations).
const MAX_DEPTH: usize = 5;
/// How many values and keys loops may make: a megabyte of template, CloudFormation's limit, has far fewer.
const MAX_NODES: usize = 1 << 20;
/// What a value is called that nobody knows yet.
const SAMPLE: &str = "Item";

/// What the collections of loops may refer to.
pub(super) struct Known<'a> {
    pub binder: &'a Binder<'a>,
    pub names: &'a Names,
}

/// Writes the loops of a template out.
pub(super) struct Expander {
    source: Arc<Source>,
    /// Whether the inputs are given; else the template is only checked.
    given: bool,
    /// See [`Syntax::copied`].
    copied: usize,
    /// Where the next copy starts.
    next: usize,
    nodes: usize,
    copies: Vec<Copy>,
    loops: BTreeMap<String, Span>,
    /// Whether a loop depends on the inputs.
    pub depends: bool,
    /// See [`Names::open`].
    pub open: Vec<Vec<String>>,
    /// The places of texts made with values that are not known yet.
    pub open_places: BTreeSet<Span>,
    pub diagnostics: Vec<Diagnostic>,
}

/// One turn of a loop.
#[derive(Clone)]
struct Turn {
    identifier: String,
    value: String,
    /// Whether the value is not known yet, so that this one only stands for it.
    open: bool,
}

/// The values that a loop goes through.
struct Collection {
    values: Vec<String>,
    /// Whether they only stand for values that are not known yet.
    open: bool,
    /// Whether nothing at all is known of them.
    sample: bool,
}

/// The loops around what is being copied.
#[derive(Clone, Default)]
struct Scope {
    turns: Vec<Turn>,
    copy: Option<usize>,
}

/// A text with the values of the loops in it.
struct Replaced {
    text: String,
    /// The text, cut where values stand that are not known yet.
    pieces: Vec<String>,
}

impl Replaced {
    fn is_open(&self) -> bool {
        self.pieces.len() > 1
    }
}

impl Expander {
    pub fn new(source: &Arc<Source>, given: bool) -> Expander {
        Expander {
            source: source.clone(),
            given,
            copied: 0,
            next: source.text().len() + 1,
            nodes: 0,
            copies: Vec::new(),
            loops: BTreeMap::new(),
            depends: false,
            open: Vec::new(),
            open_places: BTreeSet::new(),
            diagnostics: Vec::new(),
        }
    }

    /// A section without loops.
    pub fn section(&mut self, section: &Entry, known: &Known<'_>) -> Entry {
        let value = self.node(&section.value, &Scope::default(), known);
        // Now that all copies are made, places in them can be told.
        let source = self.source();
        for diagnostic in &mut self.diagnostics {
            if let Some(place) = diagnostic.place.take() {
                *diagnostic = diagnostic.clone().at(&source, place.span);
            }
        }
        Entry {
            key: section.key.clone(),
            key_span: section.key_span,
            value,
        }
    }

    /// The template's text with the places of all copies so far.
    pub fn source(&self) -> Arc<Source> {
        Arc::new(self.source.with_copies(self.copies.clone()))
    }

    fn report(&mut self, code: &'static str, message: String, span: Span) -> &mut Diagnostic {
        let diagnostic = Diagnostic::error(code, message).at(&self.source, span);
        self.diagnostics.push(diagnostic);
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    fn place(&self, span: Span, scope: &Scope) -> Span {
        match scope.copy.and_then(|index| self.copies.get(index)) {
            Some(copy) => Span {
                offset: copy.start + span.offset.saturating_sub(copy.of),
                ..span
            },
            None => span,
        }
    }

    fn node(&mut self, node: &Node, scope: &Scope, known: &Known<'_>) -> Node {
        self.nodes += 1;
        let span = self.place(node.span, scope);
        let kind = match &node.kind {
            NodeKind::Text(text) => {
                let replaced = replace(text, &scope.turns);
                if replaced.is_open() {
                    self.open_places.insert(span);
                }
                NodeKind::Text(replaced.text)
            }
            NodeKind::List(items) => NodeKind::List(
                items
                    .iter()
                    .map(|item| self.node(item, scope, known))
                    .collect(),
            ),
            NodeKind::Map(entries) => match identifier(entries, &scope.turns) {
                Some(turn) => {
                    if turn.open {
                        self.open_places.insert(span);
                    }
                    NodeKind::Text(turn.value.clone())
                }
                None => NodeKind::Map(self.entries(entries, scope, known)),
            },
            plain => plain.clone(),
        };
        Node { kind, span }
    }

    fn entries(&mut self, entries: &[Entry], scope: &Scope, known: &Known<'_>) -> Vec<Entry> {
        let mut made = Vec::with_capacity(entries.len());
        for entry in entries {
            if entry.key.starts_with(LOOP) {
                self.turns(entry, scope, known, &mut made);
                continue;
            }
            let key = replace(&entry.key, &scope.turns);
            if key.is_open() {
                self.open.push(key.pieces);
            }
            made.push(Entry {
                key: key.text,
                key_span: self.place(entry.key_span, scope),
                value: self.node(&entry.value, scope, known),
            });
        }
        // Without loops the parser has seen to it.
        let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
        let mut twice = Vec::new();
        for entry in &made {
            if let Some(first) = seen.insert(&entry.key, entry.key_span) {
                twice.push((entry.key.clone(), entry.key_span, first));
            }
        }
        for (key, span, first) in twice {
            let message = format!("the key `{key}` is made twice in this map");
            let diagnostic = self.report("duplicate-key", message, span);
            diagnostic.related = Some(("first here".to_owned(), first));
            diagnostic.help = Some(
                "write the loop's identifier into the key, such as `Name${Identifier}`, and no value twice into its collection"
                    .to_owned(),
            );
        }
        made
    }

    /// All turns of one loop.
    fn turns(&mut self, entry: &Entry, scope: &Scope, known: &Known<'_>, made: &mut Vec<Entry>) {
        let at = self.place(entry.key_span, scope);
        let name = replace(&entry.key[LOOP.len()..], &scope.turns).text;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let message = format!("`{name}` is no name for a loop");
            self.report("bad-name", message, at).help =
                Some("use letters and digits only".to_owned());
        }
        // The same loop inside of another one has another turn around it each time.
        let written = entry.key_span;
        if let Some(first) = self.loops.insert(name.clone(), written)
            && first != written
        {
            let message = format!("there are two loops `{name}`");
            let diagnostic = self.report("duplicate-name", message, at);
            diagnostic.related = Some(("first here".to_owned(), first));
            diagnostic.help = Some("rename one of them".to_owned());
        }
        if scope.turns.len() >= MAX_DEPTH {
            let message = format!("loops can be nested {MAX_DEPTH} deep");
            self.report("too-large", message, at);
            return;
        }
        let form = "a list of an identifier, a collection and a map to repeat";
        let Some([name_node, collection, body]) = entry.value.as_list() else {
            let message = format!("{} takes {form}", entry.key);
            let span = self.place(entry.value.span, scope);
            self.report("bad-function", message, span);
            return;
        };
        let (Some(identifier), Some(body_entries)) = (name_node.as_text(), body.as_map()) else {
            let message = format!("{} takes {form}", entry.key);
            let wrong = if name_node.as_text().is_none() {
                name_node
            } else {
                body
            };
            let span = self.place(wrong.span, scope);
            self.report("bad-function", message, span);
            return;
        };
        if identifier.is_empty() || scope.turns.iter().any(|turn| turn.identifier == identifier) {
            let message =
                format!("the loop's identifier `{identifier}` is that of a loop around it");
            let span = self.place(name_node.span, scope);
            self.report("duplicate-name", message, span).help = Some("rename it".to_owned());
            return;
        }
        let collection = self.node(collection, scope, known);
        let Some(Collection {
            values,
            open,
            sample,
        }) = self.collection(&collection, known)
        else {
            return;
        };
        let (of, end) = extent(body);
        for value in values {
            if is_full(&self.diagnostics) {
                return;
            }
            if self.nodes > MAX_NODES {
                let message = format!("the loops make more than {MAX_NODES} values");
                self.report("too-large", message, at).help =
                    Some("CloudFormation takes templates of at most 1 MB".to_owned());
                return;
            }
            self.copies.push(Copy {
                start: self.next,
                of,
                length: end - of,
                within: scope.copy,
                turn: match sample {
                    true => format!("any {identifier}"),
                    false => format!("{identifier} = {value}"),
                },
            });
            self.next += end - of + 1;
            let mut inner = scope.clone();
            inner.copy = Some(self.copies.len() - 1);
            inner.turns.push(Turn {
                identifier: identifier.to_owned(),
                value,
                open,
            });
            made.extend(self.entries(body_entries, &inner, known));
        }
    }

    /// The values of a collection; `None` where it is wrong.
    fn collection(&mut self, node: &Node, known: &Known<'_>) -> Option<Collection> {
        let before = self.diagnostics.len();
        let term = Syntax {
            source: &self.source,
            names: known.names,
            diagnostics: &mut self.diagnostics,
            resource: None,
            within: Within::Collection,
            copied: &mut self.copied,
        }
        .term(node);
        if self.diagnostics.len() > before {
            return None;
        }
        let mut depends = false;
        term.visit_locals(&mut |local, _| depends |= !matches!(local, Local::FindInMap { .. }));
        self.depends |= depends;
        let guess = depends && !self.given;
        let value = known.binder.value_or_unknown(&term);
        let sample = || {
            Some(Collection {
                values: vec![SAMPLE.to_owned()],
                open: true,
                sample: true,
            })
        };
        let items = match value {
            Ok(Value::List(items)) => items,
            Ok(Value::Unknown(_)) => return sample(),
            _ if guess => return sample(),
            Ok(other) => {
                let message = format!(
                    "Fn::ForEach goes through a list, not {}",
                    functions::kind(&other)
                );
                self.report("wrong-type", message, node.span);
                return None;
            }
            Err(error) => {
                self.report(error.code, error.message, error.span);
                return None;
            }
        };
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match item.to_text() {
                Some(text) => values.push(text),
                None if matches!(item, Value::Unknown(_)) => return sample(),
                None => {
                    let message = match item {
                        Value::Secret(_) => {
                            "a loop cannot go through secrets: its values make names".to_owned()
                        }
                        other => {
                            format!("a loop goes through texts, not {}", functions::kind(&other))
                        }
                    };
                    self.report("wrong-type", message, node.span);
                    return None;
                }
            }
        }
        match guess && values.is_empty() {
            true => sample(),
            false => Some(Collection {
                values,
                open: guess,
                sample: false,
            }),
        }
    }
}

/// The turn whose identifier `Ref` names.
fn identifier<'t>(entries: &[Entry], turns: &'t [Turn]) -> Option<&'t Turn> {
    match entries {
        [entry] if entry.key == "Ref" => {
            let name = entry.value.as_text()?;
            turns.iter().find(|turn| turn.identifier == name)
        }
        _ => None,
    }
}

fn replace(text: &str, turns: &[Turn]) -> Replaced {
    let mut made = String::with_capacity(text.len());
    let mut pieces = vec![String::new()];
    let mut add = |part: &str, open: bool| {
        made.push_str(part);
        match (open, pieces.last_mut()) {
            (false, Some(piece)) => piece.push_str(part),
            _ => pieces.push(String::new()),
        }
    };
    let mut rest = text;
    while !turns.is_empty()
        && let Some(at) = rest.find(['$', '&'])
    {
        let (before, from) = rest.split_at(at);
        add(before, false);
        let variable = from[1..]
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'));
        let turn = variable.and_then(|(name, after)| {
            Some((turns.iter().find(|turn| turn.identifier == name)?, after))
        });
        match turn {
            Some((turn, after)) if from.starts_with('$') => {
                add(&turn.value, turn.open);
                rest = after;
            }
            Some((turn, after)) => {
                let letters = turn.value.chars().filter(char::is_ascii_alphanumeric);
                add(&letters.collect::<String>(), turn.open);
                rest = after;
            }
            None => {
                add(&from[..1], false);
                rest = &from[1..];
            }
        }
    }
    add(rest, false);
    Replaced { text: made, pieces }
}

/// From where to where in the text a node reaches, with what stands elsewhere and is repeated in it by an alias.
fn extent(node: &Node) -> (usize, usize) {
    let around =
        |(start, end): (usize, usize), span: Span| (start.min(span.offset), end.max(span.end()));
    let both = |(a, b): (usize, usize), (c, d): (usize, usize)| (a.min(c), b.max(d));
    let own = (node.span.offset, node.span.end());
    match &node.kind {
        NodeKind::List(items) => items
            .iter()
            .fold(own, |found, item| both(found, extent(item))),
        NodeKind::Map(entries) => entries.iter().fold(own, |found, entry| {
            both(around(found, entry.key_span), extent(&entry.value))
        }),
        _ => own,
    }
}
