//! Application Auto Scaling: scalable targets, their policies with the alarms that come with them, and scheduled actions.

mod alarms;

use super::ecs::service as ecs;
use super::iam;
use crate::call::{Call, uuid};
use crate::error::{Answer, Fault, Refusal};
use crate::filter;
use crate::kind::{Id, Kind, Paging, Service, Tags, list_tags, run, tag, untag};
use crate::law::Law;
use crate::registry;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// Application Auto Scaling.
pub const SERVICE: Service = Service {
    name: "application-autoscaling",
    kinds: &[&TARGET, &POLICY, &ACTION],
    operations: &[
        tag("TagResource", "ResourceARN", "Tags"),
        untag("UntagResource", "ResourceARN", "TagKeys"),
        list_tags("ListTagsForResource", "ResourceARN", "Tags"),
    ],
    laws: &[&SCALED_EXISTS, &REGISTERED, &DEREGISTERED_ONCE, &IN_ORDER],
    ..Service::NEW
};

/// What is scaled exists.
pub const SCALED_EXISTS: Law = Law {
    name: "what is registered as a scalable target exists",
    operations: &["RegisterScalableTarget"],
    source: "Application Auto Scaling API Reference, RegisterScalableTarget, Errors: ValidationException",
    fault: Fault::new("ValidationException", "{what} doesn't exist: {id}"),
    check: None,
};

/// Policies need a target.
pub const REGISTERED: Law = Law {
    name: "policies and scheduled actions need a registered target",
    operations: &["PutScalingPolicy", "PutScheduledAction"],
    source: "Application Auto Scaling API Reference, PutScalingPolicy, Errors: ObjectNotFoundException",
    fault: Fault::new(
        "ObjectNotFoundException",
        "No scalable target registered for service namespace: {namespace}, resource ID: {id}, scalable dimension: {dimension}",
    ),
    check: Some(|call, law| {
        the_target(call)
            .map(|_| ())
            .map_err(|_| naming(call, law.fault))
    }),
};

/// What is not registered is not deregistered.
pub const DEREGISTERED_ONCE: Law = Law {
    name: "only a registered target is deregistered",
    operations: &["DeregisterScalableTarget"],
    source: "Application Auto Scaling API Reference, DeregisterScalableTarget, Errors: ObjectNotFoundException",
    fault: Fault::new(
        "ObjectNotFoundException",
        "No scalable target found for service namespace: {namespace}, resource ID: {id}, scalable dimension: {dimension}",
    ),
    check: Some(|call, law| {
        the_target(call)
            .map(|_| ())
            .map_err(|_| naming(call, law.fault))
    }),
};

/// The smallest is not above the largest.
pub const IN_ORDER: Law = Law {
    name: "a new target has a minimum, and a maximum that is not below it",
    operations: &["RegisterScalableTarget"],
    source: "Application Auto Scaling API Reference, RegisterScalableTarget: MinCapacity, MaxCapacity are required when you register a new scalable target",
    fault: Fault::new("ValidationException", "{message}"),
    check: None,
};

/// A scalable target: one for each namespace, resource and dimension.
pub const TARGET: Kind = Kind {
    name: "application-autoscaling/target",
    id: Id::Made(|_, body, _| Ok(id_of(body))),
    created_member: "CreationTime",
    tags: Tags::UnseenMap("Tags"),
    aliases: &["ScalableTargetARN"],
    not_found: Fault::new(
        "ResourceNotFoundException",
        "The specified resource doesn't exist: {id}",
    ),
    operations: &[
        run("RegisterScalableTarget", register),
        run("DescribeScalableTargets", |call| {
            let members = [
                ("ResourceIds", "ResourceId"),
                ("ScalableDimension", "ScalableDimension"),
            ];
            describe(call, TARGET.name, "ScalableTargets", &members)
        }),
        run("DeregisterScalableTarget", deregister),
        run("DescribeScalingActivities", activities),
    ],
    ..Kind::NEW
};

