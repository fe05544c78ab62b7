//! CDK cloud assemblies: the folder that `cdk synth` writes. [`Assembly::read`] takes its stacks, those of its stages
//! included. Reads files and nothing else; `synth.rs` makes them anew.
//!
//! The order of stacks that a manifest names is not taken: what needs what is told by the resources alone.

pub mod assets;
mod manifest;
mod select;
pub mod synth;
#[cfg(test)]
mod tests;
pub mod uses;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use assets::AssetManifest;
use manifest::{Artifact, AssetProperties, Manifest, Metadata, StackProperties, StageProperties};
pub use select::matches as names_stack;

/// The file that makes a folder an assembly.
pub const MANIFEST: &str = "manifest.json";

/// How deep stages may stand in each other. The CDK allows any depth; nobody needs this one.
const MAX_DEPTH: usize = 16;

/// An assembly with the stacks of all its stages.
#[derive(Clone, Debug, PartialEq)]
pub struct Assembly {
    /// Where it stands.
    pub folder: PathBuf,
    /// Its stacks, in the order of their paths.
    pub stacks: Vec<AssemblyStack>,
}

/// One stack of an assembly.
#[derive(Clone, Debug, PartialEq)]
pub struct AssemblyStack {
    /// Its path in the app, such as `Prod/Network`.
    pub path: String,
    /// Its name in AWS, such as `Prod-Network`: `AWS::StackName`.
    pub name: String,
    /// The file of its template.
    pub template: PathBuf,
    /// The account that it is for; `None`: any.
    pub account: Option<String>,
    /// The region that it is for; `None`: any.
    pub region: Option<String>,
    /// Tags of all its resources.
    pub tags: BTreeMap<String, String>,
    /// Whether it must not be deleted.
    pub termination_protection: bool,
    /// Values for parameters of its template.
    pub parameters: BTreeMap<String, String>,
    /// What it needs beside its template.
    pub assets: Arc<AssetManifest>,
    /// The parameter of Systems Manager in which the account's bootstrap stack notes its version.
    pub bootstrap_version: Option<String>,
    /// What its stage waits for, because only AWS can tell it.
    pub missing: Vec<String>,
    /// What its constructs say is wrong.
    pub errors: Vec<String>,
}

/// Why an assembly cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// There is none.
    #[error("there is no CDK assembly in {}: it has no {MANIFEST}", .0.display())]
    Missing(PathBuf),
    /// A file of it cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file of it says what payctl does not understand.
    #[error("{}{}: {message}", path.display(), place.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Line and column, from 1.
        place: Option<(usize, usize)>,
        /// What is wrong.
        message: String,
    },
    /// It has no stack.
    #[error("the assembly in {} has no stack", .0.display())]
    NoStack(PathBuf),
    /// The app asked for what only AWS can tell, and nobody has looked it up.
    #[error("the assembly in {} is not complete: the app waits for {}", folder.display(), providers.join(", "))]
    MissingContext {
        /// The assembly.
        folder: PathBuf,
        /// What is missing.
        providers: Vec<String>,
    },
    /// Constructs have noted errors: `cdk deploy` refuses them, too.
    #[error("the app says that it is wrong: {}", .0.join("; "))]
    Errors(Vec<String>),
    /// Two stacks have the same name in a region.
    #[error("the stacks {} and {} have the same name {name} in {region}", paths[0], paths[1])]
    Twice {
        /// The name.
        name: String,
        /// The region.
        region: String,
        /// Their paths in the app.
        paths: [String; 2],
    },
    /// A stack is for another account.
    #[error("the stack {path} is for account {found}, and {than} for {wanted}")]
    Account {
        /// The stack's path in the app.
        path: String,
        /// Its account.
        found: String,
        /// Who says otherwise.
        than: String,
        /// What they say.
        wanted: String,
    },
    /// No stack of the assembly has this name.
    #[error("the assembly has no stack {pattern}; it has {}", paths.join(", "))]
    UnknownStack {
        /// What was asked for.
        pattern: String,
        /// What there is.
        paths: Vec<String>,
    },
    /// Its assets are parameters of the templates, as they were before version 2 of the CDK.
    #[error(
        "the stack {0} was synthesized with the legacy synthesizer: its assets are parameters of the template"
    )]
    LegacyAssets(String),
}

