//! EventBridge as a client sees it.

use serde_json::{Value as Json, json};

use crate::support::{Client, LawBook};

fn target(id: &str, more: Json) -> Json {
    let mut target = json!({"Id": id, "Arn": "arn:aws:sqs:eu-west-1:123456789012:q"});
    for (name, value) in more.as_object().into_iter().flatten() {
        target[name] = value.clone();
    }
    target
}

fn put(name: &str, more: Json) -> Json {
    let mut rule = json!({"Name": name, "EventPattern": "{\"source\": [\"shop\"]}"});
    for (name, value) in more.as_object().into_iter().flatten() {
        rule[name] = value.clone();
    }
    rule
}

/// Breaks each law and checks AWS's code; a law that nobody breaks here fails the test.
#[tokio::test(start_paused = true)]
async fn every_law_refuses_what_breaks_it() {
    let aws = Client::of("events");
    let mut book = LawBook::new(&aws);
    let mut breaks = |law: &str, operation: &str, input: Json| book.breaks(law, operation, input);
    breaks(
        "events: the default bus is not deleted",
        "DeleteEventBus",
        json!({"Name": "default"}),
    );
    breaks(
        "events/bus: Name is unique",
        "CreateEventBus",
        json!({"Name": "default"}),
    );
    breaks(
        "events/rule: EventBusName must exist",
        "PutRule",
        put("r", json!({"EventBusName": "none"})),
    );
    breaks(
        "events: a rule has an event pattern or a schedule",
        "PutRule",
        json!({"Name": "r"}),
    );
    for schedule in ["5 minutes", "rate(1 minutes)", "cron(* * * * * *)"] {
        breaks(
            "events: a schedule is a rate or six fields of cron",
            "PutRule",
            put("r", json!({"ScheduleExpression": schedule})),
        );
    }
    for pattern in [
        "{",
        "[]",
        "{}",
        "{\"source\": \"shop\"}",
        "{\"source\": []}",
        "{\"detail\": {\"a\": 1}}",
        "{\"$or\": [1]}",
    ] {
        breaks(
            "events: an event pattern is JSON whose leaves are lists of what is wanted",
            "PutRule",
            put("r", json!({"EventPattern": pattern})),
        );
    }
    let nobody = "arn:aws:iam::123456789012:role/nobody";
    breaks(
        "events: the roles of rules and targets let EventBridge assume them",
        "PutRule",
        put("r", json!({"RoleArn": nobody})),
    );
    aws.did("CreateEventBus", json!({"Name": "shop"}));
    breaks(
        "events: schedules run on the default bus",
        "PutRule",
        put(
            "r",
            json!({"EventBusName": "shop", "ScheduleExpression": "rate(1 day)"}),
        ),
    );
    for number in 0..300 {
        aws.did(
            "PutRule",
            put(&format!("r{number}"), json!({"EventBusName": "shop"})),
        );
    }
    breaks(
        "events: a bus has at most 300 rules",
        "PutRule",
        put("r", json!({"EventBusName": "shop"})),
    );
    breaks(
        "events/bus: not deleted while a events/rule has it as EventBusName",
        "DeleteEventBus",
        json!({"Name": "shop"}),
    );
    aws.did("PutRule", put("r", json!({})));
    let targets = |targets: Vec<Json>| json!({"Rule": "r", "Targets": targets});
    let one = |more: Json| targets(vec![target("a", more)]);
    let arn = "events: a target has an ARN, and an identifier of its own";
    breaks(arn, "PutTargets", one(json!({"Arn": "q"})));
    let twice = vec![target("a", json!({})), target("a", json!({}))];
    breaks(arn, "PutTargets", targets(twice));
    breaks(
        "events: a target is sent the event, a constant, a part of it or what a transformer makes of it",
        "PutTargets",
        one(json!({"Input": "{}", "InputPath": "$"})),
    );
    breaks(
        "events: streams, tasks, jobs and state machines are targets with a role",
        "PutTargets",
        one(json!({"Arn": "arn:aws:kinesis:eu-west-1:123456789012:stream/s"})),
    );
    let cluster = "arn:aws:ecs:eu-west-1:123456789012:cluster/c";
    let parameters =
        "events: a cluster, a job queue and a FIFO queue are targets with their parameters";
    breaks(
        parameters,
        "PutTargets",
        one(json!({"Arn": cluster, "RoleArn": "arn:aws:iam::210987654321:role/r"})),
    );
    breaks(
        parameters,
        "PutTargets",
        one(json!({"Arn": "arn:aws:sqs:eu-west-1:123456789012:q.fifo"})),
    );
    breaks(
        "events: the roles of rules and targets let EventBridge assume them",
        "PutTargets",
        one(json!({"RoleArn": nobody})),
    );
    let many = (0..6)
        .map(|number| target(&number.to_string(), json!({})))
        .collect();
    breaks(
        "events: a rule has at most five targets",
        "PutTargets",
        targets(many),
    );
    aws.did("PutTargets", one(json!({})));
    breaks(
        "events: a rule with targets is not deleted",
        "DeleteRule",
        json!({"Name": "r"}),
    );
    book.is_complete(&["events"], &[]);
}

