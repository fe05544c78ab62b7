//! The parameters of groups: what both kinds of parameter groups have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use payctl_model::Step;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::loaders::Load;
use crate::prelude::*;

/// "A maximum of 20 parameters can be modified in a single request" (API_ModifyDBParameterGroup).
const BATCH: usize = 20;
/// How long is looked until AWS tells what was set: RDS "allows … to complete fully the create action before the parameter group is
/// used"; "use … DescribeDBParameters … to verify that your DB parameter group has been created or modified" (API_CreateDBParameterGroup).
const SETTLING: Duration = Duration::from_secs(300);

/// One kind of parameter groups.
pub(super) struct Groups {
    pub(super) definition: &'static Definition,
    /// The member that names a group.
    pub(super) name: &'static str,
    /// All parameters of a group.
    pub(super) all: &'static Load,
    /// Those that somebody has set.
    pub(super) set: &'static Load,
    pub(super) modify: &'static str,
    pub(super) reset: &'static str,
}

/// What somebody has set, as a map. No read, no map.
pub(super) fn set(group: &Json) -> Option<Json> {
    let parameters = look(group, "UserParameters")?;
    let pairs = parameters.as_array()?.iter().filter_map(|parameter| {
        let name = described(parameter, "ParameterName")?;
        let value = described(parameter, "ParameterValue").unwrap_or_default();
        Some((name.to_owned(), Json::from(value)))
    });
    Some(Json::Object(pairs.collect()))
}

/// The declared map, or the text of one.
fn parameters(properties: &Value) -> Result<BTreeMap<String, String>> {
    let Some(declared) = properties.get("Parameters") else {
        return Ok(BTreeMap::new());
    };
    let declared = declared
        .expose_json()
        .ok_or_else(|| Error::Unknown("Parameters".to_owned()))?;
    let map = match declared {
        Json::String(text) => crate::mapping::document(&text).unwrap_or_default(),
        other => other,
    };
    let members = map.as_object().into_iter().flatten();
    Ok(members
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| {
            let text = value.as_str().map(str::to_owned);
            (name.clone(), text.unwrap_or_else(|| value.to_string()))
        })
        .collect())
}

/// Which parameters change; `None`: all.
fn touched(update: &Update<'_>) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for path in update.changed {
        match path.steps() {
            [Step::Key(head), Step::Key(name), ..] if head == "Parameters" => {
                names.insert(name.clone());
            }
            [Step::Key(head)] if head == "Parameters" => return None,
            _ => {}
        }
    }
    Some(names)
}

impl Groups {
    /// Sets what is declared otherwise, and gives back to the engine what is declared no more.
    pub(super) async fn change(
        &self,
        context: &Context,
        id: &PhysicalId,
        update: &Update<'_>,
    ) -> Result<()> {
        let (wanted, live) = (parameters(update.desired)?, parameters(update.live)?);
        let touched = touched(update);
        let is_touched = |name: &String| {
            touched
                .as_ref()
                .is_none_or(|touched| touched.contains(name))
        };
        // A template may write a name otherwise than AWS does in letter case: what it names is not given back.
        let named = |name: &String| wanted.keys().any(|other| other.eq_ignore_ascii_case(name));
        let gone: Vec<&String> = live
            .keys()
            .filter(|name| is_touched(name) && !named(name))
            .collect();
        let set: Vec<(&String, &String)> = wanted
            .iter()
            .filter(|(name, value)| is_touched(name) && live.get(*name) != Some(value))
            .collect();
        if gone.is_empty() && set.is_empty() {
            return Ok(());
        }
        let known = generic::items_of(context, self.all, id.as_str()).await?;
        let method = |name: &str| {
            let found = known.iter().find(|parameter| {
                described(parameter, "ParameterName")
                    .is_some_and(|known| known.eq_ignore_ascii_case(name))
            });
            // "You can use the immediate value with dynamic parameters only. You can use the pending-reboot value for both"
            // (API_ModifyDBParameterGroup).
            let dynamic =
                found.is_some_and(|parameter| state_is(parameter, "ApplyType", &["dynamic"]));
            if dynamic {
                "immediate"
            } else {
                "pending-reboot"
            }
        };
        for batch in gone.chunks(BATCH) {
            let list = batch
                .iter()
                .map(|name| json!({"ParameterName": name, "ApplyMethod": method(name)}));
            self.send(context, id, self.reset, list.collect()).await?;
        }
        for batch in set.chunks(BATCH) {
            let list = batch.iter().map(|(name, value)| {
                json!({"ParameterName": name, "ParameterValue": value, "ApplyMethod": method(name)})
            });
            self.send(context, id, self.modify, list.collect()).await?;
        }
        self.settled(context, id, &set).await
    }

    async fn send(
        &self,
        context: &Context,
        id: &PhysicalId,
        operation: &str,
        list: Vec<Json>,
    ) -> Result<()> {
        let input = Map::from_iter([
            (self.name.to_owned(), json!(id.as_str())),
            ("Parameters".to_owned(), Json::Array(list)),
        ]);
        generic::write(self.definition, context, operation, input).await?;
        Ok(())
    }

    /// Returns when AWS tells what was set: a database that is made with the group before that has not all of it.
    async fn settled(
        &self,
        context: &Context,
        id: &PhysicalId,
        set: &[(&String, &String)],
    ) -> Result<()> {
        let start = context.clock().now();
        loop {
            let told = generic::items_of(context, self.set, id.as_str()).await?;
            let is_told = |name: &str| {
                told.iter().any(|parameter| {
                    described(parameter, "ParameterName")
                        .is_some_and(|told| told.eq_ignore_ascii_case(name))
                })
            };
            let spent = context.clock().now().duration_since(start);
            if set.iter().all(|(name, _)| is_told(name)) || spent.unwrap_or(SETTLING) >= SETTLING {
                return Ok(());
            }
            context.clock().sleep(Duration::from_secs(2)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_may_be_a_map_or_its_text_and_keep_their_dots() {
        let map = Value::from(json!({"Parameters": {"rds.force_ssl": 1, "a": true, "none": null}}));
        let text = Value::from(json!({"Parameters": "{\"rds.force_ssl\": 1, \"a\": true}"}));
        let read = parameters(&map).unwrap();
        assert_eq!(read, parameters(&text).unwrap());
        assert_eq!(read["rds.force_ssl"], "1");
        assert_eq!(read.len(), 2);
    }
}
