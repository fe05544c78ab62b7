//! The files of an assembly as they are written (CDK, `cloud-assembly-schema`): only the parts that payctl needs, so that any
//! version of the format in which these are as they are here can be read.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::AssemblyError;

/// `manifest.json`.
#[derive(Deserialize)]
pub(super) struct Manifest {
    /// Only there to tell a manifest from other JSON.
    #[serde(rename = "version")]
    pub _version: String,
    #[serde(default)]
    pub artifacts: BTreeMap<String, Artifact>,
    #[serde(default)]
    pub missing: Vec<Missing>,
}

/// Context that the app asked for and that nobody has looked up yet.
#[derive(Deserialize)]
pub(super) struct Missing {
    pub provider: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Artifact {
    #[serde(rename = "type")]
    pub kind: String,
    pub environment: Option<String>,
    #[serde(default)]
    pub properties: Json,
    #[serde(default)]
    pub dependencies: Vec<String>,
    #[serde(default)]
    pub metadata: Metadata,
    pub additional_metadata_file: Option<String>,
    pub display_name: Option<String>,
}

/// What constructs noted, by their paths.
pub(super) type Metadata = BTreeMap<String, Vec<Note>>;

#[derive(Deserialize)]
pub(super) struct Note {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub data: Json,
}

/// Properties of an artifact of type `aws:cloudformation:stack`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StackProperties {
    pub template_file: String,
    pub stack_name: Option<String>,
    #[serde(default)]
    pub parameters: BTreeMap<String, Json>,
    pub tags: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub termination_protection: bool,
    pub bootstrap_stack_version_ssm_parameter: Option<String>,
}

/// Properties of an artifact of type `cdk:asset-manifest`.
#[derive(Deserialize)]
pub(super) struct AssetProperties {
    pub file: String,
}

/// Properties of an artifact of type `cdk:cloud-assembly`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StageProperties {
    pub directory_name: String,
}

/// A tag as the metadata of older assemblies writes it: its keys began with capitals once.
#[derive(Deserialize)]
pub(super) struct Tag {
    #[serde(alias = "Key")]
    pub key: String,
    #[serde(alias = "Value")]
    pub value: String,
}

/// A file of the assembly.
pub(super) fn json<T: DeserializeOwned>(path: &Path) -> Result<T, AssemblyError> {
    let text = std::fs::read_to_string(path).map_err(|error| AssemblyError::Unreadable {
        path: path.to_owned(),
        error,
    })?;
    serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
        // serde's message ends with the place, which stands before it here.
        let message = error.to_string();
        let message = match message.rfind(" at line ") {
            Some(end) => message[..end].to_owned(),
            None => message,
        };
        AssemblyError::Wrong {
            path: path.to_owned(),
            place: Some((error.line(), error.column())),
            message,
        }
    })
}

/// The properties of an artifact.
pub(super) fn properties<T: DeserializeOwned>(
    path: &Path,
    id: &str,
    properties: Json,
) -> Result<T, AssemblyError> {
    serde_json::from_value(properties).map_err(|error| AssemblyError::Wrong {
        path: path.to_owned(),
        place: None,
        message: format!("the artifact {id}: {error}"),
    })
}
