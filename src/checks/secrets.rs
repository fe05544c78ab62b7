//! Secrets of containers: somebody has to read them before the container starts.

use payctl_model::Value;

use super::policy;
use super::view::{SECRET, View, declares, items, tell};
use crate::graph::Node;
use crate::template::Diagnostic;

const PARAMETER: &str = "AWS::SSM::Parameter";

pub(super) fn check(view: &View<'_>, found: &mut Vec<Diagnostic>) {
    for task in view.all(super::service::TASK_DEFINITION) {
        let containers = items(task, "ContainerDefinitions").iter().enumerate();
        let secrets: Vec<(String, &Value)> = containers
            .flat_map(|(index, container)| {
                let secrets = container.get("Secrets").and_then(Value::as_list);
                let secrets = secrets.unwrap_or_default().iter().enumerate();
                secrets.filter_map(move |(at, secret)| {
                    let path = format!("ContainerDefinitions.{index}.Secrets.{at}.ValueFrom");
                    Some((path, secret.get("ValueFrom")?))
                })
            })
            .collect();
        let Some((first, _)) = secrets.first() else {
            continue;
        };
        if !declares(task, "ExecutionRoleArn") {
            let message = "a task definition with secrets needs an execution role that reads them";
            let help = "add ExecutionRoleArn: a role for ecs-tasks.amazonaws.com that may read the secrets";
            let diagnostic = Diagnostic::error("secret-unreadable", message).help(help);
            found.extend(tell(task, first, diagnostic));
            continue;
        }
        let Some(role) = view.at(task, "ExecutionRoleArn", "AWS::IAM::Role") else {
            continue;
        };
        // One finding a task definition: what is missing is most often one statement for all.
        let unreadable = secrets
            .iter()
            .find_map(|(path, from)| unreadable(view, task, role, path, from));
        found.extend(unreadable);
    }
}

/// Source: ECS Developer Guide, "Pass sensitive data to an Amazon ECS container": what the task execution role must be allowed.
fn unreadable(
    view: &View<'_>,
    task: &Node,
    role: &Node,
    path: &str,
    from: &Value,
) -> Option<Diagnostic> {
    let (action, what) = match (
        view.named(task, from, SECRET),
        view.named(task, from, PARAMETER),
    ) {
        (Some(secret), _) => {
            // The secret's own policy may let the role in.
            let has_policy = view
                .all("AWS::SecretsManager::ResourcePolicy")
                .any(|policy| {
                    view.at(policy, "SecretId", SECRET)
                        .is_some_and(|of| of.resource.address == secret.resource.address)
                });
            if has_policy {
                return None;
            }
            (
                "secretsmanager:GetSecretValue",
                secret.resource.address.logical_id.clone(),
            )
        }
        (None, Some(parameter)) => (
            "ssm:GetParameters",
            parameter.resource.address.logical_id.clone(),
        ),
        (None, None) => match from.as_str()? {
            arn if arn.contains(":secretsmanager:") => {
                ("secretsmanager:GetSecretValue", arn.to_owned())
            }
            name => ("ssm:GetParameters", name.to_owned()),
        },
    };
    // Of a secret's ARN a key, a stage and a version may follow; a parameter may be given by its name alone.
    let resource = match from.as_str() {
        Some(arn) if arn.contains(":secretsmanager:") => Value::from(
            arn.split(':')
                .take(7)
                .collect::<Vec<_>>()
                .join(":")
                .as_str(),
        ),
        Some(name) if !name.starts_with("arn:") => return None,
        _ => from.clone(),
    };
    if policy::may(view, role, action, &resource) {
        return None;
    }
    let role = &role.resource.address.logical_id;
    let message = format!("the execution role {role} may not read {what}: no task would start");
    let help = format!("allow {action} on it in a policy of {role}");
    tell(
        task,
        path,
        Diagnostic::error("secret-unreadable", message).help(help),
    )
}
