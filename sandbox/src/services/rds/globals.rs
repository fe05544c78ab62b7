//! Aurora global databases: a writer cluster and its readers in other regions.

use super::PAGES;
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Shows, Tags, Unique, create, delete, describe, modify, run};
use crate::law::Law;
use crate::path;
use crate::world::{Key, Record};
use serde_json::{Map, Value as Json, json};

const MEMBERS: &str = "GlobalClusterMembers";
const OF: &str = "GlobalClusterIdentifier";

/// First its clusters leave.
pub const GLOBAL_EMPTY: Law = Law {
    name: "a global cluster with members is not deleted",
    operations: &["DeleteGlobalCluster"],
    source: "Amazon RDS API Reference, DeleteGlobalCluster: \"The primary and secondary clusters must already be detached or destroyed first\"",
    fault: Fault::new(
        "InvalidGlobalClusterStateFault",
        "Global Cluster {id} is not empty",
    ),
    check: None,
};

/// Deletion protection.
pub const GLOBAL_PROTECTED: Law = Law {
    name: "a protected global cluster is not deleted",
    operations: &["DeleteGlobalCluster"],
    source: "Amazon RDS API Reference, CreateGlobalCluster: DeletionProtection",
    fault: Fault::new(
        "InvalidParameterCombination",
        "Cannot delete protected Global Cluster, please disable deletion protection and try again.",
    ),
    check: None,
};

/// A member leaves before it is deleted.
pub const MEMBER_LEAVES: Law = Law {
    name: "a cluster leaves its global cluster before it is deleted",
    operations: &["DeleteDBCluster"],
    source: "Amazon Aurora User Guide, Deleting an Amazon Aurora global database",
    fault: Fault::new(
        "InvalidDBClusterStateFault",
        "This cluster is a part of a global cluster, please remove it from globalcluster first",
    ),
    check: Some(|call, law| {
        let cluster = call.find(
            "rds/cluster",
            call.text("DBClusterIdentifier").unwrap_or_default(),
        );
        match cluster {
            Some(cluster) if !cluster.text(OF).is_empty() => Err(law.fault.with(&[])),
            _ => Ok(()),
        }
    }),
};

/// A global cluster.
pub const GLOBAL_CLUSTER: Kind = Kind {
    name: "rds/global-cluster",
    global: true,
    id: Id::Member(OF),
    arn: "arn:{partition}:rds::{account}:global-cluster:{id}",
    arn_member: "GlobalClusterArn",
    resolve: Some(|_, name| name.to_ascii_lowercase()),
    defaults: Some(|_| {
        json!({"Status": "available", "StorageEncrypted": false, "DeletionProtection": false, "GlobalClusterMembers": [],
               "EngineLifecycleSupport": "open-source-rds-extended-support"})
    }),
    tags: Tags::List("TagList"),
    tag_type: "global-cluster",
    unique: &[Unique::new(
        &[OF],
        Fault::new(
            "GlobalClusterAlreadyExistsFault",
            "Global Cluster {GlobalClusterIdentifier} already exists",
        ),
    )],
    not_found: Fault::new(
        "GlobalClusterNotFoundFault",
        "Global cluster {id} not found",
    )
    .status(404),
    operations: &[
        create("CreateGlobalCluster", Shows::In("GlobalCluster"))
            .control(&["SourceDBClusterIdentifier"])
            .before(before_create)
            .prepare(|call, global| {
                let digits = call.derive(&format!("global cluster {}", global.id));
                global.set(
                    "GlobalClusterResourceId",
                    format!("cluster-{}", &digits[..16]),
                );
                Ok(())
            })
            .done(after_create),
        describe("DescribeGlobalClusters", OF, "GlobalClusters").paging(PAGES),
        modify("ModifyGlobalCluster", OF, Shows::In("GlobalCluster")),
        delete("DeleteGlobalCluster", OF, Shows::In("GlobalCluster")).prepare(before_delete),
        run("RemoveFromGlobalCluster", leave),
    ],
    ..Kind::NEW
};

