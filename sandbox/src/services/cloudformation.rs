//! CloudFormation's registry, as far as Cloud Control needs it: the types that somebody has registered in the account. Stacks
//! are not simulated: payctl does not have any.

use payctl_model::facts::facts;
use serde_json::{Map, Value as Json, json};

use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Service, run};
use crate::law::Law;
use crate::world::{Record, World};

/// AWS CloudFormation.
pub const SERVICE: Service = Service {
    name: "cloudformation",
    kinds: &[&TYPE],
    operations: &[run("DescribeType", describe_type)],
    laws: &[&REGISTERED],
    invalid: Fault::new("ValidationError", "{message}"),
    missing: Fault::new("ValidationError", "{message}"),
    ..Service::NEW
};

/// A registered type: one for all regions here, so that a rehearsal needs to register it once.
const TYPE: Kind = Kind {
    name: "cloudformation/type",
    global: true,
    id: Id::Member("TypeName"),
    ..Kind::NEW
};

/// Types are registered.
pub const REGISTERED: Law = Law {
    name: "types are registered",
    operations: &[],
    source: "CloudFormation API Reference, DescribeType, Errors: TypeNotFoundException",
    fault: Fault::new(
        "TypeNotFoundException",
        "The type '{type}' cannot be found.",
    )
    .status(404),
    check: None,
};

/// The record of a type that is registered in the caller's account; its facts are known from then on.
pub(super) fn registered<'c>(call: &'c Call<'_>, name: &str) -> Option<&'c Record> {
    let record = call.find(TYPE.name, name)?;
    let schema = record.body.get("Schema").and_then(Json::as_str);
    let schema = schema.and_then(|schema| serde_json::from_str::<Json>(schema).ok());
    if let Some(schema) = schema.filter(|_| !facts().contains(name)) {
        facts().learn(name, &schema);
    }
    Some(record)
}

/// Puts a type into the registry, as `RegisterType` and `ActivateType` would once their packages are handled.
///
/// # Errors
/// What is wrong with the schema.
pub(crate) fn register(
    world: &mut World,
    account: &str,
    now: f64,
    schema: &Json,
) -> Result<String, String> {
    let name = schema["typeName"]
        .as_str()
        .ok_or("the schema has no typeName")?;
    let parts: Vec<&str> = name.split("::").collect();
    let is_word =
        |part: &&str| part.len() >= 2 && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if parts.len() != 3
        || !parts.iter().all(is_word)
        || ["AWS", "Amazon", "Alexa", "Custom"].contains(&parts[0])
    {
        return Err(format!(
            "{name} is no name of a type of one's own: it must look like Org::Service::Type"
        ));
    }
    if !schema["properties"].is_object() || !schema["primaryIdentifier"].is_array() {
        return Err("the schema needs properties and primaryIdentifier".to_owned());
    }
    let handlers = schema["handlers"].as_object();
    let has = |name: &str| handlers.is_some_and(|handlers| handlers.contains_key(name));
    let provisioning = match (has("create") && has("read") && has("delete"), has("update")) {
        (true, true) => "FULLY_MUTABLE",
        (true, false) => "IMMUTABLE",
        (false, _) => "NON_PROVISIONABLE",
    };
    let arn = format!(
        "arn:aws:cloudformation:us-east-1:{account}:type/resource/{}",
        name.replace("::", "-")
    );
    let body = json!({
        "Arn": arn,
        "Type": "RESOURCE",
        "TypeName": name,
        "DefaultVersionId": "00000001",
        "IsDefaultVersion": true,
        "Schema": schema.to_string(),
        "ProvisioningType": provisioning,
        "DeprecatedStatus": "LIVE",
        "Visibility": "PRIVATE",
        "TimeCreated": now,
        "LastUpdated": now,
    });
    let record = Record {
        id: name.to_owned(),
        arn,
        body: body.as_object().cloned().unwrap_or_default(),
        created: now,
        ..Record::default()
    };
    world.put(World::key(&TYPE, account, "", name), record);
    Ok(name.to_owned())
}

fn describe_type(call: &mut Call) -> Answer {
    let name = match (call.text("TypeName"), call.text("Arn")) {
        (Some(name), _) => name.to_owned(),
        (None, Some(arn)) => arn
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .replace('-', "::"),
        (None, None) => {
            return Err(Refusal::new(
                "ValidationError",
                "Either Arn or TypeName and Type must be given",
            ));
        }
    };
    let record = registered(call, &name);
    let record = record.ok_or_else(|| REGISTERED.fault.with(&[("type", &name)]))?;
    let body: Map<String, Json> = record.body.clone();
    Ok(Json::Object(body))
}
