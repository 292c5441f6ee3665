//! Where reading goes on after a mistake. Authors indent what belongs together, so a line that begins no further right
//! than the broken item begins another one.

use super::{
    super::{
        diagnostic::{Finding, Span},
        lexer::Kind,
    },
    Parsed, Parser, Reported,
};

impl Parser<'_> {
    /// The place right after the token before this one.
    pub(super) fn gap(&self) -> Span {
        let before = self.at.checked_sub(1).map_or(self.span(), |at| self.tokens[at].span);
        Span { start: before.end, ..before }
    }

    /// Is the token the first of its line?
    pub(super) fn begins_line(&self, at: usize) -> bool {
        let start = self.tokens[at].span.start as usize;
        let before = at.checked_sub(1).map_or(0, |before| self.tokens[before].span.end as usize);
        at == 0 || self.text[before..start].contains('\n')
    }

    /// Bytes between the beginning of the token's line and the token.
    pub(super) fn column(&self, at: usize) -> usize {
        let before = &self.text[..self.tokens[at].span.start as usize];
        before.len() - before.rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// Does another item begin here, by the look of it?
    fn begins_item(&self, at: usize, from: usize) -> bool {
        let fits = match &self.tokens[at].kind {
            Kind::Name(word) => !matches!(word.as_str(), "and" | "or" | "not" | "in" | "matches" | "if" | "iff" | "on"),
            Kind::Text(_) | Kind::Flag(_) => true,
            _ => false,
        };
        fits && at > from && self.begins_line(at) && self.column(at) <= self.column(from)
    }

    /// Ends an item. A forgotten `;` is one mistake: what follows on another line is read as if it were there.
    pub(super) fn semicolon(&mut self, help: &str) -> Parsed<()> {
        if self.take_mark(";") {
            return Ok(());
        }
        let seems_over = match self.kind() {
            Kind::End | Kind::Mark("}") => true,
            Kind::Name(_) | Kind::Text(_) | Kind::Flag(_) => self.begins_line(self.at),
            _ => false,
        };
        if !seems_over {
            return self.expected_with("`;`", Some(help));
        }
        self.report(Finding::error("missing-semicolon", self.gap(), "expected `;` here").help(help));
        Ok(())
    }

    /// Skips to after the next `;`, to a brace that closes what is around the item, or to where another item seems to
    /// begin. `from`: the item's first token.
    pub(super) fn recover(&mut self, from: usize) {
        let opened = self.tokens[from..self.at].iter().fold(0_usize, |open, token| match token.kind {
            Kind::Mark("{") => open + 1,
            Kind::Mark("}") => open.saturating_sub(1),
            _ => open,
        });
        let mut open = opened;
        if self.at == from && !self.is_mark("}") {
            self.bump();
        }
        while *self.kind() != Kind::End && !self.begins_item(self.at, from) {
            match self.kind() {
                Kind::Mark("{") => open += 1,
                // `roles = ["a" };`: a bracket of another form.
                Kind::Mark("}") if open == 0 && *self.ahead(1) != Kind::Mark(";") => return,
                Kind::Mark("}") => open = open.saturating_sub(1),
                Kind::Mark(";") if open == 0 || opened > 0 => {
                    self.bump();
                    return;
                }
                _ => {}
            }
            self.bump();
        }
    }

    /// Reads what stands between braces, an item at a time, the opening one taken. `false`: some of it can't be read.
    /// Errors: the closing one is missing, which is reported unless something else in there was.
    pub(super) fn braced(
        &mut self,
        open: usize,
        what: &str,
        holds_facts: bool,
        mut item: impl FnMut(&mut Self) -> Parsed<()>,
    ) -> Parsed<bool> {
        let outer = self.item;
        let first = (0..=open).rev().find(|at| self.begins_line(*at)).unwrap_or(0);
        let left = self.column(first);
        let mut is_whole = true;
        while !self.take_mark("}") {
            self.item = self.at;
            if *self.kind() == Kind::End || self.begins_outside(left, holds_facts) {
                if is_whole {
                    let (span, message) = (self.gap(), format!("{what} isn't closed"));
                    let finding = Finding::error("unclosed", span, message).help("write `}` here");
                    self.report(finding.related(Some(self.tokens[open].span), "opened here"));
                }
                self.n_unclosed += 1;
                self.item = outer;
                return Err(Reported);
            }
            let from = self.at;
            if item(self).is_err() {
                is_whole = false;
                self.recover(from);
            }
        }
        self.item = outer;
        Ok(is_whole)
    }

    /// Does an item begin here that can't stand between braces, on a line of its own, no further right than `left`,
    /// where the line of the opening brace begins?
    fn begins_outside(&self, left: usize, holds_facts: bool) -> bool {
        if !self.begins_line(self.at) || self.column(self.at) > left {
            return false;
        }
        let Kind::Name(word) = self.kind() else { return false };
        match (word.as_str(), self.ahead(1)) {
            ("actor" | "resource" | "declare" | "test", Kind::Name(_))
            | ("test", Kind::Text(_))
            | ("global", Kind::Mark("{")) => true,
            ("setup" | "fixture" | "assert" | "assert_not", _) => false,
            // A block or a test holds no rule.
            (_, Kind::Mark("(")) => !holds_facts && left == 0,
            _ => false,
        }
    }
}
