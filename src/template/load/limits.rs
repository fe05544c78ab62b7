//! CloudFormation's own quotas.
//!
//! payctl never calls CloudFormation and has none of them, so a template beyond one is no mistake: a warning says that
//! CloudFormation would refuse it. (What names may consist of is different: addresses, tags and physical names are made of
//! them.) Source: CloudFormation User Guide, "Understand CloudFormation quotas".

use super::super::diagnostic::{Diagnostic, warn};
use super::super::node::Entry;
use super::super::source::Span;
use super::Loader;

const SECTIONS: [(&str, &str, usize); 4] = [
    ("Resources", "resources", 500),
    ("Parameters", "parameters", 200),
    ("Outputs", "outputs", 200),
    ("Mappings", "mappings", 200),
];
const MAPPING_ATTRIBUTES: usize = 200;
const DESCRIPTION_BYTES: usize = 1024;
const TEMPLATE_BYTES: usize = 1 << 20;

impl Loader {
    pub(super) fn limits(&mut self, sections: &[Entry]) {
        let size = self.source.text().len();
        if size > TEMPLATE_BYTES {
            self.beyond(Span::default(), "a template", size, TEMPLATE_BYTES, "bytes");
        }
        for section in sections {
            let entries = section.value.as_map().unwrap_or_default();
            let limit = SECTIONS.iter().find(|(name, ..)| *name == section.key);
            if let Some((_, what, limit)) = limit
                && entries.len() > *limit
            {
                self.beyond(section.key_span, "a template", entries.len(), *limit, what);
            }
            if section.key == "Description"
                && let Some(text) = section.value.as_text()
                && text.len() > DESCRIPTION_BYTES
            {
                let span = section.key_span;
                self.beyond(
                    span,
                    "a description",
                    text.len(),
                    DESCRIPTION_BYTES,
                    "bytes",
                );
            }
            for mapping in entries.iter().filter(|_| section.key == "Mappings") {
                let keys = mapping.value.as_map().unwrap_or_default();
                let most = keys
                    .iter()
                    .map(|key| key.value.as_map().map_or(0, <[Entry]>::len));
                let most = most.max().unwrap_or_default().max(keys.len());
                if most > MAPPING_ATTRIBUTES {
                    let span = mapping.key_span;
                    self.beyond(span, "a mapping", most, MAPPING_ATTRIBUTES, "attributes");
                }
            }
        }
    }

    fn beyond(&mut self, span: Span, what: &str, count: usize, limit: usize, unit: &str) {
        let message = format!(
            "{count} {unit}: CloudFormation takes at most {limit} {unit} in {what}, payctl takes more"
        );
        let warning = Diagnostic::warning("cloudformation-quota", message)
            .at(&self.source, span)
            .help("keep within it if CloudFormation is to deploy this template as well");
        warn(&mut self.diagnostics, warning);
    }
}
