//! STS: who calls, and roles that are assumed.

use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Service, run};
use crate::world::Session;
use serde_json::json;

/// AWS Security Token Service.
pub const SERVICE: Service = Service {
    name: "sts",
    operations: &[
        run("GetCallerIdentity", get_caller_identity),
        run("AssumeRole", assume_role),
    ],
    invalid: Fault::new("ValidationError", "{message}"),
    missing: Fault::new("ValidationError", "{message}"),
    ..Service::NEW
};

fn get_caller_identity(call: &mut Call) -> Answer {
    Ok(match call.world.sessions.get(&call.access_key) {
        Some(session) => {
            json!({"Account": session.account, "Arn": session.arn, "UserId": session.user})
        }
        // An access key that is an account's number, or any other, stands for the account's root user.
        None => json!({
            "Account": call.account,
            "Arn": format!("arn:{}:iam::{}:root", call.partition(), call.account),
            "UserId": call.account,
        }),
    })
}

/// Roles of the caller's own account must exist once IAM knows any role; roles of other accounts are assumed to (AWS decides by their
/// trust policies, which the simulated AWS does not evaluate).
fn assume_role(call: &mut Call) -> Answer {
    let role = call.text("RoleArn").unwrap_or_default().to_owned();
    let session = call.text("RoleSessionName").unwrap_or_default().to_owned();
    let parts: Vec<&str> = role.splitn(6, ':').collect();
    let (account, name) = match parts.as_slice() {
        ["arn", _, "iam", _, account, role] if role.starts_with("role/") && account.len() == 12 => {
            (
                (*account).to_owned(),
                role.rsplit('/').next().unwrap_or_default().to_owned(),
            )
        }
        _ => {
            return Err(Refusal::new(
                "ValidationError",
                format!("{role} is invalid"),
            ));
        }
    };
    let digits = call.derive(&format!("sts session {role} {session}"));
    let access_key = format!("ASIA{}", digits[..16].to_ascii_uppercase());
    let role_id = format!("AROA{}", digits[16..33].to_ascii_uppercase());
    let arn = format!(
        "arn:{}:sts::{account}:assumed-role/{name}/{session}",
        call.partition()
    );
    let user = format!("{role_id}:{session}");
    call.world.sessions.insert(
        access_key.clone(),
        Session {
            account,
            arn: arn.clone(),
            user: user.clone(),
        },
    );
    let duration = call
        .input
        .get("DurationSeconds")
        .and_then(serde_json::Value::as_f64)
        .unwrap_or(3600.0);
    Ok(json!({
        "Credentials": {
            "AccessKeyId": access_key,
            "SecretAccessKey": &digits[..40],
            "SessionToken": digits,
            "Expiration": call.now + duration,
        },
        "AssumedRoleUser": {"AssumedRoleId": user, "Arn": arn},
    }))
}
