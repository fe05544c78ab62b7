//! What the registry's facts say of a model: what is wrong with it, and what AWS adds to it.

use payctl_model::facts::{Finding, FindingKind, Kind, Schema, TypeFacts, check};
use payctl_model::{PropertyPath, Step, Value};
use serde_json::{Map, Value as Json, json};

use super::shapes::{self, Takers};
use super::{NAMES_EXIST, READ_ONLY, VALID};
use crate::call::{Call, digest, uuid};
use crate::error::Refusal;

/// Nested deeper than this AWS tells nothing of its own.
const DEPTH: usize = 4;

/// Refuses a desired state that does not fit the schema.
pub(super) fn check_desired(facts: &TypeFacts, desired: &Json) -> Result<(), Refusal> {
    let findings = check(facts, &Value::from(desired.clone()));
    let read_only = findings
        .iter()
        .find(|finding| finding.kind == FindingKind::ReadOnly);
    if let Some(finding) = read_only {
        let what = format!("/properties/{}", slashes(&finding.path));
        return Err(READ_ONLY.fault.with(&[("what", &what)]));
    }
    check_findings(facts, desired, &findings)
}

/// Refuses what a patch makes of a model that AWS has told, read-only properties and all. What it leaves as it was is AWS's own.
pub(super) fn check_patched(
    facts: &TypeFacts,
    before: &Json,
    patched: &Json,
) -> Result<(), Refusal> {
    let mut settable = patched.clone();
    for path in &facts.read_only {
        if !facts.is_create_only(path) {
            take(&mut settable, path.steps());
        }
    }
    let is_new = |path: &PropertyPath| {
        path.head()
            .is_none_or(|name| patched.get(name) != before.get(name))
    };
    let mut findings = check(facts, &Value::from(settable.clone()));
    // Alternatives at the top may hang on what reading does not tell.
    let is_open = |finding: &Finding| finding.path.is_root() && finding.kind == FindingKind::OneOf;
    findings.retain(|finding| is_new(&finding.path) && !is_open(finding));
    check_findings(facts, &changed_alone(before, &settable), &findings)
}

/// The members of a model that a patch has changed.
pub(super) fn changed_alone(before: &Json, after: &Json) -> Json {
    let members = after.as_object().into_iter().flatten();
    let changed = members.filter(|(name, value)| before.get(*name) != Some(*value));
    let changed = changed.map(|(name, value)| (name.clone(), value.clone()));
    Json::Object(changed.collect())
}

fn check_findings(facts: &TypeFacts, model: &Json, findings: &[Finding]) -> Result<(), Refusal> {
    let refused = |path: &PropertyPath, what: &str| {
        let what = format!("#/{}: {what}", slashes(path));
        Err(VALID.fault.with(&[("what", &what)]))
    };
    let hard = findings
        .iter()
        .find(|finding| finding.kind != FindingKind::ReadOnly);
    if let Some(finding) = hard {
        return refused(&finding.path, &finding.message);
    }
    match mistyped(facts, &facts.root, &PropertyPath::root(), model) {
        Some((path, what)) => refused(&path, &what),
        None => Ok(()),
    }
}

fn slashes(path: &PropertyPath) -> String {
    let steps = path.steps().iter().map(|step| match step {
        Step::Key(key) => key.clone(),
        Step::Index(at) => at.to_string(),
        Step::Any => "*".to_owned(),
    });
    steps.collect::<Vec<_>>().join("/")
}

/// The first value that is not of its schema's type: a text is no number here, whatever it says.
fn mistyped(
    facts: &TypeFacts,
    schema: &Schema,
    path: &PropertyPath,
    value: &Json,
) -> Option<(PropertyPath, String)> {
    let schema = facts.resolve(schema);
    let kind = match value {
        Json::Null => Kind::Null,
        Json::Bool(_) => Kind::Boolean,
        Json::Number(number) if number.is_f64() => Kind::Number,
        Json::Number(_) => Kind::Integer,
        Json::String(_) => Kind::String,
        Json::Array(_) => Kind::Array,
        Json::Object(_) => Kind::Object,
    };
    if !schema.allows(kind) {
        let expected: Vec<&str> = schema.kinds.iter().map(|kind| kind.name()).collect();
        let what = format!(
            "expected type: {}, found: {}",
            expected.join(" or "),
            kind.name()
        );
        return Some((path.clone(), what));
    }
    match value {
        Json::Object(members) => members.iter().find_map(|(name, value)| {
            let inner = facts.property(schema, name)?;
            mistyped(facts, inner, &path.key(name.as_str()), value)
        }),
        Json::Array(items) => {
            let inner = facts.items(schema)?;
            let mut items = items.iter().enumerate();
            items.find_map(|(at, item)| mistyped(facts, inner, &path.index(at), item))
        }
        _ => None,
    }
}

