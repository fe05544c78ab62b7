//! Grants.

use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Paging, Reference, Shows, create, describe, run};
use crate::world::Record;
use serde_json::{Value as Json, json};

/// What someone else may do with a key.
pub(super) const GRANT: Kind = Kind {
    name: "kms/grant",
    id: Id::Made(|_, _, digits| Ok(digits.to_owned())),
    id_member: "GrantId",
    created_member: "CreationDate",
    refers: &[Reference::new("Key", "kms/key").loose().unchecked()],
    not_found: Fault::new("NotFoundException", "Grant {id} is not found."),
    operations: &[
        create("CreateGrant", Shows::With(granted))
            .control(&["GrantTokens", "DryRun"])
            .prepare(|call, grant| {
                let key = call.need("kms/key", grant.text("KeyId"))?;
                let (id, arn) = (key.id.clone(), key.arn.clone());
                grant.set("Key", id);
                grant.set("KeyId", arn);
                let issuer = format!("arn:{}:iam::{}:root", call.partition(), call.account);
                grant.set("IssuingAccount", issuer);
                Ok(())
            }),
        describe("ListGrants", "", "Grants")
            .keep(|call, grant| {
                let same = |member: &str| {
                    call.text(member)
                        .is_none_or(|wanted| grant.is(member, wanted))
                };
                of_key(call, grant) && same("GrantId") && same("GranteePrincipal")
            })
            .paging(Paging::limit_marker(50, (1, 100))),
        run("RetireGrant", end),
        run("RevokeGrant", end),
    ],
    ..Kind::NEW
};

/// A token stands for the grant until it is known everywhere; here it is the identifier in base64.
fn token(id: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(id)
}

fn granted(_: &Call, grant: &Record) -> Json {
    json!({"GrantId": grant.id, "GrantToken": token(&grant.id)})
}

fn of_key(call: &Call, grant: &Record) -> bool {
    call.text("KeyId")
        .and_then(|key| call.find("kms/key", key))
        .is_some_and(|key| grant.is("Key", &key.id))
}

fn end(call: &mut Call) -> Answer {
    let id = match (call.text("GrantId"), call.text("GrantToken")) {
        (Some(id), _) => {
            super::named(call)?;
            call.find("kms/grant", id)
                .filter(|grant| of_key(call, grant))
                .map(|grant| grant.id.clone())
                .ok_or_else(|| call.kind("kms/grant").not_found.with(&[("id", id)]))?
        }
        (None, Some(sent)) => call
            .list("kms/grant")
            .find(|grant| token(&grant.id) == sent)
            .map(|grant| grant.id.clone())
            .ok_or_else(|| {
                Refusal::new(
                    "InvalidGrantTokenException",
                    "The grant token is not valid.",
                )
            })?,
        (None, None) => {
            let message = "Either the grant token, or the key ARN and the grant ID, must be given.";
            return Err(Refusal::new("ValidationException", message));
        }
    };
    call.remove("kms/grant", &id);
    Ok(json!({}))
}
