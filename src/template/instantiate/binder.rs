//! [`Binder`]: from terms to expressions, for one set of inputs.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use payctl_model::{Address, AttributeOf, Value};

use super::super::diagnostic::{Diagnostic, did_you_mean};
use super::super::eval::EXPORT;
use super::super::expr::{EvalError, Expr, Field, Function, Kind, NoAttributes, Reference, Tree};
use super::super::source::Span;
use super::super::stack::{DeletionPolicy, Inputs, NOT_KNOWN_YET};
use super::super::syntax::{Local, NO_VALUE, PSEUDO, Pseudo, Term};
use super::super::{PolicyTerm, ResourceTerm, Template, check, functions};
use super::HANDLE;
use super::certain;
use super::nested::Nested;
use super::parameters::has_unasked;

/// The attribute that stands for what rules ask of the account.
const ACCOUNT: &str = "(account)";
/// The code of errors that only say that nobody has looked.
const UNASKED: &str = "not-asked";

/// Turns terms into expressions for one set of inputs.
pub(in crate::template) struct Binder<'a> {
    pub(super) template: &'a Template,
    pub(super) inputs: &'a Inputs,
    /// What `Ref` gives for each parameter.
    pub(super) parameters: BTreeMap<String, Expr>,
    conditions: BTreeMap<&'a str, Condition>,
    pub(super) errors: RefCell<Vec<EvalError>>,
    /// Whether something was taken to hold because nobody has looked.
    pub(super) assumed: Cell<bool>,
    /// The nested stacks as far as they have been asked for.
    pub(super) nested: RefCell<BTreeMap<String, Nested>>,
    /// What is wrong in them.
    pub(super) nested_mistakes: RefCell<Vec<Diagnostic>>,
    /// What nobody carries out of what is said of them.
    pub(super) nested_warnings: RefCell<Vec<Diagnostic>>,
}

/// Whether a condition holds.
enum Condition {
    Decided(bool),
    /// That will be known when something is created: this says whether it holds.
    Open(Expr),
    /// That could not be told: its error is noted.
    Failed,
}

