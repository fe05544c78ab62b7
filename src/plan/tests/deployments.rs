//! What CodeDeploy and ECS own, and what a change of a service is to them.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::super::*;
use super::fixture::{World, address, show, stack};

/// A service under CODE_DEPLOY as the CDK writes it: it names the FAMILY of its task definition.
fn blue_green() -> World {
    let group = |name: &str| json!({"Name": name, "Port": 80, "Protocol": "HTTP"});
    stack()
        .with("Task", "AWS::ECS::TaskDefinition", json!({"Family": "api", "ContainerDefinitions": [{"Name": "api", "Image": "api:1"}]}))
        .with("Blue", "AWS::ElasticLoadBalancingV2::TargetGroup", group("blue"))
        .with("Green", "AWS::ElasticLoadBalancingV2::TargetGroup", group("green"))
        .with("Other", "AWS::ElasticLoadBalancingV2::TargetGroup", group("other"))
        .with("Listener", "AWS::ElasticLoadBalancingV2::Listener", json!({
            "LoadBalancerArn": "arn:balancer", "Port": 80, "Protocol": "HTTP",
            "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
        }))
        .with("Rule", "AWS::ElasticLoadBalancingV2::ListenerRule", json!({
            "ListenerArn": {"Ref": "Listener"}, "Priority": 10,
            "Conditions": [{"Field": "path-pattern", "Values": ["/api/*"]}],
            "Actions": [{"Type": "forward", "TargetGroupArn": {"Ref": "Blue"}}],
        }))
        .with("Service", "AWS::ECS::Service", json!({
            "ServiceName": "api", "Cluster": "main", "DesiredCount": 2, "TaskDefinition": "api",
            "DeploymentController": {"Type": "CODE_DEPLOY"},
            "LoadBalancers": [{"ContainerName": "api", "ContainerPort": 80, "TargetGroupArn": {"Ref": "Blue"}}],
        }))
        .with("Group", "AWS::CodeDeploy::DeploymentGroup", json!({
            "ApplicationName": "shop", "DeploymentGroupName": "api", "ServiceRoleArn": "arn:role",
            "DeploymentConfigName": "CodeDeployDefault.ECSLinear10PercentEvery1Minutes",
            "ECSServices": [{"ClusterName": "main", "ServiceName": {"Fn::GetAtt": ["Service", "Name"]}}],
            "LoadBalancerInfo": {"TargetGroupPairInfoList": [{
                "ProdTrafficRoute": {"ListenerArns": [{"Ref": "Listener"}]},
                "TargetGroups": [
                    {"Name": {"Fn::GetAtt": ["Blue", "TargetGroupName"]}},
                    {"Name": {"Fn::GetAtt": ["Green", "TargetGroupName"]}},
                ],
            }]},
        }))
}

fn id(world: &World, name: &str) -> String {
    let kept = &world.state.resources[&address(name)];
    kept.physical_id.as_ref().unwrap().as_str().to_owned()
}

/// What a deployment by hand leaves.
fn moved_by_code_deploy(world: World) -> World {
    let (blue, green) = (id(&world, "Blue"), id(&world, "Green"));
    world
        .meddle("Service", "/TaskDefinition", json!("arn:aws:ecs:us-east-1:1:task-definition/api:7"))
        .meddle("Service", "/LoadBalancers/0/TargetGroupArn", json!(green))
        .meddle("Rule", "/Actions", json!([{"Type": "forward", "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": blue, "Weight": 0}, {"TargetGroupArn": green, "Weight": 100}],
            "TargetGroupStickinessConfig": {"Enabled": false}}}]))
}

