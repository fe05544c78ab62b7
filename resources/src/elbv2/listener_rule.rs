//! `AWS::ElasticLoadBalancingV2::ListenerRule`: what a listener does with requests that meet conditions.
//!
//! No two rules of a listener have the same priority, at no time: rules that exchange theirs are moved in one call.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use super::{NO_RULE, RULES, RULES_OF_LISTENERS, TAGS};
use crate::context::{Context, Intention};
use crate::definition::FindFuture;
use crate::error::{Error, Result};
use crate::prelude::*;

/// `AWS::ElasticLoadBalancingV2::ListenerRule`.
pub struct ListenerRule;

static DEFINITION: Definition = Definition {
    create: Create::of("CreateRule", "Rules.0"),
    reads: &[Read::of(&RULES), Read::of(&TAGS)],
    updates: &[
        // Where a rule moves, its place is made before what it does there.
        Change {
            takes: &["Priority"],
            mode: Mode::Step(move_rule),
            ..Change::of("SetRulePriorities", &[])
        },
        Change {
            made: &[("Transforms", transforms)],
            ..Change::of("ModifyRule", &["RuleArn"])
        },
    ],
    delete: Delete::of("DeleteRule", &["RuleArn"], NO_RULE),
    find: Find::Search(find),
    rules: &[Rule::Computed("ListenerArn", |rule| {
        Some(listener_of(described(rule, "RuleArn")?)?.into())
    })],
    tags: Tags::Member,
    // PriorityInUse (API_CreateRule).
    unique: &[&["ListenerArn", "Priority"]],
    // ResourceInUse (API_DeleteTargetGroup: "You can delete a target group if it is not referenced by any actions").
    holds: &[
        "Actions.*.TargetGroupArn",
        "Actions.*.ForwardConfig.TargetGroups.*.TargetGroupArn",
    ],
    resets: &[("Transforms", "[]")],
    ..Definition::new("AWS::ElasticLoadBalancingV2::ListenerRule", "elbv2")
};

/// `…:listener-rule/app/name/balancer/listener/rule` is of `…:listener/app/name/balancer/listener` (Service Authorization Reference,
/// "Resource types defined by Elastic Load Balancing V2").
fn listener_of(rule: &str) -> Option<String> {
    let (head, _) = rule.rsplit_once('/')?;
    Some(head.replacen(":listener-rule/", ":listener/", 1))
}

/// "If you specify ResetTransforms, you can't specify Transforms" (API_ModifyRule).
fn transforms(update: &Update<'_>) -> Json {
    let wanted = update
        .desired
        .get("Transforms")
        .and_then(Value::expose_json);
    match wanted.filter(|wanted| wanted.as_array().is_some_and(|list| !list.is_empty())) {
        Some(wanted) => json!({"Transforms": wanted}),
        None => json!({"ResetTransforms": true}),
    }
}

fn move_rule<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let wanted = update.desired.get("Priority").and_then(priority_of);
        let (Some(wanted), Some(listener)) = (wanted, listener_of(id.as_str())) else {
            return Err(Error::Unknown(format!("{} Priority", DEFINITION.type_name)));
        };
        let alone = BTreeMap::from([(id.as_str().to_owned(), wanted)]);
        match set_priorities(context, &alone).await {
            Err(error) if is_taken(&error) => {
                make_room(context, &listener, wanted, Some(id.as_str())).await
            }
            done => done,
        }
    })
}

fn priority_of(value: &Value) -> Option<i64> {
    value.to_text()?.trim().parse().ok()
}

/// API_CreateRule calls it PriorityInUseException and answers with PriorityInUse.
fn is_taken(error: &Error) -> bool {
    error
        .code()
        .is_some_and(|code| code.starts_with("PriorityInUse"))
}

async fn set_priorities(context: &Context, moves: &BTreeMap<String, i64>) -> Result<()> {
    let moves: Vec<Json> = moves
        .iter()
        .map(|(rule, priority)| json!({"RuleArn": rule, "Priority": priority}))
        .collect();
    let input = Map::from_iter([("RulePriorities".to_owned(), Json::Array(moves))]);
    generic::write(&DEFINITION, context, "SetRulePriorities", input).await?;
    Ok(())
}

/// How long a rule that this run deletes may still have its priority.
const LEAVING: Duration = Duration::from_secs(180);

/// Frees a priority of a listener that rules of this run are leaving, and moves the rule `me` there: all that move do so in one
/// call ("You can reorder the rules as long as there are no priority conflicts in the new order": API_SetRulePriorities).
async fn make_room(context: &Context, listener: &str, wanted: i64, me: Option<&str>) -> Result<()> {
    let start = context.clock().now();
    let mut pause = Duration::from_secs(1);
    loop {
        let rules = generic::items_of(context, &RULES_OF_LISTENERS, listener).await?;
        let holders: BTreeMap<i64, &str> = rules
            .iter()
            .filter_map(|rule| {
                let priority = described(rule, "Priority")?.parse().ok()?;
                Some((priority, described(rule, "RuleArn")?))
            })
            .collect();
        let intention = |rule: &str| context.intention(&rule.into());
        match moves(&holders, wanted, me, &intention) {
            Moves::Free(moves) if moves.is_empty() => return Ok(()),
            Moves::Free(moves) => match set_priorities(context, &moves).await {
                // Another rule was quicker: look again.
                Err(error) if is_taken(&error) => {}
                done => return done,
            },
            Moves::Taken(priority, by) => {
                return Err(Error::Failed(format!(
                    "priority {priority} of {listener} is taken by {by}, which this run leaves there: choose another priority, or \
                     change or delete that rule"
                )));
            }
            Moves::Wait => {}
        }
        let spent = context.clock().now().duration_since(start);
        if spent.unwrap_or(LEAVING) >= LEAVING {
            return Err(Error::Failed(format!(
                "priority {wanted} of {listener} does not become free"
            )));
        }
        context.clock().sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(15));
    }
}

