//! [`References`]: what dynamic references stand for, asked of AWS right before the call that needs it.
//!
//! Each value is read once a run, however many properties name it; what is needed at the same moment is read together. A
//! value that this run itself changes is read again afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use payctl_model::{PropertyPath, Secret, Value};
use tokio::sync::oneshot;

use super::cloud::{Cloud, CloudError, LookupError, LookupResult};
use crate::graph::ResourceGraph;
use crate::plan::references::{self, Resolved};
use crate::template::dynamic::{self, Piece, misplaced, pieces};
use crate::template::{DynamicReference, Lookup};

/// How long is waited for others that need a value too, so that one call reads them together.
const GATHERING: Duration = Duration::from_millis(5);

/// Why a dynamic reference has no value.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot resolve {reference} of `{property}`: {why}")]
pub struct ReferenceError {
    /// As it is written; what stands around it is left out.
    pub reference: String,
    /// Where it stands.
    pub property: PropertyPath,
    /// Why not.
    pub why: String,
    /// What to do.
    pub help: Option<&'static str>,
    /// What AWS said, where it was asked and refused.
    pub cloud: Option<Box<CloudError>>,
}

/// Properties whose references have been resolved. No `Debug`: its secrets are in the open.
#[derive(Clone, PartialEq)]
pub(super) struct Resolution {
    /// What goes to AWS: secrets in the open.
    pub(super) values: Value,
    /// What is kept, once its secrets are hashed: each reference with what it stands for.
    pub(super) written: Value,
    /// The secrets that were read.
    pub(super) secrets: BTreeSet<Arc<str>>,
}

/// Who waits for each value.
type Waiting = BTreeMap<Lookup, Vec<oneshot::Sender<LookupResult>>>;

/// The values of one run.
pub(super) struct References {
    cloud: Arc<dyn Cloud>,
    known: Mutex<BTreeMap<(String, Lookup), String>>,
    /// By region.
    waiting: Arc<Mutex<BTreeMap<String, Waiting>>>,
}

impl References {
    pub(super) fn new(cloud: Arc<dyn Cloud>) -> References {
        References {
            cloud,
            known: Mutex::default(),
            waiting: Arc::default(),
        }
    }

    /// What a resource's properties are with every reference replaced by what it stands for. `keeps` gives the value that a
    /// leaf was applied with last and shall keep, where it does.
    pub(super) async fn resolve(
        &self,
        region: &str,
        type_name: &str,
        wanted: &Value,
        keeps: &(dyn Fn(&PropertyPath, &Value) -> Option<Value> + Sync),
    ) -> Result<Resolution, ReferenceError> {
        let mut texts = Vec::new();
        for (property, leaf) in references::leaves(wanted) {
            let Some(text) = leaf.expose_str() else {
                continue;
            };
            if let Some(kept) = keeps(&property, leaf) {
                texts.push((property, leaf, text, Err(kept)));
                continue;
            }
            let pieces = pieces(text).map_err(|wrong| ReferenceError {
                // A text around it may be secret.
                reference: "the dynamic reference".to_owned(),
                property: property.clone(),
                why: match leaf {
                    Value::Secret(_) => "it is none".to_owned(),
                    _ => wrong.message,
                },
                help: wrong.help,
                cloud: None,
            })?;
            for piece in &pieces {
                if let Piece::Reference(reference, _) = piece
                    && let Some((why, help)) = misplaced(type_name, &property, reference)
                {
                    return Err(ReferenceError {
                        reference: reference.text.clone(),
                        property,
                        why,
                        help,
                        cloud: None,
                    });
                }
            }
            texts.push((property, leaf, text, Ok(pieces)));
        }
        let lookups: BTreeSet<Lookup> = texts
            .iter()
            .filter_map(|(_, _, _, pieces)| pieces.as_ref().ok())
            .flatten()
            .filter_map(|piece| match piece {
                Piece::Reference(reference, _) => Some(reference.lookup.clone()),
                Piece::Plain(_) => None,
            })
            .collect();
        let found = self.look_up(region, lookups).await;
        let mut resolution = Resolution {
            values: wanted.clone(),
            written: wanted.clone(),
            secrets: BTreeSet::new(),
        };
        for (property, leaf, _, pieces) in texts {
            let value = match pieces {
                Err(kept) => kept,
                Ok(pieces) => {
                    let is_secret = matches!(leaf, Value::Secret(_));
                    let value = put_together(&pieces, &found, is_secret, region).map_err(
                        |(reference, error)| ReferenceError {
                            reference: reference.text.clone(),
                            property: property.clone(),
                            why: error.why,
                            help: error.help,
                            cloud: error.cloud,
                        },
                    )?;
                    if let Value::Secret(Secret::Plain(text)) = &value {
                        resolution.secrets.insert(text.clone());
                    }
                    value
                }
            };
            replace(&mut resolution.values, &property, value.clone());
            let written = references::written(leaf.clone(), value);
            replace(&mut resolution.written, &property, written);
        }
        Ok(resolution)
    }

