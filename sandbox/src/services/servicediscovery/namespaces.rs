//! Namespaces: names for HTTP alone, or with a hosted zone.

use super::operations::{self, begin, object, passes, repeated, under_way};
use super::services;
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Tags, run};
use crate::law::Law;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// A namespace.
pub(super) const NAMESPACE: Kind = Kind {
    name: "servicediscovery/namespace",
    id: Id::Member("Id"),
    arn: "arn:{partition}:servicediscovery:{region}:{account}:namespace/{id}",
    arn_member: "Arn",
    created_member: "CreateDate",
    tags: Tags::Unseen("Tags"),
    // A VPC goes without asking for the hosted zones that it is associated with.
    refers: &[Reference::new("Vpc", "ec2/vpc").loose().unchecked()],
    not_found: Fault::new("NamespaceNotFound", "Failed to find a namespace for {id}"),
    in_use: Fault::new(
        "ResourceInUse",
        "Namespace {id} has associated services. Please delete the services before deleting the namespace",
    ),
    show: Some(|call, namespace, shown| {
        let services = call.list_where(services::SERVICE.name, "NamespaceId", &namespace.id);
        shown.insert("ServiceCount".into(), json!(services.count()));
    }),
    operations: &[
        run("CreateHttpNamespace", |call| create(call, "HTTP")),
        run("CreatePrivateDnsNamespace", |call| {
            create(call, "DNS_PRIVATE")
        }),
        run("CreatePublicDnsNamespace", |call| {
            create(call, "DNS_PUBLIC")
        }),
        run("UpdateHttpNamespace", update),
        run("UpdatePrivateDnsNamespace", update),
        run("UpdatePublicDnsNamespace", update),
        run("DeleteNamespace", delete),
        run("GetNamespace", |call| {
            let namespace = call.need(NAMESPACE.name, call.text("Id").unwrap_or_default())?;
            Ok(json!({"Namespace": call.show(NAMESPACE.name, namespace)}))
        }),
        run("ListNamespaces", |call| {
            let call = &*call;
            let mut shown: Vec<(String, Json)> = call
                .list(NAMESPACE.name)
                .filter(|one| {
                    passes(call, |name| match name {
                        "TYPE" => vec![one.text("Type").to_owned()],
                        "NAME" => vec![one.text("Name").to_owned()],
                        "HTTP_NAME" => {
                            vec![one.text("Properties.HttpProperties.HttpName").to_owned()]
                        }
                        "RESOURCE_OWNER" => vec!["SELF".to_owned()],
                        _ => Vec::new(),
                    })
                })
                .map(|one| (one.id.clone(), call.show(NAMESPACE.name, one)))
                .collect();
            let next = operations::page(call, &mut shown)?;
            let listed: Vec<Json> = shown.into_iter().map(|(_, one)| one).collect();
            Ok(json!({"Namespaces": listed, "NextToken": next}))
        }),
    ],
    ..Kind::NEW
};

/// A name is had once.
pub(super) const TAKEN: Law = Law {
    name: "a namespace's name is had once, of private ones once in a VPC",
    operations: &["CreateHttpNamespace", "CreatePrivateDnsNamespace"],
    source: "Cloud Map API Reference, CreateHttpNamespace, CreatePrivateDnsNamespace: NamespaceAlreadyExists",
    fault: Fault::new(
        "NamespaceAlreadyExists",
        "Namespace with name {name} already exists.",
    ),
    check: Some(|call, law| {
        if repeated(call).is_some() {
            return Ok(());
        }
        let name = call.text("Name").unwrap_or_default();
        let (kind, vpc) = match call.operation.as_str() {
            "CreateHttpNamespace" => ("HTTP", ""),
            _ => ("DNS_PRIVATE", call.text("Vpc").unwrap_or_default()),
        };
        let same = |body: &dyn Fn(&str) -> String| {
            body("Name") == name && body("Type") == kind && body("Vpc") == vpc
        };
        let there = call
            .list(NAMESPACE.name)
            .find(|one| same(&|path| one.text(path).to_owned()));
        // One that is being made has its name already.
        let begun = call.list(operations::OPERATION.name).any(|one| {
            let work = one.hidden.get("work").map(object).unwrap_or_default();
            one.is("Type", "CREATE_NAMESPACE")
                && same(&|path| {
                    crate::path::text(&work, path)
                        .unwrap_or_default()
                        .to_owned()
                })
        });
        if there.is_none() && !begun {
            return Ok(());
        }
        let mut refusal = law.fault.with(&[("name", name)]);
        refusal
            .members
            .insert("NamespaceId".into(), json!(there.map(|one| one.id.clone())));
        Err(refusal)
    }),
};

/// A private namespace is a private hosted zone.
pub(super) const ZONE: Law = Law {
    name: "a private namespace's VPC exists",
    operations: &[],
    source: "Cloud Map Developer Guide, CreatePrivateDnsNamespace creates a Route 53 private hosted zone; Route 53 API Reference, CreateHostedZone: InvalidVPCId",
    fault: Fault::new(
        "CANNOT_CREATE_HOSTED_ZONE",
        "The VPC that you chose, {id}, does not exist or is not in the region",
    ),
    check: None,
};

