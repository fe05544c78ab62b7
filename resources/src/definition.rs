//! [`Definition`]: the table that a resource type is. What the registry and the API models say is not repeated in it.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use payctl_model::{Incarnation, PhysicalId, PropertyPath, Value};
use serde_json::{Map, Value as Json, json};

use crate::context::Context;
use crate::error::Result;
use crate::loaders::Load;
use crate::mapping::Rule;
use crate::names::Name;
use crate::resource::{Status, Update};

/// Everything that is particular to a resource type. Write it as a `const` that starts from [`Definition::new`]:
/// `Definition { create: …, ..Definition::new("AWS::EC2::Subnet", "ec2") }`.
///
/// The physical id is not in it: it follows from the model and the registry's primary identifier.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// `AWS::EC2::Subnet`.
    pub type_name: &'static str,
    /// The API model's name of the service: `ec2`, `elbv2`.
    pub service: &'static str,
    /// The call that makes it.
    pub create: Create,
    /// The calls that read it: the first gives the description (its absence means that the resource is not there), the
    /// others add to it.
    pub reads: &'static [Read],
    /// The calls that change it, in this order. Properties that [`create`](Definition::create) does not take are sent with these
    /// after it.
    pub updates: &'static [Change],
    /// The call that deletes it.
    pub delete: Delete,
    /// Properties that are never sent, for these declared ones: another resource (an Aurora cluster its members' backups) or the
    /// source (a snapshot its user's name) decides them.
    pub decided_elsewhere: fn(&Map<String, Json>) -> &'static [&'static str],
    /// How an interrupted create is found again.
    pub find: Find,
    /// Where names or forms of properties and API members differ.
    pub rules: &'static [Rule],
    /// How it is tagged.
    pub tags: Tags,
    /// The property that names it, and what AWS allows there; generated where the template gives none.
    pub name: Option<Name>,
    /// How far it has come, told from the description (the API's answer, all [`reads`](Definition::reads) merged).
    pub status: fn(&Json) -> Status,
    /// Errors that only mean that something made before is not known everywhere yet: the call is repeated for some minutes.
    /// The error's code, and a part of its message (empty: any).
    pub propagation: &'static [(&'static str, &'static str)],
    /// References that need their target ready, not only accepted.
    pub needs: &'static [Need],
    /// What it comes after without referring to it.
    pub after: &'static [After],
    /// Texts of its that name other resources: it comes after those as if it referred to them.
    pub mentions: &'static [Mention],
    /// Texts that name the newest of what another type registers under a name (a task definition's family): they are references to it
    /// where the environment declares it.
    pub stands_for: &'static [Mention],
    /// References to what is not complete without this one (a policy's role): whoever else uses that waits for this.
    pub completes: &'static [&'static str],
    /// Attributes of what these references name that have another value once this one is ready (a VPC's ranges): who reads them
    /// waits for this one, and they are read anew then.
    pub renews: &'static [(&'static str, &'static [&'static str])],
    /// Sets of properties of which AWS allows each combination of values once (a fixed name; one route per destination): a
    /// successor with the same values can be made only when the old one is gone.
    pub unique: &'static [&'static [&'static str]],
    /// References at these properties make AWS refuse the deletion of what they name, although they can change in place.
    pub holds: &'static [&'static str],
    /// Attributes whose value is another after an update.
    pub renewed_by_update: &'static [&'static str],
    /// Attributes whose value is another when this property changes: a stream's ARN with what the stream shows.
    pub renewed_by: &'static [(&'static str, &'static str)],
    /// Properties whose change needs a new resource in some cases only (the registry's conditional create-only ones).
    pub replaced_when: &'static [(&'static str, Replaces)],
    /// CloudFormation takes a final snapshot when no deletion policy is written down.
    pub snapshot_by_default: bool,
    /// Properties (patterns) that are refused, with the reason. "Too hard" is none.
    pub unsupported: &'static [(&'static str, &'static str)],
    /// Properties (patterns) that AWS takes but does not tell, beyond the registry's write-only ones; with the reason.
    pub not_told: &'static [(&'static str, &'static str)],
    /// Properties (patterns) that can only be given at creation although the registry does not call them create-only; with the
    /// reason. A change of them needs a new resource.
    pub create_only: &'static [(&'static str, &'static str)],
    /// Properties that an update can take away, while another value of theirs needs a new resource (the source of a replica, which
    /// can be promoted).
    pub only_withdrawn: &'static [&'static str],
    /// Whether what AWS reports as failed is the last change and not the resource: it is changed again, never replaced for it.
    pub survives_failure: bool,
    /// AWS cannot be asked about it: its model is what the state remembers.
    pub remembered: bool,
    /// How long it may take to become ready, or to be gone, before payctl gives up.
    pub patience: Duration,
    /// What a property goes back to when the template stops declaring it, as JSON text; the registry's default otherwise.
    pub resets: &'static [(&'static str, &'static str)],
}

