//! `AWS::RDS::OptionGroup`: features of an engine that are switched on for its instances.

use super::{OPTION_GROUPS, TAGS};
use crate::context::Context;
use crate::error::Error;
use crate::prelude::*;
use crate::tags;

/// `AWS::RDS::OptionGroup`.
pub struct OptionGroup;

static DEFINITION: Definition = Definition {
    create: Create::of("CreateOptionGroup", "OptionGroup"),
    reads: &[
        Read::of(&OPTION_GROUPS),
        Read {
            key: Key::Described(&["OptionGroupArn"]),
            select: Some(tags::swept),
            ..Read::of(&tags::SWEEP)
        },
        Read {
            key: Key::Described(&["OptionGroupArn"]),
            when: Some(tags::untagged),
            ..Read::of(&TAGS)
        },
    ],
    updates: &[Change {
        takes: &["OptionConfigurations"],
        mode: Mode::Step(options),
        ..Change::of("ModifyOptionGroup", &["OptionGroupName"])
    }],
    delete: Delete {
        // A database that is being deleted uses it still.
        busy: &["InvalidOptionGroupStateFault"],
        ..Delete::of(
            "DeleteOptionGroup",
            &["OptionGroupName"],
            &["OptionGroupNotFoundFault"],
        )
    },
    find: Find::Key(&["OptionGroupName"]),
    rules: &[
        Rule::Sent("OptionConfigurations", "OptionsToInclude"),
        Rule::Told("OptionConfigurations", "Options"),
        Rule::Told(
            "OptionConfigurations.*.DBSecurityGroupMemberships",
            "DBSecurityGroupMemberships.*.DBSecurityGroupName",
        ),
        Rule::Told(
            "OptionConfigurations.*.VpcSecurityGroupMemberships",
            "VpcSecurityGroupMemberships.*.VpcSecurityGroupId",
        ),
        Rule::Told("Tags", "TagList"),
        Rule::Told("Tags", "Tags"),
    ],
    tags: Tags::Member,
    // "Must be 1 to 255 letters, numbers, or hyphens. First character must be a letter. Can't end with a hyphen or contain two consecutive
    // hyphens" (API_CreateOptionGroup).
    name: Some(Name::lower("OptionGroupName", 255)),
    // Another change of it is being carried out.
    propagation: &[("InvalidOptionGroupStateFault", "not available")],
    unique: &[&["OptionGroupName"]],
    resets: &[("OptionConfigurations", "[]")],
    ..Definition::new("AWS::RDS::OptionGroup", "rds")
};

fn named(properties: &Value) -> Vec<(String, Value)> {
    let options = properties
        .get("OptionConfigurations")
        .and_then(Value::as_list);
    options
        .into_iter()
        .flatten()
        .filter_map(|option| Some((option.get("OptionName")?.to_text()?, option.clone())))
        .collect()
}

/// One call includes all declared options, which changes those that are there, and takes away the others.
fn options<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let (wanted, live) = (named(update.desired), named(update.live));
        let has = |some: &[(String, Value)], name: &str| some.iter().any(|(one, _)| one == name);
        let gone: Vec<&String> = live
            .iter()
            .map(|(name, _)| name)
            .filter(|name| !has(&wanted, name))
            .collect();
        let declared = update.desired.get("OptionConfigurations");
        let declared = match declared.map(Value::expose_json) {
            Some(Some(declared)) => declared,
            Some(None) => {
                let what = "AWS::RDS::OptionGroup OptionConfigurations";
                return Err(Error::Unknown(what.to_owned()));
            }
            None => json!([]),
        };
        let properties = Map::from_iter([("OptionConfigurations".to_owned(), declared)]);
        let mut input = generic::input(&DEFINITION, "ModifyOptionGroup", &properties)?;
        if wanted.is_empty() {
            input.remove("OptionsToInclude");
        }
        if !gone.is_empty() {
            input.insert("OptionsToRemove".to_owned(), json!(gone));
        }
        if input.is_empty() {
            return Ok(());
        }
        input.insert("OptionGroupName".to_owned(), json!(id.as_str()));
        input.insert("ApplyImmediately".to_owned(), true.into());
        generic::write(&DEFINITION, context, "ModifyOptionGroup", input).await?;
        Ok(())
    })
}

impl Resource for OptionGroup {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }
}
