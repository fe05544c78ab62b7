//! Drift that somebody said yes to (`apply --accept-drift`): it is neither drift nor change any more, for as long as AWS has
//! the accepted value and the template declares what it declared then.

use payctl_model::{Address, Secret, Value};

use super::decide::Planner;
use super::differences::Difference;
use super::prior::Prior;
use super::{Accepted, Action, Drift, Effect, Problem};
use crate::graph::touches;

impl Planner<'_> {
    /// Whether a difference is one that is accepted, now or by an earlier run: the template says what it said when it was
    /// last applied, so that only AWS has changed.
    pub(super) fn is_accepted(
        &self,
        address: &Address,
        prior: &Prior,
        difference: &Difference,
    ) -> bool {
        let applied = prior.applied.at(&difference.property);
        let is_drift = self.same(difference.declared.as_ref(), applied);
        is_drift
            && (self.options.accept_drift.contains(address) || self.was_accepted(prior, difference))
    }

    /// Whether an earlier run accepted exactly this.
    pub(super) fn was_accepted(&self, prior: &Prior, difference: &Difference) -> bool {
        prior.accepted.iter().any(|accepted| {
            accepted.property == difference.property
                && self.same(difference.declared.as_ref(), accepted.declared.as_ref())
                && self.same(difference.live.as_ref(), accepted.live.as_ref())
        })
    }

    /// Equal, where one side may have hashes for the other's secrets.
    fn same(&self, a: Option<&Value>, b: Option<&Value>) -> bool {
        match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => self.equal(a, b),
            _ => false,
        }
    }

    fn equal(&self, a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Secret(Secret::Plain(text)), Value::Secret(Secret::Hashed(hash)))
            | (Value::Secret(Secret::Hashed(hash)), Value::Secret(Secret::Plain(text))) => {
                (self.options.verify_secret)(text, hash)
            }
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .all(|(key, a)| b.get(key).is_some_and(|b| self.equal(a, b)))
            }
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.equal(a, b))
            }
            (a, b) => a == b,
        }
    }

    /// Notes what is accepted, and what cannot be.
    pub(super) fn accept(&mut self, address: &Address, drift: &mut Vec<Drift>) {
        if !self.options.accept_drift.contains(address) {
            return;
        }
        if drift.is_empty() {
            self.plan
                .warnings
                .push(format!("{address} has no drift to accept"));
        }
        for one in drift {
            if one.effect == Effect::Create {
                self.plan.problems.push(Problem::NothingToAccept {
                    address: address.clone(),
                });
                continue;
            }
            one.accepted = true;
            if !one.undeclared {
                let accepted = self.plan.accepted.entry(address.clone()).or_default();
                accepted.push(Accepted {
                    property: one.property.clone(),
                    declared: one.declared.clone(),
                    live: one.live.clone(),
                });
            }
        }
    }

    /// Once every change is decided: what this plan does about each drift.
    pub(super) fn decide_effects(&mut self) {
        let mut drift = std::mem::take(&mut self.plan.drift);
        for one in &mut drift {
            if one.accepted {
                one.effect = Effect::Nothing;
                continue;
            }
            let Some(change) = self.plan.changes.get(&one.address) else {
                continue;
            };
            let touched = change
                .edits
                .iter()
                .any(|edit| touches(&edit.property, &one.property));
            one.effect = match change.action {
                Action::Delete { .. } => Effect::Delete,
                Action::Replace(_) => Effect::Replace,
                Action::Create => Effect::Create,
                Action::Update | Action::Deploy if touched => Effect::Update,
                _ => Effect::Nothing,
            };
        }
        self.plan.drift = drift;
    }
}
