//! `AWS::SSM::Parameter`: a text under a name.

use super::{METADATA, PARAMETERS, TAGS};
use crate::prelude::*;
use crate::tags;

native!(
    /// `AWS::SSM::Parameter`.
    Parameter,
    Definition {
        create: Create::of("PutParameter", ""),
        reads: &[
            Read::of(&PARAMETERS),
            Read { key: Key::Described(&["ARN"]), select: Some(tags::swept), ..Read::of(&tags::SWEEP) },
            Read::of(&METADATA),
            Read { when: Some(tags::untagged), select: Some(listed), ..Read::of(&TAGS) },
        ],
        // "Overwrite": all that is declared, without tags, which AWS refuses together with it (API_PutParameter).
        updates: &[Change {
            mode: Mode::All,
            fixed: &[("Overwrite", Fixed::Flag(true))],
            ..Change::of("PutParameter", &["Name"])
        }],
        delete: Delete::of("DeleteParameter", &["Name"], &["ParameterNotFound"]),
        find: Find::Key(&["Name"]),
        rules: &[
            Rule::Computed("Policies", policies),
            // What is declared as Intelligent-Tiering is told as the tier that AWS has chosen (Systems Manager user guide, "Managing
            // parameter tiers"): the registry calls it write-only.
            Rule::Computed("Tier", |_| None),
        ],
        tags: Tags::Member,
        // "The maximum length constraint for the parameter name … is 1011 characters" (API_PutParameter).
        name: Some(Name { also: "._", ..Name::of("Name", 1011) }),
        unique: &[&["Name"]],
        resets: &[("Description", "\"\""), ("AllowedPattern", "\"\""), ("Policies", "\"[]\"")],
        ..Definition::new("AWS::SSM::Parameter", "ssm")
    }
);

fn listed(answer: &Json, _: &PhysicalId) -> Option<Json> {
    Some(json!({"Tags": answer.get("TagList")?}))
}

/// Each policy comes as a text of its own; they are declared as one list in a text.
fn policies(parameter: &Json) -> Option<Json> {
    let policies: Vec<Json> = parameter
        .get("Policies")?
        .as_array()?
        .iter()
        .filter_map(|policy| serde_json::from_str(described(policy, "PolicyText")?).ok())
        .collect();
    (!policies.is_empty()).then(|| Json::Array(policies).to_string().into())
}
