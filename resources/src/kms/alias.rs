//! `AWS::KMS::Alias`: a name for a key.

use super::ALIASES;
use crate::context::Context;
use crate::definition::FindFuture;
use crate::prelude::*;

native!(
    /// `AWS::KMS::Alias`.
    Alias,
    Definition {
        create: Create::of("CreateAlias", ""),
        reads: &[Read::of(&ALIASES)],
        updates: &[Change::of("UpdateAlias", &["AliasName"])],
        delete: Delete::of("DeleteAlias", &["AliasName"], &["NotFoundException"]),
        find: Find::Search(search),
        // "The alias name must be unique in the account and Region" (API_CreateAlias).
        unique: &[&["AliasName"]],
        ..Definition::new("AWS::KMS::Alias", "kms")
    }
);

/// An alias has no tags: it is the one that was asked for when it has the name and stands for the same key.
fn search<'a>(context: &'a Context, desired: &'a Value, _: &'a Incarnation) -> FindFuture<'a> {
    Box::pin(async move {
        let text = |name: &str| {
            desired
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (name, key) = (text("AliasName"), text("TargetKeyId"));
        let found = generic::items_of(context, &ALIASES, name).await?;
        let same = found.iter().any(|alias| {
            described(alias, "TargetKeyId").is_some_and(|id| key.rsplit('/').next() == Some(id))
        });
        Ok(same.then(|| PhysicalId::from(name)))
    })
}
