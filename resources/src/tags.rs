//! Tags: whose a resource is, and how tags of each service change.

use std::collections::BTreeMap;

use payctl_model::facts::{Kind, Schema, TypeFacts};
use payctl_model::{Address, Incarnation, PhysicalId, Value};
use serde_json::{Map, Value as Json, json};

use crate::context::Context;
use crate::definition::{Definition, Key, Tags};
use crate::error::Result;
use crate::loaders::{self, By, Load};
use crate::names;

/// Tag with the project's name.
pub const PROJECT: &str = "payctl:project";
/// Tag with the environment's name.
pub const ENVIRONMENT: &str = "payctl:environment";
/// Tag with the resource's address.
pub const ADDRESS: &str = "payctl:address";
/// Tag with the incarnation: what `find` looks for.
pub const INCARNATION: &str = "payctl:incarnation";

/// Whether a tag belongs to payctl or to AWS: never drift, never removed by an update.
pub fn is_reserved(key: &str) -> bool {
    key.starts_with("payctl:") || key.starts_with("aws:")
}

/// Whose a resource is.
#[derive(Clone, Debug)]
pub struct Owner<'a> {
    /// The project's name.
    pub project: &'a str,
    /// The environment's name.
    pub environment: &'a str,
    /// Which resource.
    pub address: &'a Address,
    /// Which incarnation of it.
    pub incarnation: &'a Incarnation,
}

impl Owner<'_> {
    fn tags(&self) -> BTreeMap<String, String> {
        let pair = |key: &str, value: String| (key.to_owned(), value);
        BTreeMap::from([
            pair(PROJECT, self.project.to_owned()),
            pair(ENVIRONMENT, self.environment.to_owned()),
            pair(ADDRESS, self.address.to_string()),
            pair(INCARNATION, self.incarnation.to_string()),
        ])
    }
}

/// The declared properties as `create` and `update` want them: a generated name where the template gives none, the
/// environment's tags under the template's, and the ownership tags.
pub fn prepare(
    definition: &Definition,
    desired: &Value,
    owner: &Owner<'_>,
    environment_tags: &BTreeMap<String, String>,
) -> Value {
    let mut desired = desired.clone();
    if let (Some(name), Some(map)) = (&definition.name, desired.as_map_mut())
        && !map.contains_key(name.property)
    {
        let is_true = |property: &str| {
            let text = map.get(property).and_then(Value::to_text);
            text.is_some_and(|text| text.eq_ignore_ascii_case("true"))
        };
        let ending = name.ending.filter(|(property, _)| is_true(property));
        let ending = ending.map_or("", |(_, ending)| ending);
        let room = names::Name {
            max: name.max.saturating_sub(ending.len()),
            ..*name
        };
        let generated = names::generate(
            &room,
            owner.project,
            owner.environment,
            owner.address,
            owner.incarnation,
        );
        map.insert(
            name.property.to_owned(),
            format!("{generated}{ending}").into(),
        );
    }
    if definition.tags == Tags::None {
        return desired;
    }
    let Some(facts) = payctl_model::facts::facts().get(definition.type_name) else {
        return desired;
    };
    if facts.tagging.declared_only {
        return desired;
    }
    let mut tags = environment_tags.clone();
    tags.extend(owner.tags());
    match definition.tags {
        Tags::Listed(property, kind) => with_listed(&desired, property, kind, &tags),
        _ => with_tags(&facts, &desired, &tags),
    }
}

/// Properties with more tags in a list of tags by type of resource.
fn with_listed(
    properties: &Value,
    property: &str,
    kind: &str,
    tags: &BTreeMap<String, String>,
) -> Value {
    let mut properties = properties.clone();
    let Some(map) = properties.as_map_mut() else {
        return properties;
    };
    let list = map
        .entry(property.to_owned())
        .or_insert_with(|| Value::List(Vec::new()));
    let Value::List(items) = list else {
        return properties;
    };
    let is_own = |item: &Value| item.get("ResourceType").and_then(Value::as_str) == Some(kind);
    if !items.iter().any(is_own) {
        items.push(Value::from(json!({"ResourceType": kind})));
    }
    for item in items.iter_mut().filter(|item| is_own(item)) {
        let declared = item.as_map_mut().map(|item| {
            item.entry("Tags".to_owned())
                .or_insert_with(|| Value::List(Vec::new()))
        });
        if let Some(Value::List(pairs)) = declared {
            add_pairs(pairs, tags);
        }
    }
    properties
}

