//! Where a service is reached and how requests to it are signed: an interpreter of AWS's endpoint rules (smithy.io,
//! "Smithy Rules Engine"; the rules are the ones that botocore ships).

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::model::{Operation, Service};
use crate::pack;

mod functions;

/// What a caller chooses.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// FIPS 140 endpoints.
    pub fips: bool,
    /// Endpoints that speak IPv6 too.
    pub dual_stack: bool,
    /// The caller's own endpoint: a simulated AWS, a VPC endpoint.
    pub endpoint_url: Option<String>,
    /// Further parameters of the rules by name (`AccountId`, `UseGlobalEndpoint`).
    pub parameters: BTreeMap<String, Json>,
}

/// Where to send a request and how to sign it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Scheme, host and sometimes a path, without a slash at its end.
    pub url: String,
    /// The region of the signature: not always the region asked for (IAM: `us-east-1`).
    pub signing_region: String,
    /// The service's name in the signature.
    pub signing_name: String,
    /// `sigv4` or `sigv4a`.
    pub auth_scheme: String,
    /// The path is signed as it is, not encoded once more (S3).
    pub disable_double_encoding: bool,
    /// Headers that the rules add.
    pub headers: Vec<(String, String)>,
}

/// Why there is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The rules refuse these options; the text is AWS's.
    #[error("{service}: {message}")]
    Refused {
        /// The service.
        service: String,
        /// AWS's text.
        message: String,
    },
    /// No rule applies.
    #[error("{service}: no endpoint for region `{region}`")]
    None {
        /// The service.
        service: String,
        /// The region.
        region: String,
    },
}

/// The endpoint of a service in a region.
///
/// # Errors
/// When the rules refuse the options, or know no endpoint for them.
pub fn resolve(
    service: &Service,
    region: &str,
    options: &Options,
) -> Result<Endpoint, EndpointError> {
    let mut endpoint = evaluate(service, region, options)?;
    if options.endpoint_url.is_some() {
        // For a caller's own endpoint the rules say nothing of signing: sign as for AWS's.
        let own = Options {
            endpoint_url: None,
            ..options.clone()
        };
        if let Ok(aws) = evaluate(service, region, &own) {
            endpoint = Endpoint {
                url: endpoint.url,
                headers: endpoint.headers,
                ..aws
            };
        }
    }
    Ok(endpoint)
}

/// The endpoint of an operation: as [`resolve`], with the constants that the operation gives to rules which require them
/// (ACM's `ServiceType`). Constants that only refine what the rules do with an input's members are not given, since those
/// members are not either: a bucket stands in the path of its requests.
///
/// # Errors
/// As [`resolve`].
pub fn resolve_for(
    service: &Service,
    operation: &Operation,
    region: &str,
    options: &Options,
) -> Result<Endpoint, EndpointError> {
    let required = |name: &str| {
        let rule_set = pack::rule_set(&service.name);
        rule_set.is_some_and(|rules| rules["parameters"][name]["required"] == json!(true))
    };
    let mut options = options.clone();
    for (name, value) in operation
        .endpoint_params
        .iter()
        .filter(|(name, _)| required(name))
    {
        options
            .parameters
            .entry(name.clone())
            .or_insert_with(|| value.clone());
    }
    resolve(service, region, &options)
}

fn evaluate(service: &Service, region: &str, options: &Options) -> Result<Endpoint, EndpointError> {
    let none = || EndpointError::None {
        service: service.name.clone(),
        region: region.to_owned(),
    };
    let rule_set = pack::rule_set(&service.name).ok_or_else(none)?;
    let mut scope: Map<String, Json> = Map::new();
    for (name, parameter) in rule_set["parameters"].as_object().into_iter().flatten() {
        let built_in = parameter["builtIn"].as_str().unwrap_or_default();
        let value = match built_in {
            "AWS::Region" => Some(Json::from(region)),
            "AWS::UseFIPS" => Some(Json::from(options.fips)),
            "AWS::UseDualStack" => Some(Json::from(options.dual_stack)),
            "SDK::Endpoint" => options.endpoint_url.as_deref().map(Json::from),
            _ => options.parameters.get(name).cloned(),
        };
        if let Some(value) = value.or_else(|| parameter.get("default").cloned()) {
            scope.insert(name.clone(), value);
        }
    }
    match rules(&rule_set["rules"], &mut scope) {
        Some(Outcome::Endpoint(found, scope)) => Ok(endpoint(service, region, found, &scope)),
        Some(Outcome::Error(message)) => Err(EndpointError::Refused {
            service: service.name.clone(),
            message,
        }),
        None => Err(none()),
    }
}

enum Outcome<'a> {
    Endpoint(&'a Json, Map<String, Json>),
    Error(String),
}

/// The first rule that applies.
fn rules<'a>(list: &'a Json, scope: &mut Map<String, Json>) -> Option<Outcome<'a>> {
    for rule in list.as_array()? {
        let mut inner = scope.clone();
        let conditions = rule["conditions"].as_array().map_or(&[][..], Vec::as_slice);
        let holds = conditions.iter().all(|condition| {
            let value = functions::call(condition, &inner);
            if let (Some(name), Some(value)) = (condition["assign"].as_str(), &value) {
                inner.insert(name.to_owned(), value.clone());
            }
            !matches!(value, None | Some(Json::Null | Json::Bool(false)))
        });
        if !holds {
            continue;
        }
        match rule["type"].as_str()? {
            "endpoint" => return Some(Outcome::Endpoint(&rule["endpoint"], inner)),
            "error" => {
                let message = functions::argument(&rule["error"], &inner);
                return Some(Outcome::Error(
                    message
                        .and_then(|text| text.as_str().map(String::from))
                        .unwrap_or_default(),
                ));
            }
            _ => {
                // A tree that applies must decide: the rules after it are not tried.
                return rules(&rule["rules"], &mut inner);
            }
        }
    }
    None
}

