//! Tokens with spans (polar.md §2). Total: what is no token becomes a diagnostic and is skipped.

use super::diagnostic::{Finding, Span};

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name, keywords included: most are words only in their place.
    Name(String),
    /// Text between quotes, escapes resolved.
    Text(String),
    /// A 64-bit number.
    Number(i64),
    /// `@name`.
    Flag(String),
    /// Punctuation, as written.
    Mark(&'static str),
    /// After the last token.
    End,
}

/// A token.
#[derive(Clone, Debug)]
pub struct Token {
    /// What.
    pub kind: Kind,
    /// Where.
    pub span: Span,
}

/// Longest first, so that `<=` is not `<`.
const MARKS: [&str; 17] = ["?=", "!=", "<=", ">=", "(", ")", "{", "}", "[", "]", ",", ";", ":", "=", "<", ">", "!"];

/// What some editors write before a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// All tokens of one source, `End` last.
pub fn lex(file: u32, text: &str, findings: &mut Vec<Finding>) -> Vec<Token> {
    let mut lexer = Lexer { file, text, at: 0, tokens: Vec::new(), findings };
    while lexer.token() {}
    lexer.tokens
}

struct Lexer<'t, 'f> {
    file: u32,
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
    findings: &'f mut Vec<Finding>,
}

fn begins_name(c: char) -> bool {
    let is_other = c.is_ascii_punctuation() || c.is_whitespace() || c.is_ascii_digit() || c.is_control();
    c == '_' || !(is_other || c == BYTE_ORDER_MARK)
}

fn continues_name(c: char) -> bool {
    begins_name(c) || c.is_ascii_digit()
}

/// Is it the name of something that is so or isn't, `is_public`?
fn says_yes_or_no(name: &str) -> bool {
    ["is_", "can_", "was_"].iter().any(|prefix| name.starts_with(prefix)) || matches!(name, "public" | "private")
}

/// A character as a message shows it: what can't be seen by its code.
fn printable(c: char) -> Vec<char> {
    if c.is_control() || c.is_whitespace() { c.escape_unicode().collect() } else { vec![c] }
}

