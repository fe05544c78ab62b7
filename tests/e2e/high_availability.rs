//! The platform `high-availability`: planned, applied, changed and destroyed.

use crate::harness::emulator::Emulator;
use crate::harness::proxy::Proxy;
use crate::harness::{Project, cloud};

/// How many resources the template declares.
const RESOURCES: usize = 54;

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
        from: "Threshold: 6",
        to: "Threshold: 5",
        actions: &["update RunningTasksAlarm"],
    },
    Edit {
        what: "a tag",
        from: "Value: !Sub 'vpc-${EnvironmentSuffix}'",
        to: "Value: !Sub 'payments-vpc-${EnvironmentSuffix}'",
        actions: &["update VPC"],
    },
    Edit {
        what: "the container image: a new revision, and the service moves to it",
        from: "Default: nginx:latest",
        to: "Default: nginx:1.29",
        actions: &["replace TaskDefinition", "update Service"],
    },
    Edit {
        what: "the task count, although auto scaling owns it from then on",
        from: "DesiredCount: 6",
        to: "DesiredCount: 5",
        actions: &["update Service"],
    },
    Edit {
        what: "a subnet's range: a new subnet, and everything moves there",
        from: "CidrBlock: 10.0.3.0/24",
        to: "CidrBlock: 10.0.33.0/24",
        actions: &[
            "replace PublicSubnet3",
            "replace PublicSubnet3Routes",
            "update LoadBalancer",
        ],
    },
    Edit {
        what: "the target group's port: its name is taken, so the old one goes first",
        from: "Port: 80\n      HealthCheckPath",
        to: "Port: 8080\n      HealthCheckPath",
        actions: &[
            "replace Listener",
            "replace TargetGroup",
            "update Dashboard",
            "update Service",
            "update UnhealthyHostsAlarm",
        ],
    },
    Edit {
        what: "the scaling's lower bound",
        from: "MinCapacity: 6",
        to: "MinCapacity: 5",
        actions: &["update ServiceScaling"],
    },
];

/// Applied, planned again, changed and destroyed, on any emulator.
fn lifecycle(project: &Project) {
    let plan = project.plan("");
    assert_eq!(plan["summary"]["create"], RESOURCES);
    project.ok("apply --auto-approve");

    let again = project.plan("");
    assert_eq!(
        again["changes"],
        serde_json::json!([]),
        "a second plan has no change"
    );
    assert_eq!(again["summary"]["noop"], RESOURCES);
    assert_eq!(again["drift"], serde_json::json!([]));
    let calls = again["api_calls"]["total"].as_u64().expect("a count");
    assert!(
        calls as f64 <= 0.9 * RESOURCES as f64,
        "{calls} calls: {}",
        again["api_calls"]
    );

    for edit in EDITS {
        project.edit("template.yaml", edit.from, edit.to);
        assert_eq!(project.actions(""), edit.actions, "{}", edit.what);
        project.ok("apply --auto-approve");
        assert_eq!(
            project.actions(""),
            Vec::<String>::new(),
            "after {}",
            edit.what
        );
    }

    let outputs = project.ok("outputs --json").json();
    assert!(
        outputs.to_string().contains("rds.amazonaws.com"),
        "{outputs}"
    );
    project.ok("destroy --auto-approve");
    assert_eq!(project.plan("")["summary"]["create"], RESOURCES);
}

/// A second plan makes these calls and no other: one for all that a call can read, one each where AWS's API reads one.
#[test]
fn a_plan_makes_exactly_the_calls_that_batching_allows() {
    let project = Project::platform("high-availability");
    project.ok("apply --auto-approve");
    let calls = &project.plan("")["api_calls"];
    insta::assert_snapshot!(serde_json::to_string_pretty(calls).expect("JSON"));
}

#[test]
fn lives_and_dies_in_the_simulated_aws() {
    let project = Project::platform("high-availability");
    lifecycle(&project);
    let served = Emulator::world_of(&project);
    cloud::assert_empty(&served.url);
}

#[test]
fn lives_and_dies_on_moto() {
    let moto = Emulator::moto();
    let project = Project::platform("high-availability")
        .at(&moto.url)
        .environment("dev");
    let project = project.variable("DB_PASSWORD", "correct-horse-9");
    lifecycle(&project);
    cloud::assert_empty(&moto.url);
}

#[test]
fn killed_after_every_tenth_mutation_it_continues() {
    let emulator = Emulator::simulated(1000);
    killed_every_tenth(&emulator.url);
}

#[test]
fn killed_after_every_tenth_mutation_it_continues_on_moto() {
    let moto = Emulator::moto();
    killed_every_tenth(&moto.url);
}

fn killed_every_tenth(emulator: &str) {
    let proxy = Proxy::before(emulator);
    let project = Project::platform("high-availability").at(&proxy.url);
    let project = project
        .environment("dev")
        .variable("DB_PASSWORD", "correct-horse-9");
    let mut kills = 0;
    while proxy.kill_after(10, project.command("apply --auto-approve")) {
        kills += 1;
        assert!(kills < 40, "it makes no progress");
    }
    // Calls that were under way at a kill still reach the emulator: fewer kills than tenths of the calls.
    assert!(
        kills >= 2,
        "only {kills} kills: the platform takes more calls than that"
    );
    assert_eq!(project.actions(""), Vec::<String>::new());
    assert_eq!(project.plan("")["summary"]["noop"], RESOURCES);
    let mut kills = 0;
    while proxy.kill_after(10, project.command("destroy --auto-approve")) {
        kills += 1;
        assert!(kills < 40, "it makes no progress");
    }
    assert!(kills >= 2, "only {kills} kills");
    cloud::assert_empty(emulator);
}
