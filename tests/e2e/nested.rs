//! Nested stacks at the command line: where their templates are found, how their resources are named, what is said of mistakes.

use crate::harness::{Project, seen};

const SHOP: &str = "Resources:
  Network:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: parts/network.yaml}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: shop, VpcId: !GetAtt Network.Outputs.VpcId}
  Topic: {Type: AWS::SNS::Topic}
Outputs:
  Name: {Value: !GetAtt Topic.TopicName}
";

const NETWORK: &str = "Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.7.0.0/16}}
  Messages: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: messages.yaml}}
Outputs:
  VpcId: {Value: !Ref Vpc}
  Name: {Value: !GetAtt Messages.Outputs.Name}
";

const MESSAGES: &str = "Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 1}}
Outputs:
  Name: {Value: !GetAtt Queue.QueueName}
";

const PROJECT: &str = "[project]
name = \"shop\"
default-env = \"local\"
[env.local]
sandbox = true
[[stack]]
name = \"shop\"
template = \"shop.yaml\"
region = \"us-east-1\"
";

fn shop() -> Project {
    let project = Project::empty();
    project
        .write("payctl.toml", PROJECT)
        .write("shop.yaml", SHOP)
        .write("parts/network.yaml", NETWORK)
        .write("parts/messages.yaml", MESSAGES);
    project
}

#[test]
fn every_command_knows_nested_stacks() {
    let project = shop();
    assert_eq!(
        project.ok("validate").out.trim(),
        "valid: 4 resources in 1 stacks"
    );
    let graph = project.ok("graph --json").json();
    let edge = &graph["edges"][0];
    assert_eq!(edge["from"], "us-east-1/shop/Network.Vpc", "{graph:#}");
    assert_eq!(edge["to"], "us-east-1/shop.Group", "{graph:#}");
    assert_eq!(project.plan("")["summary"]["create"], 4);
    // A nested stack is named like a stack or like a resource; a stack takes those in that are nested in it.
    for target in ["shop/Network", "us-east-1/shop/Network", "shop.Network"] {
        let actions = project.actions(&format!("--target {target}"));
        assert_eq!(actions, ["create Queue", "create Vpc"], "{target}");
    }
    assert_eq!(
        project.actions("--target shop/Network/Messages"),
        ["create Queue"]
    );
    assert_eq!(project.actions("--target shop").len(), 4);
    project.ok("apply --auto-approve");
    assert_eq!(project.actions(""), Vec::<String>::new());

    let queue = project.ok("show Queue --json").json();
    assert_eq!(
        queue["address"], "us-east-1/shop/Network/Messages.Queue",
        "{queue:#}"
    );
    let name = queue["attributes"]["QueueName"].as_str().expect("a name");
    assert!(
        name.starts_with("shop-local-shop-Network-Messages-Queue-"),
        "{name}"
    );
    assert!(
        project
            .ok("state list")
            .out
            .contains("shop/Network/Messages.Queue")
    );
    let outputs = project.ok("outputs --json").json();
    assert_eq!(outputs["us-east-1/shop/Network.Name"], name, "{outputs:#}");
    assert_eq!(project.ok("outputs shop/Network.Name").out.trim(), name);
    // A name alone is the stack's own output.
    assert_ne!(project.ok("outputs Name").out.trim(), name);

    // A plan that was saved is of the nested templates too.
    project.edit("parts/messages.yaml", "DelaySeconds: 1", "DelaySeconds: 2");
    assert_eq!(project.actions(""), ["update Queue"]);
    project.ok("plan --out shop.plan");
    project.edit("parts/messages.yaml", "DelaySeconds: 2", "DelaySeconds: 3");
    let stale = project.fails("apply shop.plan", 1);
    assert!(
        stale.err.contains("us-east-1/shop/Network/Messages"),
        "{}",
        stale.err
    );
    project.edit("parts/messages.yaml", "DelaySeconds: 3", "DelaySeconds: 2");
    project.ok("apply shop.plan");
    assert_eq!(project.actions(""), Vec::<String>::new());

    let schema = project
        .ok("schema AWS::CloudFormation::Stack --json")
        .json();
    let schema = &schema["types"]["AWS::CloudFormation::Stack"];
    assert_eq!(
        schema["properties"]["Parameters"]["supported"], true,
        "{schema:#}"
    );
    assert_eq!(schema["properties"]["NotificationARNs"]["supported"], false);
    project.ok("destroy --auto-approve");
    assert_eq!(project.plan("")["summary"]["create"], 4);
}

