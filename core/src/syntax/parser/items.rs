//! Items of a file: blocks, rules, declarations, tests.

use super::{
    super::{
        ast::{Assertion, Block, BlockKind, Fact, Name, Rule, Setup, ShorthandRule, Test},
        diagnostic::Finding,
        lexer::Kind,
        similar::{did_you_mean, nearest},
    },
    Parsed, Parser, Reported,
};

/// How a rule ends, or goes on.
const RULE_END: &str = "end the rule with `;`, or join its conditions with `and` and `or`";

impl Parser<'_> {
    pub(super) fn file(&mut self) {
        while *self.kind() != Kind::End {
            let from = self.at;
            self.item = from;
            if self.is_mark("}") && self.n_unclosed > 0 {
                self.n_unclosed -= 1;
                self.bump();
                continue;
            }
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
        if self.is_mark("}") {
            let finding = Finding::error("syntax", self.span(), "this `}` closes nothing");
            self.report(finding.help("remove it, or look for a `}` too many before it"));
            self.bump();
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
            self.semicolon("end the declaration with `;`")?;
            self.policy.declarations.push((name, types));
            return Ok(());
        }
        let span = self.span();
        if self.next_is_name() && self.take_word("type") {
            if matches!(self.ahead(1), Kind::Mark("(")) {
                self.head()?;
            } else {
                self.name("a rule's name")?;
            }
            self.policy.ignored.push((span, "a rule type"));
            return self.semicolon("end it with `;`");
        }
        if self.take_mark("?=") {
            self.expression()?;
            self.policy.ignored.push((span, "an inline query"));
            return self.semicolon(RULE_END);
        }
        if self.is_word("test") && !matches!(self.ahead(1), Kind::Mark("(")) {
            self.bump();
            return if self.take_word("fixture") { self.fixture() } else { self.test() };
        }
        if self.no_item()? {
            return Ok(());
        }
        self.flags();
        self.rule()
    }

    fn rule(&mut self) -> Parsed<()> {
        let head = self.head()?;
        let body = if self.take_word("if") { Some(self.expression()?) } else { None };
        let end = if body.is_some() { RULE_END } else { "end it with `;`, or write `if` and its conditions" };
        self.semicolon(end)?;
        self.policy.rules.push(Rule { head, body });
        Ok(())
    }

    /// What begins no item, but was meant as one. `true`: it is read.
    fn no_item(&mut self) -> Parsed<bool> {
        let Kind::Name(word) = self.kind() else { return Ok(false) };
        let (word, span) = (word.clone(), self.span());
        if matches!(word.as_str(), "assert" | "assert_not") && self.next_is_name() {
            let finding = Finding::error("syntax", span, format!("`{word}` stands outside a test"));
            self.report(finding.help("write it between the braces of `test \"name\" { … }`"));
            return Err(Reported);
        }
        if matches!(self.ahead(1), Kind::Name(_) | Kind::Text(_)) {
            let meant = nearest(&word, ["actor", "resource", "declare", "test"]);
            let message = format!(
                "a policy item can't start with `{word}` (expected `actor`, `resource`, `global`, `declare`, `test` or a rule)"
            );
            let mut finding = Finding::error("syntax", span, message);
            finding.help = meant.map(|meant| format!("did you mean `{meant}`?"));
            self.report(finding);
            // Read as what was meant: its names are used elsewhere.
            if meant.is_some_and(|meant| matches!(meant, "actor" | "resource")) {
                return self.block().map(|()| true);
            }
            return Err(Reported);
        }
        Ok(false)
    }

    /// Flags before a rule are for the service's own use (U8).
    fn flags(&mut self) {
        while matches!(self.kind(), Kind::Flag(_)) {
            self.bump();
        }
    }

    fn block(&mut self) -> Parsed<()> {
        let kind = match self.kind() {
            Kind::Name(word) if word == "global" => BlockKind::Global,
            Kind::Name(word) if word.starts_with('a') => BlockKind::Actor,
            _ => BlockKind::Resource,
        };
        let name = if kind == BlockKind::Global {
            self.name("`global`")?
        } else {
            self.bump();
            self.name("a type")?
        };
        let what = format!("the block of `{}`", name.text);
        let mut block = Block {
            kind,
            name,
            parents: Vec::new(),
            roles: Vec::new(),
            permissions: Vec::new(),
            relations: Vec::new(),
            rules: Vec::new(),
            is_damaged: false,
        };
        let header = self.block_header(&mut block);
        block.is_damaged = header.is_err();
        let open = self.at.saturating_sub(1);
        let inside = self.braced(open, &what, false, |p| p.block_item(&mut block));
        block.is_damaged |= !matches!(inside, Ok(true));
        self.policy.blocks.push(block);
        Ok(())
    }

    /// `extends …` and `{`. After a mistake in there the block's inside is still looked for.
    fn block_header(&mut self, block: &mut Block) -> Parsed<()> {
        let mut read = || {
            if block.kind != BlockKind::Global && self.take_word("extends") {
                loop {
                    block.parents.push(self.name("a type")?);
                    if !self.take_mark(",") || self.is_mark("{") {
                        break;
                    }
                }
            }
            let help = match self.kind() {
                Kind::Name(word) if word != "extends" => did_you_mean(word, ["extends"]),
                _ => None,
            };
            if self.take_mark("{") { Ok(()) } else { self.expected_with("`{`", help.as_deref()) }
        };
        let header = read();
        while header.is_err() && !matches!(self.kind(), Kind::End | Kind::Mark("}" | ";")) {
            if self.take_mark("{") || matches!(self.ahead(1), Kind::Mark("=")) {
                break;
            }
            self.bump();
        }
        header
    }

    fn block_item(&mut self, block: &mut Block) -> Parsed<()> {
        if self.take_mark(";") {
            return Ok(());
        }
        if matches!((self.kind(), self.ahead(1)), (Kind::Name(_), Kind::Mark("("))) {
            let finding = Finding::error("rule-in-block", self.span(), "a block can't hold a longhand rule");
            self.report(finding.help("write it after the `}` of the block"));
            self.rule()?;
            return Ok(());
        }
        if !matches!(self.ahead(1), Kind::Mark("=" | ":")) {
            self.flags();
            let head = self.short()?;
            self.word("if")?;
            let body = self.shorthand()?;
            self.shorthand_end()?;
            block.rules.push(ShorthandRule { head, body });
            return Ok(());
        }
        let name = self.name("`roles`, `permissions` or `relations`")?;
        if !self.take_mark("=") {
            return self.expected_with("`=`", Some("declare as `roles = [\"name\", …];`"));
        }
        match name.text.as_str() {
            "roles" => block.roles.append(&mut self.strings(&name)?),
            "permissions" => block.permissions.append(&mut self.strings(&name)?),
            "relations" => {
                if !self.take_mark("{") {
                    let help = "relations are a map: `relations = { name: Type, … };`";
                    return self.expected_with("`{`", Some(help));
                }
                let relations = self.list("}", true, |p| {
                    let relation = p.name("a relation's name, without quotes")?;
                    p.mark(":")?;
                    Ok((relation, p.name("a type")?))
                })?;
                block.relations.extend(relations);
            }
            other => {
                let help = did_you_mean(other, ["roles", "permissions", "relations"])
                    .unwrap_or_else(|| "blocks declare `roles`, `permissions` and `relations`".to_owned());
                let finding = Finding::error("declaration", name.span, format!("a block can't declare `{other}`"));
                self.report(finding.help(help));
                return Err(Reported);
            }
        }
        self.semicolon("end the declaration with `;`")
    }

    fn shorthand_end(&mut self) -> Parsed<()> {
        let compares = match self.kind() {
            Kind::Mark(mark) => matches!(*mark, "=" | "!=" | "<" | "<=" | ">" | ">="),
            Kind::Name(word) => matches!(word.as_str(), "in" | "matches"),
            _ => false,
        };
        if !compares {
            return self.semicolon(RULE_END);
        }
        let message = format!("a shorthand rule has no {}", self.found());
        let help = "write a longhand rule after the block, or call a rule of your own that compares";
        self.report(Finding::error("shorthand", self.span(), message).help(help));
        Err(Reported)
    }

    fn strings(&mut self, of: &Name) -> Parsed<Vec<Name>> {
        if !self.take_mark("[") {
            let help = format!("`{0}` are a list: `{0} = [\"name\", …];`", of.text);
            return self.expected_with("`[`", Some(&help));
        }
        self.list("]", true, |p| p.text("a name in quotes"))
    }

    fn fact(&mut self) -> Parsed<Fact> {
        let name = self.name("a fact")?;
        self.mark("(")?;
        let args = self.list(")", false, |p| match p.literal()? {
            Some(literal) => Ok(literal),
            None => p.expected_with("a value", Some("facts hold no variables: write a value, as `User{\"ann\"}`")),
        })?;
        if self.is_word("if") {
            return self.expected_with("`;`", Some("facts hold no conditions: write a rule outside the test"));
        }
        self.semicolon("end the fact with `;`")?;
        Ok(Fact { name, args })
    }

    fn fixture(&mut self) -> Parsed<()> {
        let name = self.name("the fixture's name")?;
        self.mark("{")?;
        let mut steps = Vec::new();
        let what = format!("fixture `{}`", name.text);
        // What is wrong inside is reported; the fixture is there all the same.
        let _ = self.braced(self.at - 1, &what, true, |p| p.setup_step().map(|step| steps.push(step)));
        self.policy.fixtures.push((name, steps));
        Ok(())
    }

    fn test(&mut self) -> Parsed<()> {
        let name = self.text("the test's name in quotes")?;
        self.mark("{")?;
        let (mut setup, mut assertions) = (None, Vec::new());
        let what = format!("test `{}`", name.text);
        let _ = self.braced(self.at - 1, &what, false, |p| {
            if matches!((p.kind(), p.ahead(1)), (Kind::Name(word), Kind::Mark("{")) if word == "setup") {
                let span = p.span();
                p.bump();
                p.bump();
                let mut steps = Vec::new();
                let _ = p.braced(p.at - 1, "the setup", true, |p| p.setup_step().map(|step| steps.push(step)));
                if setup.is_some() || !assertions.is_empty() {
                    let finding = Finding::error("syntax", span, "a test has one `setup`, before its assertions");
                    p.findings.push(finding.help("move its facts to the top of the test"));
                }
                setup.get_or_insert_with(Vec::new).append(&mut steps);
                return Ok(());
            }
            assertions.push(p.assertion()?);
            Ok(())
        });
        self.policy.tests.push(Test { name, setup: setup.unwrap_or_default(), assertions });
        Ok(())
    }

    fn setup_step(&mut self) -> Parsed<Setup> {
        if !(self.next_is_name() && self.take_word("fixture")) {
            return Ok(Setup::Fact(self.fact()?));
        }
        let name = self.name("the fixture's name")?;
        self.semicolon("end it with `;`")?;
        Ok(Setup::Fixture(name))
    }

    fn assertion(&mut self) -> Parsed<Assertion> {
        let negated = self.take_word("assert_not");
        if !negated && !self.take_word("assert") {
            let is_fact = matches!((self.kind(), self.ahead(1)), (Kind::Name(_), Kind::Mark("(")));
            let help = if is_fact { "facts of a test stand in its `setup { … }`" } else { "a test holds assertions" };
            return self.expected_with("`assert` or `assert_not`", Some(help));
        }
        let head = self.head()?;
        let condition = if self.take_word("iff") { Some(self.expression()?) } else { None };
        if self.is_word("if") {
            return self.expected_with("`;`", Some("an assertion's condition follows `iff`"));
        }
        self.semicolon("end the assertion with `;`")?;
        Ok(Assertion { negated, head, condition })
    }
}
