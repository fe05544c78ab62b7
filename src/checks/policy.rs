//! What a role's policies allow, as far as the templates tell. In doubt they allow it.

use payctl_model::{Address, Value};

use super::view::{View, items};
use crate::graph::Node;

const ROLE: &str = "AWS::IAM::Role";
const MANAGED: &str = "AWS::IAM::ManagedPolicy";

/// AWS's own policies that are given to execution roles and read no secret.
/// Source: AWS Managed Policy Reference Guide.
const WITHOUT_SECRETS: &[&str] = &[
    "service-role/AmazonECSTaskExecutionRolePolicy",
    "AmazonEC2ContainerRegistryReadOnly",
    "AmazonEC2ContainerRegistryPullOnly",
    "AWSXRayDaemonWriteAccess",
    "CloudWatchLogsFullAccess",
    "CloudWatchAgentServerPolicy",
];

/// Whether a role may do this to that, which is a resource of the templates or an ARN.
pub(super) fn may(view: &View<'_>, role: &Node, action: &str, resource: &Value) -> bool {
    let inline = items(role, "Policies")
        .iter()
        .map(|policy| policy.get("PolicyDocument"));
    let attached = ["AWS::IAM::Policy", "AWS::IAM::RolePolicy", MANAGED]
        .into_iter()
        .flat_map(|type_name| view.all(type_name))
        .filter(|policy| is_for(view, policy, role))
        .map(|policy| policy.shape.get("PolicyDocument"));
    if inline
        .chain(attached)
        .any(|document| allows(view, document, action, resource))
    {
        return true;
    }
    let managed = match role.shape.get("ManagedPolicyArns") {
        None => return false,
        Some(Value::List(managed)) => managed,
        // What policies these are only AWS can tell.
        Some(_) => return true,
    };
    managed
        .iter()
        .any(|arn| match view.named(role, arn, MANAGED) {
            Some(policy) => allows(view, policy.shape.get("PolicyDocument"), action, resource),
            None => !arn.as_str().is_some_and(|arn| {
                WITHOUT_SECRETS
                    .iter()
                    .any(|name| arn.ends_with(&format!(":aws:policy/{name}")))
            }),
        })
}

fn is_for(view: &View<'_>, policy: &Node, role: &Node) -> bool {
    let named = |value: &Value| {
        view.named(policy, value, ROLE)
            .is_some_and(|of| of.resource.address == role.resource.address)
    };
    policy.shape.get("RoleName").is_some_and(named) || items(policy, "Roles").iter().any(named)
}

fn allows(view: &View<'_>, document: Option<&Value>, action: &str, resource: &Value) -> bool {
    let statements = match document {
        None => return false,
        Some(Value::Map(document)) => document.get("Statement"),
        // A text, or not known yet.
        Some(_) => return true,
    };
    let each = |value: &Value, test: &dyn Fn(&Value) -> bool| match value {
        Value::List(items) => items.iter().any(test),
        one => test(one),
    };
    let statement = |statement: &Value| {
        if statement.get("Effect").and_then(Value::as_str) == Some("Deny") {
            return false;
        }
        let acts = match statement.get("Action") {
            Some(actions) => each(actions, &|one| {
                one.as_str()
                    .is_none_or(|pattern| fits(&pattern.to_lowercase(), &action.to_lowercase()))
            }),
            None => statement.get("NotAction").is_some(),
        };
        let covers = match statement.get("Resource") {
            Some(resources) => each(resources, &|one| covers(view, one, resource)),
            None => statement.get("NotResource").is_some(),
        };
        acts && covers
    };
    statements.is_some_and(|statements| each(statements, &statement))
}

/// Whether a statement's resource is, or may be, this one.
fn covers(view: &View<'_>, pattern: &Value, resource: &Value) -> bool {
    let of = |value: &Value| -> Vec<Address> {
        let unknowns = value.unknowns().into_iter();
        unknowns.map(|of| view.secret_of(&of.address)).collect()
    };
    match (pattern, resource) {
        (Value::String(pattern), Value::String(resource)) => fits(pattern, resource),
        // A pattern that is written out may fit any name that AWS makes, unless it is for another service.
        (Value::String(pattern), _) => pattern.contains('*'),
        (pattern, Value::Unknown(_)) => {
            let wanted = of(resource);
            of(pattern).iter().any(|address| wanted.contains(address))
        }
        _ => true,
    }
}

/// `*` stands for any text, `?` for any character (IAM User Guide, "Policy elements: Resource").
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    // Greedy, with one place to come back to: the last star.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(one) if *one == '?' || *one == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text) in [
            ("*", ""),
            ("a*", "abc"),
            ("a*c", "abcbc"),
            ("secretsmanager:get*", "secretsmanager:getsecretvalue"),
            ("arn:x:secret:db-??????", "arn:x:secret:db-aBcDeF"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", "ab"),
            ("a?", "a"),
            ("*b", "abc"),
            ("a*c", "ab"),
        ] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }
}
