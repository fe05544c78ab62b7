//! Keys.

use super::{TAG, UNTAG, policy};
use crate::call::{Call, digest, uuid};
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Paging, Shows, Tags, create, describe, get, modify, run};
use crate::law::Law;
use crate::world::{Key, Record, Step};
use serde_json::{Map, Value as Json, json};

const DAY: f64 = 86_400.0;

/// An AWS KMS key.
pub(super) const KEY: Kind = Kind {
    name: "kms/key",
    id: Id::Made(identifier),
    id_member: "KeyId",
    arn: "arn:{partition}:kms:{region}:{account}:key/{id}",
    arn_member: "Arn",
    resolve: Some(resolve),
    on_demand: Some(managed),
    created_member: "CreationDate",
    defaults: Some(|call| {
        json!({
            "AWSAccountId": call.account,
            "Description": "",
            "Enabled": true,
            "KeyState": "Enabled",
            "KeyManager": "CUSTOMER",
            "KeyUsage": "ENCRYPT_DECRYPT",
            "KeySpec": "SYMMETRIC_DEFAULT",
            "Origin": "AWS_KMS",
            "MultiRegion": false,
        })
    }),
    tags: Tags::UnseenTagKey("Tags"),
    not_found: Fault::new("NotFoundException", "Key '{id}' does not exist"),
    on_event: Some(|call, key, event| {
        if event == "deleted" {
            forget(call, key);
        }
    }),
    operations: &[
        create("CreateKey", Shows::In("KeyMetadata"))
            .control(&["Policy", "BypassPolicyLockoutSafetyCheck", "XksKeyId"])
            .prepare(prepare),
        get("DescribeKey", "KeyId", Shows::In("KeyMetadata")),
        describe("ListKeys", "", "Keys")
            .shows(Shows::List("Keys"))
            .paging(Paging::limit_marker(100, (1, 1000))),
        modify("UpdateKeyDescription", "KeyId", Shows::Nothing),
        modify("EnableKey", "KeyId", Shows::Nothing).prepare(|_, key| {
            key.set("KeyState", "Enabled");
            key.set("Enabled", true);
            Ok(())
        }),
        modify("DisableKey", "KeyId", Shows::Nothing).prepare(|_, key| {
            key.set("KeyState", "Disabled");
            key.set("Enabled", false);
            Ok(())
        }),
        modify("ScheduleKeyDeletion", "KeyId", Shows::With(scheduled))
            .control(&["PendingWindowInDays"])
            .prepare(schedule),
        modify(
            "CancelKeyDeletion",
            "KeyId",
            Shows::With(|_, key| json!({"KeyId": key.arn})),
        )
        .prepare(|_, key| {
            key.set("KeyState", "Disabled");
            key.set("Enabled", false);
            key.set("DeletionDate", Json::Null);
            key.steps.clear();
            Ok(())
        }),
        modify("EnableKeyRotation", "KeyId", Shows::Nothing)
            .control(&["RotationPeriodInDays"])
            .prepare(rotate),
        modify("DisableKeyRotation", "KeyId", Shows::Nothing).prepare(|_, key| {
            key.hidden.remove("rotation");
            Ok(())
        }),
        get("GetKeyRotationStatus", "KeyId", Shows::With(rotation)),
        modify("PutKeyPolicy", "KeyId", Shows::Nothing)
            .control(&["PolicyName", "Policy", "BypassPolicyLockoutSafetyCheck"])
            .prepare(put_policy),
        get("GetKeyPolicy", "KeyId", Shows::With(shown_policy)),
        get(
            "ListKeyPolicies",
            "KeyId",
            Shows::With(|_, _| json!({"PolicyNames": ["default"], "Truncated": false})),
        ),
        run("ListResourceTags", list_tags),
        TAG,
        UNTAG,
    ],
    show: Some(show),
    ..Kind::NEW
};

/// How long a deletion waits.
pub(super) const WINDOW: Law = Law {
    name: "a key's deletion waits between 7 and 30 days",
    operations: &["ScheduleKeyDeletion"],
    source: "KMS API Reference, ScheduleKeyDeletion, PendingWindowInDays",
    fault: Fault::new(
        "ValidationException",
        "PendingWindowInDays must be between 7 and 30 days.",
    ),
    check: Some(|call, law| match window(call) {
        7..=30 => Ok(()),
        _ => Err(law.fault.with(&[])),
    }),
};

/// Only symmetric keys whose material is AWS's rotate by themselves.
pub(super) const ROTATES: Law = Law {
    name: "only symmetric encryption keys with AWS's material rotate by themselves",
    operations: &["EnableKeyRotation", "DisableKeyRotation"],
    source: "KMS API Reference, EnableKeyRotation",
    fault: Fault::new(
        "UnsupportedOperationException",
        "You cannot perform this operation on {arn}: automatic rotation is for symmetric encryption keys.",
    ),
    check: Some(|call, law| {
        let key = super::named(call)?;
        if key.is("KeySpec", "SYMMETRIC_DEFAULT") && key.is("Origin", "AWS_KMS") {
            return Ok(());
        }
        Err(law.fault.with(&[("arn", &key.arn)]))
    }),
};

