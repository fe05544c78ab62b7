//! What the fuzz targets do with their bytes. Nothing may panic, hang or take memory without bound; and some things must hold
//! whatever the input is.

use std::collections::BTreeMap;

use payctl::graph::{ResourceGraph, Rules};
use payctl::template::{Attributes, Inputs, NoAttributes, Template, load};
use payctl_api::codec;
use payctl_model::compare::{CompareOptions, compare as compared};
use payctl_model::facts::{check, facts};
use payctl_model::{AttributeOf, Value};

/// Longer inputs show nothing that shorter ones do not.
const MAX_INPUT: usize = 64 << 10;

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data.get(..data.len().min(MAX_INPUT))?).ok()
}

/// A template: read, instantiated, its graph built, evaluated before and after AWS has told everything.
pub fn template(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let template = match load("template", text) {
        Ok(template) => template,
        Err(mistakes) => {
            assert!(mistakes.iter().any(|mistake| mistake.is_error()));
            return mistakes
                .iter()
                .for_each(|mistake| assert!(!mistake.to_string().is_empty()));
        }
    };
    let inputs = inputs(&template);
    let Ok(stack) = template.instantiate(&inputs) else {
        return;
    };
    for resource in stack.resources.values() {
        let properties = &resource.properties;
        let before = properties.evaluate(&NoAttributes);
        assert_eq!(
            before.is_ok(),
            properties
                .reduce(&NoAttributes)
                .evaluate(&NoAttributes)
                .is_ok()
        );
        if let Ok(after) = properties.evaluate(&Told) {
            // What waits for other stacks, or for a look-up that nobody made, stays unknown.
            let told = !stack.assumed && properties.links().is_empty();
            assert!(!after.has_unknown() || !told, "{after:?}");
        }
    }
    let _ = ResourceGraph::build(&[stack], &Rules::native());
}

/// With a value for every parameter that has none.
fn inputs(template: &Template) -> Inputs {
    let needed = template
        .parameters
        .iter()
        .filter(|(_, parameter)| parameter.default.is_none());
    let mut inputs = Inputs {
        region: "us-east-1".into(),
        account: "123456789012".into(),
        partition: "aws".into(),
        stack: "main".into(),
        stack_name: "main".into(),
        stack_id: "arn:aws:cloudformation:us-east-1:123456789012:stack/main/1-2-3".into(),
        parameters: needed
            .map(|(name, _)| (name.clone(), Value::from("abcdefgh12345678")))
            .collect(),
        ..Inputs::default()
    };
    let zones = template.lookups(&inputs).availability_zones;
    inputs.availability_zones = zones
        .into_iter()
        .map(|region| {
            let zones = ["a", "b", "c"]
                .map(|zone| format!("{region}{zone}"))
                .to_vec();
            (region, zones)
        })
        .collect();
    inputs
}

/// Knows every attribute.
struct Told;

impl Attributes for Told {
    fn attribute(&self, of: &AttributeOf) -> Option<Value> {
        Some(Value::from(format!("{}-{}", of.address, of.attribute)))
    }
}

/// A declared and a live model, each as JSON on a line of its own, after a line with the type.
pub fn compare(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let mut lines = text.lines();
    let Some(facts) = lines.next().and_then(|name| facts().get(name)) else {
        return;
    };
    let mut models =
        lines.map(|line| serde_json::from_str::<serde_json::Value>(line).map(Value::from));
    let (Some(Ok(declared)), Some(Ok(live))) = (models.next(), models.next()) else {
        return;
    };
    let last_applied = models.next().and_then(Result::ok);
    let _ = check(&facts, &declared);
    let tags = BTreeMap::from([("stage".to_owned(), "prod".to_owned())]);
    let options = CompareOptions {
        last_applied: last_applied.as_ref(),
        stack_tags: Some(&tags),
        ..CompareOptions::default()
    };
    let _ = compared(&facts, &declared, &live, &options);
    // What is live as it is declared needs no change.
    let same = compared(&facts, &declared, &declared, &CompareOptions::default());
    assert!(same.changes.is_empty(), "{:?}", same.changes);
}

/// An answer of AWS, or a request to the simulated AWS: a line with `service Operation`, then the body.
pub fn api(data: &[u8]) {
    let data = &data[..data.len().min(MAX_INPUT)];
    let split = data
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(data.len());
    let (head, body) = data.split_at(split);
    let body = body.get(1..).unwrap_or_default();
    let head = String::from_utf8_lossy(head);
    let mut words = head.split(' ');
    let Some(service) = words.next().and_then(payctl_api::service) else {
        return;
    };
    let Some(operation) = words.next().and_then(|name| service.operation(name)) else {
        return;
    };
    let headers = http::HeaderMap::new();
    for status in [200, 400] {
        let _ = codec::decode_response(service, operation, status, &headers, body);
    }
    if let Ok(input) = serde_json::from_slice(body) {
        let _ = codec::encode_request(service, operation, &input);
        let _ = codec::encode_response(service, operation, service.client_protocol(), &input, "1");
    }
    let request = http::Request::post("/")
        .header("content-type", "application/x-www-form-urlencoded")
        .header(
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/{}/aws4_request",
                words.next().unwrap_or("ec2")
            ),
        )
        .body(body.to_vec().into());
    if let Ok(request) = request
        && let Err(refused) = codec::decode_request(&request)
    {
        let _ = refused.response("1");
    }
}
