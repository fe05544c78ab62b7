//! [`Template::lookups`]: what must be read from AWS before a template means anything.

use super::super::Template;
use super::super::parameter::SsmUse;
use super::super::stack::{Inputs, Lookups, SsmWanted};
use super::super::syntax::{Local, Term};
use super::Binder;

impl Template {
    /// What must be read from AWS before [`Template::instantiate`], with these inputs. The regions of availability zones can
    /// hang on parameters of Systems Manager: once these are among the inputs, it tells all. Nested stacks are looked into.
    pub fn lookups(&self, inputs: &Inputs) -> Lookups {
        let mut lookups = Lookups::default();
        let parent = inputs.parent.as_ref();
        for (name, parameter) in &self.parameters {
            // The name of what is looked up must be known: that it is not is told elsewhere.
            if parent.is_some_and(|parent| parent.computed.contains_key(name)) {
                continue;
            }
            let given = inputs.parameters.get(name).or(parameter.default.as_ref());
            let accepted = given.and_then(|given| parameter.accept(name, given).ok());
            if let (Some(asked), Some(value)) = (parameter.ssm(), accepted)
                && let Some(key) = value.expose_str()
            {
                let wanted = lookups.ssm_parameters.entry(key.to_owned()).or_default();
                *wanted = wanted.and(SsmWanted {
                    value: asked == SsmUse::Value,
                    secret: parameter.no_echo,
                });
            }
        }
        let written_out = self.written_out(inputs).and_then(Result::ok);
        let template = written_out.as_ref().unwrap_or(self);
        let (parameters, _) = template.accept_parameters(inputs);
        let binder = Binder::new(template, inputs, parameters);
        let mut see = |term: &Term| {
            term.visit_locals(&mut |local, _| {
                if let Local::Zones(region) = local
                    && let Ok(region) = binder.text(region)
                {
                    let region = if region.is_empty() {
                        inputs.region.clone()
                    } else {
                        region
                    };
                    lookups.availability_zones.insert(region);
                }
            });
        };
        template.conditions.values().for_each(|(_, term)| see(term));
        for rule in template.rules.values() {
            rule.condition.iter().for_each(&mut see);
            rule.assertions
                .iter()
                .for_each(|assertion| see(&assertion.assert));
        }
        for resource in template.resources.values() {
            let more = [
                &resource.creation_policy,
                &resource.update_policy,
                &resource.metadata,
            ];
            see(&resource.properties);
            more.into_iter().flatten().for_each(&mut see);
        }
        template
            .outputs
            .values()
            .flat_map(|output| [&output.value, &output.export])
            .flatten()
            .for_each(&mut see);
        let nested = template.resources.iter();
        let nested = nested.filter(|(_, term)| term.is_nested());
        let existing = nested
            .filter(|(_, term)| binder.exists("it", term.condition.as_deref()))
            .map(|(name, _)| name.as_str())
            .collect();
        for (template, inputs) in binder.nested_inputs(&existing) {
            lookups.add(template.lookups(&inputs));
        }
        lookups
    }
}
