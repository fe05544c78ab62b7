//! The witness in front of moto: what breaks AWS's API models is seen, whatever moto makes of it, and the simulated AWS
//! refuses the same.

use crate::harness::emulator::Emulator;
use crate::harness::python;

/// Requests as payctl would sign them, each wrong in one way: the service, what is sent, and a part of what is said of it.
const WRONG: &[(&str, &str, &str, &str)] = &[
    (
        "ec2",
        "",
        "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0/16&Colour=red",
        "Colour is no member",
    ),
    (
        "ec2",
        "",
        "Action=CreateSubnet&Version=2016-11-15&CidrBlock=10.0.0.0/24",
        "VpcId",
    ),
    (
        "iam",
        "",
        "Action=CreateRole&Version=2010-05-08&RoleName=a/b&AssumeRolePolicyDocument={}",
        "does not match",
    ),
    (
        "iam",
        "",
        "Action=CreateRole&Version=2010-05-08&RoleName=a&AssumeRolePolicyDocument={}&MaxSessionDuration=60",
        "3600",
    ),
    (
        "elasticloadbalancing",
        "",
        "Action=CreateTargetGroup&Version=2015-12-01&Name=a&Protocol=SMTP",
        "is none of",
    ),
    (
        "ecs",
        "AmazonEC2ContainerServiceV20141113.CreateCluster",
        r#"{"clusterName": 7}"#,
        "clusterName",
    ),
    (
        "ecs",
        "AmazonEC2ContainerServiceV20141113.CreateCluster",
        r#"{"clusterNam": "a"}"#,
        "clusterNam is no member",
    ),
    ("logs", "Logs_20140328.CreateLogGroup", "{}", "logGroupName"),
    (
        "ssm",
        "AmazonSSM.PutParameter",
        r#"{"Name": "a", "Value": "b", "Type": "Text"}"#,
        "is none of",
    ),
];

/// Sends one request; the status and the body.
const SEND: &str = r#"
import sys, urllib.error, urllib.request
url, service, target, body = sys.argv[1:]
kind = "application/x-amz-json-1.1" if target else "application/x-www-form-urlencoded"
headers = {"User-Agent": "payctl/test", "Content-Type": kind,
           "Authorization": f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"}
if target: headers["X-Amz-Target"] = target
if not target: body = body.replace("/", "%2F").replace("{", "%7B").replace("}", "%7D")
try:
    with urllib.request.urlopen(urllib.request.Request(url, body.encode(), headers)) as answer: print(answer.status, answer.read().decode())
except urllib.error.HTTPError as error: print(error.code, error.read().decode())
"#;

#[test]
fn what_breaks_the_models_is_seen_in_front_of_moto() {
    let moto = Emulator::moto();
    for (service, target, body, said) in WRONG {
        python::script(SEND, &[&moto.url, service, target, body]);
        let seen = moto.invalid_requests();
        assert!(seen.contains(said), "{service} {body}: {seen}");
        moto.forgive();
    }
}

#[test]
fn the_simulated_aws_refuses_the_same() {
    let simulated = Emulator::simulated(1);
    for (service, target, body, said) in WRONG {
        // AWS ignores what it does not know, in every protocol.
        if said.ends_with("is no member") {
            continue;
        }
        let answer = python::script(SEND, &[&simulated.url, service, target, body]);
        assert!(answer.starts_with("400"), "{service} {body}: {answer}");
    }
}
