//! The CDK's own custom resources whose work payctl does itself, recognised by their types: what their providers consist of, functions,
//! roles and policies, is left out of the plan where nothing else uses it.

use std::collections::{BTreeMap, BTreeSet};

use payctl_model::{Address, Value};
use payctl_resources::custom::CDK;

use crate::template::{Expr, Field, Kind, Stack, StackResource};

/// What a provider may consist of besides its function: whoever it runs as, and what that may do.
const PARTS: &[&str] = &[
    "AWS::IAM::Role",
    "AWS::IAM::Policy",
    "AWS::IAM::ManagedPolicy",
];

/// Where a policy names whom it is for: without these roles it is for nobody.
const ATTACHED: &str = "Roles";

/// The stacks without those providers, and what is to be said of it.
pub(super) fn without(stacks: &[Stack]) -> Option<(Vec<Stack>, String)> {
    let is_done_here = |resource: &StackResource| {
        let mut types = CDK.iter().map(|one| one.definition().type_name);
        types.any(|type_name| type_name == resource.type_name)
    };
    let all: BTreeMap<&Address, &StackResource> = stacks
        .iter()
        .flat_map(Stack::with_nested)
        .flat_map(|stack| stack.resources.values())
        .map(|resource| (&resource.address, resource))
        .collect();
    let done_here: BTreeSet<&Address> = all
        .values()
        .filter(|resource| is_done_here(resource))
        .map(|resource| &resource.address)
        .collect();
    if done_here.is_empty() {
        return None;
    }
    // Who uses what; what payctl does itself does not use its provider.
    let mut users: BTreeMap<Address, BTreeSet<Option<&Address>>> = BTreeMap::new();
    for (address, resource) in &all {
        for used in uses(resource) {
            let is_provider = done_here.contains(address)
                && (used.1.as_deref() == Some("ServiceToken") || used.1.is_none());
            if !is_provider {
                users.entry(used.0).or_default().insert(Some(*address));
            }
        }
    }
    let all_stacks = stacks.iter().flat_map(Stack::with_nested);
    for output in all_stacks.flat_map(|stack| stack.outputs.values()) {
        for (_, of) in output.value.references() {
            users.entry(of.address).or_default().insert(None);
        }
    }
    let left_out = left_out(&all, &done_here, &users);
    let stacks = stacks
        .iter()
        .map(|stack| {
            let mut stack = stack.clone();
            leave_out(&mut stack, &done_here, &left_out);
            stack
        })
        .collect();
    let names: Vec<&str> = left_out
        .iter()
        .map(|address| address.logical_id.as_str())
        .collect();
    let said = match names.is_empty() {
        true => String::new(),
        false => format!(
            "payctl does itself what the CDK's own providers do; not needed, and left out: {}",
            names.join(", ")
        ),
    };
    Some((stacks, said))
}

/// Takes what is left out from a stack and from all that are nested in it.
fn leave_out(stack: &mut Stack, done_here: &BTreeSet<&Address>, left_out: &BTreeSet<Address>) {
    stack
        .resources
        .retain(|_, resource| !left_out.contains(&resource.address));
    for resource in stack.resources.values_mut() {
        if done_here.contains(&resource.address) {
            do_here(resource, left_out);
        }
    }
    for nested in stack.nested.values_mut() {
        leave_out(nested, done_here, left_out);
    }
}

/// What a resource refers to, with the property; `None`: by `DependsOn`.
fn uses(resource: &StackResource) -> Vec<(Address, Option<String>)> {
    let own = &resource.address;
    let mut found: Vec<(Address, Option<String>)> = resource
        .properties
        .references()
        .into_iter()
        .map(|(path, of)| (of.address, path.head().map(str::to_owned)))
        .collect();
    let depends = resource.depends_on.iter();
    found.extend(depends.map(|id| (Address::new(&own.region, &own.stack, id), None)));
    found
}

/// The greatest set of providers' parts that nothing outside of it uses.
fn left_out(
    all: &BTreeMap<&Address, &StackResource>,
    done_here: &BTreeSet<&Address>,
    users: &BTreeMap<Address, BTreeSet<Option<&Address>>>,
) -> BTreeSet<Address> {
    let mut parts: BTreeSet<Address> = done_here
        .iter()
        .flat_map(|address| uses(all[*address]))
        .filter(|(_, property)| property.as_deref() == Some("ServiceToken"))
        .map(|(address, _)| address)
        .filter(|address| {
            all.get(address)
                .is_some_and(|one| one.type_name == "AWS::Lambda::Function")
        })
        .collect();
    // What they use, and what completes that.
    loop {
        let mut more = BTreeSet::new();
        for (address, resource) in all {
            if parts.contains(*address) || !PARTS.contains(&resource.type_name.as_str()) {
                continue;
            }
            let used = users.get(*address).into_iter().flatten().flatten();
            let is_used = used.into_iter().any(|user| parts.contains(*user));
            let completes = uses(resource).iter().any(|(role, property)| {
                property.as_deref() == Some(ATTACHED) && parts.contains(role)
            });
            if is_used || completes {
                more.insert((*address).clone());
            }
        }
        if more.is_empty() {
            break;
        }
        parts.extend(more);
    }
    // Whatever is used by somebody else stays, and so does what that needs: a policy of a role that stays, too.
    loop {
        let stays = parts.iter().find(|address| {
            let used_elsewhere = users
                .get(*address)
                .into_iter()
                .flatten()
                .any(|user| user.is_none_or(|user| !parts.contains(user)));
            let completes_others = uses(all[*address]).iter().any(|(role, property)| {
                property.as_deref() == Some(ATTACHED) && !parts.contains(role)
            });
            used_elsewhere || completes_others
        });
        match stays.cloned() {
            Some(address) => parts.remove(&address),
            None => return parts,
        };
    }
}

/// The resource without its provider.
fn do_here(resource: &mut StackResource, left_out: &BTreeSet<Address>) {
    let own = resource.address.clone();
    resource
        .depends_on
        .retain(|id| !left_out.contains(&Address::new(&own.region, &own.stack, id)));
    let span = resource.properties.span;
    match &mut resource.properties.kind {
        Kind::Map(fields) => {
            fields.remove("ServiceToken");
            if resource.type_name == RESTRICTED {
                let value = Expr::new(Kind::Value(Value::List(Vec::new())), span);
                fields.insert(RULES.to_owned(), Field { key: span, value });
            }
        }
        Kind::Value(Value::Map(fields)) => {
            fields.remove("ServiceToken");
            if resource.type_name == RESTRICTED {
                fields.insert(RULES.to_owned(), Value::List(Vec::new()));
            }
        }
        _ => {}
    }
}

/// The type that says that a security group has none of AWS's own rules; it says so without a property.
const RESTRICTED: &str = "Custom::VpcRestrictDefaultSG";
const RULES: &str = "Rules";
