//! Parsing payctl.toml: every key is known or an error, and every error has its place.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{AssemblySpec, Environment, Project, StackSpec};

/// What is wrong in the project file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Where a parameter's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// It stands in the file.
    Text(String),
    /// An environment variable.
    Variable(String),
    /// A file; one line break at its end is not part of the value.
    File(std::path::PathBuf),
    /// Drawn once and kept in the simulated AWS's folder: only where `sandbox = true`.
    Generated,
}

/// The most similar of the names that would do, if one is similar at all.
pub(super) fn similar<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    names
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).clamp(1, 4))
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

type Item<'a> = Spanned<DeValue<'a>>;

/// What stands at the top of the file and holds for every environment.
struct Shared {
    /// The stacks, each with where it stands.
    stacks: Vec<(usize, StackSpec)>,
    assembly: Option<AssemblySpec>,
}

struct Reader<'a> {
    text: &'a str,
    root: &'a Path,
}

/// Reads the project file.
pub(super) fn parse(root: &Path, text: &str) -> Result<Project, FileError> {
    let reader = Reader { text, root };
    let document = DeTable::parse(text).map_err(|error| {
        reader.error(
            error.span().map_or(0, |span| span.start),
            error.message().to_owned(),
            None,
        )
    })?;
    reader.project(document.get_ref())
}

