//! The templates of an environment, read from their files: those of nested stacks too, each file once.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::session::shown;
use crate::project::StackSpec;
use crate::project::assembly::assets::AssetManifest;
use crate::report::failure::Failure;
use crate::template::{self, Diagnostic, NestedStack, Template};

/// Reads templates and keeps what is wrong with them.
#[derive(Default)]
pub(super) struct Reader {
    /// What each file holds; `None` where that is wrong.
    read: BTreeMap<PathBuf, Option<Arc<Template>>>,
    /// The files around the one that is being read, from the stack's own on.
    open: Vec<PathBuf>,
    mistakes: Vec<Diagnostic>,
}

impl Reader {
    /// The template of a stack; `None` where it is wrong.
    ///
    /// # Errors
    /// Where its file cannot be read.
    pub(super) fn stack(&mut self, stack: &StackSpec) -> Result<Option<Arc<Template>>, Failure> {
        let path = &stack.template;
        if let Some(known) = self.read.get(path) {
            return Ok(known.clone());
        }
        let text = std::fs::read_to_string(path).map_err(|error| {
            let template = shown(path);
            let failure = match error.kind() {
                std::io::ErrorKind::NotFound => {
                    Failure::new("no-template", format!("there is no template {template}"))
                }
                _ => Failure::new(
                    "io",
                    format!("cannot read the template {template}: {error}"),
                ),
            };
            failure.help(match &stack.assembled {
                None => format!("the stack {} names it in payctl.toml", stack.name),
                Some(assembled) => format!(
                    "the assembly names it as the template of {}: run `cdk synth` again",
                    assembled.path
                ),
            })
        })?;
        let assets = stack.assembled.as_ref().map(|assembled| &*assembled.assets);
        Ok(self.template(path, &text, &stack.name, assets))
    }

    /// All that was wrong.
    pub(super) fn mistakes(self) -> Vec<Diagnostic> {
        self.mistakes
    }

    /// The template of a text with those of its nested stacks. `stack` is what addresses in it begin with.
    fn template(
        &mut self,
        path: &Path,
        text: &str,
        stack: &str,
        assets: Option<&AssetManifest>,
    ) -> Option<Arc<Template>> {
        let whole = match template::load(&shown(path), text) {
            Ok(template) => self.with_nested(path, template, stack, assets),
            Err(mistakes) => Err(mistakes),
        };
        let found = match whole {
            Ok(template) => template.map(Arc::new),
            Err(mistakes) => {
                let is_nested = !self.open.is_empty();
                let named = mistakes.into_iter().map(|mistake| match is_nested {
                    true => within(mistake, stack),
                    false => mistake,
                });
                self.mistakes.extend(named);
                None
            }
        };
        self.read.insert(path.to_owned(), found.clone());
        found
    }

    /// `None` where a nested template is wrong, and that is said.
    fn with_nested(
        &mut self,
        path: &Path,
        template: Template,
        stack: &str,
        assets: Option<&AssetManifest>,
    ) -> Result<Option<Template>, Vec<Diagnostic>> {
        let mut found = BTreeMap::new();
        let mut complete = true;
        self.open.push(path.to_owned());
        for nested in template.nested_stacks() {
            if found.contains_key(&nested.location) {
                continue;
            }
            let told = self.mistakes.len();
            match self.nested(path, &template, &nested, stack, assets) {
                Some(template) => {
                    found.insert(nested.location, template);
                }
                None if nested.tentative => self.mistakes.truncate(told),
                None => complete = false,
            }
        }
        self.open.pop();
        match complete {
            true => template.with_nested(found).map(Some),
            false => Ok(None),
        }
    }

