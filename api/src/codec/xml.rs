//! XML as a tree of elements, and a writer. Prefixes of names are dropped: AWS's models tell elements apart without them.

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::Malformed;

/// An element.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Element {
    pub name: String,
    /// Names keep their prefixes: `xsi:type`.
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    /// Text directly in this element.
    pub text: String,
}

impl Element {
    /// The first child of a name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of a name.
    pub fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// An attribute by its name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Deeper documents than any API has are refused: they would exhaust the stack.
const DEEPEST: usize = 100;

/// The root element of a document.
pub(super) fn parse(body: &[u8]) -> Result<Element, Malformed> {
    let text = std::str::from_utf8(body).map_err(|_| Malformed::new("not UTF-8"))?;
    let bad = |error: &dyn std::fmt::Display| Malformed::new(format!("not XML: {error}"));
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    loop {
        let event = reader.read_event().map_err(|error| bad(&error))?;
        let closed = match event {
            Event::Start(start) => {
                if open.len() >= DEEPEST {
                    return Err(Malformed::new("not AWS's XML: too deep"));
                }
                open.push(element(&start)?);
                None
            }
            Event::Empty(start) => Some(element(&start)?),
            Event::End(_) => Some(
                open.pop()
                    .ok_or_else(|| Malformed::new("not XML: an end without a start"))?,
            ),
            Event::Text(text) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text.xml10_content());
                }
                None
            }
            Event::CData(data) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&data.xml10_content());
                }
                None
            }
            Event::GeneralRef(reference) => {
                if let Some(element) = open.last_mut() {
                    let name = reference.xml10_content();
                    let character = quick_xml::escape::unescape(&format!("&{name};"))
                        .map_err(|error| bad(&error))?
                        .into_owned();
                    element.text.push_str(&character);
                }
                None
            }
            Event::Eof => {
                return Err(Malformed::new(
                    "not XML: it ends too early, or has no element",
                ));
            }
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => None,
        };
        if let Some(mut element) = closed {
            if !element.children.is_empty() {
                // White space between elements.
                element.text.clear();
            }
            match open.last_mut() {
                Some(parent) => parent.children.push(element),
                None => return Ok(element),
            }
        }
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, Malformed> {
    let bad = |error: &dyn std::fmt::Display| Malformed::new(format!("not XML: {error}"));
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| bad(&error))?;
        let key = attribute.key.as_ref().to_owned();
        let value = quick_xml::escape::unescape(&attribute.value).map_err(|error| bad(&error))?;
        attributes.push((key, value.into_owned()));
    }
    Ok(Element {
        name: start.local_name().as_ref().to_owned(),
        attributes,
        ..Element::default()
    })
}

/// Writes a document.
pub(super) struct Writer {
    text: String,
}

impl Writer {
    /// A document that begins with an XML declaration.
    pub fn document() -> Self {
        Self {
            text: String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"),
        }
    }

    /// A document without a declaration, as clients write it.
    pub fn fragment() -> Self {
        Self {
            text: String::new(),
        }
    }

    /// A start tag.
    pub fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.text.push('<');
        self.text.push_str(name);
        for (key, value) in attributes {
            self.text.push(' ');
            self.text.push_str(key);
            self.text.push_str("=\"");
            self.escaped(value);
            self.text.push('"');
        }
        self.text.push('>');
    }

    /// An end tag.
    pub fn close(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }

    /// Text.
    pub fn content(&mut self, text: &str) {
        self.escaped(text);
    }

    /// An element that holds only text.
    pub fn leaf(&mut self, name: &str, text: &str) {
        self.open(name, &[]);
        self.escaped(text);
        self.close(name);
    }

    /// Elements that are written already.
    pub fn append(&mut self, elements: &str) {
        self.text.push_str(elements);
    }

    /// The document.
    pub fn finish(self) -> String {
        self.text
    }

    fn escaped(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '&' => self.text.push_str("&amp;"),
                '"' => self.text.push_str("&quot;"),
                '\'' => self.text.push_str("&apos;"),
                // A parser would turn these into a newline or a space.
                '\r' => self.text.push_str("&#xD;"),
                '\n' => self.text.push_str("&#xA;"),
                '\t' => self.text.push_str("&#x9;"),
                // XML 1.0 cannot carry the other control characters.
                control if control.is_control() && control < ' ' => self.text.push('\u{FFFD}'),
                other => self.text.push(other),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_space_and_prefixes() {
        let root = parse(b"<?xml version=\"1.0\"?>\n<a xsi:type=\"b&amp;c\">\n <n:x>1 &lt; 2&#10;&quot;<![CDATA[<y>]]></n:x>\n <e/> </a>").unwrap();
        assert_eq!(root.attribute("xsi:type"), Some("b&c"));
        assert_eq!(root.child_text("x"), Some("1 < 2\n\"<y>"));
        assert_eq!(root.child_text("e"), Some(""));
        assert_eq!(root.text, "");
    }

    #[test]
    fn what_is_written_is_read() {
        let text = "a<b>&\"'\r\n\t ü ";
        let mut writer = Writer::document();
        writer.leaf("x", text);
        assert_eq!(parse(writer.finish().as_bytes()).unwrap().text, text);
    }

    #[test]
    fn garbage_is_refused() {
        for garbage in [
            "",
            "<",
            "<a>",
            "</a>",
            "<a></b>",
            "plain",
            "<a>&nope;</a>",
            "<!DOCTYPE html><html><br></html>",
        ] {
            assert!(parse(garbage.as_bytes()).is_err(), "{garbage}");
        }
        assert!(parse("<a>".repeat(100_000).as_bytes()).is_err());
    }
}