    /// What a resource of this type has just made may be what a value was read from: it is read again.
    pub(super) fn forget(&self, region: &str, type_name: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(of, lookup), _| {
            let service = lookup
                .made_by()
                .0
                .rsplit_once("::")
                .map(|(service, _)| service);
            let same = service.is_some_and(|service| type_name.starts_with(service));
            of != region || !same
        });
    }

    async fn look_up(
        &self,
        region: &str,
        lookups: BTreeSet<Lookup>,
    ) -> BTreeMap<Lookup, LookupResult> {
        let mut found = BTreeMap::new();
        let mut asked = Vec::new();
        for lookup in lookups {
            let key = (region.to_owned(), lookup.clone());
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            match known.get(&key) {
                Some(value) => {
                    found.insert(lookup, Ok(value.clone()));
                }
                None => asked.push(lookup),
            }
        }
        let answers: Vec<_> = asked
            .into_iter()
            .map(|lookup| (lookup.clone(), self.ask(region, lookup)))
            .collect();
        for (lookup, answer) in answers {
            let answer = answer.await.unwrap_or_else(|_| {
                Err(LookupError {
                    why: "AWS was not asked: the run ended meanwhile".to_owned(),
                    help: None,
                    cloud: None,
                })
            });
            if let Ok(value) = &answer {
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                known.insert((region.to_owned(), lookup.clone()), value.clone());
            }
            found.insert(lookup, answer);
        }
        found
    }

    /// Joins those who wait for a value. Who is the first of a region asks for all of them, a moment later.
    fn ask(&self, region: &str, lookup: Lookup) -> oneshot::Receiver<LookupResult> {
        let (answer, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let here = waiting.entry(region.to_owned()).or_default();
        let is_first = here.is_empty();
        here.entry(lookup).or_default().push(answer);
        if is_first {
            let (cloud, waiting) = (self.cloud.clone(), self.waiting.clone());
            let region = region.to_owned();
            tokio::spawn(async move {
                cloud.clock().sleep(GATHERING).await;
                let asked = waiting
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(&region)
                    .unwrap_or_default();
                let (lookups, senders): (Vec<Lookup>, Vec<_>) = asked.into_iter().unzip();
                let answers = cloud.look_up(&region, &lookups).await;
                for (senders, answer) in senders.into_iter().zip(answers) {
                    for sender in senders {
                        // Who is gone needs no answer.
                        let _ = sender.send(answer.clone());
                    }
                }
            });
        }
        receiver
    }
}

/// What the plain parameters that the templates name hold now. Those that cannot be read are left out: the plan goes by what
/// was applied, and apply tells what is wrong.
pub async fn look_up_anew(
    cloud: &dyn Cloud,
    graph: &ResourceGraph,
) -> BTreeMap<(String, Lookup), String> {
    let mut wanted: BTreeMap<&str, BTreeSet<Lookup>> = BTreeMap::new();
    for (address, node) in graph.nodes() {
        let lookups = dynamic::references_in(&node.shape)
            .into_iter()
            .map(|reference| reference.lookup)
            .filter(|lookup| !lookup.is_secret());
        wanted.entry(&address.region).or_default().extend(lookups);
    }
    let mut found = BTreeMap::new();
    for (region, lookups) in wanted {
        let lookups: Vec<Lookup> = lookups.into_iter().collect();
        if lookups.is_empty() {
            continue;
        }
        let answers = cloud.look_up(region, &lookups).await;
        for (lookup, answer) in lookups.into_iter().zip(answers) {
            if let Ok(value) = answer {
                found.insert((region.to_owned(), lookup), value);
            }
        }
    }
    found
}

