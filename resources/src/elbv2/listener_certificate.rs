//! `AWS::ElasticLoadBalancingV2::ListenerCertificate`: further certificates of a secure listener.
//!
//! AWS has no such thing: only each certificate in its listener's list. So the id says what it is: `listener|certificate|…`, and an update
//! of the certificates gives it another one.

use async_trait::async_trait;

use super::{CERTIFICATES_OF_LISTENERS, NO_LISTENER};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::{Error, Result};
use crate::loaders;
use crate::prelude::*;

/// `AWS::ElasticLoadBalancingV2::ListenerCertificate`.
pub struct ListenerCertificate;

static DEFINITION: Definition = Definition {
    create: Create {
        own: &["ListenerArn", "Certificates"],
        ..Create::of("AddListenerCertificates", "")
    },
    reads: &[Read::of(&CERTIFICATES_OF_LISTENERS)],
    updates: &[Change {
        takes: &["Certificates"],
        mode: Mode::Step(change),
        ..Change::of("AddListenerCertificates", &[])
    }],
    delete: Delete::of("RemoveListenerCertificates", &[], NO_LISTENER),
    find: Find::Search(find),
    rules: &[
        // The module's own read puts both together of the listener's list.
        Rule::Computed("ListenerArn", |own| look(own, "ListenerArn")),
        Rule::Computed("Certificates", |own| look(own, "Certificates")),
    ],
    needs: &[Need {
        property: "Certificates.*.CertificateArn",
        reason: "a certificate that is not issued yet is refused: UnsupportedCertificate (Application Load Balancer guide, \"Create an \
                 HTTPS listener\")",
    }],
    unique: &[&["ListenerArn", "Certificates"]],
    ..Definition::new("AWS::ElasticLoadBalancingV2::ListenerCertificate", "elbv2")
};

/// The listener and the certificates, in their order.
fn parts(id: &PhysicalId) -> (&str, Vec<&str>) {
    let mut parts = id.as_str().split('|');
    let listener = parts.next().unwrap_or_default();
    (listener, parts.filter(|part| !part.is_empty()).collect())
}

fn certificates(properties: &Value) -> Vec<String> {
    let mut arns: Vec<String> = Vec::new();
    let list = properties.get("Certificates").and_then(Value::as_list);
    for certificate in list.into_iter().flatten() {
        let arn = certificate.get("CertificateArn").and_then(Value::to_text);
        if let Some(arn) = arn.filter(|arn| !arns.contains(arn)) {
            arns.push(arn);
        }
    }
    arns
}

/// No ARN has a `|` in it.
fn id_of(listener: &str, certificates: &[String]) -> PhysicalId {
    let mut sorted: Vec<&str> = certificates.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    [listener]
        .into_iter()
        .chain(sorted)
        .collect::<Vec<_>>()
        .join("|")
        .into()
}

/// "You can specify one certificate per call" (API_AddListenerCertificates, API_RemoveListenerCertificates). To add one that is there
/// already is success.
fn input(listener: &str, certificate: &str) -> Map<String, Json> {
    Map::from_iter([
        ("ListenerArn".to_owned(), json!(listener)),
        (
            "Certificates".to_owned(),
            json!([{"CertificateArn": certificate}]),
        ),
    ])
}

async fn add(context: &Context, listener: &str, certificate: &str) -> Result<()> {
    let input = input(listener, certificate);
    generic::write(&DEFINITION, context, "AddListenerCertificates", input).await?;
    Ok(())
}

async fn remove(context: &Context, listener: &str, certificate: &str) -> Result<()> {
    let input = input(listener, certificate);
    generic::delete_with(&DEFINITION, context, "RemoveListenerCertificates", input).await
}

/// New ones come before old ones go: clients always find one.
fn change<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let current = context.current(id);
        let (listener, have) = parts(&current);
        let (wanted, live) = (certificates(update.desired), certificates(update.live));
        for certificate in wanted.iter().filter(|arn| !live.contains(arn)) {
            add(context, listener, certificate).await?;
        }
        for certificate in have {
            if !wanted.iter().any(|arn| arn == certificate) {
                remove(context, listener, certificate).await?;
            }
        }
        context.rename(id, id_of(listener, &wanted));
        Ok(())
    })
}

/// It has no tags: a listener's list that has its certificates has it.
fn find<'a>(context: &'a Context, desired: &'a Value, _: &'a Incarnation) -> FindFuture<'a> {
    Box::pin(async move {
        let Some(listener) = desired.get("ListenerArn").and_then(Value::as_str) else {
            return Ok(None);
        };
        let id = id_of(listener, &certificates(desired));
        let found = ListenerCertificate.read(context, &id).await?;
        Ok(found.map(|_| id))
    })
}

#[async_trait]
impl Resource for ListenerCertificate {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        _: &Incarnation,
    ) -> Result<Observed> {
        let listener = desired
            .get("ListenerArn")
            .and_then(Value::to_text)
            .ok_or_else(|| Error::Unknown(format!("{} ListenerArn", DEFINITION.type_name)))?;
        let wanted = certificates(desired);
        for certificate in &wanted {
            add(context, &listener, certificate).await?;
        }
        let id = id_of(&listener, &wanted);
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

    /// A listener's default certificate is in its answer too, marked so, and once more where it is in the list
    /// (API_DescribeListenerCertificates).
    async fn read(&self, context: &Context, id: &PhysicalId) -> Result<Option<Observed>> {
        let id = context.current(id);
        let (listener, certificates) = parts(&id);
        let listed = loaders::load(context, &CERTIFICATES_OF_LISTENERS, listener).await?;
        let in_list = |arn: &str| {
            listed.iter().any(|one| {
                described(one, "CertificateArn") == Some(arn)
                    && one.get("IsDefault") != Some(&json!(true))
            })
        };
        let found: Vec<Json> = certificates
            .into_iter()
            .filter(|arn| in_list(arn))
            .map(|arn| json!({"CertificateArn": arn}))
            .collect();
        if found.is_empty() {
            return Ok(None);
        }
        let description = json!({"ListenerArn": listener, "Certificates": found});
        generic::observed(&DEFINITION, &id, &description)
    }

    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        let current = context.current(id);
        let (listener, certificates) = parts(&current);
        for certificate in certificates {
            remove(context, listener, certificate).await?;
        }
        Ok(())
    }
}