/// What has to happen before a priority is free.
#[derive(Debug, PartialEq)]
enum Moves {
    /// These rules move, all at once.
    Free(BTreeMap<String, i64>),
    /// A rule is going away.
    Wait,
    /// A rule stays there.
    Taken(i64, String),
}

/// Follows the rules that stand in the way to where they are going.
fn moves(
    holders: &BTreeMap<i64, &str>,
    wanted: i64,
    me: Option<&str>,
    intention: &dyn Fn(&str) -> Option<Intention>,
) -> Moves {
    let mut moves: BTreeMap<String, i64> = BTreeMap::new();
    if let Some(me) = me {
        moves.insert(me.to_owned(), wanted);
    }
    let mut next = wanted;
    // Each pass adds a rule, so it ends.
    while let Some(holder) = holders.get(&next) {
        if moves.contains_key(*holder) {
            break;
        }
        let goes = match intention(holder) {
            Some(Intention::Delete) => return Moves::Wait,
            Some(Intention::Update(properties)) => properties.get("Priority").and_then(priority_of),
            None => None,
        };
        match goes.filter(|goes| *goes != next) {
            Some(goes) => {
                moves.insert((*holder).to_owned(), goes);
                next = goes;
            }
            None => return Moves::Taken(next, (*holder).to_owned()),
        }
    }
    Moves::Free(moves)
}

/// The rule with the declared priority, where its tag says that it is this one: what another one has made there is not taken.
fn find<'a>(
    context: &'a Context,
    desired: &'a Value,
    incarnation: &'a Incarnation,
) -> FindFuture<'a> {
    Box::pin(async move {
        let listener = desired.get("ListenerArn").and_then(Value::as_str);
        let priority = desired.get("Priority").and_then(priority_of);
        let (Some(listener), Some(priority)) = (listener, priority) else {
            return Ok(None);
        };
        let rules = generic::items_of(context, &RULES_OF_LISTENERS, listener).await?;
        let there = rules
            .iter()
            .find(|rule| described(rule, "Priority").map(str::parse) == Some(Ok(priority)));
        match there.and_then(|rule| described(rule, "RuleArn")) {
            Some(arn) => generic::if_ours(&DEFINITION, context, arn.into(), incarnation).await,
            None => Ok(None),
        }
    })
}

#[async_trait]
impl Resource for ListenerRule {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        match generic::create(&DEFINITION, context, desired, incarnation).await {
            Err(error) if is_taken(&error) => {
                let listener = desired.get("ListenerArn").and_then(Value::as_str);
                let priority = desired.get("Priority").and_then(priority_of);
                let (Some(listener), Some(priority)) = (listener, priority) else {
                    return Err(error);
                };
                make_room(context, listener, priority, None).await?;
                generic::create(&DEFINITION, context, desired, incarnation).await
            }
            done => done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(priority: i64) -> Option<Intention> {
        Some(Intention::Update(Value::from(
            json!({"Priority": priority}),
        )))
    }

    #[test]
    fn rules_that_exchange_their_priorities_move_together() {
        let holders = BTreeMap::from([(10, "a"), (20, "b"), (30, "c"), (40, "d")]);
        let intention = |rule: &str| match rule {
            "a" => to(20),
            "b" => to(30),
            "c" => to(10),
            _ => None,
        };
        let all = [("a", 20), ("b", 30), ("c", 10)].map(|(rule, to)| (rule.to_owned(), to));
        assert_eq!(
            moves(&holders, 20, Some("a"), &intention),
            Moves::Free(all.into())
        );
        // A new rule takes the place of one that makes way for nobody.
        assert_eq!(
            moves(&holders, 40, None, &intention),
            Moves::Taken(40, "d".to_owned())
        );
    }

    #[test]
    fn a_rule_that_goes_is_waited_for_and_one_that_has_arrived_stays() {
        let holders = BTreeMap::from([(10, "a"), (20, "b"), (30, "c")]);
        let intention = |rule: &str| match rule {
            "a" => to(20),
            "b" => Some(Intention::Delete),
            "c" => to(30),
            _ => None,
        };
        assert_eq!(moves(&holders, 20, Some("a"), &intention), Moves::Wait);
        assert_eq!(
            moves(&holders, 30, None, &intention),
            Moves::Taken(30, "c".to_owned())
        );
        assert_eq!(
            moves(&holders, 5, Some("a"), &intention),
            Moves::Free([("a".to_owned(), 5)].into())
        );
    }

    #[test]
    fn a_rules_arn_tells_its_listener() {
        let rule = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener-rule/app/front/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee";
        let listener = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/front/50dc6c495c0c9188/f2f7dc8efc522ab2";
        assert_eq!(listener_of(rule).as_deref(), Some(listener));
    }
}
