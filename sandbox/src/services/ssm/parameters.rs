//! Parameters and their versions.

use super::laws::overwrites;
use super::{public, search};
use crate::call::{Call, digest};
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Paging, Tags, run};
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

pub(super) const KIND: &str = "ssm/parameter";

/// How many versions are kept (Systems Manager User Guide, Working with parameter versions).
const VERSIONS: usize = 100;

/// A parameter.
pub(super) const PARAMETER: Kind = Kind {
    name: KIND,
    id: Id::Member("Name"),
    // `Path` is the name with one leading slash.
    arn: "arn:{partition}:ssm:{region}:{account}:parameter{Path}",
    arn_member: "ARN",
    tags: Tags::Unseen("Tags"),
    not_found: Fault::new("ParameterNotFound", "Parameter {id} not found."),
    operations: &[
        run("PutParameter", put),
        run("GetParameter", get),
        run("GetParameters", get_many),
        run("GetParametersByPath", by_path),
        run("GetParameterHistory", history),
        run("DescribeParameters", describe),
        run("DeleteParameter", |call| {
            let name = call.text("Name").unwrap_or_default().to_owned();
            let id = call.need(KIND, &name)?.id.clone();
            call.delete(KIND, &id)?;
            Ok(json!({}))
        }),
        run("DeleteParameters", delete_many),
        run("LabelParameterVersion", label),
    ],
    ..Kind::NEW
};

/// The tier that a put leads to: Intelligent-Tiering takes the advanced one where it must; a parameter keeps its own.
pub(super) fn tier(call: &Call) -> String {
    let name = call.text("Name").unwrap_or_default();
    let old = call.find(KIND, name).filter(|_| overwrites(call));
    let was = old.map(|old| old.text("Tier"));
    match call.text("Tier") {
        Some("Intelligent-Tiering") => {
            let long = call.text("Value").unwrap_or_default().len() > 4096;
            let policies = call
                .text("Policies")
                .is_some_and(|text| !matches!(text, "" | "[{}]" | "[]"));
            if long || policies || was == Some("Advanced") {
                "Advanced".into()
            } else {
                "Standard".into()
            }
        }
        Some(tier) => tier.into(),
        None => was.unwrap_or("Standard").into(),
    }
}

fn put(call: &mut Call) -> Answer {
    let name = call.text("Name").unwrap_or_default().to_owned();
    let old = call.find(KIND, &name).cloned();
    if old.is_some() && !overwrites(call) {
        return Err(Refusal::new(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        ));
    }
    let tier = tier(call);
    let mut members = call.input.clone();
    members.remove("Overwrite");
    // What a new version does not say stays as it was.
    let mut body = old.as_ref().map(|old| old.body.clone()).unwrap_or_default();
    if let Some(Json::String(text)) = members.remove("Policies") {
        body.insert("Policies".into(), policies(&text)?);
    }
    let secure = members
        .get("Type")
        .and_then(Json::as_str)
        .or(body.get("Type").and_then(Json::as_str))
        == Some("SecureString");
    if let Some(key) = call.text("KeyId") {
        if !secure {
            return Err(Refusal::new(
                "ValidationException",
                "KeyId is required for SecureString type parameter only.",
            ));
        }
        let (key, named) = (key.to_owned(), call.find("kms/key", key).is_some());
        if !named && !key.starts_with("alias/aws/") {
            return Err(Refusal::new("InvalidKeyId", format!("Invalid keyId {key}")));
        }
    } else if secure {
        body.entry("KeyId")
            .or_insert_with(|| "alias/aws/ssm".into());
    }
    let version = body.get("Version").and_then(Json::as_u64).unwrap_or(0) + 1;
    let data_type = body
        .get("DataType")
        .cloned()
        .unwrap_or_else(|| "text".into());
    body.insert("DataType".into(), data_type);
    body.extend(members);
    body.insert("Tier".into(), tier.as_str().into());
    body.insert("Version".into(), version.into());
    body.insert("LastModifiedDate".into(), json!(call.now));
    let user = call
        .world
        .sessions
        .get(&call.access_key)
        .map(|session| session.arn.clone());
    let user =
        user.unwrap_or_else(|| format!("arn:{}:iam::{}:root", call.partition(), call.account));
    body.insert("LastModifiedUser".into(), user.into());
    body.insert(
        "Path".into(),
        format!("/{}", name.trim_start_matches('/')).into(),
    );
    if old.is_none() {
        call.make(KIND, Json::Object(body))?;
    } else {
        call.update(KIND, &name, |record| record.body = body);
    }
    call.update(KIND, &name, |record| {
        let mut kept = record.body.clone();
        kept.remove("Tags");
        let versions = record.hidden.entry("versions").or_insert_with(|| json!([]));
        if let Some(versions) = versions.as_array_mut() {
            versions.push(Json::Object(kept));
            if versions.len() > VERSIONS {
                versions.remove(0);
            }
        }
    });
    Ok(json!({"Version": version, "Tier": tier}))
}

