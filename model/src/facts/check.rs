//! [`check`]: what CloudFormation would refuse in a resource's properties.
//!
//! It reports only what is certain: a value that is not known yet is right anywhere, text counts as the number or boolean that it
//! writes (CloudFormation coerces scalars), a pattern that is no valid expression is skipped, and so are texts with dynamic
//! references (`{{resolve:…}}`), whose value is elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::path::PropertyPath;
use crate::value::{Secret, Value};

use super::TypeFacts;
use super::pattern::matches;
use super::schema::{Additional, Kind, Schema};

/// One thing that is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub path: PropertyPath,
    /// What kind of mistake.
    pub kind: FindingKind,
    /// What to tell people: a sentence without the path.
    pub message: String,
}

/// The kinds of mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// There is no such property.
    UnknownProperty,
    /// A property that must be there is not.
    Missing,
    /// It is set by AWS and cannot be declared.
    ReadOnly,
    /// It is of a wrong type.
    WrongType,
    /// It is none of the allowed values.
    Enum,
    /// It does not match the pattern.
    Pattern,
    /// It is too small, too big, too short, too long or not unique.
    Bounds,
    /// It fits none of the alternatives, or two properties exclude each other.
    OneOf,
}

/// Values nested deeper than this are not looked into: no schema of AWS is, outside of free-form documents.
const DEPTH: usize = 48;

/// Values looked at in one resource, alternatives of alternatives included: far more than any real one has.
const BUDGET: usize = 500_000;

/// How many findings are told of one resource.
const MAX_FINDINGS: usize = 200;

/// What is wrong with a resource's properties, in the order of their names.
pub fn check(facts: &TypeFacts, properties: &Value) -> Vec<Finding> {
    check_at(facts, &facts.root, &PropertyPath::root(), properties)
}

/// What is wrong with the value at a path, whose schema this is.
pub fn check_at(
    facts: &TypeFacts,
    schema: &Schema,
    path: &PropertyPath,
    value: &Value,
) -> Vec<Finding> {
    let mut check = Check {
        facts,
        budget: BUDGET,
        findings: Vec::new(),
    };
    check.node(schema, path, value, DEPTH);
    check.findings
}

struct Check<'a> {
    facts: &'a TypeFacts,
    /// How many more values are looked at.
    budget: usize,
    findings: Vec<Finding>,
}

