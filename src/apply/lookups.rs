//! What dynamic references name, read from AWS: parameters ten at a time, secrets one by one.

use std::collections::{BTreeMap, BTreeSet};

use payctl_resources::{AwsErrorKind, Context};
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use super::cloud::{CloudError, LookupError, LookupResult};
use crate::template::{Lookup, SecretVersion};

/// Names a call (API_GetParameters).
const PARAMETERS: usize = 10;

/// Reads all of them at once; answers in the order of the question.
pub(super) async fn look_up(
    context: &Context,
    region: &str,
    wanted: &[Lookup],
    error: fn(payctl_resources::Error) -> CloudError,
) -> Vec<LookupResult> {
    let mut reading: JoinSet<Vec<(Lookup, LookupResult)>> = JoinSet::new();
    for batch in batches(wanted) {
        let (context, region) = (context.clone(), region.to_owned());
        reading.spawn(async move { parameters(&context, &region, batch, error).await });
    }
    for lookup in wanted {
        let Lookup::Secret { id, version } = lookup else {
            continue;
        };
        let (context, region) = (context.clone(), region.to_owned());
        let (lookup, id, version) = (lookup.clone(), id.clone(), version.clone());
        reading.spawn(async move {
            let result = secret(&context, &region, &lookup, &id, version, error).await;
            vec![(lookup, result)]
        });
    }
    let mut found: BTreeMap<Lookup, LookupResult> = BTreeMap::new();
    while let Some(read) = reading.join_next().await {
        found.extend(read.unwrap_or_default());
    }
    let unanswered = || LookupError::because("reading it ended without an answer");
    wanted
        .iter()
        .map(|lookup| {
            found
                .get(lookup)
                .cloned()
                .unwrap_or_else(|| Err(unanswered()))
        })
        .collect()
}

/// Parameters that one call can read: no name twice, and secure ones apart, because only they are decrypted.
fn batches(wanted: &[Lookup]) -> Vec<Vec<Lookup>> {
    let mut batches: Vec<(bool, BTreeSet<&str>, Vec<Lookup>)> = Vec::new();
    for lookup in wanted {
        let Lookup::Parameter { name, secure, .. } = lookup else {
            continue;
        };
        let fits = batches.iter_mut().find(|(of_secure, names, batch)| {
            of_secure == secure && batch.len() < PARAMETERS && !names.contains(name.as_str())
        });
        match fits {
            Some((_, names, batch)) => {
                names.insert(name);
                batch.push(lookup.clone());
            }
            None => batches.push((
                *secure,
                BTreeSet::from([name.as_str()]),
                vec![lookup.clone()],
            )),
        }
    }
    batches.into_iter().map(|(_, _, batch)| batch).collect()
}