/// A scaling policy.
pub const POLICY: Kind = Kind {
    name: "application-autoscaling/policy",
    id: Id::Made(|_, body, _| {
        let name = body
            .get("PolicyName")
            .and_then(Json::as_str)
            .unwrap_or_default();
        Ok(format!("{} {name}", id_of(body)))
    }),
    created_member: "CreationTime",
    aliases: &["PolicyARN"],
    operations: &[
        run("PutScalingPolicy", put_policy),
        run("DescribeScalingPolicies", |call| {
            let members = [
                ("PolicyNames", "PolicyName"),
                ("ResourceId", "ResourceId"),
                ("ScalableDimension", "ScalableDimension"),
            ];
            describe(call, POLICY.name, "ScalingPolicies", &members)
        }),
        run("DeleteScalingPolicy", |call| {
            let id = id_with(call, "PolicyName");
            if call.find(POLICY.name, &id).is_none() {
                let fault = Fault::new(
                    "ObjectNotFoundException",
                    "No scaling policy found for service namespace: {namespace}, resource ID: {id}, scalable dimension: {dimension}, policy name: {name}",
                );
                return Err(naming(call, fault));
            }
            remove_policy(call, &id);
            Ok(json!({}))
        }),
    ],
    ..Kind::NEW
};

/// A scheduled action. (The simulated AWS keeps it; it does not carry it out.)
pub const ACTION: Kind = Kind {
    name: "application-autoscaling/scheduled-action",
    id: Id::Made(|_, body, _| {
        let name = body.get("ScheduledActionName").and_then(Json::as_str);
        Ok(format!("{} {}", id_of(body), name.unwrap_or_default()))
    }),
    created_member: "CreationTime",
    operations: &[
        run("PutScheduledAction", put_action),
        run("DescribeScheduledActions", |call| {
            let members = [
                ("ScheduledActionNames", "ScheduledActionName"),
                ("ResourceId", "ResourceId"),
                ("ScalableDimension", "ScalableDimension"),
            ];
            describe(call, ACTION.name, "ScheduledActions", &members)
        }),
        run("DeleteScheduledAction", |call| {
            let id = id_with(call, "ScheduledActionName");
            if call.remove(ACTION.name, &id).is_none() {
                let fault = Fault::new(
                    "ObjectNotFoundException",
                    "No scheduled action found for service namespace: {namespace}, resource ID: {id}, scalable dimension: {dimension}, scheduled action name: {name}",
                );
                return Err(naming(call, fault));
            }
            Ok(json!({}))
        }),
    ],
    ..Kind::NEW
};

fn id_of(body: &Map<String, Json>) -> String {
    let text = |name: &str| body.get(name).and_then(Json::as_str).unwrap_or_default();
    let (namespace, resource) = (text("ServiceNamespace"), text("ResourceId"));
    format!("{namespace} {resource} {}", text("ScalableDimension"))
}

fn id_with(call: &Call, name: &str) -> String {
    format!(
        "{} {}",
        id_of(&call.input),
        call.text(name).unwrap_or_default()
    )
}

fn naming(call: &Call, fault: Fault) -> Refusal {
    let text = |name: &str| call.text(name).unwrap_or_default();
    let name = call.text("PolicyName").or(call.text("ScheduledActionName"));
    fault.with(&[
        ("namespace", text("ServiceNamespace")),
        ("id", text("ResourceId")),
        ("dimension", text("ScalableDimension")),
        ("name", name.unwrap_or_default()),
    ])
}

fn the_target(call: &Call) -> Result<Record, Refusal> {
    call.need(TARGET.name, &id_of(&call.input)).cloned()
}