/// Adds the tags whose keys are not there.
fn add_pairs(pairs: &mut Vec<Value>, tags: &BTreeMap<String, String>) {
    add_pairs_with(pairs, tags, &BTreeMap::new());
}

/// The same, with more members in each.
fn add_pairs_with(
    pairs: &mut Vec<Value>,
    tags: &BTreeMap<String, String>,
    more: &BTreeMap<String, Value>,
) {
    for (key, value) in tags {
        if !pairs
            .iter()
            .any(|pair| pair.get("Key").and_then(Value::as_str) == Some(key))
        {
            let mut pair = BTreeMap::from([
                ("Key".to_owned(), key.as_str().into()),
                ("Value".to_owned(), value.as_str().into()),
            ]);
            pair.extend(more.clone());
            pairs.push(pair.into());
        }
    }
}

/// Properties with more tags; a tag that is declared keeps its value. Unchanged where the type has no tags.
pub fn with_tags(facts: &TypeFacts, properties: &Value, tags: &BTreeMap<String, String>) -> Value {
    let Some(property) = facts.tagging.property.as_ref().and_then(|path| path.head()) else {
        return properties.clone();
    };
    let Some(schema) = facts.schema_at(&property.into()) else {
        return properties.clone();
    };
    let mut properties = properties.clone();
    let Some(map) = properties.as_map_mut() else {
        return properties;
    };
    if schema.allows(Kind::Object) && !schema.is_array() {
        let declared = map.entry(property.to_owned()).or_insert_with(Value::map);
        if let Some(declared) = declared.as_map_mut() {
            for (key, value) in tags {
                declared
                    .entry(key.clone())
                    .or_insert_with(|| value.as_str().into());
            }
        }
        return properties;
    }
    let declared = map
        .entry(property.to_owned())
        .or_insert_with(|| Value::List(Vec::new()));
    if let Value::List(items) = declared {
        add_pairs_with(items, tags, &required_flags(facts, schema));
    }
    properties
}

/// What a tag must have besides its key and value (an Auto Scaling group's: whether instances get it): nothing that payctl marks
/// one resource with is another's.
fn required_flags(facts: &TypeFacts, list: &Schema) -> BTreeMap<String, Value> {
    let Some(item) = facts.items(list) else {
        return BTreeMap::new();
    };
    let flags = item.required.iter().filter(|name| {
        let schema = facts.property(item, name);
        schema.is_some_and(|schema| schema.kinds == [Kind::Boolean])
    });
    flags
        .map(|name| (name.clone(), Value::Bool(false)))
        .collect()
}

/// The tags of a resource of this type, wherever its model or its declaration has them.
pub fn of_type(
    definition: &Definition,
    facts: &TypeFacts,
    model: &Value,
) -> BTreeMap<String, String> {
    let Tags::Listed(property, kind) = definition.tags else {
        return tags_of(facts, model);
    };
    let items = model.get(property).and_then(Value::as_list);
    let own = items
        .into_iter()
        .flatten()
        .filter(|item| item.get("ResourceType").and_then(Value::as_str) == Some(kind));
    own.filter_map(|item| item.get("Tags").and_then(Value::as_list))
        .flatten()
        .filter_map(pair)
        .collect()
}

fn pair(item: &Value) -> Option<(String, String)> {
    let value = item.get("Value").and_then(text);
    Some((text(item.get("Key")?)?, value.unwrap_or_default()))
}

