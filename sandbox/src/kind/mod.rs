//! How a service, a kind of thing and its operations are declared: plain constants, read by `crate::generic`.

mod operation;

pub use operation::*;

use crate::call::Call;
use crate::error::{Answer, Fault};
use crate::law::Law;
use crate::world::{Key, Record};
use serde_json::Value as Json;

/// One AWS service: its kinds, its operations and its laws.
#[derive(Debug)]
pub struct Service {
    /// botocore's folder name: `ec2`, `elbv2`, `logs` …
    pub name: &'static str,
    /// What the service keeps.
    pub kinds: &'static [&'static Kind],
    /// Operations that concern no single kind (tags, for example). A kind's own stand with the kind.
    pub operations: &'static [Operation],
    /// Laws that are more than data.
    pub laws: &'static [&'static Law],
    /// What the service answers when the request breaks its API model; `{message}` is what is wrong.
    pub invalid: Fault,
    /// What it answers when a required member is missing; `{message}` and `{member}`.
    pub missing: Fault,
    /// What it answers to a known token with other parameters; `{token}`.
    pub token_mismatch: Fault,
}

impl Service {
    /// Where a service declaration starts: `Service { name: "logs", kinds: …, ..Service::NEW }`.
    pub const NEW: Service = Service {
        name: "",
        kinds: &[],
        operations: &[],
        laws: &[],
        invalid: Fault::new("ValidationException", "{message}"),
        missing: Fault::new("ValidationException", "{message}"),
        token_mismatch: Fault::new(
            "IdempotentParameterMismatch",
            "The request uses the same client token '{token}' as a previous, but non-identical request.",
        ),
    };

    /// Every operation that the service answers, with the kind that it concerns.
    pub fn all_operations(
        &'static self,
    ) -> impl Iterator<Item = (Option<&'static Kind>, &'static Operation)> {
        let own = self.operations.iter().map(|operation| (None, operation));
        let of_kinds = self.kinds.iter().flat_map(|kind| {
            kind.operations
                .iter()
                .map(move |operation| (Some(*kind), operation))
        });
        own.chain(of_kinds)
    }
}

/// One kind of thing that AWS keeps. Start from [`Kind::NEW`].
#[derive(Debug)]
pub struct Kind {
    /// `service/thing`, unique: `ec2/subnet`. References name it.
    pub name: &'static str,
    /// One for all regions of an account (IAM, Route 53).
    pub global: bool,
    /// Where the identifier comes from. It is unique within the kind, account and region.
    pub id: Id,
    /// The member that shows the identifier; empty when no member does.
    pub id_member: &'static str,
    /// `arn:{partition}:ec2:{region}:{account}:subnet/{id}`; other names in braces are members of the record. Empty: no ARN.
    pub arn: &'static str,
    /// The member that shows the ARN; empty when no member does.
    pub arn_member: &'static str,
    /// Other members by which requests may name a record (its identifier and ARN always do).
    pub aliases: &'static [&'static str],
    /// Turns what a request names into the identifier, where that needs more than identifier, ARN and aliases.
    pub resolve: Option<fn(&Call, &str) -> String>,
    /// Makes what AWS makes when it is first named (a service's default key). It is called with every name by which a request or a reference
    /// names one of this kind.
    pub on_demand: Option<fn(&mut Call, &str)>,
    /// The member that shows the time of creation (epoch seconds); empty when no member does.
    pub created_member: &'static str,
    /// AWS's defaults: members that are there though the request did not say so. What was sent goes over them.
    pub defaults: Option<fn(&Call) -> Json>,
    /// Where tags are sent and shown.
    pub tags: Tags,
    /// The type's name in EC2's tag specifications and in the Tagging API (`ec2:subnet` there); empty: the part after `/`.
    pub tag_type: &'static str,
    /// States that take time.
    pub states: Option<States>,
    /// What a record refers to.
    pub refers: &'static [Reference],
    /// What no two records may share.
    pub unique: &'static [Unique],
    /// The member of the create request that carries the idempotency token; empty: none.
    pub token: &'static str,
    /// What AWS answers when there is no such record; `{id}`.
    pub not_found: Fault,
    /// What AWS answers to deleting one that is referred to; `{id}`, `{arn}`, `{by}` (identifier of who refers), `{by_arn}`.
    pub in_use: Fault,
    /// How many there may be per account and region, and what AWS answers beyond; `{limit}`.
    pub limit: Option<(usize, Fault)>,
    /// What is computed when it is read. The members are the record's own, to be changed.
    pub show: Option<Show>,
    /// A scheduled event ([`crate::world::Step::event`]) is due; `call.now` is the time it was due at. [`States`] give two:
    /// `ready` (after create and modify) and `deleted` (the last time the record is there, unless it stays visible).
    pub on_event: Option<fn(&mut Call, &Key, &str)>,
    /// The operations that concern it.
    pub operations: &'static [Operation],
}

