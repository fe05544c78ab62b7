//! The registry's `propertyTransform`: how AWS rewrites a property, as a JSONata expression of the declared value.
//!
//! Only what the registry's schemas really use is read: `$lowercase`, `$uppercase`, `$join`, `$split`, `$substringAfter`, `$string`,
//! `$replace`, `$lookup`, texts, numbers, lists, `&`, `in`, `?:`, variables, positions and names of properties, and several rules joined by ` $OR `. A rule that uses more is
//! skipped. What comes out is either the live text itself or an expression that matches the whole of it (CloudFormation CLI user
//! guide, "propertyTransform").

use std::collections::BTreeMap;

use crate::facts::pattern;
use crate::path::{PropertyPath, Step};
use crate::value::Value;

/// Whether a rule makes `live` of the declared text at a path.
pub(super) fn gives(
    rule: &str,
    path: &PropertyPath,
    declared: &str,
    properties: &Value,
    live: &str,
) -> bool {
    rule.split(" $OR ").any(|rule| {
        let literal = Reader::run(rule, path, declared, properties, false);
        if literal.as_deref() == Some(live) {
            return true;
        }
        // Names of properties stand for texts, not for expressions.
        let expression = Reader::run(rule, path, declared, properties, true);
        // A version given by prefix is followed by further parts, not by anything.
        let expression = expression.map(|text| match text.strip_suffix(".*") {
            Some(prefix) => format!("{prefix}(?:[.][A-Za-z0-9_]+)*"),
            None => text,
        });
        // A rule without the declared value, such as "any ARN", would hide every change.
        let own = rule.contains(last_key(path));
        expression.is_some_and(|expression| {
            own && !expression.is_empty() && pattern::matches_whole(&expression, live)
        })
    })
}

fn last_key(path: &PropertyPath) -> &str {
    let keys = path.steps().iter().rev().find_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        _ => None,
    });
    keys.unwrap_or_default()
}

/// What an expression gives.
#[derive(Clone, Debug)]
enum Found {
    Text(String),
    List(Vec<String>),
}

