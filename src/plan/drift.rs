//! What has changed in AWS since it was last applied, and what a plan must not do unasked.

use std::collections::BTreeSet;

use payctl_model::facts::facts;
use payctl_model::{Address, PropertyPath, Step, Value};

use super::decide::Planner;
use super::differences::{self, Difference, Sides};
use super::prior::{Prior, Seen};
use super::{Accepted, Action, Drift, Effect, Guard, Problem, Reason, ReplaceOrder};
use crate::graph::touches;

impl Planner<'_> {
    /// Lists what differs between what was last applied, or recorded then, and what is live.
    pub(super) fn find_drift(&mut self, address: &Address, prior: &Prior) {
        let live = match prior.seen(address, self.observed) {
            Seen::Live { model, .. } => model,
            Seen::Gone => {
                let mut gone = vec![Drift {
                    address: address.clone(),
                    property: PropertyPath::root(),
                    declared: Some(prior.applied.clone()),
                    was: None,
                    live: None,
                    undeclared: false,
                    effect: Effect::Create,
                    accepted: false,
                }];
                self.accept(address, &mut gone);
                self.plan.drift.extend(gone);
                return;
            }
            // Nothing was read, nothing can have drifted.
            Seen::Unread => return,
        };
        let live = self.ownership.without_owned(address, live);
        let recorded = self.ownership.without_owned(address, &prior.recorded);
        // What deployments move stands as it is live; that it differs is told apart.
        let applied = self.ownership.yielding(address, &prior.applied, &live);
        self.tell_moved(address, prior, &live);
        let sides = Sides {
            type_name: &prior.type_name,
            declared: &applied,
            live: &live,
            applied: &prior.applied,
            verify_secret: self.options.verify_secret,
            is_fresh: &|_| false,
            remembered: self.rules.of(&prior.type_name).remembered,
            not_told: &self.rules.of(&prior.type_name).not_told,
            create_only: &self.rules.of(&prior.type_name).create_only,
            conditional: &self.rules.of(&prior.type_name).conditional,
            only_withdrawn: &self.rules.of(&prior.type_name).only_withdrawn,
            resets: &self.rules.of(&prior.type_name).resets,
        };
        let found = differences::differences(&sides);
        let mut drift: Vec<Drift> = Vec::new();
        for difference in found.changes {
            let was_accepted = self.was_accepted(prior, &difference);
            let Difference {
                property,
                declared,
                live,
                replaces,
                ..
            } = difference;
            if was_accepted {
                let accepted = self.plan.accepted.entry(address.clone()).or_default();
                accepted.push(Accepted {
                    property,
                    declared,
                    live,
                });
                continue;
            }
            drift.push(Drift {
                address: address.clone(),
                property,
                declared,
                was: None,
                live,
                undeclared: false,
                effect: if replaces {
                    Effect::Replace
                } else {
                    Effect::Update
                },
                accepted: false,
            });
        }
        if !found.undeclared.is_empty() {
            let nobody_declares = |path: &PropertyPath| {
                let undeclared = found.undeclared.iter();
                undeclared
                    .map(|(property, _)| property)
                    .any(|property| touches(property, path))
            };
            let since = differences::since(&Sides {
                declared: &recorded,
                ..sides
            });
            let changed = since.changes.into_iter();
            let changed = changed.map(|change| (change.property, change.declared, change.live));
            // What AWS fills in late is nobody's doing: of what is new only items of lists count.
            let added = since
                .undeclared
                .into_iter()
                .filter_map(|(property, value)| {
                    if let Some(tag) = added_tag(&prior.type_name, &property) {
                        let value = live.at(&tag).cloned().unwrap_or(value);
                        return Some((tag, None, Some(value)));
                    }
                    let is_item = matches!(property.steps().last(), Some(Step::Index(_)));
                    let counts = !is_empty(&value) && (is_item || matches!(value, Value::List(_)));
                    counts.then_some((property, None, Some(value)))
                });
            for (property, was, live) in changed.chain(added) {
                if nobody_declares(&property) {
                    drift.push(Drift {
                        address: address.clone(),
                        property,
                        declared: None,
                        was,
                        live,
                        undeclared: true,
                        effect: Effect::Nothing,
                        accepted: false,
                    });
                }
            }
        }
        drift.retain(|drift| !self.is_managed(drift));
        self.accept(address, &mut drift);
        self.plan.drift.extend(drift);
    }

    /// What stateful resources a protected environment would lose.
    pub(super) fn check_protection(&mut self) {
        if self.options.allow_destructive {
            return;
        }
        for change in self.plan.changes.values() {
            // What the template says of its stack now counts before what it said when it was applied.
            let of_stack = match self.graph.get(&change.address) {
                Some(node) => node.termination_protection,
                None => self
                    .prior
                    .get(&change.address)
                    .is_some_and(|prior| prior.protected),
            };
            let guard = match (self.options.protect, of_stack) {
                (true, _) => Guard::Environment,
                (false, true) => Guard::Stack,
                (false, false) => continue,
            };
            let what = match change.action {
                Action::Replace(_) => "replaced",
                Action::Delete { .. } => "deleted",
                _ => continue,
            };
            if change.stateful {
                self.plan.problems.push(Problem::Protected {
                    address: change.address.clone(),
                    type_name: change.type_name.clone(),
                    what,
                    guard,
                });
            }
        }
    }

    /// Stacks with termination protection that would be destroyed: by a destroy of any part of them, or because they are in no
    /// template any more.
    pub(super) fn check_termination(&mut self, is_selected: &dyn Fn(&Address) -> bool) {
        if self.options.allow_destructive {
            return;
        }
        // A nested stack goes with the stack that it stands in.
        let stack = |address: &Address| {
            let outermost = address.stack.split('/').next().unwrap_or_default();
            format!("{}/{outermost}", address.region)
        };
        let stay: BTreeSet<String> = match self.options.destroy {
            true => BTreeSet::new(),
            false => self
                .graph
                .nodes()
                .map(|(address, _)| stack(address))
                .collect(),
        };
        let protected = self
            .prior
            .iter()
            .filter(|(address, prior)| prior.protected && is_selected(address));
        let stacks: BTreeSet<String> = protected.map(|(address, _)| stack(address)).collect();
        let problems = stacks
            .difference(&stay)
            .cloned()
            .map(Problem::StackProtected);
        self.plan.problems.extend(problems);
    }

    /// Warns of what is still used when it must be deleted before its successor is made.
    pub(super) fn warn_of_held(&mut self) {
        let mut warnings = Vec::new();
        for (address, change) in &self.plan.changes {
            if change.action != Action::Replace(ReplaceOrder::DeleteFirst) {
                continue;
            }
            let users: Vec<String> = self
                .prior
                .iter()
                .filter(|(user, prior)| {
                    prior
                        .dependencies
                        .get(address)
                        .is_some_and(|at| !at.is_empty())
                        && self.plan.changes.get(*user).is_some_and(|user| {
                            matches!(user.action, Action::Update | Action::Deploy | Action::NoOp)
                        })
                })
                .map(|(user, _)| user.to_string())
                .collect();
            if !users.is_empty() {
                warnings.push(format!(
                    "{address} must be deleted before its successor can be made, while {} still uses it; AWS may refuse \
                     that: giving it another name avoids it",
                    users.join(", ")
                ));
            }
            if change.removal == super::Removal::Retain {
                warnings.push(format!(
                    "{address} is replaced and its UpdateReplacePolicy keeps the old one, whose name the new one needs: \
                     give it another name"
                ));
            }
        }
        self.plan.warnings.extend(warnings);
    }
}

