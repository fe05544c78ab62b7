//! Objects listed: by key in the order of their bytes, folded at a delimiter.

use super::buckets::{canonical_user, the_bucket};
use super::versions;
use crate::call::Call;
use crate::error::{Answer, Refusal};
use crate::world::Record;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value as Json, json};

/// What stays as it is with `encoding-type=url`.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'*')
    .remove(b'/');

/// What a request asks of a list.
struct Asked {
    prefix: String,
    delimiter: String,
    most: usize,
    encoded: bool,
}

impl Asked {
    fn of(call: &Call) -> Result<Asked, Refusal> {
        let most = call
            .input
            .get("MaxKeys")
            .and_then(Json::as_i64)
            .unwrap_or(1000);
        let most = usize::try_from(most).map_err(|_| {
            Refusal::new(
                "InvalidArgument",
                "Argument maxKeys must be an integer between 0 and 2147483647",
            )
        })?;
        let text = |member: &str| call.text(member).unwrap_or_default().to_owned();
        Ok(Asked {
            prefix: text("Prefix"),
            delimiter: text("Delimiter"),
            most: most.min(1000),
            encoded: call.text("EncodingType") == Some("url"),
        })
    }

    fn write(&self, name: &str) -> String {
        match self.encoded {
            true => utf8_percent_encode(name, PLAIN).to_string(),
            false => name.to_owned(),
        }
    }

    /// What stands for a key in the list: the part up to the delimiter, where there is one behind the prefix.
    fn folded<'a>(&self, name: &'a str) -> Option<&'a str> {
        if self.delimiter.is_empty() {
            return None;
        }
        let rest = name.strip_prefix(&self.prefix)?;
        let at = rest.find(&self.delimiter)?;
        Some(&name[..self.prefix.len() + at + self.delimiter.len()])
    }
}

/// A page of a list.
#[derive(Default)]
struct Page {
    shown: Vec<Json>,
    prefixes: Vec<String>,
    /// The last entry of the page, where there is more behind it.
    next: Option<String>,
}

/// One version for each key that is not deleted, behind `after`.
fn page(call: &Call, asked: &Asked, after: &str, owner: bool) -> Result<Page, Refusal> {
    let bucket = the_bucket(call)?;
    let mut page = Page::default();
    let (mut seen, mut last): (Option<&str>, &str) = (None, "");
    for (_, version) in versions::all(call, &bucket) {
        let name = version.text("Key");
        // Only the newest version counts.
        if seen.replace(name) == Some(name)
            || versions::is_marker(version)
            || !name.starts_with(&asked.prefix)
        {
            continue;
        }
        let entry = asked.folded(name).unwrap_or(name);
        // What was folded is behind all that it stands for.
        if entry <= after
            || (asked.folded(name).is_some()
                && page.prefixes.last().is_some_and(|last| last == entry))
        {
            continue;
        }
        if page.shown.len() + page.prefixes.len() >= asked.most {
            page.next = (asked.most > 0).then(|| last.to_owned());
            break;
        }
        last = entry;
        if entry != name || asked.folded(name).is_some() {
            page.prefixes.push(entry.to_owned());
        } else {
            page.shown.push(shown(
                version,
                asked,
                owner.then_some(bucket.account.as_str()),
            ));
        }
    }
    Ok(page)
}

fn shown(version: &Record, asked: &Asked, owner: Option<&str>) -> Json {
    let class = match version.text("StorageClass") {
        "" => "STANDARD",
        class => class,
    };
    let mut shown = json!({
        "Key": asked.write(version.text("Key")), "LastModified": version.body.get("LastModified"),
        "ETag": version.text("ETag"), "Size": version.body.get("Size"), "StorageClass": class,
    });
    if let Some(owner) = owner {
        shown["Owner"] = json!({"ID": canonical_user(owner)});
    }
    let algorithms: Vec<String> = super::checksums::of(&version.body)
        .keys()
        .filter(|name| *name != "ChecksumType")
        .map(|name| name.trim_start_matches("Checksum").to_owned())
        .collect();
    if !algorithms.is_empty() {
        shown["ChecksumAlgorithm"] = json!(algorithms);
        shown["ChecksumType"] = version
            .body
            .get("ChecksumType")
            .cloned()
            .unwrap_or_default();
    }
    shown
}

/// What every list says of itself.
fn frame(call: &Call, asked: &Asked, page: &Page) -> Map<String, Json> {
    let mut answer = Map::new();
    let prefixes: Vec<Json> = page
        .prefixes
        .iter()
        .map(|prefix| json!({"Prefix": asked.write(prefix)}))
        .collect();
    answer.insert("Name".into(), json!(call.text("Bucket")));
    answer.insert("Prefix".into(), json!(asked.write(&asked.prefix)));
    answer.insert("MaxKeys".into(), json!(asked.most));
    answer.insert("IsTruncated".into(), json!(page.next.is_some()));
    answer.insert("EncodingType".into(), json!(call.text("EncodingType")));
    if !asked.delimiter.is_empty() {
        answer.insert("Delimiter".into(), json!(asked.write(&asked.delimiter)));
    }
    if !prefixes.is_empty() {
        answer.insert("CommonPrefixes".into(), Json::Array(prefixes));
    }
    answer
}

