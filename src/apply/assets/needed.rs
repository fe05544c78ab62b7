//! Which assets a plan needs.

use std::collections::BTreeMap;

use payctl_model::Address;

use crate::plan::{Action, Plan};
use crate::project::StackSpec;
use crate::project::assembly::assets::{FileSource, ImageSource, fill_in};
use crate::project::assembly::uses::{Users, users};

/// One asset at one place where resources look for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// How people know it.
    pub name: String,
    /// The region.
    pub region: String,
    /// Where, and what is put there.
    pub place: Place,
}

/// Where an asset is published, names filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In S3.
    Object {
        /// What is put there.
        source: FileSource,
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
    /// In ECR.
    Image {
        /// What is put there.
        source: ImageSource,
        /// The repository.
        repository: String,
        /// The tag.
        tag: String,
    },
}

impl Publication {
    /// `s3://bucket/key`, or `repository:tag`.
    pub fn destination(&self) -> String {
        match &self.place {
            Place::Object { bucket, key, .. } => format!("s3://{bucket}/{key}"),
            Place::Image {
                repository, tag, ..
            } => format!("{repository}:{tag}"),
        }
    }
}

/// What must be published before this plan is carried out: the assets that a resource names which is made or changed. Where
/// that is not told by the templates, any change in the asset's stack counts.
pub fn needed(
    stacks: &[StackSpec],
    plan: &Plan,
    account: &str,
    partition: &dyn Fn(&str) -> &'static str,
) -> Vec<Publication> {
    let mut found: BTreeMap<(String, String), Publication> = BTreeMap::new();
    let changed: Vec<&Address> = plan
        .changes
        .values()
        .filter(|change| {
            matches!(
                change.action,
                Action::Create | Action::Update | Action::Replace(_)
            )
        })
        .map(|change| &change.address)
        .collect();
    for stack in stacks {
        let (Some(assembled), Some(region)) = (&stack.assembled, &stack.region) else {
            continue;
        };
        let changed = changed_in(stack, region, &changed);
        let assets = &assembled.assets;
        if changed.is_empty() || assets.files.is_empty() && assets.images.is_empty() {
            continue;
        }
        let users = users(&stack.template, assets);
        let is_needed = |id: &str| {
            let users = users.get(id);
            users.is_some_and(|users: &Users| {
                changed
                    .iter()
                    .any(|(nested, logical_id)| users.include(*nested, logical_id))
            })
        };
        let filled = |text: &str, region: &str| fill_in(text, account, region, partition(region));
        let mut take = |region: &Option<String>,
                        name: &Option<String>,
                        id: &str,
                        place: &dyn Fn(&str) -> Place| {
            let region = match region {
                Some(named) => fill_in(
                    named,
                    account,
                    stack.region.as_deref().unwrap_or_default(),
                    "",
                ),
                None => stack.region.clone().unwrap_or_default(),
            };
            let publication = Publication {
                name: name.clone().unwrap_or_else(|| id.to_owned()),
                place: place(&region),
                region,
            };
            let key = (publication.region.clone(), publication.destination());
            // The first stack that has it names it.
            found.entry(key).or_insert(publication);
        };
        for (id, asset) in assets.files.iter().filter(|(id, _)| is_needed(id)) {
            for to in &asset.destinations {
                take(&to.region, &asset.name, id, &|region| Place::Object {
                    source: asset.source.clone(),
                    bucket: filled(&to.bucket, region),
                    key: filled(&to.key, region),
                });
            }
        }
        for (id, asset) in assets.images.iter().filter(|(id, _)| is_needed(id)) {
            for to in &asset.destinations {
                take(&to.region, &asset.name, id, &|region| Place::Image {
                    source: asset.source.clone(),
                    repository: filled(&to.repository, region),
                    tag: filled(&to.tag, region),
                });
            }
        }
    }
    found.into_values().collect()
}

