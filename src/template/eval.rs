//! Evaluation of [`Expr`]: completely with [`Expr::evaluate`], as far as possible with [`Expr::reduce`].

use std::collections::{BTreeMap, BTreeSet};

use payctl_model::{AttributeOf, Secret, Value};

use super::expr::{
    Attributes, EvalError, Expr, Field, Function, Kind, NoAttributes, Reference, StackOutput, Tree,
};
use super::{functions, json_text};

/// Region and stack in the address of what stands for another stack's output.
pub(super) const EXPORT: &str = "export";

/// What an expression gives.
enum Evaluated {
    Value(Value),
    NoValue,
    /// Only AWS can tell, and it may turn out to be `AWS::NoValue`.
    Perhaps(BTreeSet<AttributeOf>),
}

impl Expr {
    /// The value, with what only AWS can tell as [`Value::Unknown`]. What is known of it stays true when more becomes known.
    /// `AWS::NoValue` takes the property or list item away that it stands for; at the top it gives `Null`.
    ///
    /// # Errors
    /// When a function is given what it cannot take (also where the rest is not known yet), or an import is not linked.
    pub fn evaluate(&self, attributes: &dyn Attributes) -> Result<Value, EvalError> {
        Ok(match self.eval(attributes, false)? {
            Evaluated::Value(value) => value,
            Evaluated::NoValue => Value::Null,
            Evaluated::Perhaps(of) => Value::Unknown(of),
        })
    }

    /// What remains to be computed when these attributes are known: evaluating it with the rest gives what evaluating the
    /// whole with everything gives. Lists and maps keep their places; a function whose arguments are all known becomes its
    /// value, unless it fails (then [`Expr::evaluate`] says why).
    pub fn reduce(&self, attributes: &dyn Attributes) -> Expr {
        self.reduce_in(attributes, false)
    }

