//! The AppSpec of a deployment of a service: what is to run, and which functions are asked on the way (CodeDeploy User Guide, AppSpec
//! file structure for Amazon ECS deployments).

use crate::call::Call;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

/// What an AppSpec says.
#[derive(Debug, Clone, Default)]
pub(super) struct AppSpec {
    /// Members of the new task set.
    pub set: Map<String, Json>,
    /// The function to call at a lifecycle event.
    pub hooks: Map<String, Json>,
}

/// Reads the AppSpec of a revision.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(call: &mut Call, revision: &Json) -> Result<AppSpec, String> {
    let content = content(call, revision)?;
    let document: Json = serde_json::from_str(&content)
        .or_else(|_| yaml(&content))
        .map_err(|_| "The AppSpec file is neither well-formed YAML nor JSON.".to_owned())?;
    understand(&document)
}

fn content(call: &mut Call, revision: &Json) -> Result<String, String> {
    for member in ["appSpecContent", "string"] {
        let Some(content) = revision[member]["content"].as_str() else {
            continue;
        };
        let sum = Sha256::digest(content.as_bytes());
        let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        return match revision[member]["sha256"].as_str() {
            Some(sent) if sent != sum => {
                Err("The SHA256 hash of the AppSpec content does not match its content.".into())
            }
            _ => Ok(content.to_owned()),
        };
    }
    let location = &revision["s3Location"];
    let asked = json!({"Bucket": location["bucket"], "Key": location["key"]});
    let found = call.call("s3", "GetObject", asked).map_err(|refusal| {
        format!(
            "The AppSpec file cannot be read from Amazon S3: {}",
            refusal.message
        )
    })?;
    let body = found["Body"].as_str().unwrap_or_default();
    BASE64_STANDARD
        .decode(body)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| "The AppSpec file is no text.".to_owned())
}

fn understand(document: &Json) -> Result<AppSpec, String> {
    let member = |of: &Json, name: &str| {
        let members = of.as_object()?;
        let found = members
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    let resources = member(document, "Resources").unwrap_or_default();
    let targets: Vec<Json> = resources
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_object)
        .flat_map(|one| one.values().cloned())
        .filter(|one| member(one, "Type") == Some(json!("AWS::ECS::Service")))
        .collect();
    let [target] = targets.as_slice() else {
        return Err(
            "The AppSpec file must name one resource of the type AWS::ECS::Service.".into(),
        );
    };
    let properties = member(target, "Properties").unwrap_or_default();
    let mut set = Map::new();
    let Some(definition) = member(&properties, "TaskDefinition") else {
        return Err("The AppSpec file names no TaskDefinition.".into());
    };
    set.insert("taskDefinition".into(), definition);
    let Some(balancer) = member(&properties, "LoadBalancerInfo") else {
        return Err("The AppSpec file has no LoadBalancerInfo.".into());
    };
    let port = member(&balancer, "ContainerPort");
    let port = port.as_ref().and_then(|port| {
        port.as_u64()
            .or_else(|| port.as_str().and_then(|text| text.parse().ok()))
    });
    let (Some(container), Some(port)) = (member(&balancer, "ContainerName"), port) else {
        return Err(
            "LoadBalancerInfo of the AppSpec file needs ContainerName and ContainerPort.".into(),
        );
    };
    set.insert(
        "loadBalancers".into(),
        json!([{"containerName": container, "containerPort": port}]),
    );
    if let Some(version) = member(&properties, "PlatformVersion") {
        set.insert("platformVersion".into(), version);
    }
    if let Some(network) = member(&properties, "NetworkConfiguration") {
        set.insert("networkConfiguration".into(), lowered(&network));
    }
    if let Some(strategy) = member(&properties, "CapacityProviderStrategy") {
        set.insert("capacityProviderStrategy".into(), lowered(&strategy));
    }
    let mut hooks = Map::new();
    let declared = member(document, "Hooks").unwrap_or_default();
    for hook in declared.as_array().into_iter().flatten() {
        hooks.extend(hook.as_object().cloned().unwrap_or_default());
    }
    Ok(AppSpec { set, hooks })
}