/// `[{"Type": "Expiration", …}]` as the describe shows them.
fn policies(text: &str) -> Result<Json, Refusal> {
    if text.is_empty() {
        return Ok(json!([]));
    }
    let list: Vec<Map<String, Json>> = serde_json::from_str(text).map_err(|_| {
        Refusal::new(
            "InvalidPolicyAttributeException",
            "The policies are not a JSON array of objects.",
        )
    })?;
    let mut shown = Vec::new();
    for policy in list.into_iter().filter(|policy| !policy.is_empty()) {
        let kind = policy
            .get("Type")
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned();
        if !matches!(
            kind.as_str(),
            "Expiration" | "ExpirationNotification" | "NoChangeNotification"
        ) {
            return Err(Refusal::new(
                "InvalidPolicyTypeException",
                format!("Policy type {kind} is not supported."),
            ));
        }
        let text = Json::Object(policy).to_string();
        shown.push(json!({"PolicyText": text, "PolicyType": kind, "PolicyStatus": "Finished"}));
    }
    Ok(Json::Array(shown))
}

/// A secret without decryption is some base64 that does not tell it.
fn reveal(call: &Call, mut body: Map<String, Json>) -> Json {
    let decrypts = call.input.get("WithDecryption") == Some(&Json::Bool(true));
    if body.get("Type").and_then(Json::as_str) == Some("SecureString") && !decrypts {
        use base64::Engine;
        let text = body.get("Value").and_then(Json::as_str).unwrap_or_default();
        let sealed = digest(&["sealed", &call.account, text]);
        let sealed = base64::engine::general_purpose::STANDARD.encode(sealed);
        body.insert("Value".into(), format!("AQICAHh{sealed}").into());
    }
    Json::Object(body)
}

/// A parameter by name or ARN, with `:version` or `:label` behind it.
fn pick(call: &Call, asked: &str) -> Result<Json, Refusal> {
    if let Some(public) = public::parameter(call, asked) {
        return Ok(public);
    }
    if let Some(record) = call.find(KIND, asked) {
        return Ok(reveal(call, record.body.clone()));
    }
    let missing = || call.kind(KIND).not_found.with(&[("id", asked)]);
    let (name, selector) = asked.rsplit_once(':').ok_or_else(missing)?;
    let record = call.find(KIND, name).ok_or_else(missing)?;
    let found = versions(record).into_iter().find(|version| {
        let number = version.get("Version").and_then(Json::as_u64);
        let labels = version.get("Labels").and_then(Json::as_array);
        number.is_some_and(|number| number.to_string() == selector)
            || labels.is_some_and(|labels| labels.iter().any(|label| label == selector))
    });
    let mut body = found.ok_or_else(|| {
        let message = format!("Systems Manager could not find version {selector} of {name}. Verify the version and try again.");
        Refusal::new("ParameterVersionNotFound", message)
    })?;
    body.insert("Selector".into(), format!(":{selector}").into());
    Ok(reveal(call, body))
}

fn versions(record: &Record) -> Vec<Map<String, Json>> {
    let versions = record.hidden.get("versions").and_then(Json::as_array);
    versions
        .into_iter()
        .flatten()
        .filter_map(|version| version.as_object().cloned())
        .collect()
}

