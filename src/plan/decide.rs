//! [`plan`]: one pass over the resources, producers first, then over what left the templates.

use std::collections::{BTreeMap, BTreeSet};

use payctl_model::facts::facts;
use payctl_model::{Address, PropertyPath, Value};

use super::desired_form::{desired_form, masked, masked_like};
use super::differences::{self, Difference, Sides};
use super::known::{self, Known, Outcome};
use super::ownership::{Deployer, Owned, Ownership};
use super::prior::{Prior, Seen, priors};
use super::{
    Action, Change, Edit, Observed, Plan, PlanOptions, Problem, Reason, Removal, ReplaceOrder,
    order, properties, references,
};
use crate::graph::{Node, ResourceGraph, Rules, Why, touches};
use crate::template::{Attributes, DeletionPolicy, Diagnostic, EvalError};
use payctl_state::State;

/// What the templates want.
#[derive(Clone, Copy)]
pub struct Desired<'a> {
    /// Every resource and output.
    pub graph: &'a ResourceGraph,
    /// What is known of their types besides the registry's facts.
    pub rules: &'a Rules,
}

/// Decides what is done to every resource. What stands in the way of applying it is listed in [`Plan::problems`].
pub fn plan(
    desired: &Desired<'_>,
    state: &State,
    observed: &Observed,
    options: &PlanOptions<'_>,
) -> Plan {
    let (prior, deposed) = priors(state);
    let mut first = BTreeSet::new();
    loop {
        let mut planner = Planner {
            graph: desired.graph,
            rules: desired.rules,
            prior: &prior,
            observed,
            options,
            ownership: Ownership::default(),
            known: Known::default(),
            first: &first,
            plan: Plan {
                deposed: deposed.clone(),
                ..Plan::default()
            },
        };
        planner.ownership = planner.find_owners();
        planner.run();
        let mut plan = planner.plan;
        plan.ownership = planner.ownership;
        let live = |address: &Address| {
            let prior = prior.get(address)?;
            Some((prior.type_name.clone(), prior.model(address, observed)))
        };
        plan.makes_room = order::makes_room(desired.rules, &plan.changes, &live);
        let deadlocked = order::deadlocked(
            desired.graph,
            desired.rules,
            &prior,
            &plan.changes,
            &plan.makes_room,
        );
        // Each round adds some, or it was the last one.
        if deadlocked.is_subset(&first) {
            return plan;
        }
        first.extend(deadlocked);
    }
}

pub(super) struct Planner<'a> {
    pub(super) graph: &'a ResourceGraph,
    pub(super) rules: &'a Rules,
    pub(super) prior: &'a BTreeMap<Address, Prior>,
    pub(super) observed: &'a Observed,
    pub(super) options: &'a PlanOptions<'a>,
    pub(super) ownership: Ownership,
    pub(super) known: Known,
    /// Those that must be deleted before their successors can be made, for the sake of others.
    first: &'a BTreeSet<Address>,
    pub(super) plan: Plan,
}

