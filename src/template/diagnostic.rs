//! [`Diagnostic`]: one mistake or remark about a template, independent of how it is shown.

use std::fmt;
use std::sync::Arc;

use super::source::{Source, Span};

/// How many mistakes of a template are told at most, and how many warnings. More help nobody, and looking for advice for
/// each is work.
pub(super) const MAX_MISTAKES: usize = 200;

/// Whether there are as many mistakes as are told.
pub(super) fn is_full(diagnostics: &[Diagnostic]) -> bool {
    let is_error = |diagnostic: &&Diagnostic| diagnostic.is_error();
    diagnostics.len() >= MAX_MISTAKES && diagnostics.iter().filter(is_error).count() >= MAX_MISTAKES
}

/// Notes a warning, unless there are very many already.
pub(super) fn warn(diagnostics: &mut Vec<Diagnostic>, warning: Diagnostic) {
    if diagnostics.len() < 2 * MAX_MISTAKES {
        diagnostics.push(warning);
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing can be planned until it is mended.
    Error,
    /// Worth knowing, stops nothing.
    Warning,
}

/// A place in a template that a diagnostic points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The template.
    pub source: Arc<Source>,
    /// Where in it.
    pub span: Span,
}

/// One mistake in a template (or in what was given for its parameters), with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for programs, such as `unknown-property`.
    pub code: &'static str,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// The key or value that is wrong; `None` where no template is to blame (a parameter given by hand).
    pub place: Option<Place>,
    /// Another place that belongs to it, with what it is (the first of two equal keys).
    pub related: Option<(String, Span)>,
    /// What to do about it.
    pub help: Option<String>,
    /// The resource's address, or before instantiation its logical id.
    pub address: Option<String>,
    /// In a loop: for which of its values, such as `TopicName = Alerts`.
    pub turns: Vec<String>,
}

impl Diagnostic {
    /// With what to do about mistakes of its kind, where nothing was said that fits this one alone.
    pub fn advised(mut self) -> Diagnostic {
        let advice = match self.code {
            "unknown-reference" => {
                Some("name a resource or parameter of this template, or remove the reference")
            }
            "circular" => {
                Some("take one of the references out, so that something can be made first")
            }
            "unknown-mapping-key" => Some(
                "use a key that the mapping has, add it there, or give Fn::FindInMap a DefaultValue",
            ),
            "bad-argument" => Some(
                "give the function what it takes here; see its page in AWS's template reference",
            ),
            "empty-template" => Some("write at least the section `Resources` with one resource"),
            "wrong-type" => Some("write a value of the type that is asked for here"),
            "bad-value" => Some("write one of the values that are allowed here"),
            "bad-yaml" | "bad-json" => Some("mend it here; what follows is read only then"),
            _ => None,
        };
        self.help = self.help.or(advice.map(str::to_owned));
        self
    }