impl Definition {
    /// A table with nothing in it.
    pub const fn new(type_name: &'static str, service: &'static str) -> Definition {
        Definition {
            type_name,
            service,
            create: Create::of("", ""),
            reads: &[],
            updates: &[],
            delete: Delete {
                operation: "",
                ids: &[],
                fixed: &[],
                gone: &[],
                busy: &[],
                lingers: false,
            },
            decided_elsewhere: |_| &[],
            find: Find::Tag,
            rules: &[],
            tags: Tags::None,
            name: None,
            status: ready,
            propagation: &[],
            needs: &[],
            after: &[],
            mentions: &[],
            stands_for: &[],
            completes: &[],
            renews: &[],
            unique: &[],
            holds: &[],
            renewed_by_update: &[],
            renewed_by: &[],
            replaced_when: &[],
            snapshot_by_default: false,
            unsupported: &[],
            not_told: &[],
            create_only: &[],
            only_withdrawn: &[],
            survives_failure: false,
            remembered: false,
            // Nothing that AWS's documentation gives no longer time takes half an hour.
            patience: Duration::from_secs(30 * 60),
            resets: &[],
        }
    }
}

/// The status of what has no states: what can be read is ready.
pub fn ready(_: &Json) -> Status {
    Status::Ready
}

/// Whether a difference needs a new resource: its path, what is declared there (`None`: no more) and the live model.
pub type Replaces = fn(&PropertyPath, Option<&Value>, &Value) -> bool;

/// Makes an input of the declared properties.
pub type Build = fn(&Map<String, Json>) -> Map<String, Json>;

/// Chooses another create call for some declared properties.
pub type Choice = fn(&Map<String, Json>) -> Option<&'static Create>;

/// Makes members of an input from what shall be and what is live.
pub type Made = fn(&Update<'_>) -> Json;

/// The call that makes a resource. Its input follows from the properties by name.
#[derive(Clone, Copy, Debug)]
pub struct Create {
    /// `CreateSubnet`.
    pub operation: &'static str,
    /// Where the answer has the description, dotted with positions: `Subnet`, `services.0`; empty: the answer itself.
    pub description: &'static str,
    /// Members that are the same for every resource.
    pub fixed: &'static [(&'static str, Fixed)],
    /// The member for the idempotency token, where the API model does not mark it.
    pub token: Option<&'static str>,
    /// Makes the whole input of all declared properties, where names do not lead there.
    pub build: Option<Build>,
    /// Properties that the module's own `create` sends.
    pub own: &'static [&'static str],
    /// Another call for these declared properties: one that restores a snapshot, say. This one where it gives none.
    pub instead: Option<Choice>,
    /// Calls for what this one does not take are refused until the resource is ready.
    pub settles: bool,
    /// EC2: types of resources that the call makes besides, tagged alike where a property says so.
    pub tags_too: &'static [(&'static str, &'static str)],
    /// The call overwrites what has the name already, whoever's it is: it is looked first, and made only where the name is free.
    pub overwrites: bool,
}

impl Create {
    /// A call whose input follows from the properties.
    pub const fn of(operation: &'static str, description: &'static str) -> Create {
        Create {
            operation,
            description,
            fixed: &[],
            token: None,
            build: None,
            own: &[],
            instead: None,
            settles: false,
            tags_too: &[],
            overwrites: false,
        }
    }
}

