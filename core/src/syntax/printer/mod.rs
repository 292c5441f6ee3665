//! The one layout of policy text. Works on tokens with the tree's grammar in mind, as a tree holds no comments: nothing
//! but blanks, trailing commas, stray `;` and the spelling of numbers changes, so the text parses to the same tree.
//!
//! - An item a line; two spaces of indentation inside braces; a blank line around blocks and tests that aren't empty,
//!   elsewhere where the author left one.
//! - An item that fits [`WIDTH`] columns stands on one line. Else a rule breaks after `if`, `and` and `or`; what still
//!   doesn't fit breaks inside its brackets, an element a line, with a comma after the last where the language allows it.
//! - A comment stays at the end of its line, or on lines of its own before what it was written before.

mod lines;
mod words;

use self::words::{Word, words};
use super::{ast::Policy, diagnostic::Finding, lexer::Kind, parser::parse};

/// Columns of a line.
pub const WIDTH: usize = 100;
const STEP: usize = 2;

/// The text in the one layout. `Err`: it can't be read, for these reasons.
pub fn format(text: &str) -> Result<String, Vec<Finding>> {
    let mut findings = Vec::new();
    parse(0, text, &mut Policy::default(), &mut findings);
    if !findings.is_empty() {
        return Err(findings);
    }
    let mut printer = Printer { words: words(text), out: String::new(), break_to: None, comma_after: None };
    printer.tidy();
    let n_words = printer.words.len();
    printer.items(0, n_words - 1, 0);
    printer.last_comments();
    Ok(printer.out)
}

struct Printer {
    words: Vec<Word>,
    out: String,
    /// Before the next word a line begins, with this indentation.
    break_to: Option<usize>,
    /// After this word a comma is written that the text doesn't have.
    comma_after: Option<usize>,
}

impl Printer {
    fn is_mark(&self, at: usize, mark: &str) -> bool {
        matches!(&self.words[at].kind, Kind::Mark(m) if *m == mark)
    }

    fn is_name(&self, at: usize, names: &[&str]) -> bool {
        matches!(&self.words[at].kind, Kind::Name(name) if names.contains(&name.as_str()))
    }

    /// Does a body in braces begin at the item, and where?
    fn body(&self, item: usize, to: usize) -> Option<usize> {
        let next = item + 1;
        let next_is_name = next < to && matches!(self.words[next].kind, Kind::Name(_));
        let is_block = self.is_name(item, &["actor", "resource"]) && next_is_name;
        let is_bare = self.is_name(item, &["global", "setup"]) && next < to && self.is_mark(next, "{");
        let is_test = self.is_name(item, &["test"]) && next < to && !self.is_mark(next, "(");
        if !(is_block || is_bare || is_test) {
            return None;
        }
        (item..to).find(|at| self.is_mark(*at, "{"))
    }

    /// Items from here on, each on lines of its own.
    fn items(&mut self, from: usize, to: usize, indent: usize) {
        let (mut at, mut is_first, mut was_body) = (from, true, false);
        while at < to {
            if self.is_mark(at, ";") {
                self.hand_on(at);
                at += 1;
                continue;
            }
            let body = self.body(at, to).and_then(|open| Some((open, self.words[open].close?)));
            let is_empty = |open: usize, close: usize, words: &[Word]| {
                close == open + 1 && words[close].lead.is_empty() && words[open].trail.is_none()
            };
            let is_body = body.is_some_and(|(open, close)| !is_empty(open, close, &self.words));
            let first = &mut self.words[at];
            let wants_blank = first.lead.first().map_or(first.blank, |(blank, _)| *blank);
            let blank = !is_first && (wants_blank || was_body || is_body);
            self.begin(at, indent, blank);
            at = match body {
                Some((open, close)) => {
                    self.element(at, open + 1, indent);
                    if is_body {
                        self.items(open + 1, close, indent + STEP);
                        self.comments_before_close(close, indent + STEP);
                        self.break_to = Some(indent);
                    }
                    self.put(close);
                    close + 1
                }
                None => {
                    let mut end = at;
                    while end < to && !self.is_mark(end, ";") {
                        end = self.words[end].close.unwrap_or(end) + 1;
                    }
                    let end = (end + 1).min(to);
                    self.element(at, end, indent);
                    end
                }
            };
            (is_first, was_body) = (false, is_body);
            self.break_to = Some(indent);
        }
    }

    /// Comments of a word that isn't printed go to the next one.
    fn hand_on(&mut self, at: usize) {
        let mut moved = std::mem::take(&mut self.words[at].lead);
        if let Some(comment) = self.words[at].trail.take() {
            moved.push((false, comment));
        }
        if let Some(next) = self.words.get_mut(at + 1) {
            next.lead.splice(0..0, moved);
        }
    }

