//! What parameters the engines have: names, defaults, and when a change of them acts.
//!
//! `parameters.txt` has those that templates set, from "Working with parameters" and the parameter reference of each engine in the RDS and Aurora
//! user guides; engines have hundreds. A name that does not stand there is taken as a parameter without a default, which acts after a reboot.

use crate::error::{Fault, Refusal};
use crate::law::Law;
use serde_json::{Value as Json, json};
use std::sync::OnceLock;

/// Which groups have a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Groups of instances.
    Instance,
    /// Groups of clusters.
    Cluster,
}

/// A static parameter waits for the reboot.
pub const STATIC: Law = Law {
    name: "a static parameter acts after a reboot",
    operations: &["ModifyDBParameterGroup", "ModifyDBClusterParameterGroup"],
    source: "Amazon RDS API Reference, ModifyDBParameterGroup: you can use the immediate value with dynamic parameters only",
    fault: Fault::new(
        "InvalidParameterCombination",
        "cannot use immediate apply method for static parameter",
    ),
    check: None,
};

/// AWS's own.
pub const MODIFIABLE: Law = Law {
    name: "a parameter that AWS sets is not changed",
    operations: &["ModifyDBParameterGroup", "ModifyDBClusterParameterGroup"],
    source: "Amazon RDS API Reference, Parameter: IsModifiable",
    fault: Fault::new(
        "InvalidParameterValue",
        "The parameter {id} cannot be modified.",
    ),
    check: None,
};

/// Within what is allowed.
pub const ALLOWED: Law = Law {
    name: "a parameter's value is an allowed one",
    operations: &["ModifyDBParameterGroup", "ModifyDBClusterParameterGroup"],
    source: "Amazon RDS API Reference, Parameter: AllowedValues",
    fault: Fault::new(
        "InvalidParameterValue",
        "Invalid parameter value: {value} for: {id} allowed values are: {allowed}",
    ),
    check: None,
};

/// Groups of clusters and of instances have parameters of their own.
pub const SCOPED: Law = Law {
    name: "a cluster's parameter is set in the cluster's group, an instance's in the instance's",
    operations: &["ModifyDBParameterGroup", "ModifyDBClusterParameterGroup"],
    source: "Amazon Aurora User Guide, Amazon Aurora DB cluster and DB instance parameters",
    fault: Fault::new(
        "InvalidParameterValue",
        "Could not find parameter with name: {id}",
    ),
    check: None,
};

/// One line: engine, scope (`i`, `c`, `b`oth), name, type, apply type, modifiable, default, allowed values; `-` for none.
struct Known {
    engine: &'static str,
    scope: &'static str,
    name: &'static str,
    kind: &'static str,
    apply: &'static str,
    modifiable: bool,
    default: Option<&'static str>,
    allowed: Option<&'static str>,
}

fn catalogue() -> &'static [Known] {
    static CATALOGUE: OnceLock<Vec<Known>> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        let lines = include_str!("parameters.txt").lines();
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines
            .filter_map(|line| {
                let mut parts = line.split_whitespace();
                let mut next = || parts.next();
                let some = |text: &'static str| (text != "-").then_some(text);
                Some(Known {
                    engine: next()?,
                    scope: next()?,
                    name: next()?,
                    kind: next()?,
                    apply: next()?,
                    modifiable: next()? == "yes",
                    default: some(next()?),
                    allowed: some(next()?),
                })
            })
            .collect()
    })
}

fn engine(family: &str) -> &str {
    super::parameter_groups::engine_of(family).map_or("", |engine| engine.name)
}

fn of_family(family: &str) -> impl Iterator<Item = &'static Known> {
    let engine = engine(family).to_owned();
    catalogue()
        .iter()
        .filter(move |known| known.engine.split(',').any(|one| engine.starts_with(one)))
}

fn in_scope(known: &Known, family: &str, scope: Scope) -> bool {
    // Only Aurora tells the two apart; in a Multi-AZ cluster's group are all of its engine's.
    !family.starts_with("aurora")
        || match scope {
            Scope::Instance => known.scope != "c",
            Scope::Cluster => known.scope != "i",
        }
}

