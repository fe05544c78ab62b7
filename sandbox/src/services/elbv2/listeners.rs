//! Listeners and their certificates.

use super::{PAGES, actions, attributes, invalid, text};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{
    Id, Kind, Reference, Shows, Tags, Unique, create, delete, describe, modify, run,
};
use crate::law::Law;
use crate::path;
use crate::registry;
use crate::world::{Key, Record};
use serde_json::{Map, Value as Json, json};

/// Listeners are described of a load balancer, or by ARN.
pub const NAMED: Law = Law {
    name: "listeners are described of a load balancer or by ARN",
    operations: &["DescribeListeners"],
    source: "Elastic Load Balancing API Reference, DescribeListeners: \"You must specify either a load balancer or one or more listeners\"",
    fault: Fault::new(
        "ValidationError",
        "You must specify either listener ARNs or a load balancer ARN",
    ),
    check: Some(|call, law| match call.text("LoadBalancerArn") {
        Some(arn) => call.need("elbv2/load-balancer", arn).map(|_| ()),
        None if call.texts("ListenerArns[]").is_empty() => Err(law.fault.with(&[])),
        None => Ok(()),
    }),
};

/// HTTPS and TLS need a certificate.
pub const CERTIFICATE_NEEDED: Law = Law {
    name: "HTTPS and TLS listeners have a certificate",
    operations: &["CreateListener", "ModifyListener"],
    source: "Elastic Load Balancing API Reference, CreateListener: Certificates",
    fault: Fault::new(
        "ValidationError",
        "A certificate must be specified for {id} listeners",
    ),
    check: None,
};

/// Certificates that there are.
pub const CERTIFICATE_KNOWN: Law = Law {
    name: "a listener's certificate exists",
    operations: &[
        "CreateListener",
        "ModifyListener",
        "AddListenerCertificates",
    ],
    source: "Elastic Load Balancing API Reference, CreateListener: CertificateNotFound",
    fault: Fault::new("CertificateNotFound", "Certificate '{id}' not found"),
    check: None,
};

/// Security policies that there are.
pub const POLICY_KNOWN: Law = Law {
    name: "a listener's security policy exists",
    operations: &["CreateListener", "ModifyListener"],
    source: "Elastic Load Balancing API Reference, CreateListener: SSLPolicyNotFound",
    fault: Fault::new("SSLPolicyNotFound", "SSL policy '{id}' not found"),
    check: None,
};

/// Protocols by type.
pub const PROTOCOL_OF_TYPE: Law = Law {
    name: "a listener's protocol is one of its load balancer's type",
    operations: &["CreateListener", "ModifyListener"],
    source: "Elastic Load Balancing API Reference, CreateListener: Protocol",
    fault: Fault::new(
        "UnsupportedProtocol",
        "Protocol '{id}' is not supported for load balancers of type {of}",
    ),
    check: None,
};

/// A listener.
pub const LISTENER: Kind = Kind {
    name: "elbv2/listener",
    id: Id::Made(|call, body, digits| {
        let arn = path::text(body, "LoadBalancerArn").unwrap_or_default();
        Ok(format!(
            "{}/{}",
            call.need("elbv2/load-balancer", arn)?.id,
            &digits[..16]
        ))
    }),
    arn: "arn:{partition}:elasticloadbalancing:{region}:{account}:listener/{id}",
    arn_member: "ListenerArn",
    tags: Tags::Unseen("Tags"),
    refers: &[
        Reference::new("LoadBalancerArn", "elbv2/load-balancer").loose(),
        Reference::new(
            "DefaultActions[].ForwardConfig.TargetGroups[].TargetGroupArn",
            "elbv2/target-group",
        )
        .source("Elastic Load Balancing API Reference, DeleteTargetGroup: ResourceInUse"),
    ],
    unique: &[Unique {
        members: &["LoadBalancerArn", "Port"],
        fault: Fault::new(
            "DuplicateListener",
            "A listener already exists on this port for this load balancer '{LoadBalancerArn}'",
        ),
        same_is_fine: true,
    }],
    not_found: Fault::new("ListenerNotFound", "One or more listeners not found"),
    operations: &[
        create("CreateListener", Shows::List("Listeners"))
            .before(before_create)
            .prepare(belongs)
            .done(furnish),
        describe("DescribeListeners", "ListenerArns", "Listeners")
            .select(&[("LoadBalancerArn", "LoadBalancerArn")])
            .paging(PAGES),
        modify("ModifyListener", "ListenerArn", Shows::List("Listeners"))
            .before(before_modify)
            .prepare(secured),
        delete("DeleteListener", "ListenerArn", Shows::Nothing),
        run("DescribeListenerAttributes", |call| {
            attributes::describe(call, "elbv2/listener", "ListenerArn")
        }),
        run("ModifyListenerAttributes", |call| {
            attributes::modify(call, "elbv2/listener", "ListenerArn", "Listener")
        }),
        run("AddListenerCertificates", add_certificates),
        run("RemoveListenerCertificates", remove_certificates),
        run("DescribeListenerCertificates", describe_certificates),
    ],
    ..Kind::NEW
};

