//! Every command once, on small networks in the simulated AWS: what it prints for programs, its exit code, what it
//! leaves in the emulator and on disk.

use serde_json::{Value as Json, json};

use crate::harness::emulator::Emulator;
use crate::harness::proxy::Proxy;
use crate::harness::{Project, mode, python, seen};

pub(crate) const PROJECT: &str = r#"[project]
name = "shop"
default-env = "local"

[env.local]
sandbox = true

[[stack]]
name = "net"
template = "template.yaml"
region = "us-east-1"
"#;

pub(crate) const NETWORK: &str = r#"Parameters:
  Name:
    Type: String
    Default: shop
Resources:
  VPC:
    Type: AWS::EC2::VPC
    Properties:
      CidrBlock: 10.0.0.0/16
      Tags:
        - {Key: Name, Value: !Ref Name}
  Subnet:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref VPC
      CidrBlock: 10.0.1.0/24
  Gateway:
    Type: AWS::EC2::InternetGateway
Outputs:
  Vpc:
    Value: !Ref VPC
  Greeting:
    Value: !Sub 'hello ${Name}'
"#;

pub(crate) fn network() -> Project {
    let project = Project::empty();
    project
        .write("payctl.toml", PROJECT)
        .write("template.yaml", NETWORK);
    project
}

pub(crate) fn applied() -> Project {
    let project = network();
    project.ok("apply --auto-approve");
    project
}

/// Runs a boto3 script against the world of a project; `ec2` is a client of us-east-1.
pub(crate) fn behind_its_back(project: &Project, script: &str) -> String {
    let world = Emulator::world_of(project);
    let head = "import sys, boto3, json\n\
        ec2 = boto3.client('ec2', region_name='us-east-1', endpoint_url=sys.argv[1])\n\
        vpc = next((v['VpcId'] for v in ec2.describe_vpcs()['Vpcs'] if not v.get('IsDefault')), None)\n";
    let out = python::script(&format!("{head}{script}"), &[&world.url]);
    world.stop();
    out
}

#[test]
fn init_writes_a_project_file_that_works() {
    let project = Project::empty();
    project.write("net.yaml", NETWORK);
    project.ok("init --name shop");
    let text = project.read("payctl.toml");
    assert!(text.contains("name = \"shop\""), "{text}");
    assert!(text.contains("template = \"net.yaml\""), "{text}");
    project.ok("validate");
    assert_eq!(project.plan("")["summary"]["create"], 3);
    // What is there is not written over.
    project.fails("init", 1);
    assert_eq!(project.read("payctl.toml"), text);
    Project::empty().fails("init", 1);
}

#[test]
fn validate_needs_no_aws_and_no_values() {
    let project = network();
    project.edit("template.yaml", "    Default: shop\n", "");
    let json = project.ok("validate --json").json();
    assert_eq!(json["valid"], true);
    assert_eq!(json["resources"], 3);
    assert_eq!(json["parameters_missing"], json!(["net.Name"]));
    assert!(!project.path(".payctl").exists(), "validate writes nothing");
}

#[test]
fn plans_tell_by_their_exit_code() {
    let project = network();
    project.fails("plan --detailed-exitcode", 2);
    project.ok("plan");
    project.ok("apply --auto-approve");
    project.ok("plan --detailed-exitcode");
    project.fails("plan --detailed-exitcode --destroy", 2);
    project.ok("drift --detailed-exitcode");
}

#[test]
fn plan_as_people_see_it() {
    let project = network();
    let first = project.ok("plan");
    insta::assert_snapshot!("plan_first", seen(&project, &first.out));
    project.ok("apply --auto-approve");
    project
        .edit("template.yaml", "Default: shop", "Default: store")
        .edit("template.yaml", "10.0.1.0/24", "10.0.2.0/24");
    let text = project.ok("plan").out;
    insta::assert_snapshot!("plan_changes", without_ids(&seen(&project, &text)));
    let json = project.plan("");
    let subnet = change(&json, "Subnet");
    assert_eq!(subnet["action"], "replace", "{subnet:#}");
    assert_eq!(subnet["reasons"][0]["property"], "CidrBlock");
    assert_eq!(subnet["reasons"][0]["effect"], "replace");
    assert_eq!(subnet["before"]["CidrBlock"], "10.0.1.0/24");
    assert_eq!(subnet["after"]["CidrBlock"], "10.0.2.0/24");
    assert_eq!(change(&json, "VPC")["action"], "update");
    assert_eq!(json["summary"]["noop"], 1);
}