    /// Starts an item: the blank line, its comments, its indentation.
    fn begin(&mut self, at: usize, indent: usize, blank: bool) {
        let mut was_comment = false;
        self.break_to = if self.out.is_empty() { None } else { Some(indent) };
        if blank && !self.out.is_empty() {
            self.out.push('\n');
        }
        for (place, (blank, comment)) in std::mem::take(&mut self.words[at].lead).into_iter().enumerate() {
            self.comment_line(&comment, indent, blank && place > 0);
            was_comment = true;
        }
        // A comment above a blank line is about more than the item below.
        if was_comment && self.words[at].blank {
            self.out.push('\n');
        }
    }

    fn comments_before_close(&mut self, close: usize, indent: usize) {
        for (place, (blank, comment)) in std::mem::take(&mut self.words[close].lead).into_iter().enumerate() {
            let is_first = place == 0 && self.out.ends_with('{');
            self.comment_line(&comment, indent, blank && !is_first);
        }
    }

    fn last_comments(&mut self) {
        let end = self.words.len() - 1;
        for (blank, comment) in std::mem::take(&mut self.words[end].lead) {
            self.comment_line(&comment, 0, blank);
        }
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    /// Ends of the parts between which lines may break: after words that satisfy, outside of brackets.
    fn parts(&self, from: usize, to: usize, ends: impl Fn(&Self, usize) -> bool) -> Vec<usize> {
        let (mut found, mut at) = (Vec::new(), from);
        while at < to {
            if ends(self, at) {
                found.push(at + 1);
            }
            at = self.words[at].close.unwrap_or(at) + 1;
        }
        if found.last() != Some(&to) && from < to {
            found.push(to);
        }
        found
    }

    /// On one line if that fits, else in parts.
    fn element(&mut self, from: usize, to: usize, indent: usize) {
        if self.fits(from, to) {
            return (from..to).for_each(|at| self.put(at));
        }
        let joins = |printer: &Self, at: usize| at > from && printer.is_name(at, &["if", "iff", "and", "or"]);
        let parts = self.parts(from, to, joins);
        if parts.len() > 1 {
            let has_if = self.is_name(parts[0] - 1, &["if", "iff"]);
            let inner = if has_if { indent + STEP } else { indent };
            let mut begin = from;
            for end in parts {
                self.element(begin, end, if begin == from { indent } else { inner });
                self.break_to = Some(inner);
                begin = end;
            }
            self.break_to = None;
            return self.after_trail(to - 1, inner);
        }
        let mut at = from;
        while at < to {
            let Some(close) = self.words[at].close.filter(|close| *close < to) else {
                self.put(at);
                at += 1;
                continue;
            };
            let hugged =
                if close + 1 < to && (self.is_mark(close + 1, ";") || self.is_mark(close + 1, ",")) { 2 } else { 1 };
            if self.fits(at, close + hugged) || (close == at + 1 && self.words[close].lead.is_empty()) {
                (at..=close).for_each(|at| self.put(at));
            } else {
                self.bracket(at, close, indent);
            }
            at = close + 1;
        }
    }

    /// A comment at the end of an element keeps the line's end behind it.
    fn after_trail(&mut self, last: usize, indent: usize) {
        let line = self.out.rfind('\n').map_or(0, |at| at + 1);
        if self.words[last].trail.is_none() && !self.out[line..].ends_with(self.words[last].text.as_str()) {
            self.break_to = Some(indent);
        }
    }

    /// What stands in brackets, a part a line.
    fn bracket(&mut self, open: usize, close: usize, indent: usize) {
        self.put(open);
        let inner = indent + STEP;
        let comma = |printer: &Self, at: usize| printer.is_mark(at, ",");
        let mut parts = self.parts(open + 1, close, comma);
        if parts.len() == 1 && self.is_mark(open, "(") {
            parts = self.parts(open + 1, close, |printer, at| printer.is_name(at, &["and", "or"]));
        }
        let takes_comma = self.is_mark(open, "[") || (self.is_mark(open, "{") && self.space(open, open + 1));
        let mut begin = open + 1;
        for end in parts {
            self.break_to = Some(inner);
            let outer = self.comma_after;
            if takes_comma && end == close {
                self.comma_after = Some(close - 1);
            }
            self.element(begin, end, inner);
            self.comma_after = outer;
            begin = end;
        }
        self.break_to = Some(inner);
        self.comments_before_close(close, inner);
        self.break_to = Some(indent);
        self.put(close);
    }
}
