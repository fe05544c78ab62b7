//! Dashboards: one for all regions of an account.

use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Paging, Shows, Tags, describe, get, run};
use crate::law::Law;
use serde_json::{Map, Value as Json, json};

const KIND: &str = "cloudwatch/dashboard";

/// A dashboard.
pub(super) const DASHBOARD: Kind = Kind {
    name: KIND,
    global: true,
    id: Id::Member("DashboardName"),
    arn: "arn:{partition}:cloudwatch::{account}:dashboard/{id}",
    arn_member: "DashboardArn",
    tags: Tags::Unseen("Tags"),
    not_found: Fault::new("DashboardNotFoundError", "Dashboard {id} does not exist"),
    operations: &[
        run("PutDashboard", put),
        get("GetDashboard", "DashboardName", Shows::Record),
        describe("ListDashboards", "", "DashboardEntries")
            .keep(|call, dashboard| {
                call.text("DashboardNamePrefix")
                    .is_none_or(|prefix| dashboard.id.starts_with(prefix))
            })
            .paging(Paging {
                size: "",
                ..Paging::next_token(100, (1, 100))
            }),
        run("DeleteDashboards", delete),
    ],
    ..Kind::NEW
};

const WIDGETS: &[&str] = &["metric", "text", "log", "alarm", "explorer", "custom"];

/// A body that draws.
pub(super) const BODY: Law = Law {
    name: "a dashboard's body is JSON that describes widgets",
    operations: &["PutDashboard"],
    source: "CloudWatch API Reference, Dashboard Body Structure and Syntax",
    fault: Fault::new(
        "DashboardInvalidInputError",
        "The dashboard body is invalid, there are {count} validation errors:\n{messages}",
    ),
    check: Some(|call, law| {
        let text = call.text("DashboardBody").unwrap_or_default();
        let errors = match serde_json::from_str::<Map<String, Json>>(text) {
            Ok(body) => problems(&body),
            Err(_) => {
                return Err(refusal(
                    "The field DashboardBody must be a valid JSON object",
                    &[(
                        "",
                        "The dashboard body is not a valid JSON object".to_owned(),
                    )],
                ));
            }
        };
        if errors.is_empty() {
            return Ok(());
        }
        let said: Vec<Json> = errors
            .iter()
            .map(|(path, message)| json!({"dataPath": path, "message": message}))
            .collect();
        let message = law
            .fault
            .with(&[
                ("count", &errors.len().to_string()),
                ("messages", &Json::Array(said).to_string()),
            ])
            .message;
        let errors: Vec<(&str, String)> = errors
            .iter()
            .map(|(path, message)| (path.as_str(), message.clone()))
            .collect();
        Err(refusal(&message, &errors))
    }),
};

fn refusal(message: &str, errors: &[(&str, String)]) -> Refusal {
    let said: Vec<Json> = errors
        .iter()
        .map(|(path, message)| json!({"DataPath": path, "Message": message}))
        .collect();
    let mut refusal = Refusal::new(BODY.fault.code, message);
    refusal
        .members
        .insert("dashboardValidationMessages".into(), Json::Array(said));
    refusal
}

fn problems(body: &Map<String, Json>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let Some(widgets) = body.get("widgets") else {
        return vec![("".into(), "Should have required property 'widgets'".into())];
    };
    let Some(widgets) = widgets.as_array() else {
        return vec![("/widgets".into(), "Should be array".into())];
    };
    for (at, widget) in widgets.iter().enumerate() {
        let path = format!("/widgets/{at}");
        let Some(widget) = widget.as_object() else {
            found.push((path, "Should be object".into()));
            continue;
        };
        match widget.get("type").and_then(Json::as_str) {
            None => found.push((path.clone(), "Should have required property 'type'".into())),
            Some(kind) if !WIDGETS.contains(&kind) => {
                found.push((
                    format!("{path}/type"),
                    format!("Should be equal to one of the allowed values: {WIDGETS:?}"),
                ));
            }
            Some("text")
                if widget
                    .get("properties")
                    .is_none_or(|of| of.get("markdown").is_none()) =>
            {
                found.push((
                    format!("{path}/properties"),
                    "Should have required property 'markdown'".into(),
                ));
            }
            Some("alarm")
                if widget
                    .get("properties")
                    .is_none_or(|of| of.get("alarms").is_none()) =>
            {
                found.push((
                    format!("{path}/properties"),
                    "Should have required property 'alarms'".into(),
                ));
            }
            Some(_) if !widget.get("properties").is_some_and(Json::is_object) => {
                found.push((
                    path.clone(),
                    "Should have required property 'properties'".into(),
                ));
            }
            Some(_) => {}
        }
        for (member, most) in [
            ("width", 24.0),
            ("height", 1000.0),
            ("x", 23.0),
            ("y", f64::MAX),
        ] {
            let least = if matches!(member, "x" | "y") {
                0.0
            } else {
                1.0
            };
            if let Some(value) = widget.get(member)
                && !value
                    .as_f64()
                    .is_some_and(|value| (least..=most).contains(&value))
            {
                found.push((
                    format!("{path}/{member}"),
                    format!("Should be >= {least} and <= {most}"),
                ));
            }
        }
    }
    found
}

/// Its name.
pub(super) const NAME: Law = Law {
    name: "a dashboard's name has letters, digits, - and _, 255 at most",
    operations: &["PutDashboard"],
    source: "CloudWatch API Reference, PutDashboard, DashboardName",
    fault: Fault::new(
        "DashboardInvalidInputError",
        "The value for field DashboardName contains invalid characters. It can only contain alphanumerics, dash (-) and underscore (_).",
    ),
    check: Some(|call, law| {
        let name = call.text("DashboardName").unwrap_or_default();
        let fits = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        if name.is_empty() || name.len() > 255 || !name.chars().all(fits) {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// All or none are deleted.
pub(super) const THERE: Law = Law {
    name: "the dashboards to delete exist",
    operations: &["DeleteDashboards"],
    source: "CloudWatch API Reference, DeleteDashboards, DashboardNotFoundError",
    fault: Fault::new("DashboardNotFoundError", "Dashboard {id} does not exist"),
    check: Some(|call, law| {
        let names = call.texts("DashboardNames[]");
        match names.iter().find(|name| call.find(KIND, name).is_none()) {
            Some(name) => Err(law.fault.with(&[("id", name)])),
            None => Ok(()),
        }
    }),
};

fn put(call: &mut Call) -> Answer {
    let name = call.text("DashboardName").unwrap_or_default().to_owned();
    let text = call.text("DashboardBody").unwrap_or_default().to_owned();
    let mut members = call.input.clone();
    members.insert("Size".into(), json!(text.len()));
    members.insert("LastModified".into(), json!(call.now));
    if call.find(KIND, &name).is_some() {
        members.remove("Tags");
        call.update(KIND, &name, |dashboard| dashboard.body.extend(members));
    } else {
        call.make(KIND, Json::Object(members))?;
    }
    Ok(json!({"DashboardValidationMessages": []}))
}

fn delete(call: &mut Call) -> Answer {
    for name in call.texts("DashboardNames[]") {
        call.remove(KIND, &name);
    }
    Ok(json!({}))
}
