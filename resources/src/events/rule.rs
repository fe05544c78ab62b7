//! `AWS::Events::Rule`: which events go where. The id is the ARN: `…:rule/name`, or `…:rule/bus/name`.
//!
//! The targets are the rule's, and have calls of their own, which answer well although single targets failed.

use async_trait::async_trait;

use super::{RULES, TAGS, TARGETS};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::{AwsError, AwsErrorKind, Error, Result};
use crate::mapping;
use crate::prelude::*;
use crate::tags;

/// `AWS::Events::Rule`.
pub struct Rule;

/// Targets of one call (API_PutTargets and API_RemoveTargets, "Array Members").
const CALL: usize = 100;
/// Targets of a rule (EventBridge user guide, "Quotas": "Targets per rule", not adjustable).
const TARGETS_PER_RULE: usize = 5;

static DEFINITION: Definition = Definition {
    create: Create::of("PutRule", ""),
    reads: &[
        Read {
            key: Key::Made(|id| Some(Named::of(id)?.bus.to_owned())),
            select: Some(|rule, id| {
                (described(rule, "Arn") == Some(id.as_str())).then(|| rule.clone())
            }),
            ..Read::of(&RULES)
        },
        Read {
            key: Key::Described(&["Arn"]),
            select: Some(tags::swept),
            ..Read::of(&tags::SWEEP)
        },
        Read {
            key: Key::Described(&["Arn"]),
            when: Some(tags::untagged),
            ..Read::of(&TAGS)
        },
        Read {
            key: Key::Described(&["EventBusName", "Name"]),
            only_for: &["Targets"],
            all: true,
            into: "Targets",
            ..Read::of(&TARGETS)
        },
    ],
    updates: &[
        // "The rule is replaced with what you specify": what is left out is gone, tags aside (API_PutRule).
        Change {
            takes: &[
                "Description",
                "EventPattern",
                "RoleArn",
                "ScheduleExpression",
                "State",
            ],
            mode: Mode::All,
            ..Change::of("PutRule", &["Name", "EventBusName"])
        },
        Change {
            takes: &["Targets"],
            mode: Mode::Step(targets),
            ..Change::of("PutTargets", &[])
        },
    ],
    delete: Delete {
        busy: &["ConcurrentModificationException"],
        ..Delete::of("DeleteRule", &[], &["ResourceNotFoundException"])
    },
    find: Find::Search(search),
    rules: &[
        // PutRule tells it under another name than ListRules.
        mapping::Rule::Told("RuleName", "Name"),
        mapping::Rule::Told("Arn", "Arn"),
        mapping::Rule::Told("Arn", "RuleArn"),
        mapping::Rule::Renamed(
            "Targets.*.EcsParameters.PlacementStrategies",
            "PlacementStrategy",
        ),
        mapping::Rule::Renamed("Targets.*.EcsParameters.TagList", "Tags"),
    ],
    tags: Tags::Member,
    // "[\.\-_A-Za-z0-9]+", 64 at most (API_PutRule, "Name").
    name: Some(Name {
        also: "._",
        ..Name::of("Name", 64)
    }),
    propagation: &[
        // "There is concurrent modification on a rule, target, archive, or replay" (API_PutRule, Errors).
        ("ConcurrentModificationException", ""),
        // A role that was made a moment ago.
        ("ValidationException", "cannot be assumed by principal"),
    ],
    // A rule's name is unique within its bus (API_PutRule).
    unique: &[&["EventBusName", "Name"]],
    create_only: &[(
        "EventBusName",
        "a rule belongs to the bus on which it was put: PutRule with another bus makes another rule (API_PutRule)",
    )],
    resets: &[
        ("EventBusName", "\"default\""),
        ("State", "\"ENABLED\""),
        ("Targets", "[]"),
    ],
    ..Definition::new("AWS::Events::Rule", "events")
};

#[async_trait]
impl Resource for Rule {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// PutRule overwrites what has the name already, whoever's it is.
    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        let (bus, name) = (bus(desired), text(desired, "Name").unwrap_or_default());
        if let Some(rule) = rule(context, bus, name).await?
            && !is_ours(context, &rule, incarnation).await?
        {
            return Err(match described(&rule, "ManagedBy") {
                Some(service) => Error::Failed(format!(
                    "AWS::Events::Rule `{name}` exists already and is managed by {service}: choose another name"
                )),
                None => generic::taken(&DEFINITION, name),
            });
        }
        generic::create(&DEFINITION, context, desired, incarnation).await
    }

    /// "You must remove the targets first" (API_DeleteRule).
    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        let Some(named) = Named::of(id) else {
            return Ok(());
        };
        let key = format!("{}|{}", named.bus, named.name);
        let live = generic::items_of(context, &TARGETS, &key).await?;
        let ids: Vec<&str> = live.iter().filter_map(|one| described(one, "Id")).collect();
        remove(context, &named, &ids).await?;
        let input = Map::from_iter([
            ("EventBusName".to_owned(), named.bus.into()),
            ("Name".to_owned(), named.name.into()),
        ]);
        generic::delete_with(&DEFINITION, context, "DeleteRule", input).await
    }
}