fn get(call: &mut Call) -> Answer {
    let name = call.text("Name").unwrap_or_default();
    Ok(json!({"Parameter": pick(call, name)?}))
}

fn get_many(call: &mut Call) -> Answer {
    let (mut found, mut invalid) = (Vec::new(), Vec::new());
    for name in call.texts("Names[]") {
        match pick(call, &name) {
            Ok(parameter) => found.push(parameter),
            Err(_) => invalid.push(name),
        }
    }
    Ok(json!({"Parameters": found, "InvalidParameters": invalid}))
}

fn by_path(call: &mut Call) -> Answer {
    let path = call.text("Path").unwrap_or_default();
    if !path.starts_with('/') {
        let message = "The parameter path must begin with a slash '/'.";
        return Err(Refusal::new("ValidationException", message));
    }
    let deep = call.input.get("Recursive") == Some(&Json::Bool(true));
    let mut shown: Vec<(String, Json)> = public::below(call, path);
    for record in call.list(KIND) {
        if search::below(&record.id, path, deep) && search::fits(call, record)? {
            shown.push((record.id.clone(), reveal(call, record.body.clone())));
        }
    }
    page(call, shown, Paging::next_token(10, (1, 10)))
}

fn page(call: &Call, mut shown: Vec<(String, Json)>, paging: Paging) -> Answer {
    let next = crate::filter::page(call, &super::SERVICE, &paging, false, "", &mut shown)?;
    let shown: Vec<Json> = shown.into_iter().map(|(_, one)| one).collect();
    Ok(json!({"Parameters": shown, "NextToken": next}))
}

fn describe(call: &mut Call) -> Answer {
    let mut shown = Vec::new();
    for record in call.list(KIND) {
        if search::fits(call, record)? {
            let mut body = record.body.clone();
            body.entry("Policies").or_insert_with(|| json!([]));
            shown.push((record.id.clone(), Json::Object(body)));
        }
    }
    page(call, shown, Paging::next_token(50, (1, 50)))
}

fn history(call: &mut Call) -> Answer {
    let record = call.need(KIND, call.text("Name").unwrap_or_default())?;
    let shown = versions(record)
        .into_iter()
        .map(|version| {
            let number = version.get("Version").and_then(Json::as_u64).unwrap_or(0);
            (format!("{number:012}"), reveal(call, version))
        })
        .collect();
    page(call, shown, Paging::next_token(50, (1, 50)))
}

fn delete_many(call: &mut Call) -> Answer {
    let (mut gone, mut invalid) = (Vec::new(), Vec::new());
    for name in call.texts("Names[]") {
        match call.find(KIND, &name).map(|record| record.id.clone()) {
            Some(id) => {
                call.delete(KIND, &id)?;
                gone.push(name);
            }
            None => invalid.push(name),
        }
    }
    Ok(json!({"DeletedParameters": gone, "InvalidParameters": invalid}))
}

fn label(call: &mut Call) -> Answer {
    let name = call.text("Name").unwrap_or_default();
    let record = call.need(KIND, name)?;
    let id = record.id.clone();
    let latest = record
        .body
        .get("Version")
        .and_then(Json::as_u64)
        .unwrap_or(1);
    let number = call
        .input
        .get("ParameterVersion")
        .and_then(Json::as_u64)
        .unwrap_or(latest);
    let labels = call.texts("Labels[]");
    let mut all = versions(record);
    if !all
        .iter()
        .any(|version| version.get("Version") == Some(&json!(number)))
    {
        let message = format!(
            "Systems Manager could not find version {number} of {id}. Verify the version and try again."
        );
        return Err(Refusal::new("ParameterVersionNotFound", message));
    }
    for version in &mut all {
        let mut now: Vec<String> = crate::path::texts(version, "Labels[]");
        // A label is at one version only.
        now.retain(|label| !labels.contains(label));
        if version.get("Version") == Some(&json!(number)) {
            now.extend(labels.clone());
        }
        version.insert("Labels".into(), json!(now));
    }
    call.update(KIND, &id, |record| {
        record.hidden.insert("versions".into(), json!(all));
    });
    Ok(json!({"InvalidLabels": [], "ParameterVersion": number}))
}