/// The tags of a model or of declared properties, lists of pairs and maps alike.
pub fn tags_of(facts: &TypeFacts, model: &Value) -> BTreeMap<String, String> {
    let property = facts.tagging.property.as_ref().and_then(|path| path.head());
    match property.and_then(|property| model.get(property)) {
        Some(Value::Map(map)) => map
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), text(value)?)))
            .collect(),
        Some(Value::List(items)) => items.iter().filter_map(pair).collect(),
        _ => BTreeMap::new(),
    }
}

/// As it goes to AWS: a secret in the open.
fn text(value: &Value) -> Option<String> {
    value
        .expose_str()
        .map(str::to_owned)
        .or_else(|| value.to_text())
}

/// How one service's tags change.
#[derive(Clone, Copy, Debug)]
pub struct TagCalls {
    /// The API model's name of the service.
    pub service: &'static str,
    /// The operation that sets tags.
    pub add: &'static str,
    /// The operation that removes them.
    pub remove: &'static str,
    /// The member of both that names the resource (a list where the API wants one).
    pub resource: &'static str,
    /// The member with the tags to set.
    pub tags: &'static str,
    /// The member with the keys to remove.
    pub keys: &'static str,
    /// Where the resource's name for tagging stands in its model: the first property that is there; an ARN that the registry does not know, in
    /// what AWS describes. Empty, or none of them there: the ARN by which the type reads its tags, else the physical id.
    pub named_by: &'static [&'static str],
}

/// One line a service. Types whose service has none, or another for this type, stand in [`BY_TYPE`].
pub const TAG_CALLS: &[TagCalls] = &[
    TagCalls {
        service: "ec2",
        add: "CreateTags",
        remove: "DeleteTags",
        resource: "Resources",
        tags: "Tags",
        keys: "Tags",
        named_by: &[],
    },
    TagCalls {
        service: "rds",
        add: "AddTagsToResource",
        remove: "RemoveTagsFromResource",
        resource: "ResourceName",
        tags: "Tags",
        keys: "TagKeys",
        named_by: &[
            "DBClusterArn",
            "DBInstanceArn",
            "DBSubnetGroupArn",
            "DBParameterGroupArn",
            "DBClusterParameterGroupArn",
            "OptionGroupArn",
        ],
    },
    TagCalls {
        service: "elbv2",
        add: "AddTags",
        remove: "RemoveTags",
        resource: "ResourceArns",
        tags: "Tags",
        keys: "TagKeys",
        named_by: &[],
    },
    TagCalls {
        service: "ecs",
        add: "TagResource",
        remove: "UntagResource",
        resource: "resourceArn",
        tags: "tags",
        keys: "tagKeys",
        named_by: &["Arn", "ServiceArn", "TaskDefinitionArn"],
    },
    // Names its resources nowhere by an ARN: it is made of what it is made of (`Key::Arn`).
    TagCalls {
        service: "codedeploy",
        add: "TagResource",
        remove: "UntagResource",
        resource: "ResourceArn",
        tags: "Tags",
        keys: "TagKeys",
        named_by: &[],
    },
    TagCalls {
        service: "ecr",
        add: "TagResource",
        remove: "UntagResource",
        resource: "resourceArn",
        tags: "tags",
        keys: "tagKeys",
        named_by: &["Arn"],
    },
    TagCalls {
        service: "servicediscovery",
        add: "TagResource",
        remove: "UntagResource",
        resource: "ResourceARN",
        tags: "Tags",
        keys: "TagKeys",
        named_by: &["Arn"],
    },
    TagCalls {
        service: "kms",
        add: "TagResource",
        remove: "UntagResource",
        resource: "KeyId",
        tags: "Tags",
        keys: "TagKeys",
        named_by: &[],
    },
    TagCalls {
        service: "logs",
        add: "TagResource",
        remove: "UntagResource",
        resource: "resourceArn",
        tags: "tags",
        keys: "tagKeys",
        named_by: &["LogGroupArn", "Arn"],
    },
    TagCalls {
        service: "cloudwatch",
        add: "TagResource",
        remove: "UntagResource",
        resource: "ResourceARN",
        tags: "Tags",
        keys: "TagKeys",
        named_by: &["Arn"],
    },
    TagCalls {
        service: "dynamodb",
        add: "TagResource",
        remove: "UntagResource",
        resource: "ResourceArn",
        tags: "Tags",
        keys: "TagKeys",
        named_by: &["Arn"],
    },
    TagCalls {
        service: "events",
        add: "TagResource",
        remove: "UntagResource",
        resource: "ResourceARN",
        tags: "Tags",
        keys: "TagKeys",
        named_by: &["Arn"],
    },
    TagCalls {
        service: "sns",
        add: "TagResource",
        remove: "UntagResource",
        resource: "ResourceArn",
        tags: "Tags",
        keys: "TagKeys",
        named_by: &["TopicArn"],
    },
    TagCalls {
        service: "sqs",
        add: "TagQueue",
        remove: "UntagQueue",
        resource: "QueueUrl",
        tags: "Tags",
        keys: "TagKeys",
        named_by: &[],
    },
    TagCalls {
        service: "ssm",
        add: "AddTagsToResource",
        remove: "RemoveTagsFromResource",
        resource: "ResourceId",
        tags: "Tags",
        keys: "TagKeys",
        named_by: &["Name"],
    },
    TagCalls {
        service: "secretsmanager",
        add: "TagResource",
        remove: "UntagResource",
        resource: "SecretId",
        tags: "Tags",
        keys: "TagKeys",
        named_by: &["Id"],
    },
    TagCalls {
        service: "application-autoscaling",
        add: "TagResource",
        remove: "UntagResource",
        resource: "ResourceARN",
        tags: "Tags",
        keys: "TagKeys",
        named_by: &["ScalableTargetARN"],
    },
    TagCalls {
        service: "lambda",
        add: "TagResource",
        remove: "UntagResource",
        resource: "Resource",
        tags: "Tags",
        keys: "TagKeys",
        named_by: &["Arn"],
    },
];