#[test]
fn a_changed_revision_is_deployed() {
    let world = blue_green().applied();
    assert_eq!(world.show(), "nothing to do\n");
    let changed = world.edit("Task", "/ContainerDefinitions/0/Image", json!("api:2"));
    insta::assert_snapshot!(changed.show(), @r#"
    deploy Service: TaskDefinition is deployed follows Task
        (blue/green, linear 10 % every minute)
        TaskDefinition: "taskdefinitionarn-1" -> {"$unknown":"us-east-1/app.Task.Ref"}
    +/- Task: ContainerDefinitions.0.Image is create-only
        ContainerDefinitions.0.Image: "api:1" -> "api:2"
    "#);
    insta::assert_snapshot!(changed.steps(), @r#"
    create Task -> delete Task (Ready)
    create Task -> deploy Service (Accepted)
    deploy Service -> delete Task (Ready)
    "#);
    assert_eq!(changed.applied().show(), "nothing to do\n");
}

#[test]
fn what_codedeploy_left_is_neither_drift_nor_change() {
    let moved = moved_by_code_deploy(blue_green().applied());
    insta::assert_snapshot!(moved.show(), @r#"
    managed Rule Actions by CodeDeploy (Group)
    managed Service LoadBalancers by CodeDeploy (Group)
    managed Service TaskDefinition by CodeDeploy (Group)
    "#);
    let plan = moved.plan();
    assert!(plan.is_noop() && plan.drift.is_empty());
    // The template's new revision is deployed all the same.
    let changed = moved.edit("Task", "/ContainerDefinitions/0/Image", json!("api:2"));
    insta::assert_snapshot!(changed.show(), @r#"
    deploy Service: TaskDefinition is deployed follows Task
        (blue/green, linear 10 % every minute)
        TaskDefinition: "arn:aws:ecs:us-east-1:1:task-definition/api:7" -> {"$unknown":"us-east-1/app.Task.Ref"}
    +/- Task: ContainerDefinitions.0.Image is create-only
        ContainerDefinitions.0.Image: "api:1" -> "api:2"
    managed Rule Actions by CodeDeploy (Group)
    managed Service LoadBalancers by CodeDeploy (Group)
    "#);
}

/// Two services behind one listener, each with a deployment group, a pair and a rule of its own.
#[test]
fn a_listener_may_stand_before_several_services() {
    let (kind, mut group, _) = blue_green().resources["Group"].clone();
    let pair = &mut group["LoadBalancerInfo"]["TargetGroupPairInfoList"][0];
    pair["TargetGroups"] = json!([
        {"Name": {"Fn::GetAtt": ["Other", "TargetGroupName"]}}, {"Name": {"Fn::GetAtt": ["More", "TargetGroupName"]}},
    ]);
    group["DeploymentGroupName"] = json!("second");
    group["ECSServices"][0]["ServiceName"] = json!({"Fn::GetAtt": ["Second", "Name"]});
    let (service_kind, mut service, _) = blue_green().resources["Service"].clone();
    service["ServiceName"] = json!("second");
    service["LoadBalancers"][0]["TargetGroupArn"] = json!({"Ref": "Other"});
    let (rule_kind, mut rule, _) = blue_green().resources["Rule"].clone();
    rule["Priority"] = json!(20);
    rule["Actions"][0]["TargetGroupArn"] = json!({"Ref": "Other"});
    let more = json!({"Name": "more", "Port": 80, "Protocol": "HTTP"});
    let world = blue_green()
        .with("More", "AWS::ElasticLoadBalancingV2::TargetGroup", more)
        .with("Second", &service_kind, service)
        .with("SecondRule", &rule_kind, rule)
        .with("SecondGroup", &kind, group)
        .applied();
    let more = id(&world, "More");
    let moved =
        moved_by_code_deploy(world).meddle("SecondRule", "/Actions/0/TargetGroupArn", json!(more));
    let plan = moved.plan();
    assert!(plan.is_noop() && plan.drift.is_empty(), "{}", moved.show());
    let by = |rule: &str| {
        let mut managed = plan.managed.iter();
        let one = managed.find(|one| one.address == address(rule)).unwrap();
        one.owner.clone().unwrap()
    };
    assert_eq!(by("Rule"), address("Group"));
    assert_eq!(by("SecondRule"), address("SecondGroup"));
}

#[test]
fn what_is_outside_of_the_pair_is_drift_and_set_back() {
    let world = blue_green().applied();
    let other = id(&world, "Other");
    let meddled = world
        .clone()
        .meddle("Rule", "/Actions/0/TargetGroupArn", json!(other))
        .meddle("Rule", "/Priority", json!(11));
    insta::assert_snapshot!(meddled.show(), @r#"
    ~ Rule: Actions.0.TargetGroupArn, Priority
        Actions.0.TargetGroupArn: "targetgrouparn-2" -> "targetgrouparn-5"
        Priority: 11 -> 10
    drift Rule Actions.0.TargetGroupArn, set back: "targetgrouparn-5" -> "targetgrouparn-2"
    drift Rule Priority, set back: 10 -> 11
    "#);
    let meddled = world.meddle("Service", "/LoadBalancers/0/TargetGroupArn", json!(other));
    insta::assert_snapshot!(meddled.show(), @r#"
    deploy Service: LoadBalancers.0.TargetGroupArn is deployed
        (blue/green, linear 10 % every minute)
        LoadBalancers.0.TargetGroupArn: "targetgrouparn-2" -> "targetgrouparn-5"
    drift Service LoadBalancers.0.TargetGroupArn, set back: "targetgrouparn-5" -> "targetgrouparn-2"
    "#);
}

#[test]
fn a_rule_that_changes_otherwise_keeps_its_traffic_where_it_is() {
    let moved = moved_by_code_deploy(blue_green().applied());
    let green = id(&moved, "Green");
    let changed = moved.edit("Rule", "/Conditions/0/Values/0", json!("/v2/*"));
    insta::assert_snapshot!(changed.show(), @r#"
    ~ Rule: Conditions.0.Values
        Conditions.0.Values: ["/api/*"] -> ["/v2/*"]
    managed Rule Actions by CodeDeploy (Group)
    managed Service LoadBalancers by CodeDeploy (Group)
    managed Service TaskDefinition by CodeDeploy (Group)
    "#);
    // What is sent has the live forward, not the template's.
    let plan = changed.plan();
    let after = plan.changes[&address("Rule")].after.clone().unwrap();
    let live = changed
        .observed
        .live
        .iter()
        .find(|((at, _), _)| *at == address("Rule"))
        .unwrap();
    let live = &live.1.as_ref().unwrap().model;
    let sent = plan.ownership.yielding(&address("Rule"), &after, live);
    let at: PropertyPath = "Actions.0.ForwardConfig.TargetGroups.1.TargetGroupArn".into();
    assert_eq!(sent.at(&at), Some(&Value::from(green)));
    assert_eq!(sent.at(&"Actions.0.TargetGroupArn".into()), None);
}

#[test]
fn a_deployment_that_did_not_succeed_is_still_to_do() {
    let world = blue_green().applied();
    let name = |revision| {
        json!(format!(
            "arn:aws:ecs:us-east-1:1:task-definition/api:{revision}"
        ))
    };
    let applied = |mut world: World, revision| {
        let kept = world.state.resources.get_mut(&address("Service")).unwrap();
        let applied = kept.last_applied.as_map_mut().unwrap();
        applied.insert("TaskDefinition".into(), Value::from(name(revision)));
        world
    };
    let mut world = world;
    let task = address("Task");
    let old = world.state.resources[&task].physical_id.clone().unwrap();
    // The task definition is at its second revision.
    let second = PhysicalId(name(2).as_str().unwrap().to_owned());
    let kept = world.state.resources.get_mut(&task).unwrap();
    kept.physical_id = Some(second.clone());
    let mut live = world
        .observed
        .live
        .remove(&(task.clone(), old))
        .unwrap()
        .unwrap();
    live.model
        .as_map_mut()
        .unwrap()
        .insert("TaskDefinitionArn".into(), Value::from(name(2)));
    world.observed.live.insert((task, second), Some(live));
    // Rolled back: the first one runs, and is what was deployed last.
    let rolled_back = applied(world.clone(), 1).meddle("Service", "/TaskDefinition", name(1));
    insta::assert_snapshot!(rolled_back.show(), @r#"
    deploy Service: TaskDefinition is deployed
        (blue/green, linear 10 % every minute)
        TaskDefinition: "arn:aws:ecs:us-east-1:1:task-definition/api:1" -> "arn:aws:ecs:us-east-1:1:task-definition/api:2"
    warning: us-east-1/app.Service: api:1 is what was deployed last; api:2, which the template declares, was not deployed successfully yet, or was rolled back
    "#);
    // Interrupted while the old tasks still stand by: it may be rolled back yet.
    let mut goes_on = applied(world.clone(), 1).meddle("Service", "/TaskDefinition", name(2));
    assert!(goes_on.plan().is_noop() && goes_on.plan().drift.is_empty());
    for ((at, _), live) in &mut goes_on.observed.live {
        if *at == address("Service") {
            live.as_mut().unwrap().deploying = true;
        }
    }
    insta::assert_snapshot!(goes_on.show(), @r#"
    deploy Service: TaskDefinition is deployed
        (blue/green, linear 10 % every minute)
        TaskDefinition: "arn:aws:ecs:us-east-1:1:task-definition/api:2" -> "arn:aws:ecs:us-east-1:1:task-definition/api:2"
    warning: a deployment to us-east-1/app.Service is going on; where it brings api:2, apply follows it to its end
    "#);
    // Deployed without the template.
    let beside = applied(world, 3).meddle("Service", "/TaskDefinition", name(3));
    insta::assert_snapshot!(beside.show(), @r#"
    deploy Service: TaskDefinition is deployed
        (blue/green, linear 10 % every minute)
        TaskDefinition: "arn:aws:ecs:us-east-1:1:task-definition/api:3" -> "arn:aws:ecs:us-east-1:1:task-definition/api:2"
    warning: us-east-1/app.Service runs api:3, which was deployed without the template (payctl deploy or rollback); apply goes back to api:2, which the template declares: to keep what runs, write its image into the template
    "#);
}

#[test]
fn what_updateservice_may_change_is_changed_in_place() {
    let changed = blue_green()
        .applied()
        .edit("Service", "/DesiredCount", json!(4));
    insta::assert_snapshot!(changed.show(), @r#"
    ~ Service: DesiredCount
        DesiredCount: 2 -> 4
    "#);
    let both = changed
        .edit("Service", "/PlatformVersion", json!("1.4.0"))
        .edit("Service", "/LoadBalancers/0/ContainerPort", json!(8080));
    insta::assert_snapshot!(both.show(), @r#"
    deploy Service: DesiredCount, LoadBalancers.0.ContainerPort is deployed, PlatformVersion is deployed
        (blue/green, linear 10 % every minute)
        DesiredCount: 2 -> 4
        LoadBalancers.0.ContainerPort: 80 -> 8080
        PlatformVersion: nothing -> "1.4.0"
    "#);
}

#[test]
fn what_cannot_be_deployed_is_a_problem() {
    let lone = blue_green().without("Group").applied();
    let changed = lone
        .clone()
        .edit("Task", "/ContainerDefinitions/0/Image", json!("api:2"));
    insta::assert_snapshot!(changed.show(), @r#"
    deploy Service: TaskDefinition is deployed follows Task
        TaskDefinition: "taskdefinitionarn-1" -> {"$unknown":"us-east-1/app.Task.Ref"}
    +/- Task: ContainerDefinitions.0.Image is create-only
        ContainerDefinitions.0.Image: "api:1" -> "api:2"
    problem: us-east-1/app.Service: TaskDefinition changes, which under the deployment controller CODE_DEPLOY only a CodeDeploy deployment can do, and no deployment group of this environment names the service: declare an AWS::CodeDeploy::DeploymentGroup whose ECSServices does
    "#);
    let (kind, group, _) = blue_green().resources["Group"].clone();
    let with_group = changed.with("Group", &kind, group);
    insta::assert_snapshot!(with_group.show(), @r#"
    + Group: new
    deploy Service: TaskDefinition is deployed follows Task
        TaskDefinition: "taskdefinitionarn-1" -> {"$unknown":"us-east-1/app.Task.Ref"}
    +/- Task: ContainerDefinitions.0.Image is create-only
        ContainerDefinitions.0.Image: "api:1" -> "api:2"
    problem: us-east-1/app.Service: TaskDefinition changes, which under the deployment controller CODE_DEPLOY only a CodeDeploy deployment can do, and its deployment group us-east-1/app.Group does not exist yet: apply once with the former values, which makes the group, then change them
    "#);
    let registries = blue_green().applied().edit(
        "Service",
        "/ServiceRegistries",
        json!([{"RegistryArn": "arn:registry"}]),
    );
    insta::assert_snapshot!(registries.show(), @r#"
    ~ Service: ServiceRegistries
        ServiceRegistries: nothing -> [{"RegistryArn":"arn:registry"}]
    problem: us-east-1/app.Service: ServiceRegistries changes, which under the deployment controller CODE_DEPLOY neither UpdateService nor an AppSpec can do: give the service another name, so that a new one takes its place, or change the controller to ECS first
    "#);
    // Somebody deploys it from elsewhere.
    let elsewhere = lone.meddle(
        "Service",
        "/TaskDefinition",
        json!("arn:aws:ecs:us-east-1:1:task-definition/api:7"),
    );
    insta::assert_snapshot!(elsewhere.show(), @r#"managed Service TaskDefinition by CodeDeploy (?)"#);
}

#[test]
fn the_controller_changes_in_place() {
    let changed = blue_green().applied().without("Group").edit(
        "Service",
        "/DeploymentController/Type",
        json!("ECS"),
    );
    insta::assert_snapshot!(changed.show(), @r#"
    - Group: not in the template
    ~ Service: DeploymentController.Type
        DeploymentController.Type: "CODE_DEPLOY" -> "ECS"
    "#);
}

#[test]
fn ecs_moves_its_rules_itself() {
    let world = blue_green()
        .without("Group")
        .edit("Service", "/DeploymentController/Type", json!("ECS"))
        .edit("Service", "/DeploymentConfiguration", json!({"Strategy": "LINEAR", "BakeTimeInMinutes": 5}))
        .edit("Service", "/LoadBalancers/0/AdvancedConfiguration", json!({
            "AlternateTargetGroupArn": {"Ref": "Green"}, "ProductionListenerRule": {"Ref": "Rule"}, "RoleArn": "arn:role",
        }))
        .applied();
    let (blue, green, other) = (id(&world, "Blue"), id(&world, "Green"), id(&world, "Other"));
    let weighted = |first: &str, second: &str| {
        json!([{"Type": "forward", "ForwardConfig": {"TargetGroups": [
            {"TargetGroupArn": first, "Weight": 100}, {"TargetGroupArn": second, "Weight": 0}]}}])
    };
    let moved = world
        .clone()
        .meddle("Rule", "/Actions", weighted(&green, &blue));
    insta::assert_snapshot!(moved.show(), @r#"managed Rule Actions by Amazon ECS (Service)"#);
    let changed = moved.edit("Task", "/ContainerDefinitions/0/Image", json!("api:2"));
    insta::assert_snapshot!(changed.show(), @r#"
    ~ Service: TaskDefinition follows Task
        (blue/green by ECS, linear 10 % every 6 minutes, the old tasks 5 minutes longer)
        TaskDefinition: "taskdefinitionarn-1" -> {"$unknown":"us-east-1/app.Task.Ref"}
    +/- Task: ContainerDefinitions.0.Image is create-only
        ContainerDefinitions.0.Image: "api:1" -> "api:2"
    managed Rule Actions by Amazon ECS (Service)
    "#);
    let meddled = world.meddle("Rule", "/Actions", weighted(&other, &blue));
    assert!(!meddled.plan().drift.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever weights over whatever groups a rule has: it is another system's as long as they are of the pair, and drift as soon as
    /// one is not.
    #[test]
    fn a_forward_is_moved_within_the_pair_only(
        weights in prop::collection::vec((0usize..3, 0u16..=100), 1..4),
        stickiness in any::<bool>(),
    ) {
        let world = blue_green().applied();
        let names = ["Blue", "Green", "Other"];
        let groups: Vec<Json> = weights
            .iter()
            .map(|(at, weight)| json!({"TargetGroupArn": id(&world, names[*at]), "Weight": weight}))
            .collect();
        let mut forward = json!({"Type": "forward", "ForwardConfig": {"TargetGroups": groups}});
        if stickiness {
            forward["ForwardConfig"]["TargetGroupStickinessConfig"] = json!({"Enabled": false});
        }
        let plan = world.meddle("Rule", "/Actions", json!([forward])).plan();
        let outside = weights.iter().any(|(at, _)| *at == 2);
        let of_rule = plan.drift.iter().any(|drift| drift.address == address("Rule"));
        prop_assert_eq!(of_rule, outside, "{}", show(&plan));
        prop_assert_eq!(plan.is_noop(), !outside);
    }
}