fn window(call: &Call) -> u64 {
    call.input
        .get("PendingWindowInDays")
        .and_then(Json::as_u64)
        .unwrap_or(30)
}

/// A UUID; `mrk-` and 32 digits for multi-Region keys (KMS Developer Guide, Multi-Region keys).
fn identifier(_: &Call, body: &Map<String, Json>, digits: &str) -> Result<String, Refusal> {
    if body.get("MultiRegion") == Some(&Json::Bool(true)) {
        return Ok(format!("mrk-{}", &digits[..32]));
    }
    Ok(uuid(digits))
}

/// Requests may name a key by its alias, or its alias's ARN.
fn resolve(call: &Call, name: &str) -> String {
    let alias = if name.starts_with("alias/") {
        name
    } else {
        match name.splitn(6, ':').last() {
            Some(resource) if name.starts_with("arn:") && resource.starts_with("alias/") => {
                resource
            }
            _ => return name.to_owned(),
        }
    };
    let found = call
        .world
        .get(&call.key("kms/alias", alias))
        .filter(|record| record.arn == name || alias == name);
    found
        .map_or(name, |record| record.text("TargetKeyId"))
        .to_owned()
}

fn prepare(call: &mut Call, key: &mut Record) -> Result<(), Refusal> {
    let spec = match call
        .text("KeySpec")
        .or_else(|| call.text("CustomerMasterKeySpec"))
    {
        Some(spec) => spec.to_owned(),
        None => "SYMMETRIC_DEFAULT".to_owned(),
    };
    key.set("KeySpec", spec.as_str());
    key.set("CustomerMasterKeySpec", spec.as_str());
    let usage = key.text("KeyUsage").to_owned();
    let asked = call.text("KeyUsage").is_some();
    let fits = match spec.as_str() {
        "SYMMETRIC_DEFAULT" => usage == "ENCRYPT_DECRYPT",
        spec if spec.starts_with("HMAC_") => usage == "GENERATE_VERIFY_MAC",
        spec if spec.starts_with("RSA_") => {
            matches!(usage.as_str(), "ENCRYPT_DECRYPT" | "SIGN_VERIFY") && asked
        }
        spec if spec.starts_with("ECC_NIST_P") => {
            matches!(usage.as_str(), "SIGN_VERIFY" | "KEY_AGREEMENT")
        }
        "SM2" => usage != "GENERATE_VERIFY_MAC" && asked,
        spec if spec.starts_with("ML_KEM") => usage == "ENCAPSULATE_DECAPSULATE",
        _ => usage == "SIGN_VERIFY",
    };
    if !fits {
        // KMS API Reference, CreateKey, KeyUsage: it is required for all but symmetric encryption keys.
        let message = if asked {
            format!("KeyUsage {usage} is not compatible with KeySpec {spec}")
        } else {
            format!(
                "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys: {spec}"
            )
        };
        return Err(Refusal::new("ValidationException", message));
    }
    let multi = key.body.get("MultiRegion") == Some(&Json::Bool(true));
    if multi {
        key.set(
            "MultiRegionConfiguration",
            json!({
                "MultiRegionKeyType": "PRIMARY",
                "PrimaryKey": {"Arn": key.arn, "Region": call.region},
                "ReplicaKeys": [],
            }),
        );
    }
    if key.is("Origin", "EXTERNAL") {
        key.set("KeyState", "PendingImport");
        key.set("Enabled", false);
    }
    let policy = match call.text("Policy") {
        Some(policy) => {
            let policy = policy.to_owned();
            policy::check(call, &policy)?;
            policy
        }
        None => policy::default(call),
    };
    key.hidden.insert("policy".into(), policy.into());
    Ok(())
}

