//! Reserved capacity of load balancers.
//!
//! The record keeps what was asked for last and when; how far it has come follows from the time.

use super::{invalid, load_balancers};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::law::Law;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

const USER_GUIDE: &str =
    "Application Load Balancers User Guide, Request Load balancer Capacity Unit reservation";

/// One request after the other.
pub const PRIOR_REQUEST: Law = Law {
    name: "a reservation changes once the request before it is provisioned or failed",
    operations: &["ModifyCapacityReservation"],
    source: USER_GUIDE,
    fault: Fault::new(
        "PriorRequestNotComplete",
        "The prior capacity request of load balancer '{id}' is not complete",
    )
    .status(429),
    check: None,
};

/// "You can only decrease the reserved capacity two times per day."
pub const DECREASES: Law = Law {
    name: "reserved capacity decreases twice a day at most",
    operations: &["ModifyCapacityReservation"],
    source: USER_GUIDE,
    fault: Fault::new(
        "CapacityDecreaseRequestLimitExceeded",
        "The daily limit of capacity decrease requests has been reached for load balancer '{id}'",
    ),
    check: None,
};

const DECREASES_A_DAY: usize = 2;
const DAY: f64 = 24.0 * 3_600.0;
/// "Most requests are typically fulfilled within a few minutes" (the same page).
const PROVISIONING: f64 = 180.0;

const ASKED: &str = "capacity";
const MODIFIED: &str = "capacity modified";
const DECREASED: &str = "capacity decreased";

fn number(record: &Record, name: &str) -> Option<f64> {
    record.hidden.get(name).and_then(Json::as_f64)
}

fn is_pending(record: &Record, now: f64) -> bool {
    number(record, ASKED).is_some()
        && number(record, MODIFIED).is_some_and(|at| now < at + PROVISIONING)
}

/// When it was decreased within the last day.
fn decreases(record: &Record, now: f64) -> Vec<f64> {
    let all = record.hidden.get(DECREASED).and_then(Json::as_array);
    all.into_iter()
        .flatten()
        .filter_map(Json::as_f64)
        .filter(|at| now < at + DAY)
        .collect()
}

fn answer(record: &Record, now: f64) -> Json {
    let mut answer = Map::new();
    let remaining = DECREASES_A_DAY.saturating_sub(decreases(record, now).len());
    answer.insert("DecreaseRequestsRemaining".into(), remaining.into());
    if let Some(at) = number(record, MODIFIED) {
        answer.insert("LastModifiedTime".into(), at.into());
    }
    if let Some(units) = number(record, ASKED) {
        let zones = record.list("AvailabilityZones");
        let pending = is_pending(record, now);
        let effective = match pending {
            true => 0.0,
            false => units / zones.len().max(1) as f64,
        };
        let zones: Vec<Json> = zones
            .iter()
            .map(|zone| {
                json!({"AvailabilityZone": zone.get("ZoneName"), "EffectiveCapacityUnits": effective,
                       "State": {"Code": if pending { "pending" } else { "provisioned" }}})
            })
            .collect();
        answer.insert(
            "MinimumLoadBalancerCapacity".into(),
            json!({"CapacityUnits": units as i64}),
        );
        answer.insert("CapacityReservationState".into(), zones.into());
    }
    Json::Object(answer)
}

/// DescribeCapacityReservation.
pub(super) fn describe(call: &mut Call) -> Answer {
    let balancer = load_balancers::named(call)?;
    Ok(answer(&balancer, call.now))
}

/// ModifyCapacityReservation.
pub(super) fn modify(call: &mut Call) -> Answer {
    let mut balancer = load_balancers::named(call)?;
    let now = call.now;
    let refused = |law: &Law| -> Refusal { law.fault.with(&[("id", &balancer.arn)]) };
    if balancer.is("Type", "gateway") {
        let message = "Capacity reservations are not supported for gateway load balancers";
        return Err(Refusal::new("OperationNotPermitted", message));
    }
    if is_pending(&balancer, now) {
        return Err(refused(&PRIOR_REQUEST));
    }
    let asked = call
        .input
        .get("MinimumLoadBalancerCapacity")
        .and_then(|capacity| capacity.get("CapacityUnits"))
        .and_then(Json::as_f64);
    let reset = call.input.get("ResetCapacityReservation") == Some(&json!(true));
    let units = match (asked, reset) {
        (Some(units), false) => Some(units),
        (None, true) => None,
        _ => {
            return Err(invalid(
                "Specify either MinimumLoadBalancerCapacity or ResetCapacityReservation",
            ));
        }
    };
    let mut decreased = decreases(&balancer, now);
    let before = number(&balancer, ASKED);
    if before.is_some_and(|before| units.unwrap_or(0.0) < before) {
        if decreased.len() >= DECREASES_A_DAY {
            return Err(refused(&DECREASES));
        }
        decreased.push(now);
    }
    let kept = &mut balancer.hidden;
    kept.insert(DECREASED.into(), json!(decreased));
    kept.insert(MODIFIED.into(), now.into());
    match units {
        Some(units) => kept.insert(ASKED.into(), units.into()),
        None => kept.remove(ASKED),
    };
    let shown = answer(&balancer, now);
    let key = call.key("elbv2/load-balancer", &balancer.id);
    call.world.put(key, balancer);
    Ok(shown)
}
