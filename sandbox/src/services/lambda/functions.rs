//! Functions: made, changed and deleted over time.

use super::code::{self, Taken};
use super::{
    PAGES, invoke, name_and_qualifier, named, named_or_version, policies, settings, versions,
    written,
};
use crate::call::{Call, digest, uuid};
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Tags, Unique, describe, run};
use crate::path;
use crate::services::ec2::interfaces;
use crate::world::{Record, Step};
use serde_json::{Map, Value as Json, json};

/// A function: its `$LATEST`.
pub(super) const FUNCTION: Kind = Kind {
    name: "lambda/function",
    id: Id::Member("FunctionName"),
    arn: "arn:{partition}:lambda:{region}:{account}:function:{id}",
    arn_member: "FunctionArn",
    resolve: Some(|_, name| name_and_qualifier(name).0.to_owned()),
    tags: Tags::UnseenMap("Tags"),
    refers: &[
        // What holds the network is the function's interfaces.
        Reference::new("VpcConfig.SubnetIds[]", "ec2/subnet").loose().missing(Fault::new(
            "InvalidParameterValueException",
            "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: The subnet ID '{id}' does not exist",
        )),
        Reference::new("VpcConfig.SecurityGroupIds[]", "ec2/security-group").loose().missing(Fault::new(
            "InvalidParameterValueException",
            "Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. EC2 Error Message: The security group '{id}' does not exist",
        )),
        Reference::new("KMSKeyArn", "kms/key").loose().missing(Fault::new(
            "InvalidParameterValueException",
            "Lambda was unable to configure access to your environment variables because the KMS key is invalid. Please check your KMS key settings.",
        )),
    ],
    unique: &[Unique::new(
        &["FunctionName"],
        Fault::new(
            "ResourceConflictException",
            "Function already exist: {FunctionName}",
        )
        .status(409),
    )],
    not_found: Fault::new("ResourceNotFoundException", "Function not found: {id}").status(404),
    on_event: Some(invoke::due),
    operations: &[
        run("CreateFunction", create),
        run("GetFunction", get),
        run("GetFunctionConfiguration", |call| {
            let (kind, record) = named_or_version(call)?;
            Ok(call.show(kind, record))
        }),
        describe("ListFunctions", "", "Functions").paging(PAGES),
        run("UpdateFunctionCode", update_code),
        run("UpdateFunctionConfiguration", update_configuration),
        run("DeleteFunction", delete),
        run("PublishVersion", versions::publish),
        run("ListVersionsByFunction", versions::list),
        run("PutFunctionConcurrency", settings::reserve),
        run("GetFunctionConcurrency", settings::reserved),
        run("DeleteFunctionConcurrency", settings::unreserve),
        run("PutProvisionedConcurrencyConfig", settings::provision),
        run("GetProvisionedConcurrencyConfig", settings::provisioned),
        run("DeleteProvisionedConcurrencyConfig", settings::unprovision),
        run("PutRuntimeManagementConfig", settings::put_runtime),
        run("GetRuntimeManagementConfig", settings::runtime),
        run("PutFunctionRecursionConfig", settings::put_recursion),
        run("GetFunctionRecursionConfig", settings::recursion),
        run("PutFunctionCodeSigningConfig", settings::put_signing),
        run("GetFunctionCodeSigningConfig", settings::signing),
        run("DeleteFunctionCodeSigningConfig", settings::delete_signing),
        run("PutFunctionScalingConfig", settings::put_scaling),
        run("GetFunctionScalingConfig", settings::scaling),
        run("AddPermission", policies::add),
        run("RemovePermission", policies::remove),
        run("GetPolicy", policies::get),
        run("Invoke", invoke::invoke),
    ],
    ..Kind::NEW
};

/// How long it takes until a function can be invoked, or a change of it is carried out, in seconds: without a network of its own, with one,
/// from an image ("Lambda function states": "This may take several minutes" in a VPC).
const SECONDS: (f64, f64, f64) = (2.0, 60.0, 15.0);
/// How long the interfaces of a function that is gone hold their network ("up to 20 minutes": Lambda Developer Guide, Giving Lambda
/// functions access to resources in an Amazon VPC, Lambda Hyperplane ENIs).
const DRAINING: f64 = 600.0;