/// The algorithms that follow from spec and usage (KMS Developer Guide, Key spec reference).
fn show(_: &Call, key: &Record, body: &mut Map<String, Json>) {
    let (spec, usage) = (key.text("KeySpec"), key.text("KeyUsage"));
    let mut put = |member: &str, algorithms: &[&str]| {
        body.insert(member.into(), json!(algorithms));
    };
    match (usage, spec) {
        ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT") => {
            put("EncryptionAlgorithms", &["SYMMETRIC_DEFAULT"])
        }
        ("ENCRYPT_DECRYPT", "SM2") => put("EncryptionAlgorithms", &["SM2PKE"]),
        ("ENCRYPT_DECRYPT", _) => put(
            "EncryptionAlgorithms",
            &["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"],
        ),
        ("GENERATE_VERIFY_MAC", spec) => {
            put("MacAlgorithms", &[&spec.replace("HMAC_", "HMAC_SHA_")])
        }
        ("KEY_AGREEMENT", _) => put("KeyAgreementAlgorithms", &["ECDH"]),
        ("ENCAPSULATE_DECAPSULATE", _) => put("EncapsulationAlgorithms", &["ML_KEM"]),
        (_, spec) if spec.starts_with("RSA_") => put(
            "SigningAlgorithms",
            &[
                "RSASSA_PKCS1_V1_5_SHA_256",
                "RSASSA_PKCS1_V1_5_SHA_384",
                "RSASSA_PKCS1_V1_5_SHA_512",
                "RSASSA_PSS_SHA_256",
                "RSASSA_PSS_SHA_384",
                "RSASSA_PSS_SHA_512",
            ],
        ),
        (_, "ECC_NIST_P256" | "ECC_SECG_P256K1") => put("SigningAlgorithms", &["ECDSA_SHA_256"]),
        (_, "ECC_NIST_P384") => put("SigningAlgorithms", &["ECDSA_SHA_384"]),
        (_, "ECC_NIST_P521") => put("SigningAlgorithms", &["ECDSA_SHA_512"]),
        (_, "ECC_NIST_EDWARDS25519") => put(
            "SigningAlgorithms",
            &["ED25519_SHA_512", "ED25519_PH_SHA_512"],
        ),
        (_, "SM2") => put("SigningAlgorithms", &["SM2DSA"]),
        (_, _) => put("SigningAlgorithms", &["ML_DSA_SHAKE_256"]),
    }
    // What ListKeys calls the ARN.
    body.insert("KeyArn".into(), key.arn.clone().into());
}

fn schedule(call: &mut Call, key: &mut Record) -> Result<(), Refusal> {
    let end = call.now + window(call) as f64 * DAY;
    key.set("KeyState", "PendingDeletion");
    key.set("Enabled", false);
    key.set("DeletionDate", end);
    key.steps.clear();
    key.steps.push(Step {
        event: Some("deleted".into()),
        ..Step::gone(end)
    });
    Ok(())
}

fn scheduled(call: &Call, key: &Record) -> Json {
    json!({
        "KeyId": key.arn,
        "DeletionDate": key.body.get("DeletionDate"),
        "KeyState": "PendingDeletion",
        "PendingWindowInDays": window(call),
    })
}

/// With the key go its aliases and grants (KMS API Reference, ScheduleKeyDeletion).
fn forget(call: &mut Call, key: &Key) {
    for (kind, member) in [("kms/alias", "TargetKeyId"), ("kms/grant", "Key")] {
        let gone: Vec<String> = call
            .list(kind)
            .filter(|record| record.is(member, &key.id))
            .map(|record| record.id.clone())
            .collect();
        for id in gone {
            call.remove(kind, &id);
        }
    }
}

fn rotate(call: &mut Call, key: &mut Record) -> Result<(), Refusal> {
    // Once a year unless said otherwise (KMS API Reference, EnableKeyRotation, RotationPeriodInDays).
    let days = call
        .input
        .get("RotationPeriodInDays")
        .and_then(Json::as_u64)
        .unwrap_or(365);
    let next = call.now + days as f64 * DAY;
    key.hidden
        .insert("rotation".into(), json!({"days": days, "next": next}));
    Ok(())
}

fn rotation(_: &Call, key: &Record) -> Json {
    match key.hidden.get("rotation") {
        Some(rotation) => json!({
            "KeyId": key.arn,
            "KeyRotationEnabled": true,
            "RotationPeriodInDays": rotation["days"],
            "NextRotationDate": rotation["next"],
        }),
        None => json!({"KeyId": key.arn, "KeyRotationEnabled": false}),
    }
}

fn put_policy(call: &mut Call, key: &mut Record) -> Result<(), Refusal> {
    let policy = call.text("Policy").unwrap_or_default().to_owned();
    policy::check(call, &policy)?;
    key.hidden.insert("policy".into(), policy.into());
    Ok(())
}

fn shown_policy(_: &Call, key: &Record) -> Json {
    json!({"PolicyName": "default", "Policy": key.hidden.get("policy")})
}

fn list_tags(call: &mut Call) -> Answer {
    let name = call.text("KeyId").unwrap_or_default().to_owned();
    managed(call, &name);
    let key = super::named(call)?;
    let mut shown: Vec<(String, Json)> = key
        .tags
        .iter()
        .map(|(name, value)| (name.clone(), json!({"TagKey": name, "TagValue": value})))
        .collect();
    let paging = Paging::limit_marker(50, (1, 1000));
    let next = crate::filter::page(call, &super::SERVICE, &paging, false, "", &mut shown)?;
    let tags: Vec<Json> = shown.into_iter().map(|(_, tag)| tag).collect();
    Ok(json!({"Tags": tags, "Truncated": next.is_some(), "NextMarker": next}))
}

