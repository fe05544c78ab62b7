//! Custom resources: `AWS::CloudFormation::CustomResource` and every `Custom::…`. Their properties and attributes are their provider's.

use crate::path::PropertyPath;
use crate::value::Value;

/// The type whose facts hold for every `Custom::…`.
pub const CUSTOM: &str = "AWS::CloudFormation::CustomResource";

/// Where a custom resource's model has what its provider answered as `Data`. No property is called so: the provider may return an
/// attribute with the name of a property and another value.
pub const DATA: &str = "$data";

/// Whether a type is a custom resource.
pub fn is_custom(type_name: &str) -> bool {
    type_name == CUSTOM || type_name.starts_with("Custom::")
}

/// An attribute of a custom resource: a name of `Data`, dots and all, or a path into it.
pub(super) fn attribute<'a>(model: &'a Value, name: &str) -> Option<&'a Value> {
    let data = model.get(DATA)?;
    data.get(name)
        .or_else(|| data.at(&PropertyPath::from(name)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::facts;
    use super::*;
    use crate::address::PhysicalId;

    #[test]
    fn an_attribute_is_what_the_provider_returned_and_no_property() {
        let facts = facts().get("Custom::Thing").unwrap();
        let model = Value::from(json!({
            "ServiceToken": "t", "Name": "declared", DATA: {"Name": "returned", "a.b": "flat", "c": {"d": "deep"}},
        }));
        let id = PhysicalId::from("id");
        let of = |name: &str| facts.attribute(name, &model, &id);
        assert_eq!(of("Name"), Some("returned".into()));
        assert_eq!(of("a.b"), Some("flat".into()));
        assert_eq!(of("c.d"), Some("deep".into()));
        assert_eq!(of("ServiceToken"), None);
        assert_eq!(of("Ref"), Some("id".into()));
    }

    #[test]
    fn a_custom_resource_is_given_no_tags() {
        assert_eq!(facts().get("Custom::Thing").unwrap().tagging.property, None);
    }

    #[test]
    fn no_change_of_a_custom_resource_needs_a_new_one() {
        let facts = facts().get(CUSTOM).unwrap();
        assert!(!facts.is_create_only(&"ServiceToken".into()));
    }
}