impl<'a> Binder<'a> {
    pub(in crate::template) fn new(
        template: &'a Template,
        inputs: &'a Inputs,
        parameters: BTreeMap<String, Expr>,
    ) -> Binder<'a> {
        let mut binder = Binder {
            template,
            inputs,
            parameters,
            conditions: BTreeMap::new(),
            errors: RefCell::default(),
            assumed: Cell::new(false),
            nested: RefCell::default(),
            nested_mistakes: RefCell::default(),
            nested_warnings: RefCell::default(),
        };
        for name in &template.condition_order {
            let decided = binder.decide(name);
            binder.conditions.insert(name, decided);
        }
        binder
    }

    pub(super) fn fail(&self, code: &'static str, message: impl Into<String>, span: Span) {
        self.errors.borrow_mut().push(EvalError {
            code,
            message: message.into(),
            span,
        });
    }

    /// The reduced expression of a term, its errors noted.
    pub(super) fn expr(&self, term: &Term, existing: &BTreeSet<&str>) -> Expr {
        let bound = self.bind(term, Some(existing)).reduce(&NoAttributes);
        let errors = bound.errors();
        self.errors.borrow_mut().extend(errors);
        if let Some(call) = find_import(&bound)
            && !self.waits_for_lookup(&bound)
        {
            self.fail(
                "bad-reference",
                "the names of an import must be known before anything is created",
                call,
            );
        }
        bound
    }

    /// Whether what is unknown of it only waits for a look-up.
    pub(super) fn waits_for_lookup(&self, bound: &Expr) -> bool {
        let waits = bound
            .evaluate(&NoAttributes)
            .is_ok_and(|value| has_unasked(&value));
        if waits {
            self.assumed.set(true);
        }
        waits
    }

    /// What `DeletionPolicy` or `UpdateReplacePolicy` says; what is wrong is noted.
    pub(super) fn policy(
        &self,
        attribute: &str,
        written: &PolicyTerm,
        type_name: &str,
    ) -> Option<DeletionPolicy> {
        let term = match written {
            PolicyTerm::Written(policy) => return Some(*policy),
            PolicyTerm::Computed(term) => term,
        };
        let value = match self.value_or_unknown(term) {
            // No policy, as if it were not written.
            Ok(Value::Null) => return None,
            Ok(value) if has_unasked(&value) => {
                self.assumed.set(true);
                return None;
            }
            Ok(value) if value.has_unknown() => {
                let message = format!(
                    "{attribute} must be known before anything is created, but it is made from {}",
                    awaited(&value)
                );
                self.fail(NOT_KNOWN_YET, message, term.span);
                return None;
            }
            Ok(value) => value,
            Err(error) => {
                self.errors.borrow_mut().push(error);
                return None;
            }
        };
        match DeletionPolicy::of(attribute, value.as_str().unwrap_or_default(), type_name) {
            Ok(policy) => Some(policy),
            Err((message, help)) => {
                self.fail("bad-value", format!("{message}: {help}"), term.span);
                None
            }
        }
    }

    /// The value of what can only depend on parameters, mappings, pseudo parameters and, in rules, the account.
    pub(in crate::template) fn value_or_unknown(&self, term: &Term) -> Result<Value, EvalError> {
        let told = self.errors.borrow().len();
        let bound = self.bind(term, None).reduce(&NoAttributes);
        // What was noted while binding is this term's alone.
        let noted = self.errors.borrow_mut().drain(told..).next();
        match noted {
            Some(error) => Err(error),
            None => bound.without_links().evaluate(&NoAttributes),
        }
    }

    /// The value of what can only depend on parameters, mappings and pseudo parameters.
    pub(super) fn value(&self, term: &Term) -> Result<Value, EvalError> {
        let value = self.value_or_unknown(term)?;
        if has_unasked(&value) {
            return Err(term.error(UNASKED, "nobody has looked this up"));
        }
        if value.has_unknown() {
            let message = format!(
                "this must be known before anything is created, but it is made from {}",
                awaited(&value)
            );
            return Err(term.error(NOT_KNOWN_YET, message));
        }
        Ok(value)
    }

    pub(super) fn text(&self, term: &Term) -> Result<String, EvalError> {
        let value = self.value(term)?;
        let text = value
            .expose_str()
            .map(str::to_owned)
            .or_else(|| value.to_text());
        text.ok_or_else(|| {
            let message = format!("a text is needed here, not {}", functions::kind(&value));
            term.error("bad-argument", message)
        })
    }

    /// Whether a condition holds, as far as that is known before anything is created.
    pub(super) fn condition(&self, name: &str) -> Option<bool> {
        match self.conditions.get(name)? {
            Condition::Decided(flag) => Some(*flag),
            Condition::Open(_) | Condition::Failed => None,
        }
    }

    /// Whether something exists that has this condition; what cannot be told is noted.
    pub(super) fn exists(&self, what: &str, condition: Option<&str>) -> bool {
        let Some(name) = condition else { return true };
        if let Some(Condition::Open(expr)) = self.conditions.get(name) {
            let value = expr.without_links().evaluate(&NoAttributes);
            let message = format!(
                "whether {what} exists must be known before anything is created, but its condition `{name}` is made from {}",
                value.map(|value| awaited(&value)).unwrap_or_default()
            );
            self.fail(NOT_KNOWN_YET, message, expr.span);
        }
        self.condition(name).unwrap_or(false)
    }

    /// Whether a condition holds: those that it needs are decided.
    fn decide(&self, name: &str) -> Condition {
        let Some((_, term)) = self.template.conditions.get(name) else {
            return Condition::Failed;
        };
        let error = match self.value(term) {
            Ok(value) => match value.as_bool() {
                Some(flag) => return Condition::Decided(flag),
                None => term.error(
                    "bad-argument",
                    format!("the condition `{name}` is neither true nor false"),
                ),
            },
            Err(error) if error.code == UNASKED => {
                self.assumed.set(true);
                return Condition::Decided(true);
            }
            // A property may be made with it all the same.
            Err(error) if error.code == NOT_KNOWN_YET => {
                return Condition::Open(self.bind(term, None).reduce(&NoAttributes));
            }
            Err(error) => error,
        };
        self.errors.borrow_mut().push(error);
        Condition::Failed
    }

    /// `existing` is `None` where resources cannot be referred to.
    fn bind(&self, term: &Term, existing: Option<&BTreeSet<&str>>) -> Expr {
        let kind = match &term.kind {
            Kind::Value(value) => Kind::Value(value.clone()),
            Kind::NoValue => Kind::NoValue,
            Kind::List(items) => {
                Kind::List(items.iter().map(|item| self.bind(item, existing)).collect())
            }
            Kind::Map(fields) => Kind::Map(
                fields
                    .iter()
                    .map(|(key, field)| {
                        (
                            key.clone(),
                            Field {
                                key: field.key,
                                value: self.bind(&field.value, existing),
                            },
                        )
                    })
                    .collect(),
            ),
            Kind::Call(Function::If, arguments) if arguments.len() == 3 => {
                // The side that is not taken may refer to what does not exist.
                let condition = self.bind(&arguments[0], existing);
                match &condition.kind {
                    Kind::Value(value) if value.as_bool() == Some(true) => {
                        return self.bind(&arguments[1], existing);
                    }
                    Kind::Value(_) => return self.bind(&arguments[2], existing),
                    _ => {
                        let sides = [&arguments[1], &arguments[2]];
                        let sides = sides.map(|side| self.bind(side, existing));
                        let all = std::iter::once(condition).chain(sides).collect();
                        Kind::Call(Function::If, all)
                    }
                }
            }
            Kind::Call(Function::Equals, arguments) if arguments.len() == 2 => {
                let sides: Vec<Expr> = arguments
                    .iter()
                    .map(|side| self.bind(side, existing).reduce(&NoAttributes))
                    .collect();
                match certain::differ(&sides[0], &sides[1]) {
                    true => Kind::Value(Value::Bool(false)),
                    false => Kind::Call(Function::Equals, sides),
                }
            }
            Kind::Call(function, arguments) => Kind::Call(
                *function,
                arguments
                    .iter()
                    .map(|argument| self.bind(argument, existing))
                    .collect(),
            ),
            Kind::Leaf(local) => self.leaf(local, term.span, existing),
        };
        Tree::new(kind, term.span)
    }

    fn leaf(
        &self,
        local: &Local,
        span: Span,
        existing: Option<&BTreeSet<&str>>,
    ) -> Kind<Reference> {
        let noted = |outcome: Result<Kind<Reference>, EvalError>| {
            outcome.unwrap_or_else(|error| {
                if error.code == UNASKED {
                    self.assumed.set(true);
                    return Kind::Value(Value::unknown(self.template.unasked(self.inputs, "")));
                }
                self.errors.borrow_mut().push(error);
                // Never seen: an instantiation with errors gives no stack. As unknown it causes no second error.
                Kind::Leaf(Reference::Import(String::new()))
            })
        };
        match local {
            // A parameter without a value has been reported, and ends instantiation before this.
            Local::Parameter(name) => match self.parameters.get(name) {
                Some(expr) => expr.placed(span).kind,
                None => Kind::Value(Value::Null),
            },
            Local::Pseudo(pseudo) => Kind::Value(self.pseudo(*pseudo)),
            Local::Condition(name) => match self.conditions.get(name.as_str()) {
                Some(Condition::Open(expr)) => expr.placed(span).kind,
                _ => Kind::Value(Value::Bool(self.condition(name).unwrap_or(false))),
            },
            Local::FindInMap { keys, default } => match (self.find_in_map(keys), default) {
                (Ok(Some(value)), _) => Kind::Value(value),
                (Ok(None), Some(default)) => self.bind(default, existing).kind,
                (Ok(None), None) => noted(Err(self.missing_key(keys, span))),
                (Err(error), _) => noted(Err(error)),
            },
            Local::Named { name, attribute } => {
                let found = self.named(name, attribute.as_deref(), span, existing);
                noted(found)
            }
            Local::Account(_) => {
                let account = Address::new(&self.inputs.region, &self.inputs.stack, "");
                Kind::Value(Value::unknown(account.attribute(ACCOUNT)))
            }
            Local::Zones(region) => noted(self.zones(region).map(Kind::Value)),
            Local::Resource {
                logical_id,
                attribute,
            } => noted(self.resource(logical_id, attribute, span, existing)),
        }
    }

    fn resource(
        &self,
        logical_id: &str,
        attribute: &Term,
        span: Span,
        existing: Option<&BTreeSet<&str>>,
    ) -> Result<Kind<Reference>, EvalError> {
        let error = |code, message: String| EvalError {
            code,
            message,
            span,
        };
        let Some(existing) = existing else {
            let message = format!(
                "this must be known before anything is created, but `{logical_id}` is a resource"
            );
            return Err(error("bad-reference", message));
        };
        if !existing.contains(logical_id) {
            let condition = self
                .template
                .resources
                .get(logical_id)
                .and_then(|term| term.condition.as_deref());
            return Err(error(
                "conditional-reference",
                format!(
                    "`{logical_id}` does not exist here: its condition `{}` is false",
                    condition.unwrap_or_default()
                ),
            ));
        }
        let name = self.text(attribute)?;
        let term = self.template.resources.get(logical_id);
        if term.is_some_and(ResourceTerm::is_nested) {
            return self.nested_attribute(logical_id, &name, span, existing);
        }
        let type_name = term.map(|term| term.type_name.as_str()).unwrap_or_default();
        if type_name == HANDLE {
            return Ok(Kind::Value(Value::String(self.handle(logical_id))));
        }
        if name != payctl_model::AttributeOf::REF
            && let Some((message, _)) = check::attribute(type_name, &name)
        {
            return Err(error("unknown-attribute", message));
        }
        let address = Address::new(&self.inputs.region, &self.inputs.stack, logical_id);
        Ok(Kind::Leaf(Reference::Attribute(address.attribute(name))))
    }

    /// What Ref of a wait condition's handle gives: a URL of CloudFormation's form, to which nobody listens.
    fn handle(&self, logical_id: &str) -> String {
        let inputs = self.inputs;
        let region = &inputs.region;
        format!(
            "https://cloudformation-waitcondition-{region}.s3.{region}.{}/{}/{logical_id}",
            url_suffix(&inputs.partition),
            inputs.stack_id
        )
    }

    fn pseudo(&self, pseudo: Pseudo) -> Value {
        let inputs = self.inputs;
        Value::String(match pseudo {
            // payctl notifies nobody.
            Pseudo::NotificationArns => return Value::List(Vec::new()),
            Pseudo::AccountId => inputs.account.clone(),
            Pseudo::Partition => inputs.partition.clone(),
            Pseudo::Region => inputs.region.clone(),
            Pseudo::StackId => inputs.stack_id.clone(),
            Pseudo::StackName => inputs.stack_name.clone(),
            Pseudo::UrlSuffix => url_suffix(&inputs.partition).to_owned(),
        })
    }

    /// `Ref` or `Fn::GetAtt` of a computed name.
    fn named(
        &self,
        name: &Term,
        attribute: Option<&Term>,
        span: Span,
        existing: Option<&BTreeSet<&str>>,
    ) -> Result<Kind<Reference>, EvalError> {
        let text = self.text(name)?;
        if let Some(attribute) = attribute
            && self.template.resources.contains_key(&text)
        {
            return self.resource(&text, attribute, span, existing);
        }
        if attribute.is_none() {
            if text == NO_VALUE {
                return Ok(Kind::NoValue);
            }
            if let Some((_, pseudo)) = PSEUDO.iter().find(|(name, _)| *name == text) {
                return Ok(Kind::Value(self.pseudo(*pseudo)));
            }
            if let Some(expr) = self.parameters.get(&text) {
                return Ok(expr.placed(span).kind);
            }
            if self.template.resources.contains_key(&text) {
                let itself = Tree::new(Kind::Value(Value::from(AttributeOf::REF)), span);
                return self.resource(&text, &itself, span, existing);
            }
        }
        let names = self.template.resources.keys().map(String::as_str);
        let near = did_you_mean(&text, names).map(|near| format!("; did you mean `{near}`?"));
        let what = match attribute {
            Some(_) => "resource",
            None => "parameter or resource",
        };
        Err(name.error(
            "unknown-reference",
            format!("there is no {what} `{text}`{}", near.unwrap_or_default()),
        ))
    }

    fn zones(&self, region: &Term) -> Result<Value, EvalError> {
        let text = self.text(region)?;
        let name = if text.is_empty() {
            self.inputs.region.as_str()
        } else {
            text.as_str()
        };
        match self.inputs.availability_zones.get(name) {
            Some(zones) => Ok(Value::List(
                zones
                    .iter()
                    .map(|zone| Value::from(zone.as_str()))
                    .collect(),
            )),
            None => {
                let message =
                    format!("the availability zones of the region `{name}` are not known");
                Err(region.error("unknown-region", message))
            }
        }
    }
}