/// What the calls that change a service's tags need besides.
const ALSO: &[(&str, &str, &str)] = &[("ssm", "ResourceType", "Parameter")];

/// Types that differ from their service.
pub const BY_TYPE: &[(&str, TagCalls)] = &[
    // Its id is the address and the allocation; a NAT gateway has an allocation too, whose tags are not its own.
    (
        "AWS::EC2::EIP",
        TagCalls {
            service: "ec2",
            add: "CreateTags",
            remove: "DeleteTags",
            resource: "Resources",
            tags: "Tags",
            keys: "Tags",
            named_by: &["AllocationId"],
        },
    ),
    (
        "AWS::IAM::Role",
        TagCalls {
            service: "iam",
            add: "TagRole",
            remove: "UntagRole",
            resource: "RoleName",
            tags: "Tags",
            keys: "TagKeys",
            named_by: &["RoleName"],
        },
    ),
    (
        "AWS::IAM::User",
        TagCalls {
            service: "iam",
            add: "TagUser",
            remove: "UntagUser",
            resource: "UserName",
            tags: "Tags",
            keys: "TagKeys",
            named_by: &["UserName"],
        },
    ),
];

/// Tags of a hundred resources of any services a call, for types whose descriptions come without (API_GetResources: "ResourceARNList",
/// at most 100). It goes second among a type's reads, so that all types ask it in the same round. What it tells may be some seconds old: where the ownership tag is missing, [`untagged`] lets the type ask its service.
pub static SWEEP: Load = Load::of(
    "resourcegroupstaggingapi",
    "GetResources",
    By::Ids("ResourceARNList"),
    100,
    "ResourceTagMappingList",
    "ResourceARN",
);

/// Selects the tags of an item of [`SWEEP`].
pub fn swept(item: &Json, _: &PhysicalId) -> Option<Json> {
    Some(json!({"Tags": item.get("Tags")?}))
}

/// Selects the tags of an answer that has them as a map.
pub fn mapped(answer: &Json, _: &PhysicalId) -> Option<Json> {
    let tags = crate::mapping::member(answer, "Tags")?.as_object()?;
    let pairs = tags
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}));
    Some(json!({"Tags": pairs.collect::<Vec<_>>()}))
}

