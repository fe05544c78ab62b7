//! What clusters and instances have in common: names, windows, keys, secrets, endpoints.

use super::engines::Engine;
use crate::call::{Call, digest, uuid};
use crate::error::{Fault, Refusal};
use crate::law::Law;
use crate::path;
use crate::registry;
use crate::services::kms;
use crate::world::{Record, Step};
use serde_json::{Map, Value as Json, json};

/// Security groups are those of the subnet group's VPC.
pub const SAME_NETWORK: Law = Law {
    name: "security groups are of the subnet group's VPC",
    operations: &[
        "CreateDBCluster",
        "CreateDBInstance",
        "ModifyDBCluster",
        "ModifyDBInstance",
    ],
    source: "Amazon RDS User Guide, Working with a DB instance in a VPC; API error InvalidParameterCombination",
    fault: Fault::new(
        "InvalidParameterCombination",
        "The DB instance and EC2 security group are in different VPCs. The DB instance is in {vpc} and the EC2 security group is in {id}",
    ),
    check: None,
};

/// Only versions that there are.
pub const VERSION_KNOWN: Law = Law {
    name: "the engine has the version",
    operations: &[
        "CreateDBCluster",
        "CreateDBInstance",
        "ModifyDBCluster",
        "ModifyDBInstance",
    ],
    source: "Amazon RDS API Reference, CreateDBCluster: EngineVersion",
    fault: Fault::new(
        "InvalidParameterCombination",
        "Cannot find version {id} for {engine}",
    ),
    check: None,
};

/// Keys must be usable.
pub const KEY_ACCESSIBLE: Law = Law {
    name: "the encryption key is accessible",
    operations: &["CreateDBCluster", "CreateDBInstance"],
    source: "Amazon RDS API Reference, CreateDBCluster: KMSKeyNotAccessibleFault",
    fault: Fault::new(
        "KMSKeyNotAccessibleFault",
        "The specified KMS key [{id}] does not exist, is not enabled or you do not have permissions to access it. ",
    ),
    check: None,
};

/// An engine exports its own logs.
pub const LOG_TYPES: Law = Law {
    name: "the engine exports these logs",
    operations: &[
        "CreateDBCluster",
        "CreateDBInstance",
        "ModifyDBCluster",
        "ModifyDBInstance",
    ],
    source: "Amazon RDS API Reference, CreateDBCluster: EnableCloudwatchLogsExports",
    fault: Fault::new(
        "InvalidParameterCombination",
        "You cannot use the log types '{id}' with engine version {engine} {version}. For supported log types, see the documentation.",
    ),
    check: None,
};

/// Checks a name that the caller chose and writes it in lower case, as RDS keeps it.
pub(super) fn identifier(members: &mut Map<String, Json>, member: &str) -> Result<String, Refusal> {
    let name = path::text(members, member)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let well = name.starts_with(|char: char| char.is_ascii_lowercase())
        && name.len() <= 63
        && !name.ends_with('-')
        && !name.contains("--")
        && name
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || char == '-');
    if !well {
        let message = format!(
            "The parameter {member} is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
        );
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    members.insert(member.to_owned(), json!(name));
    Ok(name)
}

/// The names of parameter and option groups: as identifiers, but longer (CreateDBParameterGroup, CreateOptionGroup).
pub(super) fn group_name(name: &str, member: &str) -> Result<(), Refusal> {
    let well = name.starts_with(|char: char| char.is_ascii_alphabetic())
        && name.len() <= 255
        && !name.ends_with('-')
        && !name.contains("--")
        && name
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || char == '-');
    if well {
        return Ok(());
    }
    let message = format!(
        "The parameter {member} is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
    );
    Err(Refusal::new("InvalidParameterValue", message))
}

/// A true flag.
pub(super) fn flag(members: &Map<String, Json>, member: &str) -> bool {
    members.get(member) == Some(&Json::Bool(true))
}

/// `VpcSecurityGroupIds` as the describe shows them; the VPC's default group when there are none.
pub(super) fn security_groups(
    call: &Call,
    members: &mut Map<String, Json>,
    vpc: &str,
    fill: bool,
) -> Result<(), Refusal> {
    let mut ids = path::texts(members, "VpcSecurityGroupIds[]");
    members.remove("VpcSecurityGroupIds");
    if ids.is_empty() {
        if !fill {
            return Ok(());
        }
        let default = call
            .list_where("ec2/security-group", "VpcId", vpc)
            .find(|group| group.is("GroupName", "default"));
        ids.extend(default.map(|group| group.id.clone()));
    }
    for id in &ids {
        let Some(group) = call.find("ec2/security-group", id) else {
            let message = format!("Invalid security group , groupId= {id}, groupName=.");
            return Err(Refusal::new("InvalidParameterValue", message));
        };
        if !vpc.is_empty() && !group.is("VpcId", vpc) {
            return Err(SAME_NETWORK
                .fault
                .with(&[("id", group.text("VpcId")), ("vpc", vpc)]));
        }
    }
    let groups: Vec<Json> = ids
        .iter()
        .map(|id| json!({"VpcSecurityGroupId": id, "Status": "active"}))
        .collect();
    members.insert("VpcSecurityGroups".into(), json!(groups));
    Ok(())
}

