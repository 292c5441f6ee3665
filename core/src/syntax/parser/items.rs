//! Items of a file: blocks, rules, declarations, tests.

use super::{
    super::{
        ast::{Assertion, Block, BlockKind, Fact, Name, Rule, Setup, ShorthandRule, Test},
        diagnostic::Finding,
        lexer::Kind,
    },
    Parsed, Parser, Reported,
};

impl Parser<'_> {
    pub(super) fn file(&mut self) {
        while *self.kind() != Kind::End {
            let from = self.at;
            if self.item().is_err() {
                self.recover(from);
                self.take_mark("}");
            }
        }
    }

    fn next_is_name(&self) -> bool {
        matches!(self.ahead(1), Kind::Name(_))
    }

    fn item(&mut self) -> Parsed<()> {
        if self.take_mark(";") {
            return Ok(());
        }
        let is_global = self.is_word("global") && matches!(self.ahead(1), Kind::Mark("{"));
        if is_global || (self.next_is_name() && (self.is_word("actor") || self.is_word("resource"))) {
            return self.block();
        }
        if self.next_is_name() && self.take_word("declare") {
            let name = self.name("a predicate")?;
            self.mark("(")?;
            let types = self.list(")", false, |p| p.name("a type"))?;
            self.mark(";")?;
            self.policy.declarations.push((name, types));
            return Ok(());
        }
        if self.next_is_name() && self.take_word("type") {
            self.head()?;
            return self.mark(";");
        }
        if self.take_mark("?=") {
            self.expression()?;
            return self.mark(";");
        }
        if self.is_word("test") && !matches!(self.ahead(1), Kind::Mark("(")) {
            self.bump();
            return if self.take_word("fixture") { self.fixture() } else { self.test() };
        }
        self.flags();
        let head = self.head()?;
        let body = if self.take_word("if") { Some(self.expression()?) } else { None };
        self.mark(";")?;
        self.policy.rules.push(Rule { head, body });
        Ok(())
    }

    /// Flags before a rule are for the service's own use (U8).
    fn flags(&mut self) {
        while matches!(self.kind(), Kind::Flag(_)) {
            self.bump();
        }
    }

    fn block(&mut self) -> Parsed<()> {
        let kind = match self.kind() {
            Kind::Name(word) if word == "actor" => BlockKind::Actor,
            Kind::Name(word) if word == "resource" => BlockKind::Resource,
            _ => BlockKind::Global,
        };
        let name = if kind == BlockKind::Global {
            self.name("`global`")?
        } else {
            self.bump();
            self.name("a type")?
        };
        let mut block = Block {
            kind,
            name,
            parents: Vec::new(),
            roles: Vec::new(),
            permissions: Vec::new(),
            relations: Vec::new(),
            rules: Vec::new(),
        };
        if kind != BlockKind::Global && self.take_word("extends") {
            loop {
                block.parents.push(self.name("a type")?);
                if !self.take_mark(",") || self.is_mark("{") {
                    break;
                }
            }
        }
        self.mark("{")?;
        while !self.take_mark("}") {
            if *self.kind() == Kind::End {
                return self.expected("`}`");
            }
            let from = self.at;
            if self.block_item(&mut block).is_err() {
                self.recover(from);
            }
        }
        self.policy.blocks.push(block);
        Ok(())
    }

    fn block_item(&mut self, block: &mut Block) -> Parsed<()> {
        if !matches!(self.ahead(1), Kind::Mark("=")) {
            self.flags();
            let head = self.short()?;
            self.word("if")?;
            let body = self.shorthand()?;
            self.mark(";")?;
            block.rules.push(ShorthandRule { head, body });
            return Ok(());
        }
        let name = self.name("`roles`, `permissions` or `relations`")?;
        self.bump();
        match name.text.as_str() {
            "roles" => block.roles.append(&mut self.strings()?),
            "permissions" => block.permissions.append(&mut self.strings()?),
            "relations" => {
                self.mark("{")?;
                let relations = self.list("}", true, |p| {
                    let relation = p.name("a relation's name")?;
                    p.mark(":")?;
                    Ok((relation, p.name("a type")?))
                })?;
                block.relations.extend(relations);
            }
            other => {
                let finding = Finding::error("declaration", name.span, format!("a block declares no `{other}`"));
                self.findings.push(finding.help("it declares `roles`, `permissions` and `relations`"));
                return Err(Reported);
            }
        }
        self.mark(";")
    }

    fn strings(&mut self) -> Parsed<Vec<Name>> {
        self.mark("[")?;
        self.list("]", true, |p| p.text("a name in quotes"))
    }

    fn fact(&mut self) -> Parsed<Fact> {
        let name = self.name("a fact")?;
        self.mark("(")?;
        let args = self.list(")", false, |p| match p.literal()? {
            Some(literal) => Ok(literal),
            None => p.expected("a value: facts hold no variables"),
        })?;
        self.mark(";")?;
        Ok(Fact { name, args })
    }

    fn fixture(&mut self) -> Parsed<()> {
        let name = self.name("the fixture's name")?;
        self.mark("{")?;
        let mut facts = Vec::new();
        while !self.take_mark("}") {
            facts.push(self.fact()?);
        }
        self.policy.fixtures.push((name, facts));
        Ok(())
    }

    fn test(&mut self) -> Parsed<()> {
        let name = self.text("the test's name in quotes")?;
        self.mark("{")?;
        let mut setup = Vec::new();
        if self.take_word("setup") {
            self.mark("{")?;
            while !self.take_mark("}") {
                if self.next_is_name() && self.take_word("fixture") {
                    setup.push(Setup::Fixture(self.name("the fixture's name")?));
                    self.mark(";")?;
                } else {
                    setup.push(Setup::Fact(self.fact()?));
                }
            }
        }
        let mut assertions = Vec::new();
        while !self.take_mark("}") {
            let negated = self.take_word("assert_not");
            if !negated {
                self.word("assert")?;
            }
            let head = self.head()?;
            let condition = if self.take_word("iff") { Some(self.expression()?) } else { None };
            self.mark(";")?;
            assertions.push(Assertion { negated, head, condition });
        }
        self.policy.tests.push(Test { name, setup, assertions });
        Ok(())
    }
}
