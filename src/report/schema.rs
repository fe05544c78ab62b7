//! A resource type's facts, as `payctl schema` shows them and as docs/types.md lists them.

use std::fmt::Write as _;

use payctl_model::facts::{Kind, Schema, TypeFacts};
use payctl_model::{PropertyPath, Step};
use serde_json::{Map, Value as Json, json};

use super::style::{FAINT, STRONG, paint};

/// Schemas nested deeper than this repeat themselves.
const DEPTH: usize = 12;

/// Whether payctl's own module carries a property out, and a note.
pub type Support<'a> = &'a dyn Fn(&PropertyPath) -> (bool, Option<String>);

/// AWS's page about a type.
pub fn page(type_name: &str) -> String {
    let name = type_name.to_lowercase();
    let name = name
        .strip_prefix("aws::")
        .unwrap_or(&name)
        .replace("::", "-");
    format!(
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-{name}.html"
    )
}

/// One type's entry of `schema --json` (docs/contracts.md).
pub fn to_json(facts: &TypeFacts, native: bool, support: Support<'_>) -> Json {
    let mut properties = Map::new();
    walk(
        facts,
        &facts.root,
        &PropertyPath::root(),
        &mut Vec::new(),
        support,
        &mut properties,
    );
    json!({
        "native": native,
        "ref": facts.reference_property(),
        "attributes": facts.attributes().collect::<Vec<_>>(),
        "properties": properties,
        "page": page(&facts.name),
    })
}

fn walk<'f>(
    facts: &'f TypeFacts,
    schema: &'f Schema,
    path: &PropertyPath,
    above: &mut Vec<*const Schema>,
    support: Support<'_>,
    out: &mut Map<String, Json>,
) {
    let schema = facts.resolve(schema);
    // A schema that contains itself is told once.
    if above.len() >= DEPTH || above.contains(&std::ptr::from_ref(schema)) {
        return;
    }
    above.push(schema);
    for (name, property) in &schema.properties {
        let at = path.key(name);
        let resolved = facts.resolve(property);
        if path.is_root() && facts.is_read_only(&at) {
            continue;
        }
        let (supported, note) = support(&at);
        out.insert(
            at.to_string(),
            json!({
                "type": kind(resolved),
                "required": schema.required.contains(name),
                "create_only": facts.is_create_only(&at),
                "write_only": facts.is_write_only(&at),
                "supported": supported,
                "note": note,
            }),
        );
        walk(facts, resolved, &at, above, support, out);
    }
    if let Some(items) = facts.items(schema) {
        walk(facts, items, &path.step(Step::Any), above, support, out);
    }
    above.pop();
}

fn kind(schema: &Schema) -> String {
    let name = |kind: &Kind| format!("{kind:?}").to_lowercase();
    match schema.kinds.as_slice() {
        [] if !schema.properties.is_empty() => "object".to_owned(),
        [] => "any".to_owned(),
        kinds => kinds.iter().map(name).collect::<Vec<_>>().join("|"),
    }
}

/// The same for people.
pub fn describe(name: &str, entry: &Json) -> String {
    let mut out = String::new();
    let refused = entry["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .all(|(_, property)| property["supported"] == false);
    let native = match (entry["native"] == true, refused) {
        (true, _) => "native",
        (false, false) => "through the Cloud Control API",
        (false, true) => "validated and planned; it cannot be provisioned",
    };
    let _ = writeln!(
        out,
        "{} ({native})\n{}\n",
        paint(STRONG, name),
        paint(FAINT, entry["page"].as_str().unwrap_or_default())
    );
    let _ = writeln!(
        out,
        "Ref: {}",
        entry["ref"].as_str().unwrap_or("the physical id")
    );
    let attributes: Vec<&str> = entry["attributes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    let _ = writeln!(out, "GetAtt: {}\n\nProperties", attributes.join(", "));
    for (path, property) in entry["properties"].as_object().into_iter().flatten() {
        let mut marks = vec![property["type"].as_str().unwrap_or("any").to_owned()];
        for (key, mark) in [
            ("required", "required"),
            ("create_only", "replaces"),
            ("write_only", "never read back"),
        ] {
            if property[key] == true {
                marks.push(mark.to_owned());
            }
        }
        if property["supported"] == false && entry["native"] == true {
            marks.push(format!(
                "not supported: {}",
                property["note"].as_str().unwrap_or_default()
            ));
        }
        let _ = writeln!(out, "  {path}: {}", marks.join(", "));
    }
    out
}
