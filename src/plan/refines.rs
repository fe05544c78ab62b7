//! [`refines`]: the executor's last check before a call.

use payctl_model::{PropertyPath, Value};

/// May `actual` stand where `planned` stood? Everything that was known must be the same; an unknown may have become
/// anything but an unknown, a map or list around it must have the same keys and length. An unknown of the whole value may
/// also have become nothing ([`Value::Null`]).
///
/// # Errors
/// The first path at which they differ.
pub fn refines(planned: &Value, actual: &Value) -> Result<(), PropertyPath> {
    at(planned, actual, &PropertyPath::root())
}

fn at(planned: &Value, actual: &Value, path: &PropertyPath) -> Result<(), PropertyPath> {
    match (planned, actual) {
        (Value::Unknown(_), actual) if !actual.has_unknown() => Ok(()),
        (Value::Map(planned), Value::Map(actual)) => {
            for (key, value) in planned {
                match actual.get(key) {
                    Some(actual) => at(value, actual, &path.key(key))?,
                    // An unknown may turn out to be nothing, and what is nothing is left out.
                    None if matches!(value, Value::Unknown(_) | Value::Null) => {}
                    None => return Err(path.key(key)),
                }
            }
            match actual.keys().find(|key| !planned.contains_key(*key)) {
                Some(key) => Err(path.key(key)),
                None => Ok(()),
            }
        }
        (Value::List(planned), Value::List(actual)) if planned.len() == actual.len() => planned
            .iter()
            .zip(actual)
            .enumerate()
            .try_for_each(|(i, (p, a))| at(p, a, &path.index(i))),
        (Value::Secret(_), Value::Secret(_)) if planned == actual => Ok(()),
        (planned, actual) if planned == actual && !actual.has_unknown() => Ok(()),
        _ => Err(path.clone()),
    }
}

#[cfg(test)]
mod tests {
    use payctl_model::Address;
    use serde_json::json;

    use super::*;

    fn value(json: serde_json::Value) -> Value {
        Value::from(json)
    }

    fn waiting() -> Value {
        Value::unknown(Address::new("r", "s", "Vpc").attribute("VpcId"))
    }

    #[test]
    fn an_unknown_becomes_anything_and_the_known_stays() {
        let mut planned =
            value(json!({ "CidrBlock": "10.0.0.0/24", "Tags": [{ "Key": "a", "Value": "b" }] }));
        planned
            .as_map_mut()
            .unwrap()
            .insert("VpcId".into(), waiting());
        let good = json!({ "CidrBlock": "10.0.0.0/24", "VpcId": "vpc-1", "Tags": [{ "Key": "a", "Value": "b" }] });
        assert_eq!(refines(&planned, &value(good.clone())), Ok(()));
        for (pointer, wrong, path) in [
            ("/CidrBlock", json!("10.0.9.0/24"), "CidrBlock"),
            ("/Tags/0/Value", json!("c"), "Tags.0.Value"),
            ("/Tags", json!([]), "Tags"),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).unwrap() = wrong;
            assert_eq!(
                refines(&planned, &value(bad)),
                Err(PropertyPath::from(path))
            );
        }
        let mut more = good;
        more["MapPublicIpOnLaunch"] = json!(true);
        assert_eq!(
            refines(&planned, &value(more)),
            Err("MapPublicIpOnLaunch".into())
        );
    }

    #[test]
    fn what_is_still_unknown_refines_nothing() {
        assert!(refines(&waiting(), &waiting()).is_err());
        assert!(refines(&waiting(), &Value::List(vec![waiting()])).is_err());
    }
}
