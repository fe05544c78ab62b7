//! What the three kinds of namespaces have in common.

use super::{NAMESPACES, TAGS, delete, operate};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::loaders;
use crate::prelude::*;
use crate::tags;

pub(super) const READS: &[Read] = &[
    Read::of(&NAMESPACES),
    Read {
        key: Key::Described(&["Arn"]),
        select: Some(tags::swept),
        ..Read::of(&tags::SWEEP)
    },
    Read {
        key: Key::Described(&["Arn"]),
        when: Some(tags::untagged),
        ..Read::of(&TAGS)
    },
];

pub(super) const DELETE: Delete = Delete {
    // Its services, and what else is being done to it.
    busy: &["ResourceInUse", "DuplicateRequest"],
    ..Delete::of("DeleteNamespace", &["Id"], &["NamespaceNotFound"])
};

/// The namespace is known when the operation has made it. Made again with the same identifier it is the same operation.
pub(super) async fn create(
    definition: &'static Definition,
    context: &Context,
    desired: &Value,
    incarnation: &Incarnation,
) -> Result<Observed> {
    let unknown = || Error::Unknown(definition.type_name.to_owned());
    let Some(Json::Object(properties)) = desired.expose_json() else {
        return Err(unknown());
    };
    let operation = definition.create.operation;
    let mut input = generic::input(definition, operation, &properties)?;
    input.insert("CreatorRequestId".to_owned(), incarnation.token("").into());
    let done = operate(definition, context, operation, input).await?;
    let id = look(&done, "Targets.NAMESPACE");
    let id = id
        .as_ref()
        .and_then(Json::as_str)
        .ok_or_else(|| Error::Answer {
            call: format!("servicediscovery:{operation}"),
            missing: "Targets.NAMESPACE".to_owned(),
        })?;
    let id = PhysicalId::from(id);
    context.identified(&id).await?;
    let made = loaders::undeclared(generic::read(definition, context, &id)).await?;
    // Not in the list yet: AWS has told that it is there.
    match made {
        Some(made) => Ok(made),
        None => {
            let told = json!({"Id": id.as_str(), "Name": properties.get("Name")});
            generic::observed(definition, &id, &told)?.ok_or_else(unknown)
        }
    }
}

/// The namespaces of the declared name and kind, by their tags.
pub(super) async fn find(
    definition: &'static Definition,
    kind: &str,
    context: &Context,
    desired: &Value,
    incarnation: &Incarnation,
) -> Result<Option<PhysicalId>> {
    let Some(name) = desired.get("Name").and_then(Value::to_text) else {
        return Ok(None);
    };
    for listed in loaders::items(context, &NAMESPACES, Map::new()).await? {
        let is = |member: &str, text: &str| described(&listed, member) == Some(text);
        if !is("Name", &name) || !is("Type", kind) {
            continue;
        }
        if let Some(id) = described(&listed, "Id") {
            let ours = generic::if_ours(definition, context, id.into(), incarnation).await?;
            if ours.is_some() {
                return Ok(ours);
            }
        }
    }
    Ok(None)
}

/// Everything that can be changed, in one operation.
pub(super) async fn update(
    definition: &'static Definition,
    operation: &str,
    context: &Context,
    id: &PhysicalId,
    update: &Update<'_>,
) -> Result<()> {
    let mut change = Map::new();
    if update.touches("Description") {
        let text = update.desired.get("Description").and_then(Value::to_text);
        change.insert("Description".to_owned(), text.unwrap_or_default().into());
    }
    if update.touches("Properties") {
        let ttl = update
            .desired
            .at(&"Properties.DnsProperties.SOA.TTL".into());
        // As a new namespace has it (developer guide, "Values that you specify when you create a namespace").
        let ttl = ttl
            .and_then(Value::to_text)
            .and_then(|text| text.parse::<i64>().ok())
            .unwrap_or(15);
        change.insert(
            "Properties".to_owned(),
            json!({"DnsProperties": {"SOA": {"TTL": ttl}}}),
        );
    }
    let input = Map::from_iter([
        ("Id".to_owned(), Json::from(id.as_str())),
        ("Namespace".to_owned(), Json::Object(change)),
    ]);
    operate(definition, context, operation, input)
        .await
        .map(|_| ())
}

/// The type of one kind of namespace.
macro_rules! namespace {
    ($(#[$doc:meta])* $name:ident, $create:literal, $update:literal, $kind:literal, $own:expr, $takes:expr, $rest:expr) => {
        $(#[$doc])*
        pub struct $name;

        static DEFINITION: Definition = Definition {
            create: Create {
                own: $own,
                ..Create::of($create, "")
            },
            reads: namespace::READS,
            updates: &[Change {
                takes: $takes,
                mode: Mode::Step(change),
                ..Change::of($update, &["Id"])
            }],
            delete: namespace::DELETE,
            find: Find::Search(find),
            tags: Tags::Member,
            ..$rest
        };

        fn change<'a>(
            context: &'a Context,
            id: &'a PhysicalId,
            update: &'a Update<'a>,
        ) -> StepFuture<'a> {
            Box::pin(namespace::update(&DEFINITION, $update, context, id, update))
        }

        fn find<'a>(
            context: &'a Context,
            desired: &'a Value,
            incarnation: &'a Incarnation,
        ) -> FindFuture<'a> {
            Box::pin(namespace::find(&DEFINITION, $kind, context, desired, incarnation))
        }

        #[async_trait]
        impl Resource for $name {
            fn definition(&self) -> &'static Definition {
                &DEFINITION
            }

            async fn create(
                &self,
                context: &Context,
                desired: &Value,
                incarnation: &Incarnation,
            ) -> Result<Observed> {
                namespace::create(&DEFINITION, context, desired, incarnation).await
            }

            async fn delete(
                &self,
                context: &Context,
                id: &PhysicalId,
                _: &Deletion,
            ) -> Result<()> {
                namespace::remove(&DEFINITION, context, id).await
            }
        }
    };
}
pub(super) use namespace;

/// Deletes it, and waits for the end of the operation.
pub(super) async fn remove(
    definition: &'static Definition,
    context: &Context,
    id: &PhysicalId,
) -> Result<()> {
    delete(definition, context, id.as_str()).await
}