fn endpoint(service: &Service, region: &str, found: &Json, scope: &Map<String, Json>) -> Endpoint {
    let text = |value: &Json| {
        functions::argument(value, scope).and_then(|value| value.as_str().map(String::from))
    };
    let schemes = found["properties"]["authSchemes"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    // Sign with keys of one region where that is possible: the other scheme needs a set of regions.
    let scheme = schemes
        .iter()
        .find(|scheme| scheme["name"] == json!("sigv4"))
        .or_else(|| schemes.first());
    let property = |name: &str| {
        scheme
            .and_then(|scheme| text(scheme.get(name)?))
            .filter(|value| !value.is_empty())
    };
    let headers = found["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .flat_map(|(name, values)| {
            let values = values.as_array().map_or(&[][..], Vec::as_slice);
            values
                .iter()
                .filter_map(|value| Some((name.clone(), text(value)?)))
        });
    Endpoint {
        url: text(&found["url"])
            .unwrap_or_default()
            .trim_end_matches('/')
            .to_owned(),
        signing_region: property("signingRegion").unwrap_or_else(|| region.to_owned()),
        signing_name: property("signingName")
            .unwrap_or_else(|| service.metadata.signing_name().to_owned()),
        auth_scheme: property("name").unwrap_or_else(|| String::from("sigv4")),
        disable_double_encoding: scheme
            .is_some_and(|scheme| scheme["disableDoubleEncoding"] == json!(true)),
        headers: headers.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(name: &str, region: &str, options: &Options) -> (String, String, String) {
        let service = pack::service(name).expect("packed");
        let endpoint = resolve(service, region, options).expect("an endpoint");
        (endpoint.url, endpoint.signing_region, endpoint.signing_name)
    }

    fn three(url: &str, region: &str, name: &str) -> (String, String, String) {
        (url.to_owned(), region.to_owned(), name.to_owned())
    }

    #[test]
    fn regional_global_and_other_partitions() {
        let plain = Options::default();
        assert_eq!(
            url("ec2", "eu-west-1", &plain),
            three("https://ec2.eu-west-1.amazonaws.com", "eu-west-1", "ec2")
        );
        assert_eq!(
            url("iam", "eu-west-1", &plain),
            three("https://iam.amazonaws.com", "us-east-1", "iam")
        );
        assert_eq!(
            url("route53", "eu-west-1", &plain),
            three("https://route53.amazonaws.com", "us-east-1", "route53")
        );
        assert_eq!(
            url("elbv2", "cn-north-1", &plain),
            three(
                "https://elasticloadbalancing.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
                "elasticloadbalancing"
            )
        );
        assert_eq!(
            url("s3", "us-east-1", &plain),
            three("https://s3.us-east-1.amazonaws.com", "us-east-1", "s3")
        );
        let fips = Options {
            fips: true,
            ..Options::default()
        };
        assert_eq!(
            url("kms", "us-east-1", &fips).0,
            "https://kms-fips.us-east-1.amazonaws.com"
        );
    }

    #[test]
    fn operations_of_one_service_may_live_apart() {
        let acm = pack::service("acm").expect("packed");
        let at = |operation: &str| {
            let operation = acm.operation(operation).expect("modelled");
            resolve_for(acm, operation, "eu-west-1", &Options::default())
                .expect("an endpoint")
                .url
        };
        assert_eq!(
            at("RequestCertificate"),
            "https://acm.eu-west-1.amazonaws.com"
        );
        assert_ne!(at("ListAcmeEndpoints"), at("RequestCertificate"));
    }

    #[test]
    fn buckets_go_into_the_host_where_they_can() {
        let bucket = |name: &str| Options {
            parameters: BTreeMap::from([(String::from("Bucket"), Json::from(name))]),
            ..Options::default()
        };
        assert_eq!(
            url("s3", "eu-west-1", &bucket("my-bucket")).0,
            "https://my-bucket.s3.eu-west-1.amazonaws.com"
        );
        assert_eq!(
            url("s3", "eu-west-1", &bucket("my.bucket")).0,
            "https://s3.eu-west-1.amazonaws.com/my.bucket"
        );
    }

    #[test]
    fn own_endpoints_are_signed_as_awss() {
        let own = Options {
            endpoint_url: Some(String::from("http://127.0.0.1:4566")),
            ..Options::default()
        };
        for name in pack::names() {
            let aws = url(name, "eu-west-1", &Options::default());
            assert_eq!(
                url(name, "eu-west-1", &own),
                (String::from("http://127.0.0.1:4566"), aws.1, aws.2),
                "{name}"
            );
        }
        let service = pack::service("sns").expect("packed");
        let refused = resolve(service, "eu-west-1", &Options { fips: true, ..own });
        assert!(
            matches!(refused, Err(EndpointError::Refused { .. })),
            "{refused:?}"
        );
    }
}