/// Services with a default key (KMS Developer Guide, AWS managed keys), and what the key says of itself.
const MANAGED: &[(&str, &str)] = &[
    ("acm", "ACM private keys"),
    ("backup", "Backup vaults"),
    ("codecommit", "CodeCommit repositories"),
    ("connect", "Connect data"),
    ("dms", "Database Migration Service data"),
    ("dynamodb", "DynamoDB data"),
    ("ebs", "EBS volumes"),
    ("elasticfilesystem", "EFS file systems"),
    ("es", "Elasticsearch domains"),
    ("fsx", "FSx resources"),
    ("glue", "Glue data"),
    ("kafka", "Kafka data"),
    ("kinesis", "Kinesis streams"),
    ("kinesisvideo", "Kinesis video streams"),
    ("lambda", "Lambda functions"),
    ("lightsail", "Lightsail data"),
    ("rds", "RDS database volumes"),
    ("redshift", "Redshift clusters"),
    ("s3", "S3 objects"),
    ("secretsmanager", "Secrets Manager data"),
    ("ses", "SES data"),
    ("sns", "SNS data"),
    ("sqs", "SQS messages"),
    ("ssm", "SSM parameters"),
    ("workspaces", "WorkSpaces volumes"),
    ("xray", "X-Ray data"),
];

/// The identifier and the alias of a service's default key, if this is its alias, identifier or ARN.
fn own(call: &Call, name: &str) -> Option<(String, &'static str, &'static str)> {
    let resource = match name.splitn(6, ':').last() {
        Some(resource) if name.starts_with("arn:") => resource,
        _ => name,
    };
    let id = |service: &str| {
        let alias = format!("aws/{service}");
        uuid(&digest(&["own key", &alias, &call.account, &call.region]))
    };
    if let Some(service) = resource.strip_prefix("alias/aws/") {
        let (service, what) = MANAGED.iter().find(|(other, _)| *other == service)?;
        return Some((id(service), service, what));
    }
    let wanted = resource.strip_prefix("key/").unwrap_or(resource);
    let mut all = MANAGED
        .iter()
        .map(|(service, what)| (id(service), *service, *what));
    all.find(|(id, ..)| id == wanted)
}

/// The ARN of a service's default key, if this is its alias, identifier or ARN.
pub(super) fn own_arn(call: &Call, name: &str) -> Option<String> {
    let (id, ..) = own(call, name)?;
    let (partition, region, account) = (call.partition(), &call.region, &call.account);
    Some(format!("arn:{partition}:kms:{region}:{account}:key/{id}"))
}

/// A service's default key is there as soon as someone asks for it.
pub(super) fn managed(call: &mut Call, name: &str) {
    if call.find("kms/key", name).is_some() {
        return;
    }
    let Some((id, service, what)) = own(call, name) else {
        return;
    };
    let alias = &format!("alias/aws/{service}");
    if call.find("kms/alias", alias).is_some() {
        return;
    }
    let (account, region, partition) =
        (call.account.clone(), call.region.clone(), call.partition());
    let arn = format!("arn:{partition}:kms:{region}:{account}:key/{id}");
    let Json::Object(body) = json!({
        "AWSAccountId": account,
        "KeyId": id,
        "Arn": arn,
        "CreationDate": call.now,
        "Description": format!("Default key that protects my {what} when no other key is defined"),
        "Enabled": true,
        "KeyState": "Enabled",
        "KeyManager": "AWS",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "Origin": "AWS_KMS",
        "MultiRegion": false,
    }) else {
        return;
    };
    let via = json!({
        "Version": "2012-10-17",
        "Id": format!("auto-{service}-1"),
        "Statement": [{
            "Sid": format!("Allow access through {service} for all principals in the account that are authorized to use it"),
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey"],
            "Resource": "*",
            "Condition": {"StringEquals": {
                "kms:CallerAccount": account,
                "kms:ViaService": format!("{service}.{region}.amazonaws.com"),
            }},
        }, {
            "Sid": "Allow direct access to key metadata to the account",
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:{partition}:iam::{account}:root")},
            "Action": ["kms:Describe*", "kms:Get*", "kms:List*"],
            "Resource": "*",
        }],
    });
    let mut record = Record {
        id: id.clone(),
        arn,
        body,
        created: call.now,
        ..Record::default()
    };
    record
        .hidden
        .insert("policy".into(), via.to_string().into());
    // AWS managed keys rotate every year, approximately.
    let next = call.now + 365.0 * DAY;
    record
        .hidden
        .insert("rotation".into(), json!({"days": 365, "next": next}));
    call.world.put(call.key("kms/key", &id), record);
    super::aliases::attach(call, alias, &id);
}
