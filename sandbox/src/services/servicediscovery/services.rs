//! Services: a name in a namespace, and how its instances are found and checked.

use super::instances;
use super::namespaces::NAMESPACE;
use super::operations::{self, begin, object, passes};
use crate::call::{Call, digest};
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Tags, run};
use crate::law::Law;
use crate::path;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// A service.
pub(super) const SERVICE: Kind = Kind {
    name: "servicediscovery/service",
    id: Id::Made(|_, _, digits| Ok(format!("srv-{}", super::short(digits)))),
    id_member: "Id",
    arn: "arn:{partition}:servicediscovery:{region}:{account}:service/{id}",
    arn_member: "Arn",
    created_member: "CreateDate",
    tags: Tags::Unseen("Tags"),
    refers: &[Reference::new("NamespaceId", NAMESPACE.name).source(
        "Cloud Map API Reference, CreateService: NamespaceNotFound; DeleteNamespace: ResourceInUse",
    )],
    not_found: Fault::new("ServiceNotFound", "Service not found: {id}"),
    in_use: Fault::new(
        "ResourceInUse",
        "Service contains registered instances; delete the instances before deleting the service",
    ),
    show: Some(|call, service, shown| {
        let instances = call.list_where(instances::INSTANCE.name, "ServiceId", &service.id);
        shown.insert("InstanceCount".into(), json!(instances.count()));
    }),
    operations: &[
        run("CreateService", create),
        run("GetService", |call| {
            let service = call.need(SERVICE.name, call.text("Id").unwrap_or_default())?;
            Ok(json!({"Service": call.show(SERVICE.name, service)}))
        }),
        run("ListServices", |call| {
            let call = &*call;
            let mut shown: Vec<(String, Json)> = call
                .list(SERVICE.name)
                .filter(|one| {
                    passes(call, |name| match name {
                        "NAMESPACE_ID" => vec![one.text("NamespaceId").to_owned()],
                        "RESOURCE_OWNER" => vec!["SELF".to_owned()],
                        _ => Vec::new(),
                    })
                })
                .map(|one| (one.id.clone(), call.show(SERVICE.name, one)))
                .collect();
            let next = operations::page(call, &mut shown)?;
            let listed: Vec<Json> = shown.into_iter().map(|(_, one)| one).collect();
            Ok(json!({"Services": listed, "NextToken": next}))
        }),
        run("UpdateService", update),
        run("DeleteService", |call| {
            let id = call
                .need(SERVICE.name, call.text("Id").unwrap_or_default())?
                .id
                .clone();
            let key = call.key(SERVICE.name, &id);
            crate::generic::remove(call, &SERVICE, &key)?;
            Ok(json!({}))
        }),
        run("GetServiceAttributes", |call| {
            let service = call.need(SERVICE.name, call.text("ServiceId").unwrap_or_default())?;
            let kept = service
                .hidden
                .get("attributes")
                .cloned()
                .unwrap_or_else(|| json!({}));
            Ok(json!({"ServiceAttributes": {
                "ServiceArn": service.arn, "ResourceOwner": call.account, "Attributes": kept,
            }}))
        }),
        run("UpdateServiceAttributes", |call| {
            let sent = call.input.get("Attributes").map(object).unwrap_or_default();
            attributes(call, |kept| kept.extend(sent))
        }),
        run("DeleteServiceAttributes", |call| {
            let gone = call.texts("Attributes[]");
            attributes(call, |kept| kept.retain(|name, _| !gone.contains(name)))
        }),
    ],
    ..Kind::NEW
};

