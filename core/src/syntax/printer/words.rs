//! Text → words: tokens with the comments that go with them.

use super::Printer;
use crate::syntax::lexer::{Kind, lex};

/// A token with the comments around it.
#[derive(Debug)]
pub(super) struct Word {
    /// As it is printed.
    pub(super) text: String,
    /// What it is.
    pub(super) kind: Kind,
    /// Comments on lines of their own before it; was a line left blank before?
    pub(super) lead: Vec<(bool, String)>,
    /// Was a line left blank right before it?
    pub(super) blank: bool,
    /// The comment at the end of its line.
    pub(super) trail: Option<String>,
    /// The bracket that closes this one.
    pub(super) close: Option<usize>,
}

/// All tokens of the text, the end among them.
pub(super) fn words(text: &str) -> Vec<Word> {
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

impl Printer {
    /// Drops trailing commas, and gives comments to the words they are best read with.
    pub(super) fn tidy(&mut self) {
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
}