/// Where a tag stands as a whole, its key included, of which this path is the value: tags are items however a property writes them,
/// and the comparison leaves out those that AWS and payctl set.
fn added_tag(type_name: &str, value: &PropertyPath) -> Option<PropertyPath> {
    let facts = facts().get(type_name)?;
    let tags = facts.tagging.property.as_ref()?;
    let tag = tags.steps().len() + 1;
    let whole = |path: PropertyPath, step: &Step| path.step(step.clone());
    (tags.is_prefix_of(value) && value.steps().len() >= tag).then(|| {
        let steps = value.steps().iter().take(tag);
        steps.fold(PropertyPath::root(), whole)
    })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.is_empty(),
        _ => false,
    }
}

/// Reasons by which a change shows that it only follows another resource's.
impl Reason {
    /// The resource whose change causes this one, where it is not the template's own.
    pub fn cause(&self) -> Option<&Address> {
        match self {
            Reason::Property { cause, .. }
            | Reason::Deployed { cause, .. }
            | Reason::CreateOnly { cause, .. } => cause.as_ref(),
            Reason::Holds { cause, .. } => Some(cause),
            _ => None,
        }
    }

    /// The property that it is about.
    pub fn property(&self) -> Option<&PropertyPath> {
        match self {
            Reason::Property { property, .. }
            | Reason::Deployed { property, .. }
            | Reason::CreateOnly { property, .. }
            | Reason::Holds { property, .. } => Some(property),
            _ => None,
        }
    }
}