impl Kind {
    /// Where a declaration starts: `Kind { name: "ec2/vpc", …, ..Kind::NEW }`.
    pub const NEW: Kind = Kind {
        name: "",
        global: false,
        id: Id::Hex(""),
        id_member: "",
        arn: "",
        arn_member: "",
        aliases: &[],
        resolve: None,
        on_demand: None,
        created_member: "",
        defaults: None,
        tags: Tags::None,
        tag_type: "",
        states: None,
        refers: &[],
        unique: &[],
        token: "",
        not_found: Fault::new(
            "ResourceNotFoundException",
            "The resource {id} does not exist.",
        )
        .status(404),
        in_use: Fault::new(
            "ResourceInUseException",
            "The resource {id} is in use by {by}.",
        ),
        limit: None,
        show: None,
        on_event: None,
        operations: &[],
    };

    /// The service's name: the part of the name before `/`.
    pub fn service(&self) -> &'static str {
        self.name
            .split_once('/')
            .map_or(self.name, |(service, _)| service)
    }

    /// The type's name in tag specifications.
    pub fn tag_type(&self) -> &'static str {
        if self.tag_type.is_empty() {
            self.name
                .split_once('/')
                .map_or(self.name, |(_, thing)| thing)
        } else {
            self.tag_type
        }
    }
}