    fn nested(
        &mut self,
        parent: &Path,
        template: &Template,
        nested: &NestedStack<'_>,
        stack: &str,
        assets: Option<&AssetManifest>,
    ) -> Option<Arc<Template>> {
        let name = nested.logical_id;
        let wrong = |code, message: String, help: String| {
            Diagnostic::error(code, message)
                .at(&template.source, nested.place)
                .help(help)
                .address(match self.open.len() {
                    1 => name.to_owned(),
                    _ => format!("{stack}.{name}"),
                })
        };
        let folder = parent.parent().unwrap_or(Path::new(""));
        let Some(path) = file_of(folder, nested, assets) else {
            let from = match shown(folder).as_str() {
                "" => "the working folder".to_owned(),
                folder => folder.to_owned(),
            };
            let mistake = match (&nested.location.file, &nested.location.url) {
                (Some(file), _) => wrong(
                    "no-template",
                    format!("there is no file {file}, the template of the nested stack `{name}`"),
                    format!("the path is seen from {from}, where {} is", shown(parent)),
                ),
                (None, Some(url)) => wrong(
                    "nested-stack",
                    format!(
                        "the template of the nested stack `{name}` must be a file: payctl reads none from `{url}`"
                    ),
                    format!(
                        "write its path, seen from {from} (as `aws cloudformation package` takes it); of a CDK app, give the assembly"
                    ),
                ),
                (None, None) => wrong(
                    "nested-stack",
                    format!("which template the nested stack `{name}` has must be written out"),
                    format!("write the path of a file, seen from {from}"),
                ),
            };
            self.mistakes.push(mistake);
            return None;
        };
        if let Some(from) = self.open.iter().position(|open| *open == path) {
            let chain = self.open[from..].iter().chain([&path]);
            let chain: Vec<String> = chain.map(|path| shown(path)).collect();
            let mistake = wrong(
                "nested-stack",
                format!(
                    "the nested stack `{name}` includes itself: {}",
                    chain.join(" -> ")
                ),
                "take one of these nested stacks out, or give it another template".to_owned(),
            );
            self.mistakes.push(mistake);
            return None;
        }
        if let Some(known) = self.read.get(&path) {
            return known.clone();
        }
        match std::fs::read_to_string(&path) {
            Ok(text) => self.template(&path, &text, &format!("{stack}/{name}"), assets),
            Err(error) => {
                let mistake = wrong(
                    "io",
                    format!(
                        "cannot read {}, the template of the nested stack `{name}`: {error}",
                        shown(&path)
                    ),
                    "a template is a file of text (UTF-8)".to_owned(),
                );
                self.mistakes.push(mistake);
                None
            }
        }
    }
}

/// A mistake in a nested template, named by the stack in which it stands.
fn within(mistake: Diagnostic, stack: &str) -> Diagnostic {
    let address = match (&mistake.address, stack.rsplit_once('/')) {
        (Some(logical_id), _) => format!("{stack}.{logical_id}"),
        (None, Some((parent, name))) => format!("{parent}.{name}"),
        (None, None) => stack.to_owned(),
    };
    mistake.address(address)
}

/// The file of a nested stack's template: beside its parent, or as the assembly's manifests of assets say. A template of an
/// assembly that is used without the assembly has them beside it.
fn file_of(
    folder: &Path,
    nested: &NestedStack<'_>,
    assets: Option<&AssetManifest>,
) -> Option<PathBuf> {
    let beside = nested.location.file.as_ref();
    let beside = beside.map(|file| plain(&folder.join(file)));
    if let Some(path) = beside.filter(|path| path.is_file()) {
        return Some(path);
    }
    let url = nested.location.url.as_ref()?;
    if let Some(assets) = assets {
        return assets.file_for_key(url).map(plain);
    }
    let here = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(here)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(".assets.json"))
        .collect();
    files.sort();
    files.iter().find_map(|path| {
        let manifest = AssetManifest::read(path).ok()?;
        manifest.file_for_key(url).map(plain)
    })
}

/// A path without `.` and `..`, so that equal files have equal paths.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(plain.components().next_back(), Some(Component::Normal(_))) =>
            {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}
