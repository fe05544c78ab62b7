//! Launch templates and their versions.

use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::filter;
use crate::kind::{
    Id, Kind, Paging, Reference, Shows, Tags, Unique, create, delete, describe, run,
};
use crate::law::Law;
use crate::registry;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// Pages of versions.
const VERSIONS: Paging = Paging::next_token(200, (1, 200));

/// Without a template only the latest and the default versions can be asked for.
pub const NAMED_VERSIONS: Law = Law {
    name: "versions of all launch templates are the latest or the default ones",
    operations: &["DescribeLaunchTemplateVersions"],
    source: "Amazon EC2 API Reference, DescribeLaunchTemplateVersions: Versions, \"You cannot specify numbers\"",
    fault: Fault::new(
        "MissingParameter",
        "When no launch template ID or name is specified, versions must be $Latest or $Default.",
    ),
    check: Some(|call, law| {
        let named = call
            .text("LaunchTemplateId")
            .or(call.text("LaunchTemplateName"));
        let versions = call.texts("Versions[]");
        let general = |version: &String| version == "$Latest" || version == "$Default";
        if named.is_none() && (versions.is_empty() || !versions.iter().all(general)) {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// A template is named by one of its two names.
pub const ONE_NAME: Law = Law {
    name: "a launch template is named by identifier or by name",
    operations: &[
        "CreateLaunchTemplateVersion",
        "DeleteLaunchTemplate",
        "ModifyLaunchTemplate",
        "DescribeLaunchTemplateVersions",
        "DeleteLaunchTemplateVersions",
    ],
    source: "Amazon EC2 API Reference, CreateLaunchTemplateVersion: \"either the launch template ID or the launch template name, but not both\"",
    fault: Fault::new(
        "InvalidParameterCombination",
        "You must specify either the launch template ID or the launch template name, but not both.",
    ),
    check: Some(|call, law| {
        match call.text("LaunchTemplateId").is_some() && call.text("LaunchTemplateName").is_some() {
            true => Err(law.fault.with(&[])),
            false => Ok(()),
        }
    }),
};

/// The default version stays.
pub const DEFAULT_STAYS: Law = Law {
    name: "the default version of a launch template is not deleted",
    operations: &["DeleteLaunchTemplateVersions"],
    source: "Amazon EC2 API Reference, DeleteLaunchTemplateVersions: \"You can't delete the default version of a launch template\"",
    fault: Fault::new(
        "InvalidLaunchTemplateId.VersionNotDeletable",
        "Cannot delete the default version {id} of a launch template.",
    ),
    check: None,
};

/// A launch template. Its versions are records of their own.
pub const TEMPLATE: Kind = Kind {
    name: "ec2/launch-template",
    id: Id::Hex("lt-"),
    id_member: "LaunchTemplateId",
    arn: "arn:{partition}:ec2:{region}:{account}:launch-template/{id}",
    aliases: &["LaunchTemplateName"],
    created_member: "CreateTime",
    defaults: Some(
        |call| json!({"CreatedBy": format!("arn:aws:iam::{}:root", call.account), "DefaultVersionNumber": 1, "LatestVersionNumber": 1}),
    ),
    tags: Tags::List("Tags"),
    token: "ClientToken",
    unique: &[Unique::new(
        &["LaunchTemplateName"],
        Fault::new(
            "InvalidLaunchTemplateName.AlreadyExistsException",
            "Launch template name already in use.",
        ),
    )],
    not_found: Fault::new(
        "InvalidLaunchTemplateId.NotFound",
        "The specified launch template, with template ID {id}, does not exist.",
    ),
    operations: &[
        create("CreateLaunchTemplate", Shows::In("LaunchTemplate"))
            .control(&["LaunchTemplateData", "VersionDescription"])
            .done(|call, key| {
                first_version(call, &key.id);
                Ok(())
            }),
        describe(
            "DescribeLaunchTemplates",
            "LaunchTemplateIds",
            "LaunchTemplates",
        )
        .select(&[("LaunchTemplateNames", "LaunchTemplateName")])
        .paging(VERSIONS)
        .filters(&[
            ("create-time", "CreateTime"),
            ("launch-template-name", "LaunchTemplateName"),
        ]),
        run("ModifyLaunchTemplate", modify_template),
        delete(
            "DeleteLaunchTemplate",
            "LaunchTemplateId",
            Shows::In("LaunchTemplate"),
        )
        .before(by_name),
        run("CreateLaunchTemplateVersion", new_version),
        run("DescribeLaunchTemplateVersions", describe_versions),
        run("DeleteLaunchTemplateVersions", delete_versions),
    ],
    ..Kind::NEW
};

/// One version of a template, which never changes.
pub const VERSION: Kind = Kind {
    name: "ec2/launch-template-version",
    id: Id::Made(|_, body, _| {
        let number = body
            .get("VersionNumber")
            .and_then(Json::as_i64)
            .unwrap_or(1);
        let template = body.get("LaunchTemplateId").and_then(Json::as_str);
        Ok(format!("{} {number:010}", template.unwrap_or_default()))
    }),
    created_member: "CreateTime",
    refers: &[
        // Versions go with their template.
        Reference::new("LaunchTemplateId", "ec2/launch-template")
            .unchecked()
            .loose(),
    ],
    not_found: Fault::new(
        "InvalidLaunchTemplateId.VersionNotFound",
        "Could not find launch template version",
    ),
    ..Kind::NEW
};

fn by_name(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let id = template(call)?.id.clone();
    members.insert("LaunchTemplateId".into(), id.as_str().into());
    call.input.insert("LaunchTemplateId".into(), id.into());
    Ok(())
}

/// The template that the request names.
fn template(call: &Call) -> Result<Record, Refusal> {
    named(
        call,
        call.text("LaunchTemplateId"),
        call.text("LaunchTemplateName"),
    )
}

fn named(call: &Call, id: Option<&str>, name: Option<&str>) -> Result<Record, Refusal> {
    match (id, name) {
        (Some(id), _) => call.need(TEMPLATE.name, id).cloned(),
        (None, Some(name)) => call.find(TEMPLATE.name, name).cloned().ok_or_else(|| {
            let message = format!(
                "The specified launch template, with template name {name}, does not exist."
            );
            Refusal::new("InvalidLaunchTemplateName.NotFoundException", message)
        }),
        (None, None) => {
            let message =
                "The request must contain the parameter LaunchTemplateId or LaunchTemplateName";
            Err(Refusal::new("MissingParameter", message))
        }
    }
}

fn first_version(call: &mut Call, id: &str) {
    let data = call
        .input
        .get("LaunchTemplateData")
        .cloned()
        .unwrap_or_else(|| json!({}));
    let description = call.input.get("VersionDescription").cloned();
    add_version(call, id, 1, data, description);
}

fn add_version(call: &mut Call, id: &str, number: i64, data: Json, description: Option<Json>) {
    let mut members =
        json!({"LaunchTemplateId": id, "VersionNumber": number, "LaunchTemplateData": data});
    if let Some(description) = description {
        members["VersionDescription"] = description;
    }
    // The template was just found, the number is the next one: nothing refuses it.
    let _ = call.make_part(VERSION.name, id, members);
}

fn number(template: &Record, member: &str) -> i64 {
    template
        .body
        .get(member)
        .and_then(Json::as_i64)
        .unwrap_or(1)
}

/// The number that a version's name stands for.
fn resolve(template: &Record, version: &str) -> Option<i64> {
    match version {
        "$Latest" => Some(number(template, "LatestVersionNumber")),
        "$Default" | "" => Some(number(template, "DefaultVersionNumber")),
        digits => digits.parse().ok(),
    }
}

fn version_of(call: &Call, template: &Record, version: &str) -> Result<Record, Refusal> {
    let number = resolve(template, version);
    let id = number.map(|number| format!("{} {number:010}", template.id));
    let found = id.and_then(|id| call.find(VERSION.name, &id));
    found.cloned().ok_or_else(|| {
        let message = format!(
            "Could not find the specified version {version} for the launch template with ID {}.",
            template.id
        );
        Refusal::new("InvalidLaunchTemplateId.VersionNotFound", message)
    })
}

/// The data of the version that an instance is launched from, with the template's identifier and the version's number.
pub(super) fn launched(call: &Call, asked: &Json) -> Result<(Json, String, i64), Refusal> {
    let text = |name: &str| asked.get(name).and_then(Json::as_str);
    let template = named(call, text("LaunchTemplateId"), text("LaunchTemplateName"))?;
    let version = version_of(call, &template, text("Version").unwrap_or("$Default"))?;
    let data = version
        .body
        .get("LaunchTemplateData")
        .cloned()
        .unwrap_or_else(|| json!({}));
    Ok((data, template.id, number(&version, "VersionNumber")))
}

fn show(template: &Record, version: &Record) -> Json {
    let mut shown = Json::Object(version.body.clone());
    shown["LaunchTemplateName"] = template.text("LaunchTemplateName").into();
    shown["CreatedBy"] = template.text("CreatedBy").into();
    let is_default = number(version, "VersionNumber") == number(template, "DefaultVersionNumber");
    shown["DefaultVersion"] = is_default.into();
    shown
}

fn modify_template(call: &mut Call) -> Answer {
    let template = template(call)?;
    if let Some(version) = call.text("DefaultVersion").map(str::to_owned) {
        let found = version_of(call, &template, &version)?;
        let number = number(&found, "VersionNumber");
        call.update(TEMPLATE.name, &template.id, |record| {
            record.set("DefaultVersionNumber", number)
        });
    }
    let template = call.need(TEMPLATE.name, &template.id)?.clone();
    Ok(json!({"LaunchTemplate": call.show(TEMPLATE.name, &template)}))
}

fn new_version(call: &mut Call) -> Answer {
    let template = template(call)?;
    let mut data = match call.text("SourceVersion") {
        Some(version) => {
            let source = version_of(call, &template, version)?;
            source
                .body
                .get("LaunchTemplateData")
                .cloned()
                .unwrap_or_else(|| json!({}))
        }
        None => json!({}),
    };
    if let (Some(data), Some(Json::Object(more))) =
        (data.as_object_mut(), call.input.get("LaunchTemplateData"))
    {
        data.extend(more.clone());
    }
    let next = number(&template, "LatestVersionNumber") + 1;
    let description = call.input.get("VersionDescription").cloned();
    add_version(call, &template.id, next, data, description);
    call.update(TEMPLATE.name, &template.id, |record| {
        record.set("LatestVersionNumber", next)
    });
    let template = call.need(TEMPLATE.name, &template.id)?.clone();
    let version = version_of(call, &template, "$Latest")?;
    Ok(json!({"LaunchTemplateVersion": show(&template, &version)}))
}

fn describe_versions(call: &mut Call) -> Answer {
    let call = &*call;
    let wanted = call.texts("Versions[]");
    let is_named =
        call.text("LaunchTemplateId").is_some() || call.text("LaunchTemplateName").is_some();
    let templates: Vec<Record> = match is_named {
        true => vec![template(call)?],
        false => call.list(TEMPLATE.name).cloned().collect(),
    };
    let bound = |name: &str| call.text(name).and_then(|text| text.parse::<i64>().ok());
    let mut shown: Vec<(String, Json)> = Vec::new();
    for template in &templates {
        let mut versions: Vec<Record> = Vec::new();
        for version in &wanted {
            let found = version_of(call, template, version)?;
            if !versions.iter().any(|other| other.id == found.id) {
                versions.push(found);
            }
        }
        if wanted.is_empty() {
            let all = call.list_where(VERSION.name, "LaunchTemplateId", &template.id);
            versions.extend(all.cloned());
            versions.sort_by_key(|version| std::cmp::Reverse(number(version, "VersionNumber")));
            versions.retain(|version| {
                let number = number(version, "VersionNumber");
                bound("MinVersion").is_none_or(|min| number >= min)
                    && bound("MaxVersion").is_none_or(|max| number <= max)
            });
        }
        let order = |at: usize| format!("{} {at:06}", template.id);
        let of_template = versions.iter().enumerate();
        shown.extend(of_template.map(|(at, version)| (order(at), show(template, version))));
    }
    let filters = [
        ("image-id", "LaunchTemplateData.ImageId"),
        ("instance-type", "LaunchTemplateData.InstanceType"),
        ("is-default-version", "DefaultVersion"),
        ("kernel-id", "LaunchTemplateData.KernelId"),
        (
            "http-tokens",
            "LaunchTemplateData.MetadataOptions.HttpTokens",
        ),
        (
            "iam-instance-profile",
            "LaunchTemplateData.IamInstanceProfile.Arn",
        ),
    ];
    filter::apply(call, &filters, &mut shown)?;
    let service = registry::service("ec2").unwrap_or(&super::SERVICE);
    let next = filter::page(call, service, &VERSIONS, false, "", &mut shown)?;
    let versions: Vec<Json> = shown.into_iter().map(|(_, version)| version).collect();
    let mut answer = json!({"LaunchTemplateVersions": versions});
    if let Some(next) = next {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
}

fn delete_versions(call: &mut Call) -> Answer {
    let template = template(call)?;
    let mut done = Vec::new();
    for version in call.texts("Versions[]") {
        let found = version_of(call, &template, &version)?;
        let number = number(&found, "VersionNumber");
        if Some(number) == resolve(&template, "$Default") {
            return Err(DEFAULT_STAYS.fault.with(&[("id", &version)]));
        }
        call.remove(VERSION.name, &found.id);
        done.push(json!({
            "LaunchTemplateId": template.id, "LaunchTemplateName": template.text("LaunchTemplateName"), "VersionNumber": number,
        }));
    }
    let newest = call
        .list_where(VERSION.name, "LaunchTemplateId", &template.id)
        .map(|version| self::number(version, "VersionNumber"))
        .max();
    if let Some(newest) = newest {
        call.update(TEMPLATE.name, &template.id, |record| {
            record.set("LatestVersionNumber", newest)
        });
    }
    Ok(
        json!({"SuccessfullyDeletedLaunchTemplateVersions": done, "UnsuccessfullyDeletedLaunchTemplateVersions": []}),
    )
}