/// Takes away what stands at a pattern.
pub(super) fn take(value: &mut Json, steps: &[Step]) {
    match (steps, value) {
        ([Step::Key(key)], Json::Object(members)) => {
            members.remove(key);
        }
        ([Step::Key(key), rest @ ..], Json::Object(members)) => {
            if let Some(inner) = members.get_mut(key) {
                take(inner, rest);
            }
        }
        ([Step::Any, rest @ ..], Json::Array(items)) => {
            items.iter_mut().for_each(|item| take(item, rest));
        }
        ([Step::Any, rest @ ..], Json::Object(members)) => {
            members.values_mut().for_each(|item| take(item, rest));
        }
        _ => {}
    }
}

/// Names of other resources by the format that the schema gives them, and the simulated kind that has them.
const NAMES: &[(&str, &str)] = &[
    ("AWS::EC2::SecurityGroup.Id", "ec2/security-group"),
    ("AWS::EC2::Subnet.Id", "ec2/subnet"),
    ("AWS::EC2::VPC.Id", "ec2/vpc"),
    ("AWS::IAM::Role.Arn", "iam/role"),
];

/// The handler's refusal of a model that names what does not exist.
pub(super) fn missing_name(
    call: &Call,
    facts: &TypeFacts,
    model: &Json,
) -> Option<(String, String)> {
    let what = missing(call, facts, &facts.root, model)?;
    let refusal = NAMES_EXIST.fault.with(&[("what", &what)]);
    Some((refusal.code.to_string(), refusal.message))
}

fn missing(call: &Call, facts: &TypeFacts, schema: &Schema, value: &Json) -> Option<String> {
    let schema = facts.resolve(schema);
    match value {
        Json::Object(members) => members
            .iter()
            .find_map(|(name, value)| missing(call, facts, facts.property(schema, name)?, value)),
        Json::Array(items) => {
            let inner = facts.items(schema)?;
            items
                .iter()
                .find_map(|item| missing(call, facts, inner, item))
        }
        Json::String(name) => {
            let format = schema.format.as_deref()?;
            let (_, kind) = NAMES.iter().find(|(known, _)| *known == format)?;
            // Roles of other accounts and AWS's own service-linked ones are nobody's to be looked up here.
            let other = name.starts_with("arn:")
                && (!name.contains(&format!(":{}:", call.account))
                    || name.contains("/aws-service-role/"));
            let known = other || name.is_empty() || call.find(kind, name).is_some();
            (!known).then(|| name.clone())
        }
        _ => None,
    }
}

/// A model as AWS has it once it is made: with names that were left to AWS, what AWS sets, and its defaults.
pub(super) fn complete(call: &Call, facts: &TypeFacts, model: &mut Json, digits: &str) {
    let maker = Maker {
        call,
        facts,
        digits,
        name: own_name(facts, model)
            .unwrap_or_else(|| format!("{}-{}", short(facts), &digits[..12])),
    };
    for path in facts.primary_identifier.iter().chain(&facts.read_only) {
        maker.fill(model, path);
    }
    let Json::Object(members) = model else { return };
    for (name, schema) in &facts.root.properties {
        let path = PropertyPath::root().key(name.as_str());
        let default = facts.resolve(schema).default.as_ref();
        let default = default.and_then(Value::expose_json);
        let fits = |default: &Json| {
            let default = Value::from(default.clone());
            payctl_model::facts::check::check_at(facts, schema, &path, &default).is_empty()
        };
        let default = default.filter(|default| !default.is_null() && fits(default));
        if let Some(default) = default.filter(|_| !facts.is_write_only(&path)) {
            members.entry(name.clone()).or_insert(default);
        }
    }
}

/// `workgroup` of `AWS::Athena::WorkGroup`.
fn short(facts: &TypeFacts) -> String {
    let last = facts.name.rsplit("::").next().unwrap_or_default();
    last.to_ascii_lowercase()
}