fn seconds(record: &Record) -> f64 {
    if !path::texts(&record.body, "VpcConfig.SubnetIds[]").is_empty() {
        SECONDS.1
    } else if record.is("PackageType", "Image") {
        SECONDS.2
    } else {
        SECONDS.0
    }
}

/// AWS's defaults: CreateFunction.
fn defaults(name: &str) -> Json {
    json!({
        "Description": "", "Timeout": 3, "MemorySize": 128, "PackageType": "Zip", "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512}, "TracingConfig": {"Mode": "PassThrough"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": format!("/aws/lambda/{name}")},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"}, "Version": "$LATEST",
    })
}

fn create(call: &mut Call) -> Answer {
    let asked = call.text("FunctionName").unwrap_or_default().to_owned();
    let name = name_and_qualifier(&asked).0.to_owned();
    if call.find(FUNCTION.name, &name).is_some() {
        return Err(FUNCTION.unique[0].fault.with(&[("FunctionName", &name)]));
    }
    let taken = code::take(call, &name)?;
    let mut members = match defaults(&name) {
        Json::Object(members) => members,
        _ => Map::new(),
    };
    let mut hidden = Map::new();
    for (member, value) in call.input.clone() {
        match member.as_str() {
            "Code" | "Publish" | "PublishTo" => {}
            "CodeSigningConfigArn" => {
                hidden.insert(member, value);
            }
            _ => put(&mut members, &member, value),
        }
    }
    members.insert("FunctionName".into(), name.clone().into());
    known(&mut members, &taken);
    in_vpc(call, &mut members);
    members.insert("LastModified".into(), written(call.now).into());
    members.insert("RevisionId".into(), revision(call, &name).into());
    members.insert("State".into(), "Pending".into());
    members.insert(
        "StateReason".into(),
        "The function is being created.".into(),
    );
    members.insert("StateReasonCode".into(), "Creating".into());
    let record = call.make(FUNCTION.name, Json::Object(members))?;
    if let Err(refusal) = network(call, &record) {
        call.remove(FUNCTION.name, &name);
        return Err(refusal);
    }
    let ready = Step {
        set: vec![
            ("State".into(), "Active".into()),
            ("StateReason".into(), Json::Null),
            ("StateReasonCode".into(), Json::Null),
            ("LastUpdateStatus".into(), "Successful".into()),
        ],
        ..Step::set(call.now + seconds(&record), "State", "Active")
    };
    call.update(FUNCTION.name, &name, |record| {
        record.hidden.extend(hidden);
        record.hidden.insert("Code".into(), taken.location);
        record.steps.push(ready);
    });
    if call.input.get("Publish") == Some(&Json::Bool(true)) {
        versions::snapshot(call, &name, None)?;
    }
    shown(call, &name)
}

fn shown(call: &Call, name: &str) -> Answer {
    let record = call.need(FUNCTION.name, name)?;
    Ok(call.show(FUNCTION.name, record))
}