fn before_create(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let name = path::text(members, OF)
        .unwrap_or_default()
        .to_ascii_lowercase();
    members.insert(OF.into(), name.into());
    let source = call.text("SourceDBClusterIdentifier").map(str::to_owned);
    match source {
        // By ARN; the name is its last part.
        Some(arn) => {
            let source = call.need("rds/cluster", arn.rsplit(':').next().unwrap_or_default())?;
            for member in [
                "Engine",
                "EngineVersion",
                "DatabaseName",
                "StorageEncrypted",
            ] {
                if let Some(value) = source.body.get(member) {
                    members.insert(member.into(), value.clone());
                }
            }
        }
        None if !members.contains_key("Engine") => {
            let message = "Engine or SourceDBClusterIdentifier must be specified";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        None => {}
    }
    Ok(())
}

fn after_create(call: &mut Call, key: &Key) -> Result<(), Refusal> {
    let source = call
        .text("SourceDBClusterIdentifier")
        .and_then(|arn| arn.rsplit(':').next())
        .map(str::to_owned);
    if let Some(source) = source {
        let global = key.id.clone();
        call.update("rds/cluster", &source, |cluster| {
            cluster.set(OF, global.as_str());
        });
        join(call, &source);
    }
    Ok(())
}

fn before_delete(_: &mut Call, global: &mut Record) -> Result<(), Refusal> {
    if global.body.get("DeletionProtection") == Some(&json!(true)) {
        return Err(GLOBAL_PROTECTED.fault.with(&[]));
    }
    if !global.list(MEMBERS).is_empty() {
        return Err(GLOBAL_EMPTY.fault.with(&[("id", &global.id)]));
    }
    Ok(())
}

/// A cluster that names a global one is its member: the first one its writer.
pub(super) fn join(call: &mut Call, cluster: &str) {
    let Some(cluster) = call.find("rds/cluster", cluster) else {
        return;
    };
    let (arn, global) = (cluster.arn.clone(), cluster.text(OF).to_owned());
    if global.is_empty() {
        return;
    }
    call.update("rds/global-cluster", &global, |global| {
        let writer = global.list(MEMBERS).is_empty();
        let mut member = json!({"DBClusterArn": arn, "IsWriter": writer, "Readers": []});
        if !writer {
            member["GlobalWriteForwardingStatus"] = "disabled".into();
        }
        for other in global.list_mut(MEMBERS) {
            if other["IsWriter"] == true
                && let Some(readers) = other["Readers"].as_array_mut()
            {
                readers.push(json!(arn));
            }
        }
        global.list_mut(MEMBERS).push(member);
    });
}

/// "The cluster becomes a standalone cluster with read-write capability" (API_RemoveFromGlobalCluster).
fn leave(call: &mut Call) -> Answer {
    let name = call.text(OF).unwrap_or_default();
    let global = call.need("rds/global-cluster", name)?.clone();
    let arn = call
        .text("DbClusterIdentifier")
        .unwrap_or_default()
        .to_owned();
    let mine = |member: &Json| member["DBClusterArn"] == arn.as_str();
    if !global.list(MEMBERS).iter().any(mine) {
        let message = format!("DBCluster {arn} not found.");
        return Err(Refusal::new("DBClusterNotFoundFault", message).status(404));
    }
    let writer = global
        .list(MEMBERS)
        .iter()
        .any(|member| mine(member) && member["IsWriter"] == true);
    if writer && global.list(MEMBERS).len() > 1 {
        let message = format!(
            "Global cluster {} has secondary clusters: remove them before its writer",
            global.id
        );
        return Err(Refusal::new("InvalidGlobalClusterStateFault", message));
    }
    call.update("rds/global-cluster", &global.id, |global| {
        global.list_mut(MEMBERS).retain(|member| !mine(member));
        for other in global.list_mut(MEMBERS) {
            if let Some(readers) = other["Readers"].as_array_mut() {
                readers.retain(|reader| *reader != arn.as_str());
            }
        }
    });
    let cluster = arn.rsplit(':').next().unwrap_or_default();
    call.update("rds/cluster", cluster, |cluster| {
        cluster.set(OF, Json::Null);
    });
    let left = call.need("rds/global-cluster", &global.id)?;
    Ok(json!({"GlobalCluster": call.show("rds/global-cluster", left)}))
}