/// A text with what its references stand for in it.
fn put_together<'p>(
    pieces: &'p [Piece<'_>],
    found: &BTreeMap<Lookup, LookupResult>,
    mut is_secret: bool,
    region: &str,
) -> Result<Value, (&'p DynamicReference, LookupError)> {
    let mut text = String::new();
    for piece in pieces {
        let reference = match piece {
            Piece::Plain(plain) => {
                text.push_str(plain);
                continue;
            }
            Piece::Reference(reference, _) => reference,
        };
        is_secret |= reference.lookup.is_secret();
        let value = match found.get(&reference.lookup) {
            Some(Ok(value)) => value,
            Some(Err(error)) => return Err((reference, error.clone())),
            None => {
                let why = format!("{} was not looked up in {region}", reference.lookup);
                return Err((reference, LookupError::because(why)));
            }
        };
        match &reference.json_key {
            None => text.push_str(value),
            Some(key) => match within(value, key) {
                Ok(value) => text.push_str(&value),
                Err(why) => {
                    let why = format!("{} {why}", reference.lookup);
                    return Err((reference, LookupError::because(why)));
                }
            },
        }
    }
    Ok(match is_secret {
        true => Value::secret(text),
        false => Value::from(text),
    })
}

/// The value under a key of a secret that is a JSON object. Says nothing of what the secret holds.
fn within(secret: &str, key: &str) -> Result<String, String> {
    let json: serde_json::Value =
        serde_json::from_str(secret).map_err(|_| "is no JSON object".to_owned())?;
    let Some(map) = json.as_object() else {
        return Err("is no JSON object".to_owned());
    };
    match map.get(key) {
        None => Err(format!("has no key `{key}`")),
        Some(serde_json::Value::String(text)) => Ok(text.clone()),
        Some(serde_json::Value::Null) => Err(format!("has nothing under its key `{key}`")),
        Some(other) => Ok(other.to_string()),
    }
}

/// Sets what stands at a path that exists.
pub(super) fn replace(value: &mut Value, path: &PropertyPath, new: Value) {
    let mut at = value;
    for step in path.steps() {
        let next = match (at, step) {
            (Value::Map(map), payctl_model::Step::Key(key)) => map.get_mut(key),
            (Value::List(items), payctl_model::Step::Index(index)) => items.get_mut(*index),
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return,
        }
    }
    *at = new;
}

