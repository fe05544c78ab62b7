//! Cloud Map: namespaces, services and their instances. Changes are operations that take time. No DNS is answered.

mod instances;
mod namespaces;
mod operations;
mod services;

use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::kind::{Service, Tags, run};
use crate::tags;
use crate::world::Key;
use serde_json::json;

pub use instances::{deregister, register};

/// AWS Cloud Map.
pub const SERVICE: Service = Service {
    name: "servicediscovery",
    kinds: &[
        &namespaces::NAMESPACE,
        &services::SERVICE,
        &instances::INSTANCE,
        &operations::OPERATION,
    ],
    operations: &[
        run("TagResource", |call| {
            let (key, sent) = (tagged(call)?, call.input.get("Tags").cloned());
            tags::add(call, &key, &tags::read(&sent.unwrap_or_default()))?;
            Ok(json!({}))
        }),
        run("UntagResource", |call| {
            let (key, gone) = (tagged(call)?, call.texts("TagKeys[]"));
            call.world.update(&key, |record| {
                record.tags.retain(|name, _| !gone.contains(name))
            });
            Ok(json!({}))
        }),
        run("ListTagsForResource", |call| {
            let key = tagged(call)?;
            let tags = call
                .world
                .get(&key)
                .map(|record| tags::write(Tags::List("Tags"), &record.tags));
            Ok(json!({"Tags": tags}))
        }),
    ],
    laws: &[
        &namespaces::TAKEN,
        &namespaces::ZONE,
        &namespaces::UNDER_WAY,
        &operations::TOKEN,
        &services::TAKEN,
        &services::CONFIGURED,
        &services::RECORDS,
        &instances::ATTRIBUTES,
        &instances::HEALTH,
    ],
    invalid: Fault::new("InvalidInput", "{message}"),
    missing: Fault::new("InvalidInput", "{message}"),
    ..Service::NEW
};

/// What is tagged: a namespace or a service, with a code of its own where there is none (ListTagsForResource, Errors).
fn tagged(call: &Call) -> Result<Key, Refusal> {
    let arn = call.text("ResourceARN").unwrap_or_default();
    let found = call
        .world
        .by_arn(arn)
        .filter(|key| key.kind.starts_with("servicediscovery/"));
    found.cloned().ok_or_else(|| {
        let message = format!("Resource not found: {arn}");
        Refusal::new("ResourceNotFoundException", message)
    })
}

/// 16 lower-case letters and digits, as identifiers here have them.
fn short(digits: &str) -> String {
    const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
    let pairs = digits.as_bytes().chunks_exact(2).take(16);
    pairs
        .map(|pair| {
            let text = std::str::from_utf8(pair).unwrap_or_default();
            let number = usize::from_str_radix(text, 16).unwrap_or(0);
            char::from(ALPHABET[number % ALPHABET.len()])
        })
        .collect()
}
