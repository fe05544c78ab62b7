//! Blue/green deployments from the outside: an image that changes, what CodeDeploy and ECS leave behind, deployments that fail, are
//! interrupted, or are made without the template.

use serde_json::{Value, json};

use crate::harness::emulator::Emulator;
use crate::harness::{Project, python};

const TEMPLATE: &str = include_str!("deployments/service.yaml");
const PROJECT: &str = "[project]\nname = \"shop\"\ndefault-env = \"local\"\n[env.local]\nsandbox = true\n[[stack]]\nname = \"main\"\ntemplate = \"template.yaml\"\nregion = \"us-east-1\"\n";

/// The service, applied, in the simulated AWS of its project.
fn shop(template: &str) -> Project {
    let project = Project::empty();
    project
        .write("template.yaml", template)
        .write("payctl.toml", PROJECT);
    project.ok("apply --auto-approve");
    assert_eq!(project.actions(""), Vec::<String>::new());
    project
}

fn image(project: &Project, tag: &str) {
    let template = project.read("template.yaml");
    let at = template
        .find("registry.example.com/api:")
        .expect("an image");
    let end = template[at..].find('\'').expect("its end") + at;
    let image = format!("registry.example.com/api:{tag}");
    project.write(
        "template.yaml",
        &format!("{}{image}{}", &template[..at], &template[end..]),
    );
}

/// What the service runs, by boto3: the image of its tasks' definition, and where the rule sends the traffic.
const SEEN: &str = r#"
import sys, json, boto3
def client(service):
    return boto3.client(service, region_name="us-east-1", endpoint_url=sys.argv[1])
ecs, elb = client("ecs"), client("elbv2")
service = ecs.describe_services(cluster="main", services=["api"])["services"][0]
definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
listener = elb.describe_listeners(LoadBalancerArn=elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"])["Listeners"][0]
rule = [one for one in elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"] if not one["IsDefault"]][0]
print(json.dumps({
    "image": definition["containerDefinitions"][0]["image"], "status": definition["status"],
    "group": service["loadBalancers"][0]["targetGroupArn"], "actions": rule["Actions"],
    "revisions": ecs.list_task_definitions(familyPrefix="api")["taskDefinitionArns"],
}))
"#;

fn seen(project: &Project) -> Value {
    let emulator = Emulator::world_of(project);
    let seen = python::script(SEEN, &[&emulator.url]);
    emulator.stop();
    serde_json::from_str(&seen).expect("JSON")
}

fn events(run: &str, name: &str) -> Vec<Value> {
    let lines = run
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|event| event["event"] == name).collect()
}

#[test]
fn an_image_is_deployed_and_what_moved_is_no_difference() {
    let project = shop(TEMPLATE);
    let before = seen(&project);
    image(&project, "2");
    let plan = project.plan("");
    let service = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["type"] == "AWS::ECS::Service")
        .unwrap();
    assert_eq!(service["action"], "deploy");
    assert_eq!(
        service["deployment"]["words"],
        "blue/green, linear 10 % every minute, the old tasks 5 minutes longer"
    );
    assert_eq!(service["reasons"][0]["effect"], "deploy");
    assert_eq!(service["reasons"][0]["cause"], "us-east-1/main.Task");
    assert_eq!(plan["summary"]["update"], 1);
    let text = project.ok("plan").out;
    assert!(
        text.contains("deploy (blue/green, linear 10 % every minute"),
        "{text}"
    );

    let applied = project.ok("apply --auto-approve --json");
    let told = events(&applied.out, "deployment");
    let shares: Vec<f64> = told
        .iter()
        .filter_map(|event| event["traffic"].as_f64())
        .collect();
    assert!(
        shares.windows(2).all(|pair| pair[0] <= pair[1]),
        "{shares:?}"
    );
    assert!(
        shares.iter().any(|share| *share > 0.0 && *share < 100.0),
        "{shares:?}"
    );
    assert_eq!(shares.last(), Some(&100.0));
    assert_eq!(told.last().unwrap()["status"], "Succeeded");

    let after = seen(&project);
    assert_eq!(after["image"], "registry.example.com/api:2");
    assert_ne!(after["group"], before["group"]);
    // The old revision goes when the deployment is over.
    assert_eq!(after["revisions"].as_array().unwrap().len(), 1);
    let plan = project.plan("");
    assert_eq!((&plan["changes"], &plan["drift"]), (&json!([]), &json!([])));
    let by = plan["managed"].as_array().unwrap();
    assert!(
        by.iter()
            .any(|one| one["by"] == "CodeDeploy" && one["property"] == "LoadBalancers"),
        "{by:?}"
    );
    assert!(
        project
            .ok("plan")
            .out
            .contains("managed by CodeDeploy (Group)")
    );
    assert_eq!(project.ok("drift --json").json()["drift"], json!([]));

    // The other way round, and what UpdateService may change goes along in place.
    image(&project, "3");
    project.edit("template.yaml", "DesiredCount: 2", "DesiredCount: 3");
    project.ok("apply --auto-approve");
    assert_eq!(seen(&project)["group"], before["group"]);
    assert_eq!(project.actions(""), Vec::<String>::new());
    project.edit("template.yaml", "DesiredCount: 3", "DesiredCount: 4");
    assert_eq!(project.actions(""), ["update Service"]);
    project.ok("apply --auto-approve");

    // A rule that changes otherwise keeps the traffic where it is.
    image(&project, "4");
    project.ok("apply --auto-approve");
    let moved = seen(&project);
    project.edit("template.yaml", "'/api/*'", "'/v2/*'");
    assert_eq!(project.actions(""), ["update Rule"]);
    project.ok("apply --auto-approve");
    let forward = |seen: &Value| seen["actions"][0]["ForwardConfig"]["TargetGroups"].clone();
    assert_eq!(forward(&seen(&project)), forward(&moved));
    project.ok("destroy --auto-approve");
}

