//! `Fn::FindInMap`.

use payctl_model::Value;

use super::super::Mapping;
use super::super::diagnostic::did_you_mean;
use super::super::expr::EvalError;
use super::super::source::Span;
use super::super::syntax::Term;
use super::Binder;

impl Binder<'_> {
    /// What a mapping has under two keys; `None` where it has no such keys.
    pub(super) fn find_in_map(&self, keys: &[Term; 3]) -> Result<Option<Value>, EvalError> {
        let [map, first, second] = keys;
        let (name, first, second) = (self.text(map)?, self.text(first)?, self.text(second)?);
        let mappings = &self.template.mappings;
        let Some(mapping) = mappings.get(&name) else {
            return Err(self.no_key(
                map,
                "the template's section Mappings",
                &name,
                mappings.keys(),
            ));
        };
        Ok(mapping
            .get(&first)
            .and_then(|values| values.get(&second))
            .cloned())
    }

    /// Which key of a mapping is missing.
    pub(super) fn missing_key(&self, keys: &[Term; 3], span: Span) -> EvalError {
        let [map, first, second] = keys;
        let texts = [map, first, second].map(|key| self.text(key).unwrap_or_default());
        let [name, first_key, second_key] = &texts;
        let nothing = Mapping::new();
        let mapping = self.template.mappings.get(name).unwrap_or(&nothing);
        match mapping.get(first_key) {
            None => {
                let what = format!("the mapping `{name}`");
                self.no_key(first, &what, first_key, mapping.keys())
            }
            Some(values) if !values.contains_key(second_key) => {
                let what = format!("`{first_key}` of the mapping `{name}`");
                self.no_key(second, &what, second_key, values.keys())
            }
            Some(_) => EvalError {
                code: "unknown-mapping-key",
                message: format!("the mapping `{name}` does not have this"),
                span,
            },
        }
    }

    fn no_key<'k>(
        &self,
        at: &Term,
        what: &str,
        key: &str,
        keys: impl Iterator<Item = &'k String> + Clone,
    ) -> EvalError {
        let near = did_you_mean(key, keys.clone().map(String::as_str))
            .map(|near| format!("; did you mean `{near}`?"));
        let all = || {
            let keys: Vec<&str> = keys.take(20).map(String::as_str).collect();
            format!("; it has {}", keys.join(", "))
        };
        at.error(
            "unknown-mapping-key",
            format!("{what} has no `{key}`{}", near.unwrap_or_else(all)),
        )
    }
}