/// A name is had once in a namespace.
pub(super) const TAKEN: Law = Law {
    name: "a service's name is had once in its namespace",
    operations: &["CreateService"],
    source: "Cloud Map API Reference, CreateService: ServiceAlreadyExists",
    fault: Fault::new("ServiceAlreadyExists", "Service already exists."),
    check: Some(|call, law| {
        let name = call.text("Name").unwrap_or_default();
        let namespace = namespace_id(call);
        let there = call.list(SERVICE.name).find(|one| {
            one.is("NamespaceId", &namespace) && one.text("Name").eq_ignore_ascii_case(name)
        });
        let token = call.text("CreatorRequestId");
        match there {
            // The same request gets the same answer.
            Some(one)
                if token.is_some() && one.hidden.get("asked") == Some(&json!(asked(call))) =>
            {
                Ok(())
            }
            Some(one) => {
                let mut refusal = law.fault.with(&[]);
                refusal.members.insert("ServiceId".into(), json!(one.id));
                refusal.members.insert("ServiceArn".into(), json!(one.arn));
                refusal.members.insert(
                    "CreatorRequestId".into(),
                    json!(one.text("CreatorRequestId")),
                );
                Err(refusal)
            }
            None => Ok(()),
        }
    }),
};

/// A namespace has services of its kind.
pub(super) const CONFIGURED: Law = Law {
    name: "DNS records go with DNS namespaces, health checks of Route 53 with public ones, and never with custom ones",
    operations: &["CreateService"],
    source: "Cloud Map API Reference, CreateService: DnsConfig, HealthCheckConfig, HealthCheckCustomConfig, Type",
    fault: Fault::new("InvalidInput", "{message}"),
    check: Some(|call, law| {
        let wrong = |message: &str| Err(law.fault.with(&[("message", message)]));
        let namespace = namespace_id(call);
        let Some(namespace) = call.find(NAMESPACE.name, &namespace) else {
            return Err(NAMESPACE.not_found.with(&[("id", &namespace)]));
        };
        let has = |member: &str| call.input.contains_key(member);
        let http = call.text("Type") == Some("HTTP") || namespace.is("Type", "HTTP");
        if has("DnsConfig") && http {
            return wrong(
                "DnsConfig is not supported for services that are discoverable by API alone",
            );
        }
        if !has("DnsConfig") && !http {
            return wrong(
                "DnsConfig is required for services in DNS namespaces, unless Type is HTTP",
            );
        }
        if has("HealthCheckConfig") && has("HealthCheckCustomConfig") {
            return wrong(
                "Only one of HealthCheckConfig and HealthCheckCustomConfig can be specified",
            );
        }
        if has("HealthCheckConfig") && !namespace.is("Type", "DNS_PUBLIC") {
            return wrong(
                "HealthCheckConfig is only supported for services in public DNS namespaces",
            );
        }
        Ok(())
    }),
};

/// Records go together.
pub(super) const RECORDS: Law = Law {
    name: "a service's records have types of their own; a CNAME stands alone and is weighted",
    operations: &["CreateService", "UpdateService"],
    source: "Cloud Map API Reference, DnsRecord, Type; DnsConfig, RoutingPolicy",
    fault: Fault::new("InvalidInput", "{message}"),
    check: Some(|call, law| {
        let wrong = |message: &str| Err(law.fault.with(&[("message", message)]));
        let at = if call.operation == "CreateService" {
            ""
        } else {
            "Service."
        };
        let mut types = call.texts(&format!("{at}DnsConfig.DnsRecords[].Type"));
        let count = types.len();
        types.sort();
        types.dedup();
        if types.len() < count {
            return wrong("Duplicate DNS record types");
        }
        let cname = types.iter().any(|one| one == "CNAME");
        if cname && count > 1 {
            return wrong("CNAME records cannot be combined with records of other types");
        }
        let policy = call.text("DnsConfig.RoutingPolicy").unwrap_or("MULTIVALUE");
        if cname && at.is_empty() && policy != "WEIGHTED" {
            return wrong("The routing policy of CNAME records must be WEIGHTED");
        }
        if !at.is_empty() && count > 0 {
            let service = call.need(SERVICE.name, call.text("Id").unwrap_or_default())?;
            let mut kept = path::texts(&service.body, "DnsConfig.DnsRecords[].Type");
            kept.sort();
            if kept != types {
                return wrong("The types of a service's DNS records cannot be changed");
            }
        }
        Ok(())
    }),
};

