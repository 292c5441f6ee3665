//! Tokens → tree, by recursive descent (polar.md §3). Never fails: what can't be read is a finding, and reading goes on
//! after the next `;` or block.

mod body;
mod items;

use super::{
    ast::{Literal, Name, Policy},
    diagnostic::{Finding, Span},
    lexer::{Kind, Token, lex},
};
use crate::model::value::canonical_id;

/// Parses one source into `policy`.
pub fn parse(file: u32, text: &str, policy: &mut Policy, findings: &mut Vec<Finding>) {
    let tokens = lex(file, text, findings);
    let mut parser = Parser { tokens, at: 0, depth: 0, policy, findings };
    parser.file();
}

/// What can't be read has been reported.
struct Reported;

type Parsed<T> = Result<T, Reported>;

struct Parser<'p> {
    tokens: Vec<Token>,
    at: usize,
    /// Open parentheses and `not`, bounded by `limits::NESTING_MAX`.
    depth: usize,
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

    fn expected<T>(&mut self, what: &str) -> Parsed<T> {
        let found = match self.kind() {
            Kind::End => "the end of the policy".to_owned(),
            Kind::Name(name) => format!("`{name}`"),
            Kind::Text(text) => format!("the string `{text}`"),
            Kind::Number(number) => format!("the number `{number}`"),
            Kind::Flag(name) => format!("`@{name}`"),
            Kind::Mark(mark) => format!("`{mark}`"),
        };
        let span = self.span();
        self.findings.push(Finding::error("syntax", span, format!("expected {what}, found {found}")));
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
        let Kind::Text(text) = self.kind() else { return self.expected(what) };
        let name = Name { text: text.clone(), span: self.span() };
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
            if trailing && self.take_mark(close) {
                return Ok(elements);
            }
        }
    }

    /// A constant, if one stands here: `"x"`, `7`, `true`, `T{"x"}`.
    fn literal(&mut self) -> Parsed<Option<Literal>> {
        let literal = |type_name: &str, id: String| Literal { type_name: type_name.to_owned(), id };
        let found = match self.kind().clone() {
            Kind::Text(text) => literal("String", text),
            Kind::Number(number) => literal("Integer", number.to_string()),
            Kind::Name(name) if name == "true" || name == "false" => literal("Boolean", name),
            Kind::Name(name) if matches!(self.ahead(1), Kind::Mark("{")) => {
                let span = self.span();
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
                match canonical_id(&name, id) {
                    Ok(id) => literal(&name, id),
                    Err(error) => {
                        self.findings.push(Finding::error("value", span, error.to_string()));
                        return Err(Reported);
                    }
                }
            }
            _ => return Ok(None),
        };
        self.bump();
        Ok(Some(found))
    }

    /// Skips to after the next `;`, or to a brace that closes or opens a block.
    fn recover(&mut self, from: usize) {
        if self.at == from && !self.is_mark("}") {
            self.bump();
        }
        loop {
            match self.kind() {
                Kind::End | Kind::Mark("}") => return,
                Kind::Mark(";") => {
                    self.bump();
                    return;
                }
                _ => self.bump(),
            }
        }
    }
}
