//! Every type that Cloud Control provisions: the least that its schema takes is made, reads as declared, changes in place and is
//! deleted. What a general rule forgets shows here in a type that nobody thought of.

use std::collections::BTreeMap;

use payctl_model::compare::{CompareOptions, compare};
use payctl_model::facts::check::check_at;
use payctl_model::facts::{Kind, Provisioning, Schema, TypeFacts, check, facts};
use payctl_model::{PropertyPath, Value};
use serde_json::{Map, Value as Json, json};

use crate::trip::Trip;

/// Nested deeper than this nothing is required.
const DEPTH: usize = 10;

/// Makes declarations of schemas.
struct Maker<'a> {
    facts: &'a TypeFacts,
    /// What properties of a format name.
    names: &'a BTreeMap<&'static str, String>,
    /// Another one for a second value.
    turn: usize,
}

impl Maker<'_> {
    fn fits(&self, schema: &Schema, path: &PropertyPath, value: &Json) -> bool {
        check_at(self.facts, schema, path, &Value::from(value.clone())).is_empty()
    }

    fn value(&self, schema: &Schema, path: &PropertyPath, depth: usize) -> Option<Json> {
        let depth = depth.checked_sub(1)?;
        let schema = self.facts.resolve(schema);
        if let Some(name) = schema
            .format
            .as_deref()
            .and_then(|format| self.names.get(format))
        {
            return Some(name.as_str().into());
        }
        if let Some(constant) = &schema.constant {
            return constant.expose_json();
        }
        if !schema.values.is_empty() {
            let at = self.turn % schema.values.len();
            return schema.values[at].expose_json();
        }
        let parts = || {
            schema
                .any_of
                .iter()
                .chain(&schema.one_of)
                .chain(&schema.all_of)
        };
        let mut kinds = schema.kinds.clone();
        if kinds.is_empty() {
            kinds = match (schema.properties.is_empty(), schema.items.is_some()) {
                (false, _) => vec![Kind::Object],
                (_, true) => vec![Kind::Array],
                _ => parts()
                    .flat_map(|part| self.facts.resolve(part).kinds.clone())
                    .collect(),
            };
        }
        if kinds.is_empty() {
            return parts().find_map(|part| {
                let value = self.value(part, path, depth)?;
                self.fits(schema, path, &value).then_some(value)
            });
        }
        kinds.iter().find_map(|kind| {
            let value = match kind {
                Kind::Boolean => Some(self.turn.is_multiple_of(2).into()),
                Kind::Integer | Kind::Number => {
                    let least = schema
                        .minimum
                        .or(schema.exclusive_minimum.map(|at| at + 1.0));
                    let step = schema.multiple_of.unwrap_or(1.0);
                    let least = (least.unwrap_or(1.0) / step).ceil() * step;
                    let number = least + step * self.turn as f64;
                    Some(json!(number as i64))
                }
                Kind::String => self.text(schema, path),
                Kind::Array => self.list(schema, path, depth),
                Kind::Object => self.object(schema, path, depth),
                Kind::Null => None,
            }?;
            self.fits(schema, path, &value).then_some(value)
        })
    }

    fn list(&self, schema: &Schema, path: &PropertyPath, depth: usize) -> Option<Json> {
        let least = schema.min_items.unwrap_or(0).max(u64::from(self.turn > 0));
        let items = self.facts.items(schema);
        let items: Option<Vec<Json>> = (0..least)
            .map(|at| {
                let other = Maker {
                    turn: self.turn + at as usize,
                    ..*self
                };
                other.value(items?, &path.index(at as usize), depth)
            })
            .collect();
        items.map(Json::Array)
    }

    fn object(&self, schema: &Schema, path: &PropertyPath, depth: usize) -> Option<Json> {
        let mut required: Vec<Vec<String>> = vec![schema.required.clone()];
        let sets: Vec<Vec<String>> = schema
            .any_of
            .iter()
            .chain(&schema.one_of)
            .map(|part| self.facts.resolve(part).required.clone())
            .chain(schema.required_one.iter().map(|name| vec![name.clone()]))
            .chain(schema.required_any.iter().map(|name| vec![name.clone()]))
            .chain(schema.properties.keys().map(|name| vec![name.clone()]))
            .collect();
        for more in &sets {
            let mut set = schema.required.clone();
            set.extend(more.clone());
            required.push(set);
        }
        // A second value has something where the first one had nothing.
        let skip = usize::from(self.turn > 0 && schema.required.is_empty());
        let fitting = required.into_iter().skip(skip).find_map(|mut names| {
            // What the names given so far need beside them.
            for name in names.clone() {
                names.extend(
                    schema
                        .dependent_required
                        .get(&name)
                        .into_iter()
                        .flatten()
                        .cloned(),
                );
            }
            let mut members = Map::new();
            for name in names {
                let at = path.key(name.as_str());
                if path.is_root() && self.facts.is_read_only(&at) {
                    continue;
                }
                let inner = self.facts.property(schema, &name)?;
                members.insert(name, self.value(inner, &at, depth)?);
            }
            let made = Json::Object(members);
            self.fits(schema, path, &made).then_some(made)
        });
        fitting.or_else(|| {
            let free = schema.min_properties.unwrap_or(0) > 0 || self.turn > 0;
            let inner = self.facts.property(schema, "key").filter(|_| free);
            let value = match inner {
                Some(inner) => self.value(inner, &path.key("key"), depth)?,
                None => "value".into(),
            };
            let made = json!({"key": value});
            self.fits(schema, path, &made).then_some(made)
        })
    }

    fn text(&self, schema: &Schema, path: &PropertyPath) -> Option<Json> {
        let turn = self.turn;
        let arn = |service: &str, rest: &str| {
            format!("arn:aws:{service}:us-east-1:123456789012:{rest}{turn}")
        };
        let service = self
            .facts
            .name
            .split("::")
            .nth(1)
            .unwrap_or_default()
            .to_lowercase();
        let last = path.to_string();
        let last = last.rsplit('.').next().unwrap_or_default().to_lowercase();
        let hex = format!("{:032x}", 0x1234_5678_9abc_def0_u128 + turn as u128);
        let uuid = format!(
            "{}-{}-4{}-a{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[13..16],
            &hex[17..20],
            &hex[20..]
        );
        let mut texts = vec![
            format!("name{turn}"),
            format!("Name-{turn}"),
            format!("name.example{turn}.com"),
            format!("https://name{turn}.example.com/path"),
            arn(&service, &format!("{last}/name")),
            arn(&service, "name"),
            format!("arn:aws:iam::999999999999:role/name{turn}"),
            format!("arn:aws:s3:::name{turn}"),
            format!("s3://name{turn}/key"),
            format!("10.{turn}.0.0/16"),
            format!("10.0.0.{turn}"),
            format!("{uuid}"),
            hex.clone(),
            hex[..17].to_owned(),
            hex[15..].to_owned(),
            format!("12345678901{turn}"),
            format!("{}", 1 + turn),
            format!("{{\"a\": {turn}}}"),
            format!("2030-01-0{}T00:00:00Z", 1 + turn),
            format!("rate({} minutes)", 5 + turn),
            format!("us-east-1{}", ["a", "b"][turn % 2]),
            format!("us-{}-1", ["east", "west"][turn % 2]),
            format!("name{turn}@example.com"),
            format!("+1206555010{turn}"),
            format!("/name/{turn}"),
            format!("name/name{turn}"),
            format!("NAME{turn}"),
            format!("{turn}.{turn}"),
            format!("{}.0.{turn}", 1 + turn),
            format!("AWS::Name::Type{turn}"),
            format!("$.name{turn}"),
            format!("sg-{}", &hex[15..]),
            format!("vpc-{}", &hex[15..]),
            format!("subnet-{}", &hex[15..]),
            format!("key{turn}=value"),
            format!("0{turn}:00"),
            format!("Mon:0{turn}:00"),
            format!("MON:0{turn}:00"),
            "true".to_owned(),
        ];
        for (kind, rest) in [
            ("kms", "key/1234abcd-12ab-34cd-56ef-1234567890a"),
            ("lambda", "function:name"),
            ("sns", "name"),
            ("sqs", "name"),
            ("kinesis", "stream/name"),
            ("firehose", "deliverystream/name"),
            ("logs", "log-group:name"),
            ("secretsmanager", "secret:name"),
            ("acm", "certificate/name"),
            ("ecs", "cluster/name"),
            ("rds", "cluster:name"),
            ("es", "domain/name"),
            ("glue", "catalog/name"),
            ("codeconnections", "connection/name"),
            ("events", "event-bus/name"),
            ("dynamodb", "table/name"),
        ] {
            texts.push(arn(kind, rest));
        }
        let long = usize::try_from(schema.min_length.unwrap_or(0))
            .unwrap_or(0)
            .min(512);
        if long > 1 {
            texts.push(format!("{turn}{}", "a".repeat(long - 1)));
        }
        let texts = texts.into_iter().map(Json::from);
        let mut fitting = texts.filter(|text| self.fits(schema, path, text));
        fitting.next()
    }
}

