//! The middle language: types, bounds, constants, predicates, rules. Plain data, serialisable, knows no facts.
//!
//! Every body is one conjunction: `or` has become several rules, `not e` the negation of one auxiliary predicate whose
//! arguments are the outer variables of `e`, `matches` a bound on the rule's variable, shorthand the rule it stands for.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub u32);
        impl $name {
            /// Position in the program's list.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(
    /// A type that the program names; `String`, `Integer`, `Boolean` are 0, 1, 2.
    ProgramType
);
id!(
    /// An interned set of types; 0 is everything.
    BoundId
);
id!(
    /// A constant written in the policy.
    ConstId
);
id!(
    /// A predicate: name and arity. `has_role/2` is not `has_role/3`.
    PredicateId
);
id!(
    /// A rule.
    RuleId
);

/// Everything: the bound of a variable without annotation.
pub const ANYTHING: BoundId = BoundId(0);

/// A set of concrete types (polar.md §12.2). Types that the program doesn't name are one member, `other`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bound {
    /// Concrete program types in the set, ascending, no duplicates.
    pub types: Vec<ProgramType>,
    /// Does the set hold the types that the program doesn't name?
    pub other: bool,
}

/// A constant value: canonical id of a program type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Constant {
    /// Its type.
    pub ty: ProgramType,
    /// Its id, canonical.
    pub id: String,
}

/// An argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Term {
    /// A variable of the rule: index into [`Rule::variables`].
    Var(u16),
    /// A constant of the program.
    Const(ConstId),
    /// `@current_unix_time`: an Integer, the same all through one request.
    Now,
}

/// Order and difference of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Comparison {
    /// `!=`: different values, of whatever types.
    NotEqual,
    /// `<` on Integers.
    Less,
    /// `<=` on Integers.
    LessEqual,
    /// `>` on Integers.
    Greater,
    /// `>=` on Integers.
    GreaterEqual,
}

/// One condition of a body.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Literal {
    /// The tuple is in the predicate's relation: stored, of this request, or derived.
    Call {
        /// Which.
        predicate: PredicateId,
        /// As many as its arity.
        args: Vec<Term>,
    },
    /// No way to satisfy the call; its arguments are the outer variables of what stood under `not`.
    Not {
        /// An auxiliary predicate, or a plain one where a single call with no inner variable was negated.
        predicate: PredicateId,
        /// As many as its arity.
        args: Vec<Term>,
    },
    /// Delayed until both sides are bound.
    Compare {
        /// Which comparison.
        op: Comparison,
        /// Left side.
        left: Term,
        /// Right side.
        right: Term,
    },
    /// Both sides are the same value; binds.
    Unify {
        /// One side.
        left: Term,
        /// The other.
        right: Term,
    },
    /// The term is one of these; binds. Duplicate elements are gone; elements may be variables.
    In {
        /// What is looked for.
        term: Term,
        /// Elements of the list.
        list: Vec<Term>,
    },
    /// Never satisfied (`false`, a type test that excludes every type).
    Fail,
}

/// A variable of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Variable {
    /// Its name in the policy, for messages; `_` for anonymous ones.
    pub name: String,
    /// Types its value may have: the head's annotation and every `matches` of the branch, intersected.
    pub bound: BoundId,
}

/// One clause: the head holds if every condition does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Predicate of the head.
    pub head: PredicateId,
    /// Arguments of the head.
    pub args: Vec<Term>,
    /// The conditions, in the order written. Empty: a policy fact.
    pub body: Vec<Literal>,
    /// Its variables; `Term::Var` counts into this.
    pub variables: Vec<Variable>,
    /// Line in the source it was written at (from 1); 0 for the default `allow`.
    pub line: u32,
    /// Which source that is: position in [`Program::files`].
    pub file: u32,
}

