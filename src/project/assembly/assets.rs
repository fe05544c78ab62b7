//! Asset manifests (`*.assets.json`): which files and images an assembly's stacks need beside their templates, and where each
//! is to be published (CDK, `cloud-assembly-schema`, "AssetManifest").

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::AssemblyError;
use super::manifest;

/// The assets of a stack, sources as paths that exist from anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetManifest {
    /// Files and folders, by the assets' ids.
    pub files: BTreeMap<String, FileAsset>,
    /// Container images, by the assets' ids.
    pub images: BTreeMap<String, ImageAsset>,
}

/// A file, or a folder that is packed into one, for S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileAsset {
    /// How the assembly names it to people.
    pub name: Option<String>,
    /// What is published.
    pub source: FileSource,
    /// Where to.
    pub destinations: Vec<FileDestination>,
}

/// What a file asset is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileSource {
    /// A file as it is.
    File(PathBuf),
    /// A folder, packed as a ZIP archive.
    Folder(PathBuf),
    /// A command that makes the file and prints its path.
    Command {
        /// The program and its arguments.
        command: Vec<String>,
        /// The folder in which it runs.
        folder: PathBuf,
    },
}

/// An object of S3, its names still with placeholders such as `${AWS::AccountId}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDestination {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The region; `None`: the stack's.
    pub region: Option<String>,
}

/// A container image for ECR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageAsset {
    /// How the assembly names it to people.
    pub name: Option<String>,
    /// What it is made of.
    pub source: ImageSource,
    /// Where to.
    pub destinations: Vec<ImageDestination>,
}

/// What an image is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// A folder with a Dockerfile.
    Build(Box<Build>),
    /// A command that builds the image and prints what it is called locally.
    Command {
        /// The program and its arguments.
        command: Vec<String>,
        /// The folder in which it runs.
        folder: PathBuf,
    },
}

/// What `docker build` is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Build {
    /// The folder: what the Dockerfile may copy from.
    pub folder: PathBuf,
    /// The Dockerfile, seen from the folder.
    pub file: Option<String>,
    /// `--target`.
    pub target: Option<String>,
    /// `--build-arg`.
    pub arguments: BTreeMap<String, String>,
    /// `--build-context`.
    pub contexts: BTreeMap<String, String>,
    /// `--secret`: where each stands, never the secret itself.
    pub secrets: BTreeMap<String, String>,
    /// `--ssh`.
    pub ssh: Option<String>,
    /// `--network`.
    pub network: Option<String>,
    /// `--platform`.
    pub platform: Option<String>,
    /// `--output`.
    pub outputs: Vec<String>,
    /// `--cache-from`.
    pub cache_from: Vec<String>,
    /// `--cache-to`.
    pub cache_to: Option<String>,
    /// `--no-cache`.
    pub no_cache: bool,
}

/// An image in a repository of ECR, its names still with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageDestination {
    /// The repository.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// The region; `None`: the stack's.
    pub region: Option<String>,
}

impl AssetManifest {
    /// Reads a manifest. Its paths are seen from the folder in which it stands.
    ///
    /// # Errors
    /// Where it cannot be read, or says something else than an asset manifest says.
    pub fn read(path: &Path) -> Result<AssetManifest, AssemblyError> {
        let written: Written = manifest::json(path)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let wrong = |message: String| AssemblyError::Wrong {
            path: path.to_owned(),
            place: None,
            message,
        };
        let files = written.files.into_iter().map(|(id, asset)| {
            let file = asset
                .of(folder)
                .ok_or_else(|| wrong(format!("the file asset {id} has no source")))?;
            Ok((id, file))
        });
        let files = files.collect::<Result<_, AssemblyError>>()?;
        let images = written.images.into_iter().map(|(id, asset)| {
            let image = asset
                .of(folder)
                .ok_or_else(|| wrong(format!("the image asset {id} has no source")))?;
            Ok((id, image))
        });
        let images = images.collect::<Result<_, AssemblyError>>()?;
        Ok(AssetManifest { files, images })
    }

    /// Takes the assets of another manifest in.
    pub fn extend(&mut self, other: AssetManifest) {
        self.files.extend(other.files);
        self.images.extend(other.images);
    }

    /// The regions that its destinations name.
    pub fn regions(&self) -> impl Iterator<Item = String> {
        let files = self.files.values().flat_map(|asset| &asset.destinations);
        let images = self.images.values().flat_map(|asset| &asset.destinations);
        let files = files.filter_map(|to| to.region.as_ref());
        let images = images.filter_map(|to| to.region.as_ref());
        let regions = files.chain(images);
        // One that is still to be filled in is the stack's.
        regions.filter(|region| !region.contains("${")).cloned()
    }

