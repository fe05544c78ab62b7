//! `Custom::LogRetention`: how long the log group of something that makes its group by itself, a Lambda function, keeps its logs.

use async_trait::async_trait;
use payctl_model::facts::custom::DATA;

use crate::context::{Context, Elsewhere};
use crate::error::{Error, Result};
use crate::logs::LOG_GROUPS;
use crate::prelude::*;

/// `Custom::LogRetention`.
pub struct LogRetention;

const TYPE: &str = "Custom::LogRetention";

static DEFINITION: Definition = Definition {
    delete: Delete {
        // The group may stay.
        lingers: true,
        ..Delete::of("DeleteLogGroup", &[], &[])
    },
    create_only: &[
        ("LogGroupName", "another group is another resource"),
        ("LogGroupRegion", "another group is another resource"),
    ],
    unique: &[&["LogGroupName", "LogGroupRegion"]],
    not_told: &[
        ("RemovalPolicy", "it acts in the deletion"),
        (
            "SdkRetry",
            "an argument of the handler: payctl's client has its own",
        ),
        ("ServiceToken", "nobody is asked"),
    ],
    propagation: &[("OperationAbortedException", "")],
    ..Definition::new(TYPE, "logs")
};

#[async_trait]
impl Resource for LogRetention {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// A group that is there already is taken as it is.
    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        _: &Incarnation,
    ) -> Result<Observed> {
        let id = id(desired)?;
        context.identified(&id).await?;
        set(context, &id, desired).await?;
        Ok(observed(&id, desired))
    }

    async fn read(&self, context: &Context, id: &PhysicalId) -> Result<Option<Observed>> {
        let (name, region) = parts(id);
        let found = match region {
            None => generic::items_of(context, &LOG_GROUPS, name).await?,
            // Another region is another round of calls.
            Some(_) => {
                let context = there(context, id).await?;
                let input = json!({"logGroupNamePrefix": name});
                let answer = context.read("logs", "DescribeLogGroups", input).await?;
                answer["logGroups"].as_array().cloned().unwrap_or_default()
            }
        };
        let group = found
            .iter()
            .find(|group| described(group, "logGroupName") == Some(name));
        Ok(group.map(|group| {
            let mut model = json!({"LogGroupName": name});
            if let Some(region) = region {
                model["LogGroupRegion"] = region.into();
            }
            if let Some(days) = look(group, "retentionInDays") {
                model["RetentionInDays"] = days;
            }
            observed(id, &Value::from(model))
        }))
    }

    async fn update(&self, context: &Context, id: &PhysicalId, update: &Update<'_>) -> Result<()> {
        set(context, id, update.desired).await
    }

    /// The logs stay, unless the template says otherwise.
    async fn delete(&self, context: &Context, id: &PhysicalId, deletion: &Deletion) -> Result<()> {
        let applied = deletion.last_applied.as_ref();
        let policy = applied.and_then(|applied| applied.get("RemovalPolicy")?.as_str());
        if policy != Some("destroy") {
            return Ok(());
        }
        let context = there(context, id).await?;
        let input = json!({"logGroupName": parts(id).0});
        match call(&context, "DeleteLogGroup", input).await {
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(()),
            done => done,
        }
    }

    async fn complete(&self, context: &Context, id: &PhysicalId, desired: &Value) -> Result<bool> {
        set(context, id, desired).await?;
        Ok(false)
    }

    async fn find(
        &self,
        context: &Context,
        desired: &Value,
        _: &Incarnation,
    ) -> Result<Option<PhysicalId>> {
        let id = id(desired)?;
        Ok(self.read(context, &id).await?.map(|found| found.id))
    }
}

/// The group's name, and its region where that is another one.
fn id(desired: &Value) -> Result<PhysicalId> {
    let text = |name: &str| desired.get(name).and_then(Value::to_text);
    let name =
        text("LogGroupName").ok_or_else(|| Error::Failed(format!("{TYPE} has no LogGroupName")))?;
    Ok(match text("LogGroupRegion") {
        Some(region) => format!("{name}|{region}").into(),
        None => name.into(),
    })
}

fn parts(id: &PhysicalId) -> (&str, Option<&str>) {
    match id.as_str().split_once('|') {
        Some((name, region)) => (name, Some(region)),
        None => (id.as_str(), None),
    }
}

fn observed(id: &PhysicalId, properties: &Value) -> Observed {
    let mut observed = super::declared(id.as_str(), properties);
    if let Some(map) = observed.model.as_map_mut() {
        let data = json!({"LogGroupName": parts(id).0});
        map.insert(DATA.to_owned(), Value::from(data));
    }
    observed
}

async fn there(context: &Context, id: &PhysicalId) -> Result<Context> {
    let place = Elsewhere {
        region: parts(id).1.map(str::to_owned),
        ..Elsewhere::default()
    };
    context.elsewhere(&place).await
}

async fn call(context: &Context, operation: &str, input: Json) -> Result<()> {
    let Json::Object(input) = input else {
        return Ok(());
    };
    generic::write(&DEFINITION, context, operation, input)
        .await
        .map(|_| ())
}

/// Makes the group where there is none, and sets how long it keeps its logs: for ever where nothing is said.
async fn set(context: &Context, id: &PhysicalId, desired: &Value) -> Result<()> {
    let context = there(context, id).await?;
    let name = parts(id).0;
    match call(&context, "CreateLogGroup", json!({"logGroupName": name})).await {
        Err(error) if error.code() == Some("ResourceAlreadyExistsException") => {}
        done => done?,
    }
    let days = desired
        .get("RetentionInDays")
        .and_then(Value::to_text)
        .and_then(|text| text.trim().parse::<i64>().ok());
    match days {
        Some(days) => {
            let input = json!({"logGroupName": name, "retentionInDays": days});
            call(&context, "PutRetentionPolicy", input).await
        }
        None => {
            let input = json!({"logGroupName": name});
            call(&context, "DeleteRetentionPolicy", input).await
        }
    }
}
