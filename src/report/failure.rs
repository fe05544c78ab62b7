//! Errors as people and programs see them: [`Failure`], shown by miette or as the JSON of docs/contracts.md.

use std::fmt;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, Severity, SourceCode};
use serde_json::{Value as Json, json};

use crate::template::diagnostic;

/// What AWS said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsAnswer {
    /// AWS's error code.
    pub code: String,
    /// AWS's words.
    pub message: String,
    /// The id under which AWS's support finds the call.
    pub request_id: Option<String>,
}

/// Why a command ends with exit code 1, and what to do next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// A stable name for programs, such as `unknown-environment`.
    pub code: String,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
    /// Which resource.
    pub address: Option<String>,
    /// The file that is to blame, and line and column (from 1) in it.
    pub place: Option<(String, usize, usize)>,
    /// The place in a template that it is about, shown with the lines around it.
    pub declared: Option<diagnostic::Place>,
    /// What AWS said, where AWS refused.
    pub aws: Option<AwsAnswer>,
    /// The mistakes in templates, all of them.
    pub diagnostics: Vec<diagnostic::Diagnostic>,
}

impl Failure {
    /// A failure that has no place in a template.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Failure {
        Failure {
            code: code.into(),
            message: message.into(),
            ..Failure::default()
        }
    }

    /// The same with advice.
    pub fn help(mut self, help: impl Into<String>) -> Failure {
        self.help = Some(help.into());
        self
    }

    /// The same naming a resource.
    pub fn address(mut self, address: impl fmt::Display) -> Failure {
        self.address = Some(address.to_string());
        self
    }

    /// The same with files below `folder` named as seen from it: short enough to read, and fit to paste elsewhere.
    pub fn seen_from(mut self, folder: &std::path::Path) -> Failure {
        let prefix = format!("{}/", folder.display());
        if prefix != "/" {
            self.message = self.message.replace(&prefix, "");
            if let Some((file, ..)) = &mut self.place {
                *file = file.replace(&prefix, "");
            }
        }
        self
    }

    /// The mistakes of templates. `None` where none is an error.
    pub fn of_diagnostics(diagnostics: Vec<diagnostic::Diagnostic>) -> Failure {
        let diagnostics = super::constructs::name(diagnostics);
        let errors: Vec<_> = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.is_error())
            .collect();
        let (code, message) = match errors.as_slice() {
            [] => ("template", "the templates are wrong".to_owned()),
            [one] => (one.code, one.message.clone()),
            [first, ..] => (
                first.code,
                format!("{} ({} mistakes in all)", first.message, errors.len()),
            ),
        };
        Failure {
            diagnostics: diagnostics
                .into_iter()
                .map(diagnostic::Diagnostic::advised)
                .collect(),
            ..Failure::new(code, message)
        }
    }

    /// `{"error": {…}}`, and where there are several mistakes all of them under `errors`.
    pub fn to_json(&self) -> Json {
        let first = self
            .diagnostics
            .iter()
            .find(|diagnostic| diagnostic.is_error());
        let mut error = match first {
            Some(diagnostic) => diagnostic.to_json(),
            None => {
                let place = self.place.as_ref();
                json!({
                    "code": self.code, "message": self.message, "address": self.address,
                    "file": place.map(|place| &place.0), "line": place.map(|place| place.1),
                    "column": place.map(|place| place.2), "help": self.help,
                })
            }
        };
        error["aws"] = match &self.aws {
            Some(aws) => {
                json!({"code": aws.code, "message": aws.message, "request_id": aws.request_id})
            }
            None => Json::Null,
        };
        let mut all = json!({ "error": error });
        if self.diagnostics.len() > 1 {
            all["errors"] = self
                .diagnostics
                .iter()
                .map(diagnostic::Diagnostic::to_json)
                .collect();
        }
        all
    }

    /// For people, on standard error.
    pub fn render(&self) -> String {
        if !self.diagnostics.is_empty() {
            let shown: Vec<String> = self.diagnostics.iter().map(render_diagnostic).collect();
            let mut text = shown.join("\n");
            let errors = self
                .diagnostics
                .iter()
                .filter(|diagnostic| diagnostic.is_error())
                .count();
            if errors > 1 {
                text.push_str(&format!("\n{errors} mistakes\n"));
            }
            return text;
        }
        let mut message = self.message.clone();
        // Where the message tells what AWS said, once is enough.
        if let Some(aws) = &self.aws
            && !(message.contains(&aws.code) && message.contains(&aws.message))
        {
            let request = aws
                .request_id
                .as_ref()
                .map(|id| format!(" (request {id})"))
                .unwrap_or_default();
            message = format!("{message}\nAWS: {} {}{request}", aws.code, aws.message);
        }
        if let Some(place) = &self.declared {
            let shown = diagnostic::Diagnostic {
                place: Some(place.clone()),
                help: self.help.clone(),
                ..diagnostic::Diagnostic::error("failed", message)
            };
            return graphical(&Shown {
                diagnostic: &shown,
                code: None,
            });
        }
        let mut report = miette::MietteDiagnostic::new(message);
        if let Some(help) = &self.help {
            report = report.with_help(help.clone());
        }
        let mut text = String::new();
        if let Some((file, line, column)) = &self.place {
            text.push_str(&format!("{file}:{line}:{column}\n"));
        }
        text + &graphical(&report)
    }
}

