//! CDK assemblies as input: stages, names, tags, protection, `synth`, one graph over all stacks, what cannot be used.

use serde_json::{Value as Json, json};

use crate::harness::{Project, Run, seen};

/// An assembly with two stages, as the CDK lays it out: `Shop/Net` exports a VPC, `Shop/App` imports it.
pub fn shop(project: &Project) {
    let stack = |id: &str, name: &str, more: Json| {
        let mut properties = json!({
            "templateFile": format!("{id}.template.json"), "stackName": name, "terminationProtection": false,
        });
        let more = more.as_object().cloned().unwrap_or_default();
        properties.as_object_mut().expect("an object").extend(more);
        json!({
            "type": "aws:cloudformation:stack", "environment": "aws://unknown-account/us-east-1",
            "properties": properties, "displayName": name.replacen('-', "/", 1),
        })
    };
    let root = json!({ "version": "55.0.0", "artifacts": {
        "assembly-Shop": { "type": "cdk:cloud-assembly", "properties": { "directoryName": "assembly-Shop" } },
        "Alone": {
            "type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region",
            "properties": { "templateFile": "Alone.template.json", "parameters": { "Word": "hello" } },
        },
    } });
    let mut app = stack("ShopApp2", "Shop-App", json!({}));
    app["dependencies"] = json!(["ShopNet1"]);
    let stage = json!({ "version": "55.0.0", "artifacts": {
        "ShopNet1": stack("ShopNet1", "Shop-Net", json!({ "tags": { "team": "net", "cost": "1" } })),
        "ShopApp2": app,
    } });
    let alone = json!({
        "Parameters": { "Word": { "Type": "String" } },
        "Resources": {
            "Queue": { "Type": "AWS::SQS::Queue", "Properties": { "QueueName": { "Fn::Sub": "${AWS::StackName}-${Word}" } } },
            "CDKMetadata": { "Type": "AWS::CDK::Metadata", "Properties": { "Analytics": "v2:deflate64:x" } },
        },
    });
    let net = json!({
        "Resources": {
            "Vpc8378EB38": {
                "Type": "AWS::EC2::VPC", "Properties": { "CidrBlock": "10.0.0.0/16" },
                "Metadata": { "aws:cdk:path": "Shop/Net/Vpc/Resource" },
            },
            "Subnet": { "Type": "AWS::EC2::Subnet", "Properties": { "VpcId": { "Ref": "Vpc8378EB38" }, "CidrBlock": "10.0.0.0/24" } },
            "Address": { "Type": "AWS::EC2::EIP", "Properties": { "Domain": "vpc" } },
            "Gateway": { "Type": "AWS::EC2::InternetGateway" },
            "Attachment": {
                "Type": "AWS::EC2::VPCGatewayAttachment",
                "Properties": { "VpcId": { "Ref": "Vpc8378EB38" }, "InternetGatewayId": { "Ref": "Gateway" } },
            },
            // Takes minutes: nobody in the other stack needs it.
            "Nat": {
                "Type": "AWS::EC2::NatGateway", "DependsOn": ["Attachment"],
                "Properties": { "SubnetId": { "Ref": "Subnet" }, "AllocationId": { "Fn::GetAtt": ["Address", "AllocationId"] } },
            },
        },
        "Outputs": { "ExportsOutputRefVpc8378EB38": {
            "Value": { "Ref": "Vpc8378EB38" }, "Export": { "Name": "Shop-Net:ExportsOutputRefVpc8378EB38" },
        } },
    });
    let app = json!({
        "Resources": {
            "Group": {
                "Type": "AWS::EC2::SecurityGroup",
                "Properties": {
                    "GroupDescription": { "Fn::Sub": "${AWS::StackName} of the shop" },
                    "VpcId": { "Fn::ImportValue": "Shop-Net:ExportsOutputRefVpc8378EB38" },
                },
            },
            "Topic": { "Type": "AWS::SNS::Topic" },
        },
    });
    for (name, content) in [
        ("manifest.json", root),
        ("Alone.template.json", alone),
        ("assembly-Shop/manifest.json", stage),
        ("assembly-Shop/ShopNet1.template.json", net),
        ("assembly-Shop/ShopApp2.template.json", app),
    ] {
        let text = serde_json::to_string_pretty(&content).expect("JSON");
        project.write(&format!("cdk.out/{name}"), &text);
    }
    project.write("cdk.out/cdk.out", "{\"version\":\"55.0.0\"}");
}

