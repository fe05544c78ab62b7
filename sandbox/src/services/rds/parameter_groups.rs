//! Parameter groups of instances and of clusters.

use super::engines::{ENGINES, Engine};
use super::parameters::{self, Scope};
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

/// AWS's own groups stay as they are.
pub const DEFAULT_GROUPS: Law = Law {
    name: "a default parameter group is neither changed nor deleted",
    operations: &[
        "ModifyDBParameterGroup",
        "ResetDBParameterGroup",
        "DeleteDBParameterGroup",
        "ModifyDBClusterParameterGroup",
        "ResetDBClusterParameterGroup",
        "DeleteDBClusterParameterGroup",
    ],
    source: "Amazon RDS User Guide, Overview of parameter groups: default parameter groups",
    fault: Fault::new(
        "InvalidParameterValue",
        "The parameter {member} is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.",
    ),
    check: Some(|call, law| {
        let default = MEMBERS.iter().find(|member| {
            call.text(member)
                .is_some_and(|name| name.starts_with("default."))
        });
        match default {
            Some(member) => Err(law.fault.with(&[("member", member)])),
            None => Ok(()),
        }
    }),
};

/// The family is one of an engine's.
pub const FAMILY_KNOWN: Law = Law {
    name: "a parameter group is of a family that there is",
    operations: &["CreateDBParameterGroup", "CreateDBClusterParameterGroup"],
    source: "Amazon RDS API Reference, CreateDBParameterGroup: DBParameterGroupFamily",
    fault: Fault::new(
        "InvalidParameterValue",
        "ParameterGroupFamily {id} is not a valid parameter group family",
    ),
    check: Some(|call, law| {
        let family = call.text("DBParameterGroupFamily").unwrap_or_default();
        // "Stored as a lowercase string".
        match engine_of(&family.to_ascii_lowercase()) {
            Some(_) => Ok(()),
            None => Err(law.fault.with(&[("id", family)])),
        }
    }),
};

