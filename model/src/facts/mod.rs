//! The CloudFormation registry's facts about every AWS type, decoded per type when first asked for.
//!
//! [`facts`] gives the registry, [`Facts::get`] one type: its [`Schema`], which properties force a replacement, cannot be read or
//! cannot be written, how it is identified and tagged, and what `Ref` and `Fn::GetAtt` return. [`check`](fn@check) holds a value
//! against a schema; [`crate::compare`] holds two values against each other.
//!
//! The source is the registry's schemas as cfn-lint ships them (with its corrections), for us-east-1, where every type is.
//! Where AWS's schema is known to be wrong, [`overrides`] says so.

pub mod check;
pub mod custom;
pub mod overrides;
mod pack;
pub(crate) mod pattern;
pub mod provisioning;
pub mod refs;
pub mod schema;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use serde_json::Value as Json;

pub use check::{Finding, FindingKind, check};
pub use custom::{CUSTOM, is_custom};
pub use pattern::pattern_for_rust;
pub use provisioning::Provisioning;
pub use schema::{Additional, Kind, Schema};

use crate::address::{AttributeOf, PhysicalId};
use crate::path::{PropertyPath, Step};
use crate::value::Value;

/// Every registered AWS type.
#[derive(Debug)]
pub struct Facts {
    pack: pack::Pack,
    decoded: Mutex<HashMap<String, Arc<TypeFacts>>>,
}

/// The registry that is part of the program.
pub fn facts() -> &'static Facts {
    static FACTS: LazyLock<Facts> = LazyLock::new(|| Facts {
        pack: pack::Pack::open(),
        decoded: Mutex::default(),
    });
    &FACTS
}

impl Facts {
    /// A type's facts; `None` where AWS has no such type. `Custom::Anything` is a custom resource.
    pub fn get(&self, name: &str) -> Option<Arc<TypeFacts>> {
        let name = if is_custom(name) { CUSTOM } else { name };
        let mut decoded = self.decoded();
        if let Some(found) = decoded.get(name) {
            return Some(Arc::clone(found));
        }
        let mut facts = TypeFacts::parse(name, &self.pack.schema(name)?);
        facts.stateful = self.pack.stateful(name) || overrides::STATEFUL.contains(&name);
        let facts = Arc::new(facts);
        decoded.insert(name.to_owned(), Arc::clone(&facts));
        Some(facts)
    }

    /// Takes in the schema of a type that is not AWS's own, as the account's registry has it: from now on its facts are like
    /// those of any other. A type of the pack is never replaced.
    pub fn learn(&self, name: &str, schema: &Json) {
        if !self.contains_own(name) {
            let facts = Arc::new(TypeFacts::parse(name, schema));
            self.decoded().insert(name.to_owned(), facts);
        }
    }

    fn decoded(&self) -> MutexGuard<'_, HashMap<String, Arc<TypeFacts>>> {
        self.decoded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All types of AWS, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pack.names()
    }

    /// Whether there is such a type, without decoding it: one of AWS's, or one that was [learned](Facts::learn).
    pub fn contains(&self, name: &str) -> bool {
        self.contains_own(name) || self.decoded().contains_key(name)
    }

    fn contains_own(&self, name: &str) -> bool {
        name.starts_with("Custom::") || self.pack.contains(name)
    }

    /// The type whose name is most like this one, for a "did you mean".
    pub fn nearest(&self, name: &str) -> Option<&str> {
        check::nearest(name, self.names())
    }
}