/// One at a time.
pub(super) const UNDER_WAY: Law = Law {
    name: "a namespace that is being deleted is not deleted again",
    operations: &["DeleteNamespace"],
    source: "Cloud Map API Reference, DeleteNamespace: DuplicateRequest",
    fault: Fault::new(
        "DuplicateRequest",
        "Another operation of type DeleteNamespace and id {id} is in progress",
    ),
    check: Some(|call, law| {
        let id = call.text("Id").unwrap_or_default();
        let id = id.rsplit('/').next().unwrap_or(id);
        match under_way(call, "DELETE_NAMESPACE", "NAMESPACE", id) {
            None => Ok(()),
            Some(operation) => {
                let mut refusal = law.fault.with(&[("id", &operation)]);
                refusal
                    .members
                    .insert("DuplicateOperationId".into(), json!(operation));
                Err(refusal)
            }
        }
    }),
};

/// How long it takes: a hosted zone takes longer than a name.
fn seconds(kind: &str) -> f64 {
    if kind == "HTTP" { 2.0 } else { 30.0 }
}

fn create(call: &mut Call, kind: &str) -> Answer {
    if let Some(answer) = repeated(call) {
        return answer;
    }
    let name = call.text("Name").unwrap_or_default().to_owned();
    let id = format!(
        "ns-{}",
        super::short(&call.derive(&format!("namespace {kind} {name}")))
    );
    let mut members = call.input.clone();
    members.insert("Type".into(), json!(kind));
    let mut properties = json!({"HttpProperties": {"HttpName": name}});
    if kind != "HTTP" {
        let digits = call.derive(&format!("hosted zone {id}"));
        let zone = format!("Z{}", digits[..20].to_ascii_uppercase());
        let asked = members
            .get("Properties")
            .map(|asked| asked["DnsProperties"]["SOA"]["TTL"].clone());
        // The console's and the API's own (Cloud Map Developer Guide, "Values that you specify when you create a namespace": TTL).
        let ttl = asked.filter(|ttl| !ttl.is_null()).unwrap_or(json!(15));
        properties["DnsProperties"] = json!({"HostedZoneId": zone, "SOA": {"TTL": ttl}});
    }
    members.insert("Properties".into(), properties);
    let targets = json!({"NAMESPACE": id});
    begin(
        call,
        "CREATE_NAMESPACE",
        targets,
        seconds(kind),
        Json::Object(members),
    )
}

/// It is there now.
pub(super) fn made(call: &mut Call, id: &str, work: Json) -> Result<(), Refusal> {
    let mut members = object(&work);
    if let Some(vpc) = members.get("Vpc").and_then(Json::as_str)
        && call.find("ec2/vpc", vpc).is_none()
    {
        return Err(ZONE.fault.with(&[("id", vpc)]));
    }
    members.insert("Id".into(), json!(id));
    call.make(NAMESPACE.name, Json::Object(members))?;
    Ok(())
}

fn id(call: &Call) -> Result<Record, Refusal> {
    call.need(NAMESPACE.name, call.text("Id").unwrap_or_default())
        .cloned()
}

fn update(call: &mut Call) -> Answer {
    let namespace = id(call)?;
    if let Some(answer) = repeated(call) {
        return answer;
    }
    let kind = match call.operation.as_str() {
        "UpdateHttpNamespace" => "HTTP",
        "UpdatePrivateDnsNamespace" => "DNS_PRIVATE",
        _ => "DNS_PUBLIC",
    };
    if !namespace.is("Type", kind) {
        return Err(NAMESPACE.not_found.with(&[("id", &namespace.id)]));
    }
    let work = call.input.get("Namespace").cloned().unwrap_or_default();
    begin(
        call,
        "UPDATE_NAMESPACE",
        json!({"NAMESPACE": namespace.id}),
        5.0,
        work,
    )
}

/// It is changed now.
pub(super) fn changed(call: &mut Call, id: &str, work: &Json) -> Result<(), Refusal> {
    call.need(NAMESPACE.name, id)?;
    call.update(NAMESPACE.name, id, |namespace| {
        if let Some(description) = work.get("Description") {
            namespace.set("Description", description.clone());
        }
        let ttl = &work["Properties"]["DnsProperties"]["SOA"]["TTL"];
        if !ttl.is_null() {
            namespace.set("Properties.DnsProperties.SOA.TTL", ttl.clone());
        }
    });
    Ok(())
}

fn delete(call: &mut Call) -> Answer {
    let namespace = id(call)?;
    if call
        .list_where(services::SERVICE.name, "NamespaceId", &namespace.id)
        .next()
        .is_some()
    {
        return Err(NAMESPACE.in_use.with(&[("id", &namespace.id)]));
    }
    let wait = seconds(namespace.text("Type"));
    begin(
        call,
        "DELETE_NAMESPACE",
        json!({"NAMESPACE": namespace.id}),
        wait,
        Json::Object(Map::new()),
    )
}

/// It is gone now, unless somebody came in between.
pub(super) fn gone(call: &mut Call, id: &str) -> Result<(), Refusal> {
    if call
        .list_where(services::SERVICE.name, "NamespaceId", id)
        .next()
        .is_some()
    {
        return Err(NAMESPACE.in_use.with(&[("id", id)]));
    }
    call.remove(NAMESPACE.name, id);
    Ok(())
}
