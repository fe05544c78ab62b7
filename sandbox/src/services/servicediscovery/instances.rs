//! Instances of services: where they are, and whether they are well.

use super::namespaces::NAMESPACE;
use super::operations::{self, begin};
use super::services::SERVICE;
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, run};
use crate::law::Law;
use crate::path;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// An instance.
pub(super) const INSTANCE: Kind = Kind {
    name: "servicediscovery/instance",
    id: Id::Made(|_, instance, _| {
        let text = |name: &str| path::text(instance, name).unwrap_or_default().to_owned();
        Ok(key(&text("ServiceId"), &text("InstanceId")))
    }),
    refers: &[Reference::new("ServiceId", SERVICE.name)
        .source("Cloud Map API Reference, DeleteService: ResourceInUse")],
    not_found: Fault::new("InstanceNotFound", "Instance not found: {id}"),
    operations: &[
        run("RegisterInstance", |call| {
            let service = service(call)?.id.clone();
            let attributes = call.input.get("Attributes").cloned().unwrap_or_default();
            let targets = json!({"SERVICE": service, "INSTANCE": call.text("InstanceId")});
            begin(call, "REGISTER_INSTANCE", targets, 2.0, attributes)
        }),
        run("DeregisterInstance", |call| {
            let instance = named(call)?;
            let targets = json!({"SERVICE": instance.text("ServiceId"), "INSTANCE": instance.text("InstanceId")});
            begin(call, "DEREGISTER_INSTANCE", targets, 2.0, json!({}))
        }),
        run("GetInstance", |call| {
            let instance = named(call)?;
            Ok(json!({"ResourceOwner": call.account, "Instance": {
                "Id": instance.text("InstanceId"), "Attributes": instance.body.get("Attributes"),
            }}))
        }),
        run("ListInstances", |call| {
            let call = &*call;
            let service = service(call)?;
            let mut shown: Vec<(String, Json)> = of(call, &service.id)
                .map(|one| {
                    let id = one.text("InstanceId").to_owned();
                    (
                        id.clone(),
                        json!({"Id": id, "Attributes": one.body.get("Attributes")}),
                    )
                })
                .collect();
            let next = operations::page(call, &mut shown)?;
            let listed: Vec<Json> = shown.into_iter().map(|(_, one)| one).collect();
            Ok(json!({"ResourceOwner": call.account, "Instances": listed, "NextToken": next}))
        }),
        run("DiscoverInstances", discover),
        run("DiscoverInstancesRevision", |call| {
            let (service, _) = called(call)?;
            Ok(json!({"InstancesRevision": revision(&service)}))
        }),
        run("GetInstancesHealthStatus", |call| {
            let call = &*call;
            let service = service(call)?;
            let asked = call.texts("Instances[]");
            let mut shown: Vec<(String, Json)> = of(call, &service.id)
                .filter(|one| asked.is_empty() || asked.iter().any(|id| one.is("InstanceId", id)))
                .map(|one| (one.text("InstanceId").to_owned(), json!(health(one))))
                .collect();
            if let Some(unknown) = asked
                .iter()
                .find(|id| !shown.iter().any(|(one, _)| one == *id))
            {
                return Err(INSTANCE.not_found.with(&[("id", unknown)]));
            }
            let next = operations::page(call, &mut shown)?;
            let status: Map<String, Json> = shown.into_iter().collect();
            Ok(json!({"Status": status, "NextToken": next}))
        }),
        run("UpdateInstanceCustomHealthStatus", |call| {
            let instance = named(call)?;
            let status = call.text("Status").unwrap_or_default().to_owned();
            call.update(INSTANCE.name, &instance.id, |one| one.set("Health", status));
            Ok(json!({}))
        }),
    ],
    ..Kind::NEW
};

/// Records are made of attributes.
pub(super) const ATTRIBUTES: Law = Law {
    name: "an instance tells what its service's records are made of",
    operations: &["RegisterInstance"],
    source: "Cloud Map API Reference, RegisterInstance, Attributes",
    fault: Fault::new(
        "InvalidInput",
        "Missing required attribute {attribute} for a record of type {kind}",
    ),
    check: Some(|call, law| {
        let service = service(call)?;
        let attributes = call.input.get("Attributes").and_then(Json::as_object);
        let has = |name: &str| attributes.is_some_and(|attributes| attributes.contains_key(name));
        for kind in path::texts(&service.body, "DnsConfig.DnsRecords[].Type") {
            let needed: &[&str] = match kind.as_str() {
                "A" => &["AWS_INSTANCE_IPV4", "AWS_ALIAS_DNS_NAME"],
                "AAAA" => &["AWS_INSTANCE_IPV6", "AWS_ALIAS_DNS_NAME"],
                "SRV" => &["AWS_INSTANCE_PORT"],
                _ => &["AWS_INSTANCE_CNAME"],
            };
            if !needed.iter().any(|name| has(name)) {
                return Err(law.fault.with(&[("attribute", needed[0]), ("kind", &kind)]));
            }
        }
        Ok(())
    }),
};