/// The name that the template gives it.
fn own_name(facts: &TypeFacts, model: &Json) -> Option<String> {
    let given = facts.primary_identifier.iter().rev();
    let mut given = given.filter_map(|path| at(model, path)?.as_str().map(str::to_owned));
    let last = facts.name.rsplit("::").next().unwrap_or_default();
    given
        .next()
        .or_else(|| model.get("Name")?.as_str().map(str::to_owned))
        .or_else(|| {
            model
                .get(format!("{last}Name"))?
                .as_str()
                .map(str::to_owned)
        })
}

fn at<'j>(model: &'j Json, path: &PropertyPath) -> Option<&'j Json> {
    path.steps()
        .iter()
        .try_fold(model, |here, step| match step {
            Step::Key(key) => here.get(key),
            _ => None,
        })
}

/// Services whose ARNs call them otherwise than their types do (Service Authorization Reference, "Resource types defined by …").
const NAMESPACES: &[(&str, &str)] = &[
    ("AmazonMQ", "mq"),
    ("APS", "aps"),
    ("ApiGatewayV2", "apigateway"),
    ("CertificateManager", "acm"),
    ("CloudWatch", "cloudwatch"),
    ("CodeConnections", "codeconnections"),
    ("Cognito", "cognito-idp"),
    ("DocDB", "rds"),
    ("EFS", "elasticfilesystem"),
    ("EMR", "elasticmapreduce"),
    ("EMRServerless", "emr-serverless"),
    ("ElasticLoadBalancing", "elasticloadbalancing"),
    ("ElasticLoadBalancingV2", "elasticloadbalancing"),
    ("KinesisFirehose", "firehose"),
    ("MSK", "kafka"),
    ("Neptune", "rds"),
    ("OpenSearchServerless", "aoss"),
    ("OpenSearchService", "es"),
    ("RedshiftServerless", "redshift-serverless"),
    ("StepFunctions", "states"),
    ("VpcLattice", "vpc-lattice"),
];

/// The ARN under which the Tagging API knows a resource.
pub(super) fn arn(call: &Call, facts: &TypeFacts, model: &Json, id: &str) -> String {
    let last = facts.name.rsplit("::").next().unwrap_or_default();
    let own = ["Arn".to_owned(), format!("{last}Arn")];
    let told = own.iter().find_map(|name| model.get(name)?.as_str());
    match told {
        Some(arn) => arn.to_owned(),
        None if id.starts_with("arn:") => id.to_owned(),
        None => arn_of(call, facts, &id.replace('|', "/")),
    }
}

fn arn_of(call: &Call, facts: &TypeFacts, name: &str) -> String {
    let service = facts.name.split("::").nth(1).unwrap_or_default();
    let namespace = NAMESPACES.iter().find(|(name, _)| *name == service);
    let namespace = namespace.map_or_else(
        || service.to_ascii_lowercase(),
        |(_, namespace)| (*namespace).to_owned(),
    );
    format!(
        "arn:{}:{namespace}:{}:{}:{}/{name}",
        call.partition(),
        call.region,
        call.account,
        short(facts)
    )
}

/// Makes values that look like AWS's.
struct Maker<'a> {
    call: &'a Call<'a>,
    facts: &'a TypeFacts,
    digits: &'a str,
    name: String,
}