fn describe(call: &mut Call, kind: &str, list: &str, members: &[(&str, &str)]) -> Answer {
    let namespace = call.text("ServiceNamespace").unwrap_or_default();
    let mut shown = Vec::new();
    for record in call.list(kind) {
        let chosen = members.iter().all(|(asked, member)| {
            let wanted = crate::generic::named(&call.input, asked);
            wanted.is_empty() || wanted.iter().any(|one| record.is(member, one))
        });
        if chosen && record.is("ServiceNamespace", namespace) {
            shown.push((record.id.clone(), call.show(kind, record)));
        }
    }
    let service = registry::service(SERVICE.name).unwrap_or(&SERVICE);
    let paging = Paging::next_token(50, (1, 50));
    let next = filter::page(call, service, &paging, false, "", &mut shown)?;
    let items: Vec<Json> = shown.into_iter().map(|(_, json)| json).collect();
    Ok(json!({list: items, "NextToken": next}))
}

/// Who is asked whether what is scaled exists: namespace, how its identifiers start, service, operation, member, what it is called.
const SCALED: &[(&str, &str, &str, &str, &str, &str)] = &[
    (
        "rds",
        "cluster:",
        "rds",
        "DescribeDBClusters",
        "DBClusterIdentifier",
        "RDS cluster",
    ),
    (
        "dynamodb",
        "table/",
        "dynamodb",
        "DescribeTable",
        "TableName",
        "DynamoDB table",
    ),
];

fn check_scaled(call: &mut Call, namespace: &str, resource: &str) -> Result<(), Refusal> {
    let missing = |what: &str| {
        SCALED_EXISTS
            .fault
            .with(&[("what", what), ("id", resource)])
    };
    if namespace == "ecs" {
        return match service_of(call, resource) {
            Some(_) => Ok(()),
            None => Err(missing("ECS service")),
        };
    }
    for (of, prefix, service, operation, member, what) in SCALED {
        let name = resource
            .strip_prefix(prefix)
            .and_then(|name| name.split('/').next());
        if let (true, Some(name)) = (*of == namespace, name) {
            return match call.call(service, operation, json!({*member: name})) {
                Err(refusal) if refusal.code != "NotImplemented" => Err(missing(what)),
                _ => Ok(()),
            };
        }
    }
    Ok(())
}

/// The active ECS service of `service/cluster/name`.
fn service_of<'a>(call: &'a Call, resource: &str) -> Option<&'a Record> {
    let service = call.find(ecs::SERVICE.name, resource.strip_prefix("service/")?)?;
    service.is("status", "ACTIVE").then_some(service)
}

/// Registers a target, or changes what was sent of one that is there.
fn register(call: &mut Call) -> Answer {
    let namespace = call.text("ServiceNamespace").unwrap_or_default().to_owned();
    let resource = call.text("ResourceId").unwrap_or_default().to_owned();
    let old = the_target(call).ok();
    let capacity = |name: &str| {
        let before = || old.as_ref()?.body.get(name)?.as_i64();
        call.input.get(name).and_then(Json::as_i64).or_else(before)
    };
    let wrong = |message: &str| Err(IN_ORDER.fault.with(&[("message", message)]));
    let (Some(least), Some(most)) = (capacity("MinCapacity"), capacity("MaxCapacity")) else {
        return wrong(
            "MinCapacity and MaxCapacity are required when registering a new scalable target.",
        );
    };
    if least > most || least < 0 {
        return wrong("Maximum capacity cannot be less than minimum capacity.");
    }
    check_scaled(call, &namespace, &resource)?;
    let service = format!("{namespace}.application-autoscaling.amazonaws.com");
    // The service-linked role is used whatever role was sent, but for EMR: RegisterScalableTarget, RoleARN.
    let role = match call.text("RoleARN") {
        Some(role) if namespace == "elasticmapreduce" => role.to_owned(),
        _ => iam::service_linked(call, &service),
    };
    let mut body = old.as_ref().map(|one| one.body.clone()).unwrap_or_default();
    if old.is_none() {
        let digits = call.derive(&format!("target {}", id_of(&call.input)));
        let arn = format!(
            "arn:{}:application-autoscaling:{}:{}:scalable-target/{}",
            call.partition(),
            call.region,
            call.account,
            &digits[..36]
        );
        body.insert("ScalableTargetARN".into(), json!(arn));
        let none = json!({"DynamicScalingInSuspended": false, "DynamicScalingOutSuspended": false, "ScheduledScalingSuspended": false});
        body.insert("SuspendedState".into(), none);
    }
    for (name, value) in &call.input {
        match (name.as_str(), body.get_mut(name), value) {
            ("SuspendedState", Some(Json::Object(there)), Json::Object(sent)) => {
                there.extend(sent.clone())
            }
            ("Tags", ..) if old.is_some() => {}
            _ => {
                body.insert(name.clone(), value.clone());
            }
        }
    }
    body.insert("RoleARN".into(), json!(role));
    let arn = body.get("ScalableTargetARN").cloned().unwrap_or_default();
    let id = match old {
        Some(old) => {
            call.update(TARGET.name, &old.id, |record| record.body = body);
            old.id
        }
        None => {
            let id = call.make(TARGET.name, Json::Object(body))?.id;
            let key = call.key(TARGET.name, &id);
            let named = arn.as_str().unwrap_or_default().to_owned();
            call.world.update(&key, |record| record.arn = named);
            id
        }
    };
    bring_in(call, &id, &resource, least, most);
    Ok(json!({"ScalableTargetARN": arn}))
}