/// AppSpec's `AwsvpcConfiguration` is the API's `awsvpcConfiguration`.
fn lowered(value: &Json) -> Json {
    match value {
        Json::Object(members) => Json::Object(
            members
                .iter()
                .map(|(name, value)| {
                    let mut chars = name.chars();
                    let first = chars.next().map(|char| char.to_ascii_lowercase());
                    (first.into_iter().chain(chars).collect(), lowered(value))
                })
                .collect(),
        ),
        Json::Array(items) => items.iter().map(lowered).collect(),
        other => other.clone(),
    }
}

/// The AppSpec that deploys what a task set runs: what a rollback deploys where nothing was deployed before.
pub(super) fn of_set(set: &Map<String, Json>) -> Json {
    let balancer = set.get("loadBalancers").map(|list| &list[0]);
    let part = |name: &str| balancer.map(|balancer| balancer[name].clone());
    let content = json!({
        "version": "0.0",
        "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": {
            "TaskDefinition": set.get("taskDefinition"),
            "LoadBalancerInfo": {"ContainerName": part("containerName"), "ContainerPort": part("containerPort")},
        }}}],
    })
    .to_string();
    let sum = Sha256::digest(content.as_bytes());
    let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"revisionType": "AppSpecContent", "appSpecContent": {"content": content, "sha256": sum}})
}

/// A YAML document as JSON: what stands in an AppSpec has neither anchors nor tags.
fn yaml(text: &str) -> Result<Json, String> {
    let mut stack: Vec<(Json, Option<String>)> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        let finished = match event {
            Event::MappingStart(..) => {
                stack.push((json!({}), None));
                continue;
            }
            Event::SequenceStart(..) => {
                stack.push((json!([]), None));
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => match stack.pop() {
                Some((value, _)) => value,
                None => continue,
            },
            Event::Scalar(value, style, ..) => {
                // In a mapping every other scalar is a name.
                if let Some((Json::Object(_), name @ None)) = stack.last_mut() {
                    *name = Some(value.to_string());
                    continue;
                }
                scalar(&value, style)
            }
            _ => continue,
        };
        match stack.last_mut() {
            None => return Ok(finished),
            Some((Json::Array(items), _)) => items.push(finished),
            Some((Json::Object(members), name)) => {
                members.insert(name.take().unwrap_or_default(), finished);
            }
            Some(_) => return Err("neither a list nor a mapping".into()),
        }
    }
    Err("an empty document".into())
}

fn scalar(text: &str, style: ScalarStyle) -> Json {
    if style != ScalarStyle::Plain {
        return json!(text);
    }
    match text {
        "" | "~" | "null" => Json::Null,
        "true" => json!(true),
        "false" => json!(false),
        number => number
            .parse::<u64>()
            .map_or_else(|_| json!(number), |number| json!(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_and_json_say_the_same() {
        let text = "version: 0.0\nResources:\n  - TargetService:\n      Type: AWS::ECS::Service\n      Properties:\n        TaskDefinition: \"arn:aws:ecs:x:1:task-definition/f:2\"\n        LoadBalancerInfo: {ContainerName: web, ContainerPort: 80}\n        NetworkConfiguration: {AwsvpcConfiguration: {Subnets: [s], AssignPublicIp: ENABLED}}\nHooks:\n  - BeforeAllowTraffic: check\n";
        let read = understand(&yaml(text).expect("well-formed")).expect("complete");
        assert_eq!(
            read.set["taskDefinition"],
            "arn:aws:ecs:x:1:task-definition/f:2"
        );
        assert_eq!(read.set["loadBalancers"][0]["containerPort"], 80);
        assert_eq!(
            read.set["networkConfiguration"]["awsvpcConfiguration"]["subnets"][0],
            "s"
        );
        assert_eq!(read.hooks["BeforeAllowTraffic"], "check");
        for wrong in [
            "version: 0.0",
            "Resources: []",
            "- a\n- b",
            "Resources: [{a: {Type: AWS::ECS::Service}}]",
        ] {
            assert!(
                understand(&yaml(wrong).expect("well-formed")).is_err(),
                "{wrong}"
            );
        }
    }
}
