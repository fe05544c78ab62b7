//! Policies of roles, users and groups: those written into them, and those attached. One set of operations for all three.

use super::{document, listing, policies};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::Kind;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// What carries policies: the kind and the member that names it.
#[derive(Debug, Clone, Copy)]
pub struct Bearer {
    /// The kind.
    pub kind: &'static Kind,
    /// `RoleName`, `UserName`, `GroupName`.
    pub member: &'static str,
    /// `role`, `user`, `group`.
    pub word: &'static str,
}

/// The member of the record that lists what is attached.
pub const ATTACHED: &str = "AttachedPolicyArns";

const NO_INLINE: Fault = Fault::new(
    "NoSuchEntity",
    "The {word} policy with name {policy} cannot be found.",
);

impl Bearer {
    /// The record that the request names.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub fn record(&self, call: &Call) -> Result<Record, Refusal> {
        call.need(self.kind.name, call.text(self.member).unwrap_or_default())
            .cloned()
    }

    /// Put…Policy.
    pub fn put(&self, call: &mut Call) -> Answer {
        let record = self.changeable(call)?;
        let text = call.text("PolicyDocument").unwrap_or_default().to_owned();
        let name = call.text("PolicyName").unwrap_or_default().to_owned();
        document::permissions(&text)?;
        call.update(self.kind.name, &record.id, |record| {
            let inline = record
                .hidden
                .entry("inline")
                .or_insert_with(|| Json::Object(Map::new()));
            inline[&name] = json!(text);
        });
        Ok(json!({}))
    }

    /// Get…Policy.
    pub fn get(&self, call: &mut Call) -> Answer {
        let record = self.record(call)?;
        let name = call.text("PolicyName").unwrap_or_default();
        let text = inline(&record)
            .and_then(|inline| inline.get(name)?.as_str())
            .ok_or_else(|| NO_INLINE.with(&[("word", self.word), ("policy", name)]))?;
        Ok(
            json!({self.member: record.id, "PolicyName": name, "PolicyDocument": document::encoded(text)}),
        )
    }

    /// Delete…Policy.
    pub fn delete(&self, call: &mut Call) -> Answer {
        let record = self.changeable(call)?;
        let name = call.text("PolicyName").unwrap_or_default().to_owned();
        if !inline(&record).is_some_and(|inline| inline.contains_key(&name)) {
            return Err(NO_INLINE.with(&[("word", self.word), ("policy", &name)]));
        }
        call.update(self.kind.name, &record.id, |record| {
            if let Some(Json::Object(inline)) = record.hidden.get_mut("inline") {
                inline.remove(&name);
            }
        });
        Ok(json!({}))
    }

    /// List…Policies.
    pub fn list(&self, call: &mut Call) -> Answer {
        let record = self.record(call)?;
        let names = inline(&record).into_iter().flat_map(Map::keys);
        let shown = names.map(|name| (name.clone(), json!(name))).collect();
        listing(call, "PolicyNames", shown)
    }

    /// Attach…Policy: once more is fine.
    pub fn attach(&self, call: &mut Call) -> Answer {
        let record = self.changeable(call)?;
        let arn = call.text("PolicyArn").unwrap_or_default().to_owned();
        policies::attachable(call, &arn)?;
        call.update(self.kind.name, &record.id, |record| {
            let list = record.list_mut(ATTACHED);
            if !list.contains(&json!(arn)) {
                list.push(json!(arn));
            }
        });
        Ok(json!({}))
    }

    /// Detach…Policy.
    pub fn detach(&self, call: &mut Call) -> Answer {
        let record = self.changeable(call)?;
        let arn = call.text("PolicyArn").unwrap_or_default().to_owned();
        if !record.list(ATTACHED).contains(&json!(arn)) {
            let message = format!("Policy {arn} was not found.");
            return Err(Refusal::new("NoSuchEntity", message));
        }
        call.update(self.kind.name, &record.id, |record| {
            record.list_mut(ATTACHED).retain(|one| *one != json!(arn));
        });
        Ok(json!({}))
    }

    /// ListAttached…Policies.
    pub fn attached(&self, call: &mut Call) -> Answer {
        let record = self.record(call)?;
        let prefix = call.text("PathPrefix").unwrap_or("/").to_owned();
        let arns = record.list(ATTACHED).iter().filter_map(Json::as_str);
        let shown = arns.filter_map(|arn| {
            let (_, path) = arn.split_once(":policy/")?;
            let (path, name) = path.rsplit_once('/').unwrap_or(("", path));
            format!("/{path}/")
                .replace("//", "/")
                .starts_with(&prefix)
                .then(|| {
                    (
                        arn.to_owned(),
                        json!({"PolicyName": name, "PolicyArn": arn}),
                    )
                })
        });
        listing(call, "AttachedPolicies", shown.collect())
    }

    /// The record, unless it is a service's own.
    fn changeable(&self, call: &Call) -> Result<Record, Refusal> {
        let record = self.record(call)?;
        super::entities::not_protected(&record)?;
        Ok(record)
    }
}

/// The policies written into a role, user or group.
pub fn inline(record: &Record) -> Option<&Map<String, Json>> {
    record.hidden.get("inline")?.as_object()
}