/// A member of a request as descriptions have it. What is empty is not told.
fn put(members: &mut Map<String, Json>, name: &str, value: Json) {
    let is_empty = |value: &Json, member: &str| {
        value.get(member).is_none_or(|inner| {
            inner.as_object().is_some_and(Map::is_empty) || inner.as_str() == Some("")
        })
    };
    match name {
        "Layers" => {
            let layers = value.as_array().into_iter().flatten();
            let layers: Vec<Json> = layers
                .map(|arn| json!({"Arn": arn, "CodeSize": 1024}))
                .collect();
            put_or_remove(members, name, json!(layers), layers.is_empty());
        }
        "ImageConfig" => {
            let empty = value.as_object().is_none_or(Map::is_empty);
            put_or_remove(
                members,
                "ImageConfigResponse",
                json!({"ImageConfig": value}),
                empty,
            );
        }
        "SnapStart" => {
            let apply = value.get("ApplyOn").cloned().unwrap_or(json!("None"));
            let told = json!({"ApplyOn": apply, "OptimizationStatus": "Off"});
            members.insert(name.into(), told);
        }
        "Environment" => {
            let empty = is_empty(&value, "Variables");
            put_or_remove(members, name, value, empty);
        }
        "DeadLetterConfig" => {
            let empty = is_empty(&value, "TargetArn");
            put_or_remove(members, name, value, empty);
        }
        "KMSKeyArn" => {
            let empty = value.as_str() == Some("");
            put_or_remove(members, name, value, empty);
        }
        "FileSystemConfigs" => {
            let empty = value.as_array().is_none_or(Vec::is_empty);
            put_or_remove(members, name, value, empty);
        }
        "LoggingConfig" => {
            let function = members
                .get("FunctionName")
                .and_then(Json::as_str)
                .unwrap_or_default();
            let mut config =
                json!({"LogFormat": "Text", "LogGroup": format!("/aws/lambda/{function}")});
            for (key, inner) in value.as_object().into_iter().flatten() {
                config[key] = inner.clone();
            }
            // Levels are for JSON (LoggingConfig, ApplicationLogLevel; "INFO" when the format is JSON).
            if config["LogFormat"] == "JSON" {
                for level in ["ApplicationLogLevel", "SystemLogLevel"] {
                    if config[level].is_null() {
                        config[level] = "INFO".into();
                    }
                }
            }
            members.insert(name.into(), config);
        }
        _ => {
            members.insert(name.into(), value);
        }
    }
}

fn put_or_remove(members: &mut Map<String, Json>, name: &str, value: Json, empty: bool) {
    match empty {
        true => members.remove(name),
        false => members.insert(name.into(), value),
    };
}

fn known(members: &mut Map<String, Json>, taken: &Taken) {
    members.insert("CodeSha256".into(), taken.sha256.clone().into());
    members.insert("CodeSize".into(), taken.size.into());
}

/// The VPC of the subnets.
fn in_vpc(call: &Call, members: &mut Map<String, Json>) {
    let subnets = path::texts(members, "VpcConfig.SubnetIds[]");
    let vpc = subnets
        .first()
        .and_then(|id| call.find("ec2/subnet", id))
        .map(|subnet| subnet.text("VpcId").to_owned());
    if members.contains_key("VpcConfig") {
        path::set(members, "VpcConfig.VpcId", vpc.unwrap_or_default().into());
        if path::pick(members, "VpcConfig.Ipv6AllowedForDualStack").is_empty() {
            path::set(members, "VpcConfig.Ipv6AllowedForDualStack", false.into());
        }
        for list in ["VpcConfig.SubnetIds", "VpcConfig.SecurityGroupIds"] {
            if path::pick(members, list).is_empty() {
                path::set(members, list, json!([]));
            }
        }
    }
}

fn revision(call: &Call, name: &str) -> String {
    uuid(&digest(&[
        "revision",
        name,
        &call.request_id,
        &call.now.to_string(),
    ]))
}

/// Opens an interface in each subnet; those of another network drain.
fn network(call: &mut Call, record: &Record) -> Result<(), Refusal> {
    let old: Vec<String> = path::texts(&record.hidden, "interfaces[]");
    let subnets = path::texts(&record.body, "VpcConfig.SubnetIds[]");
    let groups = path::texts(&record.body, "VpcConfig.SecurityGroupIds[]");
    let mut opened: Vec<Json> = Vec::new();
    for subnet in &subnets {
        let description = format!(
            "AWS Lambda VPC ENI-{}-{}",
            record.id,
            uuid(&digest(&["eni", &record.arn, subnet]))
        );
        let opening = interfaces::Opening {
            subnet,
            groups: &groups,
            description: &description,
            interface_type: "lambda",
            requester: "amazon-lambda",
            ..Default::default()
        };
        match interfaces::open(call, &opening) {
            Ok(interface) => opened.push(interface.id.into()),
            Err(refusal) => {
                for id in opened.iter().filter_map(Json::as_str) {
                    interfaces::close(call, id, 0.0);
                }
                return Err(Refusal::new(
                    "InvalidParameterValueException",
                    refusal.message,
                ));
            }
        }
    }
    for id in old {
        interfaces::close(call, &id, DRAINING);
    }
    call.update(FUNCTION.name, &record.id, |record| {
        record.hidden.insert("interfaces".into(), opened.into());
    });
    Ok(())
}

