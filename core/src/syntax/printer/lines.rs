//! Words → lines: what stands between two words, what fits, how a word and its comments are written.

use std::fmt::Write as _;

use super::{Printer, WIDTH};
use crate::syntax::lexer::Kind;

impl Printer {
    /// Is there a space between two words of one line?
    pub(super) fn space(&self, before: usize, at: usize) -> bool {
        let is_literal = |open: usize| open > 0 && matches!(self.words[open - 1].kind, Kind::Name(_));
        match (&self.words[before].kind, &self.words[at].kind) {
            (Kind::Mark("(" | "["), _) | (_, Kind::Mark(")" | "]" | "," | ";" | ":")) => false,
            (Kind::Name(word), Kind::Mark("(")) => matches!(word.as_str(), "if" | "and" | "or" | "not" | "iff"),
            (Kind::Name(word), Kind::Mark("!")) => word != "matches",
            (Kind::Mark("{"), Kind::Mark("}")) => false,
            // `User{"ann"}` beside `{ owner: User }`; the brace of a body is followed by a line's end.
            (Kind::Name(_), Kind::Mark("{")) => self.opens_body(at),
            (Kind::Mark("{"), _) => !is_literal(before),
            (_, Kind::Mark("}")) => at < 2 || !(self.is_mark(at - 2, "{") && is_literal(at - 2)),
            _ => true,
        }
    }

    /// Does the brace open a block, a test, a setup? Then its inside is no single value.
    fn opens_body(&self, open: usize) -> bool {
        let Some(close) = self.words[open].close else { return true };
        let is_value = close == open + 2
            && (matches!(self.words[open + 1].kind, Kind::Text(_) | Kind::Number(_))
                || self.is_name(open + 1, &["true", "false"]));
        !is_value
    }

    fn column(&self) -> usize {
        self.break_to.unwrap_or_else(|| {
            let line = self.out.rfind('\n').map_or(0, |at| at + 1);
            self.out[line..].chars().count()
        })
    }

    /// Do these words fit the line, with no comment among them?
    pub(super) fn fits(&self, from: usize, to: usize) -> bool {
        let mut width = self.column();
        for at in from..to {
            let word = &self.words[at];
            if (at > from && !word.lead.is_empty()) || (at + 1 < to && word.trail.is_some()) {
                return false;
            }
            width += word.text.chars().count() + usize::from(at > from && self.space(at - 1, at));
            if width > WIDTH {
                return false;
            }
        }
        true
    }

    /// Writes a word, its comments and what separates it from the one before.
    pub(super) fn put(&mut self, at: usize) {
        let indent = self.break_to.unwrap_or_else(|| {
            let line = self.out.rfind('\n').map_or(0, |newline| newline + 1);
            self.out[line..].chars().take_while(|c| *c == ' ').count()
        });
        for (_, comment) in std::mem::take(&mut self.words[at].lead) {
            self.comment_line(&comment, indent, false);
        }
        match self.break_to.take() {
            Some(indent) => {
                let _ = write!(self.out, "\n{:indent$}", "");
            }
            None if !self.out.is_empty() && self.space(at - 1, at) => self.out.push(' '),
            None => {}
        }
        self.out.push_str(&self.words[at].text);
        if self.comma_after == Some(at) {
            self.out.push(',');
        }
        if let Some(comment) = self.words[at].trail.take() {
            let _ = write!(self.out, " {comment}");
            self.break_to = Some(indent);
        }
    }

    /// Writes a comment on a line of its own.
    pub(super) fn comment_line(&mut self, comment: &str, indent: usize, blank: bool) {
        if !self.out.is_empty() {
            self.out.push('\n');
            if blank {
                self.out.push('\n');
            }
        }
        let _ = write!(self.out, "{:indent$}{comment}", "");
        self.break_to = Some(indent);
    }
}
