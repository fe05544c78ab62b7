//! `AWS::EC2::VPCEndpoint`: a private way to a service: network interfaces in subnets, or a route in route tables.
//!
//! The routes of a gateway endpoint stand in route tables beside those that are resources of their own, and belong to nobody else:
//! a route is read by its destination alone.

use super::VPC_ENDPOINTS;
use crate::prelude::*;

native!(
    /// `AWS::EC2::VPCEndpoint`.
    VpcEndpoint,
    Definition {
        create: Create { token: Some("ClientToken"), ..Create::of("CreateVpcEndpoint", "VpcEndpoint") },
        reads: &[Read::of(&VPC_ENDPOINTS)],
        updates: &[Change {
            made: &[
                ("SubnetIds", |update| difference(update, "SubnetIds", "AddSubnetIds", "RemoveSubnetIds")),
                ("SecurityGroupIds", |update| {
                    difference(update, "SecurityGroupIds", "AddSecurityGroupIds", "RemoveSecurityGroupIds")
                }),
                ("RouteTableIds", |update| difference(update, "RouteTableIds", "AddRouteTableIds", "RemoveRouteTableIds")),
                ("PolicyDocument", policy),
            ],
            ..Change::of("ModifyVpcEndpoint", &["VpcEndpointId=Id"])
        }],
        delete: Delete::of(
            "DeleteVpcEndpoints",
            &["VpcEndpointIds=Id"],
            &["InvalidVpcEndpoint.NotFound", "InvalidVpcEndpointId.NotFound"],
        ),
        rules: &[
            Rule::Told("Id", "VpcEndpointId"),
            Rule::Told("SecurityGroupIds", "Groups.*.GroupId"),
            Rule::Computed("DnsEntries", dns_entries),
            Rule::Computed("CreationTimestamp", created),
            Rule::Built("DnsOptions.PrivateDnsOnlyForInboundResolverEndpoint", |who| match who.as_str() {
                Some("NotSpecified") => json!({}),
                who => json!({"DnsOptions": {"PrivateDnsOnlyForInboundResolverEndpoint": who == Some("OnlyInboundResolver")}}),
            }),
            Rule::Computed("DnsOptions.PrivateDnsOnlyForInboundResolverEndpoint", |endpoint| {
                let only = look(endpoint, "DnsOptions.PrivateDnsOnlyForInboundResolverEndpoint")?.as_bool()?;
                Some(if only { "OnlyInboundResolver" } else { "AllResolvers" }.into())
            }),
        ],
        tags: Tags::Specification("vpc-endpoint"),
        status,
        resets: &[
            ("RouteTableIds", "[]"),
            ("SubnetIds", "[]"),
            // "The default policy allows full access to the service" (API_CreateVpcEndpoint); ResetPolicy brings it back.
            (
                "PolicyDocument",
                r#"{"Version": "2008-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}"#,
            ),
        ],
        ..Definition::new("AWS::EC2::VPCEndpoint", "ec2")
    }
);

/// pendingAcceptance | pending | available | deleting | deleted | rejected | failed | expired | partial (API_VpcEndpoint, whose
/// model writes them with capitals). Whether the service's owner accepts is not for payctl to wait for.
fn status(endpoint: &Json) -> Status {
    let state = described(endpoint, "State").unwrap_or_default();
    match state.to_ascii_lowercase().as_str() {
        "pending" | "deleting" => Status::Pending,
        "deleted" => Status::Gone,
        state @ ("failed" | "rejected" | "expired") => {
            let message = look(endpoint, "LastError.Message")
                .or_else(|| look(endpoint, "FailureReason"))
                .and_then(|message| message.as_str().map(str::to_owned));
            Status::Failed(
                message.unwrap_or_else(|| format!("AWS reports the endpoint as {state}")),
            )
        }
        _ => Status::Ready,
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_list)
        .into_iter()
        .flatten()
        .filter_map(Value::to_text)
        .collect()
}

