//! What is wrong with a policy text, and where.

use std::fmt;

/// Bytes of one source file: `start..end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Which of the sources, from 0.
    pub file: u32,
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
}

/// Does it stop publication?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The policy can't be used.
    Error,
    /// It can, but look.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stops publication or not.
    pub severity: Severity,
    /// Stable short name of the kind, as `unknown-relation`.
    pub code: &'static str,
    /// Where.
    pub span: Span,
    /// File name, line and column (both from 1) of the span's start.
    pub place: Place,
    /// The same of the span's end: the character after its last.
    pub end: Place,
    /// What is wrong: lower case, no full stop, user text in backticks.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Other places that explain it, as where a name is declared.
    pub related: Vec<Related>,
}

/// A place that explains a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub span: Span,
    /// Start, for people.
    pub place: Place,
    /// End, for people.
    pub end: Place,
    /// What is there.
    pub message: String,
}

/// A position for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Source name.
    pub file: String,
    /// Line from 1.
    pub line: u32,
    /// Column from 1, in characters.
    pub column: u32,
}

impl Severity {
    /// `error`, `warning`.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = self.severity.word();
        let Place { file, line, column } = &self.place;
        write!(f, "{file}:{line}:{column}: {severity}: {}", self.message)?;
        if let Some(help) = &self.help {
            write!(f, " (help: {help})")?;
        }
        Ok(())
    }
}

/// A diagnostic before its place is known in lines and columns.
#[derive(Clone, Debug)]
pub struct Finding {
    /// See [`Diagnostic`].
    pub severity: Severity,
    /// See [`Diagnostic`].
    pub code: &'static str,
    /// See [`Diagnostic`].
    pub span: Span,
    /// See [`Diagnostic`].
    pub message: String,
    /// See [`Diagnostic`].
    pub help: Option<String>,
    /// See [`Diagnostic`].
    pub related: Vec<(Span, String)>,
}

impl Finding {
    /// An error.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Finding { severity: Severity::Error, code, span, message: message.into(), help: None, related: Vec::new() }
    }

    /// A warning: it changes nothing.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Finding { severity: Severity::Warning, ..Finding::error(code, span, message) }
    }

    /// The same with a place that explains it, if there is one.
    #[must_use]
    pub fn related(mut self, span: Option<Span>, message: impl Into<String>) -> Self {
        self.related.extend(span.map(|span| (span, message.into())));
        self
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