fn namespace_id(call: &Call) -> String {
    let named = call
        .text("NamespaceId")
        .or(call.text("DnsConfig.NamespaceId"))
        .unwrap_or_default();
    // Requests may have the ARN.
    named.rsplit('/').next().unwrap_or(named).to_owned()
}

fn asked(call: &Call) -> String {
    digest(&[&path::canonical(&Json::Object(call.input.clone()))])
}

fn create(call: &mut Call) -> Answer {
    let asked = asked(call);
    let mut before = call.list(SERVICE.name);
    if let Some(same) = before.find(|one| one.hidden.get("asked") == Some(&json!(asked))) {
        return Ok(json!({"Service": call.show(SERVICE.name, same)}));
    }
    drop(before);
    let namespace = namespace_id(call);
    let mut members = call.input.clone();
    members.insert("NamespaceId".into(), json!(namespace));
    match members.get_mut("DnsConfig") {
        Some(dns) => {
            dns["NamespaceId"] = json!(namespace);
            if dns.get("RoutingPolicy").is_none() {
                dns["RoutingPolicy"] = json!("MULTIVALUE");
            }
            members.insert("Type".into(), json!("DNS_HTTP"));
        }
        None => {
            members.insert("DnsConfig".into(), json!({}));
            members.insert("Type".into(), json!("HTTP"));
        }
    }
    if let Some(check) = members.get_mut("HealthCheckCustomConfig") {
        // "This parameter is no longer supported and is always set to 1" (HealthCheckCustomConfig).
        check["FailureThreshold"] = json!(1);
    }
    if let Some(check) = members.get_mut("HealthCheckConfig")
        && check.get("FailureThreshold").is_none()
    {
        check["FailureThreshold"] = json!(1);
    }
    let token = call.text("CreatorRequestId").is_some();
    let made = call.make(SERVICE.name, Json::Object(members))?;
    call.update(SERVICE.name, &made.id, |service| {
        if token {
            service.hidden.insert("asked".into(), json!(asked));
        }
    });
    let made = call.need(SERVICE.name, &made.id)?;
    Ok(json!({"Service": call.show(SERVICE.name, made)}))
}

fn update(call: &mut Call) -> Answer {
    let id = call
        .need(SERVICE.name, call.text("Id").unwrap_or_default())?
        .id
        .clone();
    let work = call.input.get("Service").cloned().unwrap_or_default();
    begin(call, "UPDATE_SERVICE", json!({"SERVICE": id}), 5.0, work)
}

/// It is changed now: what is left out of records and health checks is gone (UpdateService).
pub(super) fn changed(call: &mut Call, id: &str, work: &Json) -> Result<(), Refusal> {
    call.need(SERVICE.name, id)?;
    call.update(SERVICE.name, id, |service| {
        if let Some(description) = work.get("Description") {
            service.set("Description", description.clone());
        }
        if service.is("Type", "HTTP") {
            return;
        }
        service.set(
            "DnsConfig.DnsRecords",
            work["DnsConfig"]["DnsRecords"].clone(),
        );
        service.set("HealthCheckConfig", work["HealthCheckConfig"].clone());
    });
    Ok(())
}

fn attributes(call: &mut Call, change: impl FnOnce(&mut Map<String, Json>)) -> Answer {
    let service: &Record = call.need(SERVICE.name, call.text("ServiceId").unwrap_or_default())?;
    let id = service.id.clone();
    let mut kept = service
        .hidden
        .get("attributes")
        .map(object)
        .unwrap_or_default();
    change(&mut kept);
    if kept.len() > 30 {
        let message = "A service has 30 attributes at most";
        return Err(Refusal::new(
            "ServiceAttributesLimitExceededException",
            message,
        ));
    }
    call.update(SERVICE.name, &id, |service| {
        service
            .hidden
            .insert("attributes".into(), Json::Object(kept));
    });
    Ok(json!({}))
}