/// A predicate of the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predicate {
    /// Name in the policy; auxiliary predicates have names no policy can write (`not@LINE.N`).
    pub name: String,
    /// Number of arguments.
    pub arity: u8,
    /// Its rules, in order of source.
    pub rules: Vec<RuleId>,
    /// Made by lowering a `not`: never stored, never asked for by name.
    pub auxiliary: bool,
}

/// A type that the program names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeDecl {
    /// Its name.
    pub name: String,
    /// Is it an abstract one (`Actor`, `Resource`)? No value has it as its own type.
    pub is_abstract: bool,
    /// The concrete types at or below it.
    pub below: BoundId,
}

/// Roles, permissions and relations of one block, as `policy_metadata` shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockMetadata {
    /// Sorted bytewise.
    pub roles: Vec<String>,
    /// Sorted bytewise.
    pub permissions: Vec<String>,
    /// Name → type, sorted by name.
    pub relations: Vec<(String, String)>,
}

/// One shape of facts that the policy's uses admit (polar.md §10).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FactType {
    /// Predicate name.
    pub predicate: String,
    /// Types allowed at each position.
    pub args: Vec<BoundId>,
}

/// All rules of a policy, with what is known without facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Types by [`ProgramType`]; the first three are `String`, `Integer`, `Boolean`.
    pub types: Vec<TypeDecl>,
    /// Sets of types by [`BoundId`]; the first is everything.
    pub bounds: Vec<Bound>,
    /// Constants by [`ConstId`], no duplicates.
    pub constants: Vec<Constant>,
    /// Predicates by [`PredicateId`]: every one that a rule defines or calls, the default `allow` included.
    pub predicates: Vec<Predicate>,
    /// Rules by [`RuleId`].
    pub rules: Vec<Rule>,
    /// Block name → its declarations, sorted by name, `global` always among them. `Actor`, `Resource` never.
    pub metadata: Vec<(String, BlockMetadata)>,
    /// What may be written as a fact (the primary's check); `has_role`, `has_permission`, `has_relation` are exempt.
    pub fact_types: Vec<FactType>,
    /// (predicate, arity, position) where every rule fixes a String literal: such a relation is stored split by it.
    pub split_hints: Vec<(String, u8, u8)>,
    /// Names of the sources, for messages.
    pub files: Vec<String>,
}

impl Program {
    /// Conditions and arguments of all rules: what linking goes through.
    pub fn n_terms(&self) -> usize {
        let of = |literal: &Literal| match literal {
            Literal::Call { args, .. } | Literal::Not { args, .. } => args.len() + 1,
            Literal::In { list, .. } => list.len() + 2,
            Literal::Compare { .. } | Literal::Unify { .. } => 3,
            Literal::Fail => 1,
        };
        self.rules.iter().map(|rule| rule.args.len() + rule.body.iter().map(of).sum::<usize>()).sum()
    }

    /// The predicate of this name and arity, if the program names it. Auxiliary ones are not found.
    pub fn find_predicate(&self, name: &str, arity: usize) -> Option<PredicateId> {
        self.predicates
            .iter()
            .position(|p| !p.auxiliary && usize::from(p.arity) == arity && p.name == name)
            .map(|i| PredicateId(crate::model::number(i)))
    }

    /// File and line of a rule; `None` for the default `allow` and for what isn't a rule of the program.
    pub fn place(&self, rule: RuleId) -> Option<(&str, u32)> {
        let rule = self.rules.get(rule.index()).filter(|rule| rule.line > 0)?;
        Some((self.files.get(rule.file as usize).map_or("", String::as_str), rule.line))
    }

    /// The type of this name, if the program names it.
    pub fn find_type(&self, name: &str) -> Option<ProgramType> {
        self.types.iter().position(|t| t.name == name).map(|i| ProgramType(crate::model::number(i)))
    }

    /// Names of the concrete types at or below this one, if the program names it.
    pub fn below(&self, name: &str) -> Option<Vec<&str>> {
        let below = self.types[self.find_type(name)?.index()].below;
        Some(self.bounds[below.index()].types.iter().map(|ty| self.types[ty.index()].name.as_str()).collect())
    }
}
