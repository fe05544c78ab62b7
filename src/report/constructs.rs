//! What a resource is called in the CDK app that its template comes from: the CDK notes each construct's path in the metadata
//! of its resource.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::template::Source;
use crate::template::diagnostic::{Diagnostic, Place};

/// The member of `Metadata` that has the path (CDK, `cx-api`, PATH_METADATA_KEY).
const PATH: &str = "aws:cdk:path";

/// Names the constructs that diagnostics are about, where a template tells them.
pub(super) fn name(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut constructs = Constructs::default();
    diagnostics
        .into_iter()
        .map(|mut diagnostic| {
            let found = diagnostic.place.as_ref().zip(diagnostic.address.as_ref());
            if let Some(path) = found.and_then(|(place, address)| constructs.path(place, address)) {
                diagnostic.message = format!("{} (construct {path})", diagnostic.message);
            }
            diagnostic
        })
        .collect()
}

/// The path of the construct behind an address.
pub(crate) fn path(place: &Place, address: &str) -> Option<String> {
    Constructs::default().path(place, address)
}

/// Templates that were read for their constructs, by their text.
#[derive(Default)]
struct Constructs(HashMap<*const u8, Json>);

impl Constructs {
    fn path(&mut self, place: &Place, address: &str) -> Option<String> {
        let source: &Arc<Source> = &place.source;
        let text = source.text();
        // What a person wrote has none.
        if !text.contains(PATH) {
            return None;
        }
        let read = || serde_json::from_str(text).unwrap_or_default();
        let document = self.0.entry(text.as_ptr()).or_insert_with(read);
        let logical_id = address.rsplit('.').next()?;
        let path = &document["Resources"][logical_id]["Metadata"][PATH];
        Some(path.as_str()?.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Span;

    #[test]
    fn a_resource_of_an_app_is_named_as_the_app_names_it() {
        let text = r#"{"Resources": {"Vpc83": {"Type": "AWS::EC2::VPC", "Metadata": {"aws:cdk:path": "Shop/Net/Vpc/Resource"}}}}"#;
        let source = Arc::new(Source::new("Net.template.json", text));
        let about = |address: &str| {
            let diagnostic = Diagnostic::error("x", "it is wrong");
            let diagnostic = diagnostic.at(&source, Span::default()).address(address);
            name(vec![diagnostic]).remove(0).message
        };
        assert_eq!(
            about("Vpc83"),
            "it is wrong (construct Shop/Net/Vpc/Resource)"
        );
        assert_eq!(
            about("us-east-1/Shop-Net.Vpc83"),
            "it is wrong (construct Shop/Net/Vpc/Resource)"
        );
        assert_eq!(about("Other"), "it is wrong");
    }
}