fn before_create(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let balancer = call.need(
        "elbv2/load-balancer",
        path::text(members, "LoadBalancerArn").unwrap_or_default(),
    )?;
    let filled = actions::fill(call, balancer, members.get("DefaultActions"))?;
    members.insert("DefaultActions".into(), filled);
    if !balancer.is("Type", "gateway") {
        for member in ["Port", "Protocol"] {
            if !members.contains_key(member) {
                return Err(invalid(format!(
                    "A {} must be specified",
                    member.to_ascii_lowercase()
                )));
            }
        }
    }
    check(call, balancer, members)?;
    if secure(path::text(members, "Protocol").unwrap_or_default()) {
        members
            .entry("SslPolicy")
            .or_insert(json!("ELBSecurityPolicy-2016-08"));
        if path::text(members, "Protocol") == Some("HTTPS") {
            members
                .entry("MutualAuthentication")
                .or_insert(json!({"Mode": "off"}));
        }
    }
    Ok(())
}

fn secure(protocol: &str) -> bool {
    matches!(protocol, "HTTPS" | "TLS")
}

/// Protocol, certificates and policy, as they will be.
fn check(call: &Call, balancer: &Record, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let protocol = path::text(members, "Protocol")
        .unwrap_or_default()
        .to_owned();
    let of = balancer.text("Type");
    let fits = match of {
        "network" => matches!(
            protocol.as_str(),
            "TCP" | "UDP" | "TCP_UDP" | "TLS" | "QUIC" | "TCP_QUIC"
        ),
        "gateway" => protocol.is_empty(),
        _ => matches!(protocol.as_str(), "HTTP" | "HTTPS"),
    };
    if !fits {
        return Err(PROTOCOL_OF_TYPE
            .fault
            .with(&[("id", &protocol), ("of", of)]));
    }
    let certificates = path::texts(members, "Certificates[].CertificateArn");
    if secure(&protocol) {
        if certificates.is_empty() {
            return Err(CERTIFICATE_NEEDED.fault.with(&[("id", &protocol)]));
        }
        if certificates.len() > 1 {
            return Err(invalid(
                "Only one certificate can be specified as the default certificate",
            ));
        }
        let shown: Vec<Json> = certificates
            .iter()
            .map(|arn| json!({"CertificateArn": arn}))
            .collect();
        known(call, &certificates)?;
        members.insert("Certificates".into(), json!(shown));
        if let Some(policy) = path::text(members, "SslPolicy")
            && !policy.starts_with("ELBSecurityPolicy-")
        {
            return Err(POLICY_KNOWN.fault.with(&[("id", policy)]));
        }
    } else if !certificates.is_empty() {
        return Err(invalid(format!(
            "Certificates cannot be specified for {protocol} listeners"
        )));
    }
    Ok(())
}

/// Certificates are ACM's or IAM's; those of services that are simulated must be there.
fn known(call: &Call, arns: &[String]) -> Result<(), Refusal> {
    for arn in arns {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let kind = match parts.as_slice() {
            ["arn", _, "acm", _, _, rest] if rest.starts_with("certificate/") => "acm/certificate",
            ["arn", _, "iam", _, _, rest] if rest.starts_with("server-certificate/") => {
                "iam/server-certificate"
            }
            _ => return Err(invalid(format!("Certificate ARN '{arn}' is not valid"))),
        };
        let elsewhere =
            matches!(parts.as_slice(), [_, _, "acm", region, ..] if *region != call.region);
        let absent = registry::kind(kind).is_some() && call.find(kind, arn).is_none();
        if elsewhere || absent {
            return Err(CERTIFICATE_KNOWN.fault.with(&[("id", arn)]));
        }
    }
    Ok(())
}