/// The ARN of a key: the one named, or the service's own key of the account.
pub(super) fn key_arn(call: &Call, named: Option<&str>, own: &str) -> Result<String, Refusal> {
    let prefix = format!(
        "arn:{}:kms:{}:{}:",
        call.partition(),
        call.region,
        call.account
    );
    let Some(named) = named else {
        let key = uuid(&digest(&["own key", own, &call.account, &call.region]));
        return Ok(format!("{prefix}key/{key}"));
    };
    if registry::kind("kms/key").is_none() {
        return Ok(if named.starts_with("arn:") {
            named.to_owned()
        } else {
            format!("{prefix}key/{named}")
        });
    }
    // A key of another account or region is not known here.
    if named.starts_with("arn:") && !named.starts_with(&prefix) {
        return Ok(named.to_owned());
    }
    if let Some(arn) = kms::own_key(call, named) {
        return Ok(arn);
    }
    match call.find("kms/key", named) {
        Some(key) if key.text("KeyState").is_empty() || key.is("KeyState", "Enabled") => {
            Ok(key.arn.clone())
        }
        _ => Err(KEY_ACCESSIBLE.fault.with(&[("id", named)])),
    }
}

/// `StorageEncrypted` and `KmsKeyId`.
pub(super) fn encryption(call: &Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let named = path::text(members, "KmsKeyId").map(str::to_owned);
    if !flag(members, "StorageEncrypted") {
        if named.is_some() {
            // "If you specify a KmsKeyId, StorageEncrypted must be true."
            let message = "Cannot set KmsKeyId for an unencrypted storage.";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        members.insert("StorageEncrypted".into(), json!(false));
        return Ok(());
    }
    let arn = key_arn(call, named.as_deref(), "aws/rds")?;
    members.insert("KmsKeyId".into(), json!(arn));
    Ok(())
}

/// The master user: a name and either a password or one that Secrets Manager keeps.
pub(super) fn master(
    call: &mut Call,
    members: &mut Map<String, Json>,
    engine: &Engine,
    what: &str,
) -> Result<(), Refusal> {
    let blank = |member: &str| {
        let message = format!("The parameter {member} must be provided and must not be blank.");
        Refusal::new("InvalidParameterValue", message)
    };
    if path::text(members, "MasterUsername")
        .unwrap_or_default()
        .is_empty()
    {
        return Err(blank("MasterUsername"));
    }
    let managed = flag(members, "ManageMasterUserPassword");
    match path::text(members, "MasterUserPassword") {
        None if !managed => return Err(blank("MasterUserPassword")),
        Some(password) => {
            if managed {
                let message = "You can't specify MasterUserPassword with ManageMasterUserPassword.";
                return Err(Refusal::new("InvalidParameterCombination", message));
            }
            password_well(password, engine)?;
        }
        None => {
            let secret = secret(call, members, what)?;
            members.insert("MasterUserSecret".into(), secret);
        }
    }
    Ok(())
}

/// "Constraints: Can't include the "/", """, or "@" character": CreateDBInstance, MasterUserPassword.
pub(super) fn password_well(password: &str, engine: &Engine) -> Result<(), Refusal> {
    let most = if engine.port == 3306 {
        41
    } else if engine.name.starts_with("oracle") {
        30
    } else {
        128
    };
    let message = if password.chars().count() < 8 {
        "The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters.".to_owned()
    } else if password.chars().count() > most {
        format!(
            "The parameter MasterUserPassword is not a valid password because it is longer than {most} characters."
        )
    } else if password
        .chars()
        .any(|char| !(' '..='~').contains(&char) || "/@\" ".contains(char))
    {
        "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', '\"', ' ' may be used.".to_owned()
    } else {
        return Ok(());
    };
    Err(Refusal::new("InvalidParameterValue", message))
}

/// A secret that RDS keeps: `rds!cluster-…`.
pub(super) fn secret(
    call: &mut Call,
    members: &Map<String, Json>,
    what: &str,
) -> Result<Json, Refusal> {
    let key = key_arn(
        call,
        path::text(members, "MasterUserSecretKmsKeyId"),
        "aws/secretsmanager",
    )?;
    let digits = call.derive(&format!("master user secret {what}"));
    let arn = format!(
        "arn:{}:secretsmanager:{}:{}:secret:rds!{what}-{}-{}",
        call.partition(),
        call.region,
        call.account,
        uuid(&digits),
        &digits[40..46]
    );
    Ok(json!({"SecretArn": arn, "SecretStatus": "active", "KmsKeyId": key}))
}

/// Sorted, each once, as AWS gives log types back; refused when the engine has no such log.
pub(super) fn logs(
    asked: Vec<String>,
    engine: &Engine,
    version: &str,
) -> Result<Vec<String>, Refusal> {
    let unknown: Vec<&str> = asked
        .iter()
        .map(String::as_str)
        .filter(|log| !engine.logs.contains(log))
        .collect();
    if !unknown.is_empty() {
        return Err(LOG_TYPES.fault.with(&[
            ("id", &unknown.join(",")),
            ("engine", engine.name),
            ("version", version),
        ]));
    }
    let sorted: std::collections::BTreeSet<String> = asked.into_iter().collect();
    Ok(sorted.into_iter().collect())
}

/// `EnabledCloudwatchLogsExports` after a `CloudwatchLogsExportConfiguration`.
pub(super) fn change_logs(
    members: &mut Map<String, Json>,
    record: &Record,
    engine: &Engine,
) -> Result<(), Refusal> {
    let enable = path::texts(
        members,
        "CloudwatchLogsExportConfiguration.EnableLogTypes[]",
    );
    let disable = path::texts(
        members,
        "CloudwatchLogsExportConfiguration.DisableLogTypes[]",
    );
    if members
        .remove("CloudwatchLogsExportConfiguration")
        .is_none()
    {
        return Ok(());
    }
    let mut now = path::texts(&record.body, "EnabledCloudwatchLogsExports[]");
    now.retain(|log| !disable.contains(log));
    now.extend(enable);
    let now = logs(now, engine, record.text("EngineVersion"))?;
    members.insert("EnabledCloudwatchLogsExports".into(), json!(now));
    Ok(())
}

/// Windows in lower case; those that were not asked for are assigned, half an hour each.
pub(super) fn windows(call: &Call, members: &mut Map<String, Json>, name: &str) {
    let digits = digest(&["windows", &call.account, &call.region, name]);
    let number = |at: usize| usize::from_str_radix(&digits[at..at + 4], 16).unwrap_or_default();
    let clock = |minutes: usize| format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60);
    // Eight hours of each region's night; here from three o'clock on.
    let backup = 180 + number(0) % 450;
    if !members.contains_key("PreferredBackupWindow") {
        let window = format!("{}-{}", clock(backup), clock(backup + 30));
        members.insert("PreferredBackupWindow".into(), json!(window));
    }
    match path::text(members, "PreferredMaintenanceWindow").map(str::to_ascii_lowercase) {
        Some(window) => members.insert("PreferredMaintenanceWindow".into(), json!(window)),
        None => {
            let day = DAYS[number(4) % 7];
            // Not at the time of the backups.
            let at = backup + 45 + number(8) % 60;
            let window = format!("{day}:{}-{day}:{}", clock(at), clock(at + 30));
            members.insert("PreferredMaintenanceWindow".into(), json!(window))
        }
    };
}

