//! Option groups: features of an engine that are switched on.

use super::engines::{ENGINES, Engine};
use super::{PAGES, values};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::filter;
use crate::kind::{Id, Kind, Shows, Tags, Unique, create, delete, describe, run};
use crate::law::Law;
use crate::path;
use crate::registry;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};
use std::sync::OnceLock;

const KIND: &str = "rds/option-group";

/// The engine has options.
pub const ENGINE_OPTIONS: Law = Law {
    name: "an option group is for an engine and a major version that there is",
    operations: &["CreateOptionGroup"],
    source: "Amazon RDS API Reference, CreateOptionGroup: EngineName, MajorEngineVersion",
    fault: Fault::new(
        "InvalidParameterCombination",
        "Cannot find major version {version} for {engine}",
    ),
    check: Some(|call, law| {
        let name = call
            .text("EngineName")
            .unwrap_or_default()
            .to_ascii_lowercase();
        let version = call.text("MajorEngineVersion").unwrap_or_default();
        let engine = ENGINES.iter().find(|engine| engine.name == name);
        let known = engine.is_some_and(|engine| {
            !engine.aurora()
                && engine
                    .versions
                    .iter()
                    .any(|one| engine.major(one) == version)
        });
        if known {
            return Ok(());
        }
        Err(law.fault.with(&[("version", version), ("engine", &name)]))
    }),
};

/// AWS's own groups stay as they are.
pub const DEFAULT_OPTIONS: Law = Law {
    name: "a default option group is neither changed nor deleted",
    operations: &["ModifyOptionGroup", "DeleteOptionGroup"],
    source: "Amazon RDS User Guide, Working with option groups: default option groups can't be modified",
    fault: Fault::new(
        "InvalidParameterValue",
        "Cannot modify or delete a default option group: {id}",
    ),
    check: Some(|call, law| {
        let name = call.text("OptionGroupName").unwrap_or_default();
        if name.starts_with("default:") {
            return Err(law.fault.with(&[("id", name)]));
        }
        Ok(())
    }),
};

/// Options are the engine's.
pub const OPTION_KNOWN: Law = Law {
    name: "an option is one of its engine's",
    operations: &["ModifyOptionGroup"],
    source: "Amazon RDS API Reference, ModifyOptionGroup: OptionsToInclude",
    fault: Fault::new(
        "InvalidParameterValue",
        "Invalid option name: {id} for engine {engine}",
    ),
    check: None,
};

/// A permanent option stays.
pub const PERMANENT: Law = Law {
    name: "a permanent option is never taken away, a persistent one only while no instance uses the group",
    operations: &["ModifyOptionGroup"],
    source: "Amazon RDS User Guide, Working with option groups: persistent and permanent options",
    fault: Fault::new(
        "InvalidParameterCombination",
        "The option {id} cannot be removed: it is {kind}.",
    ),
    check: None,
};

/// Options that listen need security groups.
pub const VPC_GROUPS: Law = Law {
    name: "an option that listens on a port has security groups",
    operations: &["ModifyOptionGroup"],
    source: "Amazon RDS API Reference, OptionConfiguration: VpcSecurityGroupMemberships",
    fault: Fault::new(
        "InvalidParameterCombination",
        "The option {id} requires a security group.",
    ),
    check: None,
};

/// A group fits the instance's engine and version.
pub const OPTIONS_FIT: Law = Law {
    name: "an instance uses an option group of its own engine and major version",
    operations: &["CreateDBInstance", "ModifyDBInstance"],
    source: "Amazon RDS User Guide, Working with option groups: an option group is for one engine and major version",
    fault: Fault::new(
        "InvalidParameterCombination",
        "The option group {id} is for {engine} {version} and cannot be used here.",
    ),
    check: None,
};