/// What resources refer to, and this AWS has.
fn network(trip: &Trip) -> BTreeMap<&'static str, String> {
    let text = |answer: Json, path: &str| {
        let found = answer.pointer(path).and_then(Json::as_str);
        found
            .unwrap_or_else(|| panic!("no {path} in {answer}"))
            .to_owned()
    };
    let vpc = text(
        trip.did("ec2", "CreateVpc", json!({"CidrBlock": "10.0.0.0/16"})),
        "/Vpc/VpcId",
    );
    let subnet = json!({"VpcId": vpc, "CidrBlock": "10.0.0.0/24"});
    let subnet = text(trip.did("ec2", "CreateSubnet", subnet), "/Subnet/SubnetId");
    let group = json!({"VpcId": vpc, "GroupName": "g", "Description": "d"});
    let group = text(trip.did("ec2", "CreateSecurityGroup", group), "/GroupId");
    let role = "arn:aws:iam::999999999999:role/name".to_owned();
    BTreeMap::from([
        ("AWS::EC2::VPC.Id", vpc),
        ("AWS::EC2::Subnet.Id", subnet),
        ("AWS::EC2::SecurityGroup.Id", group),
        ("AWS::IAM::Role.Arn", role),
    ])
}

/// A property that can change in place, with another value.
fn change(facts: &TypeFacts, maker: &Maker<'_>, made: &Json) -> Option<(String, Json)> {
    if facts.provisioning == Provisioning::Immutable {
        return None;
    }
    facts.root.properties.iter().find_map(|(name, schema)| {
        let path = PropertyPath::root().key(name.as_str());
        let is_part = |paths: &[PropertyPath]| {
            paths
                .iter()
                .any(|one| path.is_prefix_of(one) || one.is_prefix_of(&path))
        };
        let fixed = is_part(&facts.create_only)
            || is_part(&facts.conditional_create_only)
            || is_part(&facts.read_only)
            || is_part(&facts.write_only)
            || is_part(&facts.primary_identifier)
            || facts.tagging.property.as_ref() == Some(&path);
        let value = (!fixed)
            .then(|| maker.value(schema, &path, DEPTH))
            .flatten()?;
        let default = facts
            .resolve(schema)
            .default
            .as_ref()
            .and_then(Value::expose_json);
        let is_nothing =
            value == json!([]) || value == json!({}) || Some(&value) == default.as_ref();
        let mut changed = made.clone();
        changed.as_object_mut()?.insert(name.clone(), value.clone());
        let changed = Value::from(changed);
        let compared = compare(
            facts,
            &changed,
            &Value::from(made.clone()),
            &CompareOptions::default(),
        );
        let valid = !is_nothing
            && compared
                .changes
                .iter()
                .any(|change| change.property.head() == Some(name))
            && check(facts, &changed).is_empty();
        valid.then(|| (name.clone(), value))
    })
}