/// What the registry says of one type. Paths are patterns: `*` stands for every item of a list and every key of a free map.
#[derive(Clone, Debug)]
pub struct TypeFacts {
    /// `AWS::EC2::Subnet`.
    pub name: String,
    /// The resource's properties.
    pub root: Schema,
    /// A change of these needs a new resource.
    pub create_only: Vec<PropertyPath>,
    /// A change of these needs a new resource in some cases: the type's module knows which.
    pub conditional_create_only: Vec<PropertyPath>,
    /// AWS sets these; a template cannot.
    pub read_only: Vec<PropertyPath>,
    /// AWS never gives these back.
    pub write_only: Vec<PropertyPath>,
    /// AWS wants these replaced by something else.
    pub deprecated: Vec<PropertyPath>,
    /// The properties whose values, joined by `|`, are the [`PhysicalId`].
    pub primary_identifier: Vec<PropertyPath>,
    /// Other sets of properties that identify it.
    pub additional_identifiers: Vec<Vec<PropertyPath>>,
    /// How it is tagged.
    pub tagging: Tagging,
    /// What AWS's handlers of the type can do.
    pub provisioning: Provisioning,
    /// How AWS writes a property that a template may write otherwise: the registry's JSONata expressions (several joined by
    /// ` $OR `), by path.
    pub transforms: Vec<(PropertyPath, String)>,
    /// Whether a replacement must delete the old resource before it makes the new one (`replacementStrategy`).
    pub delete_then_create: bool,
    /// Whether it holds data that is lost with it.
    pub stateful: bool,
    /// Secrets, never shown.
    pub sensitive: Vec<PropertyPath>,
    /// Lists whose order means nothing although the schema does not say so.
    pub unordered: Vec<PropertyPath>,
    attributes: BTreeSet<String>,
    any_attribute: bool,
    definitions: HashMap<String, Schema>,
    /// What a reference that leads nowhere resolves to.
    nothing: Schema,
}

/// How a type is tagged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tagging {
    /// Whether it can have tags.
    pub taggable: bool,
    /// Whether tags can be given with the create call.
    pub on_create: bool,
    /// Whether tags can change without a new resource.
    pub updatable: bool,
    /// The property with the tags.
    pub property: Option<PropertyPath>,
    /// Whether it has the tags of its own declaration only, and not those of its stack, of the environment and of whose it is.
    pub declared_only: bool,
}

