//! Dynamic references: `{{resolve:service:key}}` in a text stands for a value that another service keeps.
//!
//! Grammar and places as AWS documents them (CloudFormation User Guide, "Get values stored in other services using dynamic
//! references" and its pages for `ssm`, `ssm-secure` and `secretsmanager`). A reference is recognised in the text that
//! evaluation gives, so that functions may put it together from what only AWS can tell.

use std::fmt;
use std::ops::Range;

use payctl_model::{PropertyPath, Value};

use super::diagnostic::Diagnostic;
use super::expr::{Function, Kind, Tree};
use super::source::{Source, Span};

const OPEN: &str = "{{resolve:";
const CLOSE: &str = "}}";

/// Where `ssm-secure` may stand (User Guide, "Resources that support dynamic parameter patterns for secure strings").
const SECURE_PROPERTIES: [(&str, &str); 11] = [
    ("AWS::DirectoryService::MicrosoftAD", "Password"),
    ("AWS::DirectoryService::SimpleAD", "Password"),
    ("AWS::ElastiCache::ReplicationGroup", "AuthToken"),
    ("AWS::IAM::User", "LoginProfile.Password"),
    (
        "AWS::KinesisFirehose::DeliveryStream",
        "RedshiftDestinationConfiguration.Password",
    ),
    ("AWS::OpsWorks::App", "AppSource.Password"),
    ("AWS::OpsWorks::Stack", "CustomCookbooksSource.Password"),
    ("AWS::OpsWorks::Stack", "RdsDbInstances.*.DbPassword"),
    ("AWS::RDS::DBCluster", "MasterUserPassword"),
    ("AWS::RDS::DBInstance", "MasterUserPassword"),
    ("AWS::Redshift::Cluster", "MasterUserPassword"),
];

/// One dynamic reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DynamicReference {
    /// As it is written, braces included.
    pub text: String,
    /// Which value.
    pub lookup: Lookup,
    /// Of a secret that is a JSON object: the value under this key.
    pub json_key: Option<String>,
}

/// A value of another service. References that differ only in the key within it have the same one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lookup {
    /// `ssm`: a parameter whose value anyone may see; `ssm-secure`: one that is encrypted.
    Parameter {
        /// Its name.
        name: String,
        /// Its version; `None`: the newest.
        version: Option<u64>,
        /// Whether it is a secret.
        secure: bool,
    },
    /// `secretsmanager`.
    Secret {
        /// Its name or ARN.
        id: String,
        /// Which version; `None`: the current one.
        version: Option<SecretVersion>,
    },
}

/// A version of a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretVersion {
    /// By its stage, such as `AWSPREVIOUS`.
    Stage(String),
    /// By its id.
    Id(String),
}

/// Why a text cannot be resolved: what is wrong, with which part of it, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The part.
    pub range: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<&'static str>,
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// What stands for itself.
    Plain(&'t str),
    /// What stands for another value.
    Reference(DynamicReference, Range<usize>),
}

impl Lookup {
    /// Whether what it gives must never be stored or shown.
    pub fn is_secret(&self) -> bool {
        !matches!(self, Lookup::Parameter { secure: false, .. })
    }

    /// The types of resource that make what is looked up, and the property that names it.
    pub(crate) const PRODUCERS: [(&'static str, &'static str); 2] = [
        ("AWS::SSM::Parameter", "Name"),
        ("AWS::SecretsManager::Secret", "Name"),
    ];

    /// That of this one.
    pub(crate) fn made_by(&self) -> (&'static str, &'static str) {
        match self {
            Lookup::Parameter { .. } => Lookup::PRODUCERS[0],
            Lookup::Secret { .. } => Lookup::PRODUCERS[1],
        }
    }