    /// `inside` a function a secret that is only there as a hash cannot be used: AWS has to tell it again.
    fn eval(&self, attributes: &dyn Attributes, inside: bool) -> Result<Evaluated, EvalError> {
        Ok(Evaluated::Value(match &self.kind {
            Kind::Value(value) => value.clone(),
            Kind::NoValue => return Ok(Evaluated::NoValue),
            Kind::Leaf(Reference::Attribute(of)) => match attributes.attribute(of) {
                Some(value) if !(inside && has_hash(&value)) => value,
                _ => Value::unknown(of.clone()),
            },
            Kind::Leaf(Reference::Import(name)) => {
                let message = format!("no stack of this environment and region exports `{name}`");
                return Err(self.error("unknown-export", message));
            }
            Kind::Leaf(Reference::Output(output)) => {
                let message = format!(
                    "no stack `{}` of this environment has an output `{}`",
                    output.stack, output.output
                );
                return Err(self.error("unknown-output", message));
            }
            Kind::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                let mut perhaps = BTreeSet::new();
                for item in items {
                    match item.eval(attributes, inside)? {
                        Evaluated::Value(value) => list.push(value),
                        Evaluated::NoValue => {}
                        Evaluated::Perhaps(of) => perhaps.extend(of),
                    }
                }
                // Which position an item has is not known while one before it may vanish.
                if perhaps.is_empty() {
                    Value::List(list)
                } else {
                    Value::Unknown(perhaps)
                }
            }
            Kind::Map(fields) => {
                let mut map = BTreeMap::new();
                for (key, field) in fields {
                    match field.value.eval(attributes, inside)? {
                        Evaluated::Value(value) => map.insert(key.clone(), value),
                        Evaluated::NoValue => None,
                        Evaluated::Perhaps(of) => map.insert(key.clone(), Value::Unknown(of)),
                    };
                }
                Value::Map(map)
            }
            Kind::Call(Function::If, arguments) => {
                return self.eval_if(arguments, attributes, inside);
            }
            Kind::Call(Function::ToJsonString, arguments) => match arguments.as_slice() {
                [tree] => json_text::of(tree, attributes)?,
                _ => {
                    return Err(
                        self.error("bad-argument", "Fn::ToJsonString takes a list or a map")
                    );
                }
            },
            Kind::Call(function, arguments) => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(match argument.eval(attributes, true)? {
                        Evaluated::Value(value) => value,
                        Evaluated::Perhaps(of) => Value::Unknown(of),
                        Evaluated::NoValue => {
                            let message = format!("AWS::NoValue is no argument for {function}");
                            return Err(argument.error("bad-argument", message));
                        }
                    });
                }
                functions::apply(*function, &values)
                    .map_err(|message| self.error("bad-argument", message))?
            }
        }))
    }

    fn eval_if(
        &self,
        arguments: &[Expr],
        attributes: &dyn Attributes,
        inside: bool,
    ) -> Result<Evaluated, EvalError> {
        match self.chosen(attributes)? {
            Ok(side) => side.eval(attributes, inside),
            Err(of) => Ok(match arguments.iter().skip(1).any(Tree::may_vanish) {
                true => Evaluated::Perhaps(of),
                false => Evaluated::Value(Value::Unknown(of)),
            }),
        }
    }

    /// The side of this `Fn::If` that its condition chooses; else what the condition waits for.
    pub(super) fn chosen(
        &self,
        attributes: &dyn Attributes,
    ) -> Result<Result<&Expr, BTreeSet<AttributeOf>>, EvalError> {
        let Kind::Call(Function::If, arguments) = &self.kind else {
            return Ok(Ok(self));
        };
        let [condition, yes, no] = arguments.as_slice() else {
            return Err(self.error("bad-argument", "Fn::If takes a condition and two values"));
        };
        let decided = match condition.eval(attributes, true)? {
            Evaluated::Value(Value::Unknown(of)) | Evaluated::Perhaps(of) => return Ok(Err(of)),
            Evaluated::Value(value) => value.as_bool(),
            Evaluated::NoValue => None,
        };
        match decided {
            Some(true) => Ok(Ok(yes)),
            Some(false) => Ok(Ok(no)),
            None => Err(condition.error(
                "bad-argument",
                "the condition of Fn::If is neither true nor false",
            )),
        }
    }

    /// The value as a function's argument sees it; `None` for `AWS::NoValue`.
    pub(super) fn within_function(
        &self,
        attributes: &dyn Attributes,
    ) -> Result<Option<Value>, EvalError> {
        Ok(match self.eval(attributes, true)? {
            Evaluated::Value(value) => Some(value),
            Evaluated::Perhaps(of) => Some(Value::Unknown(of)),
            Evaluated::NoValue => None,
        })
    }

    fn reduce_in(&self, attributes: &dyn Attributes, inside: bool) -> Expr {
        let all = |items: &[Expr], inside| -> Vec<Expr> {
            items
                .iter()
                .map(|item| item.reduce_in(attributes, inside))
                .collect()
        };
        let kind = match &self.kind {
            Kind::Value(_)
            | Kind::NoValue
            | Kind::Leaf(Reference::Import(_) | Reference::Output(_)) => self.kind.clone(),
            Kind::Leaf(Reference::Attribute(of)) => match attributes.attribute(of) {
                Some(value) if !(value.has_unknown() || inside && has_hash(&value)) => {
                    Kind::Value(value)
                }
                _ => self.kind.clone(),
            },
            Kind::List(items) => {
                let items = all(items, inside);
                Kind::List(
                    items
                        .into_iter()
                        .filter(|item| item.kind != Kind::NoValue)
                        .collect(),
                )
            }
            Kind::Map(fields) => Kind::Map(
                fields
                    .iter()
                    .map(|(key, field)| {
                        (
                            key.clone(),
                            Field {
                                key: field.key,
                                value: field.value.reduce_in(attributes, inside),
                            },
                        )
                    })
                    .filter(|(_, field)| field.value.kind != Kind::NoValue)
                    .collect(),
            ),
            Kind::Call(Function::If, arguments) if arguments.len() == 3 => {
                let condition = arguments[0].reduce_in(attributes, true);
                match condition.as_value().and_then(Value::as_bool) {
                    Some(true) => return arguments[1].reduce_in(attributes, inside),
                    Some(false) => return arguments[2].reduce_in(attributes, inside),
                    None => {
                        let branches = all(&arguments[1..], inside);
                        Kind::Call(
                            Function::If,
                            std::iter::once(condition).chain(branches).collect(),
                        )
                    }
                }
            }
            Kind::Call(
                function @ (Function::ImportValue | Function::GetStackOutput),
                arguments,
            ) => {
                let arguments = all(arguments, true);
                let names: Option<Vec<String>> = arguments.iter().map(name).collect();
                match (function, names.as_deref()) {
                    (Function::ImportValue, Some([name])) => {
                        Kind::Leaf(Reference::Import(name.clone()))
                    }
                    (Function::GetStackOutput, Some([stack, output, region @ ..])) => {
                        Kind::Leaf(Reference::Output(StackOutput {
                            stack: stack.clone(),
                            output: output.clone(),
                            region: region.first().cloned(),
                        }))
                    }
                    _ => Kind::Call(*function, arguments),
                }
            }
            Kind::Call(function, arguments) => {
                if *function == Function::Select
                    && let Some(item) = chosen_item(arguments)
                {
                    // Its other items are not waited for.
                    return item.reduce_in(attributes, inside);
                }
                let reduced = Tree::new(Kind::Call(*function, all(arguments, true)), self.span);
                // Only when every argument is known: an argument that fails once it is known must still be heard of.
                match reduced
                    .is_closed()
                    .then(|| reduced.eval(&NoAttributes, inside))
                {
                    Some(Ok(Evaluated::Value(value))) if !value.has_unknown() => Kind::Value(value),
                    _ => return reduced,
                }
            }
        };
        Tree::new(kind, self.span)
    }

    /// Whether no reference is left in it.
    pub fn is_closed(&self) -> bool {
        match &self.kind {
            Kind::Value(_) | Kind::NoValue => true,
            Kind::Leaf(_) => false,
            Kind::List(items) | Kind::Call(_, items) => items.iter().all(Expr::is_closed),
            Kind::Map(fields) => fields.values().all(|field| field.value.is_closed()),
        }
    }

    /// Every error that evaluating gives with no attribute known and every import taken as unknown.
    pub(crate) fn errors(&self) -> Vec<EvalError> {
        let mut found = Vec::new();
        self.without_links().collect_errors(&mut found);
        found
    }

    /// The same with every import and every other stack's output as something that is not known.
    pub(super) fn without_links(&self) -> Expr {
        self.linked(&mut |link| {
            let name = match link {
                Reference::Import(name) => name.clone(),
                Reference::Output(output) => format!("{}.{}", output.stack, output.output),
                Reference::Attribute(_) => return None,
            };
            let of = payctl_model::Address::new(EXPORT, EXPORT, name).attribute(AttributeOf::REF);
            Some(Tree::new(Kind::Leaf(Reference::Attribute(of)), self.span))
        })
    }

    fn collect_errors(&self, found: &mut Vec<EvalError>) {
        match &self.kind {
            Kind::List(items) => items.iter().for_each(|item| item.collect_errors(found)),
            Kind::Map(fields) => fields
                .values()
                .for_each(|field| field.value.collect_errors(found)),
            _ => found.extend(self.eval(&NoAttributes, false).err()),
        }
    }
}

