//! The platform `multi-tier`, as a template and as a CDK app: planned, applied, changed, deployed blue/green and destroyed.

use std::path::Path;

use serde_json::json;

use crate::harness::emulator::Emulator;
use crate::harness::{Project, cloud};

/// How many resources the template declares.
const RESOURCES: usize = 112;

/// The platform with one change to its template.
struct Edit {
    what: &'static str,
    from: &'static str,
    to: &'static str,
    /// What the plan must say, as `action LogicalId`.
    actions: &'static [&'static str],
}

const EDITS: &[Edit] = &[
    Edit {
        what: "an alarm's threshold",
        from: "Threshold: 1\n",
        to: "Threshold: 2\n",
        actions: &["update ResponseTimeAlarm"],
    },
    Edit {
        what: "who may be scaled how far",
        from: "MaxCapacity: 10\n      RoleARN",
        to: "MaxCapacity: 12\n      RoleARN",
        actions: &[
            "update NotificationServiceScaling",
            "update PaymentApiScaling",
            "update TransactionProcessorScaling",
        ],
    },
    Edit {
        what: "how traffic shifts from now on",
        from: "CodeDeployDefault.ECSLinear10PercentEvery1Minutes",
        to: "CodeDeployDefault.ECSCanary10Percent5Minutes",
        actions: &[
            "update NotificationServiceDeploymentGroup",
            "update PaymentApiDeploymentGroup",
            "update TransactionProcessorDeploymentGroup",
        ],
    },
    Edit {
        what: "a subnet's range: a new subnet, and everything moves there",
        from: "CidrBlock: 10.0.3.0/24",
        to: "CidrBlock: 10.0.43.0/24",
        actions: &[
            "replace NatGateway3",
            "replace PublicSubnet3",
            "replace PublicSubnet3Routes",
            "update LoadBalancer",
            "update PrivateDefaultRoute3",
        ],
    },
];

/// Nothing to do and nothing drifted.
fn is_settled(project: &Project, what: &str) {
    let plan = project.plan("");
    assert_eq!(plan["changes"], json!([]), "after {what}");
    assert_eq!(plan["drift"], json!([]), "after {what}");
}

fn lifecycle(project: &Project) {
    assert_eq!(project.plan("")["summary"]["create"], RESOURCES);
    project.ok("apply --auto-approve");
    is_settled(project, "the first apply");
    for edit in EDITS {
        project.edit("template.yaml", edit.from, edit.to);
        assert_eq!(project.actions(""), edit.actions, "{}", edit.what);
        project.ok("apply --auto-approve");
        is_settled(project, edit.what);
    }
}

#[test]
fn lives_and_dies_in_the_simulated_aws() {
    let project = Project::platform("multi-tier");
    lifecycle(&project);
    // A new image is a deployment, after which service and rule point elsewhere.
    project.edit(
        "template.yaml",
        "Default: public.ecr.aws/docker/library/nginx:1.27\n    Description: What payment-api",
        "Default: public.ecr.aws/docker/library/nginx:1.29\n    Description: What payment-api",
    );
    assert_eq!(
        project.actions(""),
        ["deploy PaymentApiService", "replace PaymentApiTask"]
    );
    project.ok("apply --auto-approve");
    is_settled(&project, "a deployment");
    project.ok("destroy --auto-approve");
    let served = Emulator::world_of(&project);
    cloud::assert_empty(&served.url);
}

/// A copy of a synthesized app.
fn app(name: &str, folder: &str) -> Project {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).expect("a folder");
        for entry in std::fs::read_dir(from).expect("the app's folder") {
            let entry = entry.expect("an entry");
            match entry.file_type().expect("a type").is_dir() {
                true => copy(&entry.path(), &to.join(entry.file_name())),
                false => {
                    std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
                }
            }
        }
    }
    let project = Project::empty();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    copy(&source.join("cdk.out"), &project.path("cdk.out"));
    project.write(
        "payctl.toml",
        &format!("[project]\nname = \"{name}\"\ndefault-env = \"local\"\n[env.local]\nsandbox = true\nassembly = \"cdk.out\"\n"),
    );
    project
}

#[test]
fn the_cdk_app_runs_unchanged() {
    let project = app("payments", "platforms/multi-tier-cdk");
    let template = "cdk.out/multi-tier-dev.template.json";
    project.ok("apply --auto-approve");
    is_settled(&project, "the first apply");
    // The app names the family; a new image is a deployment all the same.
    project.edit(template, "library/nginx:1.27", "library/nginx:1.29");
    let actions = project.actions("");
    let deployed = actions
        .iter()
        .filter(|one| one.starts_with("deploy "))
        .count();
    let replaced = actions
        .iter()
        .filter(|one| one.starts_with("replace "))
        .count();
    assert_eq!(
        (deployed, replaced, actions.len()),
        (3, 3, 6),
        "{actions:?}"
    );
    project.ok("apply --auto-approve");
    is_settled(&project, "the deployments");
    project.ok("destroy --auto-approve");
    let served = Emulator::world_of(&project);
    cloud::assert_empty(&served.url);
}

/// Stacks, stages, nested stacks, assets, custom resources, and types of many services.
#[test]
fn an_app_with_all_that_an_assembly_can_hold_runs_unchanged() {
    let project = app("zoo", "tests/e2e/assemblies/zoo");
    project.ok("apply --auto-approve");
    is_settled(&project, "the first apply");
    // One of its stacks has termination protection.
    project.fails("destroy --auto-approve", 1);
    project.ok("destroy --auto-approve --allow-destructive");
    // Log groups that the app keeps: their removal policy is the CDK's default.
    let served = Emulator::world_of(&project);
    let left = cloud::left_over(&served.url);
    assert_eq!(left.len(), 2, "{left:?}");
    for one in left {
        assert!(one.starts_with("us-east-1 log group "), "{one}");
    }
}

#[test]
fn lives_and_dies_on_moto() {
    let moto = Emulator::moto();
    let project = Project::platform("multi-tier")
        .at(&moto.url)
        .environment("dev");
    lifecycle(&project);
    project.ok("destroy --auto-approve");
    cloud::assert_empty(&moto.url);
}

/// What an app does on moto, which can neither deploy nor run functions: it is made, stays as it is, and goes.
#[test]
fn the_cdk_app_lives_on_moto() {
    let moto = Emulator::moto();
    let project = app("payments", "platforms/multi-tier-cdk").at(&moto.url);
    project.write(
        "payctl.toml",
        "[project]\nname = \"payments\"\ndefault-env = \"dev\"\n[env.dev]\nassembly = \"cdk.out\"\n",
    );
    project.ok("apply --auto-approve");
    is_settled(&project, "the first apply");
    project.ok("destroy --auto-approve");
    cloud::assert_empty(&moto.url);
}