#[test]
fn a_service_is_deployed_and_rolled_back_without_its_template() {
    let project = shop(TEMPLATE);
    let told = project.ok("deploy Service --image registry.example.com/api:hotfix");
    assert!(
        told.err.contains(
            "api gets registry.example.com/api:hotfix instead of registry.example.com/api:1"
        ),
        "{}",
        told.err
    );
    assert_eq!(seen(&project)["image"], "registry.example.com/api:hotfix");
    // The plan shows the difference and says whose doing it is.
    let plan = project.plan("");
    assert_eq!(project.actions(""), ["deploy Service"]);
    assert_eq!(plan["drift"], json!([]));
    let warnings = plan["warnings"].to_string();
    assert!(
        warnings.contains("which was deployed without the template"),
        "{warnings}"
    );

    let list = project.ok("deployments --json").json();
    assert_eq!(list["deployments"][0]["status"], "Succeeded");
    assert!(
        list["deployments"][0]["task_definition"]
            .as_str()
            .unwrap()
            .ends_with("/api:2")
    );
    assert!(project.ok("deployments Service").out.contains("Succeeded"));
    assert!(
        project
            .ok("deployments --follow")
            .out
            .contains("No deployment is going on")
    );

    project.ok("rollback Service");
    assert_eq!(seen(&project)["image"], "registry.example.com/api:1");
    assert_eq!(project.actions(""), Vec::<String>::new());

    let again = project.ok("deploy Service --image registry.example.com/api:1");
    assert!(again.err.contains("already"), "{}", again.err);
    let unknown = project.fails("deploy Service --image x --container sidecar --json", 1);
    assert_eq!(unknown.json()["error"]["code"], "unknown-container");
    let other = project.fails("deploy Rule --image x --json", 1);
    assert_eq!(other.json()["error"]["code"], "not-a-service");
}

#[test]
fn a_deregistered_revision_is_registered_again() {
    let project = shop(TEMPLATE);
    image(&project, "2");
    project.ok("apply --auto-approve");
    let told = project.ok("rollback Service");
    assert!(
        told.err
            .contains("was deregistered: registered again as api:3"),
        "{}",
        told.err
    );
    assert_eq!(seen(&project)["image"], "registry.example.com/api:1");
    assert_eq!(project.actions(""), ["deploy Service"]);
    project.ok("apply --auto-approve");
    assert_eq!(seen(&project)["image"], "registry.example.com/api:2");
}