/// Refuses what AWS does; gives the name as AWS writes it.
pub(super) fn check(
    family: &str,
    scope: Scope,
    parameter: &Json,
    sets: bool,
) -> Result<String, Refusal> {
    let text = |member: &str| parameter[member].as_str().unwrap_or_default();
    let name = text("ParameterName");
    let mut known = of_family(family).filter(|known| known.name.eq_ignore_ascii_case(name));
    let Some(found) = known.next() else {
        return Ok(name.to_owned());
    };
    if !in_scope(found, family, scope) {
        return Err(SCOPED.fault.with(&[("id", name)]));
    }
    if !sets {
        return Ok(found.name.to_owned());
    }
    if !found.modifiable {
        return Err(MODIFIABLE.fault.with(&[("id", name)]));
    }
    if found.apply == "static" && text("ApplyMethod") == "immediate" {
        return Err(STATIC.fault.with(&[]));
    }
    let value = text("ParameterValue");
    if let Some(allowed) = found.allowed.filter(|allowed| !allows(allowed, value)) {
        return Err(ALLOWED
            .fault
            .with(&[("id", name), ("value", value), ("allowed", allowed)]));
    }
    Ok(found.name.to_owned())
}

/// `0-100` is a range, `a,b` a list. Formulas (`{DBInstanceClassMemory/4}`) are worked out by the instance.
fn allows(allowed: &str, value: &str) -> bool {
    if value.starts_with('{') || value.contains('(') || value.is_empty() {
        return true;
    }
    if let Some((least, most)) = range(allowed) {
        return value
            .parse::<f64>()
            .is_ok_and(|value| (least..=most).contains(&value));
    }
    let allowed: Vec<&str> = allowed.split(',').collect();
    value.split(',').all(|part| {
        allowed
            .iter()
            .any(|one| one.eq_ignore_ascii_case(part.trim()))
    })
}

fn range(allowed: &str) -> Option<(f64, f64)> {
    // The least may be negative.
    let at = allowed.get(1..)?.find('-')? + 1;
    let (least, most) = (allowed.get(..at)?, allowed.get(at + 1..)?);
    Some((least.parse().ok()?, most.parse().ok()?))
}

/// All parameters of a family as the describe shows them, with what was set over the defaults.
pub(super) fn all(family: &str, scope: Scope, set: &Json) -> Vec<(String, Json)> {
    let mut shown: Vec<(String, Json)> = of_family(family)
        .filter(|known| in_scope(known, family, scope))
        .map(|known| {
            let set = set.get(known.name);
            let source = match (set, known.modifiable) {
                (Some(_), _) => "user",
                (None, false) => "system",
                (None, true) => "engine-default",
            };
            let method = set.and_then(|set| set["ApplyMethod"].as_str());
            let mut one = json!({
                "ParameterName": known.name,
                "Description": known.name.replace(['_', '.'], " "),
                "Source": source,
                "ApplyType": known.apply,
                "DataType": known.kind,
                "IsModifiable": known.modifiable,
                "ApplyMethod": method.unwrap_or("pending-reboot"),
            });
            let value = match set {
                Some(set) => Some(set["Value"].clone()),
                None => known.default.map(Json::from),
            };
            if let Some(value) = value {
                one["ParameterValue"] = value;
            }
            if let Some(allowed) = known.allowed {
                one["AllowedValues"] = json!(allowed);
            }
            (known.name.to_owned(), one)
        })
        .collect();
    for (name, set) in set.as_object().into_iter().flatten() {
        if !shown.iter().any(|(known, _)| known == name) {
            let one = json!({
                "ParameterName": name,
                "ParameterValue": set["Value"],
                "Source": "user",
                "ApplyType": "static",
                "DataType": "string",
                "IsModifiable": true,
                "ApplyMethod": set["ApplyMethod"],
            });
            shown.push((name.clone(), one));
        }
    }
    shown.sort_by(|a, b| a.0.cmp(&b.0));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read_and_its_default_allowed() {
        let lines = include_str!("parameters.txt").lines();
        let wanted = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        assert_eq!(catalogue().len(), wanted.count());
        for known in catalogue() {
            assert!(
                matches!(known.apply, "static" | "dynamic"),
                "{}",
                known.name
            );
            if let (Some(default), Some(allowed)) = (known.default, known.allowed) {
                assert!(allows(allowed, default), "{}: {default}", known.name);
            }
        }
    }

    #[test]
    fn ranges_and_lists() {
        for (allowed, value, fits) in [
            ("0-100", "5", true),
            ("0-100", "101", false),
            ("-1-10", "-1", true),
            ("0-100", "{DBInstanceClassMemory/2}", true),
            ("on,off", "ON", true),
            ("on,off", "maybe", false),
            ("a,b,c", "a,c", true),
        ] {
            assert_eq!(allows(allowed, value), fits, "{allowed} {value}");
        }
    }
}