#[tokio::test(start_paused = true)]
async fn rules_come_back_as_they_were_put() {
    let aws = Client::of("events");
    let default = aws.did("DescribeEventBus", json!({}));
    assert_eq!(
        default["Arn"],
        "arn:aws:events:eu-west-1:123456789012:event-bus/default"
    );
    let bus = aws.did(
        "CreateEventBus",
        json!({"Name": "shop", "Description": "of a shop", "Tags": [{"Key": "a", "Value": "1"}]}),
    );
    let bus = bus["EventBusArn"].clone();
    aws.did(
        "UpdateEventBus",
        json!({"Name": "shop", "Description": "of another"}),
    );
    let shown = aws.did("DescribeEventBus", json!({"Name": bus}));
    assert_eq!(
        (&shown["Name"], &shown["Description"]),
        (&json!("shop"), &json!("of another"))
    );
    let first = put(
        "r",
        json!({"EventBusName": bus, "Description": "d", "State": "DISABLED", "Tags": [{"Key": "a", "Value": "1"}]}),
    );
    let arn = aws.did("PutRule", first)["RuleArn"].clone();
    assert_eq!(arn, "arn:aws:events:eu-west-1:123456789012:rule/shop/r");
    let rule = |input: Json| aws.did("DescribeRule", input);
    let of_shop = json!({"Name": "r", "EventBusName": "shop"});
    let shown = rule(of_shop.clone());
    for (member, value) in [
        ("Description", "d"),
        ("State", "DISABLED"),
        ("EventBusName", "shop"),
        ("CreatedBy", "123456789012"),
    ] {
        assert_eq!(shown[member], value, "{member}");
    }
    aws.did("EnableRule", of_shop.clone());
    assert_eq!(rule(of_shop.clone())["State"], "ENABLED");
    let targets = json!([target("a", json!({"Input": "1"})), target("b", json!({}))]);
    let input = json!({"Rule": "r", "EventBusName": "shop", "Targets": targets});
    assert_eq!(aws.did("PutTargets", input)["FailedEntryCount"], 0);
    // What is put again without a member has it no more; targets and tags stay.
    let again = put(
        "r",
        json!({"EventBusName": "shop", "Tags": [{"Key": "b", "Value": "2"}]}),
    );
    assert_eq!(aws.did("PutRule", again)["RuleArn"], arn);
    assert_eq!(rule(of_shop.clone()).get("Description"), None);
    let tags = aws.did("ListTagsForResource", json!({"ResourceARN": arn}));
    assert_eq!(tags["Tags"], json!([{"Key": "a", "Value": "1"}]));
    let listed = |limit: u32| {
        let input = json!({"Rule": "r", "EventBusName": "shop", "Limit": limit});
        aws.did("ListTargetsByRule", input)
    };
    assert_eq!(listed(100)["Targets"], targets);
    assert_eq!(listed(1)["Targets"], json!([targets[0]]));
    let by_target =
        json!({"TargetArn": "arn:aws:sqs:eu-west-1:123456789012:q", "EventBusName": "shop"});
    assert_eq!(
        aws.did("ListRuleNamesByTarget", by_target)["RuleNames"],
        json!(["r"])
    );
    let rules = |input: Json| {
        let found = aws.did("ListRules", input);
        found["Rules"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(rules(json!({})), 0, "of the default bus");
    assert_eq!(rules(json!({"EventBusName": "shop", "NamePrefix": "r"})), 1);
    for operation in ["DescribeRule", "ListTargetsByRule"] {
        let member = if operation == "DescribeRule" {
            "Name"
        } else {
            "Rule"
        };
        let code = aws.refused(operation, json!({member: "none"}));
        assert_eq!(code, "ResourceNotFoundException");
    }
    let gone = json!({"Rule": "r", "EventBusName": "shop", "Ids": ["a", "b", "none"]});
    assert_eq!(aws.did("RemoveTargets", gone)["FailedEntryCount"], 0);
    aws.did("DeleteRule", of_shop.clone());
    aws.did("DeleteRule", of_shop);
    for _ in 0..2 {
        aws.did("DeleteEventBus", json!({"Name": "shop"}));
    }
    assert_eq!(
        aws.refused("DescribeEventBus", json!({"Name": "shop"})),
        "ResourceNotFoundException"
    );
}
