//! Errors of the engine's parts as [`Failure`]s: a code for programs, and what to do next.

use payctl_resources::{AwsError, AwsErrorKind};
use payctl_state::{JournalError, LockError, StoreError};

use crate::apply::assets::AssetError;
use crate::apply::engine::EngineError;
use crate::apply::recovery::SettleError;
use crate::apply::refresh::RefreshError;
use crate::apply::regions::AccountError;
use crate::apply::{CloudError, Failure as OperationFailure};
use crate::graph::NameError;
use crate::plan::{Guard, Problem, SavedPlanError};
use crate::project::ProjectError;
use crate::project::assembly::AssemblyError;
use crate::project::assembly::synth::SynthError;
use crate::report::constructs;
use crate::report::failure::{AwsAnswer, Failure};

impl From<ProjectError> for Failure {
    fn from(error: ProjectError) -> Failure {
        let failure = Failure::new("project", error.to_string());
        match error {
            ProjectError::NotFound(_) => Failure {
                code: "no-project".into(),
                ..failure
            }
            .help("payctl init writes one; payctl plan --template FILE works without"),
            ProjectError::NoTemplate(_) => Failure {
                code: "no-template".into(),
                ..failure
            }
            .help(
                "--template takes the path of a file, seen from the working folder or from -C DIR",
            ),
            ProjectError::Unreadable { .. } => Failure {
                code: "io".into(),
                ..failure
            },
            ProjectError::Wrong { path, error } => {
                let place = Some((path.display().to_string(), error.line, error.column));
                Failure {
                    place,
                    message: error.message,
                    help: error.help,
                    ..failure
                }
            }
            ProjectError::UnknownEnvironment { similar, .. } => {
                let failure = Failure {
                    code: "unknown-environment".into(),
                    ..failure
                };
                match similar {
                    Some(name) => failure.help(format!("did you mean --env {name}?")),
                    None => failure.help("environments stand in payctl.toml under [env.NAME]"),
                }
            }
            ProjectError::Assembly(error) => error.into(),
            ProjectError::NoEnvironment { .. } => Failure {
                code: "no-environment".into(),
                ..failure
            }
            .help("give --env NAME, or write default-env into [project]"),
        }
    }
}

impl From<AssetError> for Failure {
    fn from(error: AssetError) -> Failure {
        let code = match &error {
            AssetError::NotBootstrapped { .. } => "not-bootstrapped",
            _ => "asset",
        };
        let failure = Failure::new(code, error.to_string()).help(error.help());
        match error {
            AssetError::Aws {
                asset,
                destination,
                error,
            } => Failure {
                aws: Some(AwsAnswer {
                    code: error.code,
                    message: error.message,
                    request_id: error.request_id,
                }),
                message: format!("cannot publish the asset {asset} to {destination}"),
                ..failure
            },
            _ => failure,
        }
    }
}

impl From<AssemblyError> for Failure {
    fn from(error: AssemblyError) -> Failure {
        let failure = Failure::new("assembly", error.to_string()).help(error.help());
        match error {
            AssemblyError::Wrong {
                path,
                place: Some((line, column)),
                message,
            } => Failure {
                place: Some((path.display().to_string(), line, column)),
                message,
                ..failure
            },
            _ => failure,
        }
    }
}