impl AssemblyError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            AssemblyError::Missing(_) => {
                "run `cdk synth`, or write `synth = \"npx cdk synth\"` into payctl.toml, which runs it when it is needed"
            }
            AssemblyError::Unreadable { .. } | AssemblyError::Wrong { .. } => {
                "run `cdk synth` again; if that does not help, this payctl does not know what this version of the CDK writes"
            }
            AssemblyError::NoStack(_) => {
                "look whether the app makes any stack, then run `cdk synth` again"
            }
            AssemblyError::MissingContext { .. } => {
                "run `cdk synth` with credentials of the account: it asks AWS and keeps the answers in cdk.context.json"
            }
            AssemblyError::Errors(_) => "mend the app, then run `cdk synth` again",
            AssemblyError::Twice { .. } => {
                "give one of them another `stackName`, or take one of them only: `stacks = [\"…\"]` in payctl.toml"
            }
            AssemblyError::Account { .. } => {
                "one environment is one account: take only its stacks with `stacks = [\"Prod/*\"]` in payctl.toml, or mend `account`"
            }
            AssemblyError::UnknownStack { .. } => {
                "`stacks` takes the paths or names of stacks; `*` stands for any part of a path, `**` for any path"
            }
            AssemblyError::LegacyAssets(_) => {
                "use the CDK's default synthesizer: remove LegacyStackSynthesizer, or `@aws-cdk/core:newStyleStackSynthesis: false`, from the app"
            }
        }
    }
}

impl Assembly {
    /// Reads the assembly in a folder: its stacks and those of its stages, in depth. Whether they can be used tells
    /// [`Assembly::check`], once those are left out that nobody wants.
    ///
    /// # Errors
    /// Where there is none, or payctl does not understand it.
    pub fn read(folder: &Path) -> Result<Assembly, AssemblyError> {
        let mut reading = Reading::default();
        reading.folder(folder, 0)?;
        let Reading {
            mut stacks,
            missing,
        } = reading;
        if stacks.is_empty() {
            return Err(match missing.is_empty() {
                true => AssemblyError::NoStack(folder.to_owned()),
                false => AssemblyError::MissingContext {
                    folder: folder.to_owned(),
                    providers: missing.into_iter().collect(),
                },
            });
        }
        stacks.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Assembly {
            folder: folder.to_owned(),
            stacks,
        })
    }

    /// Checks that `cdk deploy` would take its stacks: that they are whole, and that no construct says otherwise.
    ///
    /// # Errors
    /// All that is missing, else all that is wrong.
    pub fn check(&self) -> Result<(), AssemblyError> {
        let missing = self.stacks.iter().flat_map(|stack| stack.missing.clone());
        let missing: BTreeSet<String> = missing.collect();
        if !missing.is_empty() {
            return Err(AssemblyError::MissingContext {
                folder: self.folder.clone(),
                providers: missing.into_iter().collect(),
            });
        }
        let errors = self.stacks.iter().flat_map(|stack| stack.errors.clone());
        let errors: Vec<String> = errors.collect();
        match errors.is_empty() {
            true => Ok(()),
            false => Err(AssemblyError::Errors(errors)),
        }
    }

    /// Leaves only the stacks that one of these patterns names; without patterns all of them.
    ///
    /// # Errors
    /// Where a pattern names none.
    pub fn select(&mut self, patterns: &[String]) -> Result<(), AssemblyError> {
        if patterns.is_empty() {
            return Ok(());
        }
        let named = |stack: &AssemblyStack, pattern: &str| {
            pattern == stack.name || select::matches(pattern, &stack.path)
        };
        for pattern in patterns {
            if !self.stacks.iter().any(|stack| named(stack, pattern)) {
                return Err(AssemblyError::UnknownStack {
                    pattern: pattern.clone(),
                    paths: self.stacks.iter().map(|stack| stack.path.clone()).collect(),
                });
            }
        }
        self.stacks
            .retain(|stack| patterns.iter().any(|pattern| named(stack, pattern)));
        Ok(())
    }

    /// The account that its stacks are for; `None`: any.
    ///
    /// # Errors
    /// Where one of them is for another than the `wanted` one, or than another stack.
    pub fn account(&self, wanted: Option<&str>) -> Result<Option<String>, AssemblyError> {
        let mut found = wanted.map(|wanted| ("the environment".to_owned(), wanted.to_owned()));
        for stack in &self.stacks {
            let Some(account) = &stack.account else {
                continue;
            };
            match &found {
                Some((_, wanted)) if wanted == account => {}
                Some((than, wanted)) => {
                    return Err(AssemblyError::Account {
                        path: stack.path.clone(),
                        found: account.clone(),
                        than: than.clone(),
                        wanted: wanted.clone(),
                    });
                }
                None => found = Some((format!("the stack {}", stack.path), account.clone())),
            }
        }
        Ok(found.map(|(_, account)| account))
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    stacks: Vec<AssemblyStack>,
    /// What any of its stages waits for.
    missing: BTreeSet<String>,
}