impl<L> Tree<L> {
    pub(crate) fn error(&self, code: &'static str, message: impl Into<String>) -> EvalError {
        EvalError {
            code,
            message: message.into(),
            span: self.span,
        }
    }

    /// Whether it can turn out to be `AWS::NoValue`.
    fn may_vanish(&self) -> bool {
        match &self.kind {
            Kind::NoValue => true,
            Kind::Call(Function::If, arguments) => arguments.iter().skip(1).any(Tree::may_vanish),
            _ => false,
        }
    }
}

/// The item that Fn::Select takes of a list that is written out, where no item can vanish or fail.
fn chosen_item(arguments: &[Expr]) -> Option<&Expr> {
    let [index, list] = arguments else {
        return None;
    };
    let index: usize = index.as_value()?.to_text()?.trim().parse().ok()?;
    let Kind::List(items) = &list.kind else {
        return None;
    };
    let is_plain = |item: &Expr| match &item.kind {
        Kind::Leaf(Reference::Attribute(_)) => true,
        Kind::Value(value) => !matches!(value, Value::Null),
        _ => false,
    };
    items.iter().all(is_plain).then(|| items.get(index))?
}

/// The text that names an export, a stack, an output or a region, once it is computed.
fn name(expr: &Expr) -> Option<String> {
    let value = expr.as_value()?;
    value
        .expose_str()
        .map(str::to_owned)
        .or_else(|| value.to_text())
}

fn has_hash(value: &Value) -> bool {
    let mut found = false;
    value.visit(&mut |value| found |= matches!(value, Value::Secret(Secret::Hashed(_))));
    found
}