/// What the CDK writes: a URL to where it publishes the template, and beside it perhaps which file that is.
#[test]
fn the_template_is_found_as_the_cdk_names_it() {
    let url = "{'Fn::Join': ['', ['https://s3.us-east-1.', {Ref: 'AWS::URLSuffix'}, '/', {'Fn::Sub': 'cdk-hnb659fds-assets-${AWS::AccountId}-us-east-1'}, '/0a1b.json']]}";
    let project = shop();
    project.edit(
        "shop.yaml",
        "TemplateURL: parts/network.yaml",
        &format!("TemplateURL: {url}"),
    );
    let none = project.fails("validate", 1);
    assert!(none.err.contains("`/0a1b.json`"), "{}", none.err);
    // By the manifest of the assets, which stands beside the parent's template.
    project.write(
        "shop.assets.json",
        r#"{"version": "36.0.0", "files": {"0a1b": {"source": {"path": "parts/network.yaml", "packaging": "file"}, "destinations": {"d": {"bucketName": "b", "objectKey": "0a1b.json", "region": "us-east-1"}}}}, "dockerImages": {}}"#,
    );
    assert_eq!(project.plan("")["summary"]["create"], 4);
    // By what is noted beside it.
    std::fs::remove_file(project.path("shop.assets.json")).expect("it was written");
    let noted = "  Network:\n    Metadata: {'aws:asset:path': parts/network.yaml, 'aws:asset:property': TemplateURL}\n";
    project.edit("shop.yaml", "  Network:\n", noted);
    assert_eq!(project.plan("")["summary"]["create"], 4);
}

#[test]
fn mistakes_are_explained_where_they_stand() {
    let told = |file: &str, from: &str, to: &str| {
        let project = shop();
        project.edit(file, from, to);
        let run = project.fails("validate", 1);
        for line in run.err.lines() {
            // A line of the template is shown as it is, however long, and what is under it stands as far to the right.
            let source = line.contains(['│', '·']);
            assert!(source || line.chars().count() <= 80, "{line}");
        }
        seen(&project, &run.err)
    };
    insta::assert_snapshot!(
        "nested_no_such_file",
        told("parts/network.yaml", "messages.yaml", "message.yaml")
    );
    insta::assert_snapshot!(
        "nested_url",
        told(
            "shop.yaml",
            "parts/network.yaml",
            "'https://templates.s3.amazonaws.com/network.yaml'"
        )
    );
    insta::assert_snapshot!(
        "nested_computed",
        told(
            "shop.yaml",
            "parts/network.yaml",
            "!Select [0, !Split [',', !Ref AWS::StackName]]"
        )
    );
    insta::assert_snapshot!(
        "nested_in_itself",
        told(
            "parts/messages.yaml",
            "Outputs:",
            "  Again: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ../shop.yaml}}\nOutputs:"
        )
    );
    insta::assert_snapshot!(
        "nested_mistake_within",
        told("parts/messages.yaml", "DelaySeconds: 1", "DelaySecond: 1")
    );
    insta::assert_snapshot!(
        "nested_output",
        told(
            "shop.yaml",
            "Network.Outputs.VpcId",
            "Network.Outputs.VpcID"
        )
    );
    insta::assert_snapshot!(
        "nested_parameter",
        told(
            "shop.yaml",
            "TemplateURL: parts/network.yaml",
            "TemplateURL: parts/network.yaml, Parameters: {Cidr: 10.0.0.0/8}"
        )
    );
    insta::assert_snapshot!("nested_schema_of_what_is_given", {
        let project = shop();
        project
            .edit(
                "parts/messages.yaml",
                "DelaySeconds: 1",
                "DelaySeconds: !Ref Delay",
            )
            .edit(
                "parts/messages.yaml",
                "Resources:",
                "Parameters: {Delay: {Type: String}}\nResources:",
            )
            .edit(
                "parts/network.yaml",
                "TemplateURL: messages.yaml",
                "TemplateURL: messages.yaml, Parameters: {Delay: soon}",
            );
        seen(&project, &project.fails("validate", 1).err)
    });
}
