//! Custom resources of the CDK whose work payctl does itself, so that their providers, functions with roles and policies, need not
//! exist. What each does is what the CDK's own handler does (aws/aws-cdk, `@aws-cdk/custom-resource-handlers`).

pub mod auto_delete_images;
pub mod auto_delete_objects;
pub mod emptied;
pub mod log_retention;
pub mod restrict_default_security_group;

use serde_json::{Value as Json, json};

use payctl_model::{PhysicalId, Value};

use crate::resource::{Observed, Resource, Status};

/// All of them.
pub const CDK: &[&dyn Resource] = &[
    &restrict_default_security_group::RestrictDefaultSecurityGroup,
    &auto_delete_objects::AUTO_DELETE_OBJECTS,
    &auto_delete_images::AUTO_DELETE_IMAGES,
    &log_retention::LogRetention,
];

/// One that does nothing before it is deleted: it is what was declared.
fn declared(id: &str, desired: &Value) -> Observed {
    let mut model = desired.clone();
    if let Some(map) = model.as_map_mut() {
        map.insert(
            payctl_model::facts::custom::DATA.to_owned(),
            Value::from(json!({})),
        );
    }
    Observed {
        id: PhysicalId::from(id),
        model,
        status: Status::Ready,
    }
}

/// Whether a list of tags has this one with the value `true`: the CDK sets it, and whoever takes it away means that nothing is emptied.
fn is_tagged(tags: &Json, key: &str) -> bool {
    tags.as_array().into_iter().flatten().any(|tag| {
        let text = |name: &str| crate::mapping::member(tag, name).and_then(Json::as_str);
        text("Key") == Some(key) && text("Value") == Some("true")
    })
}
