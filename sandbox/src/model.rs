//! What AWS's API model says of a request and of an answer.

use crate::error::Refusal;
use crate::kind::Service;
use payctl_api::validate::{self, Constraint};
use payctl_api::{Kind, Service as Api, Shape};
use serde_json::{Map, Value as Json};

/// Refuses a request that breaks its API model, with the service's code.
pub(crate) fn check(service: &Service, operation: &str, input: &Json) -> Result<(), Refusal> {
    let Some(api) = payctl_api::service(service.name) else {
        return Ok(());
    };
    let Some(modelled) = api.operation(operation) else {
        return Ok(());
    };
    let Err(violations) = validate::input(api, modelled, input) else {
        return Ok(());
    };
    let message = validate::message(&violations);
    let missing = violations
        .iter()
        .find(|violation| violation.constraint == Constraint::Required);
    Err(match missing {
        Some(violation) => service
            .missing
            .with(&[("member", &violation.path), ("message", &message)]),
        None => service.invalid.with(&[("message", &message)]),
    })
}

/// The answer without what its API model does not have: records carry members that only other operations show.
pub(crate) fn fit(service: &str, operation: &str, answer: Json) -> Json {
    let Some(api) = payctl_api::service(service) else {
        return answer;
    };
    let Some(modelled) = api.operation(operation) else {
        return answer;
    };
    match api.output(modelled) {
        Some(shape) => fit_shape(api, shape, answer),
        None => Json::Object(Map::new()),
    }
}

fn fit_shape(api: &Api, shape: &Shape, value: Json) -> Json {
    match (shape.kind, value) {
        (Kind::Structure, value) if shape.document => value,
        (Kind::Structure, Json::Object(members)) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .filter_map(|(name, value)| {
                let shape = api.shape(&shape.member_named(&name)?.shape);
                Some((name, fit_shape(api, shape, value)))
            })
            .collect(),
        (Kind::List, Json::Array(items)) => match &shape.member {
            Some(member) => {
                let inner = api.shape(&member.shape);
                items
                    .into_iter()
                    .map(|item| fit_shape(api, inner, item))
                    .collect()
            }
            None => Json::Array(items),
        },
        (Kind::Map, Json::Object(entries)) => match &shape.value {
            Some(member) => {
                let inner = api.shape(&member.shape);
                entries
                    .into_iter()
                    .map(|(key, value)| (key, fit_shape(api, inner, value)))
                    .collect()
            }
            None => Json::Object(entries),
        },
        (_, value) => value,
    }
}

#[cfg(test)]
mod tests {
    use crate::kind::{Does, Id, Operation, Shows};
    use crate::registry;
    use std::collections::BTreeSet;

    /// Every member that a table names is one of the API's: a mistyped name would silently do nothing.
    #[test]
    fn tables_agree_with_the_api_models() {
        let mut wrong = Vec::new();
        let mut kinds = BTreeSet::new();
        let mut operations = BTreeSet::new();
        for service in registry::services() {
            let api = payctl_api::service(service.name);
            let Some(api) = api else {
                wrong.push(format!("{}: no such service", service.name));
                continue;
            };
            for kind in service.kinds {
                if !kinds.insert(kind.name) {
                    wrong.push(format!("{}: declared twice", kind.name));
                }
                if kind.service() != service.name {
                    wrong.push(format!("{}: stands in {}", kind.name, service.name));
                }
                for reference in kind.refers {
                    if registry::kind(reference.to).is_none() {
                        wrong.push(format!("{}: refers to {}", kind.name, reference.to));
                    }
                }
            }
            for (kind, operation) in service.all_operations() {
                let name = format!("{}:{}", service.name, operation.name);
                if !operations.insert(name.clone()) {
                    wrong.push(format!("{name}: declared twice"));
                }
                let Some(modelled) = api.operation(operation.name) else {
                    wrong.push(format!("{name}: no such operation"));
                    continue;
                };
                let input = api.input(modelled);
                let output = api.output(modelled);
                let mut asks = asked(operation);
                if let (Some(kind), Does::Create) = (kind, operation.does) {
                    asks.push(kind.token);
                    if let Id::Member(member) = kind.id
                        && !operation.rename.iter().any(|(_, to)| *to == member)
                        && operation.before.is_none()
                    {
                        asks.push(member);
                    }
                }
                for path in asks {
                    let member = path.split(['.', '[']).next().unwrap_or_default();
                    let known = input.is_some_and(|shape| shape.member_named(member).is_some());
                    if !member.is_empty() && !known {
                        wrong.push(format!("{name}: the request has no {member}"));
                    }
                }
                for member in shown(operation) {
                    let known = output.is_some_and(|shape| shape.member_named(member).is_some());
                    if !member.is_empty() && !known {
                        wrong.push(format!("{name}: the answer has no {member}"));
                    }
                }
            }
            for law in service.laws {
                for operation in law.operations {
                    if registry::operation(service.name, operation).is_none() {
                        wrong.push(format!("law {}: no operation {operation}", law.name));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    fn asked(operation: &Operation) -> Vec<&'static str> {
        let mut members = vec![operation.key];
        members.extend(operation.select.iter().map(|(member, _)| *member));
        members.extend(operation.rename.iter().map(|(from, _)| *from));
        members.extend(operation.control);
        if let Some(paging) = &operation.paging {
            members.extend([paging.size, paging.token]);
        }
        if matches!(operation.does, Does::Tag | Does::Untag) {
            members.push(operation.tags);
        }
        members
    }

    fn shown(operation: &Operation) -> Vec<&'static str> {
        let mut members = match operation.shows {
            Shows::In(member) | Shows::List(member) | Shows::Listed(member, _) => vec![member],
            Shows::Return => vec!["Return"],
            _ => Vec::new(),
        };
        members.extend(operation.paging.map(|paging| paging.next));
        if matches!(operation.does, Does::ListTags) {
            members.push(operation.tags);
        }
        members
    }
}
