//! `AWS::ElasticLoadBalancingV2::Listener`: a port of a load balancer, and what happens to what comes in there.

use super::{LISTENER_ATTRIBUTES, LISTENERS, LISTENERS_OF_LOAD_BALANCERS, NO_LISTENER, TAGS};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::prelude::*;

native!(
    /// `AWS::ElasticLoadBalancingV2::Listener`.
    Listener,
    Definition {
        create: Create::of("CreateListener", "Listeners.0"),
        reads: &[
            Read::of(&LISTENERS),
            Read::of(&TAGS),
            Read { only_for: &["ListenerAttributes"], ..Read::of(&LISTENER_ATTRIBUTES) },
        ],
        updates: &[
            Change {
                // A protocol with TLS needs them all, one without has none of them.
                together: &[&["Protocol", "Certificates", "SslPolicy", "AlpnPolicy", "MutualAuthentication"]],
                ..Change::of("ModifyListener", &["ListenerArn"])
            },
            Change::of("ModifyListenerAttributes", &["ListenerArn"]),
        ],
        delete: Delete {
            busy: &["ResourceInUse"],
            ..Delete::of("DeleteListener", &["ListenerArn"], NO_LISTENER)
        },
        find: Find::Search(find),
        rules: &[Rule::Renamed("ListenerAttributes", "Attributes")],
        tags: Tags::Member,
        needs: &[
            Need {
                property: "Certificates.*.CertificateArn",
                reason: "a certificate that is not issued yet is refused: UnsupportedCertificate (Application Load Balancer guide, \"Create \
                         an HTTPS listener\")",
            },
            Need {
                property: "MutualAuthentication.TrustStoreArn",
                reason: "a trust store that is not active yet is refused: TrustStoreNotReady (API_CreateListener)",
            },
        ],
        // DuplicateListener: "A listener with the specified port already exists" (API_CreateListener).
        unique: &[&["LoadBalancerArn", "Port"]],
        // ResourceInUse (API_DeleteTargetGroup).
        holds: &[
            "DefaultActions.*.TargetGroupArn",
            "DefaultActions.*.ForwardConfig.TargetGroups.*.TargetGroupArn",
            "MutualAuthentication.TrustStoreArn",
        ],
        resets: &[
            // "None" is a policy (API_CreateListener, AlpnPolicy).
            ("AlpnPolicy", r#"["None"]"#),
            ("MutualAuthentication", r#"{"Mode": "off"}"#),
            ("ListenerAttributes", "[]"),
        ],
        ..Definition::new("AWS::ElasticLoadBalancingV2::Listener", "elbv2")
    }
);

/// A load balancer has one listener a port; gateway load balancers have one listener.
fn find<'a>(
    context: &'a Context,
    desired: &'a Value,
    incarnation: &'a Incarnation,
) -> FindFuture<'a> {
    Box::pin(async move {
        let Some(balancer) = desired.get("LoadBalancerArn").and_then(Value::as_str) else {
            return Ok(None);
        };
        let port = desired.get("Port").and_then(Value::to_text);
        let listeners = generic::items_of(context, &LISTENERS_OF_LOAD_BALANCERS, balancer).await?;
        let found = listeners
            .iter()
            .find(|listener| look(listener, "Port").map(|port| port.to_string()) == port);
        match found.and_then(|listener| described(listener, "ListenerArn")) {
            Some(arn) => {
                let id = PhysicalId::from(arn);
                generic::if_ours(Listener.definition(), context, id, incarnation).await
            }
            None => Ok(None),
        }
    })
}
