//! Traffic between two target groups: how CodeDeploy and ECS swing the forward actions that name them.
//!
//! Both groups stay in the action from the first shift on, the one without traffic with weight 0, so that its targets are checked
//! (CodeDeploy's support in traveloka/terraform-aws-alb-single-listener pull request 47; for ECS go-to-k/cdk-real-drift issue
//! 1730).

use super::{listeners, rules, text};
use crate::call::Call;
use crate::error::Refusal;
use crate::path;
use serde_json::{Value as Json, json};

/// What is swung.
#[derive(Debug, Clone, Copy)]
pub enum Route<'a> {
    /// The default action and the rules of a listener, as far as they forward to one of the pair.
    Listener(&'a str),
    /// One rule, or the listener whose default one it is.
    Rule(&'a str),
}

/// Gives the pair of target groups these weights wherever the route forwards to one of them. How many actions that were.
///
/// # Errors
/// What Elastic Load Balancing refuses.
pub fn swing(
    call: &mut Call,
    route: Route<'_>,
    groups: [&str; 2],
    weights: [u64; 2],
) -> Result<usize, Refusal> {
    let mut swung = 0;
    for place in places(call, route) {
        let (operation, name, member) = if place.1 {
            ("ModifyListener", "ListenerArn", "DefaultActions")
        } else {
            ("ModifyRule", "RuleArn", "Actions")
        };
        let kind = if place.1 {
            listeners::LISTENER.name
        } else {
            rules::RULE.name
        };
        let Some(record) = call.find(kind, &place.0) else {
            continue;
        };
        let weighted = super::balancer_of(call, &record.id)
            .is_some_and(|balancer| balancer.is("Type", "application"));
        let mut actions = record.list(member).to_vec();
        let mut changed = 0;
        for action in actions.iter_mut().filter(|action| forwards(action, groups)) {
            let heavier = groups[usize::from(weights[1] > weights[0])];
            let mut swinging = json!({"Type": "forward"});
            if let Some(order) = action.get("Order") {
                swinging["Order"] = order.clone();
            }
            if weighted {
                let group =
                    |at: usize| json!({"TargetGroupArn": groups[at], "Weight": weights[at]});
                let stickiness = action["ForwardConfig"]["TargetGroupStickinessConfig"].clone();
                swinging["ForwardConfig"] = json!({"TargetGroups": [group(0), group(1)], "TargetGroupStickinessConfig": stickiness});
            } else {
                // Only Application Load Balancers weigh target groups (API_TargetGroupTuple).
                swinging["TargetGroupArn"] = json!(heavier);
            }
            *action = swinging;
            changed += 1;
        }
        if changed > 0 {
            call.call("elbv2", operation, json!({name: place.0, member: actions}))?;
            swung += changed;
        }
    }
    Ok(swung)
}

/// Does the route forward to this group?
pub fn reaches(call: &Call, route: Route<'_>, group: &str) -> bool {
    places(call, route).into_iter().any(|(arn, is_listener)| {
        let (kind, member) = if is_listener {
            (listeners::LISTENER.name, "DefaultActions")
        } else {
            (rules::RULE.name, "Actions")
        };
        call.find(kind, &arn).is_some_and(|record| {
            let mut actions = record.list(member).iter();
            actions.any(|action| forwards(action, [group, group]))
        })
    })
}

/// ARNs of listeners (true) and rules.
fn places(call: &Call, route: Route<'_>) -> Vec<(String, bool)> {
    match route {
        Route::Listener(arn) => {
            let rules = call
                .list_where(rules::RULE.name, "ListenerArn", arn)
                .filter(|rule| !rule.is("Priority", "default"));
            let rules = rules.map(|rule| (rule.arn.clone(), false));
            std::iter::once((arn.to_owned(), true))
                .chain(rules)
                .collect()
        }
        Route::Rule(arn) => match call.find(rules::RULE.name, arn) {
            Some(rule) if rule.is("Priority", "default") => {
                vec![(rule.text("ListenerArn").to_owned(), true)]
            }
            Some(_) => vec![(arn.to_owned(), false)],
            None => Vec::new(),
        },
    }
}

fn forwards(action: &Json, groups: [&str; 2]) -> bool {
    let named = action.as_object().map_or_else(Vec::new, |action| {
        path::texts(action, "ForwardConfig.TargetGroups[].TargetGroupArn")
    });
    text(action, "Type") == "forward"
        && (groups.contains(&text(action, "TargetGroupArn"))
            || named.iter().any(|name| groups.contains(&name.as_str())))
}