/// Whether a description has no ownership tag: tags that were set a moment ago, or somebody else's resource.
pub fn untagged(description: &Json) -> bool {
    let tags = description.get("Tags").and_then(Json::as_array);
    !tags.is_some_and(|tags| {
        tags.iter()
            .any(|tag| tag.get("Key").and_then(Json::as_str) == Some(INCARNATION))
    })
}

/// Whether a list of tags, as the API tells it, has an ownership tag, of whichever project.
pub fn is_marked(tags: Option<&Json>) -> bool {
    let mut tags = tags.and_then(Json::as_array).into_iter().flatten();
    tags.any(|tag| crate::mapping::member(tag, "Key").and_then(Json::as_str) == Some(INCARNATION))
}

/// Whether a list of tags, as the API tells it, has an incarnation's tag.
pub fn carries(tags: Option<&Json>, incarnation: &Incarnation) -> bool {
    let part = |tag: &Json, name: &str| {
        crate::mapping::member(tag, name)
            .and_then(Json::as_str)
            .map(str::to_owned)
    };
    let mut tags = tags.and_then(Json::as_array).into_iter().flatten();
    tags.any(|tag| {
        part(tag, "Key").as_deref() == Some(INCARNATION)
            && part(tag, "Value").as_deref() == Some(incarnation.as_str())
    })
}

/// The ARNs of resources of a kind (`kms:key`) that carry an incarnation's tag.
pub async fn tagged(
    context: &Context,
    kind: &str,
    incarnation: &Incarnation,
) -> Result<Vec<String>> {
    let mut input = Map::new();
    input.insert(
        "TagFilters".to_owned(),
        json!([{"Key": INCARNATION, "Values": [incarnation.as_str()]}]),
    );
    input.insert("ResourceTypeFilters".to_owned(), json!([kind]));
    let found = loaders::items(context, &SWEEP, input).await?;
    Ok(found
        .iter()
        .filter_map(|item| item.get("ResourceARN")?.as_str().map(str::to_owned))
        .collect())
}

/// Services that take all tags of a thing in one call, those included that stay: the call that tells them, the member of its answer, the
/// call that writes them, and the member that they go into.
const WHOLE: &[(&str, &Load, &str, &str, &str)] = &[(
    "s3",
    &crate::s3::TAGS,
    "TagSet",
    "PutBucketTagging",
    "Tagging",
)];

/// Writes all tags of a thing anew: what is there now, with these set and those taken away.
async fn rewrite(
    context: &Context,
    whole: &(
        &'static str,
        &'static Load,
        &'static str,
        &'static str,
        &'static str,
    ),
    id: &PhysicalId,
    set: &BTreeMap<&String, &String>,
    removed: &[&String],
) -> Result<()> {
    let (service, load, told, operation, member) = *whole;
    let items = loaders::load(context, load, id.as_str()).await?;
    let listed = items
        .first()
        .and_then(|item| item.get(told))
        .and_then(Json::as_array);
    let text = |tag: &Json, name: &str| {
        let text = tag.get(name).and_then(Json::as_str);
        text.unwrap_or_default().to_owned()
    };
    let mut all: BTreeMap<String, String> = listed
        .into_iter()
        .flatten()
        .map(|tag| (text(tag, "Key"), text(tag, "Value")))
        .collect();
    all.retain(|key, _| !removed.contains(&key));
    all.extend(
        set.iter()
            .map(|(key, value)| ((*key).clone(), (*value).clone())),
    );
    let pairs: Vec<Json> = all
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    let Some(key) = load.by.first() else {
        return Ok(());
    };
    let input = json!({key: id.as_str(), member: {told: pairs}});
    context.write(service, operation, input).await?;
    Ok(())
}