/// What a rule's ARN says (service authorization reference, Amazon EventBridge, "Resource types"). Names of partners' buses have
/// slashes, names of rules have none.
struct Named<'a> {
    bus: &'a str,
    name: &'a str,
}

impl<'a> Named<'a> {
    fn of(id: &'a PhysicalId) -> Option<Named<'a>> {
        let (_, path) = id.as_str().split_once(":rule/")?;
        let (bus, name) = path.rsplit_once('/').unwrap_or(("default", path));
        Some(Named { bus, name })
    }
}

fn text<'a>(properties: &'a Value, name: &str) -> Option<&'a str> {
    properties.get(name).and_then(Value::as_str)
}

/// The bus that is declared, by its name or ARN; else the account's default one.
fn bus(desired: &Value) -> &str {
    text(desired, "EventBusName").unwrap_or("default")
}

async fn rule(context: &Context, bus: &str, name: &str) -> Result<Option<Json>> {
    let rules = generic::items_of(context, &RULES, bus).await?;
    Ok(rules
        .into_iter()
        .find(|rule| described(rule, "Name") == Some(name)))
}

async fn is_ours(context: &Context, rule: &Json, incarnation: &Incarnation) -> Result<bool> {
    let arn = described(rule, "Arn").unwrap_or_default();
    let answers = generic::items_of(context, &TAGS, arn).await?;
    Ok(answers
        .iter()
        .any(|answer| tags::carries(answer.get("Tags"), incarnation)))
}

/// By bus and name, and only where it carries the incarnation's tag.
fn search<'a>(
    context: &'a Context,
    desired: &'a Value,
    incarnation: &'a Incarnation,
) -> FindFuture<'a> {
    Box::pin(async move {
        let Some(name) = text(desired, "Name") else {
            return Ok(None);
        };
        let Some(rule) = rule(context, bus(desired), name).await? else {
            return Ok(None);
        };
        let ours = is_ours(context, &rule, incarnation).await?;
        let arn = described(&rule, "Arn").filter(|_| ours);
        Ok(arn.map(PhysicalId::from))
    })
}

/// Makes the targets the declared ones. A target is put again under its id (API_PutTargets: "updates the existing").
fn targets<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let named = Named::of(id).ok_or_else(|| {
            Error::definition(DEFINITION.type_name, format!("{id} is no rule's ARN"))
        })?;
        let (wanted, live) = (list(update.desired)?, list(update.live)?);
        let target = |one: &Json| described(one, "Id").unwrap_or_default().to_owned();
        let new: Vec<&Json> = wanted.iter().filter(|one| !live.contains(one)).collect();
        let gone: Vec<String> = live
            .iter()
            .map(target)
            .filter(|id| !wanted.iter().any(|one| target(one) == *id))
            .collect();
        let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
        let added = wanted
            .iter()
            .filter(|one| !live.iter().any(|live| target(live) == target(one)));
        // New ones first, so that no event is lost; unless the rule has no room for both.
        let crowded = live.len() + added.count() > TARGETS_PER_RULE;
        if crowded {
            remove(context, &named, &gone).await?;
        }
        for targets in new.chunks(CALL) {
            let input = json!({"EventBusName": named.bus, "Rule": named.name, "Targets": targets});
            call(context, "PutTargets", input).await?;
        }
        if !crowded {
            remove(context, &named, &gone).await?;
        }
        Ok(())
    })
}

async fn remove(context: &Context, named: &Named<'_>, ids: &[&str]) -> Result<()> {
    for ids in ids.chunks(CALL) {
        let input = json!({"EventBusName": named.bus, "Rule": named.name, "Ids": ids});
        match call(context, "RemoveTargets", input).await {
            // The rule is not there, and so are no targets.
            Err(error) if error.code() == Some("ResourceNotFoundException") => {}
            done => done?,
        }
    }
    Ok(())
}

