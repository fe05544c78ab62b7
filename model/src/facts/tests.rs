use super::*;
use crate::value::Value;

fn value(json: serde_json::Value) -> Value {
    Value::from(json)
}

fn findings(type_name: &str, json: serde_json::Value) -> Vec<(String, FindingKind)> {
    let facts = facts().get(type_name).unwrap();
    let found = check(&facts, &value(json));
    found
        .into_iter()
        .map(|finding| (finding.path.to_string(), finding.kind))
        .collect()
}

#[test]
fn every_type_decodes_and_its_paths_lead_somewhere() {
    let mut dangling = Vec::new();
    let names: Vec<&str> = facts().names().collect();
    assert!(names.len() > 1_500, "{}", names.len());
    for name in names {
        let facts = facts().get(name).unwrap();
        for path in facts
            .create_only
            .iter()
            .chain(&facts.read_only)
            .chain(&facts.write_only)
            .chain(&facts.primary_identifier)
        {
            if facts.schema_at(path).is_none() {
                dangling.push(format!("{name} {path}"));
            }
        }
    }
    // Some schemas of AWS name properties that they do not have; a path that is read wrongly would give thousands.
    assert!(dangling.len() < 60, "{}: {dangling:#?}", dangling.len());
}

#[test]
fn a_subnet_is_known() {
    let facts = facts().get("AWS::EC2::Subnet").unwrap();
    assert!(facts.is_create_only(&"CidrBlock".into()));
    assert!(!facts.is_create_only(&"MapPublicIpOnLaunch".into()));
    assert!(facts.is_read_only(&"SubnetId".into()));
    assert_eq!(
        facts.schema_at(&"Tags.0.Key".into()).unwrap().kinds,
        [Kind::String]
    );
    assert_eq!(facts.tagging.property, Some("Tags".into()));
    assert!(facts.has_attribute("AvailabilityZone") && !facts.has_attribute("Tags.0.Key"));
    assert_eq!(
        facts.nearest_attribute("AvailabiltyZone"),
        Some("AvailabilityZone")
    );
}

#[test]
fn nested_attributes_and_secrets_of_a_database() {
    let facts = facts().get("AWS::RDS::DBCluster").unwrap();
    for name in [
        "Endpoint.Address",
        "Endpoint.Port",
        "ReadEndpoint.Address",
        "DBClusterArn",
        "MasterUserSecret.SecretArn",
    ] {
        assert!(facts.has_attribute(name), "{name}");
    }
    assert!(facts.is_sensitive(&"MasterUserPassword".into()));
    assert!(!facts.is_sensitive(&"ManageMasterUserPassword".into()));
    assert!(facts.stateful);
}

#[test]
fn ref_returns_what_the_type_says() {
    let reference = |name: &str, id: &str, model: serde_json::Value| {
        facts()
            .get(name)
            .unwrap()
            .reference(&value(model), &id.into())
            .and_then(|value| value.to_text())
    };
    let eip = serde_json::json!({"PublicIp": "192.0.2.1", "AllocationId": "eipalloc-1"});
    assert_eq!(
        reference("AWS::EC2::EIP", "192.0.2.1|eipalloc-1", eip).as_deref(),
        Some("192.0.2.1")
    );
    assert_eq!(
        reference("AWS::EC2::VPC", "vpc-1", serde_json::json!({})).as_deref(),
        Some("vpc-1")
    );
    let rule = serde_json::json!({"Arn": "arn:aws:events:us-east-1:111111111111:rule/bus/nightly"});
    assert_eq!(
        reference("AWS::Events::Rule", "x", rule).as_deref(),
        Some("bus|nightly")
    );
    assert_eq!(
        reference("AWS::ECS::Service", "a|b", serde_json::json!({})),
        None
    );
}

#[test]
fn the_table_of_refs_names_properties_that_exist() {
    for (name, property) in refs::properties() {
        let facts = facts()
            .get(name)
            .unwrap_or_else(|| panic!("no type {name}"));
        if let Some(property) = property {
            assert!(
                facts.root.properties.contains_key(property),
                "{name} has no {property}"
            );
        }
    }
}