/// The change of a resource in `plan --json`.
fn change<'a>(plan: &'a Json, logical_id: &str) -> &'a Json {
    plan["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .find(|change| {
            let address = change["address"].as_str().unwrap_or_default();
            address.ends_with(&format!(".{logical_id}"))
        })
        .unwrap_or_else(|| panic!("no change of {logical_id} in {plan:#}"))
}

/// Identifiers that AWS draws, replaced by their kind.
fn without_ids(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = ["vpc-", "subnet-", "igw-"]
        .iter()
        .filter_map(|prefix| rest.find(prefix).map(|at| at + prefix.len()))
        .min()
    {
        let (head, tail) = rest.split_at(at);
        let id = tail
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(tail.len());
        out.push_str(head);
        if id >= 8 {
            out.push('…');
            rest = &tail[id..];
        } else {
            rest = tail;
        }
    }
    out + rest
}

#[test]
fn a_saved_plan_is_applied_as_it_is() {
    let project = network();
    project.ok("plan --out net.plan");
    assert_eq!(mode(&project, "net.plan"), 0o600);
    project.ok("apply net.plan");
    project.ok("plan --detailed-exitcode");
    project.edit("template.yaml", "Default: shop", "Default: store");
    project.ok("plan --out net.plan");
    project.ok("apply net.plan");
    assert_eq!(project.ok("outputs Greeting").out.trim(), "hello store");
    project.ok("plan --destroy --out net.plan");
    project.ok("apply net.plan");
    assert_eq!(project.plan("")["summary"]["create"], 3);
}

#[test]
fn apply_tells_its_events() {
    let project = network();
    let run = project.ok("apply --auto-approve --json");
    let events: Vec<Json> = run
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let (summary, events) = events.split_last().expect("events");
    assert_eq!(summary["event"], "summary", "{summary}");
    assert!(summary["api_calls"].is_number() || summary["api_calls"].is_object());
    assert!(summary["seconds"].is_number());
    assert!(summary["counts"].is_object());
    for event in events {
        assert!(event["time"].is_string(), "{event}");
        assert!(event["event"].is_string(), "{event}");
    }
    let done: Vec<&str> = events
        .iter()
        .filter(|event| event["event"] == "done")
        .filter_map(|event| event["address"].as_str())
        .collect();
    assert_eq!(done.len(), 3, "{}", run.out);
}

#[test]
fn targets_take_in_what_they_need() {
    let project = network();
    assert_eq!(
        project.actions("--target Subnet"),
        ["create Subnet", "create VPC"]
    );
    assert_eq!(project.actions("--target Gateway"), ["create Gateway"]);
    assert_eq!(
        project.actions("--target us-east-1/net.VPC --target Gateway"),
        ["create Gateway", "create VPC"]
    );
    project.ok("apply --auto-approve --target Subnet");
    assert_eq!(project.actions(""), ["create Gateway"]);
    assert_eq!(project.actions("--target net").len(), 1);
}

#[test]
fn without_refresh_the_state_is_believed() {
    let project = applied();
    behind_its_back(
        &project,
        "ec2.create_tags(Resources=[vpc], Tags=[{'Key': 'Name', 'Value': 'theirs'}])",
    );
    assert_eq!(project.actions(""), ["update VPC"]);
    assert_eq!(project.actions("--no-refresh"), Vec::<String>::new());
    let calls = project.plan("--no-refresh")["api_calls"]["by_operation"].clone();
    let read = calls
        .as_object()
        .expect("a map")
        .keys()
        .any(|call| call.starts_with("ec2:Describe"));
    assert!(!read, "{calls}");
}

#[test]
fn drift_tells_declared_from_undeclared() {
    let project = applied();
    assert_eq!(project.ok("drift --json").json()["drift"], json!([]));
    behind_its_back(
        &project,
        "ec2.create_tags(Resources=[vpc], Tags=[{'Key': 'Name', 'Value': 'theirs'}])\n\
         ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={'Value': True})",
    );
    let drift = project.ok("drift --json").json()["drift"].clone();
    let drift = drift.as_array().expect("a list");
    assert!(
        drift.iter().any(|entry| entry["undeclared"] == false
            && entry["address"] == "us-east-1/net.VPC"
            && entry.to_string().contains("theirs")),
        "{drift:?}"
    );
    assert!(
        drift
            .iter()
            .any(|entry| entry["undeclared"] == true && entry["property"] == "EnableDnsHostnames"),
        "{drift:?}"
    );
    project.fails("drift --detailed-exitcode", 2);
    let text = project.ok("drift").out;
    assert!(text.contains("theirs"), "{text}");
    // Only what is declared is put right.
    let plan = project.plan("");
    assert_eq!(
        plan["changes"].as_array().map(Vec::len),
        Some(1),
        "{plan:#}"
    );
    project.ok("apply --auto-approve");
    let hostnames = behind_its_back(
        &project,
        "print(ec2.describe_vpc_attribute(VpcId=vpc, Attribute='enableDnsHostnames')['EnableDnsHostnames']['Value'])",
    );
    assert_eq!(hostnames.trim(), "True");
}