/// The declared or live targets, as the API takes them.
fn list(properties: &Value) -> Result<Vec<Json>> {
    let Some(targets) = properties.get("Targets") else {
        return Ok(Vec::new());
    };
    let targets = targets
        .expose_json()
        .ok_or_else(|| Error::Unknown(format!("{} Targets", DEFINITION.type_name)))?;
    let properties = Map::from_iter([("Targets".to_owned(), targets)]);
    let input = generic::input(&DEFINITION, "PutTargets", &properties)?;
    let targets = input.get("Targets").and_then(Json::as_array);
    Ok(targets.cloned().unwrap_or_default())
}

/// A call for several targets: where it failed for one, that is its error, although AWS answers with success ("this action can
/// partially fail": API_PutTargets, "FailedEntryCount").
async fn call(context: &Context, operation: &str, input: Json) -> Result<()> {
    let Json::Object(input) = input else {
        return Ok(());
    };
    generic::write_checked(&DEFINITION, context, operation, input, |answer| {
        let failed = answer.get("FailedEntries").and_then(Json::as_array);
        let Some(entry) = failed.and_then(|entries| entries.first()) else {
            return Ok(());
        };
        let part = |name: &str| described(entry, name).unwrap_or_default();
        Err(Error::Aws(AwsError {
            service: DEFINITION.service.to_owned(),
            operation: operation.to_owned(),
            code: part("ErrorCode").to_owned(),
            message: format!("target `{}`: {}", part("TargetId"), part("ErrorMessage")),
            request_id: None,
            kind: AwsErrorKind::Service,
        }))
    })
    .await
    .map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use payctl_model::Clock;

    use super::*;
    use crate::context::{CallJournal, Caller};

    #[test]
    fn an_arn_says_which_rule_of_which_bus() {
        let of = |path: &str| {
            let id = PhysicalId::from(format!("arn:aws:events:us-east-1:1:rule/{path}"));
            Named::of(&id).map(|named| (named.bus.to_owned(), named.name.to_owned()))
        };
        let pair = |bus: &str, name: &str| Some((bus.to_owned(), name.to_owned()));
        assert_eq!(of("nightly"), pair("default", "nightly"));
        assert_eq!(of("payments/nightly"), pair("payments", "nightly"));
        assert_eq!(
            of("aws.partner/example.com/shop/nightly"),
            pair("aws.partner/example.com/shop", "nightly")
        );
    }

    /// Fails for single targets some times, in an answer of success.
    struct Partial(Mutex<Vec<Json>>);

    #[async_trait]
    impl Caller for Partial {
        async fn call(&self, _: &str, operation: &str, _: Json) -> Result<Json, AwsError> {
            let next = self.0.lock().expect("nothing panics with it").pop();
            match (operation, next) {
                ("PutTargets", Some(entry)) => {
                    Ok(json!({"FailedEntryCount": 1, "FailedEntries": [entry]}))
                }
                _ => Ok(json!({"FailedEntryCount": 0, "FailedEntries": []})),
            }
        }
    }

    struct NoJournal;

    #[async_trait]
    impl CallJournal for NoJournal {
        async fn intent(&self, _: &str) -> Result<u64> {
            Ok(0)
        }
        async fn result(&self, _: u64, _: Result<&Json, &AwsError>) -> Result<()> {
            Ok(())
        }
    }

    async fn put(failures: Vec<Json>) -> Result<()> {
        let clock = Clock::starting_at(std::time::UNIX_EPOCH, 1.0);
        let context = Context::new(Arc::new(Partial(Mutex::new(failures))), clock)
            .with_journal(Arc::new(NoJournal));
        let target = json!({"Id": "q", "Arn": "arn:aws:sqs:us-east-1:1:q"});
        let desired = Value::from(json!({"Targets": [target]}));
        let update = Update {
            desired: &desired,
            live: &Value::map(),
            changed: &["Targets".into()],
        };
        let id = PhysicalId::from("arn:aws:events:us-east-1:1:rule/nightly");
        targets(&context, &id, &update).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_that_failed_in_an_answer_of_success_is_an_error() {
        let entry = |code: &str| json!({"TargetId": "q", "ErrorCode": code, "ErrorMessage": "no"});
        let error = put(vec![entry("ResourceNotFoundException")]).await;
        let error = error.expect_err("a target failed");
        assert_eq!(
            error.to_string(),
            "events:PutTargets ResourceNotFoundException: target `q`: no"
        );
        // What passes is tried again.
        let passing = entry("ConcurrentModificationException");
        put(vec![passing.clone(), passing])
            .await
            .expect("at the third time");
    }
}