async fn parameters(
    context: &Context,
    region: &str,
    batch: Vec<Lookup>,
    error: fn(payctl_resources::Error) -> CloudError,
) -> Vec<(Lookup, LookupResult)> {
    let secure = batch.iter().any(Lookup::is_secret);
    let names: Vec<String> = batch.iter().map(selector).collect();
    let input = json!({ "Names": names, "WithDecryption": secure });
    let answer = match context.read("ssm", "GetParameters", input).await {
        Ok(answer) => answer,
        Err(failed) => {
            let failed = refused(error(failed), "ssm:GetParameters");
            return batch
                .into_iter()
                .map(|lookup| (lookup, Err(failed.clone())))
                .collect();
        }
    };
    let told = answer["Parameters"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    batch
        .into_iter()
        .map(|lookup| {
            let result = parameter(&lookup, told, region);
            (lookup, result)
        })
        .collect()
}

/// As GetParameters takes it: `name`, or `name:version`.
fn selector(lookup: &Lookup) -> String {
    match lookup {
        Lookup::Parameter {
            name,
            version: Some(version),
            ..
        } => format!("{name}:{version}"),
        Lookup::Parameter { name, .. } => name.clone(),
        Lookup::Secret { id, .. } => id.clone(),
    }
}

fn parameter(lookup: &Lookup, told: &[Json], region: &str) -> LookupResult {
    let Lookup::Parameter { secure, .. } = lookup else {
        return Err(LookupError::because(format!("{lookup} is no parameter")));
    };
    // No name stands in a call twice, so the name alone tells which one it is.
    let is_it = |parameter: &&Json| {
        parameter["Name"]
            .as_str()
            .is_some_and(|name| lookup.names(name))
    };
    let Some(parameter) = told.iter().find(is_it) else {
        return Err(LookupError::because(format!(
            "there is no {} in {region}",
            lookup.to_string().trim_start_matches("the ")
        )));
    };
    let is_secure = parameter["Type"].as_str() == Some("SecureString");
    if is_secure != *secure {
        let (why, help) = match is_secure {
            true => (
                "is a SecureString",
                "name it by {{resolve:ssm-secure:…}} where CloudFormation allows that, or keep the value in Secrets Manager",
            ),
            false => ("is no SecureString", "name it by {{resolve:ssm:…}}"),
        };
        return Err(LookupError {
            why: format!("{lookup} {why}"),
            help: Some(help),
            cloud: None,
        });
    }
    match parameter["Value"].as_str() {
        Some(value) => Ok(value.to_owned()),
        None => Err(LookupError::because(format!("{lookup} has no value"))),
    }
}

async fn secret(
    context: &Context,
    region: &str,
    lookup: &Lookup,
    id: &str,
    version: Option<SecretVersion>,
    error: fn(payctl_resources::Error) -> CloudError,
) -> LookupResult {
    let mut input = json!({ "SecretId": id });
    match version {
        Some(SecretVersion::Stage(stage)) => input["VersionStage"] = stage.into(),
        Some(SecretVersion::Id(id)) => input["VersionId"] = id.into(),
        None => {}
    }
    let answer = match context
        .read("secretsmanager", "GetSecretValue", input)
        .await
    {
        Ok(answer) => answer,
        Err(failed) => {
            let missing = failed.aws().is_some_and(|aws| {
                aws.kind == AwsErrorKind::Service && aws.code == "ResourceNotFoundException"
            });
            let failed = refused(error(failed), "secretsmanager:GetSecretValue");
            let missing = missing.then(|| {
                format!(
                    "there is no {} in {region}, or it has no such version",
                    lookup.to_string().trim_start_matches("the ")
                )
            });
            return Err(LookupError {
                why: missing.unwrap_or(failed.why),
                ..failed
            });
        }
    };
    match answer["SecretString"].as_str() {
        Some(value) => Ok(value.to_owned()),
        None => Err(LookupError::because(format!(
            "{lookup} holds no text: a reference cannot name a binary secret"
        ))),
    }
}

fn refused(error: CloudError, call: &'static str) -> LookupError {
    LookupError {
        why: match &error.aws {
            Some(_) => format!("AWS refused {call}"),
            None => error.message.clone(),
        },
        help: Some("look whether the credentials may read it, then apply again"),
        cloud: Some(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, version: Option<u64>, secure: bool) -> Lookup {
        Lookup::Parameter {
            name: name.to_owned(),
            version,
            secure,
        }
    }

    #[test]
    fn a_call_reads_ten_parameters_no_name_twice_and_secure_ones_apart() {
        let mut wanted: Vec<Lookup> = (0..12)
            .map(|i| named(&format!("p{i}"), None, false))
            .collect();
        wanted.push(named("p0", Some(3), false));
        wanted.push(named("s", None, true));
        let sizes: Vec<usize> = batches(&wanted).iter().map(Vec::len).collect();
        assert_eq!(sizes, [10, 3, 1]);
        for batch in batches(&wanted) {
            let names: BTreeSet<String> = batch.iter().map(selector).collect();
            assert_eq!(names.len(), batch.len());
        }
    }

    #[test]
    fn what_is_missing_or_of_the_other_kind_is_told_without_its_value() {
        let told = [
            json!({ "Name": "/a/b", "Type": "String", "Value": "1" }),
            json!({ "Name": "key", "Type": "SecureString", "Value": "hidden" }),
        ];
        let ask =
            |lookup: &Lookup| parameter(lookup, &told, "us-east-1").map_err(|error| error.why);
        assert_eq!(ask(&named("/a/b", None, false)), Ok("1".into()));
        assert_eq!(
            ask(&named("/a/c", Some(2), false)),
            Err("there is no parameter `/a/c`, version 2 in us-east-1".into())
        );
        assert_eq!(
            ask(&named("key", None, false)),
            Err("the parameter `key` is a SecureString".into())
        );
        assert_eq!(
            ask(&named("/a/b", None, true)),
            Err("the parameter `/a/b` is no SecureString".into())
        );
        assert_eq!(ask(&named("key", None, true)), Ok("hidden".into()));
    }
}
