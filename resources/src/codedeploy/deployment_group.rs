//! `AWS::CodeDeploy::DeploymentGroup`: what a deployment of an application goes to, and how. The id is `application|group`.

use super::{GROUPS, TAGS};
use crate::context::Context;
use crate::prelude::*;
use crate::tags;

/// The form of its ARN, which no call tells (service authorization reference, "Actions, resources, and condition keys for AWS
/// CodeDeploy").
const ARN: Key = Key::Arn("arn:{partition}:codedeploy:{region}:{account}:deploymentgroup:{0}/{1}");

/// Why a group waits for whatever makes its listener forward to its target groups.
const BEHIND: &str = "a deployment fails with \"Primary taskset target group must be behind listener\" where the production listener does \
                      not forward to the service's target group (CodeDeploy user guide, \"Troubleshoot Amazon ECS deployment issues\")";

native!(
    /// `AWS::CodeDeploy::DeploymentGroup`.
    DeploymentGroup,
    Definition {
        create: Create::of("CreateDeploymentGroup", ""),
        reads: &[
            Read { key: Key::Id(&[0, 1]), ..Read::of(&GROUPS) },
            Read { key: ARN, select: Some(tags::swept), ..Read::of(&tags::SWEEP) },
            Read { key: ARN, when: Some(tags::untagged), ..Read::of(&TAGS) },
        ],
        updates: &[
            Change {
                made: &[("DeploymentConfigName", configuration)],
                // What is valid of each depends on the others (API_UpdateDeploymentGroup, Errors).
                together: &[&["DeploymentStyle", "LoadBalancerInfo", "BlueGreenDeploymentConfiguration"]],
                ..Change::of(
                    "UpdateDeploymentGroup",
                    &["applicationName=ApplicationName", "currentDeploymentGroupName=DeploymentGroupName"],
                )
            },
            // "Your target application revision is deployed as soon as the provisioning process is complete" (CloudFormation template
            // reference, AWS::CodeDeploy::DeploymentGroup, `Deployment`).
            Change { takes: &["Deployment"], mode: Mode::Step(deploy), ..Change::of("CreateDeployment", &[]) },
        ],
        delete: Delete::of(
            "DeleteDeploymentGroup",
            &["applicationName=ApplicationName", "deploymentGroupName=DeploymentGroupName"],
            &["DeploymentGroupDoesNotExistException", "ApplicationDoesNotExistException"],
        ),
        find: Find::Key(&["ApplicationName", "DeploymentGroupName"]),
        rules: &[
            Rule::Computed("AutoScalingGroups", |group| {
                let groups = group.get("autoScalingGroups")?.as_array()?;
                Some(groups.iter().filter_map(|one| one.get("name").cloned()).collect())
            }),
            Rule::Built("Ec2TagSet", |set| sent_set("ec2TagSet", "ec2TagSetList", set, "Ec2TagSetList", "Ec2TagGroup")),
            Rule::Computed("Ec2TagSet", |group| told_set(group, "ec2TagSet.ec2TagSetList", "Ec2TagSetList", "Ec2TagGroup")),
            Rule::Built("OnPremisesTagSet", |set| {
                sent_set("onPremisesTagSet", "onPremisesTagSetList", set, "OnPremisesTagSetList", "OnPremisesTagGroup")
            }),
            Rule::Computed("OnPremisesTagSet", |group| {
                told_set(group, "onPremisesTagSet.onPremisesTagSetList", "OnPremisesTagSetList", "OnPremisesTagGroup")
            }),
        ],
        tags: Tags::Member,
        // 1 to 100 characters (API_CreateDeploymentGroup).
        name: Some(Name { also: "_", ..Name::of("DeploymentGroupName", 100) }),
        propagation: &[
            // A role that was made, or given its policies, a moment ago (IAM user guide, "Changes that I make are not always
            // immediately visible").
            ("InvalidRoleException", ""),
            // What the role lets CodeDeploy look at is refused likewise.
            ("InvalidECSServiceException", "assume"),
        ],
        needs: &[Need {
            property: "ECSServices.*.ServiceName",
            reason: "a deployment goes from the service's task set in its steady state to another one (CodeDeploy user guide, \"Before you \
                     begin an Amazon ECS deployment\")",
        }],
        after: &[
            After {
                type_name: "AWS::ECS::Service",
                mine: "ECSServices.*.ServiceName",
                theirs: "ServiceName",
                milestone: Milestone::Ready,
                reason: "InvalidECSServiceException: the service must be there and have the CODE_DEPLOY controller \
                         (API_CreateDeploymentGroup, Errors)",
            },
            After {
                type_name: "AWS::ElasticLoadBalancingV2::ListenerRule",
                mine: "LoadBalancerInfo.TargetGroupPairInfoList.*.ProdTrafficRoute.ListenerArns.*",
                theirs: "ListenerArn",
                milestone: Milestone::Ready,
                reason: BEHIND,
            },
            After {
                type_name: "AWS::ElasticLoadBalancingV2::ListenerRule",
                mine: "LoadBalancerInfo.TargetGroupPairInfoList.*.TestTrafficRoute.ListenerArns.*",
                theirs: "ListenerArn",
                milestone: Milestone::Ready,
                reason: BEHIND,
            },
            After {
                type_name: "AWS::ElasticLoadBalancingV2::TargetGroup",
                mine: "LoadBalancerInfo.TargetGroupPairInfoList.*.TargetGroups.*.Name",
                theirs: "Name",
                milestone: Milestone::Accepted,
                reason: "InvalidTargetGroupPairException: the pair's target groups are named (API_CreateDeploymentGroup, Errors)",
            },
            After {
                type_name: "AWS::CodeDeploy::Application",
                mine: "ApplicationName",
                theirs: "ApplicationName",
                milestone: Milestone::Accepted,
                reason: "ApplicationDoesNotExistException (API_CreateDeploymentGroup, Errors)",
            },
            After {
                type_name: "AWS::CodeDeploy::DeploymentConfig",
                mine: "DeploymentConfigName",
                theirs: "DeploymentConfigName",
                milestone: Milestone::Accepted,
                reason: "DeploymentConfigDoesNotExistException (API_CreateDeploymentGroup, Errors)",
            },
            After {
                type_name: "AWS::CloudWatch::Alarm",
                mine: "AlarmConfiguration.Alarms.*.Name",
                theirs: "AlarmName",
                milestone: Milestone::Accepted,
                reason: "a deployment asks for the states of its group's alarms and fails where it cannot (API_AlarmConfiguration, \
                         `ignorePollAlarmFailure`)",
            },
        ],
        // A service has one deployment group: ECSServiceMappingLimitExceededException (API_CreateDeploymentGroup, Errors).
        unique: &[&["ApplicationName", "DeploymentGroupName"], &["ECSServices"]],
        // DeploymentConfigInUseException (API_DeleteDeploymentConfig).
        holds: &["DeploymentConfigName"],
        not_told: &[(
            "Deployment",
            "a deployment is made of it; a group tells the revision that was deployed last, whoever did (API_DeploymentGroupInfo, \
             `targetRevision`)",
        )],
        resets: &[
            ("AlarmConfiguration", r#"{"Enabled": false, "IgnorePollAlarmFailure": false, "Alarms": []}"#),
            ("AutoRollbackConfiguration", r#"{"Enabled": false, "Events": []}"#),
            // "To remove Auto Scaling groups, specify a non-null empty list" (API_UpdateDeploymentGroup); the others likewise.
            ("AutoScalingGroups", "[]"),
            ("DeploymentStyle", r#"{"DeploymentType": "IN_PLACE", "DeploymentOption": "WITHOUT_TRAFFIC_CONTROL"}"#),
            ("Ec2TagFilters", "[]"),
            ("Ec2TagSet", r#"{"Ec2TagSetList": []}"#),
            ("LoadBalancerInfo", "{}"),
            ("OnPremisesInstanceTagFilters", "[]"),
            ("OnPremisesTagSet", r#"{"OnPremisesTagSetList": []}"#),
            ("OutdatedInstancesStrategy", "\"UPDATE\""),
            ("TerminationHookEnabled", "false"),
            ("TriggerConfigurations", "[]"),
        ],
        ..Definition::new("AWS::CodeDeploy::DeploymentGroup", "codedeploy")
    }
);

/// Lists of filters stand in lists; the registry gives each inner one a name.
fn sent_set(member: &str, list: &str, set: &Json, outer: &str, inner: &str) -> Json {
    let groups = set.get(outer).and_then(Json::as_array);
    let groups = groups.into_iter().flatten();
    let lists: Vec<Json> = groups
        .map(|group| group.get(inner).cloned().unwrap_or_else(|| json!([])))
        .collect();
    json!({member: {list: lists}})
}

fn told_set(group: &Json, path: &str, outer: &str, inner: &str) -> Option<Json> {
    let lists = look(group, path)?;
    let groups: Vec<Json> = lists
        .as_array()?
        .iter()
        .map(|list| json!({inner: list}))
        .collect();
    Some(json!({outer: groups}))
}

/// The declared configuration; without one the default of the group's platform (CodeDeploy user guide, "Working with deployment
/// configurations"). Only groups of services and of functions shift traffic without hosts.
fn configuration(update: &Update<'_>) -> Json {
    if let Some(name) = update
        .desired
        .get("DeploymentConfigName")
        .and_then(Value::expose_json)
    {
        return json!({"deploymentConfigName": name});
    }
    let either = |name: &str| update.desired.get(name).or_else(|| update.live.get(name));
    let listed = |name: &str| {
        let list = either(name).and_then(Value::as_list);
        list.is_some_and(|list| !list.is_empty())
    };
    let style = either("DeploymentStyle");
    let style = |name: &str| {
        style
            .and_then(|style| style.get(name))
            .and_then(Value::as_str)
    };
    let shifts = style("DeploymentType") == Some("BLUE_GREEN")
        && style("DeploymentOption") == Some("WITH_TRAFFIC_CONTROL");
    let name = match () {
        () if listed("ECSServices") => "CodeDeployDefault.ECSAllAtOnce",
        () if shifts && either("LoadBalancerInfo").is_none() => "CodeDeployDefault.LambdaAllAtOnce",
        () => "CodeDeployDefault.OneAtATime",
    };
    json!({"deploymentConfigName": name})
}

/// Deploys the declared revision. It is not followed: the group is there whatever becomes of it.
fn deploy<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let definition = DeploymentGroup.definition();
        let declared = update
            .desired
            .get("Deployment")
            .and_then(Value::expose_json);
        let Some(Json::Object(mut declared)) = declared else {
            return Ok(());
        };
        // "S3: an application revision stored in Amazon S3; GitHub: …" (API_RevisionLocation): told by what is there.
        if let Some(Json::Object(revision)) = declared.get_mut("Revision") {
            let kind = if revision.contains_key("GitHubLocation") {
                "GitHub"
            } else {
                "S3"
            };
            revision
                .entry("RevisionType".to_owned())
                .or_insert_with(|| kind.into());
        }
        let mut input = generic::input(definition, "CreateDeployment", &declared)?;
        let parts = id.parts();
        for (name, position) in [("applicationName", 0), ("deploymentGroupName", 1)] {
            let part = parts.get(position).copied().unwrap_or_default();
            input.insert(name.to_owned(), part.into());
        }
        generic::write(definition, context, "CreateDeployment", input).await?;
        Ok(())
    })
}
