//! Terms, conditions, shorthand conditions.

use super::{
    super::{
        ast::{Call, Expression, Head, Short, Shorthand, Term},
        diagnostic::{Finding, Span},
        lexer::Kind,
    },
    Parsed, Parser, Reported,
};
use crate::limits::NESTING_MAX;

/// Words that are no variables in a condition.
const RESERVED: [&str; 8] = ["if", "and", "or", "not", "in", "matches", "true", "false"];

impl Parser<'_> {
    /// Runs `inside` one level deeper; too deep is an error, as the tree is walked by recursion later.
    fn nested<T>(&mut self, inside: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= NESTING_MAX {
            let (span, message) = (self.span(), format!("nested more than {NESTING_MAX} deep"));
            self.report(Finding::error("nesting", span, message).help("give a part of it a rule of its own"));
            return Err(Reported);
        }
        self.depth += 1;
        let result = inside(self);
        self.depth -= 1;
        result
    }

    pub(super) fn term(&mut self) -> Parsed<Term> {
        if let Some(literal) = self.literal()? {
            return Ok(Term::Literal(literal));
        }
        match self.kind() {
            Kind::Flag(name) if name == "current_unix_time" => {
                self.bump();
                Ok(Term::Now)
            }
            Kind::Name(name) if matches!(self.ahead(1), Kind::Mark("(")) => {
                let message = format!("the call of `{name}` isn't a value");
                let help = format!("call it before, as `{name}(…, result) and …`, and write the variable here");
                self.report(Finding::error("nested-call", self.span(), message).help(help));
                Err(Reported)
            }
            Kind::Name(name) if name == "new" && matches!(self.ahead(1), Kind::Name(_)) => {
                let message = "`new` is Polar of the old Oso library: there are no objects here";
                let help = "write the value, as `User{\"ann\"}`, and ask a predicate for each attribute";
                self.report(Finding::error("old-library", self.span(), message).help(help));
                Err(Reported)
            }
            Kind::Name(name) if !RESERVED.contains(&name.as_str()) => Ok(Term::Variable(self.name("a term")?)),
            Kind::Mark("[") => {
                self.bump();
                let elements = self.nested(|p| p.list("]", true, Parser::term))?;
                Ok(Term::List(elements))
            }
            _ => self.expected("a variable or a value"),
        }
    }

    pub(super) fn call(&mut self) -> Parsed<Call> {
        let name = self.name("a predicate")?;
        self.mark("(")?;
        let args = self.list(")", false, Parser::term)?;
        Ok(Call { name, args })
    }

    pub(super) fn head(&mut self) -> Parsed<Head> {
        let name = self.name("a predicate")?;
        self.mark("(")?;
        let params = self.list(")", false, |p| {
            let term = p.term()?;
            let annotated = matches!(term, Term::Variable(_)) && p.take_mark(":");
            let annotation = if annotated { Some(p.name("a type")?) } else { None };
            Ok((term, annotation))
        })?;
        Ok(Head { name, params })
    }

    pub(super) fn expression(&mut self) -> Parsed<Expression> {
        let mut parts = vec![self.conjunction()?];
        while self.take_word("or") {
            parts.push(self.conjunction()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }

    fn conjunction(&mut self) -> Parsed<Expression> {
        let mut parts = vec![self.negation()?];
        while self.take_word("and") {
            parts.push(self.negation()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) })
    }

    fn negation(&mut self) -> Parsed<Expression> {
        if self.take_word("not") {
            return Ok(Expression::Not(Box::new(self.nested(Parser::negation)?)));
        }
        if self.is_mark("!") {
            self.report(Finding::error("syntax", self.span(), "`!` negates nothing").help("write `not`"));
            self.bump();
            return self.nested(Parser::negation);
        }
        self.condition()
    }

    fn condition(&mut self) -> Parsed<Expression> {
        if self.take_mark("(") {
            let inside = self.nested(Parser::expression)?;
            self.mark(")")?;
            return Ok(inside);
        }
        if matches!(self.kind(), Kind::Mark(";" | ")" | "}" | ",") | Kind::End) {
            return self.expected("a condition");
        }
        if matches!(self.kind(), Kind::Name(_)) && matches!(self.ahead(1), Kind::Mark("(")) {
            return Ok(Expression::Call(self.call()?));
        }
        if matches!(self.kind(), Kind::Name(_)) && matches!(self.ahead(1), Kind::Name(word) if word == "matches") {
            let variable = self.name("a variable")?;
            self.bump();
            let exact = self.take_mark("!");
            return Ok(Expression::Matches(variable, self.name("a type")?, exact));
        }
        for (word, value) in [("true", true), ("false", false)] {
            let compared = matches!(self.ahead(1), Kind::Mark("=" | "!=" | "<" | "<=" | ">" | ">="));
            if self.is_word(word) && !compared {
                self.bump();
                return Ok(Expression::Constant(value));
            }
        }
        let left = self.term()?;
        let negated = self.is_word("not") && matches!(self.ahead(1), Kind::Name(word) if word == "in");
        if negated {
            self.bump();
        }
        if self.take_word("in") {
            if !self.take_mark("[") {
                return self
                    .expected_with("a list in brackets", Some("`in` takes a list of values: `x in [\"a\", \"b\"]`"));
            }
            return Ok(Expression::In(left, self.list("]", true, Parser::term)?, negated));
        }
        if let Some((message, help)) = self.old_library() {
            self.report(Finding::error("old-library", self.span(), message).help(help));
            return Err(Reported);
        }
        if self.take_mark("=") {
            if self.is_mark("=") {
                let span = Span { start: self.gap().end - 1, end: self.span().end, ..self.span() };
                self.report(Finding::error("syntax", span, "there is no `==`").help("equality is written `=`"));
                self.bump();
            }
            let right = self.term()?;
            self.no_chain()?;
            return Ok(Expression::Equal(left, right));
        }
        for op in ["!=", "<=", ">=", "<", ">"] {
            if self.take_mark(op) {
                let right = self.term()?;
                self.no_chain()?;
                return Ok(Expression::Compare(op, left, right));
            }
        }
        let help = "compare it, as `x = \"a\"`, or call a predicate with it, as `p(x)`";
        self.expected_with("a comparison, `in` or `matches`", Some(help))
    }

    /// What only Polar of the old library has: what is said of it, and what to write.
    fn old_library(&self) -> Option<(String, &'static str)> {
        let found = match (self.kind(), self.ahead(1)) {
            (Kind::Mark(":"), Kind::Mark("=")) => (":=", "write `=`"),
            (Kind::Name(word), Kind::Name(_)) if word == "isa" => ("isa", "write `matches`"),
            _ => return None,
        };
        Some((format!("`{}` is Polar of the old Oso library", found.0), found.1))
    }

    /// Comparisons have two sides.
    fn no_chain(&mut self) -> Parsed<()> {
        if !matches!(self.kind(), Kind::Mark("=" | "!=" | "<" | "<=" | ">" | ">=")) {
            return Ok(());
        }
        let finding = Finding::error("syntax", self.span(), "a comparison has two sides");
        self.report(finding.help("write two and join them by `and`, as `a < b and b < c`"));
        Err(Reported)
    }

    pub(super) fn short(&mut self) -> Parsed<Short> {
        if matches!(self.kind(), Kind::Text(_)) {
            return Ok(Short { quoted: true, name: self.text("a name in quotes")? });
        }
        Ok(Short { quoted: false, name: self.name("a role, permission or relation in quotes")? })
    }

    pub(super) fn shorthand(&mut self) -> Parsed<Shorthand> {
        let mut parts = vec![self.shorthand_conjunction()?];
        while self.take_word("or") {
            parts.push(self.shorthand_conjunction()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Shorthand::Or(parts) })
    }

    fn shorthand_conjunction(&mut self) -> Parsed<Shorthand> {
        let mut parts = vec![self.shorthand_condition()?];
        while self.take_word("and") {
            parts.push(self.shorthand_condition()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Shorthand::And(parts) })
    }

    fn shorthand_condition(&mut self) -> Parsed<Shorthand> {
        if self.take_word("not") {
            return Ok(Shorthand::Not(Box::new(self.nested(Parser::shorthand_condition)?)));
        }
        if self.take_mark("(") {
            let inside = self.nested(Parser::shorthand)?;
            self.mark(")")?;
            return Ok(inside);
        }
        if matches!(self.kind(), Kind::Name(_)) && matches!(self.ahead(1), Kind::Mark("(")) {
            return Ok(Shorthand::Call(self.call()?));
        }
        if self.is_word("global") && matches!(self.ahead(1), Kind::Text(_)) {
            self.bump();
            return Ok(Shorthand::Global(self.short()?));
        }
        let name = self.short()?;
        let relation = if self.take_word("on") { Some(self.short()?) } else { None };
        Ok(Shorthand::Name(name, relation))
    }
}