/// `AWS::URLSuffix`. Source: botocore's partitions, `dnsSuffix`.
fn url_suffix(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "amazonaws.com.cn",
        "aws-eusc" => "amazonaws.eu",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-iso-e" => "cloud.adc-e.uk",
        "aws-iso-f" => "csp.hci.ic.gov",
        _ => "amazonaws.com",
    }
}

/// The place of an import whose name is still to be computed.
fn find_import(expr: &Expr) -> Option<Span> {
    match &expr.kind {
        Kind::Call(Function::ImportValue | Function::GetStackOutput, _) => Some(expr.span),
        Kind::List(items) | Kind::Call(_, items) => items.iter().find_map(find_import),
        Kind::Map(fields) => fields.values().find_map(|field| find_import(&field.value)),
        Kind::Value(_) | Kind::NoValue | Kind::Leaf(_) => None,
    }
}

/// What a value waits for, for messages.
pub(super) fn awaited(value: &Value) -> String {
    let shown = |of: &AttributeOf| match of.address.region.as_str() {
        EXPORT => format!("the export `{}`", of.address.logical_id),
        _ if of.attribute == AttributeOf::REF => format!("what Ref of `{}` gives", of.address),
        _ => format!("`{}` of `{}`", of.attribute, of.address),
    };
    let all: Vec<String> = value.unknowns().iter().map(shown).collect();
    format!("{}, which only AWS can tell", all.join(" and "))
}
