//! Where in a resource's properties something stands: `Listeners.0.Port`.

use std::fmt;
use std::str::FromStr;

/// One step of a [`PropertyPath`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A map's key.
    Key(String),
    /// A list's position, from 0.
    Index(usize),
    /// Every item of a list, or every value of a map with free keys: in facts and mappings only.
    Any,
}

/// A path into properties, dotted when shown; `*` stands for every item.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyPath(Vec<Step>);

impl PropertyPath {
    /// The resource's properties themselves.
    pub fn root() -> PropertyPath {
        PropertyPath::default()
    }

    /// The steps from the root.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// This path and a key under it.
    pub fn key(&self, key: impl Into<String>) -> PropertyPath {
        self.step(Step::Key(key.into()))
    }

    /// This path and a position under it.
    pub fn index(&self, index: usize) -> PropertyPath {
        self.step(Step::Index(index))
    }

    /// This path and one step more.
    pub fn step(&self, step: Step) -> PropertyPath {
        let mut steps = self.0.clone();
        steps.push(step);
        PropertyPath(steps)
    }

    /// The name of the top-level property.
    pub fn head(&self) -> Option<&str> {
        match self.0.first() {
            Some(Step::Key(key)) => Some(key),
            _ => None,
        }
    }

    /// This path with every position replaced by `*`, as facts name it.
    pub fn pattern(&self) -> PropertyPath {
        PropertyPath(
            self.0
                .iter()
                .map(|step| {
                    if let Step::Index(_) = step {
                        Step::Any
                    } else {
                        step.clone()
                    }
                })
                .collect(),
        )
    }

    /// Whether `self`, a pattern (`*` matches any one step), matches the whole of `path`.
    pub fn matches(&self, path: &PropertyPath) -> bool {
        self.0.len() == path.0.len() && self.is_prefix_of(path)
    }

    /// Whether `self`, a pattern (`*` matches any one step), matches `path` or something that `path` stands in.
    pub fn is_prefix_of(&self, path: &PropertyPath) -> bool {
        self.0.len() <= path.0.len()
            && self
                .0
                .iter()
                .zip(&path.0)
                .all(|(a, b)| *a == Step::Any || a == b)
    }
}

impl fmt::Display for PropertyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(".")?;
            }
            match step {
                Step::Key(key) => f.write_str(key)?,
                Step::Index(index) => write!(f, "{index}")?,
                Step::Any => f.write_str("*")?,
            }
        }
        Ok(())
    }
}

/// Reads `A.B.0.C` and `A.*.B`. Cannot fail; a number is always a position.
impl FromStr for PropertyPath {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<PropertyPath, Self::Err> {
        let steps =
            text.split('.')
                .filter(|part| !part.is_empty())
                .map(|part| match part.parse() {
                    Ok(index) => Step::Index(index),
                    Err(_) if part == "*" => Step::Any,
                    Err(_) => Step::Key(part.to_owned()),
                });
        Ok(PropertyPath(steps.collect()))
    }
}

impl From<&str> for PropertyPath {
    fn from(text: &str) -> PropertyPath {
        match text.parse() {
            Ok(path) => path,
        }
    }
}

impl FromIterator<Step> for PropertyPath {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> PropertyPath {
        PropertyPath(steps.into_iter().collect())
    }
}

impl serde::Serialize for PropertyPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for PropertyPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<PropertyPath, D::Error> {
        Ok(PropertyPath::from(
            String::deserialize(deserializer)?.as_str(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_as_it_was_read() {
        for text in ["", "A", "A.B.0.C", "Tags.*.Key"] {
            assert_eq!(PropertyPath::from(text).to_string(), text);
        }
    }

    #[test]
    fn a_pattern_matches_every_position() {
        let pattern = PropertyPath::from("Tags.*.Key");
        assert!(pattern.matches(&"Tags.7.Key".into()));
        assert!(!pattern.matches(&"Tags.7".into()));
        assert!(PropertyPath::from("Tags").is_prefix_of(&"Tags.7.Key".into()));
    }
}
