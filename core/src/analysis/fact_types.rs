//! What may be written as a fact: the shapes that the policy's uses admit (polar.md §10). Only a primary's writes are
//! checked; what is stored already, or comes with a request, is not.

use std::collections::HashSet;

use crate::{
    limits::{FACT_ARITY_MAX, ID_BYTES_MAX},
    model::Fact,
    rules::rule::{ANYTHING, Bound, BoundId, Comparison, FactType, Literal, Program, ProgramType, Rule, Term},
};

/// Predicates that take any fact.
const EXEMPT: [&str; 3] = ["has_role", "has_permission", "has_relation"];

/// Shapes admitted by the heads and bodies of the rules. `intern`: number of a set of types.
pub fn of_rules(program: &Program, intern: &mut impl FnMut(Vec<ProgramType>) -> BoundId) -> Vec<FactType> {
    let (mut found, mut met) = (Vec::new(), HashSet::new());
    for rule in &program.rules {
        let calls = rule.body.iter().filter_map(|literal| match literal {
            Literal::Call { predicate, args } | Literal::Not { predicate, args } => Some((predicate, args)),
            _ => None,
        });
        for (predicate, args) in calls.chain([(&rule.head, &rule.args)]) {
            let predicate = &program.predicates[predicate.index()];
            if predicate.auxiliary || rule.line == 0 {
                continue;
            }
            let args = args.iter().map(|term| type_of(program, rule, *term, intern)).collect();
            let shape = FactType { predicate: predicate.name.clone(), args };
            if met.insert(shape.clone()) {
                found.push(shape);
            }
        }
    }
    found
}

fn type_of(
    program: &Program,
    rule: &Rule,
    term: Term,
    intern: &mut impl FnMut(Vec<ProgramType>) -> BoundId,
) -> BoundId {
    let integer = ProgramType(1);
    let constant = |term: &Term| match term {
        Term::Const(id) => Some(program.constants[id.index()].ty),
        Term::Now => Some(integer),
        Term::Var(_) => None,
    };
    if let Some(ty) = constant(&term) {
        return intern(vec![ty]);
    }
    let Term::Var(at) = term else { return ANYTHING };
    let bound = rule.variables[usize::from(at)].bound;
    if bound != ANYTHING {
        return bound;
    }
    for literal in &rule.body {
        match literal {
            Literal::Compare { op, left, right }
                if *op != Comparison::NotEqual && (*left == term || *right == term) =>
            {
                return intern(vec![integer]);
            }
            Literal::Unify { left, right } if *left == term || *right == term => {
                if let Some(ty) = constant(left).or(constant(right)) {
                    return intern(vec![ty]);
                }
            }
            Literal::In { term: t, list } if *t == term => {
                let types: Vec<_> = list.iter().filter_map(constant).collect();
                if types.len() == list.len() && !types.is_empty() {
                    return intern(types);
                }
            }
            _ => {}
        }
    }
    ANYTHING
}

/// May the fact be written? The message says what is wrong and what would fit.
pub fn check(program: &Program, fact: &Fact) -> Result<(), String> {
    if EXEMPT.contains(&fact.predicate.as_str()) {
        return Ok(());
    }
    let (name, arity) = (&fact.predicate, fact.args.len());
    let uses: Vec<_> = program.fact_types.iter().filter(|shape| shape.predicate == *name).collect();
    if uses.is_empty() {
        return Err(format!("predicate `{name}` is not used in policy: use it in a rule, or declare it"));
    }
    let admits = |bound: &Bound, type_name: &str| match program.find_type(type_name) {
        Some(ty) => bound.types.contains(&ty) || (bound.other && bound.types.is_empty()),
        None => bound.other,
    };
    let fits = uses.iter().any(|shape| {
        shape.args.len() == arity
            && shape.args.iter().zip(&fact.args).all(|(b, value)| admits(&program.bounds[b.index()], value.type_name()))
    });
    if fits {
        return Ok(());
    }
    let given: Vec<_> = fact.args.iter().map(|value| value.type_name().to_owned()).collect();
    Err(format!("`{name}({})` is not used in policy with these types or this number of arguments", given.join(", ")))
}

/// Refuses what no fact may be: another number of arguments than one to five, an id over the limit, no predicate.
pub fn check_size(fact: &Fact) -> Result<(), String> {
    let name = &fact.predicate;
    if name.is_empty() {
        return Err("a fact has no predicate: name it".to_owned());
    }
    if !(1..=FACT_ARITY_MAX).contains(&fact.args.len()) {
        return Err(format!("`{name}` has {} arguments: facts have one to {FACT_ARITY_MAX}", fact.args.len()));
    }
    match fact.args.iter().find(|value| value.id().len() > ID_BYTES_MAX) {
        Some(value) => Err(format!("an id of `{name}` has {} bytes: {ID_BYTES_MAX} are allowed", value.id().len())),
        None => Ok(()),
    }
}
