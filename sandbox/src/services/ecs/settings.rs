//! Account settings.

use crate::call::Call;
use crate::error::Answer;
use crate::kind::{Id, Kind, run};
use serde_json::{Value as Json, json};

/// A setting that differs from AWS's default.
pub const SETTING: Kind = Kind {
    name: "ecs/account-setting",
    id: Id::Member("name"),
    operations: &[
        run("ListAccountSettings", list),
        run("PutAccountSetting", put),
        run("PutAccountSettingDefault", put),
        run("DeleteAccountSetting", |call| {
            let name = call.text("name").unwrap_or_default().to_owned();
            call.remove(SETTING.name, &name);
            Ok(json!({"setting": setting(call, &name, None)}))
        }),
    ],
    ..Kind::NEW
};

/// AWS's defaults of new accounts (Amazon ECS Developer Guide, Access Amazon ECS features with account settings).
const DEFAULTS: &[(&str, &str)] = &[
    ("awsvpcTrunking", "disabled"),
    ("containerInsights", "disabled"),
    ("containerInstanceLongArnFormat", "enabled"),
    ("defaultLogDriverMode", "non-blocking"),
    ("dualStackIPv6", "enabled"),
    ("fargateTaskRetirementWaitPeriod", "7"),
    ("guardDutyActivate", "off"),
    ("serviceLongArnFormat", "enabled"),
    ("tagResourceAuthorization", "off"),
    ("taskLongArnFormat", "enabled"),
];

fn setting(call: &Call, name: &str, value: Option<&str>) -> Json {
    let default = DEFAULTS.iter().find(|(known, _)| *known == name);
    let value = value.or(default.map(|(_, value)| *value));
    let who = format!("arn:{}:iam::{}:root", call.partition(), call.account);
    json!({"name": name, "value": value, "principalArn": who, "type": "user"})
}

fn list(call: &mut Call) -> Answer {
    let asked = call.text("name");
    let effective = call.input.get("effectiveSettings") == Some(&json!(true));
    let mut shown = Vec::new();
    for (name, _) in DEFAULTS {
        if asked.is_some_and(|asked| asked != *name) {
            continue;
        }
        match call.find(SETTING.name, name) {
            Some(one) => shown.push(setting(call, name, Some(one.text("value")))),
            None if effective => shown.push(setting(call, name, None)),
            None => {}
        }
    }
    Ok(json!({"settings": shown}))
}

fn put(call: &mut Call) -> Answer {
    let name = call.text("name").unwrap_or_default().to_owned();
    let value = call.text("value").unwrap_or_default().to_owned();
    call.remove(SETTING.name, &name);
    call.make(SETTING.name, json!({"name": name, "value": value}))?;
    Ok(json!({"setting": setting(call, &name, Some(&value))}))
}
