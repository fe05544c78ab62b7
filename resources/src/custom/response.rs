//! What a provider answers (CloudFormation user guide, "Custom resource request and response reference", Response object).

use std::collections::BTreeMap;

use payctl_model::facts::custom::DATA;
use payctl_model::{PhysicalId, Value};
use serde_json::Value as Json;

use crate::error::{Error, Result};
use crate::resource::{Observed, Status};

/// "The total size of the response body can't exceed 4096 bytes."
const LARGEST: usize = 4_096;

/// A provider's answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Response {
    /// The identifier that it gives the resource.
    pub(super) physical_id: Option<PhysicalId>,
    /// Why it failed; `None`: it did not.
    pub(super) failed: Option<String>,
    data: Value,
}

impl Response {
    /// Reads an answer to this request.
    ///
    /// # Errors
    /// Where CloudFormation would not take it either.
    pub(super) fn read(body: &[u8], request_id: &str) -> Result<Response> {
        let wrong = |what: String| {
            Error::Failed(format!(
                "the provider's answer is not one to a custom resource's request: {what}"
            ))
        };
        if body.len() > LARGEST {
            return Err(wrong(format!(
                "it has {} bytes, and {LARGEST} are allowed",
                body.len()
            )));
        }
        let answer: Json = serde_json::from_slice(body)
            .map_err(|error| wrong(format!("it is no JSON ({error})")))?;
        if answer["RequestId"] != request_id {
            return Err(wrong(format!(
                "its RequestId is {}, and the request's {request_id}",
                answer["RequestId"]
            )));
        }
        let text = |name: &str| answer[name].as_str().filter(|text| !text.is_empty());
        let failed = match text("Status") {
            Some("SUCCESS") => None,
            Some("FAILED") => Some(text("Reason").unwrap_or("it gave no reason").to_owned()),
            _ => {
                return Err(wrong(format!(
                    "its Status is {}, neither SUCCESS nor FAILED",
                    answer["Status"]
                )));
            }
        };
        let data = match &answer["Data"] {
            Json::Null => Value::map(),
            data @ Json::Object(_) => Value::from_json(data),
            other => {
                return Err(wrong(format!("its Data is {other}, not an object")));
            }
        };
        let is_secret = answer["NoEcho"] == true || answer["NoEcho"] == "true";
        Ok(Response {
            physical_id: text("PhysicalResourceId").map(PhysicalId::from),
            failed,
            data: match is_secret {
                true => hidden(&data),
                false => data,
            },
        })
    }

    /// The resource: as it was declared, with what the provider returned.
    pub(super) fn observed(&self, id: PhysicalId, desired: &Value) -> Observed {
        let mut model: BTreeMap<String, Value> = desired.as_map().cloned().unwrap_or_default();
        model.insert(DATA.to_owned(), self.data.clone());
        Observed {
            id,
            model: Value::Map(model),
            status: Status::Ready,
        }
    }
}

/// `NoEcho`: whatever is returned is secret, numbers and flags too.
fn hidden(data: &Value) -> Value {
    data.map_leaves(&mut |leaf| match leaf.to_text() {
        Some(text) => Value::secret(text.as_str()),
        None => leaf.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(answer: Json) -> Result<Response> {
        Response::read(answer.to_string().as_bytes(), "r1")
    }

    #[test]
    fn an_answer_is_success_or_failure() {
        let made = read(json!({"Status": "SUCCESS", "RequestId": "r1", "PhysicalResourceId": "p", "Data": {"A": 1}})).unwrap();
        assert_eq!(made.physical_id, Some("p".into()));
        let observed = made.observed("p".into(), &Value::from(json!({"ServiceToken": "t"})));
        assert_eq!(
            observed.model,
            Value::from(json!({"ServiceToken": "t", DATA: {"A": 1}}))
        );
        let failed = read(json!({"Status": "FAILED", "RequestId": "r1", "Reason": "no"})).unwrap();
        assert_eq!(failed.failed.as_deref(), Some("no"));
        assert_eq!(failed.physical_id, None);
    }

    #[test]
    fn what_is_not_to_be_echoed_is_secret() {
        let answer = json!({"Status": "SUCCESS", "RequestId": "r1", "NoEcho": true, "Data": {"Password": "hunter2", "Port": 5432}});
        let observed = read(answer).unwrap().observed("p".into(), &Value::map());
        let data = observed.model.get(DATA).unwrap();
        assert_eq!(data.get("Password"), Some(&Value::secret("hunter2")));
        assert_eq!(data.get("Port"), Some(&Value::secret("5432")));
        assert!(!format!("{observed:?}").contains("hunter2"));
    }

    #[test]
    fn what_cloudformation_would_not_take_is_refused() {
        for (answer, part) in [
            (
                json!({"Status": "SUCCESS", "RequestId": "other"}),
                "its RequestId is \"other\"",
            ),
            (
                json!({"Status": "DONE", "RequestId": "r1"}),
                "neither SUCCESS nor FAILED",
            ),
            (
                json!({"Status": "SUCCESS", "RequestId": "r1", "Data": [1]}),
                "not an object",
            ),
            (
                json!({"Status": "SUCCESS", "RequestId": "r1", "Data": {"A": "x".repeat(5_000)}}),
                "4096 are allowed",
            ),
        ] {
            let error = read(answer).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        assert!(
            Response::read(b"<html>", "r1")
                .unwrap_err()
                .to_string()
                .contains("no JSON")
        );
    }
}
