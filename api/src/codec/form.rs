//! Percent-encoding, query strings, and form parameters as a tree: `A.B.1=x` is `x` under `A`, `B`, `1`.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All but RFC 3986's unreserved characters, as SigV4 wants it.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
/// The same for greedy labels, whose slashes stay.
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// Encodes a name, a value or one segment of a path.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Encodes a path of several segments.
pub(super) fn encode_path(text: &str) -> String {
    utf8_percent_encode(text, RESERVED_IN_PATH).to_string()
}

/// Decodes percent-encoded text.
pub(super) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Name and value of each parameter. In forms and query strings `+` is a space.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    let plain = |text: &str| decode(&text.replace('+', " "));
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(move |pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (plain(name), plain(value))
        })
}

/// A parameter's value and the parameters under it.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub value: Option<String>,
    pub children: BTreeMap<String, Node>,
}

/// Deeper names than any API has are not followed: a request must not exhaust the stack.
const DEEPEST: usize = 64;

impl Node {
    /// The tree of a form.
    pub fn from_form(text: &str) -> Self {
        let mut root = Self::default();
        for (name, value) in pairs(text) {
            let mut node = &mut root;
            for part in name.splitn(DEEPEST, '.') {
                node = node.children.entry(part.to_owned()).or_default();
            }
            node.value = Some(value);
        }
        root
    }

    /// The children that are numbered, in the order of their numbers.
    pub fn numbered(&self) -> Vec<&Self> {
        let mut numbered: Vec<(u64, &Self)> = self
            .children
            .iter()
            .filter_map(|(name, node)| Some((name.parse().ok()?, node)))
            .collect();
        numbered.sort_by_key(|(number, _)| *number);
        numbered.into_iter().map(|(_, node)| node).collect()
    }

    /// The text of a child that has one.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.children.get(name)?.value.as_deref()
    }
}
