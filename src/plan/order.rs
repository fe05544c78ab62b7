//! Whether something new can be made beside something old.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use payctl_model::{Address, PropertyPath, Value};

use super::prior::Prior;
use super::{Action, Change, Removal, ReplaceOrder, differences};
use crate::graph::{ResourceGraph, Rules, touches};

/// What refers to a thing in a way that can be changed in place and still makes AWS refuse that thing's deletion; and that
/// may itself be made anew without losing anything. Source: Elastic Load Balancing API reference, DeleteTargetGroup
/// ("if it is not referenced by any actions").
const HOLDS: &[(&str, &str)] = &[
    ("AWS::ElasticLoadBalancingV2::Listener", "DefaultActions"),
    ("AWS::ElasticLoadBalancingV2::ListenerRule", "Actions"),
];

/// Where `consumer` names `used` in a way that keeps it from being deleted.
pub(super) fn holds(
    graph: &ResourceGraph,
    rules: &Rules,
    consumer: &Address,
    used: &Address,
) -> Option<PropertyPath> {
    let type_name = &graph.get(consumer)?.resource.type_name;
    let (_, edge) = graph
        .producers(consumer)
        .into_iter()
        .find(|(producer, _)| *producer == used)?;
    let patterns = holding(rules, type_name);
    let held = edge
        .properties()
        .find(|path| patterns.iter().any(|pattern| touches(pattern, path)));
    held.cloned()
}

/// Where a resource, as it was applied, names `used` in a way that keeps that from being deleted.
pub(super) fn held(
    rules: &Rules,
    prior: &Prior,
    used: impl Fn(&Address) -> bool,
) -> Option<(PropertyPath, Address)> {
    let patterns = holding(rules, &prior.type_name);
    let mut named = prior
        .dependencies
        .iter()
        .filter(|(address, _)| used(address))
        .flat_map(|(address, paths)| paths.iter().map(move |path| (path, address)));
    let (path, address) =
        named.find(|(path, _)| patterns.iter().any(|pattern| touches(pattern, path)))?;
    Some((path.clone(), address.clone()))
}

fn holding(rules: &Rules, type_name: &str) -> Vec<PropertyPath> {
    let listed = HOLDS
        .iter()
        .filter(|(holder, _)| *holder == type_name)
        .map(|(_, path)| PropertyPath::from(*path));
    listed
        .chain(rules.of(type_name).holds.iter().cloned())
        .collect()
}

/// Address blocks that AWS keeps apart: of this type, within what the first property names, at the second. Source: Amazon VPC
/// user guide, "Subnet CIDR blocks" ("the CIDR blocks of the subnets cannot overlap").
const APART: &[(&str, &str, &str)] = &[
    ("AWS::EC2::Subnet", "VpcId", "CidrBlock"),
    ("AWS::EC2::Subnet", "VpcId", "Ipv6CidrBlock"),
];

/// Whether the old one must go before the new one of the same address can be made.
pub(super) fn must_go_first(rules: &Rules, type_name: &str, wanted: &Value, live: &Value) -> bool {
    differences::is_deleted_then_created(type_name) || excludes(rules, type_name, wanted, live)
}

/// Whether AWS allows only one resource with what both the wanted and the live one have.
pub(super) fn excludes(rules: &Rules, type_name: &str, wanted: &Value, live: &Value) -> bool {
    let equal = |path: &PropertyPath| match (wanted.at(path), live.at(path)) {
        (Some(wanted), Some(live)) => {
            !wanted.has_unknown()
                && (wanted == live || wanted.to_text().is_some_and(|t| Some(t) == live.to_text()))
        }
        (None, None) => true,
        _ => false,
    };
    let same = |set: &Vec<PropertyPath>| {
        set.iter().all(equal) && set.iter().any(|path| wanted.at(path).is_some())
    };
    let block = |value: &Value, path: &PropertyPath| -> Option<Block> {
        Block::parse(&value.at(path)?.to_text()?)
    };
    let overlaps = |(of, within, at): &(&str, &str, &str)| {
        let (within, at) = (PropertyPath::from(*within), PropertyPath::from(*at));
        *of == type_name
            && wanted.at(&within).is_some()
            && equal(&within)
            && block(wanted, &at)
                .zip(block(live, &at))
                .is_some_and(|(wanted, live)| wanted.overlaps(&live))
    };
    let own = &rules.of(type_name).unique;
    // What a definition says is exact: a name may be unique only beside others of the same parent.
    own.iter().any(same)
        || own.is_empty() && differences::identifying(type_name).iter().any(same)
        || APART.iter().any(overlaps)
}

