//! What the graph and the planner must know of a resource type besides the registry's facts: [`TypeRules`], as data.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use payctl_model::facts::{CUSTOM, is_custom};
use payctl_model::{PropertyPath, Value};

use super::Milestone;

/// The rules of all types. A type without an entry is not native.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    by_type: BTreeMap<String, TypeRules>,
    /// Whether types without rules of their own go through the Cloud Control API.
    through_cloud_control: bool,
}

/// The rules of one type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TypeRules {
    /// Whether a module of its own carries it out.
    pub native: bool,
    /// Whether AWS cannot be asked about it: what is known of it is what the state remembers.
    pub remembered: bool,
    /// Whether anything carries it out: a module, or the Cloud Control API.
    pub provisioned: bool,
    /// References at these properties wait until the producer is ready; all others only until it is accepted.
    pub needs_ready: Vec<PropertyPath>,
    /// What it comes after without referring to it.
    pub after: Vec<After>,
    /// Texts of its that name other resources, which it comes after.
    pub mentions: Vec<Mention>,
    /// Texts of its that stand for the resource of the environment that has this name: they are references to it.
    pub stands_for: Vec<Mention>,
    /// References to what is not complete without this one (a policy's role): whoever else uses that waits for this.
    pub completes: Vec<PropertyPath>,
    /// Attributes of what the references at a property name that have another value once this one is ready: who reads them
    /// waits for this one.
    pub renews: Vec<(PropertyPath, Vec<String>)>,
    /// Property sets of which AWS allows each combination of values once: a successor that has the same values cannot be
    /// made while the old one is there.
    pub unique: Vec<Vec<PropertyPath>>,
    /// References at these properties make AWS refuse the deletion of what they name, although they can be changed in
    /// place.
    pub holds: Vec<PropertyPath>,
    /// Patterns of what AWS takes and does not tell, besides the registry's write-only properties.
    pub not_told: Vec<PropertyPath>,
    /// Patterns of what only a new resource can have, besides what the registry calls create-only.
    pub create_only: Vec<PropertyPath>,
    /// Patterns of what an update can take away, while another value needs a new resource.
    pub only_withdrawn: Vec<PropertyPath>,
    /// What a property goes back to when it is declared no more, where the registry does not say.
    pub resets: Vec<(PropertyPath, Value)>,
    /// Attributes whose value is another after an update (version numbers).
    pub renewed_by_update: Vec<String>,
    /// Attributes whose value is another when this property changes.
    pub renewed_by: Vec<(String, PropertyPath)>,
    /// Properties whose change needs a new resource in some cases.
    pub conditional: Vec<Conditional>,
}

/// A property whose change needs a new resource in some cases.
#[derive(Clone)]
pub struct Conditional {
    /// Which.
    pub property: PropertyPath,
    /// Whether, for a difference at this path, what is declared there (`None`: no more) and the live model.
    pub replaces: fn(&PropertyPath, Option<&Value>, &Value) -> bool,
}

impl fmt::Debug for Conditional {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Conditional").field(&self.property).finish()
    }
}

impl PartialEq for Conditional {
    fn eq(&self, other: &Conditional) -> bool {
        self.property == other.property && std::ptr::fn_addr_eq(self.replaces, other.replaces)
    }
}

/// A hidden need: this type comes after resources of another type that have the same value somewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct After {
    /// The other type.
    pub type_name: String,
    /// Where this one has the common value.
    pub mine: Hops,
    /// Where the other one has it.
    pub theirs: Hops,
    /// How far the other one must have come.
    pub milestone: Milestone,
}

/// A text that names resources of another type within itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Mention {
    /// Where the text stands.
    pub property: PropertyPath,
    /// The other type.
    pub type_name: String,
    /// Where the other one has its name.
    pub name: PropertyPath,
}

/// A path that may pass through other resources: `SubnetId>VpcId` is the VPC of the subnet. Empty: the resource itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hops(pub Vec<PropertyPath>);

impl FromStr for Hops {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Hops, Infallible> {
        Ok(Hops(
            text.split('>')
                .map(str::trim)
                .filter(|hop| !hop.is_empty())
                .map(PropertyPath::from)
                .collect(),
        ))
    }
}

impl From<&str> for Hops {
    fn from(text: &str) -> Hops {
        match text.parse() {
            Ok(hops) => hops,
        }
    }
}

impl Rules {
    /// The rules of a type. Custom resources are carried out alike, whatever they are called.
    pub fn of(&self, type_name: &str) -> &TypeRules {
        static NONE: LazyLock<TypeRules> = LazyLock::new(TypeRules::default);
        self.by_type
            .get(type_name)
            .or_else(|| is_custom(type_name).then(|| self.by_type.get(CUSTOM))?)
            .unwrap_or_else(|| match self.through_cloud_control {
                true => TypeRules::without_module(type_name),
                false => &NONE,
            })
    }

    /// The same, where types without rules of their own go through the Cloud Control API.
    pub(super) fn with_cloud_control(self) -> Rules {
        Rules {
            through_cloud_control: true,
            ..self
        }
    }

    /// Sets the rules of a type.
    pub fn insert(&mut self, type_name: impl Into<String>, rules: TypeRules) {
        self.by_type.insert(type_name.into(), rules);
    }
}

impl<N: Into<String>> FromIterator<(N, TypeRules)> for Rules {
    fn from_iter<I: IntoIterator<Item = (N, TypeRules)>>(rules: I) -> Rules {
        let rules = rules.into_iter();
        Rules {
            by_type: rules.map(|(name, rules)| (name.into(), rules)).collect(),
            through_cloud_control: false,
        }
    }
}
