//! [`AppSpec`]: what CodeDeploy is told to run (CodeDeploy user guide, "AppSpec 'resources' section for Amazon ECS deployments").

use payctl_model::Value;
use serde_json::{Map, Value as Json, json};

/// The specification of an ECS deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct AppSpec {
    /// `TaskDefinition`, `LoadBalancerInfo`, and what else is said of the service.
    properties: Map<String, Json>,
}

impl AppSpec {
    /// Of a service as a template wants it. `None` where it has no load balancer or task definition: CodeDeploy cannot deploy it.
    pub fn of(service: &Value) -> Option<AppSpec> {
        let said = |name: &str| service.get(name).and_then(Value::expose_json);
        let definition = said("TaskDefinition")?;
        let balancers = said("LoadBalancers")?;
        // "LoadBalancerInfo: the container and port that the load balancer uses": one, since CODE_DEPLOY has one.
        let balancer = balancers.as_array()?.first()?;
        let mut properties = Map::new();
        properties.insert("TaskDefinition".to_owned(), definition);
        let mut info = Map::new();
        info.insert(
            "ContainerName".to_owned(),
            balancer.get("ContainerName")?.clone(),
        );
        info.insert(
            "ContainerPort".to_owned(),
            number(balancer.get("ContainerPort")?),
        );
        properties.insert("LoadBalancerInfo".to_owned(), Json::Object(info));
        for name in ["PlatformVersion", "NetworkConfiguration"] {
            properties.extend(said(name).map(|value| (name.to_owned(), value)));
        }
        if let Some(Json::Array(strategy)) = said("CapacityProviderStrategy") {
            let strategy = strategy.into_iter().map(|item| match item {
                Json::Object(item) => {
                    let members = item.into_iter().map(|(name, value)| match name.as_str() {
                        "Base" | "Weight" => (name, number(&value)),
                        _ => (name, value),
                    });
                    Json::Object(members.collect())
                }
                other => other,
            });
            properties.insert("CapacityProviderStrategy".to_owned(), strategy.collect());
        }
        Some(AppSpec { properties })
    }

    /// The same with another task definition.
    pub fn with_task_definition(mut self, arn: &str) -> AppSpec {
        self.properties
            .insert("TaskDefinition".to_owned(), json!(arn));
        self
    }

    /// As CodeDeploy gives it back: JSON, or YAML where somebody else wrote it.
    pub(super) fn parse(content: &str) -> Option<AppSpec> {
        let json: Json = serde_json::from_str(content)
            .ok()
            .or_else(|| yaml_properties(content))?;
        let resources = json.get("Resources").or_else(|| json.get("resources"))?;
        let service = resources
            .as_array()?
            .first()?
            .as_object()?
            .values()
            .next()?;
        let properties = service.get("Properties")?.as_object()?.clone();
        Some(AppSpec { properties })
    }

    /// The task definition.
    pub fn task_definition(&self) -> Option<&str> {
        self.properties.get("TaskDefinition")?.as_str()
    }

    /// Whether a deployment of this one does what one of `other` would: the same revision, and nothing said otherwise.
    pub fn does_the_same_as(&self, other: &AppSpec) -> bool {
        self.task_definition() == other.task_definition()
            && other
                .properties
                .iter()
                .all(|(name, value)| self.properties.get(name).is_none_or(|mine| mine == value))
    }

    /// The text that CodeDeploy takes.
    pub(super) fn content(&self) -> String {
        json!({
            "version": 0.0,
            "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": self.properties}}],
        })
        .to_string()
    }
}

/// Templates write numbers as texts, too.
fn number(value: &Json) -> Json {
    match value
        .as_str()
        .and_then(|text| text.trim().parse::<i64>().ok())
    {
        Some(number) => json!(number),
        None => value.clone(),
    }
}

/// Of a specification in YAML only the revision matters: it is looked for line by line, since nothing else of it is compared.
fn yaml_properties(content: &str) -> Option<Json> {
    let definition = content.lines().find_map(|line| {
        let value = line.trim().strip_prefix("TaskDefinition:")?;
        Some(value.trim().trim_matches(['"', '\'']).to_owned())
    })?;
    Some(json!({"Resources": [{"TargetService": {"Properties": {"TaskDefinition": definition}}}]}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(port: Json) -> Value {
        Value::from(json!({
            "TaskDefinition": "arn:aws:ecs:us-east-1:1:task-definition/api:2",
            "LoadBalancers": [{"ContainerName": "api", "ContainerPort": port, "TargetGroupArn": "arn:blue"}],
            "CapacityProviderStrategy": [{"CapacityProvider": "FARGATE", "Base": "1", "Weight": 1}],
            "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["subnet-1"]}},
            "DesiredCount": 2,
        }))
    }

    #[test]
    fn it_says_what_codedeploy_must_know_and_is_read_back() {
        let spec = AppSpec::of(&service(json!("8080"))).unwrap();
        let expected = json!({"version": 0.0, "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": {
            "TaskDefinition": "arn:aws:ecs:us-east-1:1:task-definition/api:2",
            "LoadBalancerInfo": {"ContainerName": "api", "ContainerPort": 8080},
            "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["subnet-1"]}},
            "CapacityProviderStrategy": [{"Base": 1, "CapacityProvider": "FARGATE", "Weight": 1}],
        }}}]});
        assert_eq!(
            serde_json::from_str::<Json>(&spec.content()).unwrap(),
            expected
        );
        assert_eq!(AppSpec::parse(&spec.content()), Some(spec));
        assert_eq!(
            AppSpec::of(&Value::from(json!({"TaskDefinition": "a"}))),
            None
        );
    }

    #[test]
    fn a_pipelines_specification_of_the_same_revision_does_the_same() {
        let mine = AppSpec::of(&service(json!(8080))).unwrap();
        let yaml = "version: 0.0\nResources:\n  - TargetService:\n      Type: AWS::ECS::Service\n      Properties:\n        \
                    TaskDefinition: \"arn:aws:ecs:us-east-1:1:task-definition/api:2\"\n";
        assert!(AppSpec::parse(yaml).unwrap().does_the_same_as(&mine));
        let other = mine
            .clone()
            .with_task_definition("arn:aws:ecs:us-east-1:1:task-definition/api:3");
        assert!(!other.does_the_same_as(&mine));
        let port = AppSpec::of(&service(json!(9090))).unwrap();
        assert!(!port.does_the_same_as(&mine));
        assert_eq!(AppSpec::parse("nothing"), None);
    }
}