/// What an update keeps of what was applied: what a reference that is not edited stands for, where that is no secret. It
/// changes only where the plan says so.
pub(super) fn kept<'a>(
    applied: &'a Value,
    is_edited: impl Fn(&PropertyPath) -> bool + Sync + 'a,
) -> impl Fn(&PropertyPath, &Value) -> Option<Value> + Sync + 'a {
    let resolved = Resolved::of(applied);
    move |property, leaf| {
        if is_edited(property)
            || leaf
                .as_str()
                .is_none_or(|text| !dynamic::has_reference(text))
        {
            return None;
        }
        resolved
            .get(leaf, &|_, _| false)
            .filter(|value| value.as_str().is_some())
            .cloned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apply::fake::FakeCloud;

    fn secret(id: &str) -> Lookup {
        Lookup::Secret {
            id: id.to_owned(),
            version: None,
        }
    }

    fn port() -> Lookup {
        Lookup::Parameter {
            name: "port".to_owned(),
            version: None,
            secure: false,
        }
    }

    fn cloud() -> Arc<FakeCloud> {
        let cloud = FakeCloud::new(&[]);
        let held = [
            (secret("db"), r#"{"password": "hunter2", "tries": 3}"#),
            (port(), "5432"),
        ];
        cloud.world.lock().unwrap().values = held
            .map(|(lookup, value)| (lookup, value.to_owned()))
            .into();
        cloud
    }

    fn nothing(_: &PropertyPath, _: &Value) -> Option<Value> {
        None
    }

    async fn resolve(references: &References, wanted: &Value) -> Result<Resolution, String> {
        let resolved = references.resolve("r", "AWS::RDS::DBCluster", wanted, &nothing);
        resolved.await.map_err(|error| error.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn texts_become_what_their_references_stand_for() {
        let references = References::new(cloud());
        let wanted = Value::from(json!({
            "MasterUserPassword": "{{resolve:secretsmanager:db:SecretString:password}}",
            "Port": "{{resolve:ssm:port}}",
            "Tags": [{ "Key": "url", "Value": "x://u:{{resolve:secretsmanager:db:SecretString:password}}@h:{{resolve:ssm:port}}" }],
            "EngineVersion": "16",
        }));
        let resolved = resolve(&references, &wanted).await.ok().unwrap();
        assert_eq!(
            resolved.values.expose_json().unwrap(),
            json!({
                "MasterUserPassword": "hunter2", "Port": "5432", "EngineVersion": "16",
                "Tags": [{ "Key": "url", "Value": "x://u:hunter2@h:5432" }],
            })
        );
        assert_eq!(resolved.values.get("Port"), Some(&Value::from("5432")));
        assert!(!resolved.written.to_json().to_string().contains("hunter2"));
        assert_eq!(references::texts(&resolved.written), wanted);
        assert_eq!(
            resolved.secrets,
            BTreeSet::from(["hunter2".into(), "x://u:hunter2@h:5432".into()])
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_many_need_at_once_is_asked_for_once() {
        let cloud = cloud();
        let references = Arc::new(References::new(cloud.clone()));
        let wanted = Value::from(json!({
            "MasterUserPassword": "{{resolve:secretsmanager:db:SecretString:password}}", "Port": "{{resolve:ssm:port}}",
        }));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (references, wanted) = (references.clone(), wanted.clone());
            tasks.spawn(async move { resolve(&references, &wanted).await.is_ok() });
        }
        assert!(tasks.join_all().await.into_iter().all(|done| done));
        assert!(resolve(&references, &wanted).await.is_ok());
        let asked = cloud.world.lock().unwrap().lookups.clone();
        assert_eq!(asked.iter().map(Vec::len).collect::<Vec<_>>(), [2]);

        // What this run has changed is read again.
        references.forget("r", "AWS::SSM::Parameter");
        assert!(resolve(&references, &wanted).await.is_ok());
        assert_eq!(cloud.world.lock().unwrap().lookups[1], [port()]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_no_value_is_told_with_reference_and_property() {
        let references = References::new(cloud());
        for (property, text, why) in [
            (
                "Port",
                "{{resolve:ssm:prot}}",
                "cannot resolve {{resolve:ssm:prot}} of `Port`: there is no parameter `prot`",
            ),
            (
                "MasterUserPassword",
                "{{resolve:secretsmanager:db:SecretString:pass}}",
                "cannot resolve {{resolve:secretsmanager:db:SecretString:pass}} of `MasterUserPassword`: the secret `db` has no key `pass`",
            ),
            (
                "Port",
                "{{resolve:ssm-secure:port}}",
                "cannot resolve {{resolve:ssm-secure:port}} of `Port`: `Port` of AWS::RDS::DBCluster takes no ssm-secure reference",
            ),
            (
                "Port",
                "{{resolve:ssm:port:x}}",
                "cannot resolve the dynamic reference of `Port`: `{{resolve:ssm:port:x}}` is no dynamic reference: `x` is no version number",
            ),
        ] {
            let wanted = Value::from(json!({ property: text }));
            assert_eq!(resolve(&references, &wanted).await.err().unwrap(), why);
        }
        // A failure is not remembered: the next who needs it asks again.
        let wanted = Value::from(json!({ "Port": "{{resolve:ssm:port}}" }));
        assert!(resolve(&references, &wanted).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_update_keeps_the_open_values_that_it_does_not_edit() {
        let cloud = cloud();
        let references = References::new(cloud.clone());
        let applied = Value::Map(BTreeMap::from([(
            "Port".to_owned(),
            references::written("{{resolve:ssm:port}}".into(), "5431".into()),
        )]));
        let wanted = Value::from(json!({ "Port": "{{resolve:ssm:port}}" }));
        for (edited, port, calls) in [(false, "5431", 0), (true, "5432", 1)] {
            let keeps = kept(&applied, |_| edited);
            let resolved = references
                .resolve("r", "AWS::RDS::DBCluster", &wanted, &keeps)
                .await
                .unwrap();
            assert_eq!(resolved.values.get("Port"), Some(&Value::from(port)));
            assert_eq!(cloud.world.lock().unwrap().lookups.len(), calls);
        }
    }
}
