//! Where the values of a template's parameters come from: command line over stack over environment over default.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use payctl_model::Value;

use crate::project::{Given, StackSpec};
use crate::report::failure::Failure;
use crate::template::diagnostic::did_you_mean;
use crate::template::{Parameter, Template};

/// Reads the values of one run. What was asked for once is not asked for again.
pub(super) struct Parameters<'a> {
    command_line: BTreeMap<String, String>,
    folder: &'a Path,
    environment: &'a str,
    asked: &'a Asked,
}

/// What people were asked for in this run: the templates are filled in more than once, and nobody wants to type twice.
pub(super) type Asked = RefCell<BTreeMap<String, Value>>;

impl<'a> Parameters<'a> {
    /// With `--parameter K=V` of the command line. `folder` is the project's.
    pub(super) fn new(
        given: &[String],
        folder: &'a Path,
        environment: &'a str,
        asked: &'a Asked,
    ) -> Result<Parameters<'a>, Failure> {
        let pair = |text: &String| match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
            _ => Err(Failure::new("usage", "--parameter takes NAME=VALUE")
                .help("for example --parameter Size=2")),
        };
        let command_line = given.iter().map(pair).collect::<Result<_, _>>()?;
        Ok(Parameters {
            command_line,
            folder,
            environment,
            asked,
        })
    }

    /// Fails where the command line names a parameter that no template has.
    pub(super) fn check<'t>(
        &self,
        templates: impl Iterator<Item = &'t Template> + Clone,
    ) -> Result<(), Failure> {
        for name in self.command_line.keys() {
            if !templates
                .clone()
                .any(|template| template.parameters.contains_key(name))
            {
                let mut names: Vec<&str> = templates
                    .flat_map(|template| template.parameters.keys())
                    .map(String::as_str)
                    .collect();
                names.sort_unstable();
                names.dedup();
                let failure = Failure::new(
                    "unknown-parameter",
                    format!("no template has a parameter `{name}`"),
                );
                return Err(match did_you_mean(name, names.iter().copied()) {
                    Some(similar) => failure.help(format!("did you mean `{similar}`?")),
                    None if names.is_empty() => failure.help("the templates have none"),
                    None => failure.help(format!("there are {}", names.join(", "))),
                });
            }
        }
        Ok(())
    }

    /// The values of one stack's parameters. What neither anyone gives nor the template has a default for is asked for on a
    /// terminal, and else left out: instantiation says so with its place.
    pub(super) fn of(
        &mut self,
        stack: &StackSpec,
        template: &Template,
        ask: bool,
    ) -> Result<BTreeMap<String, Value>, Failure> {
        let mut values = BTreeMap::new();
        for (name, parameter) in &template.parameters {
            let given = match (self.command_line.get(name), stack.parameters.get(name)) {
                (Some(text), _) => Some(Value::from(text.as_str())),
                (None, Some(given)) => self.given(name, given, ask)?,
                (None, None) => None,
            };
            let value = match given {
                Some(value) => Some(value),
                None if parameter.default.is_none() && ask => self.ask(name, parameter)?,
                None => None,
            };
            if let Some(value) = value {
                let value = match (&value, parameter.no_echo) {
                    (Value::String(text), true) => Value::secret(text.as_str()),
                    _ => value,
                };
                values.insert(name.clone(), value);
            }
        }
        Ok(values)
    }

    fn given(&self, name: &str, given: &Given, needed: bool) -> Result<Option<Value>, Failure> {
        match given {
            Given::Text(text) => Ok(Some(Value::from(text.as_str()))),
            Given::Variable(variable) => match std::env::var(variable) {
                Ok(text) => Ok(Some(Value::secret(text))),
                Err(_) if !needed => Ok(None),
                Err(_) if std::io::stdin().is_terminal() => Ok(None),
                Err(_) => Err(Failure::new("missing-parameter", format!("the parameter {name} comes from the environment variable {variable}, which is not set"))
                    .help(format!("set {variable}, or give --parameter {name}=…"))),
            },
            Given::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => Ok(Some(Value::secret(text.strip_suffix('\n').unwrap_or(&text)))),
                Err(_) if !needed => Ok(None),
                Err(error) => Err(Failure::new("missing-parameter", format!("the parameter {name} comes from {}: {error}", path.display()))),
            },
            Given::Generated => generated(self.folder, self.environment, name).map(Some),
        }
    }

    fn ask(&mut self, name: &str, parameter: &Parameter) -> Result<Option<Value>, Failure> {
        if let Some(value) = self.asked.borrow().get(name) {
            return Ok(Some(value.clone()));
        }
        if !std::io::stdin().is_terminal() {
            return Ok(None);
        }
        let what = parameter
            .description
            .as_deref()
            .map(|text| format!(" ({text})"))
            .unwrap_or_default();
        let unreadable = |error: std::io::Error| {
            Failure::new("io", format!("cannot read the parameter {name}: {error}"))
        };
        let value = if parameter.no_echo {
            Value::secret(
                rpassword::prompt_password(format!("{name}{what}: ")).map_err(unreadable)?,
            )
        } else {
            let _ = write!(std::io::stderr(), "{name}{what}: ");
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map_err(unreadable)?;
            Value::from(line.trim_end_matches(['\r', '\n']))
        };
        self.asked
            .borrow_mut()
            .insert(name.to_owned(), value.clone());
        Ok(Some(value))
    }
}

/// A generated value: drawn once, kept beside the simulated AWS that is told it, and only there.
fn generated(folder: &Path, environment: &str, name: &str) -> Result<Value, Failure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = folder
        .join(".payctl")
        .join("sandbox")
        .join(format!("{environment}-{name}.secret"));
    let io = |error: std::io::Error| {
        Failure::new(
            "io",
            format!(
                "cannot keep the generated {name} in {}: {error}",
                path.display()
            ),
        )
    };
    match std::fs::read_to_string(&path) {
        Ok(text) if !text.is_empty() => return Ok(Value::secret(text)),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    const ALPHABET: &[u8] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut bits = [0u8; 24];
    getrandom::fill(&mut bits).map_err(|error| io(std::io::Error::other(error.to_string())))?;
    let text: String = bits
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]))
        .collect();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(io)?;
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .map_err(io)?;
    file.write_all(text.as_bytes()).map_err(io)?;
    Ok(Value::secret(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_once_is_not_asked_for_again() {
        let text = "Parameters: {Name: {Type: String}}\nResources: {T: {Type: AWS::SNS::Topic}}\n";
        let template = crate::template::load("t.yaml", text).unwrap();
        let asked = Asked::default();
        asked
            .borrow_mut()
            .insert("Name".to_owned(), Value::from("typed"));
        // The templates are filled in for the look-ups first, then for the plan: each time by another reader.
        for _ in 0..2 {
            let mut parameters = Parameters::new(&[], Path::new("."), "local", &asked).unwrap();
            let value = parameters
                .ask("Name", &template.parameters["Name"])
                .unwrap();
            assert_eq!(value, Some(Value::from("typed")));
        }
    }
}