const PROJECT: &str = "assembly = \"cdk.out\"\n\n[project]\nname = \"shop\"\ndefault-env = \"local\"\n\n\
    [env.local]\nsandbox = true\ntags = { team = \"all\", owner = \"shop\" }\n";

fn project() -> Project {
    let project = Project::empty();
    project.write("payctl.toml", PROJECT);
    shop(&project);
    project
}

/// The events of a run, in their order.
fn events(run: &Run) -> Vec<Json> {
    let line =
        |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    run.out.lines().map(line).collect()
}

#[test]
fn all_stacks_are_one_graph() {
    let project = project();
    project.ok("validate");
    let graph = project.ok("graph --json").json();
    assert_eq!(
        graph["nodes"].as_array().expect("nodes").len(),
        9,
        "{graph}"
    );
    let events = events(&project.ok("apply --auto-approve --json"));
    let at = |event: &str, of: &dyn Fn(&str) -> bool| -> Vec<usize> {
        let found = events
            .iter()
            .enumerate()
            .filter(|(_, line)| line["event"] == event && line["address"].as_str().is_some_and(of));
        found.map(|(index, _)| index).collect()
    };
    // CloudFormation would wait for the whole of the network before it begins with the app.
    let group = at("started", &|address| address == "us-east-1/Shop-App.Group");
    let vpc = at("accepted", &|address| {
        address == "us-east-1/Shop-Net.Vpc8378EB38"
    });
    let net = at("done", &|address| {
        address.starts_with("us-east-1/Shop-Net.")
    });
    assert!(vpc[0] < group[0], "{events:#?}");
    assert!(
        group[0] < *net.last().expect("the network is done"),
        "{events:#?}"
    );
    assert_eq!(project.actions(""), Vec::<String>::new());
    project.ok("drift --detailed-exitcode");
}