#[test]
fn what_is_gone_is_made_again() {
    let project = applied();
    behind_its_back(
        &project,
        "for s in ec2.describe_subnets(Filters=[{'Name': 'vpc-id', 'Values': [vpc]}])['Subnets']: ec2.delete_subnet(SubnetId=s['SubnetId'])",
    );
    assert_eq!(project.actions(""), ["create Subnet"]);
    project.ok("apply --auto-approve");
    assert_eq!(project.actions(""), Vec::<String>::new());
}

#[test]
fn outputs_for_people_and_programs() {
    let project = applied();
    let all = project.ok("outputs --json").json();
    let vpc = all["us-east-1/net.Vpc"].as_str().expect("a text");
    assert!(vpc.starts_with("vpc-"), "{all}");
    assert_eq!(project.ok("outputs Vpc").out.trim(), vpc);
    assert_eq!(project.ok("outputs net.Vpc").out.trim(), vpc);
    assert_eq!(project.ok("outputs Vpc --json").json(), json!(vpc));
    assert!(project.ok("outputs").out.contains("Greeting"));
}

#[test]
fn the_state_is_shown_moved_and_forgotten() {
    let project = applied();
    let list = project.ok("state list --json").json();
    let resources = list["resources"].as_array().expect("a list").clone();
    assert_eq!(resources.len(), 3, "{list}");
    let vpc = project.ok("show VPC --json").json();
    assert_eq!(vpc["address"], "us-east-1/net.VPC");
    assert_eq!(vpc["type"], "AWS::EC2::VPC");
    assert_eq!(
        project.ok("state show us-east-1/net.VPC --json").json(),
        vpc
    );
    // Renamed in the template, renamed in the state: nothing changes but the tag.
    project.ok("state mv VPC Network");
    project
        .edit("template.yaml", "  VPC:\n", "  Network:\n")
        .edit("template.yaml", "VpcId: !Ref VPC", "VpcId: !Ref Network")
        .edit("template.yaml", "Value: !Ref VPC", "Value: !Ref Network");
    assert_eq!(project.actions(""), Vec::<String>::new());
    let tag = behind_its_back(
        &project,
        "print(next(t['Value'] for t in ec2.describe_vpcs(VpcIds=[vpc])['Vpcs'][0]['Tags'] if t['Key'] == 'payctl:address'))",
    );
    assert_eq!(tag.trim(), "us-east-1/net.Network");
    project.fails("state mv Network Subnet", 1);
    // Forgotten: AWS keeps it.
    project.ok("state rm Gateway");
    assert_eq!(
        project.ok("state list --json").json()["resources"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    let kept = behind_its_back(
        &project,
        "print(len(ec2.describe_internet_gateways()['InternetGateways']))",
    );
    assert_eq!(kept.trim(), "1");
}

#[test]
fn graphs_in_three_formats() {
    let project = network();
    let dot = project.ok("graph").out;
    assert!(dot.starts_with("digraph") && dot.contains("->"), "{dot}");
    let mermaid = project.ok("graph --format mermaid").out;
    assert!(mermaid.contains("-->"), "{mermaid}");
    let json = project.ok("graph --format json").json();
    assert_eq!(json["nodes"].as_array().map(Vec::len), Some(3), "{json:#}");
    assert_eq!(json["edges"].as_array().map(Vec::len), Some(1), "{json:#}");
    assert_eq!(project.ok("graph --json").json(), json);
}

#[test]
fn schemas_of_types() {
    let project = Project::empty();
    let json = project.ok("schema AWS::EC2::VPC --json").json();
    let vpc = &json["types"]["AWS::EC2::VPC"];
    assert_eq!(vpc["native"], true);
    assert_eq!(vpc["ref"], "VpcId");
    assert!(
        vpc["attributes"]
            .as_array()
            .expect("a list")
            .contains(&json!("DefaultSecurityGroup"))
    );
    let range = &vpc["properties"]["CidrBlock"];
    assert_eq!(range["type"], "string");
    assert_eq!(range["create_only"], true);
    assert_eq!(range["write_only"], false);
    assert_eq!(range["supported"], true);
    assert!(range["note"].is_null());
    assert_eq!(vpc["properties"]["Tags.*.Key"]["required"], true);
    let all = project.ok("schema --json").json();
    assert!(all["types"]["AWS::EC2::Subnet"]["native"] == true);
    let foreign = project.ok("schema AWS::AppStream::Fleet --json").json();
    assert_eq!(foreign["types"]["AWS::AppStream::Fleet"]["native"], false);
    assert!(project.ok("schema AWS::EC2::VPC").out.contains("CidrBlock"));
}

#[test]
fn compare_tells_what_a_plan_would_do() {
    let project = Project::empty();
    project
        .write(
            "declared.json",
            r#"{"CidrBlock": "10.0.0.0/16", "EnableDnsSupport": true}"#,
        )
        .write(
            "same.json",
            r#"{"CidrBlock": "10.0.0.0/16", "EnableDnsSupport": true, "VpcId": "vpc-1", "InstanceTenancy": "default"}"#,
        )
        .write(
            "other.json",
            r#"{"CidrBlock": "10.1.0.0/16", "EnableDnsSupport": false, "EnableDnsHostnames": true}"#,
        );
    let same = project.ok("compare AWS::EC2::VPC declared.json same.json --json");
    assert_eq!(same.json()["changes"], json!([]));
    let other = project
        .fails("compare AWS::EC2::VPC declared.json other.json --json", 2)
        .json();
    assert_eq!(
        other["changes"],
        json!([
            {"property": "CidrBlock", "declared": "10.0.0.0/16", "live": "10.1.0.0/16", "effect": "replace"},
            {"property": "EnableDnsSupport", "declared": true, "live": false, "effect": "update"},
        ])
    );
    assert_eq!(
        other["undeclared"],
        json!([{"property": "EnableDnsHostnames", "live": true}])
    );
    // What only AWS can tell is whatever it is.
    project.write("unknown.json", r#"{"CidrBlock": "__unknown__"}"#);
    project.ok("compare AWS::EC2::VPC unknown.json other.json");
    project.write("absent.json", "{}");
    project.ok("compare AWS::EC2::VPC --not-read CidrBlock --not-read EnableDnsSupport declared.json absent.json");
    project.fails("compare AWS::EC2::VPCC declared.json same.json", 1);
    project.write("broken.json", "{");
    project.fails("compare AWS::EC2::VPC declared.json broken.json", 1);
}

#[test]
fn unlock_and_completions() {
    let project = applied();
    assert_eq!(
        project.ok("unlock --json").json(),
        json!({"unlocked": false})
    );
    project.write(
        ".payctl/state/local.lock",
        r#"{"who":"ann","host":"build-7","pid":4711,"command":"apply","since":"2026-01-02T03:04:05Z"}"#,
    );
    assert_eq!(
        project.ok("unlock --json").json(),
        json!({"unlocked": true})
    );
    // What a dead process noted locks nobody out.
    project.ok("apply --auto-approve");
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            project
                .ok(&format!("completions {shell}"))
                .out
                .contains("payctl")
        );
    }
    project.fails("completions tcsh9", 1);
}

#[test]
fn the_simulated_aws_is_dumped_and_reset() {
    let project = applied();
    let dump = project.ok("sandbox dump").json();
    assert!(dump.to_string().contains("10.0.1.0/24"), "{dump}");
    project.ok("sandbox fail shop:2 --pull");
    project.ok("sandbox fail ledger");
    assert_eq!(
        project.ok("sandbox fail").out,
        "ledger (health)\nshop:2 (pull)\n"
    );
    project.ok("sandbox heal shop:2");
    assert_eq!(project.ok("sandbox fail").out, "ledger (health)\n");
    project.fails("sandbox heal shop:2", 1);
    project.ok("sandbox reset");
    assert!(!project.ok("sandbox dump").out.contains("10.0.1.0/24"));
    assert_eq!(project.ok("sandbox fail").out, "");
    assert_eq!(
        project.actions(""),
        ["create Gateway", "create Subnet", "create VPC"]
    );
    project.ok("apply --auto-approve");
    assert_eq!(project.actions(""), Vec::<String>::new());
}

#[test]
fn the_calls_that_are_told_are_those_that_are_made() {
    let emulator = Emulator::simulated(1000);
    let proxy = Proxy::before(&emulator.url);
    let project = network().at(&proxy.url).environment("dev");
    project.edit("payctl.toml", "[[stack]]", "[env.dev]\n\n[[stack]]");
    project.ok("apply --auto-approve");
    assert!(proxy.mutations() >= 3, "{:?}", proxy.calls());
    proxy.reset();
    let told = project.plan("")["api_calls"].clone();
    let made = proxy.calls();
    assert_eq!(told["total"], made.len(), "{told} {made:?}");
    for (operation, count) in told["by_operation"].as_object().expect("a map") {
        let made = made.iter().filter(|call| *call == operation).count();
        assert_eq!(*count, made, "{operation}");
    }
    assert_eq!(proxy.mutations(), 0, "a plan changes nothing: {made:?}");
}
