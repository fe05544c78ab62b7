//! Secrets are nowhere, and a project's files are their owner's alone.

use crate::commands::{PROJECT, applied, behind_its_back};
use crate::harness::{Project, mode};

const SECRET: &str = "correct-horse-battery-9";

const WITH_SECRET: &str = r#"Parameters:
  Password:
    Type: String
    NoEcho: true
Resources:
  VPC:
    Type: AWS::EC2::VPC
    Properties:
      CidrBlock: 10.0.0.0/16
      Tags:
        - {Key: Token, Value: !Sub 'token ${Password}'}
Outputs:
  Token:
    Value: !Sub 'token ${Password}'
"#;

#[test]
fn secrets_are_nowhere() {
    let project = Project::empty();
    let project = project.variable("PASSWORD", SECRET);
    project
        .write("payctl.toml", PROJECT)
        .write("template.yaml", WITH_SECRET);
    project.edit(
        "payctl.toml",
        "sandbox = true",
        "sandbox = true\nparameters = { Password = { env = \"PASSWORD\" } }",
    );
    let mut said = String::new();
    for arguments in [
        "validate",
        "plan",
        "plan --json",
        "plan --out saved.plan",
        "apply saved.plan --json",
        "plan",
        "outputs",
        "outputs --json",
        "show VPC",
        "show VPC --json",
        "state list --json",
        "graph --json",
        "drift --json",
    ] {
        let run = project.ok(arguments);
        assert!(
            !run.out.contains(SECRET) && !run.err.contains(SECRET),
            "payctl {arguments} tells the secret\n{}\n{}",
            run.out,
            run.err
        );
        said.push_str(&run.out);
    }
    assert!(said.contains("secret"));
    assert_eq!(project.actions(""), Vec::<String>::new());
    for (name, text) in files(&project) {
        assert!(!text.contains(SECRET), "{name} holds the secret");
    }
    // It did reach AWS, and a change of it is seen without showing it.
    let tags = behind_its_back(
        &project,
        "print(json.dumps(ec2.describe_vpcs(VpcIds=[vpc])['Vpcs'][0]['Tags']))",
    );
    assert!(tags.contains(SECRET), "{tags}");
    let project = project.variable("PASSWORD", "other-horse-battery-9");
    let run = project.ok("plan --json");
    assert_eq!(run.json()["summary"]["update"], 1, "{}", run.out);
    assert!(!run.out.contains("horse"), "{}", run.out);
}

/// What stands in a project's files, the simulated AWS's own left out.
pub(crate) fn files(project: &Project) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![project.path("")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                if !path.ends_with(".payctl/sandbox") {
                    folders.push(path);
                }
            } else {
                let text = std::fs::read(&path).expect("a readable file");
                found.push((
                    path.display().to_string(),
                    String::from_utf8_lossy(&text).into_owned(),
                ));
            }
        }
    }
    found
}

#[test]
fn files_are_their_owners_alone() {
    let project = applied();
    for name in [
        ".payctl/state/local.json",
        ".payctl/state/local.journal",
        ".payctl/state/local.lock",
        ".payctl/sandbox/aws.json",
    ] {
        if project.path(name).exists() {
            assert_eq!(mode(&project, name), 0o600, "{name}");
        }
    }
    assert_eq!(mode(&project, ".payctl/state/local.json"), 0o600);
}