struct Reader<'a> {
    rest: &'a str,
    path: &'a PropertyPath,
    declared: &'a str,
    properties: &'a Value,
    escape: bool,
    variables: BTreeMap<&'a str, String>,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn run(
        rule: &'a str,
        path: &'a PropertyPath,
        declared: &'a str,
        properties: &'a Value,
        escape: bool,
    ) -> Option<String> {
        let mut reader = Reader {
            rest: rule,
            path,
            declared,
            properties,
            escape,
            variables: BTreeMap::new(),
            depth: 32,
        };
        let found = reader.expression()?;
        if !reader.rest.trim().is_empty() {
            return None;
        }
        text(found)
    }

    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start();
        match rest.strip_prefix(token) {
            Some(after) => {
                self.rest = after;
                true
            }
            None => false,
        }
    }

    fn expression(&mut self) -> Option<Found> {
        self.depth = self.depth.checked_sub(1)?;
        let mut left = self.term()?;
        while self.take("&") {
            let right = text(self.term()?)?;
            left = Found::Text(text(left)? + &right);
        }
        if self.take("in ") {
            let Found::List(items) = self.term()? else {
                return None;
            };
            let is_in = items.contains(&text(left)?);
            left = Found::Text(if is_in { "true" } else { "" }.to_owned());
        }
        if self.take("?") {
            // An empty text is false in JSONata, and what is not found has none.
            let holds = !text(left)?.is_empty();
            let (yes, colon, no) = (self.expression()?, self.take(":"), self.expression()?);
            return colon.then_some(if holds { yes } else { no });
        }
        Some(left)
    }

    /// `($name := expression; …; expression)`, the bracket already taken.
    fn block(&mut self) -> Option<Found> {
        loop {
            let rest = self.rest.trim_start();
            let name = rest.strip_prefix('$').and_then(|after| {
                let (name, value) = after.split_once(":=")?;
                let name = name.trim();
                let is_name = name.chars().all(|c| c.is_ascii_alphanumeric());
                is_name.then_some((name, value))
            });
            let Some((name, value)) = name else {
                let found = self.expression()?;
                return self.take(")").then_some(found);
            };
            self.rest = value;
            let value = text(self.expression()?)?;
            if !self.take(";") {
                return None;
            }
            self.variables.insert(name, value);
        }
    }

    /// `$lookup({'key': 'value', …}, expression)`, up to its bracket; an empty text where the key is not there.
    fn lookup(&mut self) -> Option<Found> {
        let mut pairs = Vec::new();
        if !self.take("{") {
            return None;
        }
        loop {
            let key = self.quoted()?;
            let value = if self.take(":") {
                self.quoted()?
            } else {
                return None;
            };
            pairs.push((key, value));
            if self.take("}") {
                break;
            }
            if !self.take(",") {
                return None;
            }
        }
        let wanted = if self.take(",") {
            text(self.expression()?)?
        } else {
            return None;
        };
        let found = pairs.into_iter().find(|(key, _)| *key == wanted);
        let found = found.map_or_else(String::new, |(_, value)| value);
        self.take(")").then_some(Found::Text(found))
    }

    fn term(&mut self) -> Option<Found> {
        let mut found = self.primary()?;
        while self.rest.trim_start().starts_with('[') {
            self.take("[");
            let (index, after) = self.rest.split_once(']')?;
            let index: i64 = index.trim().parse().ok()?;
            self.rest = after;
            let Found::List(items) = found else {
                return None;
            };
            let length = i64::try_from(items.len()).ok()?;
            let index = if index < 0 { length + index } else { index };
            found = Found::Text(items.get(usize::try_from(index).ok()?)?.clone());
        }
        Some(found)
    }

    fn primary(&mut self) -> Option<Found> {
        let rest = self.rest.trim_start();
        match rest.chars().next()? {
            '"' | '\'' => self.quoted().map(Found::Text),
            '[' => {
                self.take("[");
                self.arguments("]")
                    .map(|items| Found::List(items.into_iter().filter_map(text).collect()))
            }
            '(' => {
                self.take("(");
                self.block()
            }
            '-' | '0'..='9' => {
                let end = rest[1..]
                    .find(|c: char| !c.is_ascii_digit())
                    .map_or(rest.len(), |end| end + 1);
                let (number, after) = rest.split_at(end);
                self.rest = after;
                Some(Found::Text(number.to_owned()))
            }
            '$' => {
                let end = rest[1..]
                    .find(|c: char| !c.is_ascii_alphanumeric())
                    .map_or(rest.len(), |end| end + 1);
                let (name, after) = rest.split_at(end);
                if let Some(value) = self.variables.get(&name[1..]) {
                    self.rest = after;
                    return Some(Found::Text(value.clone()));
                }
                if name == "$lookup" {
                    self.rest = after.trim_start().strip_prefix('(')?;
                    return self.lookup();
                }
                let (name, _) = rest.split_once('(')?;
                self.rest = &rest[name.len() + 1..];
                let arguments = self.arguments(")")?;
                call(name, arguments)
            }
            _ => {
                let end = rest
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '.')
                    .unwrap_or(rest.len());
                let (name, after) = rest.split_at(end);
                self.rest = after;
                self.named(name).map(Found::Text)
            }
        }
    }

    fn quoted(&mut self) -> Option<String> {
        let rest = self.rest.trim_start();
        let quote = rest.chars().next()?;
        let mut result = String::new();
        let mut characters = rest.char_indices().skip(1);
        while let Some((position, character)) = characters.next() {
            match character {
                '\\' => match characters.next()?.1 {
                    'n' => result.push('\n'),
                    't' => result.push('\t'),
                    other => result.push(other),
                },
                _ if character == quote => {
                    self.rest = &rest[position + 1..];
                    return Some(result);
                }
                _ => result.push(character),
            }
        }
        None
    }

    fn arguments(&mut self, end: &str) -> Option<Vec<Found>> {
        let mut found = Vec::new();
        loop {
            found.push(self.expression()?);
            if self.take(end) {
                return Some(found);
            }
            if !self.take(",") {
                return None;
            }
        }
    }

    /// A property's text: the one that the rule is about, or another one of the resource.
    fn named(&self, name: &str) -> Option<String> {
        let last = name.rsplit('.').next()?;
        if last.is_empty() || last.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        let found = if last == last_key(self.path) {
            self.declared.to_owned()
        } else {
            let (_, above) = self.path.steps().split_last()?;
            let beside = above
                .iter()
                .fold(PropertyPath::root(), |path, step| path.step(step.clone()));
            let found = match self.properties.at(&beside.key(name)) {
                Some(beside) => beside,
                None => self.properties.at(&PropertyPath::from(name))?,
            };
            found.to_text()?
        };
        Some(if self.escape {
            pattern::escaped(&found)
        } else {
            found
        })
    }
}

fn text(found: Found) -> Option<String> {
    match found {
        Found::Text(text) => Some(text),
        Found::List(_) => None,
    }
}

fn call(name: &str, arguments: Vec<Found>) -> Option<Found> {
    let mut arguments = arguments.into_iter();
    let first = arguments.next()?;
    let second = arguments.next();
    let found = match (name, first) {
        ("$lowercase", Found::Text(one)) => one.to_lowercase(),
        ("$uppercase", Found::Text(one)) => one.to_uppercase(),
        ("$string", Found::Text(one)) => one,
        ("$join", Found::List(parts)) => {
            let between = second.map_or(Some(String::new()), text)?;
            parts.join(&between)
        }
        ("$split", Found::Text(one)) => {
            let by = text(second?)?;
            let most = arguments
                .next()
                .map_or(Some(usize::MAX), |most| text(most)?.parse().ok())?;
            return Some(Found::List(
                one.split(by.as_str())
                    .take(most)
                    .map(str::to_owned)
                    .collect(),
            ));
        }
        ("$substringAfter", Found::Text(one)) => {
            let by = text(second?)?;
            one.split_once(by.as_str())
                .map_or(one.clone(), |(_, after)| after.to_owned())
        }
        ("$replace", Found::Text(one)) => {
            let from = text(second?)?;
            one.replace(from.as_str(), &text(arguments.next()?)?)
        }
        _ => return None,
    };
    Some(Found::Text(found))
}
