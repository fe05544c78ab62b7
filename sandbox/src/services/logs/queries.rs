//! Saved queries.

use super::millis;
use crate::call::Call;
use crate::error::{Answer, Fault};
use crate::kind::{Id, Kind, Paging, Shows, delete, describe, run};
use serde_json::{Map, Value as Json, json};

const KIND: &str = "logs/query-definition";

/// A query that is kept.
pub(super) const QUERY: Kind = Kind {
    name: KIND,
    id: Id::Uuid,
    id_member: "queryDefinitionId",
    not_found: Fault::new(
        "ResourceNotFoundException",
        "The query definition {id} does not exist.",
    ),
    operations: &[
        run("PutQueryDefinition", put),
        describe("DescribeQueryDefinitions", "", "queryDefinitions")
            .keep(|call, query| {
                call.text("queryDefinitionNamePrefix")
                    .is_none_or(|prefix| query.text("name").starts_with(prefix))
                    && call
                        .text("queryLanguage")
                        .is_none_or(|language| query.is("queryLanguage", language))
            })
            .paging(Paging {
                size: "maxResults",
                ..Paging::lower_limit(1000, (1, 1000))
            }),
        delete(
            "DeleteQueryDefinition",
            "queryDefinitionId",
            Shows::With(|_, _| json!({"success": true})),
        ),
    ],
    ..Kind::NEW
};

/// Makes it, or, when it is named by its identifier, puts it in the place of the one that is there: what is not given again is
/// lost (CloudWatch Logs API Reference, PutQueryDefinition, logGroupNames).
fn put(call: &mut Call) -> Answer {
    let mut members: Map<String, Json> = call.input.clone();
    let token = members.remove("clientToken");
    members.entry("queryLanguage").or_insert(json!("CWLI"));
    for list in ["logGroupNames", "parameters"] {
        members.entry(list).or_insert(json!([]));
    }
    members.insert("lastModified".into(), json!(millis(call.now)));
    if let Some(id) = call.text("queryDefinitionId") {
        let id = call.need(KIND, id)?.id.clone();
        call.update(KIND, &id, |query| query.body = members);
        return Ok(json!({"queryDefinitionId": id}));
    }
    let before = call
        .list(KIND)
        .find(|query| token.is_some() && query.hidden.get("token") == token.as_ref());
    if let Some(before) = before {
        return Ok(json!({"queryDefinitionId": before.id}));
    }
    let id = call.make(KIND, Json::Object(members))?.id;
    if let Some(token) = token {
        call.update(KIND, &id, |query| {
            query.hidden.insert("token".into(), token);
        });
    }
    Ok(json!({"queryDefinitionId": id}))
}
