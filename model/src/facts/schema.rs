//! [`Schema`]: one node of a type's registry schema.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::value::Value;

/// JSON's kinds, as `type` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `null`
    Null,
    /// `boolean`
    Boolean,
    /// `integer`
    Integer,
    /// `number`
    Number,
    /// `string`
    String,
    /// `array`
    Array,
    /// `object`
    Object,
}

impl Kind {
    /// The keyword.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Boolean => "boolean",
            Kind::Integer => "integer",
            Kind::Number => "number",
            Kind::String => "string",
            Kind::Array => "array",
            Kind::Object => "object",
        }
    }

    fn parse(name: &str) -> Option<Kind> {
        [
            Kind::Null,
            Kind::Boolean,
            Kind::Integer,
            Kind::Number,
            Kind::String,
            Kind::Array,
            Kind::Object,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }
}

/// What a map may hold besides its named properties.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Additional {
    /// Anything: the schema says nothing, or `true`.
    #[default]
    Any,
    /// Nothing.
    None,
    /// Values of this schema.
    Schema(Box<Schema>),
}

/// One node of a registry schema: JSON Schema draft 7 with the registry's own keywords. What a node does not say is empty.
/// A node with a [`reference`](Schema::reference) must be resolved by [`super::TypeFacts::resolve`] first; the getters of
/// `TypeFacts` return resolved ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// `$ref`: the steps of the pointer from the type's root, such as `definitions`, `Tag`.
    pub reference: Option<Vec<String>>,
    /// `type`; empty: any.
    pub kinds: Vec<Kind>,
    /// `properties`.
    pub properties: BTreeMap<String, Schema>,
    /// `patternProperties`: ECMA expressions of keys.
    pub pattern_properties: Vec<(String, Schema)>,
    /// `additionalProperties`.
    pub additional: Additional,
    /// `required`.
    pub required: Vec<String>,
    /// `items`.
    pub items: Option<Box<Schema>>,
    /// `enum`, and cfn-lint's `enumCaseInsensitive`, which it sets where AWS takes any letter case.
    pub values: Vec<Value>,
    /// Whether letter case does not matter in [`values`](Schema::values).
    pub any_case: bool,
    /// `const`.
    pub constant: Option<Value>,
    /// `pattern`: an ECMA expression, searched for anywhere in the text.
    pub pattern: Option<String>,
    /// `format`: JSON Schema's, or what kind of name of which type it is, such as `AWS::EC2::VPC.Id` (cfn-lint's).
    pub format: Option<String>,
    /// `minimum`.
    pub minimum: Option<f64>,
    /// `maximum`.
    pub maximum: Option<f64>,
    /// `exclusiveMinimum`.
    pub exclusive_minimum: Option<f64>,
    /// `exclusiveMaximum`.
    pub exclusive_maximum: Option<f64>,
    /// `multipleOf`.
    pub multiple_of: Option<f64>,
    /// `minLength`, in characters.
    pub min_length: Option<u64>,
    /// `maxLength`, in characters.
    pub max_length: Option<u64>,
    /// `minItems`.
    pub min_items: Option<u64>,
    /// `maxItems`.
    pub max_items: Option<u64>,
    /// `minProperties`.
    pub min_properties: Option<u64>,
    /// `maxProperties`.
    pub max_properties: Option<u64>,
    /// `uniqueItems`.
    pub unique_items: bool,
    /// `insertionOrder`; `None` where the schema does not say (the registry's default is true).
    pub insertion_order: Option<bool>,
    /// `arrayType: AttributeList`: a list of key and value pairs, of which a template needs to name only some.
    pub attribute_list: bool,
    /// `anyOf`.
    pub any_of: Vec<Schema>,
    /// `oneOf`.
    pub one_of: Vec<Schema>,
    /// `allOf`.
    pub all_of: Vec<Schema>,
    /// `dependentRequired`, and draft 7's `dependencies` with lists: the key needs all of these beside it.
    pub dependent_required: BTreeMap<String, Vec<String>>,
    /// cfn-lint's `dependentExcluded`: the key must stand beside none of these.
    pub dependent_excluded: BTreeMap<String, Vec<String>>,
    /// cfn-lint's `requiredXor`: exactly one of these.
    pub required_one: Vec<String>,
    /// cfn-lint's `requiredOr`: at least one of these.
    pub required_any: Vec<String>,
    /// `default`: what AWS takes where the property is not given.
    pub default: Option<Value>,
}