/// A value that stands in a table.
#[derive(Clone, Copy, Debug)]
pub enum Fixed {
    /// A text.
    Text(&'static str),
    /// A flag.
    Flag(bool),
    /// A number.
    Number(i64),
    /// A list of texts.
    List(&'static [&'static str]),
    /// JSON text, for everything else.
    Json(&'static str),
}

impl Fixed {
    /// As the API takes it.
    pub fn to_json(self) -> Json {
        match self {
            Fixed::Text(text) => text.into(),
            Fixed::Flag(flag) => flag.into(),
            Fixed::Number(number) => number.into(),
            Fixed::List(items) => json!(items),
            Fixed::Json(text) => serde_json::from_str(text).unwrap_or(Json::Null),
        }
    }
}

/// Finds in an item what describes the resource with this id.
pub type Select = fn(&Json, &PhysicalId) -> Option<Json>;

/// One of the calls that read a resource.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    /// The call, shared with all resources and types that name the same [`Load`].
    pub load: &'static Load,
    /// What the call asks for.
    pub key: Key,
    /// What of the item describes the resource; `None` where the resource is not in it. Default: the item itself.
    pub select: Option<Select>,
    /// Where it is put in the description; empty: its members are merged into it.
    pub into: &'static str,
    /// Whether to make this call, from the description so far. Not for the first one.
    pub when: Option<fn(&Json) -> bool>,
    /// It is made for each text of this list in the description so far, which follows the key's parts; the
    /// items of all these calls are the read's. Empty: it is made once.
    pub each: &'static str,
    /// The call tells these properties alone and costs one for each resource: it is made only where one of them is declared
    /// ([`read_declared`](crate::loaders::read_declared)) or it is not known what is.
    pub only_for: &'static [&'static str],
    /// All items, as a list, and not the first that describes the resource.
    pub all: bool,
}

impl Read {
    /// The whole item of one call, asked for by the physical id.
    pub const fn of(load: &'static Load) -> Read {
        Read {
            load,
            key: Key::Id(&[]),
            select: None,
            into: "",
            when: None,
            each: "",
            only_for: &[],
            all: false,
        }
    }
}

/// What a read asks for.
#[derive(Clone, Copy, Debug)]
pub enum Key {
    /// These parts of the physical id, joined by `|`; none named: the whole.
    Id(&'static [usize]),
    /// What a function makes of the physical id.
    Made(fn(&PhysicalId) -> Option<String>),
    /// Texts of the description so far, by dotted path, joined by `|`.
    Described(&'static [&'static str]),
    /// An ARN that AWS does not tell, for calls about tags: `{partition}`, `{region}` and `{account}` are where the call goes and
    /// whose it is, `{0}`, `{1}` … the parts of the physical id.
    Arn(&'static str),
}

/// A future of a type's own step.
pub type StepFuture<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// A call, or a step in Rust, that changes some of a resource's properties. Which: those whose names its input has.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// `ModifySubnetAttribute`.
    pub operation: &'static str,
    /// Members that name the resource: `SubnetId`, or `GroupId=Id` where the property is called otherwise.
    pub ids: &'static [&'static str],
    /// The top-level properties it is for; none named: all that its input takes.
    pub takes: &'static [&'static str],
    /// What of them is sent.
    pub mode: Mode,
    /// Members that are the same for every resource, where its properties do not say otherwise.
    pub fixed: &'static [(&'static str, Fixed)],
    /// Properties whose members are made from what shall be and what is live, when they change.
    pub made: &'static [(&'static str, Made)],
    /// Properties that are sent along when one of these others changes (none named: with every call), and never alone.
    pub along: &'static [(&'static str, &'static [&'static str])],
    /// Properties that are sent together: when one of a set changes, the others go along.
    pub together: &'static [&'static [&'static str]],
}

impl Change {
    /// A call that takes what changed.
    pub const fn of(operation: &'static str, ids: &'static [&'static str]) -> Change {
        Change {
            operation,
            ids,
            takes: &[],
            mode: Mode::Changed,
            fixed: &[],
            made: &[],
            along: &[],
            together: &[],
        }
    }

    /// Properties that no call takes when they change: they act in another call (a deletion's).
    pub const fn elsewhere(takes: &'static [&'static str]) -> Change {
        Change {
            takes,
            mode: Mode::Elsewhere,
            ..Change::of("", &[])
        }
    }

    /// Whether a change of these properties makes a call.
    pub fn calls(&self, names: &[&str]) -> bool {
        let along = |name: &&str| self.along.iter().any(|(property, _)| property == name);
        !matches!(self.mode, Mode::Elsewhere) && !names.iter().all(along)
    }
}

/// What a [`Change`] sends.
#[derive(Clone, Copy)]
pub enum Mode {
    /// The top-level properties that change.
    Changed,
    /// The same, one call for each member of the input.
    OneAtATime,
    /// Everything declared that the input takes: the call replaces all.
    All,
    /// A step of its own, for what one call cannot do. `takes` names the properties, and the step makes the calls.
    Step(for<'a> fn(&'a Context, &'a PhysicalId, &'a Update<'a>) -> StepFuture<'a>),
    /// Nothing: the properties act in another call.
    Elsewhere,
}