/// Makes the live tags the declared ones: sets what is new or differs, removes what is declared no more. Tags of payctl's and
/// AWS's own are never removed.
pub async fn update(
    context: &Context,
    definition: &Definition,
    facts: &TypeFacts,
    id: &PhysicalId,
    desired: &Value,
    live: &Value,
) -> Result<()> {
    let (wanted, have) = (
        of_type(definition, facts, desired),
        of_type(definition, facts, live),
    );
    let set: BTreeMap<&String, &String> = wanted
        .iter()
        .filter(|(key, value)| have.get(*key) != Some(value))
        .collect();
    let removed: Vec<&String> = have
        .keys()
        .filter(|key| !wanted.contains_key(*key) && !is_reserved(key))
        .collect();
    if let Some(whole) = whole(definition) {
        if set.is_empty() && removed.is_empty() {
            return Ok(());
        }
        return rewrite(context, whole, id, &set, &removed).await;
    }
    set_tags(context, definition, id, live, &set).await?;
    remove_tags(context, definition, id, live, &removed).await
}

fn whole(
    definition: &Definition,
) -> Option<&'static (
    &'static str,
    &'static Load,
    &'static str,
    &'static str,
    &'static str,
)> {
    WHOLE
        .iter()
        .find(|(service, ..)| *service == definition.service)
}

/// Rewrites the address tag of a resource that was given another address. What carries no such tag has nothing to rewrite.
pub async fn set_address(
    context: &Context,
    definition: &Definition,
    facts: &TypeFacts,
    id: &PhysicalId,
    live: &Value,
    address: &Address,
) -> Result<()> {
    if definition.tags == Tags::None || !of_type(definition, facts, live).contains_key(ADDRESS) {
        return Ok(());
    }
    let (key, value) = (ADDRESS.to_owned(), address.to_string());
    set_tags(
        context,
        definition,
        id,
        live,
        &BTreeMap::from([(&key, &value)]),
    )
    .await
}

fn calls(definition: &Definition) -> Result<TagCalls> {
    let by_type = BY_TYPE
        .iter()
        .find(|(name, _)| *name == definition.type_name)
        .map(|(_, calls)| *calls);
    by_type
        .or_else(|| {
            TAG_CALLS
                .iter()
                .find(|calls| calls.service == definition.service)
                .copied()
        })
        .ok_or_else(|| {
            crate::error::Error::definition(
                definition.type_name,
                "no calls are known that change its tags",
            )
        })
}

async fn resource(
    context: &Context,
    definition: &Definition,
    calls: &TagCalls,
    operation: &str,
    id: &PhysicalId,
    live: &Value,
) -> Result<Json> {
    let mut named = calls
        .named_by
        .iter()
        .find_map(|property| live.get(property)?.as_str().map(str::to_owned));
    let is_arn = |name: &&&str| name.to_ascii_lowercase().ends_with("arn");
    if named.is_none()
        && calls.named_by.iter().any(|name| is_arn(&name))
        && let Some(first) = definition.reads.first()
    {
        let items = loaders::load(context, first.load, id.as_str()).await?;
        let mut names = calls.named_by.iter().filter(is_arn);
        named = names.find_map(|name| {
            let told = items
                .first()
                .and_then(|item| crate::mapping::member(item, name));
            told.and_then(Json::as_str).map(str::to_owned)
        });
    }
    let pattern = definition.reads.iter().find_map(|read| match read.key {
        Key::Arn(pattern) => Some(pattern),
        _ => None,
    });
    if let (None, Some(pattern)) = (&named, pattern) {
        named = Some(context.arn(pattern, id).await?);
    }
    let name = named.unwrap_or_else(|| id.as_str().to_owned());
    // A log group's ARN is told with its streams; tags are for the group (Logs API reference, TagResource).
    let name = name.strip_suffix(":*").unwrap_or(&name).to_owned();
    Ok(if is_list(calls.service, operation, calls.resource) {
        json!([name])
    } else {
        name.into()
    })
}

fn is_list(service: &str, operation: &str, member: &str) -> bool {
    kind(service, operation, member) == Some(payctl_api::Kind::List)
}

fn kind(service: &str, operation: &str, member: &str) -> Option<payctl_api::Kind> {
    let service = payctl_api::service(service)?;
    let input = service.input(service.operation(operation)?)?;
    Some(service.shape(&input.member_named(member)?.shape).kind)
}