fn belongs(call: &mut Call, listener: &mut Record) -> Result<(), Refusal> {
    let owner = call
        .need("elbv2/load-balancer", listener.text("LoadBalancerArn"))?
        .id
        .clone();
    *listener = std::mem::take(listener).part_of(&owner);
    Ok(())
}

/// Its default rule.
fn furnish(call: &mut Call, key: &Key) -> Result<(), Refusal> {
    let arn = call.world.get(key).map(|listener| listener.arn.clone());
    let rule = json!({"ListenerArn": arn, "Priority": "default", "IsDefault": true});
    call.make_part("elbv2/rule", &key.id, rule).map(|_| ())
}

fn before_modify(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let listener = call.need(
        "elbv2/listener",
        call.text("ListenerArn").unwrap_or_default(),
    )?;
    let balancer = call.need("elbv2/load-balancer", listener.text("LoadBalancerArn"))?;
    if members.contains_key("DefaultActions") {
        let filled = actions::fill(call, balancer, members.get("DefaultActions"))?;
        members.insert("DefaultActions".into(), filled);
    }
    let mut all = listener.body.clone();
    if members
        .get("Protocol")
        .is_some_and(|protocol| !protocol.as_str().is_some_and(secure))
    {
        all.remove("Certificates");
    }
    all.extend(members.clone());
    check(call, balancer, &mut all)?;
    if members.contains_key("Certificates") {
        members.insert("Certificates".into(), all["Certificates"].clone());
    }
    Ok(())
}

/// A listener that became secure has a policy; one that is so no longer, neither that nor a certificate.
fn secured(_: &mut Call, listener: &mut Record) -> Result<(), Refusal> {
    if secure(listener.text("Protocol")) {
        if listener.text("SslPolicy").is_empty() {
            listener.set("SslPolicy", "ELBSecurityPolicy-2016-08");
        }
    } else {
        for member in ["SslPolicy", "Certificates", "MutualAuthentication"] {
            listener.set(member, Json::Null);
        }
    }
    Ok(())
}

fn named(call: &Call) -> Result<Record, Refusal> {
    call.need(
        "elbv2/listener",
        call.text("ListenerArn").unwrap_or_default(),
    )
    .cloned()
}

/// Certificates besides the default one.
fn further(listener: &Record) -> Vec<String> {
    let list = listener.hidden.get("certificates").and_then(Json::as_array);
    list.into_iter().flatten().map(path::plain).collect()
}

fn keep(call: &mut Call, listener: &Record, arns: &[String]) {
    let key = call.key("elbv2/listener", &listener.id);
    call.world.update(&key, |listener| {
        listener.hidden.insert("certificates".into(), json!(arns))
    });
}

fn add_certificates(call: &mut Call) -> Answer {
    let listener = named(call)?;
    if !secure(listener.text("Protocol")) {
        return Err(invalid(
            "Certificates can be added to HTTPS and TLS listeners only",
        ));
    }
    let asked = call.texts("Certificates[].CertificateArn");
    known(call, &asked)?;
    let mut arns = further(&listener);
    for arn in &asked {
        if !arns.contains(arn) {
            arns.push(arn.clone());
        }
    }
    keep(call, &listener, &arns);
    let shown: Vec<Json> = asked
        .iter()
        .map(|arn| json!({"CertificateArn": arn, "IsDefault": false}))
        .collect();
    Ok(json!({"Certificates": shown}))
}

fn remove_certificates(call: &mut Call) -> Answer {
    let listener = named(call)?;
    let asked = call.texts("Certificates[].CertificateArn");
    let default = path::texts(&listener.body, "Certificates[].CertificateArn");
    if asked.iter().any(|arn| default.contains(arn)) {
        let message = "The default certificate of a listener can't be removed";
        return Err(Refusal::new("OperationNotPermitted", message));
    }
    let mut arns = further(&listener);
    arns.retain(|arn| !asked.contains(arn));
    keep(call, &listener, &arns);
    Ok(json!({}))
}

fn describe_certificates(call: &mut Call) -> Answer {
    let listener = named(call)?;
    let default = listener
        .list("Certificates")
        .iter()
        .map(|one| json!({"CertificateArn": text(one, "CertificateArn"), "IsDefault": true}));
    let others = further(&listener)
        .into_iter()
        .map(|arn| json!({"CertificateArn": arn, "IsDefault": false}));
    Ok(json!({"Certificates": default.chain(others).collect::<Vec<_>>()}))
}