pub(super) fn list_objects_v2(call: &mut Call) -> Answer {
    let call = &*call;
    let asked = Asked::of(call)?;
    let start = call.text("StartAfter").unwrap_or_default().to_owned();
    let token = call.text("ContinuationToken");
    let after = match token {
        None => start.clone(),
        Some(token) => STANDARD
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| {
                Refusal::new(
                    "InvalidArgument",
                    "The continuation token provided is incorrect",
                )
            })?,
    };
    let owner = call.input.get("FetchOwner") == Some(&json!(true));
    let page = page(call, &asked, &after, owner)?;
    let mut answer = frame(call, &asked, &page);
    answer.insert(
        "KeyCount".into(),
        json!(page.shown.len() + page.prefixes.len()),
    );
    answer.insert("ContinuationToken".into(), json!(token));
    if !start.is_empty() {
        answer.insert("StartAfter".into(), json!(asked.write(&start)));
    }
    if let Some(next) = &page.next {
        answer.insert("NextContinuationToken".into(), json!(STANDARD.encode(next)));
    }
    if !page.shown.is_empty() {
        answer.insert("Contents".into(), Json::Array(page.shown));
    }
    Ok(Json::Object(answer))
}

pub(super) fn list_objects(call: &mut Call) -> Answer {
    let call = &*call;
    let asked = Asked::of(call)?;
    let marker = call.text("Marker").unwrap_or_default().to_owned();
    let page = page(call, &asked, &marker, true)?;
    let mut answer = frame(call, &asked, &page);
    answer.insert("Marker".into(), json!(asked.write(&marker)));
    // "This element is returned only if you have the delimiter request parameter specified" (ListObjects, NextMarker).
    if let Some(next) = page.next.as_ref().filter(|_| !asked.delimiter.is_empty()) {
        answer.insert("NextMarker".into(), json!(asked.write(next)));
    }
    if !page.shown.is_empty() {
        answer.insert("Contents".into(), Json::Array(page.shown));
    }
    Ok(Json::Object(answer))
}

pub(super) fn list_versions(call: &mut Call) -> Answer {
    let call = &*call;
    let asked = Asked::of(call)?;
    let bucket = the_bucket(call)?;
    let marker = call.text("KeyMarker").unwrap_or_default().to_owned();
    let behind = call
        .text("VersionIdMarker")
        .filter(|version| !version.is_empty());
    let mut page = Page::default();
    let (mut kept, mut markers) = (Vec::new(), Vec::new());
    let (mut seen, mut last): (Option<&str>, (String, String)) = (None, Default::default());
    // With a version's marker the rest of its key's versions come first.
    let mut passed = behind.is_none();
    for (_, version) in versions::all(call, &bucket) {
        let (name, id) = (version.text("Key"), version.text("VersionId"));
        let latest = seen.replace(name) != Some(name);
        if !name.starts_with(&asked.prefix) {
            continue;
        }
        let folded = asked.folded(name);
        let entry = folded.unwrap_or(name);
        if name == marker && !passed {
            passed = Some(id) == behind;
            continue;
        }
        let done =
            entry < marker.as_str() || (entry == marker && (behind.is_none() || folded.is_some()));
        if done || (folded.is_some() && page.prefixes.last().is_some_and(|last| last == entry)) {
            continue;
        }
        if kept.len() + markers.len() + page.prefixes.len() >= asked.most {
            page.next = (asked.most > 0).then(|| last.0.clone());
            break;
        }
        last = (
            entry.to_owned(),
            if folded.is_some() {
                String::new()
            } else {
                id.to_owned()
            },
        );
        if folded.is_some() {
            page.prefixes.push(entry.to_owned());
            continue;
        }
        let mut shown = shown(version, &asked, Some(&bucket.account));
        shown["VersionId"] = json!(id);
        shown["IsLatest"] = json!(latest);
        match versions::is_marker(version) {
            true => markers.push(shown),
            false => kept.push(shown),
        }
    }
    let mut answer = frame(call, &asked, &page);
    answer.insert("KeyMarker".into(), json!(asked.write(&marker)));
    answer.insert("VersionIdMarker".into(), json!(behind.unwrap_or_default()));
    if let Some(next) = &page.next {
        answer.insert("NextKeyMarker".into(), json!(asked.write(next)));
        if !last.1.is_empty() {
            answer.insert("NextVersionIdMarker".into(), json!(last.1));
        }
    }
    for (name, list) in [("Versions", kept), ("DeleteMarkers", markers)] {
        if !list.is_empty() {
            answer.insert(name.into(), Json::Array(list));
        }
    }
    Ok(Json::Object(answer))
}
