//! The tree as written.

use super::diagnostic::Span;

/// A name with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Text.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// A constant as written: type (from its form or its braces) and canonical id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// `String`, `Integer`, `Boolean` or the type before the braces.
    pub type_name: String,
    /// Its id.
    pub id: String,
    /// Where.
    pub span: Span,
}

/// An argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// A constant.
    Literal(Literal),
    /// A variable; `_` is a new one each time.
    Variable(Name),
    /// `@current_unix_time`.
    Now,
    /// A list, only in `=` and `in`.
    List(Vec<Term>),
}

/// An atom: name and arguments.
#[derive(Clone, Debug)]
pub struct Call {
    /// Predicate.
    pub name: Name,
    /// Arguments.
    pub args: Vec<Term>,
}

/// A head or an assertion: arguments may be annotated.
#[derive(Clone, Debug)]
pub struct Head {
    /// Predicate.
    pub name: Name,
    /// Argument, annotation.
    pub params: Vec<(Term, Option<Name>)>,
}

/// A condition.
#[derive(Clone, Debug)]
pub enum Expression {
    /// All of these.
    And(Vec<Expression>),
    /// One of these.
    Or(Vec<Expression>),
    /// Not this.
    Not(Box<Expression>),
    /// `=`.
    Equal(Term, Term),
    /// `!=`, `<`, `<=`, `>`, `>=`.
    Compare(&'static str, Term, Term),
    /// `in`, `not in` (then `true`).
    In(Term, Vec<Term>, bool),
    /// `x matches T`; exactly for `matches!` (then `true`).
    Matches(Name, Name, bool),
    /// A call.
    Call(Call),
    /// `true`, `false`.
    Constant(bool),
}

/// A name in a shorthand rule: quoted, or one of the words `role`, `permission`, `resource`.
#[derive(Clone, Debug)]
pub struct Short {
    /// Was it quoted?
    pub quoted: bool,
    /// Its text and place.
    pub name: Name,
}

/// A condition of a shorthand rule.
#[derive(Clone, Debug)]
pub enum Shorthand {
    /// All of these.
    And(Vec<Shorthand>),
    /// One of these.
    Or(Vec<Shorthand>),
    /// Not this.
    Not(Box<Shorthand>),
    /// A longhand call.
    Call(Call),
    /// `global "n"`.
    Global(Short),
    /// `"n"`, `"n" on "rel"`.
    Name(Short, Option<Short>),
}

/// A shorthand rule of a block.
#[derive(Clone, Debug)]
pub struct ShorthandRule {
    /// What is granted.
    pub head: Short,
    /// When.
    pub body: Shorthand,
}

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// `actor`.
    Actor,
    /// `resource`.
    Resource,
    /// `global`.
    Global,
}

/// A type's block, or the global one.
#[derive(Clone, Debug)]
pub struct Block {
    /// Which kind.
    pub kind: BlockKind,
    /// The type; `global` for the global block.
    pub name: Name,
    /// Types after `extends`.
    pub parents: Vec<Name>,
    /// Declared roles.
    pub roles: Vec<Name>,
    /// Declared permissions.
    pub permissions: Vec<Name>,
    /// Declared relations: name, type.
    pub relations: Vec<(Name, Name)>,
    /// Its rules.
    pub rules: Vec<ShorthandRule>,
    /// Was a part of it not readable? Then a name that it lacks is no mistake of its own.
    pub is_damaged: bool,
}

/// A longhand rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What holds.
    pub head: Head,
    /// When; absent for a policy fact.
    pub body: Option<Expression>,
}

/// A fact of a fixture or a setup.
#[derive(Clone, Debug)]
pub struct Fact {
    /// Predicate.
    pub name: Name,
    /// Arguments.
    pub args: Vec<Literal>,
}

/// One step of a setup or a fixture.
#[derive(Clone, Debug)]
pub enum Setup {
    /// A fact.
    Fact(Fact),
    /// The facts of a fixture.
    Fixture(Name),
}

/// An assertion.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// `assert_not`?
    pub negated: bool,
    /// What is asked.
    pub head: Head,
    /// Condition after `iff`.
    pub condition: Option<Expression>,
}

/// A test block.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its name.
    pub name: Name,
    /// Its data.
    pub setup: Vec<Setup>,
    /// Its assertions.
    pub assertions: Vec<Assertion>,
}

/// All items of all sources.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Blocks.
    pub blocks: Vec<Block>,
    /// Rules and policy facts.
    pub rules: Vec<Rule>,
    /// `declare p(T, ..)`.
    pub declarations: Vec<(Name, Vec<Name>)>,
    /// Fixtures: facts, and fixtures they are made of.
    pub fixtures: Vec<(Name, Vec<Setup>)>,
    /// Tests.
    pub tests: Vec<Test>,
    /// Items that are read and mean nothing (U9): where, and what they are called.
    pub ignored: Vec<(Span, &'static str)>,
}
