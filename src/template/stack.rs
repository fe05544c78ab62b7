//! [`Stack`]: a template with its parameters filled in and its conditions decided.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payctl_model::{Address, Value};
use uuid::Uuid;

use super::diagnostic::Diagnostic;
use super::expr::{EvalError, Expr};
use super::source::{Source, Span};

/// What instantiation needs to know besides the template.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inputs {
    /// `AWS::Region`.
    pub region: String,
    /// `AWS::AccountId`.
    pub account: String,
    /// `AWS::Partition`: `aws`, `aws-cn` or `aws-us-gov`. It decides `AWS::URLSuffix`.
    pub partition: String,
    /// The stack's part of addresses.
    pub stack: String,
    /// `AWS::StackName`.
    pub stack_name: String,
    /// `AWS::StackId`.
    pub stack_id: String,
    /// The given parameters: texts as people type them (lists with commas), or lists. What is missing takes its default.
    pub parameters: BTreeMap<String, Value>,
    /// The zones of each region that [`super::Template::lookups`] names.
    pub availability_zones: BTreeMap<String, Vec<String>>,
    /// The parameters of Systems Manager in the stack's region that [`super::Template::lookups`] names.
    pub ssm_parameters: BTreeMap<String, SsmParameter>,
    /// Tags of all the stack's resources. A nested stack has those of the stack that it stands in, and its own.
    pub tags: BTreeMap<String, Expr>,
    /// Whether the stack's resources are guarded as by `protect`.
    pub termination_protection: bool,
    /// Of a nested stack: what its parent gives it.
    pub parent: Option<Given>,
}

/// What a nested stack is given, beside [`Inputs::parameters`].
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// Parameters that are not known before something is created.
    pub computed: BTreeMap<String, Expr>,
    /// The parent's template.
    pub source: Arc<Source>,
    /// Where the nested stack stands in it.
    pub span: Span,
    /// Where the value of each parameter stands in it.
    pub places: BTreeMap<String, Span>,
    /// The nested stack's address.
    pub address: Address,
}

/// A parameter of Systems Manager, as the look-up before planning found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SsmParameter {
    /// It exists, with this text.
    Text(String),
    /// It exists; its text was not asked for.
    Exists,
    /// It is a SecureString.
    Secure,
    /// There is none of this name.
    Missing,
    /// AWS was not asked: what depends on it is not known, and conditions that do are taken to hold.
    NotAsked,
}

/// What must be read from AWS before [`super::Template::instantiate`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    /// The regions whose availability zones `Fn::GetAZs` asks for.
    pub availability_zones: BTreeSet<String>,
    /// The names of parameters in Systems Manager.
    pub ssm_parameters: BTreeMap<String, SsmWanted>,
}

impl Lookups {
    /// These too.
    pub(super) fn add(&mut self, more: Lookups) {
        self.availability_zones.extend(more.availability_zones);
        for (name, wanted) in more.ssm_parameters {
            let all = self.ssm_parameters.entry(name).or_default();
            *all = all.and(wanted);
        }
    }
}

/// What must be read of a parameter of Systems Manager.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SsmWanted {
    /// Its value, not only whether it exists.
    pub value: bool,
    /// Its value must not reach the disk: the template's parameter is NoEcho.
    pub secret: bool,
}

impl SsmWanted {
    /// What both want.
    pub fn and(self, other: SsmWanted) -> SsmWanted {
        SsmWanted {
            value: self.value || other.value,
            secret: self.secret || other.secret,
        }
    }
}

/// A template with its parameters filled in and its conditions decided: what the graph is built from.
#[derive(Clone, Debug, PartialEq)]
pub struct Stack {
    /// The template, for messages.
    pub source: Arc<Source>,
    /// The region.
    pub region: String,
    /// The stack's part of addresses.
    pub name: String,
    /// `AWS::StackName`.
    pub stack_name: String,
    /// The resources that exist (those whose condition is false do not), by logical id. Nested stacks are none.
    pub resources: BTreeMap<String, StackResource>,
    /// The outputs that exist, by name.
    pub outputs: BTreeMap<String, Output>,
    /// Exported names, each with the output that has its value.
    pub exports: BTreeMap<String, String>,
    /// The nested stacks that exist, by logical id.
    pub nested: BTreeMap<String, Stack>,
    /// What nothing stands for in AWS and others may depend on: handles of wait conditions, each with the logical ids of its
    /// `DependsOn` that exist.
    pub placeholders: BTreeMap<String, BTreeSet<String>>,
    /// Of a nested stack: the logical ids of its parent that its `DependsOn` names and that exist.
    pub depends_on: BTreeSet<String>,
    /// What is worth knowing and stopped nothing.
    pub warnings: Vec<Diagnostic>,
    /// Whether something was taken to hold that only a look-up in AWS could tell.
    pub assumed: bool,
    /// Tags of all its resources.
    pub tags: Arc<BTreeMap<String, Expr>>,
    /// Whether its resources are guarded as by `protect`.
    pub termination_protection: bool,
}

/// One resource of a [`Stack`].
#[derive(Clone, Debug, PartialEq)]
pub struct StackResource {
    /// Its address.
    pub address: Address,
    /// Its type, such as `AWS::EC2::VPC`.
    pub type_name: String,
    /// Its properties: always a map.
    pub properties: Expr,
    /// The logical ids of `DependsOn` that exist, of nested stacks too.
    pub depends_on: BTreeSet<String>,
    /// What happens in AWS when it leaves the template; `None` takes CloudFormation's default for the type.
    pub deletion_policy: Option<DeletionPolicy>,
    /// What happens to the old one when it is replaced.
    pub update_replace_policy: Option<DeletionPolicy>,
    /// `CreationPolicy`, `UpdatePolicy` and `Metadata`, evaluated as far as possible.
    pub creation_policy: Option<Expr>,
    /// See `creation_policy`.
    pub update_policy: Option<Expr>,
    /// See `creation_policy`.
    pub metadata: Option<Expr>,
    /// Where its logical id stands in the template.
    pub span: Span,
}

