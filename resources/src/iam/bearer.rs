//! What carries policies: roles, users and groups. Inline policies, attached ones and the boundary, with the calls of each.
//!
//! Policies that stand as resources of their own are not the bearer's: `update.live` comes without them, and only what it tells is
//! ever taken away.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{document, remove};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;

/// How long a deletion is repeated while what was taken from the bearer is not known everywhere to be gone.
const DETACHING: Duration = Duration::from_secs(60);

/// One kind of bearer.
pub(super) struct Bearer {
    pub(super) definition: &'static Definition,
    /// `RoleName`.
    pub(super) member: &'static str,
    pub(super) attach: &'static str,
    pub(super) detach: &'static str,
    pub(super) put: &'static str,
    pub(super) take_away: &'static str,
    /// The calls that set and lift the boundary; groups have none.
    pub(super) boundary: Option<(&'static str, &'static str)>,
}

impl Bearer {
    fn named(&self, id: &PhysicalId, more: Json) -> Map<String, Json> {
        let mut input = more.as_object().cloned().unwrap_or_default();
        input.insert(self.member.to_owned(), json!(id.as_str()));
        input
    }

    async fn write(
        &self,
        context: &Context,
        operation: &'static str,
        input: Map<String, Json>,
    ) -> Result<()> {
        generic::write(self.definition, context, operation, input).await?;
        Ok(())
    }

    async fn remove(
        &self,
        context: &Context,
        operation: &'static str,
        input: Map<String, Json>,
    ) -> Result<()> {
        remove(context, self.definition, operation, Json::Object(input)).await
    }

    /// The boundary, as declared.
    pub(super) async fn bound(
        &self,
        context: &Context,
        id: &PhysicalId,
        update: &Update<'_>,
    ) -> Result<()> {
        let Some((put, lift)) = self.boundary else {
            return Ok(());
        };
        let wanted = update.desired.get("PermissionsBoundary");
        match wanted.and_then(Value::as_str) {
            Some(arn) if !arn.is_empty() => {
                let input = self.named(id, json!({"PermissionsBoundary": arn}));
                self.write(context, put, input).await
            }
            _ => self.remove(context, lift, self.named(id, json!({}))).await,
        }
    }

    /// New policies come before old ones go: nothing that both allow is refused in between.
    pub(super) async fn managed(
        &self,
        context: &Context,
        id: &PhysicalId,
        update: &Update<'_>,
    ) -> Result<()> {
        let (wanted, live) = (arns(update.desired), arns(update.live));
        for arn in wanted.iter().filter(|arn| !live.contains(arn)) {
            let input = self.named(id, json!({"PolicyArn": arn}));
            self.write(context, self.attach, input).await?;
        }
        for arn in live.iter().filter(|arn| !wanted.contains(arn)) {
            let input = self.named(id, json!({"PolicyArn": arn}));
            self.remove(context, self.detach, input).await?;
        }
        Ok(())
    }

    /// Inline policies, by name.
    pub(super) async fn inline(
        &self,
        context: &Context,
        id: &PhysicalId,
        update: &Update<'_>,
    ) -> Result<()> {
        let (wanted, live) = (policies(update.desired), policies(update.live));
        for (name, wanted) in &wanted {
            if live.get(name) == Some(wanted) {
                continue;
            }
            let text = wanted.as_ref().and_then(document);
            let input = self.named(id, json!({"PolicyName": name, "PolicyDocument": text}));
            self.write(context, self.put, input).await?;
        }
        for name in live.keys().filter(|name| !wanted.contains_key(*name)) {
            let input = self.named(id, json!({"PolicyName": name}));
            self.remove(context, self.take_away, input).await?;
        }
        Ok(())
    }