/// Lists change by what comes and what goes (API_ModifyVpcEndpoint).
fn difference(update: &Update<'_>, property: &str, add: &str, remove: &str) -> Json {
    let wanted = texts(update.desired.get(property));
    let live = texts(update.live.get(property));
    let without = |these: &[String], those: &[String]| -> Vec<String> {
        let left = these.iter().filter(|id| !those.contains(id));
        left.cloned().collect()
    };
    let mut members = Map::new();
    for (member, ids) in [
        (add, without(&wanted, &live)),
        (remove, without(&live, &wanted)),
    ] {
        if !ids.is_empty() {
            members.insert(member.to_owned(), json!(ids));
        }
    }
    Json::Object(members)
}

fn policy(update: &Update<'_>) -> Json {
    let declared = update
        .desired
        .get("PolicyDocument")
        .and_then(Value::expose_json);
    match declared {
        None | Some(Json::Null) => json!({"ResetPolicy": true}),
        Some(Json::String(text)) => json!({"PolicyDocument": text}),
        Some(document) => json!({"PolicyDocument": document.to_string()}),
    }
}

/// `Z1HUB23UULQXV:vpce-01abc23456de78f9g-12abccd3.ec2.us-east-1.vpce.amazonaws.com` (template reference, "Return values").
fn dns_entries(endpoint: &Json) -> Option<Json> {
    let entries = endpoint.get("DnsEntries")?.as_array()?;
    let entry = |entry: &Json| {
        let zone = described(entry, "HostedZoneId").unwrap_or_default();
        Some(format!("{zone}:{}", described(entry, "DnsName")?))
    };
    Some(entries.iter().filter_map(entry).map(Json::from).collect())
}

/// `Fri Sep 28 23:34:36 UTC 2018` (template reference, "Return values").
fn created(endpoint: &Json) -> Option<Json> {
    let seconds = look(endpoint, "CreationTimestamp")?.as_f64()?;
    let at = time::OffsetDateTime::from_unix_timestamp(seconds as i64).ok()?;
    let (day, month) = (at.weekday().to_string(), at.month().to_string());
    // English names, of which the first three letters are ASCII.
    Some(
        format!(
            "{} {} {:02} {:02}:{:02}:{:02} UTC {}",
            day.get(..3)?,
            month.get(..3)?,
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            at.year()
        )
        .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_have_the_form_of_cloudformation() {
        let endpoint = json!({"CreationTimestamp": 1_538_177_676, "DnsEntries": [
            {"DnsName": "vpce-1.ec2.us-east-1.vpce.amazonaws.com", "HostedZoneId": "Z7"}, {"DnsName": "ec2.us-east-1.amazonaws.com", "HostedZoneId": "Z8"}]});
        assert_eq!(
            created(&endpoint),
            Some("Fri Sep 28 23:34:36 UTC 2018".into())
        );
        assert_eq!(
            dns_entries(&endpoint),
            Some(json!([
                "Z7:vpce-1.ec2.us-east-1.vpce.amazonaws.com",
                "Z8:ec2.us-east-1.amazonaws.com"
            ]))
        );
    }

    #[test]
    fn lists_change_by_what_comes_and_what_goes() {
        let desired =
            Value::from(json!({"SubnetIds": ["a", "c"], "PolicyDocument": {"Statement": []}}));
        let live = Value::from(json!({"SubnetIds": ["b", "a"], "RouteTableIds": ["r"]}));
        let update = Update {
            desired: &desired,
            live: &live,
            changed: &[],
        };
        assert_eq!(
            difference(&update, "SubnetIds", "Add", "Remove"),
            json!({"Add": ["c"], "Remove": ["b"]})
        );
        assert_eq!(
            difference(&update, "RouteTableIds", "Add", "Remove"),
            json!({"Remove": ["r"]})
        );
        assert_eq!(
            policy(&update),
            json!({"PolicyDocument": "{\"Statement\":[]}"})
        );
        let bare = Value::map();
        let update = Update {
            desired: &bare,
            ..update
        };
        assert_eq!(policy(&update), json!({"ResetPolicy": true}));
    }

    #[test]
    fn states_are_known_in_any_letter_case() {
        let of = |state: &str| status(&json!({"State": state, "LastError": {"Message": "no"}}));
        assert_eq!(
            (of("Pending"), of("pending")),
            (Status::Pending, Status::Pending)
        );
        assert_eq!(of("pendingAcceptance"), Status::Ready);
        assert_eq!(of("Deleted"), Status::Gone);
        assert_eq!(of("failed"), Status::Failed("no".to_owned()));
    }
}
