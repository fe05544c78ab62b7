//! Types without a module: made, changed and deleted through Cloud Control, whatever fails on the way; and types of one's own.

use crate::harness::emulator::Emulator;
use crate::harness::proxy::Proxy;
use crate::harness::{Project, cloud};

const PROJECT: &str = r#"[project]
name = "reports"
default-env = "dev"

[env.local]
sandbox = true

[env.dev]

[[stack]]
name = "app"
template = "template.yaml"
region = "us-east-1"
parameters = { Password = "correct-horse-battery" }
"#;

/// With tags, without any, under a name of the template's, and with a secret that AWS does not tell.
const TEMPLATE: &str = r#"Parameters:
  Password: {Type: String, NoEcho: true}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: states.amazonaws.com}, Action: "sts:AssumeRole"}]
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: !GetAtt Role.Arn
      DefinitionString: '{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}'
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: reports, ProtocolType: HTTP}
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: GET /reports}
  User:
    Type: AWS::ElastiCache::User
    Properties: {UserId: reports, UserName: reports, Engine: redis, AccessString: "on ~* +@all", Passwords: [!Ref Password]}
  Queries:
    Type: AWS::Athena::WorkGroup
    Properties: {Name: !Sub "${AWS::StackName}-${Api}", RecursiveDeleteOption: true}
"#;

const RESOURCES: usize = 6;

fn project(at: &str) -> Project {
    let project = Project::empty().at(at);
    project.write("payctl.toml", PROJECT);
    project.write("template.yaml", TEMPLATE);
    project
}

fn assert_complete(project: &Project, url: &str, when: &str) {
    assert_eq!(project.actions(""), Vec::<String>::new(), "{when}");
    let there = cloud::left_over(url);
    assert_eq!(there.len(), RESOURCES, "{when}: {there:#?}");
}

#[test]
fn killed_after_a_call_nothing_is_made_twice_and_nothing_lost() {
    let emulator = Emulator::simulated(1000);
    let proxy = Proxy::before(&emulator.url);
    for count in [1, 3, 5, 6] {
        let project = project(&proxy.url);
        let killed = proxy.kill_after(count, project.command("apply --auto-approve"));
        assert!(killed, "it makes more than {count} calls");
        project.ok("apply --auto-approve");
        assert_complete(&project, &emulator.url, &format!("killed after {count}"));
        for file in std::fs::read_dir(project.path(".payctl/state")).expect("the state's folder") {
            let text = std::fs::read_to_string(file.expect("a file").path()).unwrap_or_default();
            assert!(!text.contains("correct-horse"), "a secret on disk");
        }
        proxy.kill_after(count, project.command("destroy --auto-approve"));
        project.ok("destroy --auto-approve");
        cloud::assert_empty(&emulator.url);
    }
}

#[test]
fn whatever_fails_one_run_makes_everything_once() {
    let emulator = Emulator::simulated(1000);
    let proxy = Proxy::before(&emulator.url);
    let project = project(&proxy.url);
    proxy.faulty(Some(11));
    project.ok("apply --auto-approve");
    assert!(proxy.faults() > 0, "nothing was tried");
    proxy.faulty(None);
    assert_complete(&project, &emulator.url, "after faults");
    proxy.faulty(Some(12));
    project.ok("destroy --auto-approve");
    cloud::assert_empty(&emulator.url);
}

#[test]
fn a_request_that_fails_is_told_with_its_place_and_token() {
    let emulator = Emulator::simulated(1000);
    let project = project(&emulator.url);
    project.edit(
        "template.yaml",
        "!GetAtt Role.Arn",
        "!Sub \"arn:aws:iam::${AWS::AccountId}:role/nobody\"",
    );
    let run = project.fails("apply --auto-approve", 1);
    for part in [
        "cannot create Machine (AWS::StepFunctions::StateMachine)",
        "InvalidRequest",
        "role/nobody does not exist",
        "template.yaml:",
        "request",
    ] {
        assert!(run.err.contains(part), "{part}: {}", run.err);
    }
    // Nothing is in doubt: what failed was not made.
    let next = project.run("plan");
    assert!(!next.err.contains("cut off"), "{}", next.err);
    assert_eq!(project.actions(""), ["create Machine"]);
    project.edit(
        "template.yaml",
        "!Sub \"arn:aws:iam::${AWS::AccountId}:role/nobody\"",
        "!GetAtt Role.Arn",
    );
    project.ok("apply --auto-approve");
    assert_complete(&project, &emulator.url, "after the failure");
    project.ok("destroy --auto-approve");
    cloud::assert_empty(&emulator.url);
}

#[test]
fn what_somebody_else_has_is_not_taken() {
    let emulator = Emulator::simulated(1000);
    let template = "Resources:\n  Queries:\n    Type: AWS::Athena::WorkGroup\n    Properties: {Name: shared}\n";
    let without = PROJECT.replace(
        "parameters = { Password = \"correct-horse-battery\" }\n",
        "",
    );
    let theirs = project(&emulator.url);
    theirs.write("payctl.toml", &without);
    theirs.write("template.yaml", template);
    theirs.ok("apply --auto-approve");
    let ours = project(&emulator.url);
    ours.write("payctl.toml", &without);
    ours.edit("payctl.toml", "name = \"reports\"", "name = \"other\"");
    ours.write("template.yaml", template);
    let run = ours.fails("apply --auto-approve", 1);
    assert!(run.err.contains("AlreadyExists"), "{}", run.err);
    ours.ok("destroy --auto-approve");
    assert_eq!(theirs.actions(""), Vec::<String>::new());
}

