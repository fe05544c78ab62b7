//! [`Failure`]: why one operation failed, what AWS said, and what exists now.

use payctl_model::{AttributeOf, PhysicalId, PropertyPath};
use serde_json::{Value as Json, json};

use super::cloud::CloudError;
use super::events::Verb;
use crate::template::Place;

/// Why an operation failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{cause}")]
pub struct Failure {
    /// What went wrong.
    pub cause: Box<Cause>,
    /// What exists in AWS now, where anything does.
    pub physical_id: Option<PhysicalId>,
    /// Whether it is not known what exists: the next run finds out before anything else.
    pub in_doubt: bool,
    /// What was being done, and to what; `None` until the operation has ended with it.
    pub about: Option<Box<About>>,
}

/// What was being done when it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// What was being done.
    pub verb: Verb,
    /// To a resource of this type.
    pub type_name: String,
    /// Where the template declares it; `None` where none does any more.
    pub place: Option<Place>,
}

/// What went wrong.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Cause {
    /// A function of the template failed once its arguments were known.
    #[error("its properties cannot be evaluated: {0}")]
    Evaluation(#[from] crate::template::EvalError),
    /// A dynamic reference has no value.
    #[error(transparent)]
    Reference(#[from] super::references::ReferenceError),
    /// An attribute that it needs is still not known.
    #[error("what it needs is not known: {}", list(.0))]
    Unknown(Vec<AttributeOf>),
    /// What became known contradicts the plan.
    #[error("`{0}` is not what was planned")]
    NotAsPlanned(PropertyPath),
    /// The plan says nothing of it: the operations belong to another plan.
    #[error("the plan does not have it")]
    NotPlanned,
    /// AWS refused, or could not be reached.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// AWS accepted it and gave up afterwards.
    #[error("AWS gave up on it: {0}")]
    Broken(String),
    /// A deployment of another service failed, or was rolled back.
    #[error("{0}")]
    Deployment(String),
    /// It did not become what was waited for.
    #[error("still not {until} after {seconds:.0} s")]
    TimedOut {
        /// `ready`, `gone` or what else was waited for.
        until: &'static str,
        /// How long was waited.
        seconds: f64,
    },
    /// AWS does not have what was just made or changed.
    #[error("AWS accepted it and does not have it now")]
    Vanished,
    /// The journal could not be written: nothing may be called any more.
    #[error(transparent)]
    Log(#[from] super::log::LogError),
    /// A defect of payctl.
    #[error("payctl itself failed: {0}")]
    Defect(String),
}

/// Whether AWS refused because something else has the name already. Every service has a code of its own for it:
/// `EntityAlreadyExists`, `DBClusterAlreadyExistsFault`, `InvalidGroup.Duplicate`, `DuplicateTargetGroupName` …
fn is_taken(error: &CloudError) -> bool {
    error.aws.as_ref().is_some_and(|aws| {
        ["AlreadyExist", "AlreadyOwned", "Duplicate"]
            .iter()
            .any(|word| aws.code.contains(word))
    })
}

/// Whether AWS refused because something was put into it that payctl did not make: `BucketNotEmpty`, `RepositoryNotEmptyException`.
fn is_full(error: &CloudError) -> bool {
    let code = error.aws.as_ref().map(|aws| aws.code.as_str());
    code.is_some_and(|code| code.contains("NotEmpty"))
}

fn list(attributes: &[AttributeOf]) -> String {
    attributes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

impl<C: Into<Cause>> From<C> for Failure {
    /// Nothing exists in AWS.
    fn from(cause: C) -> Failure {
        Failure {
            cause: Box::new(cause.into()),
            physical_id: None,
            in_doubt: false,
            about: None,
        }
    }
}

impl Failure {
    /// The same about something that exists.
    pub fn of(cause: impl Into<Cause>, physical_id: &PhysicalId) -> Failure {
        Failure {
            cause: Box::new(cause.into()),
            physical_id: Some(physical_id.clone()),
            in_doubt: false,
            about: None,
        }
    }

    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match &*self.cause {
            Cause::Evaluation(error) => error.code,
            Cause::Reference(_) => "unresolved-reference",
            Cause::Unknown(_) => "unknown-attribute",
            Cause::NotAsPlanned(_) | Cause::NotPlanned => "not-as-planned",
            Cause::Cloud(_) => "aws",
            Cause::Broken(_) => "not-ready",
            Cause::Deployment(_) => "deployment",
            Cause::TimedOut { .. } => "timeout",
            Cause::Vanished => "vanished",
            Cause::Log(_) => "journal",
            Cause::Defect(_) => "defect",
        }
    }

    /// In one sentence: what was being done to which resource, and what went wrong.
    pub fn sentence(&self, name: &str) -> String {
        match &self.about {
            Some(about) => format!(
                "cannot {} {name} ({}): {self}",
                about.verb.plain(),
                about.type_name
            ),
            None => format!("{name}: {self}"),
        }
    }

    /// What AWS said, where it did.
    pub fn aws(&self) -> Option<&super::cloud::AwsWords> {
        match &*self.cause {
            Cause::Cloud(error) => error.aws.as_deref(),
            Cause::Reference(error) => error.cloud.as_ref()?.aws.as_deref(),
            _ => None,
        }
    }

    /// What to do next.
    pub fn help(&self) -> String {
        let exists = match (&self.physical_id, self.in_doubt) {
            (_, true) => {
                "whether it exists is not known; the next apply finds out first".to_owned()
            }
            (Some(id), false) => format!("{id} exists and is recorded"),
            (None, false) => "nothing was made".to_owned(),
        };
        let next = match &*self.cause {
            Cause::Cloud(error) if self.physical_id.is_none() && is_taken(error) => {
                "what has the name in AWS is not payctl's, or not this environment's, and is left alone: choose another \
                 name, or delete it, then apply again"
            }
            Cause::Cloud(error) if is_full(error) => {
                "what others have put into it is not payctl's to delete: empty it (versions too; an ECR repository may declare \
                 EmptyOnDelete), or keep it with `DeletionPolicy: Retain`, then apply again"
            }
            Cause::Reference(error) => error
                .help
                .unwrap_or("mend the reference or what it names, then apply again"),
            Cause::NotAsPlanned(_) | Cause::NotPlanned => {
                "plan again, look at the difference, then apply"
            }
            Cause::Deployment(_) => {
                "the next plan shows the change again: mend the cause, then apply again"
            }
            Cause::Log(_) => "make room for the state folder, then apply again",
            Cause::Defect(_) => "please report this; applying again continues",
            _ => "mend the cause, then apply again: it continues where it stopped",
        };
        format!("{exists}; {next}")
    }

    /// The error object of JSON output.
    pub fn to_json(&self) -> Json {
        let aws = self.aws().map(|aws| {
            json!({ "call": aws.call, "code": aws.code, "message": aws.message, "request_id": aws.request_id })
        });
        let place = self.about.as_ref().and_then(|about| about.place.as_ref());
        let position = place.map(|place| place.source.position(place.span.offset));
        json!({
            "code": self.code(), "message": self.to_string(), "aws": aws, "help": self.help(),
            "file": place.map(|place| place.source.name()), "line": position.map(|at| at.line),
            "column": position.map(|at| at.column),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::cloud::AwsWords;

    #[test]
    fn what_is_not_empty_is_to_be_emptied_or_kept() {
        let words = AwsWords {
            call: "s3:DeleteBucket".into(),
            code: "BucketNotEmpty".into(),
            message: "The bucket you tried to delete is not empty".into(),
            request_id: None,
        };
        let error = CloudError {
            message: words.message.clone(),
            aws: Some(Box::new(words)),
            refused: true,
        };
        let help = Failure::of(error, &PhysicalId::from("shop")).help();
        assert!(help.starts_with("shop exists and is recorded; "), "{help}");
        assert!(
            help.contains("empty it") && help.contains("Retain"),
            "{help}"
        );
    }
}
