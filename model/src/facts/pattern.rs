//! Expressions as the registry writes them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Whether an ECMA expression is found in a text. One that is invalid, or too costly, counts as found.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    static COMPILED: LazyLock<Mutex<HashMap<String, Option<Arc<fancy_regex::Regex>>>>> =
        LazyLock::new(Mutex::default);
    let regex = {
        let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        let compile = || {
            fancy_regex::Regex::new(&pattern_for_rust(pattern))
                .ok()
                .map(Arc::new)
        };
        compiled
            .entry(pattern.to_owned())
            .or_insert_with(compile)
            .clone()
    };
    regex.is_none_or(|regex| regex.is_match(text).unwrap_or(true))
}

/// Whether an expression matches the whole of a text. One that is invalid matches nothing.
pub(crate) fn matches_whole(pattern: &str, text: &str) -> bool {
    let whole = format!("^(?:{})$", pattern_for_rust(pattern));
    fancy_regex::Regex::new(&whole).is_ok_and(|regex| regex.is_match(text).unwrap_or(false))
}

/// An expression that finds just this text.
pub(crate) fn escaped(text: &str) -> String {
    fancy_regex::escape(text).into_owned()
}

/// ECMA's expressions in Rust's syntax: in a class, `[`, `&&`, `--` and `~~` mean themselves.
pub fn pattern_for_rust(pattern: &str) -> String {
    let mut result = String::with_capacity(pattern.len());
    let mut class = false;
    let mut start = false;
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                result.push('\\');
                result.extend(characters.next());
            }
            '[' if !class => {
                class = true;
                start = true;
                result.push('[');
                if characters.next_if_eq(&'^').is_some() {
                    result.push('^');
                }
                continue;
            }
            // In ECMA `[]` is an empty class, which no schema means.
            ']' if class && !start => {
                class = false;
                result.push(']');
            }
            '[' => result.push_str("\\["),
            '&' | '~' if class => {
                result.push('\\');
                result.push(character);
            }
            '-' if class && characters.peek() == Some(&'-') => result.push_str("\\-"),
            _ => result.push(character),
        }
        start = false;
    }
    result
}