impl Schema {
    /// Reads a node. Keywords that are malformed count as absent: a schema never makes payctl fail.
    pub fn parse(json: &Json) -> Schema {
        let schemas = |key: &str| -> Vec<Schema> {
            json[key]
                .as_array()
                .map(|list| list.iter().map(Schema::parse).collect())
                .unwrap_or_default()
        };
        let named = |key: &str| -> Vec<(String, Schema)> {
            let map = json[key].as_object().into_iter().flatten();
            map.map(|(name, schema)| (name.clone(), Schema::parse(schema)))
                .collect()
        };
        let lists = |key: &str| -> BTreeMap<String, Vec<String>> {
            let map = json[key].as_object().into_iter().flatten();
            map.filter(|(_, list)| list.is_array())
                .map(|(name, list)| (name.clone(), texts(list)))
                .collect()
        };
        let enumeration = if json["enum"].is_array() {
            &json["enum"]
        } else {
            &json["enumCaseInsensitive"]
        };
        let mut dependent_required = lists("dependencies");
        dependent_required.extend(lists("dependentRequired"));
        Schema {
            reference: json["$ref"].as_str().map(pointer),
            kinds: match &json["type"] {
                Json::String(name) => Kind::parse(name).into_iter().collect(),
                list => texts(list)
                    .iter()
                    .filter_map(|name| Kind::parse(name))
                    .collect(),
            },
            properties: named("properties").into_iter().collect(),
            pattern_properties: named("patternProperties"),
            additional: match &json["additionalProperties"] {
                Json::Bool(false) => Additional::None,
                schema @ Json::Object(_) => Additional::Schema(Box::new(Schema::parse(schema))),
                _ => Additional::Any,
            },
            required: texts(&json["required"]),
            items: json["items"]
                .is_object()
                .then(|| Box::new(Schema::parse(&json["items"]))),
            values: enumeration
                .as_array()
                .into_iter()
                .flatten()
                .cloned()
                .map(Value::from)
                .collect(),
            any_case: json["enumCaseInsensitive"].is_array(),
            constant: json.get("const").cloned().map(Value::from),
            pattern: json["pattern"].as_str().map(str::to_owned),
            format: json["format"].as_str().map(str::to_owned),
            minimum: json["minimum"].as_f64(),
            maximum: json["maximum"].as_f64(),
            exclusive_minimum: json["exclusiveMinimum"].as_f64(),
            exclusive_maximum: json["exclusiveMaximum"].as_f64(),
            multiple_of: json["multipleOf"].as_f64(),
            min_length: json["minLength"].as_u64(),
            max_length: json["maxLength"].as_u64(),
            min_items: json["minItems"].as_u64(),
            max_items: json["maxItems"].as_u64(),
            min_properties: json["minProperties"].as_u64(),
            max_properties: json["maxProperties"].as_u64(),
            unique_items: json["uniqueItems"] == Json::Bool(true),
            insertion_order: json["insertionOrder"].as_bool(),
            attribute_list: json["arrayType"] == "AttributeList",
            any_of: schemas("anyOf"),
            one_of: schemas("oneOf"),
            all_of: schemas("allOf"),
            dependent_required,
            dependent_excluded: lists("dependentExcluded"),
            required_one: texts(&json["requiredXor"]),
            required_any: texts(&json["requiredOr"]),
            default: json.get("default").cloned().map(Value::from),
        }
    }

    /// Whether it may be of this kind. A node that names no type takes every kind.
    pub fn allows(&self, kind: Kind) -> bool {
        self.kinds.is_empty()
            || self.kinds.contains(&kind)
            || kind == Kind::Integer && self.allows_number()
    }

    fn allows_number(&self) -> bool {
        self.kinds.contains(&Kind::Number)
    }

    /// Whether it is a list and nothing else.
    pub fn is_array(&self) -> bool {
        self.kinds == [Kind::Array] || self.kinds.is_empty() && self.items.is_some()
    }

    /// Whether it is a map and nothing else.
    pub fn is_object(&self) -> bool {
        self.kinds == [Kind::Object] || self.kinds.is_empty() && !self.properties.is_empty()
    }

    /// Whether the order of a list's items means nothing: the schema says so, or its items are an unordered set of keys and
    /// values.
    pub fn is_unordered(&self) -> bool {
        self.insertion_order == Some(false) || self.attribute_list
    }

    /// Whether nothing at all is said about the value.
    pub fn is_free_form(&self) -> bool {
        self.properties.is_empty()
            && self.pattern_properties.is_empty()
            && self.items.is_none()
            && self.reference.is_none()
            && matches!(self.additional, Additional::Any)
    }

    /// Whether its alternatives name no property of their own: they say at most which ones must be there.
    pub(crate) fn parts_are_silent(&self) -> bool {
        self.parts().all(|part| {
            part.properties.is_empty() && part.reference.is_none() && part.items.is_none()
        })
    }

    /// The alternatives and additions that say more about the same value.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Schema> {
        self.all_of.iter().chain(&self.any_of).chain(&self.one_of)
    }
}

fn texts(json: &Json) -> Vec<String> {
    json.as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .map(str::to_owned)
        .collect()
}

/// The steps of `#/definitions/Tag` or `/properties/A/B`.
pub(super) fn pointer(text: &str) -> Vec<String> {
    let steps = text
        .trim_start_matches('#')
        .split('/')
        .filter(|step| !step.is_empty());
    steps
        .map(|step| step.replace("~1", "/").replace("~0", "~"))
        .collect()
}