const DAYS: [&str; 7] = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];

/// When the next maintenance window opens.
pub(super) fn next_window(window: &str, now: f64) -> f64 {
    let week = 7.0 * 86400.0;
    let mut parts = window.split([':', '-']);
    let day = parts
        .next()
        .and_then(|day| DAYS.iter().position(|known| *known == day));
    let (hour, minute) = (parts.next(), parts.next());
    let number = |text: Option<&str>| {
        text.and_then(|text| text.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    // Epoch time began on a Thursday.
    let start = day.unwrap_or(0) as f64 * 86400.0 + number(hour) * 3600.0 + number(minute) * 60.0;
    let mut at = (now / week).floor() * week + start;
    if at <= now {
        at += week;
    }
    at
}

/// The part of endpoints that is the account's in a region.
pub(super) fn domain(call: &Call) -> String {
    let letters =
        letters(&digest(&["endpoint", &call.account, &call.region]), 11).to_ascii_lowercase();
    let suffix = if call.partition() == "aws-cn" {
        ".cn"
    } else {
        ""
    };
    format!("c{letters}.{}.rds.amazonaws.com{suffix}", call.region)
}

/// The Route 53 hosted zone of a region's endpoints. us-east-1's is AWS's; others are derived.
pub(super) fn hosted_zone(call: &Call) -> String {
    if call.region == "us-east-1" {
        return "Z2R2ITUGPM61AM".to_owned();
    }
    format!("Z{}", letters(&digest(&["hosted zone", &call.region]), 13))
}

/// Capital letters and the digits 2 to 7, as RDS's resource identifiers have them.
pub(super) fn letters(digits: &str, count: usize) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    (0..count)
        .map(|at| {
            let byte = usize::from_str_radix(&digits[at * 2..at * 2 + 2], 16).unwrap_or_default();
            char::from(ALPHABET[byte % 32])
        })
        .collect()
}

/// Puts a record into a passing state, then into another.
pub(super) fn passes(record: &mut Record, member: &str, state: &str, until: f64, then: &str) {
    record.set(member, state);
    record
        .steps
        .retain(|step| !step.set.iter().any(|(path, _)| path == member));
    record.steps.push(Step::set(until, member, then));
}
