//! The API model as botocore writes it: services, operations, shapes and their traits.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// One AWS service.
#[derive(Debug, Deserialize)]
pub struct Service {
    /// botocore's name of the service: `ec2`, `elbv2`, `logs`.
    #[serde(skip)]
    pub name: String,
    /// Protocols, version, names for signing.
    pub metadata: Metadata,
    /// By name: `DescribeVpcs`.
    pub operations: BTreeMap<String, Operation>,
    /// By name: `Vpc`.
    pub shapes: BTreeMap<String, Shape>,
    /// How operations page, by operation.
    #[serde(default)]
    pub paginators: BTreeMap<String, Paginator>,
    /// Parameters of the endpoint rules that a client may set.
    #[serde(default, rename = "clientContextParams")]
    pub client_context_params: Json,
}

/// The names and versions of a service.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The API's version, as the query protocols send it: `2016-11-15`.
    pub api_version: String,
    /// The first label of the host name, and the signing name when there is no other.
    pub endpoint_prefix: String,
    /// The protocols the service speaks, AWS's preferred one first.
    pub protocols: Vec<Protocol>,
    /// `EC2`, `Elastic Load Balancing v2`.
    pub service_id: String,
    /// The name in the SigV4 credential scope, where it is not the endpoint prefix.
    pub signing_name: Option<String>,
    /// `1.0` or `1.1`: the content type of the JSON protocols.
    pub json_version: Option<String>,
    /// What stands before the dot of `X-Amz-Target`.
    pub target_prefix: Option<String>,
    /// The namespace of XML messages.
    pub xml_namespace: Option<XmlNamespace>,
    /// The service was once a query API: errors carry the older code in `x-amzn-query-error`.
    #[serde(default)]
    pub aws_query_compatible: Option<Json>,
}

impl Metadata {
    /// The name in the SigV4 credential scope.
    pub fn signing_name(&self) -> &str {
        self.signing_name
            .as_deref()
            .unwrap_or(&self.endpoint_prefix)
    }
}

/// A wire protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Form in, XML out: IAM, RDS, ELB, SNS, STS.
    Query,
    /// EC2's kind of query.
    Ec2,
    /// `X-Amz-Target` and a JSON body.
    Json,
    /// JSON bodies over URIs, headers and query strings: Lambda.
    RestJson,
    /// XML bodies over URIs, headers and query strings: S3, Route 53.
    RestXml,
    /// CBOR bodies under `/service/X/operation/Y`.
    SmithyRpcV2Cbor,
}

/// One operation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// `DescribeVpcs`.
    pub name: String,
    /// Method, URI template and status.
    #[serde(default)]
    pub http: Http,
    /// The input, if there is one.
    pub input: Option<OperationRef>,
    /// The output, if there is one.
    pub output: Option<OperationRef>,
    /// The errors that the model names (AWS returns others too).
    #[serde(default)]
    pub errors: Vec<OperationRef>,
    /// AWS says that it only reads.
    #[serde(default)]
    pub readonly: bool,
    /// AWS says that repeating it changes nothing.
    #[serde(default)]
    pub idempotent: bool,
    /// AWS has a successor for it.
    #[serde(default)]
    pub deprecated: bool,
    /// A label to be put before the host.
    pub endpoint: Option<Endpoint>,
    /// The checksum that the request must carry.
    pub http_checksum: Option<HttpChecksum>,
    /// Constants for the endpoint rules.
    #[serde(default)]
    pub endpoint_params: BTreeMap<String, Json>,
    /// How the request is authenticated, if not as the service's others (`none` for AssumeRoleWithSAML).
    pub authtype: Option<String>,
}

impl Operation {
    /// The label that goes before the host (`sync-`, `streaming-`), still with its `{placeholders}`.
    pub fn host_prefix(&self) -> Option<&str> {
        self.endpoint.as_ref()?.host_prefix.as_deref()
    }
}