impl TypeFacts {
    fn parse(name: &str, json: &Json) -> TypeFacts {
        let definitions = json["definitions"].as_object().into_iter().flatten();
        let mut facts = TypeFacts {
            name: name.to_owned(),
            root: Schema::parse(json),
            create_only: Vec::new(),
            conditional_create_only: Vec::new(),
            read_only: Vec::new(),
            write_only: Vec::new(),
            deprecated: Vec::new(),
            primary_identifier: Vec::new(),
            additional_identifiers: Vec::new(),
            tagging: Tagging::default(),
            provisioning: Provisioning::of(name, json),
            transforms: Vec::new(),
            delete_then_create: json["replacementStrategy"] == "delete_then_create",
            stateful: false,
            sensitive: Vec::new(),
            unordered: Vec::new(),
            attributes: BTreeSet::new(),
            any_attribute: name == CUSTOM,
            definitions: definitions
                .map(|(name, json)| (name.clone(), Schema::parse(json)))
                .collect(),
            nothing: Schema::parse(&Json::Null),
        };
        if facts.root.kinds.is_empty() {
            facts.root.kinds.push(Kind::Object);
        }
        let list = |key: &Json| -> Vec<PropertyPath> {
            let pointers = key
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Json::as_str);
            pointers.map(|pointer| facts.path(pointer)).collect()
        };
        let create_only = list(&json["createOnlyProperties"]);
        let conditional = list(&json["conditionalCreateOnlyProperties"]);
        let read_only = list(&json["readOnlyProperties"]);
        let write_only = list(&json["writeOnlyProperties"]);
        let deprecated = list(&json["deprecatedProperties"]);
        let primary = list(&json["primaryIdentifier"]);
        let additional = json["additionalIdentifiers"]
            .as_array()
            .into_iter()
            .flatten()
            .map(list)
            .collect();
        let transforms = json["propertyTransform"].as_object().into_iter().flatten();
        let transforms = transforms
            .filter_map(|(pointer, rule)| Some((facts.path(pointer), rule.as_str()?.to_owned())));
        let transforms = transforms.collect();
        let tagging = facts.read_tagging(json);
        facts.create_only = create_only;
        facts.conditional_create_only = conditional;
        facts.read_only = read_only;
        facts.write_only = write_only;
        facts.deprecated = deprecated;
        facts.primary_identifier = primary;
        facts.additional_identifiers = additional;
        facts.transforms = transforms;
        facts.tagging = tagging;
        overrides::apply(&mut facts);
        if facts.any_attribute {
            // The provider is told of every change and decides: another identifier in its answer is another resource. That a
            // change of `ServiceToken` is "not supported" (the type's page) is CloudFormation's limit, not the protocol's.
            facts.create_only.clear();
        }
        facts.attributes = facts.find_attributes(json);
        facts
    }

    fn read_tagging(&self, json: &Json) -> Tagging {
        // A custom resource has the properties that its template writes, and no others.
        if self.any_attribute {
            return Tagging::default();
        }
        let tagging = &json["tagging"];
        let flag = |key: &str| tagging[key].as_bool().unwrap_or(true);
        let taggable = tagging["taggable"]
            .as_bool()
            .or(json["taggable"].as_bool())
            .unwrap_or(true);
        // "tagProperty … default /properties/Tags" and the flags' defaults: CloudFormation CLI user guide, "Resource type
        // schema", tagging.
        let pointer = tagging["tagProperty"]
            .as_str()
            .unwrap_or("/properties/Tags");
        let property = self.path(pointer);
        let exists = self.schema_at(&property).is_some();
        Tagging {
            taggable: taggable && exists,
            on_create: taggable && exists && flag("tagOnCreate"),
            updatable: taggable && exists && flag("tagUpdatable"),
            property: (taggable && exists).then_some(property),
            declared_only: overrides::TAGGED_AS_DECLARED.contains(&self.name.as_str()),
        }
    }

    /// A registry pointer as a path: `/properties/A/*/B`, also where it leaves the step into a list out.
    fn path(&self, pointer: &str) -> PropertyPath {
        let mut steps = schema::pointer(pointer).into_iter().peekable();
        steps.next_if(|step| step == "properties");
        let mut path = PropertyPath::root();
        let mut node = Some(&self.root);
        for name in steps {
            let here = node.map(|schema| self.resolve(schema));
            let is_property = here
                .is_some_and(|schema| self.property(schema, &name).is_some() && !schema.is_array());
            if here.is_some_and(Schema::is_array) {
                node = here.and_then(|schema| self.items(schema));
                path = path.step(Step::Any);
                if name == "*" || name == "items" {
                    continue;
                }
            } else if name == "*" {
                node = here.and_then(|schema| self.property(schema, ""));
                path = path.step(Step::Any);
                continue;
            } else if name == "properties" && !is_property {
                continue;
            }
            node = node.and_then(|schema| self.property(schema, &name));
            path = path.key(name);
        }
        path
    }

    /// The node that a reference leads to; the node itself where it is none. A reference that leads nowhere, or in a
    /// circle, resolves to a node that says nothing.
    pub fn resolve<'a>(&'a self, schema: &'a Schema) -> &'a Schema {
        let mut schema = schema;
        // References to references are short; a circle is longer than any of them.
        for _ in 0..16 {
            let Some(reference) = &schema.reference else {
                return schema;
            };
            let Some(found) = self.pointed(reference) else {
                return &self.nothing;
            };
            schema = found;
        }
        &self.nothing
    }

    fn pointed(&self, steps: &[String]) -> Option<&Schema> {
        let mut steps = steps.iter();
        let mut node = match steps.next()?.as_str() {
            "definitions" => self.definitions.get(steps.next()?)?,
            "properties" => self.root.properties.get(steps.next()?)?,
            _ => return None,
        };
        while let Some(step) = steps.next() {
            node = match step.as_str() {
                "properties" => node.properties.get(steps.next()?)?,
                "items" => node.items.as_deref()?,
                _ => return None,
            };
        }
        Some(node)
    }

    /// The schema of a map's key, resolved: a named property, one of an alternative's, or one of a free map's.
    pub fn property<'a>(&'a self, schema: &'a Schema, key: &str) -> Option<&'a Schema> {
        self.property_within(schema, key, 8)
    }

    fn property_within<'a>(
        &'a self,
        schema: &'a Schema,
        key: &str,
        depth: usize,
    ) -> Option<&'a Schema> {
        let depth = depth.checked_sub(1)?;
        let schema = self.resolve(schema);
        if let Some(named) = schema.properties.get(key) {
            return Some(self.resolve(named));
        }
        if let Some(found) = schema
            .parts()
            .find_map(|part| self.property_within(part, key, depth))
        {
            return Some(found);
        }
        let matching = schema
            .pattern_properties
            .iter()
            .find(|(pattern, _)| pattern::matches(pattern, key));
        match (
            matching.or(schema.pattern_properties.first().filter(|_| key.is_empty())),
            &schema.additional,
        ) {
            (Some((_, found)), _) => Some(self.resolve(found)),
            (None, Additional::Schema(found)) => Some(self.resolve(found)),
            (None, _) => None,
        }
    }

    /// The schema of a list's items, resolved.
    pub fn items<'a>(&'a self, schema: &'a Schema) -> Option<&'a Schema> {
        let schema = self.resolve(schema);
        let own = schema.items.as_deref();
        own.or_else(|| {
            schema
                .parts()
                .find_map(|part| self.resolve(part).items.as_deref())
        })
        .map(|items| self.resolve(items))
    }

    /// The schema of what stands at a path, resolved; `None` where the schema has nothing there.
    pub fn schema_at(&self, path: &PropertyPath) -> Option<&Schema> {
        path.steps()
            .iter()
            .try_fold(self.resolve(&self.root), |schema, step| match step {
                Step::Key(key) => self.property(schema, key),
                Step::Index(_) => self.items(schema),
                Step::Any => self.items(schema).or_else(|| self.property(schema, "")),
            })
    }

    /// Whether a change there needs a new resource.
    pub fn is_create_only(&self, path: &PropertyPath) -> bool {
        covers(&self.create_only, path)
    }

    /// Whether a change there needs a new resource in some cases.
    pub fn is_conditional_create_only(&self, path: &PropertyPath) -> bool {
        covers(&self.conditional_create_only, path)
    }

    /// Whether AWS sets it and a template cannot. What is create-only too can be declared and is not read-only here: some
    /// schemas list a name that AWS makes up when it is left out as both. Of two that cover it the nearer one counts.
    pub fn is_read_only(&self, path: &PropertyPath) -> bool {
        nearest(&self.read_only, path) > nearest(&self.create_only, path)
    }

    /// Whether AWS never gives it back.
    pub fn is_write_only(&self, path: &PropertyPath) -> bool {
        covers(&self.write_only, path)
    }

    /// Whether it is a secret, or one stands in it.
    pub fn is_sensitive(&self, path: &PropertyPath) -> bool {
        covers(&self.sensitive, path)
    }

    /// Whether the order of the list there means nothing.
    pub fn is_unordered(&self, path: &PropertyPath) -> bool {
        self.unordered
            .iter()
            .any(|pattern| pattern.matches(&path.pattern()))
            || self.schema_at(path).is_some_and(Schema::is_unordered)
    }

    /// What `Fn::GetAtt` takes: the read-only properties and those in them, joined by dots, and for types of before the
    /// registry what cfn-lint knows. Sorted.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(String::as_str)
    }

    /// Whether `Fn::GetAtt` takes this name. A custom resource's handler and a nested stack's outputs decide for themselves.
    pub fn has_attribute(&self, name: &str) -> bool {
        self.any_attribute
            || self.attributes.contains(name)
            || name.starts_with("Outputs.") && self.attributes.contains("Outputs")
            || self.is_read_only(&PropertyPath::from(name))
                && self.schema_at(&PropertyPath::from(name)).is_some()
    }

    /// Whether its attributes are whatever its provider returns.
    pub fn has_any_attribute(&self) -> bool {
        self.any_attribute
    }

    /// The attribute whose name is most like this one, for a "did you mean".
    pub fn nearest_attribute(&self, name: &str) -> Option<&str> {
        check::nearest(name, self.attributes())
    }

    /// The schema of what an attribute returns.
    pub fn attribute_schema(&self, name: &str) -> Option<&Schema> {
        self.schema_at(&PropertyPath::from(name))
    }

    /// What `Ref` (as [`AttributeOf::REF`]) or `Fn::GetAtt` returns for a resource with this model and identifier; `None`
    /// while the model does not tell.
    pub fn attribute(&self, name: &str, model: &Value, id: &PhysicalId) -> Option<Value> {
        if name == AttributeOf::REF {
            return self.reference(model, id);
        }
        if self.any_attribute {
            return custom::attribute(model, name).cloned();
        }
        if let Some(found) = model.at(&PropertyPath::from(name)) {
            return Some(found.clone());
        }
        // Outputs of nested stacks and custom resources: names with dots are keys.
        let (head, rest) = name.split_once('.')?;
        model
            .get(head)?
            .get(rest)
            .cloned()
            .or_else(|| model.get(name).cloned())
    }

    /// What `Ref` returns; `None` while the model does not tell.
    pub fn reference(&self, model: &Value, id: &PhysicalId) -> Option<Value> {
        refs::reference(&self.name, model, id)
    }

    /// The top-level property whose value `Ref` returns, as `payctl schema` names it; `None` where it is the whole of an
    /// identifier with several parts.
    pub fn reference_property(&self) -> Option<String> {
        refs::property(&self.name).map(str::to_owned).or_else(|| {
            match self.primary_identifier.as_slice() {
                [only] if refs::is_identifier(&self.name) => Some(only.to_string()),
                _ => None,
            }
        })
    }

    /// The identifier that a model has: its primary identifier's values joined by `|`. `None` where one is missing.
    pub fn identifier(&self, model: &Value) -> Option<PhysicalId> {
        let parts: Option<Vec<String>> = self
            .primary_identifier
            .iter()
            .map(|path| model.at(path)?.to_text())
            .collect();
        parts
            .filter(|parts| !parts.is_empty())
            .map(|parts| PhysicalId(parts.join("|")))
    }

    fn find_attributes(&self, json: &Json) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for path in &self.read_only {
            if let Some(schema) = self.schema_at(path) {
                self.add_attributes(path, schema, 6, &mut found);
            }
        }
        if json["allAttributes"] == Json::Bool(true) {
            for (name, schema) in &self.root.properties {
                self.add_attributes(
                    &PropertyPath::root().key(name),
                    self.resolve(schema),
                    6,
                    &mut found,
                );
            }
        }
        let more = json["moreAttributes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Json::as_str);
        found.extend(more.map(str::to_owned));
        found.extend(
            refs::more_attributes(&self.name)
                .iter()
                .map(|name| (*name).to_owned()),
        );
        found
    }

    fn add_attributes(
        &self,
        path: &PropertyPath,
        schema: &Schema,
        depth: usize,
        found: &mut BTreeSet<String>,
    ) {
        if path
            .steps()
            .iter()
            .any(|step| !matches!(step, Step::Key(_)))
        {
            return;
        }
        found.insert(path.to_string());
        if let Some(depth) = depth.checked_sub(1) {
            for (key, schema) in &schema.properties {
                self.add_attributes(&path.key(key), self.resolve(schema), depth, found);
            }
        }
    }
}

/// How many steps the longest pattern has that covers a path.
fn nearest(patterns: &[PropertyPath], path: &PropertyPath) -> Option<usize> {
    let covering = patterns.iter().filter(|pattern| pattern.is_prefix_of(path));
    covering.map(|pattern| pattern.steps().len()).max()
}

fn covers(patterns: &[PropertyPath], path: &PropertyPath) -> bool {
    patterns.iter().any(|pattern| pattern.is_prefix_of(path))
}

#[cfg(test)]
mod tests;