impl Maker<'_> {
    fn fill(&self, model: &mut Json, path: &PropertyPath) {
        let in_lists = path
            .steps()
            .iter()
            .any(|step| !matches!(step, Step::Key(_)));
        if in_lists || at(model, path).is_some() {
            return;
        }
        let Some(schema) = self.facts.schema_at(path) else {
            return;
        };
        let mut here = model;
        let mut walked = PropertyPath::root();
        let steps = path.steps();
        for (position, step) in steps.iter().enumerate() {
            let (Step::Key(key), Json::Object(members)) = (step, here) else {
                return;
            };
            walked = walked.key(key.as_str());
            if position + 1 == steps.len() {
                members.insert(key.clone(), self.value(schema, path, DEPTH));
                return;
            }
            // What holds nothing but AWS's own is there by itself.
            if !members.contains_key(key) && !self.is_all_told(&walked) {
                return;
            }
            here = members.entry(key.clone()).or_insert_with(|| json!({}));
        }
    }

    fn is_all_told(&self, path: &PropertyPath) -> bool {
        let schema = self.facts.schema_at(path);
        schema.is_some_and(|schema| {
            let mut keys = schema.properties.keys();
            keys.all(|key| self.facts.is_read_only(&path.key(key.as_str())))
        })
    }

    fn value(&self, schema: &Schema, path: &PropertyPath, depth: usize) -> Json {
        let schema = self.facts.resolve(schema);
        if let Some(constant) = schema.constant.as_ref().or(schema.values.first()) {
            return constant.expose_json().unwrap_or(Json::Null);
        }
        let part = || {
            schema
                .any_of
                .iter()
                .chain(&schema.one_of)
                .chain(&schema.all_of)
                .next()
        };
        match schema.kinds.first() {
            None if schema.properties.is_empty() => match part() {
                Some(part) if depth > 0 => self.value(part, path, depth - 1),
                _ => self.text(schema, path),
            },
            Some(Kind::Boolean) => false.into(),
            Some(Kind::Integer) => (schema.minimum.unwrap_or(1.0).max(1.0) as i64).into(),
            Some(Kind::Number) => json!(schema.minimum.unwrap_or(1.0)),
            Some(Kind::Array) => match self.facts.items(schema) {
                Some(items) if schema.min_items.is_some_and(|least| least > 0) && depth > 0 => {
                    json!([self.value(items, &path.index(0), depth - 1)])
                }
                _ => json!([]),
            },
            None | Some(Kind::Object) => {
                let mut members = Map::new();
                if let Some(depth) = depth.checked_sub(1) {
                    for (name, inner) in &schema.properties {
                        let value = self.value(inner, &path.key(name.as_str()), depth);
                        members.insert(name.clone(), value);
                    }
                }
                members.into()
            }
            Some(Kind::String) => self.text(schema, path),
            Some(Kind::Null) => Json::Null,
        }
    }

    /// The first text of those that AWS might use which the schema takes.
    fn text(&self, schema: &Schema, path: &PropertyPath) -> Json {
        let property = match path.steps().last() {
            Some(Step::Key(key)) => key.as_str(),
            _ => "",
        };
        let own = digest(&[self.digits, &path.to_string()]);
        let lower = property.to_ascii_lowercase();
        let is_time = schema.format.as_deref() == Some("date-time")
            || ["time", "date", "at"]
                .iter()
                .any(|end| lower.ends_with(end))
                && lower.len() > 4;
        let arn = arn_of(self.call, self.facts, &self.name);
        let host = format!("{}.{}.amazonaws.com", &own[..12], self.call.region);
        let mut texts = Vec::new();
        if lower.ends_with("arn") {
            texts.push(arn.clone());
        }
        if is_time {
            texts.push("2026-01-01T00:00:00Z".to_owned());
        }
        if ["url", "uri"].iter().any(|end| lower.ends_with(end)) {
            texts.push(format!("https://{host}"));
        }
        let is_host = ["endpoint", "address", "domain", "domainname", "dnsname"];
        if is_host.contains(&lower.as_str()) {
            texts.push(host.clone());
        } else if lower.ends_with("endpoint") {
            texts.push(format!("https://{host}"));
        } else if is_host.iter().any(|end| lower.ends_with(end)) {
            texts.push(host.clone());
        }
        if lower.ends_with("name") {
            texts.push(self.name.clone());
        }
        let takers = Takers::of(self.facts, property);
        let patterns = takers.patterns();
        let patterns = schema.pattern.iter().chain(&patterns);
        // Generated texts end in digits of their own, so that two of them differ.
        texts.extend(patterns.flat_map(|pattern| shapes::matching(pattern, &own)));
        texts.extend([
            own[..10].to_owned(),
            format!(
                "{}-{}",
                short(self.facts).chars().take(8).collect::<String>(),
                &own[..17]
            ),
            uuid(&own),
            own[..32].to_owned(),
            own[..8].to_ascii_uppercase(),
            own[..14].to_ascii_uppercase(),
            format!("{}", u64::from_str_radix(&own[..8], 16).unwrap_or(1)),
            format!("{}_{}", self.call.region, &own[..9]),
            format!("{}-{}", self.name, &own[..6]),
            format!("a{}", &own[..6]),
            arn,
            format!("https://{host}"),
            host,
            self.call.account.clone(),
            "1".to_owned(),
        ]);
        let fits = |text: &&String| {
            let value = Value::from(text.as_str());
            payctl_model::facts::check::check_at(self.facts, schema, path, &value).is_empty()
        };
        // Of what fits here, the first that most of those take who refer to it.
        let fitting = texts
            .iter()
            .filter(fits)
            .map(|text| (takers.take(text), text));
        let best = fitting.rev().max_by_key(|(taken, _)| *taken);
        best.map(|(_, text)| text).or(texts.first()).cloned().into()
    }
}