/// Brings the desired count between minimum and maximum ("If a scalable target's capacity is outside its limits, it is brought back", as the
/// scaling activities of AWS tell: "minimum capacity was set to …").
fn bring_in(call: &mut Call, target: &str, resource: &str, least: i64, most: i64) {
    let Some(service) = service_of(call, resource) else {
        return;
    };
    let arn = service.arn.clone();
    let desired = service
        .body
        .get("desiredCount")
        .and_then(Json::as_i64)
        .unwrap_or_default();
    let wanted = desired.clamp(least, most);
    if wanted == desired {
        return;
    }
    ecs::scale(call, &arn, u64::try_from(wanted).unwrap_or_default());
    let (which, limit) = if desired < least {
        ("minimum", least)
    } else {
        ("maximum", most)
    };
    let now = call.now;
    let digits = call.derive(&format!("activity {target}"));
    call.update(TARGET.name, target, |record| {
        let activity = json!({
            "ActivityId": uuid(&digits), "ServiceNamespace": record.text("ServiceNamespace"), "ResourceId": record.text("ResourceId"),
            "ScalableDimension": record.text("ScalableDimension"), "Description": format!("Setting desired count to {wanted}."),
            "Cause": format!("{which} capacity was set to {limit}"), "StartTime": now, "EndTime": now, "StatusCode": "Successful",
            "StatusMessage": format!("Successfully set desired count to {wanted}. Change successfully fulfilled by ecs."),
        });
        let list = record.hidden.entry("activities").or_insert_with(|| json!([]));
        if let Json::Array(list) = list {
            list.insert(0, activity);
            list.truncate(50);
        }
    });
}

fn activities(call: &mut Call) -> Answer {
    let namespace = call.text("ServiceNamespace").unwrap_or_default();
    let resource = call.text("ResourceId");
    let targets = call.list(TARGET.name).filter(|one| {
        one.is("ServiceNamespace", namespace) && resource.is_none_or(|id| one.is("ResourceId", id))
    });
    let lists = targets.filter_map(|one| one.hidden.get("activities")?.as_array());
    let all: Vec<&Json> = lists.flatten().collect();
    Ok(json!({"ScalingActivities": all}))
}

fn deregister(call: &mut Call) -> Answer {
    let target = the_target(call)?;
    for kind in [POLICY.name, ACTION.name] {
        let prefix = format!("{} ", target.id);
        let ids: Vec<String> = call
            .list(kind)
            .filter(|one| one.id.starts_with(&prefix))
            .map(|one| one.id.clone())
            .collect();
        for id in ids {
            remove_policy(call, &id);
            call.remove(kind, &id);
        }
    }
    call.remove(TARGET.name, &target.id);
    Ok(json!({}))
}