impl Planner<'_> {
    fn find_owners(&self) -> Ownership {
        let mut models = BTreeMap::new();
        for (address, prior) in self.prior {
            models.insert(address, prior.model(address, self.observed));
        }
        let mut resources = BTreeMap::new();
        for (address, prior) in self.prior {
            let owned = Owned {
                type_name: &prior.type_name,
                declared: self
                    .graph
                    .get(address)
                    .map_or(&prior.applied, |node| &node.shape),
                live: models.get(address),
                id: Some(prior.id.as_str()),
                uses: prior.dependencies.clone(),
            };
            resources.insert(address.clone(), owned);
        }
        for (address, node) in self.graph.nodes() {
            let owned = resources.entry(address.clone()).or_insert_with(|| Owned {
                type_name: &node.resource.type_name,
                declared: &node.shape,
                live: None,
                id: None,
                uses: BTreeMap::new(),
            });
            for (producer, edge) in self.graph.producers(address) {
                let properties: Vec<PropertyPath> = edge.properties().cloned().collect();
                if !properties.is_empty() {
                    owned.uses.insert(producer.clone(), properties);
                }
            }
        }
        Ownership::of(&resources)
    }

    fn run(&mut self) {
        let selected = self.selected();
        let is_selected = |address: &Address| {
            selected
                .as_ref()
                .is_none_or(|selected| selected.contains(address))
        };
        if self.options.destroy {
            for (address, prior) in self.prior {
                if is_selected(address) {
                    self.remove(address, prior, Reason::Destroy);
                }
            }
            if self.options.protect && !self.options.allow_destructive {
                self.plan.problems.push(Problem::DestroyProtected);
            }
        } else {
            for address in self
                .graph
                .ordered()
                .into_iter()
                .cloned()
                .collect::<Vec<_>>()
            {
                let Some(node) = self.graph.get(&address) else {
                    continue;
                };
                if is_selected(&address) {
                    self.decide(&address, node);
                } else if let Some(prior) = self.prior.get(&address) {
                    self.stays(&address, prior);
                }
            }
            for (address, prior) in self.prior {
                if !self.graph.contains(address) && is_selected(address) {
                    self.remove(address, prior, Reason::NotInTemplate);
                }
            }
            for (name, output) in self.graph.outputs() {
                match output.value.evaluate(&self.known) {
                    Ok(value) => {
                        self.plan.outputs.insert(name.clone(), value);
                    }
                    Err(error) => {
                        let diagnostic = Diagnostic::error(error.code, error.message)
                            .at(&output.source, error.span);
                        self.plan
                            .problems
                            .push(Problem::Evaluation(diagnostic.address(name.clone())));
                    }
                }
            }
            self.warn_of_held();
        }
        if let Some(selected) = &selected {
            self.plan
                .deposed
                .retain(|deposed| selected.contains(&deposed.address));
        }
        for (address, prior) in self.prior {
            if is_selected(address) {
                self.find_drift(address, prior);
            }
        }
        // Without templates (`drift`) it is what apply would do if they were as they were last applied.
        if self.options.destroy || self.graph.nodes().next().is_some() {
            self.decide_effects();
            self.check_termination(&is_selected);
        }
        self.check_protection();
    }

    /// What `--target` leaves; `None`: everything.
    fn selected(&self) -> Option<BTreeSet<Address>> {
        if self.options.targets.is_empty() {
            return None;
        }
        if !self.options.destroy {
            return Some(self.graph.with_producers(self.options.targets));
        }
        // Destroying something destroys what uses it: in the templates or when it was applied.
        let mut selected = self.graph.with_consumers(self.options.targets);
        loop {
            let more: Vec<Address> = self
                .prior
                .iter()
                .filter(|(address, prior)| {
                    !selected.contains(*address)
                        && prior
                            .dependencies
                            .keys()
                            .any(|used| selected.contains(used))
                })
                .map(|(address, _)| address.clone())
                .collect();
            if more.is_empty() {
                return Some(selected);
            }
            selected.extend(more);
        }
    }

    /// Not selected: it stays, and what it offers is known.
    fn stays(&mut self, address: &Address, prior: &Prior) {
        let model = prior.model(address, self.observed);
        let outcome = Outcome::Stays {
            type_name: prior.type_name.clone(),
            id: prior.id.clone(),
            model,
        };
        self.known.set(address.clone(), outcome, self.rules);
    }

    fn decide(&mut self, address: &Address, node: &Node) {
        let type_name = &node.resource.type_name;
        let wanted = match properties(node, &self.known, self.options.environment_tags) {
            Ok(wanted) => wanted,
            Err(error) => {
                self.plan
                    .problems
                    .push(Problem::Evaluation(diagnose(node, error)));
                if let Some(prior) = self.prior.get(address) {
                    self.stays(address, prior);
                }
                return;
            }
        };
        let mut change = Change {
            address: address.clone(),
            type_name: type_name.clone(),
            physical_id: None,
            action: Action::Create,
            reasons: vec![Reason::New],
            edits: Vec::new(),
            before: None,
            after: Some(wanted.clone()),
            removal: Removal::Delete,
            native: self.rules.of(type_name).native,
            provisioned: self.rules.of(type_name).provisioned,
            stateful: differences::is_stateful(type_name),
            deployment: None,
        };
        if let Some(prior) = self.prior.get(address) {
            match prior.seen(address, self.observed) {
                Seen::Gone => change.reasons = vec![Reason::GoneFromAws],
                Seen::Live { failed, .. } => {
                    self.compare(&mut change, node, prior, &wanted, failed.is_some())
                }
                Seen::Unread => self.compare(&mut change, node, prior, &wanted, false),
            }
        }
        if let Some(prior) = self.prior.get(address) {
            self.decide_deployment(&mut change, prior, &wanted);
        }
        let model = |prior: &Prior| {
            let model = masked_like(&prior.model(address, self.observed), &prior.applied);
            super::known::with_secrets_of(&model, &wanted)
        };
        let outcome = match (&change.action, self.prior.get(address)) {
            (Action::NoOp, Some(prior)) => Outcome::Stays {
                type_name: type_name.clone(),
                id: prior.id.clone(),
                model: model(prior),
            },
            (Action::Update | Action::Deploy, Some(prior)) => Outcome::Updated {
                type_name: type_name.clone(),
                id: prior.id.clone(),
                model: model(prior),
                desired: references::unresolved(address, &wanted),
                changed: change
                    .edits
                    .iter()
                    .map(|edit| edit.property.clone())
                    .collect(),
            },
            _ => Outcome::New {
                type_name: type_name.clone(),
                desired: references::unresolved(address, &wanted),
            },
        };
        if matches!(change.action, Action::Update | Action::Deploy) {
            self.renew_references(&change, &wanted);
        }
        if matches!(outcome, Outcome::New { .. }) {
            for renewed in self.graph.renewed_by(self.rules, address) {
                self.known.renew(renewed);
            }
        }
        self.known.set(address.clone(), outcome, self.rules);
        self.plan.changes.insert(address.clone(), change);
    }

    /// Of an update: attributes that mirror a reference which was not applied before become something else; and secrets are
    /// read again, as CloudFormation does whenever it updates a resource (User Guide, "Get a secret or secret value from
    /// Secrets Manager", Considerations).
    fn renew_references(&mut self, change: &Change, wanted: &Value) {
        let Some(prior) = self.prior.get(&change.address) else {
            return;
        };
        let facts = facts().get(&change.type_name);
        for (property, leaf) in references::leaves(wanted) {
            let is_edited = change
                .edits
                .iter()
                .any(|edit| touches(&edit.property, &property));
            if is_edited {
                self.known
                    .renew(change.address.attribute(property.to_string()));
                continue;
            }
            let fixed = facts
                .as_ref()
                .is_some_and(|facts| facts.is_create_only(&property));
            if let Some(text) = leaf.as_str().filter(|text| references::is_secret(text))
                && prior
                    .resolved
                    .get(leaf, self.options.verify_secret)
                    .is_some()
                && !fixed
            {
                self.plan.warnings.push(format!(
                    "{} is updated, and {text} read again for it: if that is another value than when it was last applied, \
                     {property} gets it too",
                    change.address
                ));
            }
        }
    }

    /// Something is live: what has to be done so that it is as wanted.
    fn compare(
        &self,
        change: &mut Change,
        node: &Node,
        prior: &Prior,
        wanted: &Value,
        failed: bool,
    ) {
        let address = &change.address;
        let live = prior.model(address, self.observed);
        let anew =
            |text: &str| references::looked_up(&address.region, text, &self.observed.looked_up);
        let compared =
            references::comparable(wanted, &prior.resolved, self.options.verify_secret, &anew);
        change.physical_id = Some(prior.id.clone());
        change.before = Some(desired_form(
            &prior.type_name,
            &live,
            &compared,
            &prior.applied,
        ));
        let mut reasons = Vec::new();
        let mut replace = false;
        if prior.type_name != change.type_name {
            // Beside its properties, `Type` is the one thing that a template says of a resource's making.
            let property = PropertyPath::from("Type");
            reasons.push(Reason::CreateOnly {
                property: property.clone(),
                cause: None,
            });
            let (before, after) = (
                prior.type_name.as_str().into(),
                change.type_name.as_str().into(),
            );
            change.edits.push(Edit {
                property,
                before: Some(before),
                after: Some(after),
                replaces: true,
                default: None,
            });
            replace = true;
        }
        if prior.tainted || failed {
            reasons.push(Reason::Tainted);
            replace = true;
        }
        if prior.type_name == change.type_name {
            for difference in self.differences(address, prior, &compared, &live) {
                let cause = self.cause(address, &difference);
                let property = difference.property.clone();
                replace |= difference.replaces;
                reasons.push(match (difference.replaces, difference.deploys) {
                    (true, _) => Reason::CreateOnly { property, cause },
                    (false, true) => Reason::Deployed { property, cause },
                    (false, false) => Reason::Property { property, cause },
                });
                let default = match difference.declared {
                    Some(_) => None,
                    None => self.default_of(&prior.type_name, &difference.property),
                };
                let edit = edit(difference, default, wanted, &compared, prior);
                change.edits.push(edit);
            }
        }
        let uses: BTreeSet<&Address> = prior
            .dependencies
            .keys()
            .chain(
                self.graph
                    .producers(address)
                    .into_iter()
                    .map(|(used, _)| used),
            )
            .collect();
        let deleted_first: Vec<&Address> = uses
            .into_iter()
            .filter(|used| self.is_deleted_first(used))
            .collect();
        if !replace {
            for used in &deleted_first {
                if let Some(property) = order::holds(self.graph, self.rules, address, used) {
                    reasons.push(Reason::Holds {
                        property,
                        cause: (*used).clone(),
                    });
                    replace = true;
                }
            }
        }
        if !replace && self.first.contains(address) {
            let leaves = |used: &Address| !self.graph.contains(used);
            if let Some((property, cause)) = order::held(self.rules, prior, leaves) {
                reasons.push(Reason::Holds { property, cause });
                replace = true;
            }
        }
        change.action = match (replace, reasons.is_empty()) {
            (false, true) => Action::NoOp,
            (false, false) if is_deployed(&reasons) => Action::Deploy,
            (false, false) => Action::Update,
            (true, _) => {
                change.removal = match node.resource.deletion_policy {
                    // What failed to be made is not what the policy is to keep.
                    Some(DeletionPolicy::RetainExceptOnCreate) if prior.tainted => Removal::Delete,
                    _ => removal(node.resource.update_replace_policy),
                };
                let alone = !deleted_first.is_empty()
                    || self.first.contains(address)
                    || prior.type_name == change.type_name
                        && order::must_go_first(self.rules, &change.type_name, &compared, &live);
                Action::Replace(if alone {
                    ReplaceOrder::DeleteFirst
                } else {
                    ReplaceOrder::CreateFirst
                })
            }
        };
        change.reasons = reasons;
    }

    fn is_deleted_first(&self, address: &Address) -> bool {
        self.plan
            .changes
            .get(address)
            .is_some_and(|change| change.action == Action::Replace(ReplaceOrder::DeleteFirst))
    }

    fn differences(
        &self,
        address: &Address,
        prior: &Prior,
        wanted: &Value,
        live: &Value,
    ) -> Vec<Difference> {
        let is_fresh = |of: &_| self.known.is_fresh(of);
        let live = self.ownership.without_owned(address, live);
        let wanted = &self.ownership.yielding(address, wanted, &live);
        let sides = Sides {
            type_name: &prior.type_name,
            declared: wanted,
            live: &live,
            applied: &prior.applied,
            verify_secret: self.options.verify_secret,
            is_fresh: &is_fresh,
            not_told: &self.rules.of(&prior.type_name).not_told,
            create_only: &self.rules.of(&prior.type_name).create_only,
            conditional: &self.rules.of(&prior.type_name).conditional,
            only_withdrawn: &self.rules.of(&prior.type_name).only_withdrawn,
            resets: &self.rules.of(&prior.type_name).resets,
        };
        let mut changes = differences::differences(&sides).changes;
        if let Some(Deployer::CodeDeploy(_)) = self.ownership.deployer(address) {
            changes = self.deployed(address, prior, wanted, changes);
        }
        changes.retain(|change| {
            let owner = self.ownership.owner(address, &change.property);
            // An owner that leaves its template gives back what it owned.
            let owned = owner.is_some_and(|owner| self.graph.contains(owner));
            (!owned || self.is_edited(change, prior)) && !self.is_accepted(address, prior, change)
        });
        changes
    }

    /// What AWS takes where a property is not declared: what the type's table or the registry says.
    fn default_of(&self, type_name: &str, property: &PropertyPath) -> Option<Value> {
        let rules = self.rules.of(type_name);
        let reset = rules.resets.iter().find(|(path, _)| path == property);
        reset
            .map(|(_, value)| value.clone())
            .or_else(|| differences::default_of(type_name, property))
    }

    /// Whether the template declares a number otherwise than when it was last applied: whoever edits it means it, even
    /// where auto scaling moves it from then on, as CloudFormation has it.
    fn is_edited(&self, change: &Difference, prior: &Prior) -> bool {
        let applied = prior.applied.at(&change.property);
        match (&change.declared, applied) {
            (Some(wanted @ (Value::Number(_) | Value::String(_))), Some(applied)) => {
                wanted.as_i64().is_some() && wanted.as_i64() != applied.as_i64()
            }
            _ => false,
        }
    }

    /// The resource whose change makes this difference, where one does.
    fn cause(&self, address: &Address, difference: &Difference) -> Option<Address> {
        let unknowns = difference
            .declared
            .as_ref()
            .map(Value::unknowns)
            .unwrap_or_default();
        if let Some(of) = unknowns.iter().find(|of| self.known.is_fresh(of)) {
            return Some(of.address.clone());
        }
        self.graph
            .producers(address)
            .into_iter()
            .filter(|(producer, _)| self.known.changes(producer))
            .find(|(producer, edge)| {
                edge.why.iter().any(|why| match why {
                    Why::Reference {
                        attribute,
                        property,
                    } => {
                        touches(property, &difference.property)
                            && self.is_other_than_it_was(producer, attribute)
                    }
                    Why::DependsOn | Why::Hidden => false,
                })
            })
            .map(|(producer, _)| producer.clone())
    }

    /// Whether what is planned gives this attribute another value than is live.
    fn is_other_than_it_was(&self, address: &Address, attribute: &str) -> bool {
        let of = address.attribute(attribute);
        let was = self.prior.get(address).and_then(|prior| {
            known::read(
                &prior.type_name,
                Some(&prior.id),
                &prior.model(address, self.observed),
                attribute,
            )
        });
        self.known.is_fresh(&of) || self.known.attribute(&of) != was
    }

    fn remove(&mut self, address: &Address, prior: &Prior, reason: Reason) {
        let gone = matches!(prior.seen(address, self.observed), Seen::Gone);
        // What still stands in a template is deleted as that says now.
        let removal = match self.graph.get(address) {
            Some(node)
                if prior.tainted
                    && node.resource.deletion_policy
                        == Some(DeletionPolicy::RetainExceptOnCreate) =>
            {
                Removal::Delete
            }
            Some(node) => deletion_policy(
                &node.resource.type_name,
                &node.shape,
                node.resource.deletion_policy,
            ),
            None => prior.removal,
        };
        let action = match removal {
            _ if gone => Action::Forget,
            Removal::Retain => Action::Retain,
            Removal::Snapshot => Action::Delete { snapshot: true },
            Removal::Delete => Action::Delete { snapshot: false },
        };
        let live = (!gone).then(|| prior.model(address, self.observed));
        let change = Change {
            address: address.clone(),
            type_name: prior.type_name.clone(),
            physical_id: Some(prior.id.clone()),
            action,
            reasons: if gone {
                vec![Reason::GoneFromAws, reason]
            } else {
                vec![reason]
            },
            edits: Vec::new(),
            before: live
                .map(|live| desired_form(&prior.type_name, &live, &prior.applied, &prior.applied)),
            after: None,
            removal,
            native: self.rules.of(&prior.type_name).native,
            provisioned: self.rules.of(&prior.type_name).provisioned,
            stateful: differences::is_stateful(&prior.type_name),
            deployment: None,
        };
        self.plan.changes.insert(address.clone(), change);
    }
}

