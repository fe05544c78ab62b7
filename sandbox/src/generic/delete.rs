//! Deletion, and what keeps a record from it.

use super::{answer, the_record};
use crate::call::Call;
use crate::error::{Answer, Refusal};
use crate::kind::{Kind, Missing, Operation};
use crate::path;
use crate::registry;
use crate::world::{Key, Step, World};
use serde_json::json;

pub(super) fn delete(
    call: &mut Call,
    kind: &'static Kind,
    operation: &'static Operation,
) -> Answer {
    let mut members = call.input.clone();
    if let Some(before) = operation.before {
        before(call, &mut members)?;
    }
    let mut record = match the_record(call, kind, operation) {
        Ok(record) => record.clone(),
        Err(_) if matches!(operation.missing, Missing::LeftOut) => return Ok(json!({})),
        Err(refusal) => return Err(refusal),
    };
    let key = World::key(kind, &call.account, &call.region, &record.id);
    if let Some(prepare) = operation.prepare {
        prepare(call, &mut record)?;
    }
    remove(call, kind, &key)?;
    if let Some(done) = operation.done {
        done(call, &key)?;
    }
    let last = call.world.get(&key).cloned().unwrap_or(record);
    Ok(answer(call, kind, operation, &last))
}

/// Who keeps this record from being deleted, and what AWS answers then.
fn blocked(call: &Call, kind: &'static Kind, key: &Key) -> Option<Refusal> {
    for by in call.world.referrers(key) {
        let Some((other, record)) = registry::kind(by.kind).zip(call.world.get(&by)) else {
            continue;
        };
        if record.is_part_of(&key.id) {
            continue;
        }
        for reference in other
            .refers
            .iter()
            .filter(|reference| reference.blocks && reference.to == kind.name)
        {
            let names = path::texts(&record.body, reference.path);
            let ours = names.iter().any(|name| {
                *name == key.id
                    || call
                        .world
                        .lookup(kind.name, &key.account, &key.region, name)
                        .as_ref()
                        == Some(&key.id)
            });
            if ours {
                let fault = reference.in_use.as_ref().unwrap_or(&kind.in_use);
                return Some(fault.with(&[
                    ("id", &key.id),
                    ("by", &by.id),
                    ("by_arn", &record.arn),
                    ("arn", call.world.get(key).map_or("", |one| &one.arn)),
                ]));
            }
        }
    }
    None
}

/// Deletes: refused while something refers to it; by its states, or at once.
pub(crate) fn remove(call: &mut Call, kind: &'static Kind, key: &Key) -> Result<(), Refusal> {
    if let Some(refusal) = blocked(call, kind, key) {
        return Err(refusal);
    }
    let going = kind.states.as_ref().is_some_and(|states| {
        let record = call.world.get(key);
        states
            .deleting
            .is_some_and(|(state, _)| record.is_some_and(|record| record.is(states.member, state)))
    });
    if going {
        return Ok(());
    }
    let now = call.now;
    for part in call.world.referrers(key) {
        if call
            .world
            .get(&part)
            .is_some_and(|record| record.is_part_of(&key.id))
            && let Some(kind) = registry::kind(part.kind)
        {
            remove(call, kind, &part)?;
        }
    }
    match kind
        .states
        .as_ref()
        .and_then(|states| states.deleting.map(|deleting| (states, deleting)))
    {
        None => {
            call.world.remove(key);
        }
        Some((states, (state, seconds))) => {
            call.world.update(key, |record| {
                record.set(states.member, state);
                record.steps.clear();
                let end = now + seconds;
                let event = Some("deleted".to_owned());
                match states.deleted {
                    None => record.steps.push(Step {
                        event,
                        ..Step::gone(end)
                    }),
                    Some((deleted, visible)) => {
                        record.steps.push(Step {
                            dies: true,
                            event,
                            ..Step::set(end, states.member, deleted)
                        });
                        record.steps.push(Step::gone(end + visible));
                    }
                }
            });
            call.world.advance(now);
        }
    }
    Ok(())
}