impl Reading {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), AssemblyError> {
        let path = folder.join(MANIFEST);
        if !path.is_file() {
            return Err(AssemblyError::Missing(folder.to_owned()));
        }
        let manifest: Manifest = manifest::json(&path)?;
        // The manifest around stages repeats what they wait for: its own stacks may wait for the same.
        let missing = manifest.missing.into_iter();
        let missing: BTreeSet<String> = missing.map(|missing| missing.provider).collect();
        self.missing.extend(missing.iter().cloned());
        let mut assets = BTreeMap::new();
        for (id, artifact) in &manifest.artifacts {
            if artifact.kind == "cdk:asset-manifest" {
                let properties: AssetProperties =
                    manifest::properties(&path, id, artifact.properties.clone())?;
                let file = assets::joined(folder, &properties.file);
                assets.insert(id.clone(), AssetManifest::read(&file)?);
            }
        }
        for (id, artifact) in manifest.artifacts {
            match artifact.kind.as_str() {
                "aws:cloudformation:stack" => {
                    let mut stack = stack(folder, &path, id, artifact, &assets)?;
                    stack.missing = missing.iter().cloned().collect();
                    self.stacks.push(stack);
                }
                "cdk:cloud-assembly" => {
                    let stage: StageProperties =
                        manifest::properties(&path, &id, artifact.properties)?;
                    if depth == MAX_DEPTH {
                        return Err(AssemblyError::Wrong {
                            path,
                            place: None,
                            message: format!("stages stand in each other {MAX_DEPTH} deep"),
                        });
                    }
                    self.folder(&assets::joined(folder, &stage.directory_name), depth + 1)?;
                }
                // The construct tree, reports of the CDK and whatever later versions add: nothing is made of it.
                _ => {}
            }
        }
        Ok(())
    }
}