#[test]
fn mistakes_are_found_where_they_are() {
    use FindingKind::{Enum, Missing, UnknownProperty, WrongType};
    let subnet = serde_json::json!({"VpcId": "vpc-1", "CidrBlok": "10.0.0.0/24", "MapPublicIpOnLaunch": "maybe", "CidrBlock": "10.0.0.0/24"});
    assert_eq!(
        findings("AWS::EC2::Subnet", subnet),
        [
            ("CidrBlok".to_owned(), UnknownProperty),
            ("MapPublicIpOnLaunch".to_owned(), WrongType)
        ]
    );
    assert_eq!(
        findings(
            "AWS::KMS::Alias",
            serde_json::json!({"AliasName": "alias/a"})
        ),
        [(String::new(), Missing)]
    );
    let group =
        serde_json::json!({"Protocol": "HTPS", "Port": "80", "TargetType": "ip", "VpcId": "vpc-1"});
    assert_eq!(
        findings("AWS::ElasticLoadBalancingV2::TargetGroup", group),
        [("Protocol".to_owned(), Enum)]
    );
    let facts = facts().get("AWS::EC2::Subnet").unwrap();
    let typo = check(
        &facts,
        &value(serde_json::json!({"VpcId": "v", "CidrBlok": "x", "CidrBlock": "10.0.0.0/24"})),
    );
    assert_eq!(
        typo[0].message,
        "there is no property `CidrBlok`; did you mean `CidrBlock`?"
    );
}

#[test]
fn what_cloudformation_coerces_is_right() {
    let group = serde_json::json!({"GroupDescription": "x", "SecurityGroupIngress": [{"IpProtocol": "tcp", "FromPort": "80", "ToPort": 80, "CidrIp": "10.0.0.0/8"}]});
    assert_eq!(findings("AWS::EC2::SecurityGroup", group), []);
    assert_eq!(
        findings(
            "AWS::EC2::VPC",
            serde_json::json!({"CidrBlock": "10.0.0.0/16", "EnableDnsSupport": "true"})
        ),
        []
    );
}

#[test]
fn expressions_of_ecma_read_as_they_mean() {
    assert!(pattern::matches(r"^[a-z[\]&&]+$", "a[]&"));
    assert!(!pattern::matches(r"^(alias/)[a-zA-Z0-9:/_-]+$", "aliass/x"));
    assert!(pattern::matches("(", "an invalid one is skipped"));
}

#[test]
fn every_type_with_one_identifier_has_a_ref() {
    let property = |name: &str| facts().get(name).unwrap().reference_property();
    assert_eq!(property("AWS::EC2::VPC").as_deref(), Some("VpcId"));
    assert_eq!(property("AWS::EC2::EIP").as_deref(), Some("PublicIp"));
    assert_eq!(property("AWS::ECS::Service").as_deref(), Some("ServiceArn"));
    assert_eq!(property("AWS::EC2::Route"), None);
}

#[test]
fn each_type_is_decoded_once_and_each_block_inflated_once() {
    let facts = Facts {
        pack: pack::Pack::open(),
        decoded: Mutex::default(),
    };
    let neighbours: Vec<&str> = facts
        .names()
        .filter(|name| name.starts_with("AWS::EC2::"))
        .collect();
    assert!(neighbours.len() > 50);
    let first = facts.get(neighbours[0]).unwrap();
    for _ in 0..3 {
        for name in &neighbours {
            facts.get(name).unwrap();
        }
    }
    assert!(Arc::ptr_eq(&first, &facts.get(neighbours[0]).unwrap()));
    assert_eq!(facts.decoded.lock().unwrap().len(), neighbours.len());
    let blocks = facts.pack.blocks_inflated();
    assert!(blocks * 5 < neighbours.len(), "{blocks} blocks");
}

#[test]
fn of_two_facts_that_cover_a_property_the_nearer_one_counts() {
    let vpc = super::facts().get("AWS::EC2::VPC").unwrap();
    assert!(!vpc.is_read_only(&"VpcEncryptionControl.Mode".into()));
    assert!(vpc.is_read_only(&"VpcEncryptionControl.State".into()));
}