    /// What payctl put there and is still there; of a bearer that was never finished, all that is there. `None`: it is gone.
    pub(super) async fn applied(
        &self,
        context: &Context,
        id: &PhysicalId,
        deletion: &Deletion,
    ) -> Result<Option<Value>> {
        let found = generic::read(self.definition, context, id).await?;
        Ok(found.map(|found| still_there(deletion.last_applied.as_ref(), &found.model)))
    }

    /// Takes the policies away, and then the bearer itself. What others attached makes IAM refuse: DeleteConflict.
    pub(super) async fn delete(
        &self,
        context: &Context,
        id: &PhysicalId,
        applied: &Value,
    ) -> Result<()> {
        for arn in arns(applied) {
            let input = self.named(id, json!({"PolicyArn": arn}));
            self.remove(context, self.detach, input).await?;
        }
        for name in policies(applied).keys() {
            let input = self.named(id, json!({"PolicyName": name}));
            self.remove(context, self.take_away, input).await?;
        }
        let operation = self.definition.delete.operation;
        last(context, operation, Json::Object(self.named(id, json!({})))).await
    }
}

/// What was applied, as far as it is there: a deletion that was cut off goes on where it stopped, instead of asking for everything
/// again each time. Where nothing is known to be applied, what is there.
pub(super) fn still_there(applied: Option<&Value>, live: &Value) -> Value {
    let Some(applied) = applied else {
        return live.clone();
    };
    let mut kept = applied.clone();
    let Some(properties) = kept.as_map_mut() else {
        return kept;
    };
    for name in ["ManagedPolicyArns", "Groups", "Roles", "Users"] {
        let there = texts(live, name);
        if let Some(Value::List(items)) = properties.get_mut(name) {
            items.retain(|item| item.to_text().is_some_and(|text| there.contains(&text)));
        }
    }
    let there = policies(live);
    if let Some(Value::List(items)) = properties.get_mut("Policies") {
        let name = |item: &Value| item.get("PolicyName").and_then(Value::to_text);
        items.retain(|item| name(item).is_some_and(|name| there.contains_key(&name)));
    }
    kept
}

/// A deletion after what was in the way was taken away a moment ago.
pub(super) async fn last(context: &Context, operation: &'static str, input: Json) -> Result<()> {
    let passing = |error: &Error| {
        matches!(
            error.code(),
            Some("DeleteConflict" | "ConcurrentModification")
        )
    };
    let call = || context.write("iam", operation, input.clone());
    match generic::repeat(context, DETACHING, passing, call).await {
        Err(error) if error.code() == Some("NoSuchEntity") => Ok(()),
        done => done.map(|_| ()),
    }
}

/// The texts of a list.
pub(super) fn texts(properties: &Value, name: &str) -> Vec<String> {
    let list = properties.get(name).and_then(Value::as_list);
    list.into_iter()
        .flatten()
        .filter_map(Value::to_text)
        .collect()
}

fn arns(properties: &Value) -> Vec<String> {
    texts(properties, "ManagedPolicyArns")
}

/// Inline policies by name.
fn policies(properties: &Value) -> BTreeMap<String, Option<Value>> {
    let policies = properties.get("Policies").and_then(Value::as_list);
    policies
        .into_iter()
        .flatten()
        .filter_map(|policy| {
            let name = policy.get("PolicyName")?.to_text()?;
            Some((name, policy.get("PolicyDocument").cloned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_already_is_not_taken_away_again() {
        let applied = Value::from(json!({
            "ManagedPolicyArns": ["a", "b"],
            "Policies": [{"PolicyName": "one"}, {"PolicyName": "two"}],
            "Path": "/",
        }));
        let live = Value::from(json!({
            "ManagedPolicyArns": ["b", "stranger"],
            "Policies": [{"PolicyName": "two"}, {"PolicyName": "stranger"}],
        }));
        let left =
            json!({"ManagedPolicyArns": ["b"], "Policies": [{"PolicyName": "two"}], "Path": "/"});
        assert_eq!(still_there(Some(&applied), &live), Value::from(left));
        assert_eq!(still_there(None, &live), live);
    }
}