    /// The file that is published under this key, or under a URL that ends with it (a nested stack's `TemplateURL`); also by
    /// the path that `Metadata` names as `aws:asset:path`, which is seen from the folder of `template`.
    pub fn file_for_key(&self, key: &str) -> Option<&Path> {
        let ends_with = |text: &str| {
            !text.is_empty()
                && key
                    .strip_suffix(text)
                    .is_some_and(|before| before.is_empty() || before.ends_with('/'))
        };
        self.files.iter().find_map(|(id, asset)| {
            let FileSource::File(path) = &asset.source else {
                return None;
            };
            let found = key == id
                || asset.destinations.iter().any(|to| ends_with(&to.key))
                || path.file_name().is_some_and(|name| name == key);
            found.then_some(path.as_path())
        })
    }
}

/// Writes account, region and partition into a destination's name (CDK, `cx-api`, "EnvironmentPlaceholders").
pub fn fill_in(text: &str, account: &str, region: &str, partition: &str) -> String {
    text.replace("${AWS::AccountId}", account)
        .replace("${AWS::Region}", region)
        .replace("${AWS::Partition}", partition)
}

#[derive(Deserialize)]
struct Written {
    /// Only there to tell an asset manifest from other JSON.
    #[serde(rename = "version")]
    _version: String,
    #[serde(default)]
    files: BTreeMap<String, WrittenFile>,
    #[serde(default, rename = "dockerImages")]
    images: BTreeMap<String, WrittenImage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenFile {
    display_name: Option<String>,
    source: WrittenFileSource,
    destinations: BTreeMap<String, WrittenFileDestination>,
}

#[derive(Deserialize)]
struct WrittenFileSource {
    path: Option<String>,
    packaging: Option<Packaging>,
    executable: Option<Vec<String>>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Packaging {
    File,
    Zip,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenFileDestination {
    bucket_name: String,
    object_key: String,
    region: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenImage {
    display_name: Option<String>,
    source: WrittenImageSource,
    destinations: BTreeMap<String, WrittenImageDestination>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenImageSource {
    directory: Option<String>,
    executable: Option<Vec<String>>,
    docker_file: Option<String>,
    docker_build_target: Option<String>,
    #[serde(default)]
    docker_build_args: BTreeMap<String, String>,
    #[serde(default)]
    docker_build_contexts: BTreeMap<String, String>,
    #[serde(default)]
    docker_build_secrets: BTreeMap<String, String>,
    docker_build_ssh: Option<String>,
    network_mode: Option<String>,
    platform: Option<String>,
    #[serde(default)]
    docker_outputs: Vec<String>,
    #[serde(default)]
    cache_from: Vec<Cache>,
    cache_to: Option<Cache>,
    #[serde(default)]
    cache_disabled: bool,
}

#[derive(Deserialize)]
struct Cache {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    params: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenImageDestination {
    repository_name: String,
    image_tag: String,
    region: Option<String>,
}

impl WrittenFile {
    fn of(self, folder: &Path) -> Option<FileAsset> {
        let source = match (self.source.executable, self.source.path) {
            (Some(command), _) if !command.is_empty() => FileSource::Command {
                command,
                folder: folder.to_owned(),
            },
            (_, Some(path)) if self.source.packaging == Some(Packaging::Zip) => {
                FileSource::Folder(joined(folder, &path))
            }
            (_, Some(path)) => FileSource::File(joined(folder, &path)),
            _ => return None,
        };
        let destinations = self.destinations.into_values().map(|to| FileDestination {
            bucket: to.bucket_name,
            key: to.object_key,
            region: to.region,
        });
        Some(FileAsset {
            name: self.display_name,
            source,
            destinations: destinations.collect(),
        })
    }
}

impl WrittenImage {
    fn of(self, folder: &Path) -> Option<ImageAsset> {
        let written = self.source;
        let source = match (written.executable, written.directory) {
            (Some(command), _) if !command.is_empty() => ImageSource::Command {
                command,
                folder: folder.to_owned(),
            },
            (_, Some(directory)) => ImageSource::Build(Box::new(Build {
                folder: joined(folder, &directory),
                file: written.docker_file,
                target: written.docker_build_target,
                arguments: written.docker_build_args,
                contexts: written.docker_build_contexts,
                secrets: written.docker_build_secrets,
                ssh: written.docker_build_ssh,
                network: written.network_mode,
                platform: written.platform,
                outputs: written.docker_outputs,
                cache_from: written.cache_from.iter().map(Cache::option).collect(),
                cache_to: written.cache_to.as_ref().map(Cache::option),
                no_cache: written.cache_disabled,
            })),
            _ => return None,
        };
        let destinations = self.destinations.into_values().map(|to| ImageDestination {
            repository: to.repository_name,
            tag: to.image_tag,
            region: to.region,
        });
        Some(ImageAsset {
            name: self.display_name,
            source,
            destinations: destinations.collect(),
        })
    }
}

impl Cache {
    /// As docker's `--cache-from` and `--cache-to` take it.
    fn option(&self) -> String {
        let parameters = self
            .params
            .iter()
            .map(|(key, value)| format!(",{key}={value}"));
        format!("type={}{}", self.kind, parameters.collect::<String>())
    }
}

/// A path of a manifest, without the steps up (`../asset.…`) that a stage's manifest begins with: messages show it.
pub(in crate::project) fn joined(folder: &Path, path: &str) -> PathBuf {
    let mut joined = folder.to_owned();
    for part in Path::new(path).components() {
        match part {
            std::path::Component::ParentDir if joined.file_name().is_some() => {
                joined.pop();
            }
            std::path::Component::CurDir => {}
            other => joined.push(other),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"{
      "version": "55.0.0",
      "files": {
        "aa": {
          "displayName": "Code",
          "source": { "path": "../asset.aa", "packaging": "zip" },
          "destinations": {
            "east": { "bucketName": "b-${AWS::AccountId}-us-east-1", "objectKey": "aa.zip", "region": "us-east-1" },
            "west": { "bucketName": "b-${AWS::AccountId}-us-west-2", "objectKey": "aa.zip", "region": "us-west-2" }
          }
        },
        "bb": {
          "source": { "path": "Inner.nested.template.json", "packaging": "file" },
          "destinations": { "any": { "bucketName": "b", "objectKey": "pre/bb.json" } }
        },
        "cc": {
          "source": { "executable": ["make", "it"] },
          "destinations": { "any": { "bucketName": "b", "objectKey": "cc" } }
        }
      },
      "dockerImages": {
        "dd": {
          "source": {
            "directory": "asset.dd", "dockerFile": "Dockerfile.prod", "dockerBuildTarget": "run",
            "dockerBuildArgs": { "A": "1" }, "platform": "linux/arm64",
            "cacheFrom": [{ "type": "registry", "params": { "ref": "x" } }]
          },
          "destinations": { "any": { "repositoryName": "r", "imageTag": "dd" } }
        }
      }
    }"#;

    #[test]
    fn what_a_manifest_says_is_seen_from_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let stage = folder.path().join("assembly-Prod");
        std::fs::create_dir(&stage).unwrap();
        let path = stage.join("Net.assets.json");
        std::fs::write(&path, MANIFEST).unwrap();
        let manifest = AssetManifest::read(&path).unwrap();
        assert_eq!(
            manifest.files["aa"].source,
            FileSource::Folder(folder.path().join("asset.aa"))
        );
        assert_eq!(manifest.files["aa"].destinations.len(), 2);
        assert!(matches!(
            &manifest.files["cc"].source,
            FileSource::Command { command, .. } if command == &["make", "it"]
        ));
        let ImageSource::Build(build) = &manifest.images["dd"].source else {
            panic!("{:?}", manifest.images);
        };
        assert_eq!(build.folder, stage.join("asset.dd"));
        assert_eq!(build.file.as_deref(), Some("Dockerfile.prod"));
        assert_eq!(build.cache_from, ["type=registry,ref=x"]);
    }

    #[test]
    fn a_nested_template_is_found_by_its_key_and_by_its_url() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Net.assets.json");
        std::fs::write(&path, MANIFEST).unwrap();
        let manifest = AssetManifest::read(&path).unwrap();
        let inner = folder.path().join("Inner.nested.template.json");
        for key in [
            "bb",
            "pre/bb.json",
            "https://s3.us-east-1.amazonaws.com/b/pre/bb.json",
            "Inner.nested.template.json",
        ] {
            assert_eq!(manifest.file_for_key(key), Some(inner.as_path()), "{key}");
        }
        for key in ["", "b.json", "xpre/bb.json", "aa.zip"] {
            assert_eq!(manifest.file_for_key(key), None, "{key}");
        }
    }

    #[test]
    fn what_no_manifest_says_is_an_error_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Net.assets.json");
        let error = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let error = AssetManifest::read(&path).unwrap_err().to_string();
            error.replace(&folder.path().display().to_string(), "")
        };
        insta::assert_snapshot!(
            [
                error("{"),
                error("{}"),
                error(r#"{"version": "1.0.0", "files": {"aa": {"source": {}, "destinations": {}}}}"#),
                error(r#"{"version": "1.0.0", "files": {"aa": {"source": {"path": "a", "packaging": "tar"}, "destinations": {}}}}"#),
            ]
            .join("\n")
        );
    }
}