/// An address block.
struct Block {
    address: u128,
    prefix: u32,
    bits: u32,
}

impl Block {
    fn parse(text: &str) -> Option<Block> {
        let (address, prefix) = text.trim().split_once('/')?;
        let (address, bits) = match address.parse::<IpAddr>().ok()? {
            IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
            IpAddr::V6(address) => (u128::from(address), 128),
        };
        let prefix = prefix.parse().ok().filter(|prefix| *prefix <= bits)?;
        Some(Block {
            address,
            prefix,
            bits,
        })
    }

    fn overlaps(&self, other: &Block) -> bool {
        let host = self.bits - self.prefix.min(other.prefix);
        let network = |block: &Block| block.address.checked_shr(host).unwrap_or(0);
        self.bits == other.bits && network(self) == network(other)
    }
}

/// What must be gone before something of another address can be made, because AWS has room for one of them only: a resource
/// that was given another logical id, two that exchange their names. First what goes, then what comes.
pub(super) fn makes_room(
    rules: &Rules,
    changes: &BTreeMap<Address, Change>,
    live: &dyn Fn(&Address) -> Option<(String, Value)>,
) -> BTreeSet<(Address, Address)> {
    let mut comes: BTreeMap<(&str, &str), Vec<(&Address, &Value)>> = BTreeMap::new();
    for (address, change) in changes {
        if let (Action::Create | Action::Replace(_), Some(after)) = (&change.action, &change.after)
        {
            let kind = (change.type_name.as_str(), address.region.as_str());
            comes.entry(kind).or_default().push((address, after));
        }
    }
    let mut found = BTreeSet::new();
    for (address, change) in changes {
        let goes = match change.action {
            Action::Delete { .. } => true,
            Action::Replace(_) => change.removal != Removal::Retain,
            _ => false,
        };
        if !goes {
            continue;
        }
        let Some((type_name, model)) = live(address) else {
            continue;
        };
        let others = comes.get(&(type_name.as_str(), address.region.as_str()));
        for (other, wanted) in others.into_iter().flatten() {
            if *other != address && excludes(rules, &type_name, wanted, &model) {
                found.insert((address.clone(), (*other).clone()));
            }
        }
    }
    found
}

/// Those whose successor would come first and yet wait for what waits until the old one is gone: two that exchange their
/// names, or what uses something under its old logical id and then under its new one. They go first.
pub(super) fn deadlocked(
    graph: &ResourceGraph,
    rules: &Rules,
    prior: &BTreeMap<Address, Prior>,
    changes: &BTreeMap<Address, Change>,
    room: &BTreeSet<(Address, Address)>,
) -> BTreeSet<Address> {
    let created_first = |address: &Address| {
        changes
            .get(address)
            .is_some_and(|change| change.action == Action::Replace(ReplaceOrder::CreateFirst))
    };
    let waits: Vec<&(Address, Address)> = room
        .iter()
        .filter(|(goes, _)| created_first(goes))
        .collect();
    let reaches = |from: &Address, to: &Address| {
        let (mut open, mut seen) = (vec![from], BTreeSet::new());
        while let Some(address) = open.pop() {
            if address == to {
                return true;
            }
            if !seen.insert(address) {
                continue;
            }
            let consumers = graph.consumers(address).into_iter();
            open.extend(consumers.map(|(consumer, _)| consumer));
            let makes_room = waits.iter().filter(|(goes, _)| goes == address);
            open.extend(makes_room.map(|(_, comes)| comes));
        }
        false
    };
    let exchanged = waits
        .iter()
        .filter(|(goes, comes)| reaches(comes, goes))
        .map(|(goes, _)| goes.clone());
    let mut found: BTreeSet<Address> = exchanged.collect();
    for (user, prior) in prior {
        // Also what has nothing else to do: the name that it knows may be the one that comes.
        let stays = changes.get(user).is_some_and(|change| {
            matches!(
                change.action,
                Action::Update | Action::Deploy | Action::NoOp
            )
        });
        let stuck = |used: &Address| {
            room.iter()
                .any(|(goes, comes)| goes == used && reaches(comes, user))
        };
        if created_first(user) && prior.dependencies.keys().any(stuck)
            || stays && held(rules, prior, stuck).is_some()
        {
            found.insert(user.clone());
        }
    }
    found
}
