//! `AWS::Logs::QueryDefinition`: a query that is kept under a name.

use super::QUERIES;
use crate::context::Context;
use crate::definition::FindFuture;
use crate::loaders;
use crate::prelude::*;

native!(
    /// `AWS::Logs::QueryDefinition`.
    QueryDefinition,
    Definition {
        create: Create::of("PutQueryDefinition", ""),
        reads: &[Read::of(&QUERIES)],
        // "If you are updating a query definition, use this parameter to specify the ID": what is not given again is lost
        // (API_PutQueryDefinition, "queryDefinitionId" and "logGroupNames").
        updates: &[Change { mode: Mode::All, ..Change::of("PutQueryDefinition", &["queryDefinitionId=QueryDefinitionId"]) }],
        delete: Delete::of(
            "DeleteQueryDefinition",
            &["queryDefinitionId=QueryDefinitionId"],
            &["ResourceNotFoundException"],
        ),
        find: Find::Search(search),
        resets: &[("LogGroupNames", "[]"), ("Parameters", "[]")],
        ..Definition::new("AWS::Logs::QueryDefinition", "logs")
    }
);

/// It has no tags: it is the one that was asked for when it has the name and the query.
fn search<'a>(context: &'a Context, desired: &'a Value, _: &'a Incarnation) -> FindFuture<'a> {
    Box::pin(async move {
        let text = |name: &str| desired.get(name).and_then(Value::expose_json);
        let (name, query) = (text("Name"), text("QueryString"));
        let Some(prefix) = name.as_ref().and_then(Json::as_str) else {
            return Ok(None);
        };
        let input = Map::from_iter([
            ("queryDefinitionNamePrefix".to_owned(), prefix.into()),
            ("maxResults".to_owned(), 1000.into()),
        ]);
        let found = loaders::items(context, &QUERIES, input).await?;
        let mine = found.iter().find(|definition| {
            definition.get("name") == name.as_ref()
                && definition.get("queryString") == query.as_ref()
        });
        let id = mine.and_then(|definition| described(definition, "queryDefinitionId"));
        Ok(id.map(PhysicalId::from))
    })
}