    /// Whether this is the name of what is looked up.
    pub(crate) fn names(&self, name: &str) -> bool {
        match self {
            // A name with its only slash in front is the name without it (API_PutParameter, Name).
            Lookup::Parameter { name: own, .. } => {
                let bare = |name: &str| match name.strip_prefix('/') {
                    Some(rest) if !rest.contains('/') => rest.to_owned(),
                    _ => name.to_owned(),
                };
                bare(own) == bare(name)
            }
            // An ARN ends with the name, a hyphen and six characters that AWS draws (Secrets Manager User Guide, "ARN").
            Lookup::Secret { id, .. } => {
                let of_arn = id.splitn(7, ':').nth(6).filter(|_| id.starts_with("arn:"));
                id == name
                    || of_arn.is_some_and(|tail| {
                        tail == name
                            || tail
                                .strip_prefix(name)
                                .and_then(|rest| rest.strip_prefix('-'))
                                .is_some_and(|drawn| drawn.chars().count() == 6)
                    })
            }
        }
    }
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lookup::Parameter { name, version, .. } => {
                write!(f, "the parameter `{name}`")?;
                version.map_or(Ok(()), |version| write!(f, ", version {version}"))
            }
            Lookup::Secret { id, version } => {
                write!(f, "the secret `{id}`")?;
                match version {
                    Some(SecretVersion::Stage(stage)) => write!(f, ", stage {stage}"),
                    Some(SecretVersion::Id(id)) => write!(f, ", version {id}"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Whether a text may hold a dynamic reference.
pub(crate) fn has_reference(text: &str) -> bool {
    text.contains(OPEN)
}

/// Whether a text is one dynamic reference and nothing else: then it tells nothing that is secret.
pub(crate) fn is_reference(text: &str) -> bool {
    matches!(pieces(text).as_deref(), Ok([Piece::Reference(..)]))
}

/// A text cut into what stands for itself and what stands for another value.
///
/// # Errors
/// The first reference that is none.
pub fn pieces(text: &str) -> Result<Vec<Piece<'_>>, Malformed> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find(OPEN) {
        let start = at + found;
        let inner = start + OPEN.len();
        let wrong = |range, message: String, help| Malformed {
            range,
            message,
            help,
        };
        let Some(length) = text[inner..].find(CLOSE) else {
            return Err(wrong(
                start..text.len(),
                "a dynamic reference begins here and does not end".to_owned(),
                Some("it is written {{resolve:service:key}}"),
            ));
        };
        let end = inner + length + CLOSE.len();
        let key = &text[inner..inner + length];
        if key.contains("{{") {
            return Err(wrong(
                start..end,
                "a dynamic reference stands in another one".to_owned(),
                Some("what a reference gives cannot be part of a reference"),
            ));
        }
        let reference = parse(&text[start..end], key).map_err(|(message, help)| {
            wrong(
                start..end,
                format!("`{}` is no dynamic reference: {message}", &text[start..end]),
                help,
            )
        })?;
        if start > at {
            pieces.push(Piece::Plain(&text[at..start]));
        }
        pieces.push(Piece::Reference(reference, start..end));
        at = end;
    }
    if at < text.len() || pieces.is_empty() {
        pieces.push(Piece::Plain(&text[at..]));
    }
    Ok(pieces)
}

type Wrong = (String, Option<&'static str>);

/// What stands between `{{resolve:` and `}}`.
fn parse(text: &str, key: &str) -> Result<DynamicReference, Wrong> {
    if key.ends_with('\\') {
        let message = "it ends with a backslash, which CloudFormation cannot resolve";
        return Err((message.to_owned(), None));
    }
    let (service, key) = key.split_once(':').unwrap_or((key, ""));
    let (lookup, json_key) = match service {
        "ssm" => (parameter(key, false)?, None),
        "ssm-secure" => (parameter(key, true)?, None),
        "secretsmanager" => secret(key)?,
        other => {
            let message = format!("there is no service `{other}`");
            return Err((
                message,
                Some("the services are ssm, ssm-secure and secretsmanager"),
            ));
        }
    };
    Ok(DynamicReference {
        text: text.to_owned(),
        lookup,
        json_key,
    })
}

/// `name` or `name:version`. The name's characters: User Guide, "Get a plaintext value from Systems Manager Parameter Store".
fn parameter(key: &str, secure: bool) -> Result<Lookup, Wrong> {
    let (name, version) = match key.split_once(':') {
        Some((name, version)) => (name, Some(version)),
        None => (key, None),
    };
    if name.is_empty() {
        let form = "it is written {{resolve:ssm:name}} or {{resolve:ssm:name:version}}";
        return Err(("it names no parameter".to_owned(), Some(form)));
    }
    if key.starts_with("arn:") {
        return Err((
            "a parameter is named without its ARN".to_owned(),
            Some("CloudFormation reads parameters of the stack's own account and region only"),
        ));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/');
    if let Some(other) = name.chars().find(|c| !allowed(*c)) {
        let message = format!("a parameter's name has no `{other}`");
        return Err((
            message,
            Some("names have letters, digits, `_`, `.`, `-` and `/`"),
        ));
    }
    let version = version
        .map(|version| match version.parse::<u64>() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err((
                format!("`{version}` is no version number"),
                Some("a version is a number from 1; CloudFormation takes no labels"),
            )),
        })
        .transpose()?;
    Ok(Lookup::Parameter {
        name: name.to_owned(),
        version,
        secure,
    })
}

/// `id[:SecretString[:json-key[:version-stage[:version-id]]]]`; the id may be an ARN, which has colons of its own.
fn secret(key: &str) -> Result<(Lookup, Option<String>), Wrong> {
    const FORM: &str = "it is written {{resolve:secretsmanager:id:SecretString:json-key:version-stage:version-id}}, where what follows \
                        the id may be left out or left empty";
    let (id, rest) = if key.starts_with("arn:") {
        let colons = key.match_indices(':').map(|(at, _)| at);
        match colons.clone().nth(6) {
            Some(end) => (&key[..end], Some(&key[end + 1..])),
            None if colons.count() == 6 => (key, None),
            None => {
                let form = "an ARN is arn:aws:secretsmanager:region:account:secret:name";
                return Err((
                    "the ARN of the secret is not complete".to_owned(),
                    Some(form),
                ));
            }
        }
    } else {
        match key.split_once(':') {
            Some((id, rest)) => (id, Some(rest)),
            None => (key, None),
        }
    };
    if id.is_empty() {
        return Err(("it names no secret".to_owned(), Some(FORM)));
    }
    let segments: Vec<&str> = rest
        .map(|rest| rest.split(':').collect())
        .unwrap_or_default();
    let segment = |index: usize| segments.get(index).copied().filter(|text| !text.is_empty());
    if segments.len() > 4 {
        return Err((
            format!("it has {} segments too many", segments.len() - 4),
            Some(FORM),
        ));
    }
    if let Some(other) = segment(0).filter(|part| *part != "SecretString") {
        let message = format!("after the secret's id comes `SecretString`, not `{other}`");
        return Err((message, Some(FORM)));
    }
    let version = match (segment(2), segment(3)) {
        (Some(_), Some(_)) => {
            let help = "a version is given by its stage or by its id";
            return Err((
                "it has a version stage and a version id".to_owned(),
                Some(help),
            ));
        }
        (Some(stage), None) => Some(SecretVersion::Stage(stage.to_owned())),
        (None, Some(id)) => Some(SecretVersion::Id(id.to_owned())),
        (None, None) => None,
    };
    let lookup = Lookup::Secret {
        id: id.to_owned(),
        version,
    };
    Ok((lookup, segment(1).map(str::to_owned)))
}

/// Why a reference may not stand at this property of this type.
pub(crate) fn misplaced(
    type_name: &str,
    property: &PropertyPath,
    reference: &DynamicReference,
) -> Option<Wrong> {
    if payctl_model::facts::is_custom(type_name) && reference.lookup.is_secret() {
        let message = format!("a custom resource cannot have `{}`", reference.text);
        let help = "CloudFormation resolves only {{resolve:ssm:…}} for custom resources";
        return Some((message, Some(help)));
    }
    if !matches!(reference.lookup, Lookup::Parameter { secure: true, .. }) {
        return None;
    }
    let is_allowed = SECURE_PROPERTIES
        .iter()
        .any(|(of, pattern)| *of == type_name && PropertyPath::from(*pattern).matches(property));
    (!is_allowed).then(|| {
        let message = format!("`{property}` of {type_name} takes no ssm-secure reference");
        let help = "CloudFormation allows ssm-secure in a few passwords only; keep the value in Secrets Manager and use \
                    {{resolve:secretsmanager:…}}";
        (message, Some(help))
    })
}

/// What is wrong with the dynamic references in a resource's properties, as far as they can be seen already, each with its
/// place.
pub(super) fn check<L>(source: &Source, type_name: &str, properties: &Tree<L>) -> Vec<Found> {
    let mut found = Vec::new();
    visit(properties, &PropertyPath::root(), false, &mut |seen| {
        let text = seen.text;
        if !has_reference(text) {
            return;
        }
        if seen.encoded {
            let message = "Fn::Base64 encodes the dynamic reference itself, not its value, as in CloudFormation";
            found.push(Found::warning(message, seen.span));
        }
        match pieces(text) {
            Ok(pieces) => {
                for piece in pieces {
                    let Piece::Reference(reference, _) = piece else {
                        continue;
                    };
                    if let Some((message, help)) = misplaced(type_name, seen.path, &reference) {
                        let span = within(source, seen.span, &reference.text);
                        found.push(Found::error(message, help, span));
                    }
                }
            }
            // A function puts it together from this and more: what comes of it is looked at later.
            Err(_) if seen.within_function => {}
            Err(_) if seen.is_secret => {
                let message = "the dynamic reference in this secret text cannot be read";
                found.push(Found::error(message.to_owned(), None, seen.span));
            }
            Err(wrong) => {
                let span = within(source, seen.span, &text[wrong.range]);
                found.push(Found::error(wrong.message, wrong.help, span));
            }
        }
    });
    found
}

/// Whether a dynamic reference stands in it.
pub(super) fn stands_in<L>(tree: &Tree<L>) -> bool {
    let mut found = false;
    visit(tree, &PropertyPath::root(), false, &mut |seen| {
        found |= has_reference(seen.text);
    });
    found
}

/// One thing that is wrong, or worth knowing.
pub(super) struct Found {
    message: String,
    help: Option<&'static str>,
    span: Span,
    is_error: bool,
}

impl Found {
    fn error(message: String, help: Option<&'static str>, span: Span) -> Found {
        Found {
            message,
            help,
            span,
            is_error: true,
        }
    }

    fn warning(message: &str, span: Span) -> Found {
        Found {
            message: message.to_owned(),
            help: None,
            span,
            is_error: false,
        }
    }

    pub(super) fn is_error(&self) -> bool {
        self.is_error
    }

    pub(super) fn diagnostic(self, source: &std::sync::Arc<Source>) -> Diagnostic {
        let diagnostic = match self.is_error {
            true => Diagnostic::error("bad-dynamic-reference", self.message),
            false => Diagnostic::warning("dynamic-reference", self.message),
        };
        diagnostic
            .at(source, self.span)
            .maybe_help(self.help.map(str::to_owned))
    }
}

/// The place of a part of a text, where the source has it as it is.
fn within(source: &Source, span: Span, part: &str) -> Span {
    match source.slice(span).find(part) {
        Some(found) => Span {
            offset: span.offset + found,
            length: part.len(),
        },
        None => span,
    }
}

/// A text of a tree.
struct Seen<'t> {
    path: &'t PropertyPath,
    text: &'t str,
    /// Whether nobody may see it.
    is_secret: bool,
    span: Span,
    /// Whether a function makes something of it.
    within_function: bool,
    /// Whether that is `Fn::Base64`.
    encoded: bool,
}

fn visit<L>(
    tree: &Tree<L>,
    path: &PropertyPath,
    within_function: bool,
    see: &mut dyn FnMut(Seen<'_>),
) {
    match &tree.kind {
        Kind::Value(value) => visit_texts(value, path, &mut |path, text, is_secret| {
            see(Seen {
                path,
                text,
                is_secret,
                span: tree.span,
                within_function,
                encoded: false,
            });
        }),
        Kind::NoValue | Kind::Leaf(_) => {}
        Kind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = match within_function {
                    true => path.clone(),
                    false => path.index(index),
                };
                visit(item, &path, within_function, see);
            }
        }
        Kind::Map(fields) => {
            for (key, field) in fields {
                visit(&field.value, &path.key(key), within_function, see);
            }
        }
        // What it gives is one of its last two arguments as it is.
        Kind::Call(Function::If, arguments) => {
            for argument in arguments.iter().skip(1) {
                visit(argument, path, within_function, see);
            }
        }
        Kind::Call(function, arguments) => {
            let encodes = *function == Function::Base64;
            for argument in arguments {
                visit(argument, path, true, &mut |seen| {
                    see(Seen {
                        encoded: seen.encoded || encodes,
                        ..seen
                    })
                });
            }
        }
    }
}

/// Every dynamic reference in a value; what cannot be read is none.
pub(crate) fn references_in(value: &Value) -> Vec<DynamicReference> {
    let mut found = Vec::new();
    visit_texts(value, &PropertyPath::root(), &mut |_, text, _| {
        let pieces = match has_reference(text) {
            true => pieces(text).unwrap_or_default(),
            false => return,
        };
        found.extend(pieces.into_iter().filter_map(|piece| match piece {
            Piece::Reference(reference, _) => Some(reference),
            Piece::Plain(_) => None,
        }));
    });
    found
}

/// Calls `see` for every text in a value; secret ones, of which it is told, included.
pub(crate) fn visit_texts(
    value: &Value,
    path: &PropertyPath,
    see: &mut impl FnMut(&PropertyPath, &str, bool),
) {
    match value {
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                visit_texts(item, &path.index(index), see);
            }
        }
        Value::Map(map) => {
            for (key, item) in map {
                visit_texts(item, &path.key(key), see);
            }
        }
        leaf => {
            if let Some(text) = leaf.expose_str() {
                see(path, text, matches!(leaf, Value::Secret(_)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(text: &str) -> Result<DynamicReference, String> {
        match pieces(text).map_err(|wrong| wrong.message)?.as_slice() {
            [Piece::Reference(reference, range)] => {
                assert_eq!(*range, 0..text.len());
                Ok(reference.clone())
            }
            other => Err(format!("{other:?}")),
        }
    }

    fn secret_of(id: &str, version: Option<SecretVersion>) -> Lookup {
        Lookup::Secret {
            id: id.to_owned(),
            version,
        }
    }

    #[test]
    fn every_form_that_aws_documents_is_read() {
        const ARN: &str = "arn:aws:secretsmanager:us-west-2:123456789012:secret:MySecret-asd123";
        let parameter = |name: &str, version, secure| Lookup::Parameter {
            name: name.to_owned(),
            version,
            secure,
        };
        let cases = [
            (
                "{{resolve:ssm:S3AccessControl:2}}",
                parameter("S3AccessControl", Some(2), false),
                None,
            ),
            (
                "{{resolve:ssm:/a/b-c_d.e}}",
                parameter("/a/b-c_d.e", None, false),
                None,
            ),
            (
                "{{resolve:ssm-secure:IAMUserPassword:10}}",
                parameter("IAMUserPassword", Some(10), true),
                None,
            ),
            (
                "{{resolve:secretsmanager:MySecret}}",
                secret_of("MySecret", None),
                None,
            ),
            (
                "{{resolve:secretsmanager:MySecret::::}}",
                secret_of("MySecret", None),
                None,
            ),
            (
                "{{resolve:secretsmanager:MySecret:SecretString:password}}",
                secret_of("MySecret", None),
                Some("password"),
            ),
            (
                "{{resolve:secretsmanager:MySecret:SecretString:password:AWSPREVIOUS}}",
                secret_of("MySecret", Some(SecretVersion::Stage("AWSPREVIOUS".into()))),
                Some("password"),
            ),
            (
                "{{resolve:secretsmanager:MySecret:SecretString:password::1-2-3}}",
                secret_of("MySecret", Some(SecretVersion::Id("1-2-3".into()))),
                Some("password"),
            ),
        ];
        for (text, lookup, key) in cases {
            let reference = one(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
            assert_eq!(
                (reference.lookup, reference.json_key.as_deref()),
                (lookup, key),
                "{text}"
            );
        }
        for (tail, key) in [
            ("", None),
            (":SecretString", None),
            (":SecretString:password", Some("password")),
        ] {
            let reference = one(&format!("{{{{resolve:secretsmanager:{ARN}{tail}}}}}")).unwrap();
            assert_eq!(reference.lookup, secret_of(ARN, None));
            assert_eq!(reference.json_key.as_deref(), key);
        }
    }

    #[test]
    fn what_is_no_reference_is_told_with_why() {
        for (text, why) in [
            ("{{resolve:ssm:}}", "it names no parameter"),
            ("{{resolve:ssm}}", "it names no parameter"),
            ("{{resolve:ssm:a b}}", "a parameter's name has no ` `"),
            ("{{resolve:ssm:a:latest}}", "`latest` is no version number"),
            ("{{resolve:ssm:a:0}}", "`0` is no version number"),
            ("{{resolve:ssm:a:1:2}}", "`1:2` is no version number"),
            (
                "{{resolve:ssm:arn:aws:ssm:r:1:parameter/a}}",
                "a parameter is named without its ARN",
            ),
            ("{{resolve:secretsmanager:}}", "it names no secret"),
            (
                "{{resolve:secretsmanager:s:Binary}}",
                "after the secret's id comes `SecretString`, not `Binary`",
            ),
            (
                "{{resolve:secretsmanager:s:SecretString:k:st:id}}",
                "it has a version stage and a version id",
            ),
            (
                "{{resolve:secretsmanager:s:::::}}",
                "it has 1 segments too many",
            ),
            (
                "{{resolve:secretsmanager:arn:aws:secretsmanager:r:1}}",
                "the ARN of the secret is not complete",
            ),
            ("{{resolve:vault:a}}", "there is no service `vault`"),
            ("{{resolve:ssm:a\\}}", "it ends with a backslash"),
        ] {
            let wrong = one(text).unwrap_err();
            assert!(wrong.contains(why), "{text}: {wrong}");
        }
        assert!(one("{{resolve:ssm:a").unwrap_err().contains("does not end"));
        assert!(
            one("{{resolve:ssm:{{resolve:ssm:a}}}}")
                .unwrap_err()
                .contains("stands in another one")
        );
    }

    #[test]
    fn a_text_may_hold_several_and_more() {
        let text =
            "postgres://{{resolve:ssm:user}}:{{resolve:secretsmanager:db:SecretString:pw}}@host";
        let pieces = pieces(text).unwrap();
        let shown: Vec<String> = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Plain(plain) => format!("={plain}"),
                Piece::Reference(reference, _) => reference.lookup.to_string(),
            })
            .collect();
        assert_eq!(
            shown,
            [
                "=postgres://",
                "the parameter `user`",
                "=:",
                "the secret `db`",
                "=@host"
            ]
        );
        assert!(!is_reference(text));
        assert!(is_reference("{{resolve:ssm:user}}"));
    }

    #[test]
    fn a_lookup_knows_by_which_names_it_goes() {
        let arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:prod/db-a1B2c3";
        for (lookup, name, same) in [
            (secret_of("prod/db", None), "prod/db", true),
            (secret_of(arn, None), "prod/db", true),
            (secret_of(arn, None), "prod", false),
            (secret_of("prod/db", None), "prod/db2", false),
        ] {
            assert_eq!(lookup.names(name), same, "{lookup} {name}");
        }
        let lookup = one("{{resolve:ssm:/port}}").unwrap().lookup;
        assert!(lookup.names("port") && lookup.names("/port") && !lookup.names("/a/port"));
    }

    /// What is said of a template, as `code line:column message`.
    fn said(text: &str, parameters: &[(&str, &str)]) -> Vec<String> {
        let shown = |diagnostic: &Diagnostic| {
            let place = diagnostic.place.as_ref().unwrap();
            let at = place.source.position(place.span.offset);
            format!(
                "{} {}:{} {}",
                diagnostic.code, at.line, at.column, diagnostic.message
            )
        };
        let template = match crate::template::load("t.yaml", text) {
            Ok(template) => template,
            Err(found) => return found.iter().map(shown).collect(),
        };
        let inputs = crate::template::Inputs {
            region: "us-east-1".to_owned(),
            stack: "s".to_owned(),
            parameters: parameters
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
                .collect(),
            ..Default::default()
        };
        match template.instantiate(&inputs) {
            Ok(stack) => stack.warnings.iter().map(shown).collect(),
            Err(found) => found.iter().map(shown).collect(),
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let text = r#"Resources:
  Db:
    Type: AWS::RDS::DBCluster
    Properties:
      MasterUserPassword: "{{resolve:ssm-secure:pw}}"
      MasterUsername: "{{resolve:ssm-secure:user}}"
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: "from {{resolve:ssm:a:b}}"
      TopicName: !Sub "{{resolve:ssm:${AWS::Region}}}"
  Custom:
    Type: Custom::Thing
    Properties:
      ServiceToken: "{{resolve:ssm:token}}"
      Password: "{{resolve:secretsmanager:s}}"
"#;
        let found = said(text, &[]);
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(
            found,
            [
                "bad-dynamic-reference 6:24 `MasterUsername` of AWS::RDS::DBCluster takes no ssm-secure reference",
                "bad-dynamic-reference 10:26 `{{resolve:ssm:a:b}}` is no dynamic reference: `b` is no version number",
                "bad-dynamic-reference 16:18 a custom resource cannot have `{{resolve:secretsmanager:s}}`",
            ]
        );
    }

    #[test]
    fn what_parameters_put_together_is_looked_at_when_they_are_known() {
        let text = r#"Parameters:
  Version: {Type: String}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: !Join ["", ["{{resolve:ssm:title:", !Ref Version, "}}"]]
"#;
        assert_eq!(said(text, &[("Version", "3")]), Vec::<String>::new());
        assert_eq!(
            said(text, &[("Version", "three")]),
            [
                "bad-dynamic-reference 7:20 `{{resolve:ssm:title:three}}` is no dynamic reference: `three` is no version number"
            ]
        );
    }

    #[test]
    fn what_cloudformation_leaves_as_it_is_written_is_worth_a_warning() {
        let text = r#"Resources:
  Topic:
    Type: AWS::SNS::Topic
    Metadata: {Note: "{{resolve:nothing}}"}
    Properties:
      DisplayName: !Base64 "{{resolve:ssm:title}}"
Outputs:
  Title: {Value: "{{resolve:ssm:title}}"}
"#;
        assert_eq!(
            said(text, &[]),
            [
                "dynamic-reference 6:28 Fn::Base64 encodes the dynamic reference itself, not its value, as in CloudFormation",
                "dynamic-reference 8:18 the dynamic reference in the output `Title` is shown as it is written: references are resolved in properties of resources",
            ]
        );
    }

    proptest! {
        /// Whatever stands in a text: the pieces put together again are the text.
        #[test]
        fn no_text_is_lost(text in "(\\{\\{resolve:|ssm:|secretsmanager:|SecretString|\\}\\}|[a-z:{}/ ü]){0,30}") {
            if let Ok(pieces) = pieces(&text) {
                let mut again = String::new();
                for piece in &pieces {
                    match piece {
                        Piece::Plain(plain) => again.push_str(plain),
                        Piece::Reference(reference, range) => {
                            prop_assert_eq!(&reference.text, &text[range.clone()]);
                            again.push_str(&reference.text);
                        }
                    }
                }
                prop_assert_eq!(again, text);
            }
        }
    }
}