/// Health that others tell.
pub(super) const HEALTH: Law = Law {
    name: "an instance's health is told where its service has custom health checks",
    operations: &["UpdateInstanceCustomHealthStatus"],
    source: "Cloud Map API Reference, UpdateInstanceCustomHealthStatus: CustomHealthNotFound",
    fault: Fault::new(
        "CustomHealthNotFound",
        "The health check for the instance is not a custom health check.",
    ),
    check: Some(
        |call, law| match service(call)?.body.contains_key("HealthCheckCustomConfig") {
            true => Ok(()),
            false => Err(law.fault.with(&[])),
        },
    ),
};

fn key(service: &str, instance: &str) -> String {
    format!("{service} {instance}")
}

fn service<'a>(call: &'a Call) -> Result<&'a Record, Refusal> {
    call.need(SERVICE.name, call.text("ServiceId").unwrap_or_default())
}

fn of<'a>(call: &'a Call, service: &'a str) -> impl Iterator<Item = &'a Record> {
    call.list_where(INSTANCE.name, "ServiceId", service)
}

fn named(call: &Call) -> Result<Record, Refusal> {
    let service = service(call)?;
    let instance = call.text("InstanceId").unwrap_or_default();
    let found = call.find(INSTANCE.name, &key(&service.id, instance));
    found
        .cloned()
        .ok_or_else(|| INSTANCE.not_found.with(&[("id", instance)]))
}

fn health(instance: &Record) -> &str {
    match instance.text("Health") {
        "" => "HEALTHY",
        health => health,
    }
}

fn revision(service: &Record) -> u64 {
    service
        .hidden
        .get("revision")
        .and_then(Json::as_u64)
        .unwrap_or(1)
}

fn revised(call: &mut Call, service: &str) {
    call.update(SERVICE.name, service, |service| {
        let next = revision(service) + 1;
        service.hidden.insert("revision".into(), json!(next));
    });
}

/// Registers an instance of a service (its identifier or ARN) at once, as ECS does for its tasks. One that is there has other
/// attributes then.
///
/// # Errors
/// Where there is no such service.
pub fn register(
    call: &mut Call,
    service: &str,
    instance: &str,
    attributes: &Map<String, Json>,
) -> Result<(), Refusal> {
    let service = call.need(SERVICE.name, service)?.id.clone();
    call.remove(INSTANCE.name, &key(&service, instance));
    let mut attributes = attributes.clone();
    // It steers, and is not kept (RegisterInstance, AWS_INIT_HEALTH_STATUS).
    let health = attributes.remove("AWS_INIT_HEALTH_STATUS");
    let members = json!({
        "ServiceId": service, "InstanceId": instance, "Attributes": attributes, "Health": health,
    });
    call.make(INSTANCE.name, members)?;
    revised(call, &service);
    Ok(())
}

/// Deregisters an instance of a service (its identifier or ARN) at once. Nothing happens when there is none.
pub fn deregister(call: &mut Call, service: &str, instance: &str) {
    let Some(service) = call
        .find(SERVICE.name, service)
        .map(|service| service.id.clone())
    else {
        return;
    };
    call.remove(INSTANCE.name, &key(&service, instance));
    revised(call, &service);
}

/// The service and the namespace that a request names by their names.
fn called(call: &Call) -> Result<(Record, String), Refusal> {
    let name = call.text("NamespaceName").unwrap_or_default();
    let wanted = call.text("ServiceName").unwrap_or_default();
    let mut none = NAMESPACE.not_found.with(&[("id", name)]);
    for namespace in call
        .list(NAMESPACE.name)
        .filter(|one| one.text("Name").eq_ignore_ascii_case(name))
    {
        none = SERVICE.not_found.with(&[("id", wanted)]);
        let mut services = call.list_where(SERVICE.name, "NamespaceId", &namespace.id);
        if let Some(service) = services.find(|one| one.text("Name").eq_ignore_ascii_case(wanted)) {
            return Ok((service.clone(), namespace.text("Name").to_owned()));
        }
    }
    Err(none)
}

fn discover(call: &mut Call) -> Answer {
    let call = &*call;
    let (service, namespace) = called(call)?;
    let wanted = call.input.get("QueryParameters").and_then(Json::as_object);
    let fits = |one: &&Record| {
        let mut wanted = wanted.into_iter().flatten();
        wanted.all(|(name, value)| {
            one.body.get("Attributes").and_then(|all| all.get(name)) == Some(value)
        })
    };
    let asked = call.text("HealthStatus").unwrap_or("HEALTHY_OR_ELSE_ALL");
    let all: Vec<&Record> = of(call, &service.id).filter(fits).collect();
    let well: Vec<&Record> = all
        .iter()
        .copied()
        .filter(|one| health(one) == "HEALTHY")
        .collect();
    let chosen = match asked {
        "ALL" => all,
        "UNHEALTHY" => all
            .into_iter()
            .filter(|one| health(one) != "HEALTHY")
            .collect(),
        "HEALTHY_OR_ELSE_ALL" if well.is_empty() => all,
        _ => well,
    };
    let most = call
        .input
        .get("MaxResults")
        .and_then(Json::as_u64)
        .unwrap_or(100);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let shown: Vec<Json> = chosen
        .into_iter()
        .take(most)
        .map(|one| {
            json!({
                "InstanceId": one.text("InstanceId"), "NamespaceName": namespace, "ServiceName": service.text("Name"),
                "HealthStatus": health(one), "Attributes": one.body.get("Attributes"),
            })
        })
        .collect();
    Ok(json!({"Instances": shown, "InstancesRevision": revision(&service)}))
}
