//! What a project may be: a template alone, a folder elsewhere, several stacks in several regions.

use crate::commands::{NETWORK, network};
use crate::harness::Project;
use crate::harness::emulator::Emulator;

#[test]
fn a_template_alone_is_enough() {
    let project = Project::empty();
    project.write("net.yaml", NETWORK);
    project.ok("validate --template net.yaml");
    let plan = project.plan("--template net.yaml --env local");
    assert_eq!(plan["environment"], "local");
    assert_eq!(plan["summary"]["create"], 3);
    project.ok("apply --template net.yaml --env local --auto-approve --parameter Name=alone");
    assert_eq!(
        project
            .ok("outputs Greeting --template net.yaml --env local")
            .out
            .trim(),
        "hello alone"
    );
    project.ok("destroy --template net.yaml --env local --auto-approve");
}

#[test]
fn the_region_may_come_from_the_profile() {
    let emulator = Emulator::simulated(1000);
    let project = Project::empty();
    project.write("net.yaml", NETWORK);
    let project = project.at(&emulator.url);
    let none = project.fails("plan --template net.yaml", 1);
    assert!(none.err.contains("has no region"), "{}", none.err);
    project.write(".aws/config", "[default]\nregion = eu-west-1\n");
    let plan = project.plan("--template net.yaml");
    assert_eq!(plan["changes"][0]["region"], "eu-west-1");
}

#[test]
fn another_folder_is_as_good() {
    let project = network();
    let elsewhere = Project::empty();
    let folder = project.path("");
    let folder = folder.to_string_lossy();
    elsewhere.ok(&format!("-C {folder} apply --auto-approve"));
    assert!(project.path(".payctl/state/local.json").exists());
    // payctl.toml is found from below, too.
    std::fs::create_dir(project.path("deep")).expect("a folder");
    let below = elsewhere
        .ok(&format!("-C {folder}/deep plan --json"))
        .json();
    assert_eq!(below["summary"]["noop"], 3);
}

const TWO: &str = r#"[project]
name = "shop"
default-env = "local"

[env.local]
sandbox = true

[[stack]]
name = "app"
template = "app.yaml"
region = "us-east-1"

[[stack]]
name = "net"
template = "template.yaml"
region = "us-east-1"

[[stack]]
name = "net"
template = "template.yaml"
region = "us-west-2"
parameters = { Name = "standby" }
"#;

const APP: &str = r#"Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: web
      VpcId: !ImportValue shop-vpc
"#;

#[test]
fn stacks_and_regions_are_one_graph() {
    let project = Project::empty();
    project
        .write("payctl.toml", TWO)
        .write("template.yaml", NETWORK)
        .write("app.yaml", APP);
    project.edit(
        "template.yaml",
        "    Value: !Ref VPC\n",
        "    Value: !Ref VPC\n    Export: {Name: shop-vpc}\n",
    );
    assert_eq!(project.plan("")["summary"]["create"], 7);
    // The importer needs the exporter of its own region only.
    assert_eq!(
        project.actions("--target Group"),
        ["create Group", "create VPC"]
    );
    assert_eq!(project.actions("--target us-west-2/net").len(), 3);
    assert_eq!(project.actions("--region us-west-2").len(), 3);
    project.ok("apply --auto-approve");
    assert_eq!(project.actions(""), Vec::<String>::new());
    // Addresses are as short as they can be.
    project.ok("show Group");
    project.fails("show VPC", 1);
    project.ok("show us-west-2/net.VPC");
    let outputs = project.ok("outputs --json").json();
    assert_ne!(
        outputs["us-east-1/net.Vpc"], outputs["us-west-2/net.Vpc"],
        "{outputs}"
    );
    assert_eq!(outputs["us-west-2/net.Greeting"], "hello standby");
    assert_eq!(
        project.ok("show Group --json").json()["attributes"]["VpcId"],
        outputs["us-east-1/net.Vpc"]
    );
    // An export that another stack imports cannot just go: the replacement takes the importer along.
    project.edit("template.yaml", "10.0.0.0/16", "10.0.0.0/17");
    let actions = project.actions("--region us-east-1");
    assert!(actions.contains(&"replace VPC".to_owned()), "{actions:?}");
    assert!(actions.contains(&"replace Group".to_owned()), "{actions:?}");
    project.ok("apply --auto-approve");
    assert_eq!(project.actions(""), Vec::<String>::new());
    project.ok("destroy --auto-approve");
    assert_eq!(project.plan("")["summary"]["create"], 7);
}
