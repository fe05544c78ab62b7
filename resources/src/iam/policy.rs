//! `AWS::IAM::Policy`: one inline policy in roles, users and groups.
//!
//! IAM knows no such thing: it has a copy in each of them. So the id says where they are: `name|Roles/a|Users/b`, and an update that
//! changes that gives it another one.

use async_trait::async_trait;

use super::{GONE, GROUP_POLICIES, PROPAGATION, ROLE_POLICIES, USER_POLICIES};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::Result;
use crate::loaders;
use crate::prelude::*;

/// `AWS::IAM::Policy`.
pub struct Policy;

static DEFINITION: Definition = Definition {
    create: Create {
        own: &["PolicyDocument", "PolicyName", "Roles", "Users", "Groups"],
        ..Create::of("PutRolePolicy", "")
    },
    // One for each place, as the id says.
    reads: &[
        Read::of(&ROLE_POLICIES),
        Read {
            when: Some(|_| false),
            ..Read::of(&USER_POLICIES)
        },
        Read {
            when: Some(|_| false),
            ..Read::of(&GROUP_POLICIES)
        },
    ],
    updates: &[Change {
        takes: &["PolicyDocument", "PolicyName", "Roles", "Users", "Groups"],
        mode: Mode::Step(change),
        ..Change::of("PutRolePolicy", &[])
    }],
    delete: Delete::of("DeleteRolePolicy", &[], GONE),
    find: Find::Search(find),
    rules: &[
        Rule::Told("Roles", "RoleName"),
        Rule::Told("Users", "UserName"),
        Rule::Told("Groups", "GroupName"),
    ],
    propagation: PROPAGATION,
    completes: &["Roles", "Users", "Groups"],
    unique: &[&["PolicyName", "Roles", "Users", "Groups"]],
    // A role, user or group with a policy in it is not deleted: DeleteConflict (API_DeleteRole).
    holds: &["Roles", "Users", "Groups"],
    ..Definition::new("AWS::IAM::Policy", "iam")
};

/// The kinds of places.
struct Kind {
    property: &'static str,
    member: &'static str,
    load: &'static loaders::Load,
    put: &'static str,
    delete: &'static str,
}

static KINDS: [Kind; 3] = [
    Kind {
        property: "Roles",
        member: "RoleName",
        load: &ROLE_POLICIES,
        put: "PutRolePolicy",
        delete: "DeleteRolePolicy",
    },
    Kind {
        property: "Users",
        member: "UserName",
        load: &USER_POLICIES,
        put: "PutUserPolicy",
        delete: "DeleteUserPolicy",
    },
    Kind {
        property: "Groups",
        member: "GroupName",
        load: &GROUP_POLICIES,
        put: "PutGroupPolicy",
        delete: "DeleteGroupPolicy",
    },
];

/// One copy.
#[derive(Clone)]
struct Copy {
    kind: &'static Kind,
    holder: String,
    policy: String,
}

impl Copy {
    fn is(&self, other: &Copy) -> bool {
        self.kind.property == other.kind.property
            && self.holder == other.holder
            && self.policy == other.policy
    }

    fn name(&self) -> Map<String, Json> {
        Map::from_iter([
            (self.kind.member.to_owned(), json!(self.holder)),
            ("PolicyName".to_owned(), json!(self.policy)),
        ])
    }
}

fn declared(properties: &Value) -> Vec<Copy> {
    let Some(policy) = properties.get("PolicyName").and_then(Value::to_text) else {
        return Vec::new();
    };
    let of = |kind: &'static Kind| {
        let holders = properties.get(kind.property).and_then(Value::as_list);
        holders
            .into_iter()
            .flatten()
            .filter_map(Value::to_text)
            .map(move |holder| (kind, holder))
    };
    let mut copies: Vec<Copy> = Vec::new();
    for (kind, holder) in KINDS.iter().flat_map(of) {
        let policy = policy.clone();
        let copy = Copy {
            kind,
            holder,
            policy,
        };
        if !copies.iter().any(|other| other.is(&copy)) {
            copies.push(copy);
        }
    }
    copies.sort_by(|a, b| (a.kind.property, &a.holder).cmp(&(b.kind.property, &b.holder)));
    copies
}

