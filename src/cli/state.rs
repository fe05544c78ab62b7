//! `payctl show`, `payctl state` and `payctl unlock`: looking at what payctl knows, and repairing it.

use payctl_model::{Address, PropertyPath, Value};
use payctl_state::{Held, Journal, Lock, Paths, ResourceState, State};
use serde_json::{Value as Json, json};

use super::arguments::StateCommand;
use super::session::Session;
use super::{Exit, Global, Outcome, plan as plan_command};
use crate::apply::Target;
use crate::graph::Names;
use crate::plan::references::texts;
use crate::report::failure::Failure;
use crate::report::values::{SecretChange, to_json, write_value};

/// `show [ADDR]`.
pub(super) fn show(global: &Global, address: Option<&str>) -> Outcome {
    let session = Session::open(global)?;
    let state = plan_command::counted_in(&session)?;
    match address {
        Some(text) => one(global, &state, text),
        None => list(global, &state),
    }
}

/// `state list|show|rm|mv`.
pub(super) async fn run(global: &Global, command: &StateCommand) -> Outcome {
    match command {
        StateCommand::List => show(global, None),
        StateCommand::Show { address } => show(global, Some(address)),
        StateCommand::Rm { address } => remove(global, address),
        StateCommand::Mv { from, to } => rename(global, from, to).await,
    }
}

/// `unlock`.
pub(super) fn unlock(global: &Global) -> Outcome {
    // Not the state: a damaged one must not stand in the way.
    let project = super::session::project(global)?;
    let environment = project.environment(global.env.as_deref())?;
    let paths = Paths::new(&project.state_folder(), &environment.name);
    let found = Lock::clear(&paths.lock)?;
    let text = match &found {
        Held::LeftOver(holder) => format!("cleared what {holder} left"),
        Held::Free | Held::Living(_) => "nobody holds the lock".to_owned(),
    };
    if global.json {
        super::print_json(&json!({ "unlocked": matches!(found, Held::LeftOver(_)) }));
    } else {
        super::print(&text);
    }
    Ok(Exit::Success)
}

fn names(state: &State) -> Names {
    Names::new(state.all().map(|(address, _)| address))
}

fn list(global: &Global, state: &State) -> Outcome {
    if global.json {
        let resources: Vec<Json> = state
            .all()
            .map(|(address, resource)| brief(address, resource))
            .collect();
        super::print_json(
            &json!({ "serial": state.serial, "lineage": state.lineage, "account": state.account, "resources": resources }),
        );
        return Ok(Exit::Success);
    }
    let names = names(state);
    let mut out = String::new();
    for (address, resource) in state.all() {
        let id = resource
            .physical_id
            .as_ref()
            .map_or("(in doubt)", |id| id.as_str());
        let status = match resource.status {
            payctl_state::Status::Ok => "",
            payctl_state::Status::Tainted => "  tainted",
            payctl_state::Status::Deposed => "  deposed",
            payctl_state::Status::InDoubt => "  in doubt",
        };
        out.push_str(&format!(
            "{}  {}  {id}{status}\n",
            names.show(address),
            resource.type_name
        ));
    }
    if out.is_empty() {
        out.push_str("The environment has no resources.\n");
    }
    super::print(&out);
    Ok(Exit::Success)
}

fn brief(address: &Address, resource: &ResourceState) -> Json {
    json!({
        "address": address, "type": resource.type_name, "physical_id": resource.physical_id, "status": resource.status,
    })
}

