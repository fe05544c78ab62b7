//! What identifiers look like: the registry does not say what AWS makes up, but the types that refer to it say what they take.

use std::sync::Arc;

use payctl_model::facts::{TypeFacts, check, facts, pattern_for_rust};
use payctl_model::{PropertyPath, Value};
use regex_syntax::hir::{Class, Hir, HirKind};

/// Names that every type uses for itself.
const OWN: &[&str] = &["Id", "Arn", "Name", "Identifier"];

/// The places in the other types of a service that take a property's value.
pub(super) struct Takers(Vec<(Arc<TypeFacts>, PropertyPath)>);

impl Takers {
    /// Of a property of this type.
    pub(super) fn of(own: &TypeFacts, property: &str) -> Takers {
        let (service, last) = own.name.rsplit_once("::").unwrap_or(("", &own.name));
        let mut names = Vec::new();
        if OWN.contains(&property) {
            names.push(format!("{last}{property}"));
        } else {
            names.push(property.to_owned());
        }
        // What is called `FileSystemId` elsewhere may take the ARN as well; an identifier is asked for first.
        let others = facts().names().filter(|name| {
            name.strip_prefix(service)
                .is_some_and(|rest| rest.starts_with("::"))
                && *name != own.name
        });
        let others = others.filter_map(|name| facts().get(name));
        let places = others.flat_map(|other| {
            let named = names
                .iter()
                .filter(|name| other.root.properties.contains_key(*name));
            let paths: Vec<_> = named
                .map(|name| (Arc::clone(&other), PropertyPath::root().key(name.as_str())))
                .collect();
            paths
        });
        Takers(places.collect())
    }

    /// The patterns of these places.
    pub(super) fn patterns(&self) -> Vec<String> {
        let mut patterns: Vec<String> = self
            .0
            .iter()
            .filter_map(|(facts, path)| facts.schema_at(path)?.pattern.clone())
            .collect();
        patterns.sort();
        patterns.dedup();
        patterns
    }

    /// How many of them take this text.
    pub(super) fn take(&self, text: &str) -> usize {
        let value = Value::from(text);
        let takes = self.0.iter().filter(|(facts, path)| {
            let schema = facts.schema_at(path);
            schema.is_some_and(|schema| check::check_at(facts, schema, path, &value).is_empty())
        });
        takes.count()
    }
}

/// Texts that a pattern matches, one for each of its alternatives at the top, made of these digits. None where the pattern cannot
/// be read.
pub(super) fn matching(pattern: &str, digits: &str) -> Vec<String> {
    let Ok(hir) = regex_syntax::parse(&pattern_for_rust(pattern)) else {
        return Vec::new();
    };
    let mut made = Vec::new();
    for choice in 0..4 {
        let mut maker = Maker {
            digits: digits.bytes().cycle().take(512).collect(),
            at: 0,
            choice,
            text: String::new(),
        };
        maker.add(&hir, 12);
        if !made.contains(&maker.text) {
            made.push(maker.text);
        }
    }
    made
}

struct Maker {
    digits: Vec<u8>,
    at: usize,
    /// Which alternative is taken where there are several.
    choice: usize,
    text: String,
}

impl Maker {
    fn digit(&mut self) -> usize {
        let digit = self.digits.get(self.at % self.digits.len().max(1));
        self.at += 1;
        usize::from(*digit.unwrap_or(&b'0'))
    }

    fn add(&mut self, hir: &Hir, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => self.text.push_str(&String::from_utf8_lossy(&literal.0)),
            HirKind::Class(class) => self.character(class),
            HirKind::Repetition(repetition) => {
                // Long enough to be told apart, as far as it may be.
                let least = repetition.min.max(u32::from(depth < 10));
                let enough = if matches!(repetition.sub.kind(), HirKind::Class(_)) {
                    8
                } else {
                    least
                };
                let wanted = match repetition.min {
                    0 if repetition.max == Some(1) => 0,
                    least => least.max(enough),
                };
                let count = repetition.max.map_or(wanted, |most| wanted.min(most));
                for _ in 0..count.min(64) {
                    self.add(&repetition.sub, depth);
                }
            }
            HirKind::Capture(capture) => self.add(&capture.sub, depth),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.add(part, depth)),
            HirKind::Alternation(parts) => {
                if let Some(part) = parts.get(self.choice % parts.len()) {
                    self.add(part, depth);
                }
            }
        }
    }

    /// A character of a class: a letter or digit of ASCII where it has any.
    fn character(&mut self, class: &Class) {
        let digit = self.digit();
        let has = |character: char| match class {
            Class::Unicode(class) => class
                .ranges()
                .iter()
                .any(|range| (range.start()..=range.end()).contains(&character)),
            Class::Bytes(class) => u8::try_from(character).is_ok_and(|byte| {
                let mut ranges = class.ranges().iter();
                ranges.any(|range| (range.start()..=range.end()).contains(&byte))
            }),
        };
        let liked: Vec<char> = ('0'..='9')
            .chain('a'..='z')
            .filter(|one| has(*one))
            .collect();
        let others: Vec<char> = (' '..='~').filter(|one| has(*one)).collect();
        let from = if liked.is_empty() { &others } else { &liked };
        if let Some(character) = from.get(digit % from.len().max(1)) {
            self.text.push(*character);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_made_of_patterns() {
        for pattern in [
            "^fs-[0-9a-f]{8,40}$",
            "^[A-Z]{2}(x|y)?$",
            "^(arn:aws:a|b-[0-9]+)$",
            "^dzd[_-][a-zA-Z0-9_-]{1,36}$",
        ] {
            let made = matching(pattern, "0123456789abcdef");
            assert!(!made.is_empty(), "{pattern}");
            let regex = regex::Regex::new(pattern).unwrap();
            for text in &made {
                assert!(regex.is_match(text), "{pattern}: {text}");
            }
        }
        assert!(matching("(", "0").is_empty());
    }

    #[test]
    fn a_file_system_is_called_as_its_mount_targets_want_it() {
        let own = facts().get("AWS::EFS::FileSystem").unwrap();
        let takers = Takers::of(&own, "FileSystemId");
        assert!(takers.take("fs-0123456789abcdef0") >= 2);
        assert_eq!(takers.take("0123456789"), 0);
    }
}
