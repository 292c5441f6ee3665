//! The one layout of policy text. Works on tokens with the tree's grammar in mind, as a tree holds no comments: nothing
//! but blanks, trailing commas, stray `;` and the spelling of numbers changes, so the text parses to the same tree.
//!
//! - An item a line; two spaces of indentation inside braces; a blank line around blocks and tests that aren't empty,
//!   elsewhere where the author left one.
//! - An item that fits [`WIDTH`] columns stands on one line. Else a rule breaks after `if`, `and` and `or`; what still
//!   doesn't fit breaks inside its brackets, an element a line, with a comma after the last where the language allows it.
//! - A comment stays at the end of its line, or on lines of its own before what it was written before.

use std::fmt::Write as _;

use super::{
    ast::Policy,
    diagnostic::Finding,
    lexer::{Kind, lex},
    parser::parse,
};

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

/// A token with the comments around it.
#[derive(Debug)]
struct Word {
    text: String,
    kind: Kind,
    /// Comments on lines of their own before it; was a line left blank before?
    lead: Vec<(bool, String)>,
    /// Was a line left blank right before it?
    blank: bool,
    /// The comment at the end of its line.
    trail: Option<String>,
    /// The bracket that closes this one.
    close: Option<usize>,
}

fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut end = 0;
    for token in lex(0, text, &mut Vec::new()) {
        let (start, after) = (token.span.start as usize, token.span.end as usize);
        let mut word = Word {
            text: text[start..after].to_owned(),
            kind: token.kind,
            lead: Vec::new(),
            blank: false,
            trail: None,
            close: None,
        };
        if let Kind::Number(number) = word.kind {
            word.text = number.to_string();
        }
        let n_lines = text[end..start].split('\n').count();
        for (at, line) in text[end..start].split('\n').enumerate() {
            let line = line.trim();
            if line.starts_with('#') {
                let comment = line.trim_end().to_owned();
                match words.last_mut() {
                    Some(before) if at == 0 => before.trail = Some(comment),
                    _ => word.lead.push((word.blank, comment)),
                }
                word.blank = false;
            } else if at > 0 && at + 1 < n_lines {
                word.blank = true;
            }
        }
        end = after;
        words.push(word);
    }
    words
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

    /// Drops trailing commas, and gives comments to the words they are best read with.
    fn tidy(&mut self) {
        for mut word in std::mem::take(&mut self.words) {
            let is_close = matches!(word.kind, Kind::Mark(")" | "]" | "}" | "{"));
            let trailing_comma = is_close && self.words.last().is_some_and(|before| before.kind == Kind::Mark(","));
            if let Some(comma) = self.words.pop_if(|_| trailing_comma) {
                word.lead.splice(0..0, comma.lead);
                if let (Some(comment), Some(before)) = (comma.trail, self.words.last_mut()) {
                    match before.trail {
                        None => before.trail = Some(comment),
                        Some(_) => word.lead.insert(0, (false, comment)),
                    }
                }
            }
            self.words.push(word);
        }
        for at in 1..self.words.len() {
            let hugs = self.is_mark(at, ",") || self.is_mark(at, ";") || self.is_name(at, &["and", "or", "if"]);
            if hugs && at + 1 < self.words.len() {
                let mut moved = std::mem::take(&mut self.words[at].lead);
                if let Some(comment) = self.words[at - 1].trail.take()
                    && let Some(own) = self.words[at].trail.replace(comment)
                {
                    moved.push((false, own));
                }
                self.words[at + 1].lead.splice(0..0, moved);
            }
        }
        let mut open = Vec::new();
        for at in 0..self.words.len() {
            match self.words[at].kind {
                Kind::Mark("(" | "[" | "{") => open.push(at),
                Kind::Mark(")" | "]" | "}") => {
                    if let Some(begun) = open.pop() {
                        self.words[begun].close = Some(at);
                    }
                }
                _ => {}
            }
        }
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

    fn comment_line(&mut self, comment: &str, indent: usize, blank: bool) {
        if !self.out.is_empty() {
            self.out.push('\n');
            if blank {
                self.out.push('\n');
            }
        }
        let _ = write!(self.out, "{:indent$}{comment}", "");
        self.break_to = Some(indent);
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

    /// Is there a space between two words of one line?
    fn space(&self, before: usize, at: usize) -> bool {
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
    fn fits(&self, from: usize, to: usize) -> bool {
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
    fn put(&mut self, at: usize) {
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