fn one(global: &Global, state: &State, text: &str) -> Outcome {
    let address = names(state).find(text)?;
    let deposed = state.deposed.get(&address).and_then(|list| list.first());
    let Some(resource) = state.resources.get(&address).or(deposed) else {
        return Err(Failure::new(
            "unknown-address",
            format!("the state has no {address}"),
        ));
    };
    let masked = |value: &Value| to_json(value, &PropertyPath::root(), &|_| SecretChange::Same);
    if global.json {
        let mut json = brief(&address, resource);
        json["last_applied"] = masked(&texts(&resource.last_applied));
        json["attributes"] = masked(&resource.attributes);
        json["dependencies"] = json!(resource.dependencies.keys().collect::<Vec<_>>());
        json["deletion_policy"] = json!(resource.deletion_policy);
        super::print_json(&json);
        return Ok(Exit::Success);
    }
    let mut out = format!("{address}\n  Type: {}\n", resource.type_name);
    if let Some(id) = &resource.physical_id {
        out.push_str(&format!("  Physical id: {id}\n"));
    }
    write_value(&mut out, 2, "Properties", &texts(&resource.last_applied));
    write_value(&mut out, 2, "As AWS has it", &resource.attributes);
    let needs: Vec<String> = resource
        .dependencies
        .keys()
        .map(ToString::to_string)
        .collect();
    if !needs.is_empty() {
        out.push_str(&format!("  Needs: {}\n", needs.join(", ")));
    }
    super::print(&out);
    Ok(Exit::Success)
}

/// The state for changing it by hand: locked, and with no interrupted run to settle first.
fn for_change(global: &Global, command: &str) -> Result<(Session, Lock), Failure> {
    let session = Session::open(global)?;
    let lock = session.lock(command)?;
    let session = Session::open(global)?;
    let left = Journal::read(&session.store.paths().journal, &session.state)?;
    if left.is_some() {
        return Err(Failure::new(
            "unsettled",
            "an earlier run was cut off and is not settled yet",
        )
        .help("payctl apply settles it; then try again"));
    }
    Ok((session, lock))
}

fn remove(global: &Global, text: &str) -> Outcome {
    let (mut session, _lock) = for_change(global, "state rm")?;
    let address = names(&session.state).find(text)?;
    session.state.resources.remove(&address);
    session.state.deposed.remove(&address);
    session.store.save(&mut session.state)?;
    if global.json {
        super::print_json(&json!({ "removed": address }));
    } else {
        super::print(&format!("{address} is forgotten; AWS keeps it"));
    }
    Ok(Exit::Success)
}

async fn rename(global: &Global, from: &str, to: &str) -> Outcome {
    let (mut session, _lock) = for_change(global, "state mv")?;
    let from = names(&session.state).find(from)?;
    let to: Address = match to.parse() {
        Ok(address) => address,
        Err(_) if !to.is_empty() && to.chars().all(|c| c.is_ascii_alphanumeric()) => {
            Address::new(&from.region, &from.stack, to)
        }
        Err(error) => return Err(Failure::new("usage", error.to_string())),
    };
    if session.state.resources.contains_key(&to) || session.state.deposed.contains_key(&to) {
        return Err(Failure::new(
            "exists",
            format!("the state has {to} already"),
        ));
    }
    let region_changes = from.region != to.region;
    let Some(resource) = session
        .state
        .resources
        .get(&from)
        .filter(|_| !region_changes)
    else {
        return Err(Failure::new("usage", format!("{from} cannot become {to}"))
            .help("only a resource that is not deposed, within its region"));
    };
    // The tag tells a recovery whose it is, so AWS hears of it before the state does.
    let (type_name, id) = (resource.type_name.clone(), resource.physical_id.clone());
    let connected = session.connect().await?;
    if let Some(id) = id {
        let target = Target {
            address: to.clone(),
            type_name,
            declared: None,
        };
        connected.regions.readdress(&target, &id).await?;
    }
    if let Some(resource) = session.state.resources.remove(&from) {
        session.state.resources.insert(to.clone(), resource);
    }
    for resource in session.state.resources.values_mut() {
        if let Some(dependency) = resource.dependencies.remove(&from) {
            resource.dependencies.insert(to.clone(), dependency);
        }
    }
    session.store.save(&mut session.state)?;
    connected.close()?;
    if global.json {
        super::print_json(&json!({ "from": from, "to": to }));
    } else {
        super::print(&format!("{from} is {to} now"));
    }
    Ok(Exit::Success)
}