impl std::fmt::Debug for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Mode::Changed => "Changed",
            Mode::OneAtATime => "OneAtATime",
            Mode::All => "All",
            Mode::Step(_) => "Step",
            Mode::Elsewhere => "Elsewhere",
        })
    }
}

/// The call that deletes a resource.
#[derive(Clone, Copy, Debug)]
pub struct Delete {
    /// `DeleteSubnet`.
    pub operation: &'static str,
    /// Members that name the resource, as in [`Change::ids`].
    pub ids: &'static [&'static str],
    /// Members that are the same for every resource.
    pub fixed: &'static [(&'static str, Fixed)],
    /// Error codes that mean it is gone already.
    pub gone: &'static [&'static str],
    /// Error codes that mean something that is going away still uses it: the call is repeated for some minutes.
    pub busy: &'static [&'static str],
    /// AWS may keep it for days after the call, with nothing to wait for.
    pub lingers: bool,
}

impl Delete {
    /// A call, and the error codes that mean it is gone already.
    pub const fn of(
        operation: &'static str,
        ids: &'static [&'static str],
        gone: &'static [&'static str],
    ) -> Delete {
        Delete {
            operation,
            ids,
            fixed: &[],
            gone,
            busy: &[],
            lingers: false,
        }
    }
}

/// The future of a type's own search.
pub type FindFuture<'a> = Pin<Box<dyn Future<Output = Result<Option<PhysicalId>>> + Send + 'a>>;

/// How an interrupted create is found again.
#[derive(Clone, Copy)]
pub enum Find {
    /// EC2: the describe call with a filter for the ownership tag.
    Tag,
    /// These properties as declared, joined by `|`, are the physical id. What can be tagged must carry the incarnation's tag.
    Key(&'static [&'static str]),
    /// The call is repeated with the same token: AWS answers with what it made before.
    Token,
    /// Another load, asked with what a function takes from the declared properties; the item must carry the incarnation's tag
    /// where it has tags. The id follows from the item.
    Lookup(&'static Load, fn(&Value) -> Option<String>),
    /// A search of its own.
    Search(for<'a> fn(&'a Context, &'a Value, &'a Incarnation) -> FindFuture<'a>),
}

impl std::fmt::Debug for Find {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Find::Tag => f.write_str("Tag"),
            Find::Key(key) => write!(f, "Key({key:?})"),
            Find::Token => f.write_str("Token"),
            Find::Lookup(load, _) => write!(f, "Lookup({})", load.operation),
            Find::Search(_) => f.write_str("Search"),
        }
    }
}

/// How a type is tagged. How tags change afterwards is a matter of the service: `tags.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tags {
    /// It has none.
    None,
    /// With the create call, in the member that its `Tags` property maps to by name.
    Member,
    /// EC2: with the create call, in `TagSpecifications` with this resource type.
    Specification(&'static str),
    /// EC2: with the create call, in a property of its own that lists tags by type of resource; this one is its own.
    Listed(&'static str, &'static str),
    /// Not with the create call: afterwards.
    Afterwards,
}

/// How far a producer must have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Milestone {
    /// AWS has accepted the call and the id is known.
    Accepted,
    /// It is ready for use.
    Ready,
}

/// A reference that needs its target ready.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// The property (pattern) with the reference.
    pub property: &'static str,
    /// Why, with AWS's documentation.
    pub reason: &'static str,
}

/// A hidden need: this one comes after resources of another type that have the same value somewhere.
#[derive(Clone, Copy, Debug)]
pub struct After {
    /// The other type.
    pub type_name: &'static str,
    /// Where this one has the common value; `A>B` passes through the resource that `A` names.
    pub mine: &'static str,
    /// Where the other one has it. Empty: the other one itself.
    pub theirs: &'static str,
    /// How far the other one must have come.
    pub milestone: Milestone,
    /// Why, with AWS's documentation.
    pub reason: &'static str,
}

/// A text that names other resources within itself.
#[derive(Clone, Copy, Debug)]
pub struct Mention {
    /// The property (pattern) with the text.
    pub property: &'static str,
    /// The other type.
    pub type_name: &'static str,
    /// The other one's property with its name.
    pub name: &'static str,
    /// Why, with AWS's documentation.
    pub reason: &'static str,
}