impl Reader<'_> {
    fn error(&self, offset: usize, message: String, help: Option<String>) -> FileError {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        FileError {
            line,
            column,
            message,
            help,
        }
    }

    fn at<T>(&self, item: &Spanned<T>, message: impl Into<String>) -> FileError {
        self.error(item.span().start, message.into(), None)
    }

    /// Refuses what is not among `known`.
    fn keys(&self, table: &DeTable<'_>, known: &[&str], whose: &str) -> Result<(), FileError> {
        for key in table.keys() {
            if known.contains(&key.get_ref().as_ref()) {
                continue;
            }
            let help = match similar(key.get_ref(), known.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("{whose} takes {}", known.join(", ")),
            };
            let message = format!("{whose} has no key `{}`", key.get_ref());
            return Err(self.error(key.span().start, message, Some(help)));
        }
        Ok(())
    }

    fn table<'t, 'a>(&self, item: &'t Item<'a>, what: &str) -> Result<&'t DeTable<'a>, FileError> {
        item.get_ref()
            .as_table()
            .ok_or_else(|| self.at(item, format!("{what} must be a table")))
    }

    fn string(&self, item: &Item<'_>, what: &str) -> Result<String, FileError> {
        let text = item.get_ref().as_str().map(str::to_owned);
        text.ok_or_else(|| self.at(item, format!("{what} must be a text")))
    }

    fn text_of(&self, table: &DeTable<'_>, key: &str) -> Result<Option<String>, FileError> {
        table
            .get(key)
            .map(|item| self.string(item, &format!("`{key}`")))
            .transpose()
    }

    fn flag(&self, table: &DeTable<'_>, key: &str) -> Result<bool, FileError> {
        let Some(item) = table.get(key) else {
            return Ok(false);
        };
        item.get_ref()
            .as_bool()
            .ok_or_else(|| self.at(item, format!("`{key}` must be true or false")))
    }

    fn texts(&self, table: &DeTable<'_>, key: &str) -> Result<BTreeMap<String, String>, FileError> {
        let Some(item) = table.get(key) else {
            return Ok(BTreeMap::new());
        };
        let table = self.table(item, &format!("`{key}`"))?;
        let entry =
            |(name, item): (&Spanned<_>, &Item<'_>)| -> Result<(String, String), FileError> {
                let name: &std::borrow::Cow<'_, str> = name.get_ref();
                Ok((
                    name.to_string(),
                    self.string(item, &format!("`{key}.{name}`"))?,
                ))
            };
        table.iter().map(entry).collect()
    }

    fn project(&self, document: &DeTable<'_>) -> Result<Project, FileError> {
        const KNOWN: &[&str] = &["project", "env", "stack", "assembly", "synth", "stacks"];
        self.keys(document, KNOWN, "payctl.toml")?;
        let Some(item) = document.get("project") else {
            return Err(self.error(
                0,
                "there is no [project]".into(),
                Some("add [project] with a name".into()),
            ));
        };
        let table = self.table(item, "[project]")?;
        self.keys(table, &["name", "default-env"], "[project]")?;
        let Some(name) = self.text_of(table, "name")? else {
            return Err(self.at(item, "[project] has no `name`"));
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if name.is_empty() || !name.chars().all(allowed) {
            let item = &table["name"];
            let help = "letters, digits and hyphens: it is part of every generated name".to_owned();
            return Err(self.error(
                item.span().start,
                format!("`{name}` is no project name"),
                Some(help),
            ));
        }
        let shared = Shared {
            stacks: self.stacks(document)?,
            assembly: self.assembly(document, None)?,
        };
        let mut environments = BTreeMap::new();
        if let Some(item) = document.get("env") {
            for (key, item) in self.table(item, "[env]")? {
                let environment = self.environment(key.get_ref(), item, &shared)?;
                environments.insert(key.get_ref().to_string(), environment);
            }
        }
        if environments.is_empty() {
            let stacks = shared.stacks.into_iter().map(|(_, stack)| stack);
            let environment = Environment {
                name: "default".into(),
                stacks: stacks.collect(),
                assembly: shared.assembly,
                ..Environment::default()
            };
            environments.insert("default".into(), environment);
        }
        let default_environment = self.text_of(table, "default-env")?;
        if let Some(name) = default_environment
            .as_ref()
            .filter(|name| !environments.contains_key(*name))
        {
            let help = similar(name, environments.keys().map(String::as_str))
                .map(|name| format!("did you mean `{name}`?"));
            let offset = table["default-env"].span().start;
            return Err(self.error(
                offset,
                format!("the project has no environment `{name}`"),
                help,
            ));
        }
        Ok(Project {
            root: self.root.to_owned(),
            name,
            default_environment,
            environments,
        })
    }

    fn environment(
        &self,
        name: &str,
        item: &Item<'_>,
        shared: &Shared,
    ) -> Result<Environment, FileError> {
        const KNOWN: &[&str] = &[
            "sandbox",
            "account",
            "role",
            "profile",
            "protect",
            "tags",
            "parameters",
            "concurrency",
            "response-bucket",
            "stack",
            "assembly",
            "synth",
            "stacks",
        ];
        let whose = format!("[env.{name}]");
        let table = self.table(item, &whose)?;
        self.keys(table, KNOWN, &whose)?;
        let sandbox = self.flag(table, "sandbox")?;
        let account = self.text_of(table, "account")?;
        if let Some(account) = account
            .as_ref()
            .filter(|a| a.len() != 12 || !a.chars().all(|c| c.is_ascii_digit()))
        {
            return Err(self.at(
                &table["account"],
                format!("`{account}` is no account id: it has 12 digits"),
            ));
        }
        let concurrency =
            match table.get("concurrency") {
                None => None,
                Some(item) => {
                    let number = item
                        .get_ref()
                        .as_integer()
                        .and_then(|number| number.as_str().parse::<usize>().ok());
                    let number = number.filter(|number| (1..=256).contains(number));
                    Some(number.ok_or_else(|| {
                        self.at(item, "`concurrency` must be a number from 1 to 256")
                    })?)
                }
            };
        let parameters = self.parameters(table, sandbox)?;
        let mut stacks: Vec<(usize, StackSpec)> = shared.stacks.clone();
        stacks.extend(self.stacks(table)?);
        let mut seen = std::collections::BTreeSet::new();
        for (offset, stack) in &mut stacks {
            if !seen.insert((stack.region.clone(), stack.name.clone())) {
                let message = format!("{whose} has two stacks `{}` in one region", stack.name);
                return Err(self.error(
                    *offset,
                    message,
                    Some("give one of them another name".into()),
                ));
            }
            for (name, given) in &parameters {
                stack
                    .parameters
                    .entry(name.clone())
                    .or_insert_with(|| given.clone());
            }
        }
        Ok(Environment {
            name: name.to_owned(),
            sandbox,
            account,
            role: self.text_of(table, "role")?,
            profile: self.text_of(table, "profile")?,
            response_bucket: self.text_of(table, "response-bucket")?,
            protect: self.flag(table, "protect")?,
            tags: self.texts(table, "tags")?,
            concurrency,
            parameters,
            stacks: stacks.into_iter().map(|(_, stack)| stack).collect(),
            assembly: self.assembly(table, shared.assembly.as_ref())?,
        })
    }

    /// The assembly of an environment. One that it names itself is another one than the shared one, and made by another
    /// command.
    fn assembly(
        &self,
        table: &DeTable<'_>,
        shared: Option<&AssemblySpec>,
    ) -> Result<Option<AssemblySpec>, FileError> {
        let mut spec = match self.text_of(table, "assembly")? {
            Some(folder) => Some(AssemblySpec {
                folder: super::assembly::assets::joined(self.root, &folder),
                ..AssemblySpec::default()
            }),
            None => shared.cloned(),
        };
        for key in ["synth", "stacks"] {
            let Some(item) = table.get(key) else {
                continue;
            };
            let Some(spec) = &mut spec else {
                let help = match key {
                    "synth" => "name the folder that it writes: assembly = \"cdk.out\"",
                    _ => {
                        "it chooses stacks of an assembly; a stack of its own stands under [[stack]]"
                    }
                };
                let message = format!("`{key}` without `assembly`");
                return Err(self.error(item.span().start, message, Some(help.to_owned())));
            };
            match key {
                "synth" => spec.synth = Some(self.string(item, "`synth`")?),
                _ => spec.stacks = self.list(item, "`stacks`")?,
            }
        }
        Ok(spec)
    }

    fn list(&self, item: &Item<'_>, what: &str) -> Result<Vec<String>, FileError> {
        let texts = item.get_ref().as_array().and_then(|items| {
            let text = |item: &Item<'_>| item.get_ref().as_str().map(str::to_owned);
            items.iter().map(text).collect::<Option<Vec<String>>>()
        });
        texts.ok_or_else(|| self.at(item, format!("{what} must be a list of texts")))
    }

    /// The `[[stack]]` tables, each with where it stands.
    fn stacks(&self, table: &DeTable<'_>) -> Result<Vec<(usize, StackSpec)>, FileError> {
        let Some(item) = table.get("stack") else {
            return Ok(Vec::new());
        };
        let list = item
            .get_ref()
            .as_array()
            .ok_or_else(|| self.at(item, "stacks stand under [[stack]]"))?;
        list.iter()
            .map(|item| Ok((item.span().start, self.stack(item)?)))
            .collect()
    }

    fn stack(&self, item: &Item<'_>) -> Result<StackSpec, FileError> {
        let table = self.table(item, "[[stack]]")?;
        self.keys(
            table,
            &["name", "template", "region", "parameters"],
            "[[stack]]",
        )?;
        let Some(template) = self.text_of(table, "template")? else {
            return Err(self.at(item, "[[stack]] has no `template`"));
        };
        let template = self.root.join(template);
        let stem = template
            .file_stem()
            .map(|stem| super::names::identifier(&stem.to_string_lossy()));
        let name = match self.text_of(table, "name")? {
            Some(name) => name,
            None => stem.unwrap_or_default(),
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if name.is_empty() || !name.chars().all(allowed) {
            return Err(self.at(
                item,
                format!("`{name}` is no stack name: letters, digits and hyphens"),
            ));
        }
        Ok(StackSpec {
            name,
            template,
            region: self.text_of(table, "region")?,
            // Whether generated values are allowed is the environment's to say: shared stacks belong to several.
            parameters: self.parameters(table, true)?,
            assembled: None,
        })
    }

    fn parameters(
        &self,
        table: &DeTable<'_>,
        sandbox: bool,
    ) -> Result<BTreeMap<String, Given>, FileError> {
        let Some(item) = table.get("parameters") else {
            return Ok(BTreeMap::new());
        };
        let mut parameters = BTreeMap::new();
        for (key, item) in self.table(item, "`parameters`")? {
            let given = self.given(key.get_ref(), item)?;
            if given == Given::Generated && !sandbox {
                let help =
                    "take it from an environment variable ({ env = … }) or a file ({ file = … })"
                        .to_owned();
                let message = format!(
                    "`{}`: generated values are for `sandbox = true` only",
                    key.get_ref()
                );
                return Err(self.error(item.span().start, message, Some(help)));
            }
            parameters.insert(key.get_ref().to_string(), given);
        }
        Ok(parameters)
    }

    fn given(&self, name: &str, item: &Item<'_>) -> Result<Given, FileError> {
        let joined = |items: &toml::de::DeArray<'_>| -> Option<String> {
            let texts: Option<Vec<&str>> =
                items.iter().map(|item| item.get_ref().as_str()).collect();
            Some(texts?.join(","))
        };
        let wrong = |message: &str| Err(self.at(item, format!("`{name}` {message}")));
        match item.get_ref() {
            DeValue::String(text) => Ok(Given::Text(text.to_string())),
            DeValue::Integer(number) => Ok(Given::Text(number.as_str().to_owned())),
            DeValue::Float(number) => Ok(Given::Text(number.as_str().to_owned())),
            DeValue::Boolean(flag) => Ok(Given::Text(flag.to_string())),
            DeValue::Datetime(time) => Ok(Given::Text(time.to_string())),
            DeValue::Array(items) => match joined(items) {
                Some(text) => Ok(Given::Text(text)),
                None => wrong("must be a list of texts"),
            },
            DeValue::Table(table) => {
                self.keys(table, &["env", "file", "generate"], &format!("`{name}`"))?;
                if table.len() != 1 {
                    return wrong("takes one of env, file and generate");
                }
                if let Some(variable) = self.text_of(table, "env")? {
                    return Ok(Given::Variable(variable));
                }
                if let Some(file) = self.text_of(table, "file")? {
                    return Ok(Given::File(self.root.join(file)));
                }
                if self.flag(table, "generate")? {
                    Ok(Given::Generated)
                } else {
                    wrong("`generate` can only be true")
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let error = parse(Path::new("/project"), text).unwrap_err();
        let help = error
            .help
            .map(|help| format!(" ({help})"))
            .unwrap_or_default();
        format!("{}:{}: {}{help}", error.line, error.column, error.message)
    }

    #[test]
    fn every_mistake_has_its_place_and_advice() {
        let errors = [
            "[project]\nname = \"p\"\n[env.prod]\nprotekt = true\n",
            "[project]\nname = \"p\"\n[env.prod]\naccount = \"12\"\n",
            "[project]\nname = \"p\"\ndefault-env = \"prd\"\n[env.prod]\n",
            "[project]\nname = \"p p\"\n",
            "[project]\nname = \"p\"\n[env.prod]\nparameters = { P = { generate = true } }\n",
            "[project]\nname = \"p\"\n[[stack]]\nregion = \"us-east-1\"\n",
            "[project]\nname = \"p\"\n[env.prod]\nassembly = 1\n",
            "asembly = \"cdk.out\"\n[project]\nname = \"p\"\n",
            "synth = \"cdk synth\"\n[project]\nname = \"p\"\n",
            "[project]\nname = \"p\"\n[[stacks]]\ntemplate = \"t.yaml\"\n",
            "assembly = \"cdk.out\"\nstacks = \"Prod/*\"\n[project]\nname = \"p\"\n",
            "[env.prod]\n",
            "name = ",
        ]
        .map(error)
        .join("\n");
        insta::assert_snapshot!(errors);
    }

    #[test]
    fn a_stack_takes_the_environments_parameters_where_it_has_none() {
        let text = "[project]\nname = \"p\"\n[env.prod]\nparameters = { A = 1, B = \"b\" }\n\
                    [[env.prod.stack]]\ntemplate = \"t.yaml\"\nparameters = { B = { env = \"X\" } }\n";
        let project = parse(Path::new("/project"), text).unwrap();
        let stack = &project.environments["prod"].stacks[0];
        assert_eq!(stack.name, "t");
        assert_eq!(stack.template, Path::new("/project/t.yaml"));
        assert_eq!(stack.parameters["A"], Given::Text("1".into()));
        assert_eq!(stack.parameters["B"], Given::Variable("X".into()));
    }

    #[test]
    fn an_environment_takes_the_shared_assembly_or_names_its_own() {
        let text = "assembly = \"cdk.out\"\nsynth = \"cdk synth\"\n[project]\nname = \"p\"\n\
                    [env.dev]\nstacks = [\"Dev/*\"]\n\
                    [env.prod]\nassembly = \"../infra/prod.out\"\n\
                    [env.test]\nsynth = \"make\"\n";
        let project = parse(Path::new("/srv/project"), text).unwrap();
        let of = |name: &str| project.environments[name].assembly.clone().unwrap();
        assert_eq!(of("dev").folder, Path::new("/srv/project/cdk.out"));
        assert_eq!(of("dev").synth.as_deref(), Some("cdk synth"));
        assert_eq!(of("dev").stacks, ["Dev/*"]);
        assert_eq!(of("prod").folder, Path::new("/srv/infra/prod.out"));
        assert_eq!(of("prod").synth, None);
        assert_eq!(of("test").synth.as_deref(), Some("make"));
    }
}
