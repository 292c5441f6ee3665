//! Diagnostics as an author reads them: with the lines they speak of, as text for a terminal or as JSON for a machine.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value as Json, json};
use understudy_core::{
    compile::Source,
    syntax::diagnostic::{Diagnostic, Place, Severity, Span},
};

/// Columns of a rendered line; a longer source line is cut around what is told of it.
const WIDTH: usize = 120;
/// Bytes of source looked at for one excerpt: of longer lines only the place is told.
const EXCERPT_BYTES_MAX: usize = 64 << 10;

/// Every diagnostic with its excerpt, and a blank line after each. `sources`: what was compiled.
pub fn human(diagnostics: &[Diagnostic], sources: &[Source<'_>], colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() }.term_width(WIDTH);
    let mut text = String::new();
    for diagnostic in diagnostics {
        text += &renderer.render(&report(diagnostic, sources));
        text += "\n\n";
    }
    text
}

fn report<'a>(diagnostic: &'a Diagnostic, sources: &[Source<'a>]) -> Vec<Group<'a>> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(shown(&diagnostic.message)).id(diagnostic.code));
    // One excerpt a file, the finding's own first.
    let own = diagnostic.span.file;
    let mut files: Vec<u32> =
        diagnostic.related.iter().map(|related| related.span.file).filter(|file| *file != own).collect();
    files.dedup();
    for file in std::iter::once(own).chain(files) {
        let Some(source) = sources.get(file as usize) else { continue };
        let related: Vec<_> = diagnostic.related.iter().filter(|related| related.span.file == file).collect();
        let spans = related.iter().map(|related| related.span).chain((file == own).then_some(diagnostic.span));
        let (text, before, line) = lines_of(spans, source.text);
        if text.len() > EXCERPT_BYTES_MAX {
            let place =
                if file == own { Some(&diagnostic.place) } else { related.first().map(|related| &related.place) };
            if let Some(Place { line, column, .. }) = place {
                let origin = Origin::path(source.name).line(*line as usize).char_column(*column as usize);
                group = group.element(origin);
            }
            continue;
        }
        let range = |span: Span| {
            let range = range(span, source.text);
            range.start - before..range.end - before
        };
        let mut snippet = Snippet::source(text).path(source.name).line_start(line);
        if file == own {
            snippet = snippet.annotation(AnnotationKind::Primary.span(range(diagnostic.span)));
        }
        for related in related {
            let range = range(related.span);
            snippet = snippet.annotation(AnnotationKind::Context.span(range).label(shown(&related.message)));
        }
        group = group.element(snippet);
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(shown(help)));
    }
    vec![group]
}

/// The lines that the spans lie in, the bytes before them and the first one's number: an excerpt costs no more than it
/// shows.
fn lines_of(spans: impl Iterator<Item = Span>, text: &str) -> (&str, usize, usize) {
    let (mut start, mut end, mut last) = (text.len(), 0, 0);
    for span in spans {
        let range = range(span, text);
        last = last.max(range.end);
        start = start.min(text[..range.start].rfind('\n').map_or(0, |at| at + 1));
        end = end.max(text[range.end..].find('\n').map_or(text.len(), |at| range.end + at));
    }
    let start = start.min(end);
    // A line's end of two characters is no part of the line, unless it is told of.
    if end > last && text[start..end].ends_with('\r') {
        end -= 1;
    }
    (&text[start..end], start, text[..start].matches('\n').count() + 1)
}

/// A message without control characters: a policy's text must not speak to the terminal.
fn shown(message: &str) -> String {
    let safe = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    message.chars().map(safe).collect()
}

/// The span's bytes, kept within the text.
fn range(span: Span, text: &str) -> std::ops::Range<usize> {
    let end = (span.end as usize).min(text.len());
    (span.start as usize).min(end)..end
}

/// Errors, warnings.
pub fn counts(diagnostics: &[Diagnostic]) -> (usize, usize) {
    let n_errors = diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
    (n_errors, diagnostics.len() - n_errors)
}

/// `2 errors, 0 warnings`.
pub fn counted(diagnostics: &[Diagnostic]) -> String {
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let (n_errors, n_warnings) = counts(diagnostics);
    format!("{}, {}", plural(n_errors, "error"), plural(n_warnings, "warning"))
}

/// One document: `diagnostics`, `errors`, `warnings`. Lines and columns (in characters) count from 1; an end is the place
/// after the last character.
pub fn machine(diagnostics: &[Diagnostic]) -> Json {
    let place = |place: &Place| json!({"line": place.line, "column": place.column});
    let (n_errors, n_warnings) = counts(diagnostics);
    let found: Vec<Json> = diagnostics
        .iter()
        .map(|found| {
            let related: Vec<Json> = found
                .related
                .iter()
                .map(|related| {
                    json!({
                        "message": related.message,
                        "file": related.place.file,
                        "start": place(&related.place),
                        "end": place(&related.end),
                    })
                })
                .collect();
            json!({
                "severity": found.severity.word(),
                "code": found.code,
                "message": found.message,
                "file": found.place.file,
                "start": place(&found.place),
                "end": place(&found.end),
                "help": found.help,
                "related": related,
            })
        })
        .collect();
    json!({"diagnostics": found, "errors": n_errors, "warnings": n_warnings})
}
