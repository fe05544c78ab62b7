//! Clusters.

use super::{capacity, described, includes, invalid, listing, service, task};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Shows, States, Tags, delete, run};
use crate::law::Law;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// The cluster that a request names is there.
pub const CLUSTER_THERE: Law = Law {
    name: "the cluster exists and is active",
    operations: &[
        "CreateService",
        "UpdateService",
        "DeleteService",
        "DescribeServices",
        "ListServices",
        "RunTask",
        "StopTask",
        "DescribeTasks",
        "ListTasks",
        "UpdateCluster",
        "UpdateClusterSettings",
        "PutClusterCapacityProviders",
    ],
    source: "Amazon ECS API Reference, CreateService, Errors: ClusterNotFoundException",
    fault: Fault::new("ClusterNotFoundException", "Cluster not found."),
    check: Some(|call, law| {
        let name = call.text("cluster").unwrap_or("default");
        match call.find_any(CLUSTER.name, name) {
            Some(cluster) if !cluster.dead => Ok(()),
            Some(_) => Err(Refusal::new(
                law.fault.code,
                "The referenced cluster was inactive.",
            )),
            None => Err(law.fault.with(&[])),
        }
    }),
};

/// A cluster.
pub const CLUSTER: Kind = Kind {
    name: "ecs/cluster",
    id: Id::Member("clusterName"),
    arn: "arn:{partition}:ecs:{region}:{account}:cluster/{id}",
    arn_member: "clusterArn",
    defaults: Some(|_| {
        json!({"settings": [{"name": "containerInsights", "value": "disabled"}], "capacityProviders": [], "defaultCapacityProviderStrategy": [],
               "registeredContainerInstancesCount": 0, "statistics": []})
    }),
    tags: Tags::LowerList("tags"),
    states: Some(States {
        member: "status",
        ready: "ACTIVE",
        deleting: Some(("DEPROVISIONING", 0.0)),
        // "INACTIVE clusters might remain discoverable in your account for a period of time": DeleteCluster, API Reference.
        deleted: Some(("INACTIVE", 3600.0)),
        ..States::NEW
    }),
    not_found: CLUSTER_THERE.fault,
    show: Some(show),
    operations: &[
        run("CreateCluster", create_cluster),
        run("DescribeClusters", describe),
        run("ListClusters", |call| {
            let arns = call.list(CLUSTER.name).map(|one| one.arn.clone());
            listing(call, "clusterArns", arns, 100)
        }),
        run("UpdateCluster", |call| {
            change(
                call,
                &["settings", "configuration", "serviceConnectDefaults"],
            )
        }),
        run("UpdateClusterSettings", |call| change(call, &["settings"])),
        delete("DeleteCluster", "cluster", Shows::In("cluster")),
    ],
    ..Kind::NEW
};

fn show(call: &Call, cluster: &Record, body: &mut Map<String, Json>) {
    let tasks: Vec<&Record> = call
        .list_where(task::TASK.name, "clusterArn", &cluster.arn)
        .collect();
    let running = tasks.iter().filter(|task| task.is("lastStatus", "RUNNING"));
    let pending = tasks.iter().filter(|task| task::is_pending(task));
    body.insert("runningTasksCount".into(), json!(running.count()));
    body.insert("pendingTasksCount".into(), json!(pending.count()));
    let services = call.list_where(service::SERVICE.name, "clusterArn", &cluster.arn);
    let active = services.filter(|service| service.is("status", "ACTIVE"));
    body.insert("activeServicesCount".into(), json!(active.count()));
}

/// The cluster that the request names, `default` when it names none.
pub fn the_cluster(call: &Call) -> Result<Record, Refusal> {
    call.need(CLUSTER.name, call.text("cluster").unwrap_or("default"))
        .cloned()
}

/// "CreateCluster" of a name that is there answers with the cluster that is there.
fn create_cluster(call: &mut Call) -> Answer {
    let name = call.text("clusterName").unwrap_or("default").to_owned();
    let fine = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '_';
    if name.is_empty() || name.len() > 255 || !name.chars().all(fine) {
        return Err(invalid(
            "Identifier must be 1-255 alphanumeric characters, hyphens or underscores.",
        ));
    }
    if let Some(cluster) = call.find(CLUSTER.name, &name) {
        return Ok(json!({"cluster": call.show(CLUSTER.name, cluster)}));
    }
    let providers = call.texts("capacityProviders[]");
    capacity::check(call, &providers, "defaultCapacityProviderStrategy")?;
    crate::services::iam::service_linked(call, "ecs.amazonaws.com");
    let mut members = call.input.clone();
    members.insert("clusterName".into(), json!(name));
    normal_strategy(&mut members);
    let cluster = call.make(CLUSTER.name, Json::Object(members))?;
    Ok(json!({"cluster": call.show(CLUSTER.name, &cluster)}))
}

/// Weight and base are 0 when they are not given.
pub(super) fn normal_strategy(members: &mut Map<String, Json>) {
    if let Some(Json::Array(items)) = members.get_mut("defaultCapacityProviderStrategy") {
        for item in items {
            super::fill(item, &json!({"weight": 0, "base": 0}));
        }
    }
}

fn change(call: &mut Call, names: &[&str]) -> Answer {
    let cluster = the_cluster(call)?;
    let input = call.input.clone();
    call.update(CLUSTER.name, &cluster.id, |cluster| {
        for name in names {
            let Some(sent) = input.get(*name) else {
                continue;
            };
            if *name == "settings" {
                let list = cluster.list_mut("settings");
                for setting in sent.as_array().into_iter().flatten() {
                    list.retain(|one| one["name"] != setting["name"]);
                    list.push(setting.clone());
                }
            } else {
                cluster.set(name, sent.clone());
            }
        }
    });
    let cluster = call.need(CLUSTER.name, &cluster.id)?;
    Ok(json!({"cluster": call.show(CLUSTER.name, cluster)}))
}

/// Settings, configuration and tags are shown only when `include` asks for them.
fn describe(call: &mut Call) -> Answer {
    let mut names = call.texts("clusters[]");
    if names.is_empty() {
        names.push("default".into());
    }
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        let Some(cluster) = call.find_any(CLUSTER.name, &name) else {
            let arn = arn_of(call, &name);
            failures.push(json!({"arn": arn, "reason": "MISSING"}));
            continue;
        };
        let mut shown = described(call, CLUSTER.name, cluster);
        if let Json::Object(body) = &mut shown {
            for (member, asked) in [
                ("settings", "SETTINGS"),
                ("configuration", "CONFIGURATIONS"),
                ("statistics", "STATISTICS"),
                ("attachmentsStatus", "ATTACHMENTS"),
            ] {
                if !includes(call, asked) {
                    body.insert(
                        member.into(),
                        if matches!(member, "configuration" | "attachmentsStatus") {
                            Json::Null
                        } else {
                            json!([])
                        },
                    );
                }
            }
        }
        clusters.push(shown);
    }
    Ok(json!({"clusters": clusters, "failures": failures}))
}

/// The ARN that a cluster of this name would have.
pub fn arn_of(call: &Call, name: &str) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    format!(
        "arn:{}:ecs:{}:{}:cluster/{name}",
        call.partition(),
        call.region,
        call.account
    )
}
