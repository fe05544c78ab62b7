//! Published versions: a function's code and configuration, for good.

use super::functions::FUNCTION;
use super::{PAGES, laws, named};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::filter;
use crate::kind::{Id, Kind, Reference};
use crate::registry;
use crate::world::Step;
use serde_json::{Map, Value as Json};

/// A version. Its function is `FunctionName`.
pub(super) const VERSION: Kind = Kind {
    name: "lambda/version",
    id: Id::Made(|_, body, _| {
        let text = |member| body.get(member).and_then(Json::as_str).unwrap_or_default();
        Ok(format!("{}:{}", text("FunctionName"), text("Version")))
    }),
    refers: &[Reference::new("FunctionName", "lambda/function").loose()],
    not_found: Fault::new("ResourceNotFoundException", "Function not found: {id}").status(404),
    ..Kind::NEW
};

/// What a version has of its own, beside what it keeps of its function.
pub(super) const OWN: &[&str] = &[
    "Description",
    "FunctionArn",
    "LastModified",
    "LastUpdateStatus",
    "LastUpdateStatusReason",
    "LastUpdateStatusReasonCode",
    "RevisionId",
    "State",
    "StateReason",
    "StateReasonCode",
    "Version",
];

/// How long a version with SnapStart takes to get its snapshot ("It can take a few minutes": Lambda Developer Guide, SnapStart).
const SNAPSHOT: f64 = 90.0;

/// "Lambda doesn't publish a version if the function's configuration and code haven't changed since the last version."
pub(super) fn publish(call: &mut Call) -> Answer {
    let name = named(call)?.id.clone();
    let description = call.text("Description").map(str::to_owned);
    let id = snapshot(call, &name, description)?;
    let record = call.need(VERSION.name, &id)?;
    Ok(call.show(VERSION.name, record))
}

fn number(id: &str) -> u64 {
    let digits = id.rsplit(':').next().unwrap_or_default();
    digits.parse().unwrap_or_default()
}

/// The identifier of the version that is what the function is now.
pub(super) fn snapshot(
    call: &mut Call,
    name: &str,
    description: Option<String>,
) -> Result<String, Refusal> {
    let function = call.need(FUNCTION.name, name)?.clone();
    let last = call
        .list_where(VERSION.name, "FunctionName", name)
        .max_by_key(|version| number(&version.id));
    if let Some(last) = last
        && laws::configuration(&last.body) == laws::configuration(&function.body)
    {
        return Ok(last.id.clone());
    }
    // A number is never used twice (Lambda Developer Guide, Manage Lambda function versions).
    let next = function
        .hidden
        .get("versions")
        .and_then(Json::as_u64)
        .unwrap_or_default()
        + 1;
    let mut body = function.body.clone();
    body.insert("Version".into(), next.to_string().into());
    body.insert(
        "FunctionArn".into(),
        format!("{}:{next}", function.arn).into(),
    );
    if let Some(description) = description {
        body.insert("Description".into(), description.into());
    }
    let snap_start = body["SnapStart"]["ApplyOn"] == "PublishedVersions";
    body.insert(
        "State".into(),
        if snap_start { "Pending" } else { "Active" }.into(),
    );
    body.insert("LastUpdateStatus".into(), "Successful".into());
    let version = call.make(VERSION.name, Json::Object(body))?;
    let at = call.now + SNAPSHOT;
    let code = function.hidden.get("Code").cloned();
    call.update(VERSION.name, &version.id, |version| {
        version
            .hidden
            .extend(code.map(|code| ("Code".to_owned(), code)));
        if snap_start {
            version.steps.push(Step {
                set: vec![
                    ("SnapStart.OptimizationStatus".into(), "On".into()),
                    ("State".into(), "Active".into()),
                ],
                ..Step::set(at, "State", "Active")
            });
        }
    });
    call.update(FUNCTION.name, name, |function| {
        function.hidden.insert("versions".into(), next.into());
    });
    Ok(version.id)
}

/// `$LATEST` and the versions, oldest first.
pub(super) fn list(call: &mut Call) -> Answer {
    let function = named(call)?;
    let name = function.id.clone();
    let told = |kind, record| {
        let mut told = call.show(kind, record);
        // "A subset of the fields" (ListVersionsByFunction).
        if let Json::Object(members) = &mut told {
            for own in OWN
                .iter()
                .filter(|own| own.starts_with("State") || own.starts_with("LastUpdate"))
            {
                members.remove(*own);
            }
        }
        told
    };
    let mut versions: Vec<_> = call
        .list_where(VERSION.name, "FunctionName", &name)
        .collect();
    versions.sort_by_key(|version| number(&version.id));
    let mut shown = vec![("0".to_owned(), told(FUNCTION.name, function))];
    shown.extend(versions.iter().map(|version| {
        (
            format!("{:020}", number(&version.id)),
            told(VERSION.name, version),
        )
    }));
    let service = registry::service("lambda").unwrap_or(&super::SERVICE);
    let next = filter::page(call, service, &PAGES, false, "", &mut shown)?;
    let mut answer = Map::new();
    answer.insert(
        "Versions".into(),
        shown.into_iter().map(|(_, version)| version).collect(),
    );
    if let Some(next) = next {
        answer.insert("NextMarker".into(), next.into());
    }
    Ok(Json::Object(answer))
}