/// One mistake in a template with the lines around it.
pub fn render_diagnostic(diagnostic: &diagnostic::Diagnostic) -> String {
    graphical(&Shown {
        diagnostic,
        code: Some(diagnostic.code),
    })
}

fn graphical(report: &dyn miette::Diagnostic) -> String {
    let mut text = String::new();
    let theme = if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        GraphicalTheme::unicode_nocolor()
    } else {
        GraphicalTheme::unicode()
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(80)
        // Names and ids are not torn apart at their hyphens.
        .with_word_splitter(textwrap::WordSplitter::NoHyphenation)
        .with_context_lines(1);
    match handler.render_report(&mut text, report) {
        Ok(()) => text,
        Err(fmt::Error) => format!("{report}\n"),
    }
}

/// A template diagnostic in miette's terms.
struct Shown<'a> {
    diagnostic: &'a diagnostic::Diagnostic,
    code: Option<&'static str>,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(address) = &self.diagnostic.address {
            write!(f, "{address}: ")?;
        }
        f.write_str(&self.diagnostic.message)?;
        match self.diagnostic.turns() {
            Some(turns) => write!(f, " ({turns})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code?))
    }

    fn severity(&self) -> Option<Severity> {
        Some(if self.diagnostic.is_error() {
            Severity::Error
        } else {
            Severity::Warning
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic
            .help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.diagnostic
            .place
            .as_ref()
            .map(|place| &*place.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.diagnostic.place.as_ref()?;
        let span = place.source.written(place.span);
        let here = LabeledSpan::new(None, span.offset, span.length);
        let related = self.diagnostic.related.as_ref();
        let there = related.map(|(what, span)| {
            let span = place.source.written(*span);
            LabeledSpan::new(Some(what.clone()), span.offset, span.length)
        });
        Some(Box::new(std::iter::once(here).chain(there)))
    }
}

impl SourceCode for crate::template::Source {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        // Only the lines that are shown: looking for them from the text's start would make many mistakes in a long template
        // slow.
        let first = self
            .position(span.offset())
            .line
            .saturating_sub(before + 1)
            .max(1);
        let last = self.position(span.offset() + span.len()).line + after + 1;
        let (start, end) = (self.line_start(first), self.line_start(last + 1));
        let window = self.text().get(start..end).unwrap_or_default();
        let offset = span.offset().saturating_sub(start).min(window.len());
        let here = miette::SourceSpan::from((offset, span.len().min(window.len() - offset)));
        let contents = window.read_span(&here, before, after)?;
        let shown = contents.span();
        Ok(Box::new(miette::MietteSpanContents::new_named(
            self.name().to_owned(),
            contents.data(),
            (start + shown.offset(), shown.len()).into(),
            first - 1 + contents.line(),
            contents.column(),
            contents.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::style::plain;
    use crate::template::{Source, Span};
    use std::sync::Arc;

    #[test]
    fn a_mistake_shows_its_line_and_advice() {
        let source = Arc::new(Source::new(
            "network.yaml",
            "Resources:\n  Vpc:\n    Type: AWS::EC2::VCP\n",
        ));
        let offset = source.text().find("AWS::EC2").unwrap();
        let diagnostic =
            diagnostic::Diagnostic::error("unknown-type", "AWS has no type AWS::EC2::VCP")
                .at(&source, Span { offset, length: 13 })
                .help("did you mean AWS::EC2::VPC?");
        let failure = Failure::of_diagnostics(vec![diagnostic]);
        insta::assert_snapshot!(plain(&failure.render()));
        assert_eq!(failure.to_json()["error"]["line"], 3);
    }

    #[test]
    fn the_lines_that_are_shown_are_those_of_the_whole_text() {
        let text = "a: é\r\n\r\nb:\r\n  - c: |\r\n      d\r\n\r\n  - e\n# f\n\ng: h";
        let source = Source::new("t.yaml", text);
        for (offset, _) in text.char_indices().chain([(text.len(), ' ')]) {
            for length in [0, 1, 9] {
                if !text.is_char_boundary((offset + length).min(text.len())) {
                    continue;
                }
                let span = miette::SourceSpan::from((offset, length.min(text.len() - offset)));
                let ours = SourceCode::read_span(&source, &span, 1, 1).unwrap();
                let whole = text.read_span(&span, 1, 1).unwrap();
                assert_eq!(
                    (ours.data(), ours.span(), ours.line(), ours.column()),
                    (whole.data(), whole.span(), whole.line(), whole.column()),
                    "{offset} {length}"
                );
            }
        }
    }
}