/// An option group.
pub const OPTION_GROUP: Kind = Kind {
    name: KIND,
    id: Id::Member("OptionGroupName"),
    arn: "arn:{partition}:rds:{region}:{account}:og:{id}",
    arn_member: "OptionGroupArn",
    resolve: Some(|_, name| name.to_ascii_lowercase()),
    on_demand: Some(summon),
    defaults: Some(|_| json!({"Options": [], "AllowsVpcAndNonVpcInstanceMemberships": true})),
    tags: Tags::Unseen("Tags"),
    tag_type: "og",
    unique: &[Unique::new(
        &["OptionGroupName"],
        Fault::new(
            "OptionGroupAlreadyExistsFault",
            "An option group named {OptionGroupName} already exists.",
        ),
    )],
    not_found: Fault::new(
        "OptionGroupNotFoundFault",
        "Specified OptionGroupName: {id} not found.",
    )
    .status(404),
    in_use: Fault::new(
        "InvalidOptionGroupStateFault",
        "The option group '{id}' cannot be deleted because it is in use.",
    ),
    limit: Some((
        100,
        Fault::new(
            "OptionGroupQuotaExceededFault",
            "Cannot create more than {limit} option groups.",
        ),
    )),
    operations: &[
        create("CreateOptionGroup", Shows::In("OptionGroup")).before(named),
        describe(
            "DescribeOptionGroups",
            "OptionGroupName",
            "OptionGroupsList",
        )
        .select(&[
            ("EngineName", "EngineName"),
            ("MajorEngineVersion", "MajorEngineVersion"),
        ])
        .missing(crate::kind::Missing::Refused)
        .paging(PAGES)
        .filters(&[]),
        run("ModifyOptionGroup", change),
        run("CopyOptionGroup", copy),
        run("DescribeOptionGroupOptions", options),
        delete("DeleteOptionGroup", "OptionGroupName", Shows::Nothing),
    ],
    ..Kind::NEW
};

/// One line: engine, name, port, persistent or permanent, settings (`NAME=DEFAULT;NAME=…`); `-` for none.
struct Known {
    engine: &'static str,
    name: &'static str,
    port: Option<i64>,
    lasts: &'static str,
    settings: Vec<(&'static str, Option<&'static str>)>,
}

fn catalogue() -> &'static [Known] {
    static CATALOGUE: OnceLock<Vec<Known>> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        let lines = include_str!("options.txt").lines();
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines
            .filter_map(|line| {
                let mut parts = line.split_whitespace();
                let (engine, name) = (parts.next()?, parts.next()?);
                let (port, lasts) = (parts.next()?, parts.next()?);
                let settings = parts.next()?.split(';').filter(|text| *text != "-");
                let settings = settings.map(|setting| match setting.split_once('=') {
                    Some((name, default)) => (name, Some(default).filter(|one| !one.is_empty())),
                    None => (setting, None),
                });
                Some(Known {
                    engine,
                    name,
                    port: port.parse().ok(),
                    lasts,
                    settings: settings.collect(),
                })
            })
            .collect()
    })
}

fn known<'a>(engine: &'a str, name: &'a str) -> Option<&'static Known> {
    catalogue().iter().find(|known| {
        known.name == name && known.engine.split(',').any(|one| engine.starts_with(one))
    })
}

fn named(_: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    for member in ["OptionGroupName", "EngineName"] {
        let text = path::text(members, member).unwrap_or_default();
        if member == "OptionGroupName" {
            values::group_name(text, member)?;
        }
        let text = text.to_ascii_lowercase();
        members.insert(member.to_owned(), json!(text));
    }
    Ok(())
}

/// `default:mysql-8-0` is there as soon as somebody uses it.
fn summon(call: &mut Call, name: &str) {
    if !name.starts_with("default:") || call.find(KIND, name).is_some() {
        return;
    }
    let of = |engine: &'static Engine| {
        let found = engine.versions.iter();
        let mut found = found.filter(|version| engine.option_group(version) == name);
        found.next().map(|version| (engine, engine.major(version)))
    };
    let Some((engine, major)) = ENGINES.iter().find_map(of) else {
        return;
    };
    let made = call.make(
        KIND,
        json!({
            "OptionGroupName": name,
            "EngineName": engine.name,
            "MajorEngineVersion": major,
            "OptionGroupDescription": format!("Default option group for {} {major}", engine.name),
        }),
    );
    debug_assert!(made.is_ok(), "{made:?}");
}