#[test]
fn names_tags_and_parameters_are_the_assemblys() {
    let project = project();
    project.ok("apply --auto-approve");
    let shown = |address: &str| project.ok(&format!("show {address} --json")).json();
    assert_eq!(
        shown("Alone.Queue")["attributes"]["QueueName"],
        "Alone-hello"
    );
    assert_eq!(
        shown("Shop-App.Group")["attributes"]["GroupDescription"],
        "Shop-App of the shop"
    );
    let tags = |address: &str| -> Vec<String> {
        let shown = shown(address);
        let tags = shown["attributes"]["Tags"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let tag = |tag: &Json| {
            let text = |key: &str| tag[key].as_str().unwrap_or_default().to_owned();
            format!("{}={}", text("Key"), text("Value"))
        };
        let mut tags: Vec<String> = tags
            .iter()
            .map(tag)
            .filter(|tag| !tag.starts_with("payctl:"))
            .collect();
        tags.sort();
        tags
    };
    // The stack's tags come before the environment's.
    assert_eq!(
        tags("Shop-Net.Subnet"),
        ["cost=1", "owner=shop", "team=net"]
    );
    assert_eq!(tags("Shop-App.Group"), ["owner=shop", "team=all"]);
    // A tag that the app gives up goes.
    project.edit(
        "cdk.out/assembly-Shop/manifest.json",
        "\"cost\": \"1\",",
        "",
    );
    let plan = project.plan("");
    assert_eq!(plan["summary"]["update"], 5, "{plan}");
    project.ok("apply --auto-approve");
    assert_eq!(tags("Shop-Net.Subnet"), ["owner=shop", "team=net"]);
    // A parameter of the command line, or of payctl.toml, goes before the assembly's.
    assert_eq!(project.actions("--parameter Word=bye"), ["replace Queue"]);
    project.edit(
        "payctl.toml",
        "sandbox = true\n",
        "sandbox = true\nparameters = { Word = \"env\" }\n",
    );
    assert_eq!(project.actions(""), ["replace Queue"]);
}

#[test]
fn stacks_are_chosen_by_name_path_and_pattern() {
    let project = project();
    let net = [
        "create Address",
        "create Attachment",
        "create Gateway",
        "create Nat",
        "create Subnet",
        "create Vpc8378EB38",
    ];
    for target in ["Shop-Net", "us-east-1/Shop-Net", "Shop/Net", "Shop/N*"] {
        assert_eq!(
            project.actions(&format!("--target {target}")),
            net,
            "{target}"
        );
    }
    // A stack comes with what it needs of others, and no more.
    assert_eq!(
        project.actions("--target Shop-App"),
        ["create Group", "create Topic", "create Vpc8378EB38"]
    );
    project.ok("apply --auto-approve --target Alone");
    assert_eq!(project.actions("--target Alone"), Vec::<String>::new());
    assert_eq!(project.plan("")["summary"]["create"], 8);
    // The environment may take some of the stacks only.
    project.edit(
        "payctl.toml",
        "assembly = \"cdk.out\"\n",
        "assembly = \"cdk.out\"\nstacks = [\"Alone\", \"Shop/Net\"]\n",
    );
    assert_eq!(project.plan("")["summary"]["create"], 6);
}

#[test]
fn destroying_needs_no_assembly_and_heeds_its_protection() {
    let project = project();
    let (file, off, on) = (
        "cdk.out/assembly-Shop/manifest.json",
        "\"stackName\": \"Shop-App\",\n        \"templateFile\": \"ShopApp2.template.json\",\n        \"terminationProtection\": false",
        "\"stackName\": \"Shop-App\",\n        \"templateFile\": \"ShopApp2.template.json\",\n        \"terminationProtection\": true",
    );
    project.edit(file, off, on);
    project.ok("apply --auto-approve");
    let refused = project.fails("destroy --auto-approve", 1);
    insta::assert_snapshot!(
        "protected_stack",
        refused.err.split("\n\n").last().unwrap_or_default()
    );
    // What does not touch the stack may go, and with it what needs it, which does.
    project.ok("destroy --auto-approve --target Alone");
    project.fails("destroy --auto-approve --target Shop-Net", 1);
    // A stack that the app gives up is not lost by the way.
    let stage = project.read(file);
    project.write(
        "payctl.toml",
        &PROJECT.replace("cdk.out\"\n", "cdk.out\"\nstacks = [\"Shop/Net\"]\n"),
    );
    let refused = project.fails("apply --auto-approve", 1);
    assert!(
        refused.err.contains("the stack us-east-1/Shop-App has"),
        "{}",
        refused.err
    );
    // Once it is off and applied, all of it goes, without the app.
    project
        .write("payctl.toml", PROJECT)
        .write(file, &stage)
        .edit(file, on, off);
    project.ok("apply --auto-approve");
    std::fs::remove_dir_all(project.path("cdk.out")).expect("a folder");
    for command in ["state list", "show", "outputs", "drift", "plan --destroy"] {
        project.ok(command);
    }
    project.ok("destroy --auto-approve");
    assert!(project.ok("state list").out.contains("no resources"));
}

#[test]
fn synth_runs_when_a_source_is_younger_and_only_then() {
    let project = Project::empty();
    shop(&project);
    std::fs::rename(project.path("cdk.out"), project.path(".made")).expect("a folder");
    project.write("app.py", "").write(
        "payctl.toml",
        &PROJECT.replace("cdk.out\"\n", "cdk.out\"\nsynth = \"echo making; cp -R .made/. cdk.out && touch cdk.out/manifest.json\"\n"),
    );
    std::fs::create_dir(project.path("cdk.out")).expect("a folder");
    for command in ["state list", "show", "outputs", "plan --destroy"] {
        assert!(!project.ok(command).err.contains("making"), "{command}");
    }
    let first = project.ok("plan --json");
    assert!(first.err.contains("making"), "{}", first.err);
    assert_eq!(first.json()["summary"]["create"], 9);
    assert!(!project.ok("validate").err.contains("making"));
    std::thread::sleep(std::time::Duration::from_millis(20));
    project.write("app.py", "changed");
    // A saved plan is carried out as it was made.
    project.ok("plan --out saved.plan");
    std::thread::sleep(std::time::Duration::from_millis(20));
    project.write("app.py", "changed again");
    assert!(!project.ok("apply saved.plan").err.contains("making"));
    let again = project.ok("graph --json");
    assert!(
        again.err.contains("app.py is younger than the assembly"),
        "{}",
        again.err
    );
    // A command that fails is told with its words, and nothing is planned.
    std::thread::sleep(std::time::Duration::from_millis(20));
    project.edit(
        "payctl.toml",
        "echo making; cp",
        "echo no such module; false && cp",
    );
    let failed = project.fails("plan", 1);
    assert!(failed.err.contains("no such module"), "{}", failed.err);
    assert!(failed.err.contains("exit status: 1"), "{}", failed.err);
    assert_eq!(failed.out, "");
}

#[test]
fn an_assembly_alone_is_enough() {
    let project = Project::empty();
    shop(&project);
    project.ok("validate --assembly cdk.out");
    let plan = project.plan("--assembly cdk.out --env local");
    assert_eq!(plan["summary"]["create"], 9);
    project.ok("apply --assembly cdk.out --env local --auto-approve");
    // Beside the assembly, which the next synthesis may remove.
    assert!(project.path(".payctl/state/local.json").exists());
    assert_eq!(
        project.actions("--assembly cdk.out --env local"),
        Vec::<String>::new()
    );
    project.ok("destroy --assembly cdk.out --env local --auto-approve");
    project.fails("plan --assembly cdk.out --template x.yaml", 1);
}

#[test]
fn an_app_for_an_account_runs_in_the_simulated_aws_as_that_account() {
    let project = project();
    project.edit("cdk.out/manifest.json", "unknown-account", "111122223333");
    project.ok("apply --auto-approve");
    let queue = project.ok("show Alone.Queue --json").json();
    let arn = queue["attributes"]["Arn"].as_str().unwrap_or_default();
    assert_eq!(arn, "arn:aws:sqs:us-east-1:111122223333:Alone-hello");
    // Afterwards the environment is of this account, also for whoever reads no assembly.
    project.ok("drift --detailed-exitcode");
    project.edit("cdk.out/manifest.json", "111122223333", "444455556666");
    let other = project.fails("plan", 1);
    insta::assert_snapshot!("another_account", other.err);
    project.ok("destroy --auto-approve");
}

#[test]
fn what_cannot_be_used_is_refused_with_what_to_do() {
    let mut messages = Vec::new();
    let mut wrong = |project: &Project, arguments: &str| {
        let run = project.fails(arguments, 1);
        messages.push(format!("$ payctl {arguments}\n{}", seen(project, &run.err)));
    };
    let gone = Project::empty();
    gone.write("payctl.toml", PROJECT);
    wrong(&gone, "plan");
    let twice = project();
    twice.edit(
        "cdk.out/assembly-Shop/manifest.json",
        "\"stackName\": \"Shop-App\"",
        "\"stackName\": \"Shop-Net\"",
    );
    wrong(&twice, "plan");
    let both = project();
    both.write("t.yaml", "Resources: {T: {Type: AWS::SNS::Topic}}\n");
    both.write("payctl.toml", &format!("{PROJECT}\n[[stack]]\nname = \"Alone\"\ntemplate = \"t.yaml\"\nregion = \"us-east-1\"\n"));
    wrong(&both, "plan");
    let template = project();
    std::fs::remove_file(template.path("cdk.out/Alone.template.json")).expect("a file");
    wrong(&template, "validate");
    let mistake = project();
    mistake.edit(
        "cdk.out/assembly-Shop/ShopNet1.template.json",
        "\"CidrBlock\": \"10.0.0.0/16\"",
        "\"CidrBlok\": \"10.0.0.0/16\"",
    );
    wrong(&mistake, "validate");
    let context = project();
    context.edit(
        "cdk.out/manifest.json",
        "\"version\": \"55.0.0\"",
        "\"version\": \"55.0.0\",\n  \"missing\": [{\"key\": \"vpc-provider:x\", \"provider\": \"vpc-provider\", \"props\": {}}]",
    );
    wrong(&context, "plan");
    wrong(&project(), "plan --target Shop/Network");
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn templates_and_an_assembly_stand_side_by_side() {
    let project = project();
    project.write(
        "extra.yaml",
        "Resources:\n  Group:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      GroupDescription: extra\n      \
         VpcId: !ImportValue Shop-Net:ExportsOutputRefVpc8378EB38\n",
    );
    project.write("payctl.toml", &format!("{PROJECT}\n[[stack]]\nname = \"extra\"\ntemplate = \"extra.yaml\"\nregion = \"us-east-1\"\n"));
    assert_eq!(
        project.actions("--target extra"),
        ["create Group", "create Vpc8378EB38"]
    );
    assert_eq!(project.plan("")["summary"]["create"], 10);
}

#[test]
fn init_takes_a_cdk_app() {
    let project = Project::empty();
    project
        .write("cdk.json", "{\"app\": \"python3 app.py\"}")
        .write("other.yaml", "Resources: {T: {Type: AWS::SNS::Topic}}\n");
    project.ok("init --name shop");
    insta::assert_snapshot!("init_of_a_cdk_app", project.read("payctl.toml"));
    shop(&project);
    project.edit(
        "payctl.toml",
        "synth = \"npx cdk synth --quiet\"\n",
        "synth = \"false\"\n",
    );
    std::thread::sleep(std::time::Duration::from_millis(20));
    let manifest = project.read("cdk.out/manifest.json");
    project.write("cdk.out/manifest.json", &manifest);
    assert_eq!(project.plan("")["summary"]["create"], 9);
}