impl Check<'_> {
    fn report(&mut self, path: &PropertyPath, kind: FindingKind, message: String) {
        if self.findings.len() >= MAX_FINDINGS {
            return;
        }
        self.findings.push(Finding {
            path: path.clone(),
            kind,
            message,
        });
    }

    fn node(&mut self, schema: &Schema, path: &PropertyPath, value: &Value, depth: usize) {
        self.budget = self.budget.saturating_sub(1);
        let Some(depth) = depth.checked_sub(1).filter(|_| self.budget > 0) else {
            return;
        };
        if matches!(value, Value::Unknown(_)) {
            return;
        }
        let facts = self.facts;
        let schema = facts.resolve(schema);
        if !fits(schema, value) {
            let message = format!("expected {}, found {}", expected(schema), found(value));
            return self.report(path, FindingKind::WrongType, message);
        }
        match value {
            Value::Map(map) => self.map(schema, path, map, depth),
            Value::List(items) => self.list(schema, path, items, depth),
            _ => self.scalar(schema, path, value),
        }
        for part in &schema.all_of {
            self.node(part, path, value, depth);
        }
        self.alternatives(schema, path, value, depth);
    }

    fn map(
        &mut self,
        schema: &Schema,
        path: &PropertyPath,
        map: &BTreeMap<String, Value>,
        depth: usize,
    ) {
        let facts = self.facts;
        for (key, value) in map {
            if self.findings.len() >= MAX_FINDINGS {
                break;
            }
            let below = path.key(key);
            let Some(property) = facts.property(schema, key) else {
                if matches!(schema.additional, Additional::None) {
                    let candidates = schema.properties.keys().map(String::as_str);
                    let advice =
                        nearest(key, candidates).map(|name| format!("; did you mean `{name}`?"));
                    let message =
                        format!("there is no property `{key}`{}", advice.unwrap_or_default());
                    self.report(&below, FindingKind::UnknownProperty, message);
                }
                continue;
            };
            // What is in a read-only map can be named by its parent alone: some maps are half read-only.
            if facts
                .read_only
                .iter()
                .any(|pattern| pattern.matches(&below))
                && facts.is_read_only(&below)
            {
                self.report(
                    &below,
                    FindingKind::ReadOnly,
                    format!("`{key}` is set by AWS and cannot be declared"),
                );
                continue;
            }
            self.node(property, &below, value, depth);
        }
        for name in &schema.required {
            if !map.contains_key(name) && !facts.is_read_only(&path.key(name)) {
                self.report(
                    path,
                    FindingKind::Missing,
                    format!("the property `{name}` is required"),
                );
            }
        }
        for (name, others) in schema
            .dependent_required
            .iter()
            .filter(|(name, _)| map.contains_key(*name))
        {
            for other in others.iter().filter(|other| !map.contains_key(*other)) {
                self.report(
                    path,
                    FindingKind::Missing,
                    format!("`{name}` needs the property `{other}` beside it"),
                );
            }
        }
        for (name, others) in schema
            .dependent_excluded
            .iter()
            .filter(|(name, _)| map.contains_key(*name))
        {
            // Both sides usually name each other: told once.
            let seen = |other: &str| {
                schema
                    .dependent_excluded
                    .get(other)
                    .is_some_and(|back| back.contains(name))
                    && other < name.as_str()
            };
            for other in others
                .iter()
                .filter(|other| map.contains_key(*other) && !seen(other))
            {
                self.report(
                    path,
                    FindingKind::OneOf,
                    format!("`{name}` and `{other}` exclude each other"),
                );
            }
        }
        let given = |names: &[String]| names.iter().filter(|name| map.contains_key(*name)).count();
        if !schema.required_any.is_empty() && given(&schema.required_any) == 0 {
            self.report(
                path,
                FindingKind::Missing,
                format!("one of {} is required", names(&schema.required_any)),
            );
        }
        if !schema.required_one.is_empty() && given(&schema.required_one) != 1 {
            let message = format!("exactly one of {} is required", names(&schema.required_one));
            self.report(path, FindingKind::OneOf, message);
        }
        self.count(
            path,
            map.len(),
            "entries",
            schema.min_properties,
            schema.max_properties,
        );
    }

    fn list(&mut self, schema: &Schema, path: &PropertyPath, items: &[Value], depth: usize) {
        let facts = self.facts;
        if let Some(schema) = facts.items(schema) {
            for (position, item) in items.iter().enumerate() {
                self.node(schema, &path.index(position), item, depth);
            }
        }
        self.count(
            path,
            items.len(),
            "items",
            schema.min_items,
            schema.max_items,
        );
        if schema.unique_items {
            let mut seen = BTreeSet::new();
            for (position, item) in items
                .iter()
                .enumerate()
                .filter(|(_, item)| !item.has_unknown() && !item.has_secret())
            {
                if !seen.insert(item.to_json().to_string()) {
                    let message = "the same item stands in the list twice".to_owned();
                    self.report(&path.index(position), FindingKind::Bounds, message);
                }
            }
        }
    }

    fn count(
        &mut self,
        path: &PropertyPath,
        count: usize,
        what: &str,
        least: Option<u64>,
        most: Option<u64>,
    ) {
        let count = count as u64;
        if let Some(least) = least.filter(|least| count < *least) {
            self.report(
                path,
                FindingKind::Bounds,
                format!("{count} {what}, but at least {least} are needed"),
            );
        }
        if let Some(most) = most.filter(|most| count > *most) {
            self.report(
                path,
                FindingKind::Bounds,
                format!("{count} {what}, but at most {most} are allowed"),
            );
        }
    }

    fn scalar(&mut self, schema: &Schema, path: &PropertyPath, value: &Value) {
        // A secret's text stays out of messages; its form is AWS's to judge.
        let Some(text) = value.to_text().filter(|text| !text.contains("{{resolve:")) else {
            return;
        };
        if let Some(constant) = schema
            .constant
            .as_ref()
            .filter(|constant| !same_scalar(constant, value, false))
        {
            let message = format!(
                "expected `{}`, found `{text}`",
                constant.to_text().unwrap_or_default()
            );
            self.report(path, FindingKind::Enum, message);
        }
        if !schema.values.is_empty()
            && !schema
                .values
                .iter()
                .any(|one| same_scalar(one, value, schema.any_case))
        {
            let allowed: Vec<String> = schema.values.iter().filter_map(Value::to_text).collect();
            let advice = nearest(&text, allowed.iter().map(String::as_str))
                .map(|name| format!("; did you mean `{name}`?"));
            let message = match advice {
                Some(advice) if allowed.len() > 12 => format!("`{text}` is not allowed{advice}"),
                advice => {
                    format!(
                        "`{text}` is none of {}{}",
                        names(&allowed),
                        advice.unwrap_or_default()
                    )
                }
            };
            self.report(path, FindingKind::Enum, message);
        }
        let numeric = schema
            .kinds
            .iter()
            .any(|kind| matches!(kind, Kind::Integer | Kind::Number));
        if numeric && let Ok(number) = text.trim().parse::<f64>() {
            self.number(schema, path, number, &text);
        }
        if schema.kinds.contains(&Kind::String)
            || schema.kinds.is_empty() && matches!(value, Value::String(_))
        {
            self.text(schema, path, &text);
        }
    }

    fn number(&mut self, schema: &Schema, path: &PropertyPath, number: f64, text: &str) {
        let bound = FindingKind::Bounds;
        if let Some(least) = schema.minimum.filter(|least| number < *least) {
            self.report(
                path,
                bound,
                format!("`{text}` is less than {least}, the least that is allowed"),
            );
        }
        if let Some(most) = schema.maximum.filter(|most| number > *most) {
            self.report(
                path,
                bound,
                format!("`{text}` is more than {most}, the most that is allowed"),
            );
        }
        if let Some(least) = schema.exclusive_minimum.filter(|least| number <= *least) {
            self.report(path, bound, format!("`{text}` is not more than {least}"));
        }
        if let Some(most) = schema.exclusive_maximum.filter(|most| number >= *most) {
            self.report(path, bound, format!("`{text}` is not less than {most}"));
        }
        let multiple = schema.multiple_of.filter(|step| *step > 0.0);
        if let Some(step) = multiple.filter(|step| {
            let times = number / step;
            (times - times.round()).abs() > 1e-6
        }) {
            self.report(path, bound, format!("`{text}` is no multiple of {step}"));
        }
    }

    fn text(&mut self, schema: &Schema, path: &PropertyPath, text: &str) {
        let length = text.chars().count() as u64;
        if let Some(least) = schema.min_length.filter(|least| length < *least) {
            let message = format!("{length} characters, but at least {least} are needed");
            self.report(path, FindingKind::Bounds, message);
        }
        if let Some(most) = schema.max_length.filter(|most| length > *most) {
            self.report(
                path,
                FindingKind::Bounds,
                format!("{length} characters, but at most {most} are allowed"),
            );
        }
        if let Some(pattern) = schema
            .pattern
            .as_ref()
            .filter(|pattern| !matches(pattern, text))
        {
            self.report(
                path,
                FindingKind::Pattern,
                format!("`{text}` does not match {pattern}"),
            );
        }
    }

    /// `anyOf` and `oneOf`. That more than one form of a `oneOf` fits counts only where the forms differ in what is present:
    /// otherwise schemas of AWS often mean `anyOf`.
    fn alternatives(&mut self, schema: &Schema, path: &PropertyPath, value: &Value, depth: usize) {
        for (forms, exactly_one) in [(&schema.any_of, false), (&schema.one_of, true)] {
            if forms.is_empty() {
                continue;
            }
            let findings: Vec<Vec<Finding>> = forms
                .iter()
                .map(|form| {
                    let mut check = Check {
                        facts: self.facts,
                        budget: self.budget,
                        findings: Vec::new(),
                    };
                    check.node(form, path, value, depth);
                    self.budget = check.budget;
                    check.findings
                })
                .collect();
            let fitting = findings
                .iter()
                .filter(|findings| findings.is_empty())
                .count();
            let presence = forms
                .iter()
                .all(|form| !form.required.is_empty() && form.properties.is_empty());
            let needs: Vec<String> = forms.iter().map(|form| form.required.join(" + ")).collect();
            if fitting == 0 && presence {
                self.report(
                    path,
                    FindingKind::OneOf,
                    format!("one of {} is required", names(&needs)),
                );
            } else if fitting == 0 {
                let nearest = findings
                    .iter()
                    .min_by_key(|findings| findings.len())
                    .and_then(|findings| findings.first());
                let hint = nearest.map(|finding| match finding.path == *path {
                    true => format!("; nearest: {}", finding.message),
                    false => format!("; nearest: {}: {}", finding.path, finding.message),
                });
                let message = format!(
                    "fits none of the {} forms allowed here{}",
                    forms.len(),
                    hint.unwrap_or_default()
                );
                self.report(path, FindingKind::OneOf, message);
            } else if fitting > 1 && exactly_one && presence {
                self.report(
                    path,
                    FindingKind::OneOf,
                    format!("only one of {} is allowed", names(&needs)),
                );
            }
        }
    }
}