/// The HTTP trait of an operation.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Http {
    /// `POST`.
    pub method: String,
    /// A template: `/2013-04-01/hostedzone/{Id}`, `/{Bucket}/{Key+}?acl`.
    pub request_uri: String,
    /// The status of success, when it is not 200.
    pub response_code: Option<u16>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            method: String::from("POST"),
            request_uri: String::from("/"),
            response_code: None,
        }
    }
}

/// The endpoint trait of an operation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    host_prefix: Option<String>,
}

/// The checksum trait of an operation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpChecksum {
    /// The request must carry a checksum of its body.
    #[serde(default)]
    pub request_checksum_required: bool,
}

/// An operation's input, output or error: the shape and how it stands in a message.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationRef {
    /// The shape's name.
    pub shape: String,
    /// query: the element around the result.
    pub result_wrapper: Option<String>,
    /// rest-xml: the root element of the body.
    pub location_name: Option<String>,
    /// rest-xml: the namespace of the root element.
    pub xml_namespace: Option<XmlNamespace>,
}

/// What kind of value a shape is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Kind {
    Structure,
    List,
    Map,
    String,
    Character,
    Integer,
    Long,
    Float,
    Double,
    Boolean,
    Blob,
    Timestamp,
}

/// A shape with its traits. Which fields mean anything depends on `kind`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shape {
    /// The kind of value.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// structure: members, in the model's order.
    #[serde(default, deserialize_with = "members")]
    pub members: Vec<Member>,
    /// structure: names of the members that must be given.
    #[serde(default)]
    pub required: Vec<String>,
    /// list: the element.
    pub member: Option<Box<Member>>,
    /// map: the key.
    pub key: Option<Box<Member>>,
    /// map: the value.
    pub value: Option<Box<Member>>,
    /// list, map: no element around the entries.
    #[serde(default)]
    pub flattened: bool,
    /// Least value, length or count.
    pub min: Option<f64>,
    /// Greatest value, length or count.
    pub max: Option<f64>,
    /// string: a regular expression.
    pub pattern: Option<String>,
    /// string: the allowed values.
    #[serde(default, rename = "enum")]
    pub variants: Vec<String>,
    /// timestamp: the wire format, where it is not the protocol's.
    pub timestamp_format: Option<TimestampFormat>,
    /// Must not be shown or logged.
    #[serde(default)]
    pub sensitive: bool,
    /// structure: exactly one member is set.
    #[serde(default)]
    pub union: bool,
    /// structure without members: any JSON value.
    #[serde(default)]
    pub document: bool,
    /// structure: the member that is the whole HTTP body.
    pub payload: Option<String>,
    /// The name on the wire of the shape itself.
    pub location_name: Option<String>,
    /// The XML namespace of the shape's element.
    pub xml_namespace: Option<XmlNamespace>,
    /// structure: an error.
    #[serde(default)]
    pub exception: bool,
    /// structure: an error that is the service's fault.
    #[serde(default)]
    pub fault: bool,
    /// structure: an error's code and status.
    pub error: Option<ErrorTrait>,
    /// structure: a stream of events.
    #[serde(default)]
    pub eventstream: bool,
    /// blob: a stream.
    #[serde(default)]
    pub streaming: bool,
    /// A number or boolean that may be absent.
    #[serde(default, rename = "box")]
    pub boxed: bool,
}