impl<'t> Lexer<'t, '_> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn span(&self, start: usize) -> Span {
        Span { file: self.file, start: offset(start), end: offset(self.at) }
    }

    fn push(&mut self, start: usize, kind: Kind) {
        let span = self.span(start);
        self.tokens.push(Token { kind, span });
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            // A byte order mark is read as if it were not there, also where files were joined.
            let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n', BYTE_ORDER_MARK]).len();
            self.at += blank;
            if self.rest().starts_with('#') {
                self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            } else if blank == 0 {
                return;
            }
        }
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// `false` after the end.
    fn token(&mut self) -> bool {
        self.skip_blanks();
        let start = self.at;
        let Some(first) = self.rest().chars().next() else {
            self.push(start, Kind::End);
            return false;
        };
        let signed = matches!(first, '+' | '-') && self.rest()[1..].starts_with(|c: char| c.is_ascii_digit());
        if first == '"' {
            self.string(start);
        } else if first.is_ascii_digit() || signed {
            self.number(start);
        } else if begins_name(first) {
            self.name(start);
        } else if first == '@' {
            self.at += 1;
            let name = self.take_while(continues_name).to_owned();
            self.push(start, Kind::Flag(name));
        } else if let Some(mark) = MARKS.iter().find(|mark| self.rest().starts_with(**mark)) {
            self.at += mark.len();
            self.push(start, Kind::Mark(mark));
        } else {
            self.stray(start);
        }
        true
    }

    /// Characters that begin no token: one finding for all in a row. What other languages write is read as what it means
    /// here, so that the rest of the rule is still looked at.
    fn stray(&mut self, start: usize) {
        let rest = self.rest();
        for (other, meant) in [("&&", "and"), ("||", "or")] {
            if rest.starts_with(other) {
                self.at += other.len();
                self.report(
                    "foreign-word",
                    start,
                    format!("`{other}` isn't expected here"),
                    &format!("write `{meant}`"),
                );
                return self.push(start, Kind::Name(meant.to_owned()));
            }
        }
        if rest.starts_with("//") {
            self.at += rest.find('\n').unwrap_or(rest.len());
            let span = Span { file: self.file, start: offset(start), end: offset(start + 2) };
            let finding = Finding::error("foreign-word", span, "`//` doesn't start a comment");
            return self.findings.push(finding.help("begin it with `#`"));
        }
        if let Some(inside) = rest.strip_prefix('\'') {
            let line = inside.split('\n').next().unwrap_or_default();
            if let Some(end) = line.find('\'') {
                self.at += end + 2;
                let help = "write `\"` at both ends";
                self.report("single-quotes", start, "strings stand between double quotes".to_owned(), help);
                return self.push(start, Kind::Text(line[..end].to_owned()));
            }
        }
        let stray = |c: char| {
            let known = begins_name(c)
                || c.is_ascii_digit()
                || matches!(c, ' ' | '\t' | '\r' | '\n' | '#' | '"' | '@' | BYTE_ORDER_MARK);
            !known && !MARKS.iter().any(|mark| mark.starts_with(c))
        };
        if rest.starts_with('.') && self.member(start) {
            return;
        }
        self.at += rest.chars().next().map_or(0, char::len_utf8);
        self.take_while(stray);
        let found = self.text[start..self.at].to_owned();
        let help = match found.chars().next() {
            Some('.') => "attributes are predicates: write `owner(doc, user)`",
            Some('+' | '-' | '*' | '/' | '%') => "there is no arithmetic: store the result as a fact",
            _ => "remove it, or write it inside a string",
        };
        let shown: String = found.chars().take(20).flat_map(printable).collect();
        self.report("stray-character", start, format!("`{shown}` isn't expected here"), help);
    }

    /// `doc.owner`, as in Polar of the old Oso library: an attribute is a predicate here, its values are facts. `false`: the
    /// dot joins no two names.
    fn member(&mut self, start: usize) -> bool {
        let object = match self.tokens.last() {
            Some(Token { kind: Kind::Name(name), span }) if span.end as usize == start => name.clone(),
            _ => return false,
        };
        let mut path = vec![object];
        while let Some(after) = self.rest().strip_prefix('.').filter(|after| after.starts_with(begins_name)) {
            let n_name = after.find(|c| !continues_name(c)).unwrap_or(after.len());
            path.push(after[..n_name].to_owned());
            self.at += 1 + n_name;
        }
        let [object, attributes @ ..] = path.as_slice() else { return false };
        let Some(first) = attributes.first() else { return false };
        let is_compared =
            self.tokens.iter().rev().nth(1).is_some_and(|token| matches!(token.kind, Kind::Mark("=" | "!=")));
        let help = match attributes {
            _ if self.rest().starts_with('(') => {
                format!(
                    "in Oso Cloud's Polar write a condition, as `{first}({object}, value)`, and store `{first}` as facts or \
                     give it rules"
                )
            }
            [only] if is_compared && matches!(only.as_str(), "id" | "name") => {
                format!("write `{object}` itself: a value is its type and its id")
            }
            attributes => {
                // `doc.folder.owner`: a condition for each step.
                let objects = std::iter::once(object).chain(attributes);
                let conditions: Vec<String> = objects
                    .zip(attributes)
                    .map(|(of, name)| {
                        let value = if name == of { "value" } else { name };
                        // What only is or isn't so has no value beside what it is of.
                        if says_yes_or_no(name) { format!("{name}({of})") } else { format!("{name}({of}, {value})") }
                    })
                    .collect();
                let names: Vec<String> = attributes.iter().map(|name| format!("`{name}`")).collect();
                format!(
                    "in Oso Cloud's Polar write `{}`, and store {} as facts",
                    conditions.join(" and "),
                    names.join(" and ")
                )
            }
        };
        let message = format!("`{}` is Polar of the old Oso library: an attribute is a predicate now", path.join("."));
        self.report("old-library", start, message, &help);
        true
    }

    fn report(&mut self, code: &'static str, start: usize, message: String, help: &str) {
        let span = self.span(start);
        self.findings.push(Finding::error(code, span, message).help(help));
    }

    fn name(&mut self, start: usize) {
        self.take_while(continues_name);
        while self.rest().starts_with("::") {
            self.at += 2;
            if self.take_while(continues_name).is_empty() {
                let span = self.span(start);
                let finding = Finding::error("dangling-colons", span, "nothing follows `::`");
                self.findings.push(finding.help("write the rest of the name, as `acme::Shelf`"));
            }
        }
        if self.rest().starts_with('?') && !self.rest().starts_with("?=") {
            self.at += 1;
        }
        let name = self.text[start..self.at].to_owned();
        self.push(start, Kind::Name(name));
    }

    fn number(&mut self, start: usize) {
        self.at += 1;
        self.take_while(|c| c.is_ascii_digit());
        let digits = &self.text[start..self.at];
        let rest = self.rest();
        let fraction = rest.starts_with('.') || rest.starts_with(['e', 'E']);
        if fraction {
            self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-'));
            let span = self.span(start);
            let finding = Finding::error("fraction", span, "there are no fractions, only whole numbers");
            self.findings.push(finding.help("store cents, not euros"));
        }
        let number = digits.parse().unwrap_or_else(|_| {
            let span = Span { file: self.file, start: offset(start), end: offset(self.at) };
            let finding = Finding::error("number-size", span, format!("`{digits}` doesn't fit 64 bits"));
            self.findings.push(finding.help(format!("integers go from {} to {}", i64::MIN, i64::MAX)));
            0
        });
        self.push(start, Kind::Number(number));
    }

    fn string(&mut self, start: usize) {
        let mut value = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((offset, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += offset + 1;
                    self.push(start, Kind::Text(value));
                    return;
                }
                '\\' => match chars.next() {
                    None => break,
                    Some((_, escaped)) => value.push(match escaped {
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        '0' => '\0',
                        other => other,
                    }),
                },
                '\n' => {
                    self.at += offset;
                    self.unclosed(start, value);
                    return;
                }
                c => value.push(c),
            }
        }
        self.at = self.text.len();
        self.unclosed(start, value);
    }

    fn unclosed(&mut self, start: usize, value: String) {
        let span = self.span(start);
        let finding = Finding::error("open-string", span, "the string doesn't end on its line");
        self.findings.push(finding.help("close it with `\"`, or write `\\` before a line break that belongs to it"));
        self.push(start, Kind::Text(value));
    }
}

/// An offset in a text. Texts are far shorter than 4 GiB: they are counted before they are read.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
