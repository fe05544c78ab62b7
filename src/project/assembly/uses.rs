//! Which resources use which asset, by what the templates say: an asset's name in AWS contains its digest, and whoever uses it
//! names it, in whatever function that may stand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value as Json;

use super::assets::{AssetManifest, FileSource};

/// Who needs an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Users {
    /// These resources.
    Resources(BTreeSet<User>),
    /// Any resource of the stack may: what names it is no resource, or nothing in the templates does.
    Any,
}

/// A resource that uses an asset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct User {
    /// Whether it stands in one of the nested stacks.
    pub nested: bool,
    /// Its logical id.
    pub logical_id: String,
}

impl Users {
    /// Whether one of them is the resource of this logical id, in the stack itself or in a nested one.
    pub fn include(&self, nested: bool, logical_id: &str) -> bool {
        match self {
            Users::Any => true,
            Users::Resources(users) => users
                .iter()
                .any(|user| user.nested == nested && user.logical_id == logical_id),
        }
    }
}

/// The users of a stack's assets, by the assets' ids. Templates, the stack's own and those of nested stacks, are left out: nobody
/// but CloudFormation reads them from S3.
pub fn users(template: &Path, assets: &AssetManifest) -> BTreeMap<String, Users> {
    let templates = assets.files.iter().filter_map(|(id, asset)| {
        let FileSource::File(path) = &asset.source else {
            return None;
        };
        let is_template = path == template || path.to_string_lossy().ends_with(".template.json");
        is_template.then_some((id, path))
    });
    let templates: BTreeMap<&String, _> = templates.collect();
    let documents: Vec<(bool, Json)> = std::iter::once((false, template))
        .chain(
            templates
                .values()
                .filter(|path| path.as_path() != template)
                .map(|path| (true, path.as_path())),
        )
        // A template that cannot be read is told of where it is loaded.
        .filter_map(|(nested, path)| {
            let text = std::fs::read_to_string(path).ok()?;
            Some((nested, serde_json::from_str(&text).ok()?))
        })
        .collect();
    let files = assets.files.iter().map(|(id, asset)| {
        let keys = asset.destinations.iter().map(|to| to.key.as_str());
        (id, keys.chain([id.as_str()]).collect::<Vec<_>>())
    });
    let images = assets.images.iter().map(|(id, asset)| {
        let tags = asset.destinations.iter().map(|to| to.tag.as_str());
        (id, tags.chain([id.as_str()]).collect::<Vec<_>>())
    });
    files
        .chain(images)
        .filter(|(id, _)| !templates.contains_key(id))
        .map(|(id, names)| (id.clone(), users_of(&names, &documents)))
        .collect()
}

fn users_of(names: &[&str], documents: &[(bool, Json)]) -> Users {
    let mut users = BTreeSet::new();
    for (nested, document) in documents {
        for (section, content) in document.as_object().into_iter().flatten() {
            if section != "Resources" {
                if section != "Metadata" && says(content, names) {
                    return Users::Any;
                }
                continue;
            }
            for (logical_id, resource) in content.as_object().into_iter().flatten() {
                let mut attributes = resource.as_object().into_iter().flatten();
                if attributes.any(|(name, value)| name != "Metadata" && says(value, names)) {
                    users.insert(User {
                        nested: *nested,
                        logical_id: logical_id.clone(),
                    });
                }
            }
        }
    }
    match users.is_empty() {
        true => Users::Any,
        false => Users::Resources(users),
    }
}

/// Whether one of the names stands in a text of this value.
fn says(value: &Json, names: &[&str]) -> bool {
    match value {
        Json::String(text) => names.iter().any(|name| text.contains(name)),
        Json::Array(items) => items.iter().any(|item| says(item, names)),
        Json::Object(members) => members.values().any(|member| says(member, names)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::assembly::assets::{FileAsset, FileDestination};

    #[test]
    fn who_names_an_asset_uses_it() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let template = write(
            "Net.template.json",
            r#"{"Resources": {
                "Code": {"Properties": {"Code": {"S3Key": "c0de.zip"}}, "Metadata": {"aws:asset:path": "asset.feed"}},
                "Data": {"Properties": {"UserData": {"Fn::Base64": {"Fn::Join": ["", ["get ", "s3://b/c0de.zip", {"Ref": "X"}]]}}}},
                "Inner": {"Properties": {"TemplateURL": "https://x/1nner.json"}}},
             "Outputs": {"Url": {"Value": {"Fn::Sub": "s3://b/0ut.zip"}}}}"#,
        );
        let inner = write(
            "Inner.nested.template.json",
            r#"{"Resources": {"Deep": {"Properties": {"Key": "d33p.zip"}}}}"#,
        );
        let file = |source: FileSource, key: &str| FileAsset {
            name: None,
            source,
            destinations: vec![FileDestination {
                bucket: "b".into(),
                key: key.into(),
                region: None,
            }],
        };
        let packed = |id: &str| {
            (
                id.to_owned(),
                file(
                    FileSource::Folder(folder.path().into()),
                    &format!("{id}.zip"),
                ),
            )
        };
        let mut files: BTreeMap<String, FileAsset> =
            ["c0de", "d33p", "0ut", "feed"].map(packed).into();
        files.insert(
            "0wn".into(),
            file(FileSource::File(template.clone()), "0wn.json"),
        );
        files.insert("1nner".into(), file(FileSource::File(inner), "1nner.json"));
        let assets = AssetManifest {
            files,
            ..AssetManifest::default()
        };
        let users = users(&template, &assets);
        let user = |nested, logical_id: &str| User {
            nested,
            logical_id: logical_id.into(),
        };
        assert_eq!(
            users,
            BTreeMap::from([
                ("0ut".to_owned(), Users::Any),
                (
                    "c0de".to_owned(),
                    Users::Resources([user(false, "Code"), user(false, "Data")].into())
                ),
                (
                    "d33p".to_owned(),
                    Users::Resources([user(true, "Deep")].into())
                ),
                ("feed".to_owned(), Users::Any),
            ])
        );
        assert!(users["c0de"].include(false, "Data"));
        assert!(!users["c0de"].include(true, "Data"));
    }
}