/// Takes a policy away, and its alarms.
fn remove_policy(call: &mut Call, id: &str) {
    let Some(policy) = call.remove(POLICY.name, id) else {
        return;
    };
    let names: Vec<&Json> = policy
        .list("Alarms")
        .iter()
        .map(|one| &one["AlarmName"])
        .collect();
    if !names.is_empty() {
        // Someone may have deleted them before.
        let deleted = call.call("cloudwatch", "DeleteAlarms", json!({"AlarmNames": names}));
        tracing::debug!(?deleted, "the alarms of a scaling policy");
    }
}

/// Puts a policy in place of the one of its name; target tracking brings its own alarms.
fn put_policy(call: &mut Call) -> Answer {
    let id = id_with(call, "PolicyName");
    let old = call.find(POLICY.name, &id).cloned();
    let mut body = old.as_ref().map(|one| one.body.clone()).unwrap_or_default();
    let kind = call.text("PolicyType").map(str::to_owned);
    let before = old.as_ref().map(|one| one.text("PolicyType").to_owned());
    let kind = kind.or(before).unwrap_or_else(|| "StepScaling".into());
    let configuration = format!("{kind}PolicyConfiguration");
    if !call.input.contains_key(&configuration) && old.is_none() {
        return Err(Refusal::new(
            "ValidationException",
            format!("{configuration} must be specified for a policy of type {kind}."),
        ));
    }
    let mut merged = call.input.clone();
    merged.insert("PolicyType".into(), json!(kind));
    body.extend(merged);
    if old.is_none() {
        let digits = call.derive(&format!("policy {id}"));
        let text = |name: &str| call.text(name).unwrap_or_default();
        let arn = format!(
            "arn:{}:autoscaling:{}:{}:scalingPolicy:{}:resource/{}/{}:policyName/{}",
            call.partition(),
            call.region,
            call.account,
            uuid(&digits),
            text("ServiceNamespace"),
            text("ResourceId"),
            text("PolicyName")
        );
        body.insert("PolicyARN".into(), json!(arn));
    }
    let alarms = if kind == "TargetTrackingScaling" {
        alarms::put(call, &body, old.as_ref())
    } else {
        Vec::new()
    };
    body.insert("Alarms".into(), json!(alarms));
    let arn = body.get("PolicyARN").cloned().unwrap_or_default();
    match old {
        Some(old) => call.update(POLICY.name, &old.id, |record| record.body = body),
        None => {
            call.make(POLICY.name, Json::Object(body))?;
        }
    }
    Ok(json!({"PolicyARN": arn, "Alarms": alarms}))
}

fn put_action(call: &mut Call) -> Answer {
    let id = id_with(call, "ScheduledActionName");
    let old = call.remove(ACTION.name, &id);
    let mut body = old.map(|one| one.body).unwrap_or_default();
    body.extend(call.input.clone());
    if !body.contains_key("Schedule") {
        return Err(Refusal::new(
            "ValidationException",
            "Schedule must be specified.",
        ));
    }
    if !body.contains_key("ScheduledActionARN") {
        let digits = call.derive(&format!("action {id}"));
        let text = |name: &str| call.text(name).unwrap_or_default();
        let arn = format!(
            "arn:{}:autoscaling:{}:{}:scheduledAction:{}:resource/{}/{}:scheduledActionName/{}",
            call.partition(),
            call.region,
            call.account,
            uuid(&digits),
            text("ServiceNamespace"),
            text("ResourceId"),
            text("ScheduledActionName")
        );
        body.insert("ScheduledActionARN".into(), json!(arn));
    }
    call.make(ACTION.name, Json::Object(body))?;
    Ok(json!({}))
}