/// Settings with the engine's defaults, and what was asked for over them. A setting without a value is told without one.
fn settings(known: &Known, before: Option<&Json>, sent: &Json) -> Json {
    let mut all: Vec<Json> = match before {
        Some(Json::Array(settings)) => settings.clone(),
        _ => known
            .settings
            .iter()
            .map(|(name, default)| {
                let mut one = json!({
                    "Name": name, "ApplyType": "DYNAMIC", "DataType": "STRING", "IsModifiable": true, "IsCollection": false,
                });
                if let Some(default) = default {
                    one["Value"] = json!(default);
                    one["DefaultValue"] = json!(default);
                }
                one
            })
            .collect(),
    };
    for setting in sent.as_array().into_iter().flatten() {
        let found = all.iter_mut().find(|one| one["Name"] == setting["Name"]);
        match found {
            Some(one) => one["Value"] = setting["Value"].clone(),
            None => all.push(json!({
                "Name": setting["Name"], "Value": setting["Value"], "ApplyType": "DYNAMIC", "DataType": "STRING", "IsModifiable": true,
                "IsCollection": false,
            })),
        }
    }
    Json::Array(all)
}

fn change(call: &mut Call) -> Answer {
    let name = call.text("OptionGroupName").unwrap_or_default().to_owned();
    summon(call, &name);
    let group = call.need(KIND, &name)?.clone();
    let engine = group.text("EngineName").to_owned();
    let mut options = group.list("Options").to_vec();
    let used = call.list("rds/instance").any(|instance| {
        path::texts(&instance.body, "OptionGroupMemberships[].OptionGroupName").contains(&group.id)
    });
    for gone in call.texts("OptionsToRemove[]") {
        let lasts = known(&engine, &gone).map_or("-", |known| known.lasts);
        if lasts == "permanent" || lasts == "persistent" && used {
            return Err(PERMANENT.fault.with(&[("id", &gone), ("kind", lasts)]));
        }
        options.retain(|option| option["OptionName"] != json!(gone));
    }
    let sent = call.input.get("OptionsToInclude").and_then(Json::as_array);
    for option in sent.into_iter().flatten() {
        let wanted = option["OptionName"].as_str().unwrap_or_default();
        let Some(known) = known(&engine, wanted) else {
            return Err(OPTION_KNOWN
                .fault
                .with(&[("id", wanted), ("engine", &engine)]));
        };
        let before = options
            .iter()
            .find(|one| one["OptionName"] == json!(wanted))
            .cloned();
        let members = |member: &str, name: &str, status: &str| -> Json {
            match option.get(member).and_then(Json::as_array) {
                Some(list) => list
                    .iter()
                    .map(|one| json!({name: one, "Status": status}))
                    .collect(),
                None => before
                    .as_ref()
                    .and_then(|before| before.get(member).cloned())
                    .unwrap_or(json!([])),
            }
        };
        let vpc = members(
            "VpcSecurityGroupMemberships",
            "VpcSecurityGroupId",
            "active",
        );
        let db = members(
            "DBSecurityGroupMemberships",
            "DBSecurityGroupName",
            "authorized",
        );
        if known.port.is_some() && vpc == json!([]) && db == json!([]) {
            return Err(VPC_GROUPS.fault.with(&[("id", wanted)]));
        }
        for group in path::texts(
            &Map::from_iter([("Groups".to_owned(), vpc.clone())]),
            "Groups[].VpcSecurityGroupId",
        ) {
            if call.find("ec2/security-group", &group).is_none() {
                let message = format!("Invalid security group , groupId= {group}, groupName=.");
                return Err(Refusal::new("InvalidParameterValue", message));
            }
        }
        let mut made = json!({
            "OptionName": wanted,
            "OptionDescription": wanted.replace('_', " "),
            "Persistent": known.lasts == "persistent" || known.lasts == "permanent",
            "Permanent": known.lasts == "permanent",
            "OptionSettings": settings(known, before.as_ref().map(|before| &before["OptionSettings"]), &option["OptionSettings"]),
            "VpcSecurityGroupMemberships": vpc,
            "DBSecurityGroupMemberships": db,
        });
        let old = |member: &str| {
            before
                .as_ref()
                .and_then(|before| before.get(member).cloned())
        };
        let port = option.get("Port").cloned().or_else(|| old("Port"));
        if let Some(port) = port.or(known.port.map(Json::from)) {
            made["Port"] = port;
        }
        if let Some(version) = option
            .get("OptionVersion")
            .cloned()
            .or_else(|| old("OptionVersion"))
        {
            made["OptionVersion"] = version;
        }
        options.retain(|one| one["OptionName"] != json!(wanted));
        options.push(made);
    }
    call.update(KIND, &group.id, |group| {
        group.set("Options", Json::Array(options))
    });
    let group = call.need(KIND, &group.id)?;
    Ok(json!({"OptionGroup": call.show(KIND, group)}))
}

