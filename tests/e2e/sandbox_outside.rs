//! The simulated AWS seen by a client that is not payctl's: boto3 against `payctl sandbox serve`. One script per service
//! in `outside/`; each is silent where all is as in AWS, and says what is not.

use std::path::Path;

use crate::harness::emulator::Emulator;
use crate::harness::python;

/// Runs a service's script, with the helpers in front of it, against a world of its own.
fn outside(service: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/outside");
    let read = |name: &str| {
        std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let script = format!(
        "{}\n{}\nfinish()\n",
        read("helpers.py"),
        read(&format!("{service}.py"))
    );
    let emulator = Emulator::simulated(1000);
    let said = python::script(&script, &[&emulator.url]);
    assert_eq!(said, "", "{service}:\n{said}");
}

macro_rules! services {
    ($($name:ident),* $(,)?) => {
        $(#[test] fn $name() { outside(stringify!($name)); })*
    };
}

services!(
    applicationautoscaling,
    cloudcontrol,
    cloudwatch,
    codedeploy,
    dynamodb,
    ec2,
    ecr,
    ec2_networks,
    ec2_instances,
    ecs,
    ecs_deployments,
    elbv2,
    events,
    iam,
    kms,
    lambda,
    logs,
    rds,
    s3,
    secretsmanager,
    servicediscovery,
    sns,
    sqs,
    ssm,
    tagging,
);