fn is_deployed(reasons: &[Reason]) -> bool {
    reasons
        .iter()
        .any(|reason| matches!(reason, Reason::Deployed { .. }))
}

/// What becomes of a resource that leaves its template. For RDS clusters, and for instances outside of one, CloudFormation
/// takes a final snapshot where the template does not say (CloudFormation template reference, "DeletionPolicy attribute").
pub fn deletion_policy(
    type_name: &str,
    properties: &Value,
    policy: Option<DeletionPolicy>,
) -> Removal {
    let snapshot = match type_name {
        "AWS::RDS::DBCluster" => true,
        "AWS::RDS::DBInstance" => properties.get("DBClusterIdentifier").is_none(),
        _ => false,
    };
    match policy {
        None if snapshot => Removal::Snapshot,
        policy => removal(policy),
    }
}

/// The edit that a difference makes. References stand in it as they are written: that says more than what they stand for, and
/// is no secret.
fn edit(
    difference: Difference,
    default: Option<Value>,
    wanted: &Value,
    compared: &Value,
    prior: &Prior,
) -> Edit {
    let Difference {
        property,
        declared,
        live,
        replaces,
        ..
    } = difference;
    let is_at = |value: &Value| value.at(&property).is_some_and(references::is_anywhere_in);
    let is_other = prior.texts.at(&property) != wanted.at(&property);
    // The same reference with another value by now: the value says more.
    let is_renewed = !is_other && compared.at(&property) != prior.applied.at(&property);
    let after = match (&declared, compared.at(&property)) {
        _ if is_renewed => declared,
        (Some(declared), Some(at))
            if is_at(wanted) && (at == declared || masked(at) == *declared) =>
        {
            wanted.at(&property).cloned()
        }
        _ => declared,
    };
    let before = match is_at(&prior.texts) && is_other {
        true => prior.texts.at(&property).cloned(),
        false => live,
    };
    Edit {
        property,
        before,
        after,
        default,
        replaces,
    }
}

fn removal(policy: Option<DeletionPolicy>) -> Removal {
    match policy {
        Some(DeletionPolicy::Retain | DeletionPolicy::RetainExceptOnCreate) => Removal::Retain,
        Some(DeletionPolicy::Snapshot) => Removal::Snapshot,
        Some(DeletionPolicy::Delete) | None => Removal::Delete,
    }
}

fn diagnose(node: &Node, error: EvalError) -> Diagnostic {
    Diagnostic::error(error.code, error.message)
        .at(&node.source, error.span)
        .address(node.resource.address.to_string())
}
