//! Lambda: functions and their versions, policies and settings. No code is run: see [`invoke`].

mod code;
mod functions;
mod invoke;
mod laws;
mod policies;
mod settings;
mod versions;

use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::kind::{Paging, Service, list_tags, tag, untag};
use crate::world::Record;

/// AWS Lambda.
pub const SERVICE: Service = Service {
    name: "lambda",
    kinds: &[
        &functions::FUNCTION,
        &versions::VERSION,
        &settings::CODE_SIGNING_CONFIG,
    ],
    operations: &[
        tag("TagResource", "Resource", "Tags"),
        untag("UntagResource", "Resource", "TagKeys"),
        list_tags("ListTags", "Resource", "Tags"),
    ],
    laws: &[
        &laws::ROLE,
        &laws::SETTLED,
        &laws::SOURCE,
        &laws::PACKAGE,
        &laws::STORED,
        &laws::ARCHIVE,
        &laws::ENVIRONMENT_SIZE,
        &laws::RESERVED_NAMES,
        &laws::NETWORK,
        &laws::UNRESERVED,
        &laws::PUBLISHED_CODE,
        &laws::PROVISIONED_VERSION,
        &policies::TWICE,
        &policies::THERE,
    ],
    // Lambda API Reference, Common Errors.
    invalid: Fault::new("ValidationException", "{message}"),
    missing: Fault::new("ValidationException", "{message}"),
    ..Service::NEW
};

/// `Marker`, `MaxItems`, `NextMarker`; 50 at most (ListFunctions).
const PAGES: Paging = Paging {
    size: "MaxItems",
    token: "Marker",
    next: "NextMarker",
    default: 50,
    bounds: (1, 10_000),
    more: "",
};

/// The name and the qualifier in what a request calls a function: `name`, `name:7`, `123456789012:function:name`, or an ARN of each
/// (CreateFunction, FunctionName).
fn name_and_qualifier(text: &str) -> (&str, Option<&str>) {
    let rest = match text.rsplit_once("function:") {
        Some((_, rest)) => rest,
        None => text,
    };
    match rest.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier)),
        None => (rest, None),
    }
}

/// The qualifier that a request gives, beside the name or within it.
fn qualifier(call: &Call) -> Option<String> {
    let within = name_and_qualifier(call.text("FunctionName").unwrap_or_default()).1;
    let given = call.text("Qualifier").or(within);
    given
        .filter(|qualifier| *qualifier != "$LATEST")
        .map(str::to_owned)
}

/// The function that a request names.
fn named<'a>(call: &'a Call) -> Result<&'a Record, Refusal> {
    let text = call.text("FunctionName").unwrap_or_default();
    let (name, _) = name_and_qualifier(text);
    call.find(functions::FUNCTION.name, name).ok_or_else(|| {
        let arn = format!(
            "arn:{}:lambda:{}:{}:function:{name}",
            call.partition(),
            call.region,
            call.account
        );
        functions::FUNCTION.not_found.with(&[("id", &arn)])
    })
}

/// The function, or the version of it, that a request names.
fn named_or_version<'a>(call: &'a Call) -> Result<(&'static str, &'a Record), Refusal> {
    let function = named(call)?;
    match qualifier(call) {
        None => Ok((functions::FUNCTION.name, function)),
        Some(qualifier) => {
            let id = format!("{}:{qualifier}", function.id);
            match call.find(versions::VERSION.name, &id) {
                Some(version) => Ok((versions::VERSION.name, version)),
                None => {
                    let arn = format!("{}:{qualifier}", function.arn);
                    Err(functions::FUNCTION.not_found.with(&[("id", &arn)]))
                }
            }
        }
    }
}

/// A time as Lambda writes it: `2023-11-14T22:13:20.000+0000`.
fn written(now: f64) -> String {
    use time::macros::format_description;
    let format = format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]+0000"
    );
    // Whole milliseconds first: a fraction of a second is none in binary.
    let milliseconds = (now * 1e3).round() as i128;
    let at = time::OffsetDateTime::from_unix_timestamp_nanos(milliseconds * 1_000_000)
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    at.format(&format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_named_in_four_ways() {
        for text in [
            "pay",
            "123456789012:function:pay",
            "arn:aws:lambda:eu-west-1:123456789012:function:pay",
        ] {
            assert_eq!(name_and_qualifier(text), ("pay", None), "{text}");
        }
        let version = "arn:aws:lambda:eu-west-1:123456789012:function:pay:7";
        assert_eq!(name_and_qualifier(version), ("pay", Some("7")));
        assert_eq!(name_and_qualifier("pay:prod"), ("pay", Some("prod")));
    }

    #[test]
    fn times_are_written_as_lambda_writes_them() {
        assert_eq!(written(1_700_000_000.25), "2023-11-14T22:13:20.250+0000");
        assert_eq!(written(951_782_400.0), "2000-02-29T00:00:00.000+0000");
    }
}