const SCHEMA: &str = r##"{
  "typeName": "Org::Ledger::Account",
  "properties": {
    "Name": {"type": "string", "pattern": "^[a-z]+$"},
    "Currency": {"type": "string", "enum": ["EUR", "USD"]},
    "Limit": {"type": "integer", "minimum": 0},
    "Token": {"type": "string"},
    "Id": {"type": "string"},
    "Url": {"type": "string"},
    "Tags": {"type": "array", "insertionOrder": false, "items": {"$ref": "#/definitions/Tag"}}
  },
  "definitions": {"Tag": {"type": "object", "properties": {"Key": {"type": "string"}, "Value": {"type": "string"}}, "required": ["Key", "Value"]}},
  "required": ["Name", "Currency"],
  "additionalProperties": false,
  "readOnlyProperties": ["/properties/Id", "/properties/Url"],
  "createOnlyProperties": ["/properties/Currency"],
  "writeOnlyProperties": ["/properties/Token"],
  "primaryIdentifier": ["/properties/Id"],
  "tagging": {"taggable": true, "tagOnCreate": true, "tagUpdatable": true, "tagProperty": "/properties/Tags"},
  "handlers": {"create": {}, "read": {}, "update": {}, "delete": {}, "list": {}}
}"##;

const LEDGER: &str = r#"Resources:
  Cash:
    Type: Org::Ledger::Account
    Properties: {Name: cash, Currency: EUR, Limit: "100", Token: t0}
  Address:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !Sub "${Cash.Url}?account=${Cash}"}
"#;

#[test]
fn a_type_of_ones_own_lives_like_any_other() {
    let project = Project::empty();
    project.write(
        "payctl.toml",
        &PROJECT.replace(
            "parameters = { Password = \"correct-horse-battery\" }\n",
            "",
        ),
    );
    project.edit(
        "payctl.toml",
        "default-env = \"dev\"",
        "default-env = \"local\"",
    );
    project.write("template.yaml", LEDGER);
    project.write("account.json", SCHEMA);
    // Offline it is only looked at; the registry knows that it is not there.
    let run = project.ok("validate");
    assert!(
        run.err.contains("asks the account's registry"),
        "{}",
        run.err
    );
    let run = project.fails("plan", 1);
    let said = run.err.replace('│', " ");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("Org::Ledger::Account") && said.contains("neither registered nor activated"),
        "{}",
        run.err
    );
    project.ok("sandbox register-type account.json");
    assert_eq!(project.actions(""), ["create Address", "create Cash"]);
    project.ok("apply --auto-approve");
    assert_eq!(project.actions(""), Vec::<String>::new());
    // Now it is known offline, too.
    project.edit("template.yaml", "Limit: \"100\"", "Limt: \"100\"");
    let run = project.fails("validate", 1);
    assert!(run.err.contains("did you mean `Limit`?"), "{}", run.err);
    project.edit("template.yaml", "Limt: \"100\"", "Limit: 200");
    assert_eq!(project.actions(""), ["update Cash"]);
    project.ok("apply --auto-approve");
    // What AWS never tells went along.
    let dump = project.ok("sandbox dump").out;
    assert!(
        dump.contains("\"Token\": \"t0\"") || dump.contains("\"Token\":\"t0\""),
        "{dump}"
    );
    project.edit("template.yaml", "Token: t0", "Token: t1");
    assert_eq!(project.actions(""), ["update Cash"]);
    project.ok("apply --auto-approve");
    project.edit("template.yaml", "Currency: EUR", "Currency: USD");
    assert_eq!(project.actions(""), ["replace Cash", "update Address"]);
    project.ok("apply --auto-approve");
    assert_eq!(project.actions(""), Vec::<String>::new());
    let drift = project.plan("");
    assert_eq!(drift["drift"], serde_json::json!([]));
    project.ok("destroy --auto-approve");
    let world = Emulator::world_of(&project);
    cloud::assert_empty(&world.url);
}

#[test]
fn plan_and_schema_say_how_a_type_is_provisioned() {
    let emulator = Emulator::simulated(1000);
    let project = project(&emulator.url);
    let plan = project.ok("plan").out;
    assert!(plan.contains("(through Cloud Control)"), "{plan}");
    assert!(!plan.contains("AWS::IAM::Role (through"), "{plan}");
    let schema = project.ok("schema AWS::Athena::WorkGroup").out;
    assert!(schema.contains("through the Cloud Control API"), "{schema}");
    let json = project.ok("schema --json AWS::Athena::WorkGroup").json();
    let entry = &json["types"]["AWS::Athena::WorkGroup"];
    assert_eq!(
        (&entry["native"], &entry["properties"]["Name"]["supported"]),
        (&false.into(), &true.into())
    );
    let json = project.ok("schema --json AWS::WAF::Rule").json();
    let entry = &json["types"]["AWS::WAF::Rule"]["properties"]["Name"];
    assert_eq!(entry["supported"], false);
    assert!(
        entry["note"]
            .as_str()
            .is_some_and(|note| note.contains("no handlers")),
        "{entry}"
    );
}