/// Twenty at a time.
pub const TWENTY: Law = Law {
    name: "at most twenty parameters change in a call",
    operations: &[
        "ModifyDBParameterGroup",
        "ResetDBParameterGroup",
        "ModifyDBClusterParameterGroup",
        "ResetDBClusterParameterGroup",
    ],
    source: "Amazon RDS API Reference, ModifyDBParameterGroup: a maximum of 20 parameters can be modified in a single request",
    fault: Fault::new(
        "InvalidParameterValue",
        "A maximum of 20 parameters can be modified in a single request.",
    ),
    check: Some(|call, law| {
        let list = call.input.get("Parameters").and_then(Json::as_array);
        if list.is_some_and(|list| list.len() > 20) {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// A group fits the database's engine and version.
pub const FAMILY_FITS: Law = Law {
    name: "a database uses a parameter group of its own family",
    operations: &[
        "CreateDBInstance",
        "ModifyDBInstance",
        "CreateDBCluster",
        "ModifyDBCluster",
    ],
    source: "Amazon RDS User Guide, Working with parameter groups: a group is for one engine and version",
    fault: Fault::new(
        "InvalidParameterCombination",
        "The Parameter Group {id} with DBParameterGroupFamily {family} can't be used for this instance. Please use a Parameter Group with DBParameterGroupFamily {wanted}",
    ),
    check: None,
};

const MEMBERS: [&str; 2] = ["DBParameterGroupName", "DBClusterParameterGroupName"];

const INSTANCES: &str = "rds/parameter-group";
const CLUSTERS: &str = "rds/cluster-parameter-group";

const NOT_FOUND: Fault = Fault::new(
    "DBParameterGroupNotFound",
    "DBParameterGroup not found: {id}",
)
.status(404);
const TAKEN: Fault = Fault::new(
    "DBParameterGroupAlreadyExists",
    "Parameter group {id} already exists",
);
const IN_USE: Fault = Fault::new(
    "InvalidDBParameterGroupState",
    "One or more database instances are still members of this parameter group {id}, so the group cannot be deleted",
);
const QUOTA: Fault = Fault::new(
    "DBParameterGroupQuotaExceeded",
    "The request would result in the user exceeding the allowed number of DB parameter groups: {limit}.",
);

/// Settings of instances. The parameters that were set are `set` in what is hidden.
pub const PARAMETER_GROUP: Kind = Kind {
    name: INSTANCES,
    id: Id::Member("DBParameterGroupName"),
    arn: "arn:{partition}:rds:{region}:{account}:pg:{id}",
    arn_member: "DBParameterGroupArn",
    resolve: Some(|_, name| name.to_ascii_lowercase()),
    on_demand: Some(|call, name| summon(call, INSTANCES, name)),
    tags: Tags::Unseen("Tags"),
    tag_type: "pg",
    unique: &[Unique::new(&["DBParameterGroupName"], TAKEN)],
    not_found: NOT_FOUND,
    in_use: IN_USE,
    // Those of AWS do not count, but are few.
    limit: Some((100, QUOTA)),
    operations: &[
        create("CreateDBParameterGroup", Shows::In("DBParameterGroup"))
            .before(|call, members| named(call, members, "DBParameterGroupName")),
        describe(
            "DescribeDBParameterGroups",
            "DBParameterGroupName",
            "DBParameterGroups",
        )
        .paging(PAGES)
        .filters(&[]),
        run("ModifyDBParameterGroup", |call| {
            change(call, &OF_INSTANCES, true)
        }),
        run("ResetDBParameterGroup", |call| {
            change(call, &OF_INSTANCES, false)
        }),
        run("DescribeDBParameters", |call| list(call, &OF_INSTANCES)),
        run("CopyDBParameterGroup", |call| copy(call, &OF_INSTANCES)),
        delete(
            "DeleteDBParameterGroup",
            "DBParameterGroupName",
            Shows::Nothing,
        ),
        run("DescribeEngineDefaultParameters", |call| {
            defaults(call, Scope::Instance)
        }),
    ],
    ..Kind::NEW
};

/// Settings of clusters.
pub const CLUSTER_PARAMETER_GROUP: Kind = Kind {
    name: CLUSTERS,
    id: Id::Member("DBClusterParameterGroupName"),
    arn: "arn:{partition}:rds:{region}:{account}:cluster-pg:{id}",
    arn_member: "DBClusterParameterGroupArn",
    resolve: Some(|_, name| name.to_ascii_lowercase()),
    on_demand: Some(|call, name| summon(call, CLUSTERS, name)),
    tags: Tags::Unseen("Tags"),
    tag_type: "cluster-pg",
    unique: &[Unique::new(&["DBClusterParameterGroupName"], TAKEN)],
    not_found: Fault::new(
        "DBParameterGroupNotFound",
        "DBClusterParameterGroup not found: {id}",
    )
    .status(404),
    in_use: Fault::new(
        "InvalidDBParameterGroupState",
        "One or more database clusters are still members of this parameter group {id}, so the group cannot be deleted",
    ),
    limit: Some((100, QUOTA)),
    operations: &[
        create(
            "CreateDBClusterParameterGroup",
            Shows::In("DBClusterParameterGroup"),
        )
        .before(|call, members| named(call, members, "DBClusterParameterGroupName")),
        describe(
            "DescribeDBClusterParameterGroups",
            "DBClusterParameterGroupName",
            "DBClusterParameterGroups",
        )
        .paging(PAGES)
        .filters(&[]),
        run("ModifyDBClusterParameterGroup", |call| {
            change(call, &OF_CLUSTERS, true)
        }),
        run("ResetDBClusterParameterGroup", |call| {
            change(call, &OF_CLUSTERS, false)
        }),
        run("DescribeDBClusterParameters", |call| {
            list(call, &OF_CLUSTERS)
        }),
        run("CopyDBClusterParameterGroup", |call| {
            copy(call, &OF_CLUSTERS)
        }),
        delete(
            "DeleteDBClusterParameterGroup",
            "DBClusterParameterGroupName",
            Shows::Nothing,
        ),
        run("DescribeEngineDefaultClusterParameters", |call| {
            defaults(call, Scope::Cluster)
        }),
    ],
    ..Kind::NEW
};

/// The names of one kind.
struct Groups {
    kind: &'static str,
    member: &'static str,
    scope: Scope,
    copied: &'static str,
}

const OF_INSTANCES: Groups = Groups {
    kind: INSTANCES,
    member: "DBParameterGroupName",
    scope: Scope::Instance,
    copied: "DBParameterGroup",
};
const OF_CLUSTERS: Groups = Groups {
    kind: CLUSTERS,
    member: "DBClusterParameterGroupName",
    scope: Scope::Cluster,
    copied: "DBClusterParameterGroup",
};

/// The engine whose versions are of this family.
pub(super) fn engine_of(family: &str) -> Option<&'static Engine> {
    ENGINES.iter().find(|engine| {
        engine
            .versions
            .iter()
            .any(|version| engine.family(version) == family)
    })
}

/// Lower case, as RDS keeps names and families.
fn named(_: &mut Call, members: &mut Map<String, Json>, member: &str) -> Result<(), Refusal> {
    let name = path::text(members, member).unwrap_or_default().to_owned();
    values::group_name(&name, member)?;
    members.insert(member.to_owned(), json!(name.to_ascii_lowercase()));
    let family = path::text(members, "DBParameterGroupFamily").unwrap_or_default();
    let family = family.to_ascii_lowercase();
    members.insert("DBParameterGroupFamily".into(), json!(family));
    Ok(())
}

/// `default.postgres16` is there as soon as somebody uses it.
fn summon(call: &mut Call, kind: &str, name: &str) {
    let name = name.to_ascii_lowercase();
    let Some(family) = name.strip_prefix("default.") else {
        return;
    };
    if call.find(kind, &name).is_some() || engine_of(family).is_none() {
        return;
    }
    let member = if kind == INSTANCES {
        MEMBERS[0]
    } else {
        MEMBERS[1]
    };
    let made = call.make(
        kind,
        json!({
            member: name,
            "DBParameterGroupFamily": family,
            "Description": format!("Default parameter group for {family}"),
        }),
    );
    // Nothing that it could be refused for: the quota is the customer's.
    debug_assert!(made.is_ok(), "{made:?}");
}

fn the_group(call: &mut Call, groups: &Groups) -> Result<Record, Refusal> {
    let name = call.text(groups.member).unwrap_or_default().to_owned();
    summon(call, groups.kind, &name);
    call.need(groups.kind, &name).cloned()
}

/// Sets parameters, or gives them back to the engine.
fn change(call: &mut Call, groups: &Groups, sets: bool) -> Answer {
    let group = the_group(call, groups)?;
    let family = group.text("DBParameterGroupFamily").to_owned();
    let sent = call.input.get("Parameters").and_then(Json::as_array);
    let sent: Vec<Json> = sent.into_iter().flatten().cloned().collect();
    let all = !sets && call.input.get("ResetAllParameters") == Some(&json!(true));
    let mut set = group.hidden.get("set").cloned().unwrap_or(json!({}));
    if all {
        set = json!({});
    }
    for parameter in &sent {
        let name = parameter["ParameterName"].as_str().unwrap_or_default();
        let method = parameter["ApplyMethod"].as_str().unwrap_or_default();
        let known = parameters::check(&family, groups.scope, parameter, sets)?;
        if sets {
            set[&known] = json!({"Value": parameter["ParameterValue"], "ApplyMethod": method});
        } else if let Json::Object(set) = &mut set {
            set.remove(name);
            set.remove(&known);
        }
    }
    call.update(groups.kind, &group.id, |group| {
        group.hidden.insert("set".into(), set);
    });
    Ok(json!({groups.member: group.id}))
}

fn list(call: &mut Call, groups: &Groups) -> Answer {
    let group = the_group(call, groups)?;
    let set = group.hidden.get("set").cloned().unwrap_or(json!({}));
    let family = group.text("DBParameterGroupFamily");
    let mut shown = parameters::all(family, groups.scope, &set);
    // "user | system | engine-default" (DescribeDBParameters, Source).
    if let Some(source) = call.text("Source") {
        shown.retain(|(_, parameter)| parameter["Source"] == json!(source));
    }
    filter::apply(call, &[("parameter-name", "ParameterName")], &mut shown)?;
    page(call, shown, "Parameters")
}

fn page(call: &Call, mut shown: Vec<(String, Json)>, member: &str) -> Answer {
    let service = registry::service("rds").unwrap_or(&super::SERVICE);
    let next = filter::page(call, service, &PAGES, false, "", &mut shown)?;
    let list: Vec<Json> = shown.into_iter().map(|(_, json)| json).collect();
    let mut answer = json!({member: list});
    if let Some(next) = next {
        answer["Marker"] = json!(next);
    }
    Ok(answer)
}

fn defaults(call: &mut Call, scope: Scope) -> Answer {
    let family = call.text("DBParameterGroupFamily").unwrap_or_default();
    if engine_of(family).is_none() {
        return Err(FAMILY_KNOWN.fault.with(&[("id", family)]));
    }
    let shown = parameters::all(family, scope, &json!({}));
    let mut told = page(call, shown, "Parameters")?;
    told["DBParameterGroupFamily"] = json!(family);
    Ok(json!({"EngineDefaults": told}))
}

fn copy(call: &mut Call, groups: &Groups) -> Answer {
    let stem = groups.copied;
    let text = |part: &str| {
        let member = part.to_string();
        call.text(&member).unwrap_or_default().to_owned()
    };
    let source = text(&format!("Source{stem}Identifier"));
    let target = text(&format!("Target{stem}Identifier"));
    let description = text(&format!("Target{stem}Description"));
    values::group_name(&target, &format!("Target{stem}Identifier"))?;
    let source = call.need(groups.kind, &source)?.clone();
    let mut members = json!({
        groups.member: target.to_ascii_lowercase(),
        "DBParameterGroupFamily": source.text("DBParameterGroupFamily"),
        "Description": description,
    });
    if let Some(tags) = call.input.get("Tags") {
        members["Tags"] = tags.clone();
    }
    let made = call.make(groups.kind, members)?;
    call.update(groups.kind, &made.id, |group| {
        if let Some(set) = source.hidden.get("set") {
            group.hidden.insert("set".into(), set.clone());
        }
    });
    Ok(json!({stem: call.show(groups.kind, &made)}))
}

/// Refuses a group of another family than the database's.
pub(super) fn fits(call: &mut Call, kind: &str, name: &str, wanted: &str) -> Result<(), Refusal> {
    summon(call, kind, name);
    let Some(group) = call.find(kind, name) else {
        return Ok(());
    };
    let family = group.text("DBParameterGroupFamily");
    if family == wanted {
        return Ok(());
    }
    Err(FAMILY_FITS
        .fault
        .with(&[("id", name), ("family", family), ("wanted", wanted)]))
}
