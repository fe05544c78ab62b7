//! One policy document that is set on several things: `AWS::SNS::TopicPolicy`, `AWS::SQS::QueuePolicy`.
//!
//! AWS knows no such thing: each topic or queue has a policy of its own. So the id says on which it is, and an update that changes that
//! gives it another one.

use payctl_model::{PhysicalId, Value};
use serde_json::{Map, Value as Json, json};

use crate::context::Context;
use crate::definition::Definition;
use crate::error::{Error, Result};
use crate::generic;
use crate::loaders::{self, Load};
use crate::resource::{Observed, Status, Update};

/// A future of a call.
type Calling<'a> = std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// How one kind of thing holds its policy.
pub(crate) struct Holders {
    /// The type's table.
    pub(crate) definition: &'static Definition,
    /// The property that lists them: `Topics`.
    pub(crate) property: &'static str,
    /// The member that the mapping takes that list from.
    pub(crate) member: &'static str,
    /// Reads one.
    pub(crate) load: &'static Load,
    /// The policy that a description tells; `None` where it has none.
    pub(crate) policy: fn(&Json) -> Option<&str>,
    /// Sets the policy of one.
    pub(crate) put: for<'a> fn(&'a Context, &'a str, String) -> Calling<'a>,
    /// Takes it away; success where it, or the whole thing, is gone already.
    pub(crate) remove: for<'a> fn(&'a Context, &'a str) -> Calling<'a>,
}

/// A document as AWS takes it: as text.
pub(crate) fn document(properties: &Value) -> Option<String> {
    match properties.get("PolicyDocument")?.expose_json()? {
        Json::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

impl Holders {
    fn declared(&self, properties: &Value) -> Vec<String> {
        let list = properties.get(self.property).and_then(Value::as_list);
        let mut holders: Vec<String> = list
            .into_iter()
            .flatten()
            .filter_map(Value::to_text)
            .collect();
        holders.sort_unstable();
        holders.dedup();
        holders
    }

    /// Neither an ARN nor a queue's URL has a `|` in it.
    fn of(id: &PhysicalId) -> Vec<&str> {
        id.as_str()
            .split('|')
            .filter(|one| !one.is_empty())
            .collect()
    }

    fn document(&self, properties: &Value) -> Result<String> {
        let what = || Error::Unknown(format!("{} PolicyDocument", self.definition.type_name));
        document(properties).ok_or_else(what)
    }

    /// Sets it on all.
    pub(crate) async fn create(&self, context: &Context, desired: &Value) -> Result<Observed> {
        let text = self.document(desired)?;
        let holders = self.declared(desired);
        for holder in &holders {
            (self.put)(context, holder, text.clone()).await?;
        }
        let id = PhysicalId::from(holders.join("|"));
        // Another one that was here before and moved away has its id no more.
        context.rename(&id, id.clone());
        let mut model = desired.clone();
        if let Some(members) = model.as_map_mut() {
            members.insert("Id".to_owned(), id.as_str().into());
        }
        Ok(Observed {
            id,
            model,
            status: Status::Ready,
        })
    }

    /// Only those with the same document count: one whose policy was changed by hand is missing, so it is set there again.
    pub(crate) async fn read(
        &self,
        context: &Context,
        id: &PhysicalId,
    ) -> Result<Option<Observed>> {
        let id = context.current(id);
        let holders = Self::of(&id);
        let loads = holders
            .iter()
            .map(|holder| loaders::load(context, self.load, holder));
        let mut first: Option<Json> = None;
        let mut found: Vec<&str> = Vec::new();
        for (holder, items) in holders.iter().zip(generic::together(loads).await) {
            let items = items?;
            let Some(text) = items.first().and_then(self.policy) else {
                continue;
            };
            let document: Json = serde_json::from_str(text).unwrap_or_else(|_| text.into());
            if *first.get_or_insert_with(|| document.clone()) == document {
                found.push(holder);
            }
        }
        let Some(document) = first else {
            return Ok(None);
        };
        let mut description = Map::new();
        description.insert("Policy".to_owned(), document);
        description.insert(self.member.to_owned(), json!(found));
        generic::observed(self.definition, &id, &Json::Object(description))
    }

    /// All new ones before others go.
    pub(crate) async fn update(
        &self,
        context: &Context,
        id: &PhysicalId,
        update: &Update<'_>,
    ) -> Result<()> {
        let text = self.document(update.desired)?;
        let (wanted, have) = (self.declared(update.desired), self.declared(update.live));
        let everywhere = update.touches("PolicyDocument");
        for holder in &wanted {
            if everywhere || !have.contains(holder) {
                (self.put)(context, holder, text.clone()).await?;
            }
        }
        for holder in Self::of(&context.current(id)) {
            if !wanted.iter().any(|one| one == holder) {
                (self.remove)(context, holder).await?;
            }
        }
        context.rename(id, wanted.join("|").into());
        Ok(())
    }

    pub(crate) async fn delete(&self, context: &Context, id: &PhysicalId) -> Result<()> {
        for holder in Self::of(&context.current(id)) {
            (self.remove)(context, holder).await?;
        }
        Ok(())
    }

    /// It has no tags: a policy that is where it is declared is it, unless AWS has set it itself.
    pub(crate) async fn find(
        &self,
        context: &Context,
        desired: &Value,
        is_default: fn(&str) -> bool,
    ) -> Result<Option<PhysicalId>> {
        let holders = self.declared(desired);
        for holder in &holders {
            let items = generic::items_of(context, self.load, holder).await?;
            let policy = items.first().and_then(self.policy);
            if policy.is_some_and(|text| !is_default(text)) {
                return Ok(Some(holders.join("|").into()));
            }
        }
        Ok(None)
    }
}
