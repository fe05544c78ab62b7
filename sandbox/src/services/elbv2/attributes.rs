//! Attributes: full default sets, and what was set over them.

use super::invalid;
use crate::call::Call;
use crate::error::{Answer, Fault};
use crate::law::Law;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// Only attributes that there are.
pub const KNOWN: Law = Law {
    name: "attributes are ones of the resource's type",
    operations: &[
        "ModifyLoadBalancerAttributes",
        "ModifyTargetGroupAttributes",
        "ModifyListenerAttributes",
    ],
    source: "Elastic Load Balancing API Reference, LoadBalancerAttribute, TargetGroupAttribute, ListenerAttribute",
    fault: Fault::new(
        "ValidationError",
        "{what} attribute key '{id}' is not recognized",
    ),
    check: None,
};

type Defaults = &'static [(&'static str, &'static str)];

const APPLICATION: Defaults = &[
    ("access_logs.s3.bucket", ""),
    ("access_logs.s3.enabled", "false"),
    ("access_logs.s3.prefix", ""),
    ("client_keep_alive.seconds", "3600"),
    ("connection_logs.s3.bucket", ""),
    ("connection_logs.s3.enabled", "false"),
    ("connection_logs.s3.prefix", ""),
    ("deletion_protection.enabled", "false"),
    ("health_check_logs.s3.bucket", ""),
    ("health_check_logs.s3.enabled", "false"),
    ("health_check_logs.s3.prefix", ""),
    ("idle_timeout.timeout_seconds", "60"),
    ("load_balancing.cross_zone.enabled", "true"),
    ("routing.http.desync_mitigation_mode", "defensive"),
    ("routing.http.drop_invalid_header_fields.enabled", "false"),
    ("routing.http.preserve_host_header.enabled", "false"),
    (
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
        "false",
    ),
    ("routing.http.xff_client_port.enabled", "false"),
    ("routing.http.xff_header_processing.mode", "append"),
    ("routing.http2.enabled", "true"),
    ("waf.fail_open.enabled", "false"),
    ("zonal_shift.config.enabled", "false"),
];

const NETWORK: Defaults = &[
    ("access_logs.s3.bucket", ""),
    ("access_logs.s3.enabled", "false"),
    ("access_logs.s3.prefix", ""),
    ("deletion_protection.enabled", "false"),
    ("dns_record.client_routing_policy", "any_availability_zone"),
    ("ipv6.deny_all_igw_traffic", "false"),
    ("load_balancing.cross_zone.enabled", "false"),
    ("secondary_ips.auto_assigned.per_subnet", "0"),
    ("zonal_shift.config.enabled", "false"),
];

const GATEWAY: Defaults = &[
    ("deletion_protection.enabled", "false"),
    ("load_balancing.cross_zone.enabled", "false"),
];

const HTTP_GROUP: Defaults = &[
    ("deregistration_delay.timeout_seconds", "300"),
    ("load_balancing.algorithm.anomaly_mitigation", "off"),
    ("load_balancing.algorithm.type", "round_robin"),
    (
        "load_balancing.cross_zone.enabled",
        "use_load_balancer_configuration",
    ),
    ("slow_start.duration_seconds", "0"),
    ("stickiness.app_cookie.cookie_name", ""),
    ("stickiness.app_cookie.duration_seconds", "86400"),
    ("stickiness.enabled", "false"),
    ("stickiness.lb_cookie.duration_seconds", "86400"),
    ("stickiness.type", "lb_cookie"),
    (
        "target_group_health.dns_failover.minimum_healthy_targets.count",
        "1",
    ),
    (
        "target_group_health.dns_failover.minimum_healthy_targets.percentage",
        "off",
    ),
    (
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
        "1",
    ),
    (
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
        "off",
    ),
];

const LAMBDA_GROUP: Defaults = &[("lambda.multi_value_headers.enabled", "false")];

const GENEVE_GROUP: Defaults = &[
    ("deregistration_delay.timeout_seconds", "300"),
    ("stickiness.enabled", "false"),
    ("stickiness.type", "source_ip_dest_ip_proto"),
    ("target_failover.on_deregistration", "no_rebalance"),
    ("target_failover.on_unhealthy", "no_rebalance"),
];

const ALB_GROUP: Defaults = &[
    (
        "deregistration_delay.connection_termination.enabled",
        "false",
    ),
    ("deregistration_delay.timeout_seconds", "300"),
    (
        "load_balancing.cross_zone.enabled",
        "use_load_balancer_configuration",
    ),
    ("preserve_client_ip.enabled", "true"),
    ("proxy_protocol_v2.enabled", "false"),
    ("stickiness.enabled", "false"),
    ("stickiness.type", "source_ip"),
    (
        "target_group_health.dns_failover.minimum_healthy_targets.count",
        "1",
    ),
    (
        "target_group_health.dns_failover.minimum_healthy_targets.percentage",
        "off",
    ),
    (
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
        "1",
    ),
    (
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
        "off",
    ),
];

const OF_UNHEALTHY: Defaults = &[
    (
        "target_health_state.unhealthy.connection_termination.enabled",
        "true",
    ),
    (
        "target_health_state.unhealthy.draining_interval_seconds",
        "0",
    ),
];

