//! Aliases.

use crate::call::Call;
use crate::error::Fault;
use crate::kind::{Id, Kind, Paging, Reference, Shows, Unique, create, delete, describe, modify};
use crate::law::Law;
use crate::world::Record;
use serde_json::json;

/// A key's other name.
pub(super) const ALIAS: Kind = Kind {
    name: "kms/alias",
    id: Id::Member("AliasName"),
    arn: "arn:{partition}:kms:{region}:{account}:{id}",
    arn_member: "AliasArn",
    created_member: "CreationDate",
    refers: &[Reference::new("TargetKeyId", "kms/key")
        .loose()
        .source("KMS API Reference, CreateAlias, Errors")],
    unique: &[Unique::new(
        &["AliasArn"],
        Fault::new(
            "AlreadyExistsException",
            "An alias with the name {AliasArn} already exists",
        ),
    )],
    not_found: Fault::new("NotFoundException", "Alias {id} is not found."),
    operations: &[
        create("CreateAlias", Shows::Nothing)
            .before(|call, members| {
                // What AWS's message names.
                let arn = arn(call, call.text("AliasName").unwrap_or_default());
                members.insert("AliasArn".into(), arn.into());
                Ok(())
            })
            .prepare(point),
        modify("UpdateAlias", "AliasName", Shows::Nothing).prepare(point),
        delete("DeleteAlias", "AliasName", Shows::Nothing),
        describe("ListAliases", "", "Aliases")
            .keep(|call, alias| match call.text("KeyId") {
                Some(key) => call
                    .find("kms/key", key)
                    .is_some_and(|key| alias.is("TargetKeyId", &key.id)),
                None => true,
            })
            .paging(Paging::limit_marker(50, (1, 100))),
    ],
    ..Kind::NEW
};

/// What an alias is called.
pub(super) const PREFIX: Law = Law {
    name: "an alias begins with alias/",
    operations: &["CreateAlias"],
    source: "KMS API Reference, CreateAlias, AliasName",
    fault: Fault::new(
        "ValidationException",
        "Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/programming-aliases.html",
    ),
    check: Some(|call, law| {
        let name = call.text("AliasName").unwrap_or_default();
        match name.strip_prefix("alias/") {
            Some(rest) if !rest.is_empty() => Ok(()),
            _ => Err(law.fault.with(&[])),
        }
    }),
};

/// AWS's own aliases.
pub(super) const RESERVED: Law = Law {
    name: "alias/aws/ is AWS's",
    operations: &["CreateAlias", "UpdateAlias", "DeleteAlias"],
    source: "KMS API Reference, CreateAlias, AliasName",
    fault: Fault::new("NotAuthorizedException", ""),
    check: Some(|call, law| {
        if call
            .text("AliasName")
            .is_some_and(|name| name.starts_with("alias/aws/") || name == "alias/aws")
        {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// Aliases are for the customer's keys.
pub(super) const KEY_OF_AWS: Law = Law {
    name: "an alias does not stand for a key that AWS manages",
    operations: &["CreateAlias", "UpdateAlias"],
    source: "KMS API Reference, CreateAlias: the KMS key must be a customer managed key",
    fault: Fault::new("NotAuthorizedException", ""),
    check: Some(|call, law| {
        if call
            .find("kms/key", call.text("TargetKeyId").unwrap_or_default())
            .is_some_and(|key| key.is("KeyManager", "AWS"))
        {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

fn arn(call: &Call, alias: &str) -> String {
    let (partition, region, account) = (call.partition(), &call.region, &call.account);
    format!("arn:{partition}:kms:{region}:{account}:{alias}")
}

/// Aliases show the key's identifier, however it was named.
fn point(call: &mut Call, alias: &mut Record) -> Result<(), crate::error::Refusal> {
    let key = call.need("kms/key", alias.text("TargetKeyId"))?.id.clone();
    alias.set("TargetKeyId", key);
    alias.set("LastUpdatedDate", call.now);
    Ok(())
}

/// AWS gives its own key an alias.
pub(super) fn attach(call: &mut Call, alias: &str, key: &str) {
    let arn = arn(call, alias);
    let body = json!({
        "AliasName": alias,
        "AliasArn": arn,
        "TargetKeyId": key,
        "CreationDate": call.now,
        "LastUpdatedDate": call.now,
    });
    let record = Record {
        id: alias.into(),
        arn,
        body: body.as_object().cloned().unwrap_or_default(),
        created: call.now,
        ..Record::default()
    };
    call.world.put(call.key("kms/alias", alias), record);
}
