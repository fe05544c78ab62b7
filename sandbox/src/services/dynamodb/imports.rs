//! Tables made of what lies in buckets. (The simulated AWS reads no bucket: the table is empty.)

use super::tables::{KIND, page, prepare};
use crate::call::Call;
use crate::error::{Answer, Fault};
use crate::kind::{Id, Kind, Paging, Shows, get, run};
use crate::world::{Key, Step};
use serde_json::{Value as Json, json};

const IMPORTS: &str = "dynamodb/import";
/// An import of nothing takes so many seconds.
const SECONDS: f64 = 120.0;

/// An import.
pub(super) const IMPORT: Kind = Kind {
    name: IMPORTS,
    id: Id::Hex(""),
    arn: "arn:{partition}:dynamodb:{region}:{account}:table/{TableName}/import/{id}",
    arn_member: "ImportArn",
    token: "ClientToken",
    not_found: Fault::new("ImportNotFoundException", "Import not found: {id}"),
    on_event: Some(over),
    operations: &[
        run("ImportTable", import),
        get(
            "DescribeImport",
            "ImportArn",
            Shows::In("ImportTableDescription"),
        ),
        run("ListImports", |call| {
            let of = call.text("TableArn");
            let imports = call
                .list(IMPORTS)
                .filter(|import| of.is_none_or(|arn| import.is("TableArn", arn)));
            let shown = imports.map(|import| (import.id.clone(), call.show(IMPORTS, import)));
            let paging = Paging {
                size: "PageSize",
                ..Paging::next_token(25, (1, 25))
            };
            page(call, "ImportSummaryList", &paging, shown.collect())
        }),
    ],
    ..Kind::NEW
};

fn import(call: &mut Call) -> Answer {
    let token = call.input.get("ClientToken").cloned();
    let before = call
        .list(IMPORTS)
        .find(|import| token.is_some() && import.hidden.get("token") == token.as_ref());
    if let Some(before) = before {
        return Ok(json!({"ImportTableDescription": call.show(IMPORTS, before)}));
    }
    let mut members = call.input["TableCreationParameters"].clone();
    if let (Some(sse), Some(members)) = (
        members.get("SSESpecification").cloned(),
        members.as_object_mut(),
    ) {
        members.remove("SSESpecification");
        members.insert(
            "SSEDescription".into(),
            super::tables::encryption(call, &sse)?,
        );
    }
    let mut table = call.make(KIND, members)?;
    prepare(call, &mut table)?;
    // The table is being made until its import is over.
    let end = call.now + SECONDS;
    for step in &mut table.steps {
        step.at = end;
    }
    let (name, arn) = (table.id.clone(), table.arn.clone());
    call.world.put(call.key(KIND, &name), table);
    let mut members = call.input.clone();
    for (member, value) in [
        ("TableName", json!(name)),
        ("TableArn", json!(arn)),
        ("ImportStatus", json!("IN_PROGRESS")),
        ("StartTime", json!(call.now)),
    ] {
        members.insert(member.into(), value);
    }
    let made = call.make(IMPORTS, Json::Object(members))?;
    call.update(IMPORTS, &made.id, |import| {
        if let Some(token) = token {
            import.set("ClientToken", token);
        }
        import.steps.push(Step::event(end, "over"));
    });
    let import = call.need(IMPORTS, &made.id)?;
    Ok(json!({"ImportTableDescription": call.show(IMPORTS, import)}))
}

fn over(call: &mut Call, key: &Key, _: &str) {
    let now = call.now;
    call.update(IMPORTS, &key.id, |import| {
        import.set("ImportStatus", "COMPLETED");
        import.set("EndTime", now);
        for member in [
            "ProcessedItemCount",
            "ImportedItemCount",
            "ErrorCount",
            "ProcessedSizeBytes",
        ] {
            import.set(member, 0);
        }
    });
}