    /// An error.
    pub fn error(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            place: None,
            related: None,
            help: None,
            address: None,
            turns: Vec::new(),
        }
    }

    /// A warning.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Warning,
            ..Diagnostic::error(code, message)
        }
    }

    /// The same, pointing at a place.
    pub fn at(mut self, source: &Arc<Source>, span: Span) -> Diagnostic {
        let turns = source.turns(span.offset).join(", ");
        self.turns = (!turns.is_empty()).then_some(turns).into_iter().collect();
        self.place = Some(Place {
            source: source.clone(),
            span,
        });
        self
    }

    /// The same with advice.
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// The same with advice, where there is any.
    pub fn maybe_help(mut self, help: Option<String>) -> Diagnostic {
        self.help = help.or(self.help);
        self
    }

    /// The same, naming a resource.
    pub fn address(mut self, address: impl Into<String>) -> Diagnostic {
        self.address = Some(address.into());
        self
    }

    /// The same with a second place.
    pub fn related(mut self, what: impl Into<String>, span: Span) -> Diagnostic {
        self.related = Some((what.into(), span));
        self
    }

    /// For which values of the loops around its place it is so; `None` outside of loops.
    pub fn turns(&self) -> Option<String> {
        const SHOWN: usize = 3;
        let shown = self.turns.iter().take(SHOWN).cloned();
        let mut text = shown.collect::<Vec<_>>().join("; ");
        if let Some(more @ 1..) = self.turns.len().checked_sub(SHOWN) {
            text.push_str(&format!("; and {more} more"));
        }
        (!text.is_empty()).then_some(text)
    }

    /// The message, in a loop with the loop's values.
    fn full_message(&self) -> String {
        match self.turns() {
            Some(turns) => format!("{} ({turns})", self.message),
            None => self.message.clone(),
        }
    }

    /// Place and message, such as `shop.yaml:3:5: the rule …`.
    pub fn in_one_line(&self) -> String {
        match (self.file(), self.line(), self.column()) {
            (Some(file), Some(line), Some(column)) => {
                format!("{file}:{line}:{column}: {}", self.full_message())
            }
            _ => self.full_message(),
        }
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The template's file name.
    pub fn file(&self) -> Option<&str> {
        self.place.as_ref().map(|place| place.source.name())
    }

    /// The line, from 1.
    pub fn line(&self) -> Option<usize> {
        self.place
            .as_ref()
            .map(|place| place.source.position(place.span.offset).line)
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> Option<usize> {
        self.place
            .as_ref()
            .map(|place| place.source.position(place.span.offset).column)
    }

    /// The line that it points at.
    pub fn source_line(&self) -> Option<&str> {
        let place = self.place.as_ref()?;
        Some(
            place
                .source
                .line(place.source.position(place.span.offset).line),
        )
    }

    /// What stands under `error` in JSON output: code, message, address, file, line, column, help.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "code": self.code,
            "message": self.full_message(),
            "address": self.address,
            "file": self.file(),
            "line": self.line(),
            "column": self.column(),
            "help": self.help,
        })
    }
}

/// Plain text: the message, the place, the source line with the span underlined, the help.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}[{}]: {}", self.code, self.full_message())?;
        if let Some(place) = &self.place {
            let position = place.source.position(place.span.offset);
            let line = place.source.line(position.line);
            let gutter = position.line.to_string();
            let pad = " ".repeat(gutter.len());
            write!(
                f,
                "\n{pad}--> {}:{}:{}",
                place.source.name(),
                position.line,
                position.column
            )?;
            write!(f, "\n{gutter} | {line}")?;
            let indent: String = line
                .chars()
                .take(position.column - 1)
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            let spanned = place
                .source
                .slice(place.span)
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .count();
            write!(f, "\n{pad} | {indent}{}", "^".repeat(spanned.max(1)))?;
            if let Some((what, span)) = &self.related {
                let related = place.source.position(span.offset);
                write!(f, "\n{pad} = {what}: {}:{}", related.line, related.column)?;
            }
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// In the order of the text; what is the same for several turns of a loop, once.
pub(super) fn in_order(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let written = |diagnostic: &Diagnostic| {
        let place = diagnostic.place.as_ref()?;
        Some(place.source.written(place.span))
    };
    diagnostics.sort_by_key(written);
    let mut told: Vec<Diagnostic> = Vec::new();
    for diagnostic in diagnostics {
        let same = told
            .iter_mut()
            .rev()
            .take_while(|other| written(other) == written(&diagnostic))
            .find(|other| other.code == diagnostic.code && other.message == diagnostic.message);
        match same {
            Some(other) if !other.turns.is_empty() => other.turns.extend(diagnostic.turns),
            _ => told.push(diagnostic),
        }
    }
    told
}

/// Advice for a misspelt name: the most similar of the names that would do, of the first 2000.
pub(crate) fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let length = lower.chars().count();
    candidates
        .into_iter()
        .take(2000)
        .filter_map(|candidate| {
            let characters = candidate.chars().count();
            let allowed = (characters / 3).clamp(1, 4);
            // What is much longer or shorter cannot be near, and need not be measured.
            let distance = (length.abs_diff(characters) <= allowed)
                .then(|| strsim::osa_distance(&lower, &candidate.to_lowercase()))?;
            (distance <= allowed).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}