fn get(call: &mut Call) -> Answer {
    let (kind, record) = named_or_version(call)?;
    let function = named(call)?;
    let mut answer = json!({"Configuration": call.show(kind, record)});
    answer["Code"] = record.hidden.get("Code").cloned().unwrap_or(json!({}));
    if !function.tags.is_empty() {
        answer["Tags"] = json!(function.tags);
    }
    if let Some(reserved) = function.hidden.get("ReservedConcurrentExecutions") {
        answer["Concurrency"] = json!({"ReservedConcurrentExecutions": reserved});
    }
    Ok(answer)
}

fn update_code(call: &mut Call) -> Answer {
    let name = named(call)?.id.clone();
    let taken = code::take(call, &name)?;
    if call.input.get("DryRun") == Some(&Json::Bool(true)) {
        return shown(call, &name);
    }
    let architectures = call.input.get("Architectures").cloned();
    let revision = revision(call, &name);
    let now = call.now;
    call.update(FUNCTION.name, &name, |record| {
        known(&mut record.body, &taken);
        record.hidden.insert("Code".into(), taken.location);
        if let Some(architectures) = architectures {
            record.set("Architectures", architectures);
        }
        changing(record, now, &revision);
    });
    if call.input.get("Publish") == Some(&Json::Bool(true)) {
        versions::snapshot(call, &name, None)?;
    }
    shown(call, &name)
}

fn update_configuration(call: &mut Call) -> Answer {
    let mut record = named(call)?.clone();
    let before = record.body.get("VpcConfig").cloned();
    for (member, value) in call.input.clone() {
        if !matches!(member.as_str(), "FunctionName" | "RevisionId") {
            put(&mut record.body, &member, value);
        }
    }
    in_vpc(call, &mut record.body);
    for reference in FUNCTION.refers {
        for name in path::texts(&record.body, reference.path) {
            if call.find(reference.to, &name).is_none() {
                let fault = reference.missing.as_ref().unwrap_or(&FUNCTION.not_found);
                return Err(fault.with(&[("id", &name)]));
            }
        }
    }
    if before != record.body.get("VpcConfig").cloned() {
        network(call, &record)?;
        if let Some(now) = call.find(FUNCTION.name, &record.id) {
            record.hidden.clone_from(&now.hidden);
        }
    }
    let revision = revision(call, &record.id);
    changing(&mut record, call.now, &revision);
    let name = record.id.clone();
    call.world.put(call.key(FUNCTION.name, &name), record);
    shown(call, &name)
}

/// A change is under way for a while.
fn changing(record: &mut Record, now: f64, revision: &str) {
    record.set("LastModified", written(now));
    record.set("RevisionId", revision);
    record.set("LastUpdateStatus", "InProgress");
    record.set("LastUpdateStatusReason", "The function is being created.");
    record.set("LastUpdateStatusReasonCode", "Creating");
    let at = now + seconds(record);
    record.steps.push(Step {
        set: vec![
            ("LastUpdateStatus".into(), "Successful".into()),
            ("LastUpdateStatusReason".into(), Json::Null),
            ("LastUpdateStatusReasonCode".into(), Json::Null),
        ],
        ..Step::set(at, "LastUpdateStatus", "Successful")
    });
}

/// The function with all its versions, or one version.
fn delete(call: &mut Call) -> Answer {
    let (kind, record) = named_or_version(call)?;
    let (id, interfaces) = (
        record.id.clone(),
        path::texts(&record.hidden, "interfaces[]"),
    );
    if kind == versions::VERSION.name {
        call.delete(kind, &id)?;
        return Ok(json!({"StatusCode": 204}));
    }
    let all: Vec<String> = call
        .list_where(versions::VERSION.name, "FunctionName", &id)
        .map(|version| version.id.clone())
        .collect();
    for version in all {
        call.remove(versions::VERSION.name, &version);
    }
    call.delete(kind, &id)?;
    for interface in interfaces {
        interfaces::close(call, &interface, DRAINING);
    }
    Ok(json!({"StatusCode": 204}))
}