/// One stack of the assembly in `folder`, whose manifest is `path`.
fn stack(
    folder: &Path,
    path: &Path,
    id: String,
    artifact: Artifact,
    assets: &BTreeMap<String, AssetManifest>,
) -> Result<AssemblyStack, AssemblyError> {
    let properties: StackProperties = manifest::properties(path, &id, artifact.properties)?;
    let wrong = |message: String| AssemblyError::Wrong {
        path: path.to_owned(),
        place: None,
        message,
    };
    let environment = artifact.environment.unwrap_or_default();
    let (account, region) = place(&environment).ok_or_else(|| {
        wrong(format!(
            "the stack {id} is for `{environment}`, which is no aws://ACCOUNT/REGION"
        ))
    })?;
    let name = properties.stack_name.unwrap_or_else(|| id.clone());
    // CloudFormation's rule for names of stacks (API_CreateStack).
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if name.is_empty() || !name.chars().all(fits) {
        return Err(wrong(format!(
            "`{name}` is no stack name: letters, digits and hyphens"
        )));
    }
    let parameters = properties
        .parameters
        .into_iter()
        .map(|(name, value)| match text(&value) {
            Some(text) => Ok((name, text)),
            None => Err(wrong(format!(
                "the stack {id}: the parameter {name} is no text"
            ))),
        });
    let parameters = parameters.collect::<Result<_, AssemblyError>>()?;
    let mut metadata = artifact.metadata;
    if let Some(file) = &artifact.additional_metadata_file {
        let more: Metadata = manifest::json(&assets::joined(folder, file))?;
        for (construct, notes) in more {
            metadata.entry(construct).or_default().extend(notes);
        }
    }
    let path_in_app = artifact.display_name.unwrap_or_else(|| id.clone());
    // Where it has both a path and another name, the CDK shows them as `Path (name)`.
    let path_in_app = match path_in_app.strip_suffix(&format!(" ({name})")) {
        Some(path) => path.to_owned(),
        None => path_in_app,
    };
    let errors = noted_errors(&path_in_app, &metadata)?;
    let mut own = AssetManifest::default();
    for needed in &artifact.dependencies {
        if let Some(manifest) = assets.get(needed) {
            own.extend(manifest.clone());
        }
    }
    Ok(AssemblyStack {
        path: path_in_app,
        name,
        template: assets::joined(folder, &properties.template_file),
        account,
        region,
        tags: properties.tags.unwrap_or_else(|| noted_tags(&metadata)),
        termination_protection: properties.termination_protection,
        parameters,
        assets: Arc::new(own),
        bootstrap_version: properties.bootstrap_stack_version_ssm_parameter,
        missing: Vec::new(),
        errors,
    })
}

/// What constructs have noted that keeps `cdk deploy` from deploying.
fn noted_errors(stack: &str, metadata: &Metadata) -> Result<Vec<String>, AssemblyError> {
    let mut errors = Vec::new();
    for (construct, notes) in metadata {
        for note in notes {
            match note.kind.as_str() {
                "aws:cdk:error" => {
                    let text = note.data.as_str().unwrap_or("an error without words");
                    errors.push(format!("{}: {text}", construct.trim_start_matches('/')));
                }
                "aws:cdk:asset" => return Err(AssemblyError::LegacyAssets(stack.to_owned())),
                _ => {}
            }
        }
    }
    Ok(errors)
}

/// Account and region of `aws://ACCOUNT/REGION`; `None` in it where the assembly leaves them open.
fn place(environment: &str) -> Option<(Option<String>, Option<String>)> {
    let (account, region) = environment.strip_prefix("aws://")?.split_once('/')?;
    let known = |text: &str, unknown: &str| (text != unknown).then(|| text.to_owned());
    (!account.is_empty() && !region.is_empty()).then(|| {
        (
            known(account, "unknown-account"),
            known(region, "unknown-region"),
        )
    })
}

/// The stack's tags as assemblies noted them before they were properties.
fn noted_tags(metadata: &Metadata) -> BTreeMap<String, String> {
    let notes = metadata.values().flatten();
    let tags = notes
        .filter(|note| note.kind == "aws:cdk:stack-tags")
        .flat_map(|note| {
            let tags: Vec<manifest::Tag> =
                serde_json::from_value(note.data.clone()).unwrap_or_default();
            tags
        });
    tags.map(|tag| (tag.key, tag.value)).collect()
}

/// A parameter's value as a person would type it.
fn text(value: &serde_json::Value) -> Option<String> {
    use serde_json::Value as Json;
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(flag.to_string()),
        Json::Array(items) => {
            let texts: Option<Vec<String>> = items.iter().map(text).collect();
            Some(texts?.join(","))
        }
        Json::Null | Json::Object(_) => None,
    }
}