/// Tags as a call's member takes them: a map, or a list of pairs under the API's names for them.
fn as_member(
    service: &str,
    operation: &str,
    member: &str,
    tags: &[(&str, Option<&str>)],
) -> Option<Json> {
    let model = payctl_api::service(service)?;
    let shape = model.shape(
        &model
            .input(model.operation(operation)?)?
            .member_named(member)?
            .shape,
    );
    if shape.kind == payctl_api::Kind::Map {
        return Some(Json::Object(
            tags.iter()
                .map(|(key, value)| ((*key).to_owned(), json!(value.unwrap_or_default())))
                .collect(),
        ));
    }
    let element = model.shape(&shape.member.as_ref()?.shape);
    if element.kind == payctl_api::Kind::String {
        return Some(tags.iter().map(|(key, _)| Json::from(*key)).collect());
    }
    let name = |wanted: &str| {
        let found = element
            .members
            .iter()
            .find(|member| member.name.to_ascii_lowercase().ends_with(wanted));
        found.map(|member| member.name.clone())
    };
    let (key_name, value_name) = (name("key")?, name("value")?);
    let pairs = tags.iter().map(|(key, value)| {
        let mut pair = Map::from_iter([(key_name.clone(), json!(key))]);
        if let Some(value) = value {
            pair.insert(value_name.clone(), json!(value));
        }
        Json::Object(pair)
    });
    Some(pairs.collect())
}

async fn set_tags(
    context: &Context,
    definition: &Definition,
    id: &PhysicalId,
    live: &Value,
    set: &BTreeMap<&String, &String>,
) -> Result<()> {
    if set.is_empty() {
        return Ok(());
    }
    if let Some(whole) = whole(definition) {
        return rewrite(context, whole, id, set, &[]).await;
    }
    let calls = calls(definition)?;
    let pairs: Vec<(&str, Option<&str>)> = set
        .iter()
        .map(|(key, value)| (key.as_str(), Some(value.as_str())))
        .collect();
    let call = (calls.add, calls.tags);
    send(context, definition, &calls, call, &pairs, id, live).await
}

async fn remove_tags(
    context: &Context,
    definition: &Definition,
    id: &PhysicalId,
    live: &Value,
    keys: &[&String],
) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let calls = calls(definition)?;
    let pairs: Vec<(&str, Option<&str>)> = keys.iter().map(|key| (key.as_str(), None)).collect();
    let call = (calls.remove, calls.keys);
    send(context, definition, &calls, call, &pairs, id, live).await
}

async fn send(
    context: &Context,
    definition: &Definition,
    calls: &TagCalls,
    (operation, member): (&'static str, &'static str),
    pairs: &[(&str, Option<&str>)],
    id: &PhysicalId,
    live: &Value,
) -> Result<()> {
    let mut input = Map::new();
    input.insert(
        calls.resource.to_owned(),
        resource(context, definition, calls, operation, id, live).await?,
    );
    for (_, name, value) in ALSO
        .iter()
        .filter(|(service, ..)| *service == calls.service)
    {
        input.insert((*name).to_owned(), (*value).into());
    }
    input.insert(
        member.to_owned(),
        as_member(calls.service, operation, member, pairs).unwrap_or(Json::Null),
    );
    context
        .write(calls.service, operation, Json::Object(input))
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use payctl_model::facts::facts;

    use super::*;

    /// An update compares them with what is live: hidden, a secret tag would be written over with nothing.
    #[test]
    fn a_secret_tag_is_the_text_that_it_is() {
        let facts = facts().get("AWS::SNS::Topic").unwrap();
        let tag = Value::from(BTreeMap::from([
            ("Key".to_owned(), Value::from("token")),
            ("Value".to_owned(), Value::secret("hunter2")),
        ]));
        let model = Value::from(BTreeMap::from([(
            "Tags".to_owned(),
            Value::from(vec![tag]),
        )]));
        let tags = tags_of(&facts, &model);
        assert_eq!(tags.get("token").map(String::as_str), Some("hunter2"));
    }
}