/// The logical ids of what changes in a stack, each with whether it stands in one of its nested stacks.
fn changed_in<'a>(
    stack: &StackSpec,
    region: &str,
    changed: &[&'a Address],
) -> Vec<(bool, &'a str)> {
    let here = changed.iter().filter(|address| address.region == region);
    here.filter_map(|address| {
        let below = address.stack.strip_prefix(stack.name.as_str())?;
        (below.is_empty() || below.starts_with('/'))
            .then_some((!below.is_empty(), address.logical_id.as_str()))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::plan::{Change, Removal};
    use crate::project::Assembled;
    use crate::project::assembly::assets::{AssetManifest, FileAsset, FileDestination};

    fn plan(changes: &[(&str, &str, Action)]) -> Plan {
        let changes = changes.iter().map(|(stack, id, action)| {
            let address = Address::new("us-east-1", *stack, *id);
            let change = Change {
                address: address.clone(),
                type_name: "AWS::Lambda::Function".into(),
                physical_id: None,
                action: action.clone(),
                reasons: Vec::new(),
                edits: Vec::new(),
                before: None,
                after: None,
                removal: Removal::Delete,
                native: true,
                provisioned: true,
                stateful: false,
                deployment: None,
            };
            (address, change)
        });
        Plan {
            changes: changes.collect(),
            ..Plan::default()
        }
    }

    /// A stack whose resource `Code` names the asset, with a nested stack in which `Inner` does.
    fn stack(folder: &Path, name: &str) -> StackSpec {
        let template = |file: &str, id: &str| {
            let text = format!(
                r#"{{"Resources": {{"{id}": {{"Properties": {{"Key": "c0de.zip"}}}}, "Other": {{}}}}}}"#
            );
            std::fs::write(folder.join(file), text).unwrap();
            folder.join(file)
        };
        let file = |source: FileSource, key: &str| FileAsset {
            name: Some(format!("{name}/Code")),
            source,
            destinations: vec![FileDestination {
                bucket: "b-${AWS::AccountId}-${AWS::Region}".into(),
                key: key.into(),
                region: None,
            }],
        };
        let nested = template("Inner.nested.template.json", "Inner");
        let assets = AssetManifest {
            files: BTreeMap::from([
                (
                    "c0de".to_owned(),
                    file(FileSource::Folder("asset.c0de".into()), "c0de.zip"),
                ),
                (
                    "1nner".to_owned(),
                    file(FileSource::File(nested), "1nner.json"),
                ),
            ]),
            ..AssetManifest::default()
        };
        StackSpec {
            name: name.into(),
            template: template(&format!("{name}.template.json"), "Code"),
            region: Some("us-east-1".into()),
            assembled: Some(Assembled {
                assets: Arc::new(assets),
                ..Assembled::default()
            }),
            ..StackSpec::default()
        }
    }

    #[test]
    fn an_asset_is_needed_once_by_whoever_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let stacks = [stack(folder.path(), "Net"), stack(folder.path(), "App")];
        let needed = |changes: &[(&str, &str, Action)]| {
            let found = needed(&stacks, &plan(changes), "111122223333", &|_| "aws");
            let shown = |one: &Publication| format!("{} {}", one.name, one.destination());
            found.iter().map(shown).collect::<Vec<_>>()
        };
        let one = ["Net/Code s3://b-111122223333-us-east-1/c0de.zip"];
        assert_eq!(
            needed(&[
                ("Net", "Code", Action::Create),
                ("App", "Code", Action::Update)
            ]),
            one
        );
        let inner = needed(&[("App/Nested", "Inner", Action::Create)]);
        assert_eq!(inner, ["App/Code s3://b-111122223333-us-east-1/c0de.zip"]);
        for nobody in [
            ("Net", "Other", Action::Create),
            ("Net", "Inner", Action::Create),
            ("Network", "Code", Action::Create),
            ("Net", "Code", Action::NoOp),
            ("Net", "Code", Action::Delete { snapshot: false }),
        ] {
            assert_eq!(needed(&[nobody]), Vec::<String>::new());
        }
    }
}