fn copy(call: &mut Call) -> Answer {
    let text = |member: &str| call.text(member).unwrap_or_default().to_owned();
    let source = text("SourceOptionGroupIdentifier");
    let target = text("TargetOptionGroupIdentifier");
    values::group_name(&target, "TargetOptionGroupIdentifier")?;
    let description = text("TargetOptionGroupDescription");
    let source = call.need(KIND, &source)?.clone();
    let mut members = source.body.clone();
    members.insert("OptionGroupName".into(), json!(target.to_ascii_lowercase()));
    members.insert("OptionGroupDescription".into(), json!(description));
    if let Some(tags) = call.input.get("Tags") {
        members.insert("Tags".into(), tags.clone());
    }
    let made = call.make(KIND, Json::Object(members))?;
    Ok(json!({"OptionGroup": call.show(KIND, &made)}))
}

fn options(call: &mut Call) -> Answer {
    let engine = call
        .text("EngineName")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let major = call.text("MajorEngineVersion");
    let found = catalogue()
        .iter()
        .filter(|known| known.engine.split(',').any(|one| engine.starts_with(one)));
    let mut shown: Vec<(String, Json)> = found
        .map(|known| {
            let settings: Vec<Json> = known
                .settings
                .iter()
                .map(|(name, default)| json!({"SettingName": name, "DefaultValue": default, "ApplyType": "DYNAMIC", "IsModifiable": true}))
                .collect();
            let mut one = json!({
                "Name": known.name,
                "Description": known.name.replace('_', " "),
                "EngineName": engine,
                "MajorEngineVersion": major,
                "PortRequired": known.port.is_some(),
                "Persistent": known.lasts != "-",
                "Permanent": known.lasts == "permanent",
                "OptionGroupOptionSettings": settings,
            });
            if let Some(port) = known.port {
                one["DefaultPort"] = json!(port);
            }
            (known.name.to_owned(), one)
        })
        .collect();
    let service = registry::service("rds").unwrap_or(&super::SERVICE);
    let next = filter::page(call, service, &PAGES, false, "", &mut shown)?;
    let list: Vec<Json> = shown.into_iter().map(|(_, json)| json).collect();
    let mut answer = json!({"OptionGroupOptions": list});
    if let Some(next) = next {
        answer["Marker"] = json!(next);
    }
    Ok(answer)
}

/// Refuses a group of another engine or major version than the instance's.
pub(super) fn fits(
    call: &mut Call,
    name: &str,
    engine: &Engine,
    version: &str,
) -> Result<(), Refusal> {
    summon(call, name);
    let Some(group) = call.find(KIND, name) else {
        return Ok(());
    };
    if group.is("EngineName", engine.name) && group.is("MajorEngineVersion", engine.major(version))
    {
        return Ok(());
    }
    Err(refusal(name, group))
}

fn refusal(name: &str, group: &Record) -> Refusal {
    OPTIONS_FIT.fault.with(&[
        ("id", name),
        ("engine", group.text("EngineName")),
        ("version", group.text("MajorEngineVersion")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        let lines = include_str!("options.txt").lines();
        let wanted = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        assert_eq!(catalogue().len(), wanted.count());
    }
}