impl From<SynthError> for Failure {
    fn from(error: SynthError) -> Failure {
        let help = match &error {
            SynthError::NotStarted { .. } => "look whether `sh` can be run",
            SynthError::Failed { .. } => {
                "what it printed stands above; mend the app, or `synth` in payctl.toml"
            }
            SynthError::NoAssembly { .. } => {
                "`assembly` in payctl.toml must be the folder that the command writes (cdk synth -o DIR)"
            }
        };
        Failure::new("synth", error.to_string()).help(help)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        if let StoreError::Journal(error) = error {
            return (*error).into();
        }
        let help = match &error {
            StoreError::Io { .. } => "look at the folder's permissions and free space",
            StoreError::Corrupt { .. } => {
                "restore it from version control, or from the .backup beside it (the state before the last save); do not delete it: it knows what exists in AWS"
            }
            StoreError::UnknownFormat { .. } => "use the payctl that wrote it, or a newer one",
            StoreError::Foreign { .. } => "look at the project's name in payctl.toml and at --env",
            StoreError::OpenSecret { .. } | StoreError::Journal(_) => "please report this",
        };
        Failure::new("state", error.to_string()).help(help)
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Failure {
        let help = match &error {
            JournalError::Io { .. } => "look at the state folder's permissions and free space",
            JournalError::Foreign { .. } => {
                "the state file was replaced by another one: put back the one that belongs to it"
            }
            JournalError::LeftOver { .. } => "payctl apply settles it; then try again",
            _ => {
                "keep it: it tells what an interrupted run may have made; compare it with what exists in AWS"
            }
        };
        Failure::new("journal", error.to_string()).help(help)
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Failure {
        match &error {
            LockError::Held { .. } => Failure::new("locked", error.to_string())
                .help("wait until it has ended; a lock dies with its process, payctl unlock clears what a dead one noted"),
            LockError::Io { .. } => Failure::new("io", error.to_string()),
        }
    }
}

impl From<AwsError> for Failure {
    fn from(error: AwsError) -> Failure {
        if error.code == "NoRegion" {
            return Failure::new("region", error.message)
                .help("give `region` to the stack in payctl.toml, --region, or AWS_REGION");
        }
        let call = format!("{}:{}", error.service, error.operation);
        let (code, message, help) = match error.kind {
            AwsErrorKind::Credentials => (
                "credentials",
                "there are no credentials that AWS accepts".to_owned(),
                "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws sso login`; --env local needs none",
            ),
            AwsErrorKind::Service => (
                "aws",
                format!("AWS refused {call}"),
                "mend the cause, then run it again",
            ),
            AwsErrorKind::NotSent | AwsErrorKind::Lost => (
                "network",
                format!("AWS did not answer {call}"),
                "look at the network and AWS_ENDPOINT_URL, then run it again",
            ),
            AwsErrorKind::Codec => (
                "request",
                format!("{call} could not be made"),
                "please report this",
            ),
        };
        let aws = AwsAnswer {
            code: error.code,
            message: error.message,
            request_id: error.request_id,
        };
        Failure {
            aws: Some(aws),
            ..Failure::new(code, message).help(help)
        }
    }
}

impl From<CloudError> for Failure {
    fn from(error: CloudError) -> Failure {
        let aws = error.aws.map(|aws| AwsAnswer {
            code: aws.code,
            message: aws.message,
            request_id: aws.request_id,
        });
        Failure {
            aws,
            ..Failure::new("aws", error.message)
        }
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Failure {
        match error {
            AccountError::Aws(error) => error.into(),
            other => Failure::new("account", other.to_string())
                .help("use credentials of the environment's account (AWS_PROFILE, role), or mend `account` in payctl.toml"),
        }
    }
}

impl From<RefreshError> for Failure {
    fn from(error: RefreshError) -> Failure {
        // What AWS said stands below it.
        let message = match &error.error.aws {
            Some(_) => format!("cannot read {}", error.address),
            None => error.to_string(),
        };
        Failure {
            message,
            ..Failure::from(error.error)
        }
        .address(error.address)
        .help("nothing was changed; run it again, or plan with --no-refresh")
    }
}

impl From<SettleError> for Failure {
    fn from(error: SettleError) -> Failure {
        Failure::new("in-doubt", error.to_string())
            .help("nothing was lost: run it again once AWS answers")
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Failure {
        let message = error.to_string();
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::Journal(error) => error.into(),
            EngineError::Settle(error) => error.into(),
            EngineError::Impossible(_) => Failure::new("journal", message)
                .help("keep it: it tells what an interrupted run may have made; compare it with what exists in AWS"),
            EngineError::NotNative(_) => Failure::new("not-native", message)
                .help("nothing was called; take them out of the template, or keep them in a stack of their own"),
            EngineError::Problems(problems) => {
                let of_environment = |problem: &Problem| {
                    matches!(
                        problem,
                        Problem::Protected { guard: Guard::Environment, .. } | Problem::DestroyProtected
                    )
                };
                let of_stack = |problem: &Problem| {
                    matches!(
                        problem,
                        Problem::Protected { guard: Guard::Stack, .. } | Problem::StackProtected(_)
                    )
                };
                let help = if problems.iter().any(of_environment) {
                    "nothing was called; --allow-destructive permits what `protect` guards, where it may be"
                } else if problems.iter().any(of_stack) {
                    "nothing was called; turn the stack's terminationProtection off and apply that, or give --allow-destructive"
                } else {
                    "nothing was called"
                };
                Failure::new("refused", message).help(help)
            }
            EngineError::Randomness(_) => Failure::new("randomness", message),
        }
    }
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Failure {
        Failure::new("unknown-address", error.to_string())
            .help("payctl state list shows the addresses")
    }
}

impl From<SavedPlanError> for Failure {
    fn from(error: SavedPlanError) -> Failure {
        Failure::new("stale-plan", error.to_string())
            .help("nothing was called; make the plan again: payctl plan --out FILE")
    }
}

/// One failed operation of a run; `name` is the resource's, as short as it is unique.
pub(super) fn of_operation(name: &str, failure: &OperationFailure) -> Failure {
    let aws = failure.aws().map(|aws| AwsAnswer {
        code: aws.code.clone(),
        message: aws.message.clone(),
        request_id: aws.request_id.clone(),
    });
    let place = failure.about.as_ref().and_then(|about| about.place.clone());
    let construct = place
        .as_ref()
        .and_then(|place| constructs::path(place, name));
    let sentence = failure.sentence(name);
    let message = match construct {
        Some(path) => format!("{sentence} (construct {path})"),
        None => sentence,
    };
    Failure {
        aws,
        declared: place,
        ..Failure::new(failure.code(), message)
    }
    .address(name)
    .help(failure.help())
}
