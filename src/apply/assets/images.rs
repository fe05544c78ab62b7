//! Image assets in ECR: what is there already, and who puts there what is not.

use std::path::Path;
use std::process::Stdio;

use async_trait::async_trait;
use payctl_resources::aws::Aws;
use payctl_resources::{AwsError, AwsErrorKind};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::project::assembly::assets::ImageSource;

/// Where an image belongs.
pub struct Target<'a> {
    /// AWS in the repository's region.
    pub client: &'a Aws,
    /// The repository's account.
    pub account: &'a str,
    /// The repository.
    pub repository: &'a str,
    /// The tag.
    pub tag: &'a str,
}

/// Makes images and puts them into repositories.
#[async_trait]
pub trait Images: Send + Sync {
    /// Makes one that is not there yet.
    async fn publish(&self, source: &ImageSource, target: &Target<'_>) -> Result<(), ImageError>;
}

/// Why an image was not made, or not brought to its repository.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// There is no such program.
    #[error("there is no program `{0}`")]
    NoProgram(String),
    /// It cannot be run.
    #[error("cannot run {program}: {error}")]
    NotStarted {
        /// The program.
        program: String,
        /// Why.
        error: std::io::Error,
    },
    /// It failed.
    #[error("{what} failed ({status}){}{output}", if output.is_empty() { "" } else { ":\n" })]
    Failed {
        /// The program and what it was to do, without its arguments: they may be secret.
        what: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The end of what it printed.
        output: String,
    },
    /// AWS refused, or was not reached.
    #[error("{0}")]
    Aws(AwsError),
    /// AWS answered something else than asked for.
    #[error("the answer of ECR has no {0}")]
    Answer(&'static str),
}

impl ImageError {
    /// What to do about it.
    pub(super) fn help(&self) -> &'static str {
        match self {
            ImageError::NoProgram(_) => {
                "install docker, or name a program that takes docker's arguments (podman, finch, nerdctl) in CDK_DOCKER; \
                 an image that the repository has already needs none"
            }
            ImageError::NotStarted { .. } => "look whether the program can be run",
            ImageError::Failed { .. } => {
                "mend what it says (does docker run, does the Dockerfile build?), then apply again"
            }
            ImageError::Aws(_) => "mend the cause, then apply again",
            ImageError::Answer(_) => "please report this",
        }
    }
}

/// Whether the repository has the tag.
pub(super) async fn exists(target: &Target<'_>) -> Result<bool, AwsError> {
    let input = json!({
        "registryId": target.account, "repositoryName": target.repository,
        "imageIds": [{ "imageTag": target.tag }],
    });
    match target.client.call("ecr", "DescribeImages", input).await {
        Ok(answer) => Ok(answer["imageDetails"]
            .as_array()
            .is_some_and(|images| !images.is_empty())),
        Err(error)
            if error.kind == AwsErrorKind::Service && error.code == "ImageNotFoundException" =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// How many of its last lines a program's failure shows.
const SHOWN_LINES: usize = 20;

/// Runs a program to its end; the result is what it wrote to standard output.
pub(super) async fn run(
    command: &[String],
    folder: &Path,
    input: Option<&str>,
) -> Result<String, ImageError> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(ImageError::NoProgram(String::new()));
    };
    let not_started = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound if folder.is_dir() => ImageError::NoProgram(program.clone()),
        _ => ImageError::NotStarted {
            program: program.clone(),
            error,
        },
    };
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(match input {
            Some(_) => Stdio::piped(),
            None => Stdio::null(),
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(not_started)?;
    if let (Some(text), Some(mut stdin)) = (input, child.stdin.take()) {
        // A program that does not read to the end says on its own why.
        let _ = stdin.write_all(text.as_bytes()).await;
    }
    let output = child.wait_with_output().await.map_err(not_started)?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = printed.lines().chain(said.lines()).collect();
    let subcommand = arguments.first().filter(|first| !first.starts_with('-'));
    Err(ImageError::Failed {
        what: match subcommand {
            Some(subcommand) => format!("`{program} {subcommand}`"),
            None => format!("`{program}`"),
        },
        status: output.status,
        output: lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn what_a_program_says_last_is_told_but_not_its_arguments() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("builder");
        std::fs::write(
            &script,
            "for i in $(seq 30); do echo line $i; done\nread x; echo \"got $x\" >&2\nexit 7\n",
        )
        .unwrap();
        let command = [
            "sh".to_owned(),
            script.display().to_string(),
            "secret=1".to_owned(),
        ];
        let error = run(&command, folder.path(), Some("password"))
            .await
            .unwrap_err();
        let text = error
            .to_string()
            .replace(&folder.path().display().to_string(), "");
        assert!(
            text.starts_with("`sh /builder` failed (exit status: 7):\nline 12\n"),
            "{text}"
        );
        assert!(text.ends_with("line 30\ngot password"), "{text}");
        assert!(!text.contains("secret"), "{text}");
        let none = run(&words("no-such-program build"), folder.path(), None).await;
        assert_eq!(
            none.unwrap_err().to_string(),
            "there is no program `no-such-program`"
        );
        assert_eq!(
            run(&words("echo a"), folder.path(), None).await.unwrap(),
            "a\n"
        );
    }
}
