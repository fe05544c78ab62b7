//! `AWS::EC2::LaunchTemplate`: its latest version. A version never changes: another one is made, and the old ones stay until the
//! template goes (API_CreateLaunchTemplateVersion, API_DeleteLaunchTemplate).

use std::time::Duration;

use super::{LATEST_VERSIONS, LAUNCH_TEMPLATES};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;

/// How long a version that was just made may be missing in lists (EC2 developer guide, "Eventual consistency").
const CONSISTENCY: Duration = Duration::from_secs(300);

static DEFINITION: Definition = Definition {
    create: Create::of("CreateLaunchTemplate", "LaunchTemplate"),
    reads: &[Read::of(&LAUNCH_TEMPLATES), Read::of(&LATEST_VERSIONS)],
    updates: &[Change {
        takes: &["LaunchTemplateData", "VersionDescription"],
        mode: Mode::Step(version),
        ..Change::of("CreateLaunchTemplateVersion", &["LaunchTemplateId"])
    }],
    delete: Delete::of(
        "DeleteLaunchTemplate",
        &["LaunchTemplateId"],
        &["InvalidLaunchTemplateId.NotFound"],
    ),
    rules: &[
        Rule::Computed("TagSpecifications", tags),
        Rule::Computed(
            "LaunchTemplateData.InstanceMarketOptions.SpotOptions.ValidUntil",
            valid_until,
        ),
    ],
    tags: Tags::Listed("TagSpecifications", "launch-template"),
    // 3 to 128 characters: letters, digits and ().-/_ (API_CreateLaunchTemplate).
    name: Some(Name {
        also: "_./()",
        ..Name::of("LaunchTemplateName", 128)
    }),
    // InvalidLaunchTemplateName.AlreadyExistsException (EC2 API reference, "Error codes").
    unique: &[&["LaunchTemplateName"]],
    // "The default version of a launch template cannot be specified in AWS CloudFormation": it stays.
    renewed_by: &[
        ("LatestVersionNumber", "LaunchTemplateData"),
        ("LatestVersionNumber", "VersionDescription"),
    ],
    ..Definition::new("AWS::EC2::LaunchTemplate", "ec2")
};

/// `AWS::EC2::LaunchTemplate`.
pub struct LaunchTemplate;

impl Resource for LaunchTemplate {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }
}

fn tags(description: &Json) -> Option<Json> {
    let tags = look(description, "Tags")?;
    Some(json!([{"ResourceType": "launch-template", "Tags": tags}]))
}

/// Told as a number of seconds, declared as a text.
fn valid_until(description: &Json) -> Option<Json> {
    let at = "LaunchTemplateData.InstanceMarketOptions.SpotOptions.ValidUntil";
    let seconds = look(description, at)?.as_f64()?;
    let moment = time::OffsetDateTime::from_unix_timestamp(seconds as i64).ok()?;
    let text = moment.format(&time::format_description::well_known::Rfc3339);
    text.ok().map(Json::from)
}

/// A version of everything that is declared. It is waited for: who reads the number of the latest version afterwards must
/// not be told the one before.
fn version<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let declared: Map<String, Json> = ["LaunchTemplateData", "VersionDescription"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), update.desired.get(name)?.expose_json()?)))
            .collect();
        let operation = "CreateLaunchTemplateVersion";
        let mut input = generic::input(&DEFINITION, operation, &declared)?;
        input.insert("LaunchTemplateId".to_owned(), id.as_str().into());
        let answer = generic::write(&DEFINITION, context, operation, input).await?;
        let made = look(&answer, "LaunchTemplateVersion.VersionNumber");
        let Some(made) = made.as_ref().and_then(Json::as_i64) else {
            return Err(Error::Answer {
                call: format!("ec2:{operation}"),
                missing: "VersionNumber".to_owned(),
            });
        };
        seen(context, id, made).await
    })
}

async fn seen(context: &Context, id: &PhysicalId, made: i64) -> Result<()> {
    let start = context.clock().now();
    loop {
        let templates = generic::items_of(context, &LAUNCH_TEMPLATES, id.as_str()).await?;
        let latest = templates
            .first()
            .and_then(|template| template.get("LatestVersionNumber")?.as_i64());
        let spent = context.clock().now().duration_since(start);
        if latest.is_some_and(|latest| latest >= made)
            || spent.unwrap_or(CONSISTENCY) >= CONSISTENCY
        {
            return Ok(());
        }
        context.clock().sleep(Duration::from_secs(2)).await;
    }
}