async fn go(type_name: String) -> Option<bool> {
    let facts = facts().get(&type_name)?;
    let trip = Trip::new();
    let names = network(&trip);
    let first = Maker {
        facts: &facts,
        names: &names,
        turn: 0,
    };
    let made = first.value(&facts.root, &PropertyPath::root(), DEPTH + 2)?;
    let second = Maker { turn: 1, ..first };
    let change = change(&facts, &second, &made);
    let mut resource = trip.make(&type_name, made.clone()).await;
    let changed = change.is_some();
    if let Some((name, value)) = change {
        let mut desired = made;
        desired.as_object_mut()?.insert(name.clone(), value);
        trip.change(&mut resource, desired, &[&name]).await;
    }
    trip.delete(&resource).await;
    Some(changed)
}

#[tokio::test(start_paused = true)]
async fn the_least_of_every_type_is_made_changed_and_deleted() {
    let (mut made, mut changed, mut skipped, mut failed) = (0, 0, Vec::new(), Vec::new());
    for name in facts().names() {
        if payctl_resources::cloud_control::of(name).is_none() {
            continue;
        }
        // One that fails must not hide the others.
        match tokio::spawn(go(name.to_owned())).await {
            Ok(Some(with_change)) => {
                made += 1;
                changed += usize::from(with_change);
            }
            Ok(None) => skipped.push(name),
            Err(error) => failed.push(format!("{name}: {error}")),
        }
    }
    assert!(
        failed.is_empty(),
        "{} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
    // What no value is found for here is not wrong; most of the registry must be found.
    assert!(
        made >= 1_190 && changed >= 900,
        "{made} made, {changed} changed, skipped: {skipped:?}"
    );
}
