//! Tokens → tree, by recursive descent (polar.md §3). Never fails: what can't be read is a finding, and reading goes on
//! where the next item seems to begin, so that one mistake is one finding and the next one is found too.

mod body;
mod items;
mod recovery;

use super::{
    ast::{Literal, Name, Policy},
    diagnostic::{Finding, Span},
    lexer::{Kind, Token, lex},
};
use crate::model::value::canonical_id;

/// Parses one source into `policy`.
pub fn parse(file: u32, text: &str, policy: &mut Policy, findings: &mut Vec<Finding>) {
    let n_before = findings.len();
    let tokens = lex(file, text, findings);
    // What was read as what it meant spoils nothing.
    let spoils = |code| !matches!(code, "foreign-word" | "single-quotes" | "fraction" | "number-size" | "old-library");
    let lexed = findings[n_before..].iter().filter(|found| spoils(found.code)).map(|found| found.span.start).collect();
    let mut parser =
        Parser { text, tokens, at: 0, item: 0, depth: 0, lexed, n_unclosed: 0, policy, findings: &mut *findings };
    parser.file();
}

/// What can't be read has been reported.
struct Reported;

type Parsed<T> = Result<T, Reported>;

struct Parser<'p> {
    text: &'p str,
    tokens: Vec<Token>,
    at: usize,
    /// Where the innermost item that is being read begins: a block's rule, a fact, an assertion are items too.
    item: usize,
    /// Open parentheses and `not`, bounded by `limits::NESTING_MAX`.
    depth: usize,
    /// Starts of what the lexer reported, ascending.
    lexed: Vec<u32>,
    /// Blocks that were taken for closed: their `}` may still come.
    n_unclosed: usize,
    policy: &'p mut Policy,
    findings: &'p mut Vec<Finding>,
}

impl Parser<'_> {
    fn kind(&self) -> &Kind {
        &self.tokens[self.at].kind
    }

    /// The token `ahead` of this one; the end if there are not so many.
    fn ahead(&self, ahead: usize) -> &Kind {
        self.tokens.get(self.at + ahead).map_or(&Kind::End, |token| &token.kind)
    }

    fn span(&self) -> Span {
        self.tokens[self.at].span
    }

    /// Moves past this token; never past the end.
    fn bump(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.kind(), Kind::Name(name) if name == word)
    }

    fn is_mark(&self, mark: &str) -> bool {
        matches!(self.kind(), Kind::Mark(m) if *m == mark)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.bump();
        }
        found
    }

    fn take_mark(&mut self, mark: &str) -> bool {
        let found = self.is_mark(mark);
        if found {
            self.bump();
        }
        found
    }

    /// Reports, unless the lexer has reported something in this item already: what follows from that is no new mistake.
    fn report(&mut self, finding: Finding) {
        let from = self.tokens[self.item].span.start;
        let spoiled = self.lexed.partition_point(|at| *at < from);
        if self.lexed.get(spoiled).is_none_or(|at| *at > self.span().end) {
            self.findings.push(finding);
        }
    }

    fn found(&self) -> String {
        match self.kind() {
            Kind::End => "the end of the policy".to_owned(),
            Kind::Name(name) => format!("`{name}`"),
            Kind::Text(text) => format!("the string `{text}`"),
            Kind::Number(number) => format!("the number `{number}`"),
            Kind::Flag(name) => format!("`@{name}`"),
            Kind::Mark(mark) => format!("`{mark}`"),
        }
    }

    fn expected<T>(&mut self, what: &str) -> Parsed<T> {
        self.expected_with(what, None)
    }

    fn expected_with<T>(&mut self, what: &str, help: Option<&str>) -> Parsed<T> {
        let mut finding = Finding::error("syntax", self.span(), format!("expected {what}, found {}", self.found()));
        finding.help = help.map(str::to_owned);
        if *self.kind() == Kind::End {
            // The end has no line of its own to show: what isn't finished has.
            finding.span = self.gap();
            let begin = self.tokens[self.item].span;
            if self.item < self.at {
                finding = finding.related(Some(begin), "what begins here isn't finished");
            }
        }
        self.report(finding);
        Err(Reported)
    }

    fn mark(&mut self, mark: &str) -> Parsed<()> {
        if self.take_mark(mark) { Ok(()) } else { self.expected(&format!("`{mark}`")) }
    }

    fn word(&mut self, word: &str) -> Parsed<()> {
        if self.take_word(word) { Ok(()) } else { self.expected(&format!("`{word}`")) }
    }

    fn name(&mut self, what: &str) -> Parsed<Name> {
        let Kind::Name(text) = self.kind() else { return self.expected(what) };
        let name = Name { text: text.clone(), span: self.span() };
        self.bump();
        Ok(name)
    }

    fn text(&mut self, what: &str) -> Parsed<Name> {
        let text = match self.kind() {
            Kind::Text(text) => text.clone(),
            Kind::Name(name) => {
                let help = format!("write it in quotes: `\"{name}\"`");
                return self.expected_with(what, Some(&help));
            }
            _ => return self.expected(what),
        };
        let name = Name { text, span: self.span() };
        self.bump();
        Ok(name)
    }

    /// Elements up to `close`, separated by commas; a comma before it only where that is allowed.
    fn list<T>(
        &mut self,
        close: &str,
        trailing: bool,
        mut element: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let mut elements = Vec::new();
        if self.take_mark(close) {
            return Ok(elements);
        }
        loop {
            elements.push(element(self)?);
            if self.take_mark(close) {
                return Ok(elements);
            }
            if !self.take_mark(",") {
                return self.expected(&format!("`,` or `{close}`"));
            }
            if self.is_mark(close) {
                if !trailing {
                    return self.expected_with("another argument after `,`", Some("remove the comma"));
                }
                self.bump();
                return Ok(elements);
            }
        }
    }

    /// A constant, if one stands here: `"x"`, `7`, `true`, `T{"x"}`.
    fn literal(&mut self) -> Parsed<Option<Literal>> {
        let mut span = self.span();
        let literal = |type_name: &str, id: String| Literal { type_name: type_name.to_owned(), id, span };
        let found = match self.kind().clone() {
            Kind::Text(text) => literal("String", text),
            Kind::Number(number) => literal("Integer", number.to_string()),
            Kind::Name(name) if name == "true" || name == "false" => literal("Boolean", name),
            Kind::Name(name) if matches!(self.ahead(1), Kind::Mark("{")) => {
                self.bump();
                self.bump();
                let id = match self.kind().clone() {
                    Kind::Text(text) => text,
                    Kind::Number(number) => number.to_string(),
                    Kind::Name(name) if name == "true" || name == "false" => name,
                    _ => return self.expected("an id in quotes"),
                };
                self.bump();
                if !self.is_mark("}") {
                    return self.expected("`}`");
                }
                span.end = self.span().end;
                match canonical_id(&name, id) {
                    Ok(id) => Literal { type_name: name, id, span },
                    Err(error) => {
                        self.report(Finding::error("value", span, error.to_string()));
                        return Err(Reported);
                    }
                }
            }
            _ => return Ok(None),
        };
        self.bump();
        Ok(Some(found))
    }
}
