//! Images built and pushed with docker, or with what CDK_DOCKER names instead (podman, finch), as the CDK does.

use std::path::Path;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::images::{ImageError, Images, Target, run};
use crate::project::assembly::assets::{Build, ImageSource};

/// The program that takes docker's arguments.
#[derive(Clone, Debug)]
pub struct Docker {
    program: String,
}

impl Docker {
    /// The one that the environment names.
    pub fn from_environment() -> Docker {
        let named = std::env::var("CDK_DOCKER").ok();
        Docker {
            program: named
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| "docker".to_owned()),
        }
    }

    async fn docker(
        &self,
        arguments: &[&str],
        folder: &Path,
        input: Option<&str>,
    ) -> Result<String, ImageError> {
        let program = std::iter::once(self.program.as_str());
        let command: Vec<String> = program
            .chain(arguments.iter().copied())
            .map(str::to_owned)
            .collect();
        run(&command, folder, input).await
    }
}

#[async_trait]
impl Images for Docker {
    async fn publish(&self, source: &ImageSource, target: &Target<'_>) -> Result<(), ImageError> {
        let here = Path::new(".");
        // Whoever may not push need not build.
        let registry = login(target).await?;
        let local = match source {
            ImageSource::Build(build) => {
                let local = format!("payctl-asset-{}", target.tag.to_lowercase());
                let arguments = build_arguments(build, &local);
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                self.docker(&arguments, &build.folder, None).await?;
                local
            }
            ImageSource::Command { command, folder } => {
                run(command, folder, None).await?.trim().to_owned()
            }
        };
        let (user, password) = &registry.credentials;
        let arguments = [
            "login",
            "--username",
            user,
            "--password-stdin",
            &registry.url,
        ];
        self.docker(&arguments, here, Some(password)).await?;
        let host = registry.url.trim_start_matches("https://");
        let name = format!("{host}/{}:{}", target.repository, target.tag);
        self.docker(&["tag", &local, &name], here, None).await?;
        self.docker(&["push", &name], here, None).await?;
        Ok(())
    }
}

/// A registry with who may push to it for the next hours.
struct Registry {
    url: String,
    credentials: (String, String),
}

/// Amazon ECR User Guide, "Private registry authentication".
async fn login(target: &Target<'_>) -> Result<Registry, ImageError> {
    let answer = target
        .client
        .call("ecr", "GetAuthorizationToken", json!({}))
        .await
        .map_err(ImageError::Aws)?;
    let data = &answer["authorizationData"][0];
    let token = data["authorizationToken"].as_str();
    let token = token.and_then(|token| STANDARD.decode(token).ok());
    let token = token.and_then(|token| String::from_utf8(token).ok());
    let credentials = token
        .as_deref()
        .and_then(|token| token.split_once(':'))
        .ok_or(ImageError::Answer("token"))?;
    let url = data["proxyEndpoint"].as_str();
    Ok(Registry {
        url: url.ok_or(ImageError::Answer("endpoint"))?.to_owned(),
        credentials: (credentials.0.to_owned(), credentials.1.to_owned()),
    })
}

/// Docker's command line reference, `docker buildx build`.
fn build_arguments(build: &Build, local: &str) -> Vec<String> {
    let mut arguments: Vec<String> = vec!["build".into(), "--tag".into(), local.into()];
    let mut option =
        |name: &str, value: &str| arguments.extend([name.to_owned(), value.to_owned()]);
    for (name, value) in &build.arguments {
        option("--build-arg", &format!("{name}={value}"));
    }
    for (name, value) in &build.contexts {
        option("--build-context", &format!("{name}={value}"));
    }
    for (name, value) in &build.secrets {
        option("--secret", &format!("id={name},{value}"));
    }
    let single = [
        ("--ssh", &build.ssh),
        ("--target", &build.target),
        ("--file", &build.file),
        ("--network", &build.network),
        ("--platform", &build.platform),
        ("--cache-to", &build.cache_to),
    ];
    for (name, value) in single {
        if let Some(value) = value {
            option(name, value);
        }
    }
    for output in &build.outputs {
        option("--output", output);
    }
    for cache in &build.cache_from {
        option("--cache-from", cache);
    }
    if build.no_cache {
        arguments.push("--no-cache".into());
    }
    arguments.push(".".into());
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_is_told_all_that_the_manifest_says() {
        let build = Build {
            folder: "asset.1".into(),
            file: Some("Dockerfile.prod".into()),
            target: Some("run".into()),
            arguments: [("A".to_owned(), "1".to_owned())].into(),
            contexts: [("base".to_owned(), "../base".to_owned())].into(),
            secrets: [("token".to_owned(), "src=.token".to_owned())].into(),
            ssh: Some("default".into()),
            network: Some("host".into()),
            platform: Some("linux/arm64".into()),
            outputs: vec!["type=docker".into()],
            cache_from: vec!["type=registry,ref=x".into()],
            cache_to: Some("type=inline".into()),
            no_cache: true,
        };
        insta::assert_snapshot!(
            build_arguments(&build, "local").join(" "),
            @r#"build --tag local --build-arg A=1 --build-context base=../base --secret id=token,src=.token --ssh default --target run --file Dockerfile.prod --network host --platform linux/arm64 --cache-to type=inline --output type=docker --cache-from type=registry,ref=x --no-cache ."#
        );
        insta::assert_snapshot!(
            build_arguments(&Build::default(), "local").join(" "),
            @"build --tag local ."
        );
    }
}