/// Another revision that cannot be: the tasks never get healthy.
#[test]
fn a_deployment_that_fails_is_rolled_back_and_still_to_do() {
    let project = shop(TEMPLATE);
    let before = seen(&project);
    project.ok("sandbox fail registry.example.com/api:2");
    image(&project, "2");
    let failed = project.fails("apply --auto-approve --json", 1);
    let errors = events(&failed.out, "failed");
    let message = errors[0]["error"]["message"].as_str().unwrap();
    assert_eq!(errors[0]["error"]["code"], "deployment");
    assert!(
        message.contains("CodeDeploy's deployment d-") && message.contains("rolled back"),
        "{message}"
    );
    let after = seen(&project);
    assert_eq!(after["image"], "registry.example.com/api:1");
    assert_eq!(after["status"], "ACTIVE");
    assert_eq!(after["group"], before["group"]);
    // The change is still there; nothing has drifted.
    assert_eq!(project.actions(""), ["deploy Service"]);
    let plan = project.plan("");
    assert_eq!(plan["drift"], json!([]));
    let warnings = plan["warnings"].to_string();
    assert!(
        warnings.contains("was not deployed successfully yet"),
        "{warnings}"
    );
    let list = project.ok("deployments").out;
    assert!(
        list.contains("codeDeployRollback") || list.contains("Stopped") || list.contains("Failed"),
        "{list}"
    );
    // It is tried again, and what ran before goes only now.
    project.ok("sandbox heal registry.example.com/api:2");
    project.ok("apply --auto-approve");
    let after = seen(&project);
    assert_eq!(after["image"], "registry.example.com/api:2");
    assert_eq!(after["revisions"].as_array().unwrap().len(), 1);
    assert_eq!(project.actions(""), Vec::<String>::new());
}

/// The same service, deployed by ECS itself.
fn by_ecs() -> String {
    let at = TEMPLATE.find("  Application:").expect("CodeDeploy's part");
    let mover = "  Mover:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: [{Effect: Allow, Principal: {Service: ecs.amazonaws.com}, Action: sts:AssumeRole}]
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers']
";
    let template = format!("{}{mover}", &TEMPLATE[..at]);
    template
        .replace(
            "DeploymentController: {Type: CODE_DEPLOY}",
            "DeploymentController: {Type: ECS}
      DeploymentConfiguration:
        Strategy: LINEAR
        BakeTimeInMinutes: 2
        LinearConfiguration: {StepPercent: 25, StepBakeTimeInMinutes: 1}",
        )
        .replace(
            "TargetGroupArn: !Ref Blue}]\n  Mover",
            "TargetGroupArn: !Ref Blue, AdvancedConfiguration: {AlternateTargetGroupArn: !Ref Green, ProductionListenerRule: !Ref Rule, RoleArn: !GetAtt Mover.Arn}}]\n  Mover",
        )
}

#[test]
fn what_ecs_deploys_itself_is_followed_and_rolled_back_alike() {
    let project = shop(&by_ecs());
    image(&project, "2");
    let plan = project.plan("");
    let changes = plan["changes"].as_array().unwrap();
    let service = changes
        .iter()
        .find(|one| one["type"] == "AWS::ECS::Service")
        .unwrap();
    assert_eq!(service["action"], "update");
    assert_eq!(
        service["deployment"]["words"],
        "blue/green by ECS, linear 25 % every minute, the old tasks 2 minutes longer"
    );
    let applied = project.ok("apply --auto-approve --json");
    let told = events(&applied.out, "deployment");
    assert_eq!(told.last().unwrap()["status"], "SUCCESSFUL");
    assert_eq!(seen(&project)["image"], "registry.example.com/api:2");
    // ECS has rewritten the rule: neither drift nor change.
    let plan = project.plan("");
    assert_eq!((&plan["changes"], &plan["drift"]), (&json!([]), &json!([])));
    let by = plan["managed"].as_array().unwrap();
    assert!(
        by.iter()
            .any(|one| one["by"] == "Amazon ECS" && one["property"] == "Actions"),
        "{by:?}"
    );

    project.ok("deploy Service --image registry.example.com/api:hotfix");
    assert_eq!(seen(&project)["image"], "registry.example.com/api:hotfix");
    assert_eq!(project.actions(""), ["update Service"]);
    project.ok("rollback Service");
    assert_eq!(seen(&project)["image"], "registry.example.com/api:2");
    assert_eq!(project.actions(""), Vec::<String>::new());
    assert!(project.ok("deployments Service").out.contains("SUCCESSFUL"));
}