/// Whether a value is of one of the schema's types, as CloudFormation coerces.
fn fits(schema: &Schema, value: &Value) -> bool {
    if schema.kinds.is_empty() {
        return true;
    }
    schema.kinds.iter().any(|kind| match (kind, value) {
        (_, Value::Unknown(_)) => true,
        (_, Value::String(text)) if text.contains("{{resolve:") => *kind != Kind::Null,
        (_, Value::Secret(Secret::Hashed(_))) => true,
        (Kind::String, Value::String(_) | Value::Secret(_) | Value::Number(_) | Value::Bool(_)) => {
            true
        }
        (Kind::Boolean, value) => value.as_bool().is_some(),
        (Kind::Integer, Value::Number(number)) => {
            number.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        (Kind::Integer, Value::String(text)) => text
            .trim()
            .parse::<f64>()
            .is_ok_and(|number| number.fract() == 0.0),
        (Kind::Number, Value::Number(_)) => true,
        (Kind::Number, Value::String(text)) => text.trim().parse::<f64>().is_ok(),
        (Kind::Array, Value::List(_))
        | (Kind::Object, Value::Map(_))
        | (Kind::Null, Value::Null) => true,
        // A free-form document may be given as JSON text.
        (Kind::Object, Value::String(text)) => {
            schema.is_free_form() && text.trim_start().starts_with('{')
        }
        _ => false,
    })
}

fn expected(schema: &Schema) -> String {
    let kinds: Vec<&str> = schema
        .kinds
        .iter()
        .map(|kind| match kind {
            Kind::Null => "null",
            Kind::Boolean => "true or false",
            Kind::Integer => "a whole number",
            Kind::Number => "a number",
            Kind::String => "a text",
            Kind::Array => "a list",
            Kind::Object => "a map",
        })
        .collect();
    kinds.join(" or ")
}

fn found(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => format!("`{flag}`"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => {
            let short: String = text.chars().take(40).collect();
            format!(
                "the text `{short}{}`",
                if short.len() < text.len() { "…" } else { "" }
            )
        }
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
        Value::Secret(_) => "a secret text".to_owned(),
        Value::Unknown(_) => "a value that is not known yet".to_owned(),
    }
}

fn names(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Whether two scalars are the same when text counts as what it writes.
pub(crate) fn same_scalar(a: &Value, b: &Value, any_case: bool) -> bool {
    let (Some(left), Some(right)) = (a.to_text(), b.to_text()) else {
        return false;
    };
    if left == right {
        return true;
    }
    if any_case || matches!(a, Value::Bool(_)) || matches!(b, Value::Bool(_)) {
        return left.eq_ignore_ascii_case(&right);
    }
    // Two texts are equal only as texts ("1.0" and "1" are two versions); a number equals every way to write it.
    let number = matches!(a, Value::Number(_)) || matches!(b, Value::Number(_));
    number
        && matches!((left.trim().parse::<f64>(), right.trim().parse::<f64>()), (Ok(left), Ok(right)) if left == right)
}

/// The candidate that is most like a word, if any is like it at all.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    let scored = candidates.filter_map(|one| {
        let longer = length.max(one.chars().count());
        let allowed = longer * 2 / 5;
        // What is much longer or shorter cannot be like it, and need not be measured.
        let distance = (length.abs_diff(one.chars().count()) <= allowed)
            .then(|| strsim::osa_distance(&word, &one.to_lowercase()))?;
        (distance <= allowed).then(|| (1.0 - distance as f64 / longer.max(1) as f64, one))
    });
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)));
    best.map(|(_, name)| name)
}