/// `DeletionPolicy` and `UpdateReplacePolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeletionPolicy {
    /// It is deleted.
    Delete,
    /// It stays in AWS.
    Retain,
    /// It stays, unless the run that creates it fails.
    RetainExceptOnCreate,
    /// It is deleted after a final snapshot.
    Snapshot,
}

/// The types of which a snapshot can be taken before they are deleted.
///
/// Source: CloudFormation template reference, "DeletionPolicy attribute", Snapshot.
const SNAPSHOT_TYPES: [&str; 8] = [
    "AWS::DocDB::DBCluster",
    "AWS::EC2::Volume",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::Neptune::DBCluster",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::Redshift::Cluster",
];

impl DeletionPolicy {
    /// What `DeletionPolicy` or `UpdateReplacePolicy` (`attribute`) of a resource of this type says; the error is why it
    /// cannot, with advice.
    pub(super) fn of(
        attribute: &str,
        text: &str,
        type_name: &str,
    ) -> Result<DeletionPolicy, (String, String)> {
        match text {
            "Delete" => Ok(DeletionPolicy::Delete),
            "Retain" => Ok(DeletionPolicy::Retain),
            "Snapshot" if SNAPSHOT_TYPES.contains(&type_name) || type_name.is_empty() => {
                Ok(DeletionPolicy::Snapshot)
            }
            "Snapshot" => Err((
                format!("{attribute} Snapshot: AWS takes no snapshot of {type_name}"),
                "use Retain, which keeps it, or Delete".to_owned(),
            )),
            "RetainExceptOnCreate" if attribute == "DeletionPolicy" => {
                Ok(DeletionPolicy::RetainExceptOnCreate)
            }
            _ => Err((
                format!("there is no {attribute} `{text}`"),
                DeletionPolicy::advice(attribute).to_owned(),
            )),
        }
    }

    /// What may be written.
    pub(super) fn advice(attribute: &str) -> &'static str {
        match attribute {
            "DeletionPolicy" => "use Delete, Retain, RetainExceptOnCreate or Snapshot",
            _ => "use Delete, Retain or Snapshot",
        }
    }
}

/// One output of a [`Stack`].
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Its value.
    pub value: Expr,
    /// What the template says about it.
    pub description: Option<String>,
    /// The name under which other stacks import it.
    pub export: Option<String>,
    /// Where its name stands in the template.
    pub span: Span,
}

impl Stack {
    /// This stack and all that are nested in it.
    pub fn with_nested(&self) -> Vec<&Stack> {
        let mut all = vec![self];
        let mut next = 0;
        while let Some(stack) = all.get(next).copied() {
            all.extend(stack.nested.values());
            next += 1;
        }
        all
    }

    /// Whether something in it or in its nested stacks was taken to hold that only a look-up in AWS could tell.
    pub fn is_assumed(&self) -> bool {
        self.with_nested().into_iter().any(|stack| stack.assumed)
    }

    /// The message for an expression of this stack that could not be evaluated.
    pub fn diagnose(&self, error: &EvalError, address: Option<&Address>) -> Diagnostic {
        let diagnostic = Diagnostic::error(error.code, error.message.clone())
            .at(&self.source, error.span)
            .maybe_help(advice(error.code).map(str::to_owned));
        match address {
            Some(address) => diagnostic.address(address.to_string()),
            None => diagnostic,
        }
    }
}

/// What to do about an expression that could not be evaluated.
pub(super) fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "conditional-reference" => {
            "give it the same condition, or use Fn::If with AWS::NoValue on the other side"
        }
        "unknown-export" => {
            "deploy the exporting stack in this environment and region, or pass the value as a parameter"
        }
        "unknown-output" => {
            "name a stack of this environment and one of its outputs, or pass the value as a parameter"
        }
        NOT_KNOWN_YET => {
            "give the nested stack a value that is known at once: a text, a parameter, or the name of something rather than what AWS calls it"
        }
        _ => return None,
    })
}

/// The code of what must be known before anything is created, and is not.
pub(super) const NOT_KNOWN_YET: &str = "not-known-yet";

/// How long the name of a stack may be. Source: CloudFormation API reference, CreateStack, StackName.
const MAX_NAME: usize = 128;

impl Inputs {
    /// `AWS::StackName` and `AWS::StackId` of a nested stack: CloudFormation's pattern `Parent-LogicalId-RANDOM`, where the
    /// twelve last characters are made from the parent's identifier and the logical id, so that they never change.
    pub(super) fn names_of_nested(&self, logical_id: &str) -> (String, String) {
        let parent = self.stack_id.rsplit('/').next().unwrap_or_default();
        let space = Uuid::parse_str(parent)
            .unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_URL, self.stack_id.as_bytes()));
        let uuid = Uuid::new_v5(&space, logical_id.as_bytes());
        const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let mut rest = uuid.as_u128();
        let mut suffix = String::new();
        for _ in 0..12 {
            suffix.push(char::from(ALPHABET[(rest % 36) as usize]));
            rest /= 36;
        }
        let mut name = format!("{}-{logical_id}", self.stack_name);
        // Names are made of letters, digits and hyphens: every character is one byte.
        name.truncate(MAX_NAME - suffix.len() - 1);
        let name = format!("{name}-{suffix}");
        let id = format!(
            "arn:{}:cloudformation:{}:{}:stack/{name}/{uuid}",
            self.partition, self.region, self.account
        );
        (name, id)
    }
}
