//! `AWS::ServiceDiscovery::Service`: a name in a namespace, and how its instances are found and checked.

use async_trait::async_trait;

use super::{ATTRIBUTES, SERVICES, TAGS, operate};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::loaders;
use crate::prelude::*;
use crate::tags;

/// `AWS::ServiceDiscovery::Service`.
pub struct Service;

/// All services, for the search after a lost answer.
static ALL: Load = Load::of(
    "servicediscovery",
    "ListServices",
    By::All,
    1,
    "Services",
    "Id",
);

static DEFINITION: Definition = Definition {
    create: Create::of("CreateService", "Service"),
    reads: &[
        Read::of(&SERVICES),
        Read {
            key: Key::Described(&["Arn"]),
            select: Some(tags::swept),
            ..Read::of(&tags::SWEEP)
        },
        Read {
            key: Key::Described(&["Arn"]),
            when: Some(tags::untagged),
            ..Read::of(&TAGS)
        },
        Read {
            only_for: &["ServiceAttributes"],
            into: "Kept",
            ..Read::of(&ATTRIBUTES)
        },
    ],
    updates: &[
        Change {
            takes: &["Description", "DnsConfig", "HealthCheckConfig"],
            mode: Mode::Step(change),
            ..Change::of("UpdateService", &["Id"])
        },
        Change {
            takes: &["ServiceAttributes"],
            mode: Mode::Step(attributes),
            ..Change::of("UpdateServiceAttributes", &["ServiceId=Id"])
        },
    ],
    delete: Delete {
        // Instances that are being deregistered: an ECS service's tasks, for one.
        busy: &["ResourceInUse"],
        ..Delete::of("DeleteService", &["Id"], &["ServiceNotFound"])
    },
    find: Find::Search(find),
    rules: &[
        Rule::Told("ServiceAttributes", "Kept.Attributes"),
        Rule::Computed("DnsConfig", |service| {
            let dns = service.get("DnsConfig")?;
            (!dns.as_object()?.is_empty()).then(|| dns.clone())
        }),
    ],
    tags: Tags::Member,
    // A label of a name (API_CreateService: "a valid DNS name").
    name: Some(Name {
        also: "_",
        ..Name::of("Name", 63)
    }),
    propagation: &[
        // A namespace that was made a moment ago.
        ("NamespaceNotFound", ""),
    ],
    unique: &[&["Name", "NamespaceId"]],
    not_told: &[(
        "HealthCheckCustomConfig.FailureThreshold",
        "\"This parameter is no longer supported and is always set to 1\" (API_HealthCheckCustomConfig)",
    )],
    create_only: &[
        (
            "DnsConfig.NamespaceId",
            "a service stays in its namespace: API_ServiceChange has none",
        ),
        (
            "DnsConfig.RoutingPolicy",
            "UpdateService takes the records alone: API_DnsConfigChange",
        ),
        (
            "DnsConfig.DnsRecords.*.Type",
            "UpdateService changes \"the TTL setting for existing DnsRecords configurations\" (API_UpdateService)",
        ),
    ],
    ..Definition::new("AWS::ServiceDiscovery::Service", "servicediscovery")
};

/// All that can change goes together: "if you omit any existing DnsRecords or HealthCheckConfig configurations from an UpdateService
/// request, the configurations are deleted" (API_UpdateService).
fn change<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let mut service = Map::new();
        let text = update.desired.get("Description").and_then(Value::to_text);
        service.insert("Description".to_owned(), text.unwrap_or_default().into());
        let records = update.desired.at(&"DnsConfig.DnsRecords".into());
        if let Some(records) = records.and_then(Value::expose_json) {
            service.insert("DnsConfig".to_owned(), json!({"DnsRecords": records}));
        }
        if let Some(check) = update
            .desired
            .get("HealthCheckConfig")
            .and_then(Value::expose_json)
        {
            service.insert("HealthCheckConfig".to_owned(), check);
        }
        // Scalars become what the API takes.
        let properties = Map::from_iter([("Service".to_owned(), Json::Object(service))]);
        let mut input = generic::input(&DEFINITION, "UpdateService", &properties)?;
        input.insert("Id".to_owned(), id.as_str().into());
        operate(&DEFINITION, context, "UpdateService", input)
            .await
            .map(|_| ())
    })
}

fn attributes<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let of = |properties: &Value| -> Map<String, Json> {
            let kept = properties.get("ServiceAttributes").and_then(Value::as_map);
            let kept = kept.into_iter().flatten();
            kept.filter_map(|(name, value)| {
                let text = value
                    .expose_str()
                    .map(str::to_owned)
                    .or_else(|| value.to_text());
                Some((name.clone(), text?.into()))
            })
            .collect()
        };
        let (wanted, have) = (of(update.desired), of(update.live));
        let gone: Vec<&String> = have
            .keys()
            .filter(|name| !wanted.contains_key(*name))
            .collect();
        if !gone.is_empty() {
            let input = json!({"ServiceId": id.as_str(), "Attributes": gone});
            context
                .write("servicediscovery", "DeleteServiceAttributes", input)
                .await?;
        }
        if !wanted.is_empty() {
            let input = json!({"ServiceId": id.as_str(), "Attributes": wanted});
            context
                .write("servicediscovery", "UpdateServiceAttributes", input)
                .await?;
        }
        Ok(())
    })
}

/// Services of the declared name, by their tags.
fn find<'a>(
    context: &'a Context,
    desired: &'a Value,
    incarnation: &'a Incarnation,
) -> FindFuture<'a> {
    Box::pin(async move {
        let Some(name) = desired.get("Name").and_then(Value::to_text) else {
            return Ok(None);
        };
        for listed in loaders::items(context, &ALL, Map::new()).await? {
            if described(&listed, "Name") != Some(&name) {
                continue;
            }
            if let Some(id) = described(&listed, "Id") {
                let ours = generic::if_ours(&DEFINITION, context, id.into(), incarnation).await?;
                if ours.is_some() {
                    return Ok(ours);
                }
            }
        }
        Ok(None)
    })
}

#[async_trait]
impl Resource for Service {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }
}
