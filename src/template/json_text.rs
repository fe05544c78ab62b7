//! `Fn::ToJsonString`: an expression written as JSON, its keys in the order of the template.

use std::collections::BTreeSet;

use payctl_model::{AttributeOf, Secret, Value};

use super::expr::{Attributes, EvalError, Expr, Function, Kind};

/// The JSON text of a list or map; unknown while anything in it is, secret where anything in it is.
///
/// Source: CloudFormation template reference, "Fn::ToJsonString". What is `AWS::NoValue` does not appear.
pub(super) fn of(tree: &Expr, attributes: &dyn Attributes) -> Result<Value, EvalError> {
    let mut told = Told::default();
    let text = told.tree(tree, attributes)?;
    if !told.unknowns.is_empty() {
        return Ok(Value::Unknown(told.unknowns));
    }
    match text {
        Some(text) if text.starts_with(['{', '[']) => Ok(match told.secret {
            true => Value::secret(text),
            false => Value::String(text),
        }),
        Some(_) => Err(tree.error("bad-argument", "Fn::ToJsonString takes a list or a map")),
        None => Err(tree.error(
            "bad-argument",
            "AWS::NoValue is no argument for Fn::ToJsonString",
        )),
    }
}

/// What the parts have told besides their text.
#[derive(Default)]
struct Told {
    unknowns: BTreeSet<AttributeOf>,
    secret: bool,
}

impl Told {
    /// `None` for what does not exist.
    fn tree(
        &mut self,
        tree: &Expr,
        attributes: &dyn Attributes,
    ) -> Result<Option<String>, EvalError> {
        Ok(match &tree.kind {
            Kind::NoValue => None,
            Kind::List(items) => {
                let mut texts = Vec::with_capacity(items.len());
                for item in items {
                    texts.extend(self.tree(item, attributes)?);
                }
                Some(format!("[{}]", texts.join(",")))
            }
            Kind::Map(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_by_key(|(_, field)| field.key.offset);
                let mut texts = Vec::with_capacity(fields.len());
                for (key, field) in fields {
                    if let Some(text) = self.tree(&field.value, attributes)? {
                        texts.push(format!("{}:{text}", quoted(key)));
                    }
                }
                Some(format!("{{{}}}", texts.join(",")))
            }
            // A side that is chosen is written like any other part, so that its keys keep their order.
            Kind::Call(Function::If, _) => match tree.chosen(attributes)? {
                Ok(side) => self.tree(side, attributes)?,
                Err(unknowns) => {
                    self.unknowns.extend(unknowns);
                    Some(String::new())
                }
            },
            Kind::Value(_) | Kind::Leaf(_) | Kind::Call(..) => {
                // What is only there as a hash has to be told again by AWS.
                tree.within_function(attributes)?
                    .map(|value| self.value(&value))
            }
        })
    }

    fn value(&mut self, value: &Value) -> String {
        match value {
            Value::Unknown(of) => {
                self.unknowns.extend(of.iter().cloned());
                String::new()
            }
            Value::Secret(Secret::Plain(text)) => {
                self.secret = true;
                quoted(text)
            }
            // `within_function` gives no hashes except of what was written as one, which no template can.
            Value::Secret(Secret::Hashed(hash)) => quoted(hash),
            Value::Null => "null".to_owned(),
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => quoted(text),
            Value::List(items) => {
                let texts: Vec<String> = items.iter().map(|item| self.value(item)).collect();
                format!("[{}]", texts.join(","))
            }
            Value::Map(map) => {
                let entries = map
                    .iter()
                    .map(|(key, value)| format!("{}:{}", quoted(key), self.value(value)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
            }
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
