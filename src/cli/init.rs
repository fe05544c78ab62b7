//! `payctl init`: a payctl.toml for the templates of this folder, or for its CDK app.

use std::path::{Path, PathBuf};

use super::arguments::Init;
use super::{Exit, Global, Outcome};
use crate::report::failure::Failure;

pub(super) fn run(global: &Global, options: &Init) -> Outcome {
    let folder = global
        .directory
        .clone()
        .unwrap_or_else(|| PathBuf::from("."));
    let file = folder.join("payctl.toml");
    if file.exists() {
        return Err(
            Failure::new("exists", format!("{} is there already", file.display()))
                .help("edit it, or remove it first"),
        );
    }
    let name = options.name.clone().unwrap_or_else(|| folder_name(&folder));
    let region = global
        .region
        .clone()
        .unwrap_or_else(|| "us-east-1".to_owned());
    let stacks = match (&global.template, &global.assembly) {
        (Some(template), _) => stacks(&region, &[template.display().to_string()]),
        (None, Some(assembly)) => Sources {
            above: assembly_keys(&assembly.display().to_string(), None),
            below: String::new(),
        },
        // An app makes its templates: what lies around is not what is wanted.
        (None, None) if folder.join(CDK_FILE).is_file() => Sources {
            above: assembly_keys(&cdk_output(&folder), Some(SYNTH)),
            below: String::new(),
        },
        (None, None) => stacks(&region, &templates_in(&folder)?),
    };
    let text = project_file(&name, &stacks);
    std::fs::write(&file, text)
        .map_err(|error| Failure::new("io", format!("cannot write {}: {error}", file.display())))?;
    super::say(&format!("wrote {}", file.display()));
    super::say("next: payctl validate, then payctl plan --env local");
    Ok(Exit::Success)
}

/// The files that look like CloudFormation templates, by name.
fn templates_in(folder: &Path) -> Result<Vec<String>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(
            "io",
            format!("cannot read the folder {}: {error}", folder.display()),
        )
    };
    let mut templates = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if !matches!(extension, Some("yaml" | "yml" | "json" | "template")) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if text.contains("Resources") && text.contains("AWS::") {
            templates.extend(
                path.file_name()
                    .map(|name| name.to_string_lossy().into_owned()),
            );
        }
    }
    templates.sort();
    if templates.is_empty() {
        return Err(Failure::new(
            "no-template",
            format!("no CloudFormation template in {}", folder.display()),
        )
        .help("write one, or name it: payctl init --template FILE"));
    }
    Ok(templates)
}

/// A name that is safe in every generated physical name.
fn folder_name(folder: &Path) -> String {
    let name = folder.canonicalize().ok().and_then(|path| {
        path.file_name()
            .map(|name| name.to_string_lossy().into_owned())
    });
    let kept: String = name
        .unwrap_or_default()
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let kept = kept.trim_matches('-');
    if kept.is_empty() {
        "project".to_owned()
    } else {
        kept.to_owned()
    }
}

/// The file that says how a CDK app is run.
const CDK_FILE: &str = "cdk.json";

/// How a CDK app is synthesized where nobody says otherwise.
const SYNTH: &str = "npx cdk synth --quiet";

/// The folder that the app's assembly goes to: `output` of cdk.json.
fn cdk_output(folder: &Path) -> String {
    let text = std::fs::read_to_string(folder.join(CDK_FILE)).unwrap_or_default();
    let settings: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    settings["output"].as_str().unwrap_or("cdk.out").to_owned()
}

/// What a project file says of where its stacks come from.
struct Sources {
    /// Keys at the top.
    above: String,
    /// Tables at the end.
    below: String,
}

fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn assembly_keys(folder: &str, synth: Option<&str>) -> String {
    let mut text = format!(
        "# The stacks of the CDK app.\nassembly = {}\n",
        quote(folder)
    );
    if let Some(synth) = synth {
        text.push_str(&format!(
            "# Runs when a source is newer than the assembly.\nsynth = {}\n",
            quote(synth)
        ));
    }
    text.push('\n');
    text
}

fn stacks(region: &str, templates: &[String]) -> Sources {
    let mut below = String::new();
    for template in templates {
        let stem = Path::new(template)
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        below.push_str(&format!(
            "\n[[stack]]\nname = {}\ntemplate = {}\nregion = {}\n",
            quote(&stem),
            quote(template),
            quote(region)
        ));
    }
    Sources {
        above: String::new(),
        below,
    }
}

fn project_file(name: &str, sources: &Sources) -> String {
    format!(
        "{}[project]\nname = {}\ndefault-env = \"local\"\n\n\
         # The simulated AWS: no account needed.\n[env.local]\nsandbox = true\n\n\
         # The account's number keeps payctl from running against another one.\n\
         # [env.prod]\n# account = \"123456789012\"\n# protect = true\n{}",
        sources.above,
        quote(name),
        sources.below
    )
}