const RESPONSE: Defaults = &[
    (
        "routing.http.response.access_control_allow_credentials.header_value",
        "",
    ),
    (
        "routing.http.response.access_control_allow_headers.header_value",
        "",
    ),
    (
        "routing.http.response.access_control_allow_methods.header_value",
        "",
    ),
    (
        "routing.http.response.access_control_allow_origin.header_value",
        "",
    ),
    (
        "routing.http.response.access_control_expose_headers.header_value",
        "",
    ),
    (
        "routing.http.response.access_control_max_age.header_value",
        "",
    ),
    (
        "routing.http.response.content_security_policy.header_value",
        "",
    ),
    ("routing.http.response.server.enabled", "true"),
    (
        "routing.http.response.strict_transport_security.header_value",
        "",
    ),
    (
        "routing.http.response.x_content_type_options.header_value",
        "",
    ),
    ("routing.http.response.x_frame_options.header_value", ""),
];

const REQUEST: Defaults = &[
    (
        "routing.http.request.x_amzn_mtls_clientcert.header_name",
        "",
    ),
    (
        "routing.http.request.x_amzn_mtls_clientcert_issuer.header_name",
        "",
    ),
    (
        "routing.http.request.x_amzn_mtls_clientcert_leaf.header_name",
        "",
    ),
    (
        "routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name",
        "",
    ),
    (
        "routing.http.request.x_amzn_mtls_clientcert_subject.header_name",
        "",
    ),
    (
        "routing.http.request.x_amzn_mtls_clientcert_validity.header_name",
        "",
    ),
    (
        "routing.http.request.x_amzn_tls_cipher_suite.header_name",
        "",
    ),
    ("routing.http.request.x_amzn_tls_version.header_name", ""),
];

const TCP: Defaults = &[("tcp.idle_timeout.seconds", "350")];

/// The defaults of a record, by what it is (as real load balancers describe them).
fn defaults(record: &Record) -> Map<String, Json> {
    let sets: &[Defaults] = if record.body.contains_key("TargetGroupName") {
        match (record.text("Protocol"), record.text("TargetType")) {
            (_, "lambda") => &[LAMBDA_GROUP],
            ("HTTP" | "HTTPS", _) => &[HTTP_GROUP],
            ("GENEVE", _) => &[GENEVE_GROUP],
            (_, "alb") => &[ALB_GROUP],
            _ => &[ALB_GROUP, OF_UNHEALTHY],
        }
    } else if record.body.contains_key("LoadBalancerName") {
        match record.text("Type") {
            "network" => &[NETWORK],
            "gateway" => &[GATEWAY],
            _ => &[APPLICATION],
        }
    } else {
        match record.text("Protocol") {
            "HTTP" => &[RESPONSE],
            "HTTPS" => &[REQUEST, RESPONSE],
            "TCP" => &[TCP],
            _ => &[],
        }
    };
    let mut all: Map<String, Json> = sets
        .iter()
        .copied()
        .flatten()
        .map(|(key, value)| ((*key).to_owned(), json!(value)))
        .collect();
    if record.body.contains_key("TargetGroupName") {
        let protocol = record.text("Protocol");
        // "The default is disabled for TCP and TLS target groups of IP addresses": preserve_client_ip.enabled, TargetGroupAttribute.
        if all.contains_key("preserve_client_ip.enabled")
            && record.is("TargetType", "ip")
            && matches!(protocol, "TCP" | "TLS")
        {
            all.insert("preserve_client_ip.enabled".into(), json!("false"));
        }
        if all.contains_key("deregistration_delay.connection_termination.enabled")
            && matches!(protocol, "UDP" | "TCP_UDP")
        {
            all.insert(
                "deregistration_delay.connection_termination.enabled".into(),
                json!("true"),
            );
        }
    }
    all
}

/// All attributes of a record.
pub fn of(record: &Record) -> Map<String, Json> {
    let mut all = defaults(record);
    if let Some(Json::Object(set)) = record.hidden.get("attributes") {
        all.extend(set.clone());
    }
    all
}

/// One attribute; empty when the record has none of this name.
pub fn get(record: &Record, key: &str) -> String {
    of(record)
        .get(key)
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn answer(record: &Record) -> Json {
    let mut all: Vec<(String, Json)> = of(record).into_iter().collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let shown: Vec<Json> = all
        .into_iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    json!({"Attributes": shown})
}

/// Describe…Attributes.
pub(super) fn describe(call: &Call, kind: &str, member: &str) -> Answer {
    Ok(answer(
        call.need(kind, call.text(member).unwrap_or_default())?,
    ))
}

/// Modify…Attributes.
pub(super) fn modify(call: &mut Call, kind: &str, member: &str, what: &str) -> Answer {
    let record = call
        .need(kind, call.text(member).unwrap_or_default())?
        .clone();
    let known = defaults(&record);
    let mut set = match record.hidden.get("attributes") {
        Some(Json::Object(set)) => set.clone(),
        _ => Map::new(),
    };
    for sent in call
        .input
        .get("Attributes")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
    {
        let (key, value) = (super::text(sent, "Key"), super::text(sent, "Value"));
        let Some(default) = known.get(key).and_then(Json::as_str) else {
            return Err(KNOWN.fault.with(&[("id", key), ("what", what)]));
        };
        let number =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let fits = match default {
            "true" | "false" => matches!(value, "true" | "false"),
            default if number(default) && key.contains("seconds") => number(value),
            _ => true,
        };
        if !fits {
            return Err(invalid(format!(
                "{what} attribute value '{value}' for key '{key}' is not valid"
            )));
        }
        set.insert(key.to_owned(), json!(value));
    }
    let key = call.key(kind, &record.id);
    call.world.update(&key, |record| {
        record.hidden.insert("attributes".into(), Json::Object(set))
    });
    Ok(answer(call.need(kind, &record.id)?))
}