/// Neither names have `|` or `/` in them (API_PutRolePolicy: `[\w+=,.@-]+`).
fn id_of(properties: &Value) -> PhysicalId {
    let name = properties.get("PolicyName").and_then(Value::to_text);
    let mut id = name.unwrap_or_default();
    for copy in declared(properties) {
        id.push_str(&format!("|{}/{}", copy.kind.property, copy.holder));
    }
    id.into()
}

fn copies_of(id: &PhysicalId) -> Vec<Copy> {
    let mut parts = id.as_str().split('|');
    let policy = parts.next().unwrap_or_default();
    parts
        .filter_map(|part| {
            let (property, holder) = part.split_once('/')?;
            Some(Copy {
                kind: KINDS.iter().find(|kind| kind.property == property)?,
                holder: holder.to_owned(),
                policy: policy.to_owned(),
            })
        })
        .collect()
}

async fn put(context: &Context, copy: &Copy, document: &str) -> Result<()> {
    let mut input = copy.name();
    input.insert("PolicyDocument".to_owned(), json!(document));
    generic::write(&DEFINITION, context, copy.kind.put, input).await?;
    Ok(())
}

async fn delete(context: &Context, copy: &Copy) -> Result<()> {
    super::remove(
        context,
        &DEFINITION,
        copy.kind.delete,
        Json::Object(copy.name()),
    )
    .await
}

fn document_of(properties: &Value) -> String {
    let document = properties.get("PolicyDocument").and_then(super::document);
    document.unwrap_or_default()
}

/// All new copies before the old ones go.
fn change<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let wanted = declared(update.desired);
        let have = declared(update.live);
        let document = document_of(update.desired);
        let everywhere = update.touches("PolicyDocument");
        for copy in &wanted {
            if everywhere || !have.iter().any(|other| other.is(copy)) {
                put(context, copy, &document).await?;
            }
        }
        for copy in copies_of(&context.current(id)) {
            if !wanted.iter().any(|other| other.is(&copy)) {
                delete(context, &copy).await?;
            }
        }
        context.rename(id, id_of(update.desired));
        Ok(())
    })
}

/// It has no tags: what has its name where it is declared is it.
fn find<'a>(context: &'a Context, desired: &'a Value, _: &'a Incarnation) -> FindFuture<'a> {
    Box::pin(async move {
        let id = id_of(desired);
        Ok(Policy.read(context, &id).await?.map(|_| id))
    })
}

#[async_trait]
impl Resource for Policy {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        _: &Incarnation,
    ) -> Result<Observed> {
        let document = document_of(desired);
        for copy in declared(desired) {
            put(context, &copy, &document).await?;
        }
        let id = id_of(desired);
        // Another one that was here before and moved away has its id no more.
        context.rename(&id, id.clone());
        let mut model = desired.clone();
        if let Some(members) = model.as_map_mut() {
            members.insert("Id".to_owned(), id.as_str().into());
        }
        Ok(Observed {
            id,
            model,
            status: Status::Ready,
        })
    }

    /// Only copies with the same document count: one that was changed by hand is missing, so it is put there again.
    async fn read(&self, context: &Context, id: &PhysicalId) -> Result<Option<Observed>> {
        let id = context.current(id);
        let copies = copies_of(&id);
        let loads = copies.iter().map(|copy| {
            let key = format!("{}|{}", copy.holder, copy.policy);
            async move { loaders::load(context, copy.kind.load, &key).await }
        });
        let mut description = Map::new();
        for (copy, items) in copies.iter().zip(generic::together(loads).await) {
            let Some(item) = items?.into_iter().next() else {
                continue;
            };
            let Some(text) = item.get("PolicyDocument") else {
                continue;
            };
            let first = description
                .entry("PolicyDocument".to_owned())
                .or_insert_with(|| text.clone());
            if first != text {
                continue;
            }
            description.insert("PolicyName".to_owned(), json!(copy.policy));
            let holders = description
                .entry(copy.kind.member.to_owned())
                .or_insert_with(|| json!([]));
            if let Json::Array(holders) = holders {
                holders.push(json!(copy.holder));
            }
        }
        if description.is_empty() {
            return Ok(None);
        }
        generic::observed(&DEFINITION, &id, &Json::Object(description))
    }

    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        for copy in copies_of(&context.current(id)) {
            delete(context, &copy).await?;
        }
        Ok(())
    }
}