impl Shape {
    /// A structure's member by its name in the model.
    pub fn member_named(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// Whether a structure's member must be given.
    pub fn requires(&self, member: &str) -> bool {
        self.required.iter().any(|name| name == member)
    }
}

/// A member of a structure, or the element, key or value of a list or map.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The name in the model; empty for the parts of lists and maps.
    #[serde(skip)]
    pub name: String,
    /// The shape's name.
    pub shape: String,
    /// The name on the wire.
    pub location_name: Option<String>,
    /// The name in an EC2 query, where it differs.
    pub query_name: Option<String>,
    /// Where it stands in the message, if not in the body.
    pub location: Option<Location>,
    /// list, map: no element around the entries.
    #[serde(default)]
    pub flattened: bool,
    /// An XML attribute of the enclosing element.
    #[serde(default)]
    pub xml_attribute: bool,
    /// The XML namespace of the element.
    pub xml_namespace: Option<XmlNamespace>,
    /// The client fills it with a fresh token when it is not given.
    #[serde(default)]
    pub idempotency_token: bool,
    /// It goes into the host name.
    #[serde(default)]
    pub host_label: bool,
    /// The body is a stream.
    #[serde(default)]
    pub streaming: bool,
    /// JSON in text (in a header: JSON in base64).
    #[serde(default)]
    pub jsonvalue: bool,
    /// AWS says not to use it any more.
    #[serde(default)]
    pub deprecated: bool,
    /// The wire format of a timestamp.
    pub timestamp_format: Option<TimestampFormat>,
    /// The endpoint rules' parameter that it feeds.
    pub context_param: Option<ContextParam>,
}

impl Member {
    /// The name on the wire, if it differs from the model's name or that name.
    pub fn wire_name(&self) -> &str {
        self.location_name.as_deref().unwrap_or(&self.name)
    }
}

/// The endpoint rules' parameter that a member feeds.
#[derive(Debug, Deserialize)]
pub struct ContextParam {
    /// The parameter's name: `Bucket`.
    pub name: String,
}

/// Where a member stands outside of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Location {
    /// A header.
    Header,
    /// All headers with a prefix.
    Headers,
    /// A placeholder of the URI.
    Uri,
    /// A parameter of the query string.
    #[serde(rename = "querystring")]
    QueryString,
    /// The HTTP status.
    StatusCode,
}

/// How a timestamp is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TimestampFormat {
    /// `2024-01-02T03:04:05Z`.
    Iso8601,
    /// `Tue, 02 Jan 2024 03:04:05 GMT`.
    Rfc822,
    /// `1704164645`.
    UnixTimestamp,
}

/// An XML namespace; the models write it as text or with a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Json")]
pub struct XmlNamespace {
    /// `xsi` in `xmlns:xsi`.
    pub prefix: Option<String>,
    /// The namespace.
    pub uri: String,
}

impl From<Json> for XmlNamespace {
    fn from(json: Json) -> Self {
        let text = |value: &Json| value.as_str().map(String::from);
        Self {
            prefix: json.get("prefix").and_then(text),
            uri: json
                .get("uri")
                .and_then(text)
                .or_else(|| text(&json))
                .unwrap_or_default(),
        }
    }
}

/// The error trait of an exception.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorTrait {
    /// The code on the wire, where it is not the shape's name.
    pub code: Option<String>,
    /// The HTTP status.
    pub http_status_code: Option<u16>,
    /// The caller's fault.
    #[serde(default)]
    pub sender_fault: bool,
}

/// How an operation pages. Names are JMESPath expressions in botocore's files, almost always plain member names.
#[derive(Debug, Deserialize)]
pub struct Paginator {
    /// Where a page's token goes in the next request.
    #[serde(default, deserialize_with = "one_or_many")]
    pub input_token: Vec<String>,
    /// Where the token stands in an answer.
    #[serde(default, deserialize_with = "one_or_many")]
    pub output_token: Vec<String>,
    /// Members whose lists the pages share out.
    #[serde(default, deserialize_with = "one_or_many")]
    pub result_key: Vec<String>,
    /// The request's page size.
    pub limit_key: Option<String>,
    /// A boolean of the answer: there are more pages.
    pub more_results: Option<String>,
}