/// Where an identifier comes from.
#[derive(Debug)]
pub enum Id {
    /// The prefix and 17 hexadecimal digits, derived from the request: `subnet-0123456789abcdef0`.
    Hex(&'static str),
    /// A UUID, derived from the request.
    Uuid,
    /// The value of a member (a name).
    Member(&'static str),
    /// Made by code from the record's members and 64 hexadecimal digits that are derived from the request.
    Made(MakeId),
}

/// How tags look. `List` and `Map` name the member, in the create request as in the answer; EC2's tag
/// specifications are understood wherever a request has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tags {
    /// Not tagged.
    None,
    /// `[{Key, Value}]`.
    List(&'static str),
    /// `[{key, value}]` (ECS).
    LowerList(&'static str),
    /// `{key: value}` (Logs, Lambda).
    Map(&'static str),
    /// Sent as `[{Key, Value}]`, never shown by the describe (ELBv2, SNS, SSM, CloudWatch): only by a list-tags operation.
    Unseen(&'static str),
    /// Sent as `{key: value}`, never shown by the describe.
    UnseenMap(&'static str),
    /// Sent as `[{TagKey, TagValue}]`, never shown by the describe (KMS).
    UnseenTagKey(&'static str),
}

impl Tags {
    /// The member that carries the tags.
    pub const fn member(self) -> &'static str {
        match self {
            Tags::None => "",
            Tags::List(member)
            | Tags::LowerList(member)
            | Tags::Map(member)
            | Tags::Unseen(member)
            | Tags::UnseenMap(member)
            | Tags::UnseenTagKey(member) => member,
        }
    }
}

/// States that take (simulated) time.
#[derive(Debug)]
pub struct States {
    /// The member's path: `State`, or `State.Code`.
    pub member: &'static str,
    /// The state in the answer to the create, and for how many seconds.
    pub creating: (&'static str, f64),
    /// The state after it.
    pub ready: &'static str,
    /// The state after a modify, and for how many seconds, before it is ready again.
    pub modifying: Option<(&'static str, f64)>,
    /// The state after the delete, and for how many seconds; without it the record is gone at once.
    pub deleting: Option<(&'static str, f64)>,
    /// The state after that, and for how many seconds it is still described (referring to nothing any more).
    pub deleted: Option<(&'static str, f64)>,
}

impl States {
    /// Where a declaration starts.
    pub const NEW: States = States {
        member: "State",
        creating: ("pending", 0.0),
        ready: "available",
        modifying: None,
        deleting: None,
        deleted: None,
    };
}

/// A member that names another record. That it must exist, and that the other cannot be deleted meanwhile, are laws.
#[derive(Debug)]
pub struct Reference {
    /// Path in the record: `SubnetId`, `SecurityGroups[]`, `VpcConfig.SubnetIds[]`.
    pub path: &'static str,
    /// The kind that it names, by identifier, ARN or alias.
    pub to: &'static str,
    /// Refused when there is none? (What AWS does not check is `false`.)
    pub must_exist: bool,
    /// What AWS answers when there is none, where it differs from the kind's own not-found; `{id}`.
    pub missing: Option<Fault>,
    /// Does it block deleting the other?
    pub blocks: bool,
    /// What AWS answers then, where it differs from the other kind's `in_use`.
    pub in_use: Option<Fault>,
    /// The AWS documentation page that says so.
    pub source: &'static str,
}

impl Reference {
    /// Must exist and blocks deletion.
    pub const fn new(path: &'static str, to: &'static str) -> Reference {
        Reference {
            path,
            to,
            must_exist: true,
            missing: None,
            blocks: true,
            in_use: None,
            source: "API reference of the operation",
        }
    }

    /// The other may be deleted all the same.
    pub const fn loose(mut self) -> Reference {
        self.blocks = false;
        self
    }

    /// It is not checked that the other exists.
    pub const fn unchecked(mut self) -> Reference {
        self.must_exist = false;
        self
    }

    /// What AWS answers when there is no such record.
    pub const fn missing(mut self, fault: Fault) -> Reference {
        self.missing = Some(fault);
        self
    }

    /// What AWS answers to deleting the other.
    pub const fn in_use(mut self, fault: Fault) -> Reference {
        self.in_use = Some(fault);
        self
    }

    /// The documentation page.
    pub const fn source(mut self, source: &'static str) -> Reference {
        self.source = source;
        self
    }
}

/// No two records share the values of these members.
#[derive(Debug)]
pub struct Unique {
    /// Paths in the record.
    pub members: &'static [&'static str],
    /// What AWS answers; `{id}` of the other, and the members' names in braces.
    pub fault: Fault,
    /// The answer to a create with the same members AND the same rest is the existing record (ELBv2, SNS).
    pub same_is_fine: bool,
}

impl Unique {
    /// Always refused.
    pub const fn new(members: &'static [&'static str], fault: Fault) -> Unique {
        Unique {
            members,
            fault,
            same_is_fine: false,
        }
    }
}

/// What an operation does.
#[derive(Debug, Clone, Copy)]
pub enum Does {
    /// Makes a record of the request.
    Create,
    /// Shows the records that the request names, all when it names none; filters and pages.
    Describe,
    /// Shows the one record that the request names.
    Get,
    /// Merges the request into a record.
    Modify,
    /// Deletes a record.
    Delete,
    /// Adds tags to the records that the request names by identifier or ARN.
    Tag,
    /// Takes tags away.
    Untag,
    /// Shows one record's tags.
    ListTags,
    /// Code.
    Run(fn(&mut Call) -> Answer),
}

/// What the answer holds.
#[derive(Debug, Clone, Copy)]
pub enum Shows {
    /// Nothing.
    Nothing,
    /// `Return: true`, as EC2 writes it.
    Return,
    /// The record's members.
    Record,
    /// The record under this member.
    In(&'static str),
    /// A list of records under this member.
    List(&'static str),
    /// A list of what this path of the records holds, under this member (ListClusters: ARNs).
    Listed(&'static str, &'static str),
    /// What the code says of the record.
    With(fn(&Call, &Record) -> Json),
}

/// What happens when a named record is not there.
#[derive(Debug, Clone, Copy)]
pub enum Missing {
    /// The kind's not-found.
    Refused,
    /// It is left out; a delete succeeds.
    LeftOut,
    /// It is listed under this member as `{arn, reason: MISSING}` (ECS).
    Failures(&'static str),
}

/// Pages of a list.
#[derive(Debug, Clone, Copy)]
pub struct Paging {
    /// The request's member with the size of a page.
    pub size: &'static str,
    /// The request's member with the token.
    pub token: &'static str,
    /// The answer's member with the next token.
    pub next: &'static str,
    /// The size when the request has none.
    pub default: usize,
    /// The smallest and largest size allowed.
    pub bounds: (usize, usize),
    /// The answer's member that says whether there is more (`Truncated`); empty: none.
    pub more: &'static str,
}

impl Paging {
    /// `MaxResults`, `NextToken`.
    pub const fn next_token(default: usize, bounds: (usize, usize)) -> Paging {
        Paging {
            size: "MaxResults",
            token: "NextToken",
            next: "NextToken",
            default,
            bounds,
            more: "",
        }
    }

    /// `maxResults`, `nextToken` (ECS).
    pub const fn lower_next_token(default: usize, bounds: (usize, usize)) -> Paging {
        Paging {
            size: "maxResults",
            token: "nextToken",
            next: "nextToken",
            default,
            bounds,
            more: "",
        }
    }

    /// `Limit`, `Marker`, `NextMarker`, `Truncated` (KMS).
    pub const fn limit_marker(default: usize, bounds: (usize, usize)) -> Paging {
        Paging {
            size: "Limit",
            token: "Marker",
            next: "NextMarker",
            default,
            bounds,
            more: "Truncated",
        }
    }

    /// `limit`, `nextToken` (Logs).
    pub const fn lower_limit(default: usize, bounds: (usize, usize)) -> Paging {
        Paging {
            size: "limit",
            token: "nextToken",
            next: "nextToken",
            default,
            bounds,
            more: "",
        }
    }

    /// `MaxRecords`, `Marker` (RDS).
    pub const fn marker(default: usize, bounds: (usize, usize)) -> Paging {
        Paging {
            size: "MaxRecords",
            token: "Marker",
            next: "Marker",
            default,
            bounds,
            more: "",
        }
    }
}
