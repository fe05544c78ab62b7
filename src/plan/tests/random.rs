//! Laws that hold for every environment and every change of one.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::fixture::{World, address, stack};

/// What a random resource is: which earlier ones it uses, and what its template says.
#[derive(Clone, Debug)]
struct Wanted {
    present: bool,
    uses: Vec<usize>,
    size: u8,
    label: u8,
    name: Option<u8>,
}

const COUNT: usize = 7;

fn wanted(position: usize) -> impl Strategy<Value = Wanted> {
    let uses = prop::collection::vec(0..position.max(1), 0..3);
    (
        prop::bool::weighted(0.8),
        uses,
        0..2u8,
        0..2u8,
        prop::option::of(0..2u8),
    )
        .prop_map(move |(present, uses, size, label, name)| Wanted {
            present,
            uses: uses.into_iter().filter(|used| *used < position).collect(),
            size,
            label,
            name,
        })
}

fn environment() -> impl Strategy<Value = Vec<Wanted>> {
    (0..COUNT).map(wanted).collect::<Vec<_>>()
}

/// A text of its own for each number; odd ones are kept by another service.
fn kept(service: &str, number: u8) -> Json {
    match number % 2 {
        0 => json!(format!("{}-{number}", service.replace(':', "-"))),
        _ if service.contains(':') => json!(format!("{{{{resolve:{service}:{number}}}}}")),
        _ => json!(format!("{{{{resolve:{service}:of-{number}}}}}")),
    }
}

/// Target groups and security groups: the ones have a create-only port and perhaps a fixed name, the others change in
/// place. References stand in tags, which change in place, and in the create-only VPC.
fn templates(mut world: World, wanted: &[Wanted]) -> World {
    world.resources.clear();
    for (position, resource) in wanted
        .iter()
        .enumerate()
        .filter(|(_, resource)| resource.present)
    {
        let used: Vec<&usize> = resource
            .uses
            .iter()
            .filter(|used| wanted[**used].present)
            .collect();
        let reference = |used: &usize| json!({ "Ref": format!("R{used}") });
        let tags: Vec<Json> = used
            .iter()
            .enumerate()
            .map(|(i, used)| json!({ "Key": format!("uses{i}"), "Value": reference(used) }))
            .chain([json!({ "Key": "label", "Value": kept("secretsmanager", resource.label) })])
            .collect();
        let mut properties = json!({ "Tags": tags });
        if let Some(used) = used.first().filter(|_| resource.label == 0) {
            properties["VpcId"] = reference(used);
        }
        let type_name = if position % 2 == 0 {
            properties["Port"] = json!(80 + u16::from(resource.size));
            properties["Protocol"] = json!("HTTP");
            if let Some(name) = resource.name {
                properties["Name"] = kept(&format!("ssm:name-{position}"), name);
            }
            "AWS::ElasticLoadBalancingV2::TargetGroup"
        } else {
            properties["GroupDescription"] = kept("ssm:description", resource.size);
            "AWS::EC2::SecurityGroup"
        };
        world = world.with(&format!("R{position}"), type_name, properties);
    }
    world
}

/// The slow and obvious planner: a resource is replaced when something create-only in it differs or refers to something
/// that is made anew.
fn expected(before: &[Wanted], after: &[Wanted]) -> Vec<&'static str> {
    let mut made = BTreeSet::new();
    let mut actions = Vec::new();
    for position in 0..after.len() {
        let (was, now) = (&before[position], &after[position]);
        let used = |of: &Wanted, all: &[Wanted]| -> Vec<usize> {
            of.uses
                .iter()
                .copied()
                .filter(|used| all[*used].present)
                .collect()
        };
        let vpc =
            |of: &Wanted, all: &[Wanted]| used(of, all).first().copied().filter(|_| of.label == 0);
        actions.push(match (was.present, now.present) {
            (false, false) => "none",
            (false, true) => "create",
            (true, false) => "delete",
            (true, true) => {
                let other_name = position % 2 == 0 && now.name != was.name;
                let other_vpc = vpc(was, before) != vpc(now, after)
                    || vpc(now, after).is_some_and(|v| made.contains(&v));
                let other_tags = was.label != now.label
                    || used(was, before) != used(now, after)
                    || used(now, after).iter().any(|used| made.contains(used));
                if now.size != was.size || other_name || other_vpc {
                    "replace"
                } else if other_tags {
                    "update"
                } else {
                    "no-op"
                }
            }
        });
        if ["create", "replace"].contains(&actions[position]) {
            made.insert(position);
        }
    }
    actions
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// `applied` asserts, for every step, that what it needs is known by then and refines what was planned, and that the
    /// steps have an order.
    #[test]
    fn what_was_applied_needs_nothing_more(before in environment(), after in environment()) {
        let world = templates(stack(), &before).applied();
        prop_assert!(world.plan().is_noop(), "{}", world.show());
        let changed = templates(world, &after);
        let plan = changed.plan();
        let actions: Vec<&str> = (0..COUNT)
            .map(|i| plan.changes.get(&address(&format!("R{i}"))).map_or("none", |change| change.action.name()))
            .collect();
        prop_assert_eq!(actions, expected(&before, &after), "{}", changed.show());
        let applied = changed.applied();
        prop_assert!(applied.plan().is_noop(), "{}", applied.show());
        prop_assert!(applied.state.deposed.is_empty());
        let mut destroyed = applied;
        destroyed.destroy = true;
        prop_assert!(destroyed.applied().state.is_empty());
    }
}
