"""What moto's CodeDeploy, Application Auto Scaling and CloudWatch lack of what payctl asks (docs/emulators.md): the calls that read many
groups, change and delete them, and tags. Written from AWS's API references."""

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.cloudwatch.responses import CloudWatchResponse
from moto.codedeploy import responses
from moto.codedeploy.exceptions import ApplicationDoesNotExistException
from moto.core.responses import ActionResult, EmptyResult

# UpdateDeploymentGroup's members and where moto keeps what they say (CodeDeploy API Reference, UpdateDeploymentGroup).
CHANGES = {
    "deploymentConfigName": "deployment_config_name",
    "serviceRoleArn": "service_role_arn",
    "triggerConfigurations": "trigger_configurations",
    "alarmConfiguration": "alarm_configuration",
    "autoRollbackConfiguration": "auto_rollback_configuration",
    "outdatedInstancesStrategy": "outdated_instances_strategy",
    "deploymentStyle": "deployment_style",
    "blueGreenDeploymentConfiguration": "blue_green_deployment_configuration",
    "loadBalancerInfo": "load_balancer_info",
    "ecsServices": "ecs_services",
    "autoScalingGroups": "auto_scaling_groups",
    "ec2TagFilters": "ec2_tag_filters",
    "onPremisesInstanceTagFilters": "on_premises_instance_tag_filters",
    "terminationHookEnabled": "termination_hook_enabled",
}

_info = responses._deployment_group_info


def group_info(group):
    """With its alarms, and without what it never had."""
    info = _info(group)
    info["alarmConfiguration"] = group.alarm_configuration or {"enabled": False, "alarms": []}
    for never in ("targetRevision", "lastSuccessfulDeployment", "lastAttemptedDeployment"):
        info.pop(never, None)
    return {key: value for key, value in info.items() if value not in (None, {}, "None")}


def batch_get_deployment_groups(self):
    name = self._get_param("applicationName")
    backend = self.codedeploy_backend
    backend.get_application(name)
    groups = backend.deployment_groups.get(name, {})
    wanted = self._get_param("deploymentGroupNames")
    found = [group_info(groups[one]) for one in wanted if one in groups]
    return ActionResult({"deploymentGroupsInfo": found, "errorMessage": ""})


def update_deployment_group(self):
    name = self._get_param("applicationName")
    group = self.codedeploy_backend.get_deployment_group(name, self._get_param("currentDeploymentGroupName"))
    for member, attribute in CHANGES.items():
        value = self._get_param(member)
        if value is not None:
            setattr(group, attribute, value)
    return ActionResult({"hooksNotCleanedUp": []})


def delete_deployment_group(self):
    groups = self.codedeploy_backend.deployment_groups.get(self._get_param("applicationName"), {})
    groups.pop(self._get_param("deploymentGroupName"), None)
    return ActionResult({"hooksNotCleanedUp": []})


def delete_application(self):
    name = self._get_param("applicationName")
    self.codedeploy_backend.applications.pop(name, None)
    self.codedeploy_backend.deployment_groups.pop(name, None)
    return EmptyResult()


def batch_get_applications(self):
    known = self.codedeploy_backend.applications
    wanted = self._get_param("applicationNames")
    # One that is not there fails the whole call (CodeDeploy API Reference, BatchGetApplications).
    for name in wanted:
        if name not in known:
            raise ApplicationDoesNotExistException(f"No application found for name: {name}")
    return ActionResult({"applicationsInfo": [responses._application_info(known[name]) for name in wanted]})


def keep_scalable_tags(register):
    def registered(self):
        answer = register(self)
        arn = scalable_arn(self, self._get_param("ResourceId"), self._get_param("ScalableDimension"))
        if self._get_param("Tags"):
            scalable_tags(self).setdefault(arn, {}).update(self._get_param("Tags"))
        return answer

    return registered


TAGS = {}


def scalable_tags(self):
    return TAGS.setdefault((self.current_account, self.region), {})


def scalable_arn(self, resource, dimension):
    for target in self.applicationautoscaling_backend.describe_scalable_targets(
        self._get_param("ServiceNamespace"), None, None
    ):
        if (target.resource_id, target.scalable_dimension) == (resource, dimension):
            return target.arn
    return None


def list_tags_of_target(self):
    import json

    return json.dumps({"Tags": scalable_tags(self).get(self._get_param("ResourceARN"), {})})


def tag_target(self):
    scalable_tags(self).setdefault(self._get_param("ResourceARN"), {}).update(self._get_param("Tags"))
    return "{}"


def untag_target(self):
    tags = scalable_tags(self).get(self._get_param("ResourceARN"), {})
    for key in self._get_param("TagKeys"):
        tags.pop(key, None)
    return "{}"


def keep_dashboard_tags(put):
    def kept(self):
        answer = put(self)
        tags = self._get_param("Tags")
        if tags:
            backend = self.cloudwatch_backend
            backend.tagger.tag_resource(backend.dashboards[self._get_param("DashboardName")].arn, tags)
        return answer

    return kept


def install():
    CloudWatchResponse.put_dashboard = keep_dashboard_tags(CloudWatchResponse.put_dashboard)
    responses._deployment_group_info = group_info
    codedeploy = responses.CodeDeployResponse
    codedeploy.batch_get_deployment_groups = batch_get_deployment_groups
    codedeploy.batch_get_applications = batch_get_applications
    codedeploy.update_deployment_group = update_deployment_group
    codedeploy.delete_deployment_group = delete_deployment_group
    codedeploy.delete_application = delete_application
    scaling = ApplicationAutoScalingResponse
    scaling.register_scalable_target = keep_scalable_tags(scaling.register_scalable_target)
    scaling.list_tags_for_resource = list_tags_of_target
    scaling.tag_resource = tag_target
    scaling.untag_resource = untag_target