impl Service {
    /// Names the service, and gives members the wire traits of the shapes they refer to, where they have none of their own: what
    /// a member says goes before what its shape says.
    pub(crate) fn link(&mut self, name: &str) {
        self.name = name.to_owned();
        struct Traits {
            location_name: Option<String>,
            flattened: bool,
            timestamp_format: Option<TimestampFormat>,
            xml_namespace: Option<XmlNamespace>,
            streaming: bool,
        }
        let traits: BTreeMap<String, Traits> = self
            .shapes
            .iter()
            .filter(|(_, shape)| {
                shape.location_name.is_some()
                    || shape.flattened
                    || shape.timestamp_format.is_some()
                    || shape.xml_namespace.is_some()
                    || shape.streaming
            })
            .map(|(name, shape)| {
                let traits = Traits {
                    location_name: shape.location_name.clone(),
                    flattened: shape.flattened,
                    timestamp_format: shape.timestamp_format,
                    xml_namespace: shape.xml_namespace.clone(),
                    streaming: shape.streaming,
                };
                (name.clone(), traits)
            })
            .collect();
        for shape in self.shapes.values_mut() {
            let parts = [&mut shape.member, &mut shape.key, &mut shape.value];
            let parts = parts.into_iter().flatten().map(Box::as_mut);
            for member in shape.members.iter_mut().chain(parts) {
                if let Some(traits) = traits.get(&member.shape) {
                    member.location_name = member
                        .location_name
                        .take()
                        .or_else(|| traits.location_name.clone());
                    member.xml_namespace = member
                        .xml_namespace
                        .take()
                        .or_else(|| traits.xml_namespace.clone());
                    member.timestamp_format = member.timestamp_format.or(traits.timestamp_format);
                    member.flattened |= traits.flattened;
                    member.streaming |= traits.streaming;
                }
            }
        }
    }

    /// An operation by name.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.get(name)
    }

    /// A shape by name. Every reference in a pack resolves (a test holds it); a name from elsewhere that does not exist gives an
    /// empty structure.
    pub fn shape(&self, name: &str) -> &Shape {
        static EMPTY: std::sync::OnceLock<Shape> = std::sync::OnceLock::new();
        self.shapes
            .get(name)
            .unwrap_or_else(|| EMPTY.get_or_init(Shape::empty))
    }

    /// The shape of an operation's input.
    pub fn input(&self, operation: &Operation) -> Option<&Shape> {
        operation
            .input
            .as_ref()
            .map(|input| self.shape(&input.shape))
    }

    /// The shape of an operation's output.
    pub fn output(&self, operation: &Operation) -> Option<&Shape> {
        operation
            .output
            .as_ref()
            .map(|output| self.shape(&output.shape))
    }

    /// How an operation pages, if it does.
    pub fn paginator(&self, operation: &str) -> Option<&Paginator> {
        self.paginators.get(operation)
    }

    /// The protocol our client speaks: text before binary, and the older before the newer, since not every server that
    /// stands in for AWS speaks CBOR.
    pub fn client_protocol(&self) -> Protocol {
        [
            Protocol::Query,
            Protocol::Ec2,
            Protocol::Json,
            Protocol::RestJson,
            Protocol::RestXml,
        ]
        .into_iter()
        .find(|protocol| self.metadata.protocols.contains(protocol))
        .unwrap_or(Protocol::SmithyRpcV2Cbor)
    }
}

impl Shape {
    fn empty() -> Self {
        Self {
            kind: Kind::Structure,
            members: Vec::new(),
            required: Vec::new(),
            member: None,
            key: None,
            value: None,
            flattened: false,
            min: None,
            max: None,
            pattern: None,
            variants: Vec::new(),
            timestamp_format: None,
            sensitive: false,
            union: false,
            document: false,
            payload: None,
            location_name: None,
            xml_namespace: None,
            exception: false,
            fault: false,
            error: None,
            eventstream: false,
            streaming: false,
            boxed: false,
        }
    }
}

/// Members as a list in the order of the file: a map type would lose it.
fn members<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Member>, D::Error> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<Member>;
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("members by name")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::with_capacity(map.size_hint().unwrap_or(0));
            while let Some((name, mut member)) = map.next_entry::<String, Member>()? {
                member.name = name;
                members.push(member);
            }
            Ok(members)
        }
    }
    deserializer.deserialize_map(Members)
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}
