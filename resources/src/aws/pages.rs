//! Answers that come in pages.

use payctl_api::Paginator;
use serde_json::Value as Json;

use super::Aws;
use crate::error::{AwsError, AwsErrorKind};

impl Aws {
    /// Calls an operation until its last page, and gives the first answer with the lists of all. An operation without pages
    /// is called once.
    ///
    /// # Errors
    /// What AWS answered to any of the calls; also where AWS gives the same tokens twice, which would never end.
    pub async fn call_all(
        &self,
        service: &str,
        operation: &str,
        mut input: Json,
    ) -> Result<Json, AwsError> {
        let paginator = payctl_api::service(service).and_then(|model| model.paginator(operation));
        let mut all = self.call(service, operation, input.clone()).await?;
        let Some(paginator) = paginator else {
            return Ok(all);
        };
        let mut next = next_input(paginator, &all, &input);
        while let Some(further) = next {
            if further == input {
                let what = "AWS gave the same page twice";
                return Err(self.error(service, operation, "", what, AwsErrorKind::Codec));
            }
            input = further;
            let page = self.call(service, operation, input.clone()).await?;
            for path in &paginator.result_key {
                append(&mut all, &page, path);
            }
            next = next_input(paginator, &page, &input);
        }
        Ok(all)
    }
}

/// The input for the page after this one; `None` after the last one.
fn next_input(paginator: &Paginator, page: &Json, input: &Json) -> Option<Json> {
    let more = paginator.more_results.as_ref();
    if !more.is_none_or(|more| at(page, more) == Some(&Json::Bool(true))) {
        return None;
    }
    let tokens: Vec<Option<&Json>> = paginator
        .output_token
        .iter()
        .map(|path| at(page, path).filter(|token| token.as_str() != Some("")))
        .collect();
    if tokens.iter().all(Option::is_none) {
        return None;
    }
    let mut next = input.clone();
    let members = next.as_object_mut()?;
    for (name, token) in paginator.input_token.iter().zip(tokens) {
        // A token that this page does not give is not given back: Route 53's come in turns.
        match token {
            Some(token) => members.insert(name.clone(), token.clone()),
            None => members.remove(name),
        };
    }
    Some(next)
}

/// The first of the alternatives (`A.B || C`) that is there. `A[-1].B`: of the last item.
fn at<'a>(answer: &'a Json, expression: &str) -> Option<&'a Json> {
    expression
        .split("||")
        .filter_map(|path| path.trim().split('.').try_fold(answer, step))
        .find(|value| !value.is_null())
}

fn step<'a>(value: &'a Json, part: &str) -> Option<&'a Json> {
    match part.strip_suffix("[-1]") {
        Some(name) => value.get(name)?.as_array()?.last(),
        None => value.get(part),
    }
}

/// Puts one page's list at a dotted path behind the list so far.
fn append(all: &mut Json, page: &Json, path: &str) {
    let Some(Json::Array(more)) = at(page, path) else {
        return;
    };
    let mut target = all;
    for part in path.split('.') {
        if target.is_null() {
            *target = Json::Object(Default::default());
        }
        let Json::Object(members) = target else {
            return;
        };
        target = members.entry(part).or_insert(Json::Null);
    }
    match target {
        Json::Array(list) => list.extend(more.iter().cloned()),
        other => *other = Json::Array(more.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pages_are_put_together() {
        let mut all = json!({"A": {"Items": [1]}});
        append(&mut all, &json!({"A": {"Items": [2, 3]}}), "A.Items");
        assert_eq!(all, json!({"A": {"Items": [1, 2, 3]}}));
        append(&mut all, &json!({"A": {}}), "A.Items");
        assert_eq!(all["A"]["Items"].as_array().map(Vec::len), Some(3));
        let mut none = json!({});
        append(&mut none, &json!({"A": {"Items": [1]}}), "A.Items");
        assert_eq!(none, json!({"A": {"Items": [1]}}));
    }

    #[test]
    fn tokens_are_found_by_alternatives_and_absent_ones_are_left_out() {
        let record_sets = payctl_api::service("route53")
            .and_then(|model| model.paginator("ListResourceRecordSets"))
            .unwrap();
        let page = json!({"IsTruncated": true, "NextRecordName": "a.", "NextRecordType": "A"});
        let input = json!({"HostedZoneId": "Z", "StartRecordIdentifier": "old"});
        let next = next_input(record_sets, &page, &input).unwrap();
        assert_eq!(
            next,
            json!({"HostedZoneId": "Z", "StartRecordName": "a.", "StartRecordType": "A"})
        );
        let last = json!({"IsTruncated": false, "NextRecordName": "a."});
        assert_eq!(next_input(record_sets, &last, &input), None);
        let answer = json!({"Contents": [{"Key": "a"}, {"Key": "b"}]});
        let expression = "NextMarker || Contents[-1].Key";
        assert_eq!(at(&answer, expression), Some(&json!("b")));
    }
}
