//! What may be written as a fact: the shapes that the policy's uses admit (polar.md §10). Only a primary's writes are
//! checked; what is stored already, or comes with a request, is not.

use std::collections::{HashMap, HashSet};

use crate::{
    limits::{FACT_ARITY_MAX, ID_BYTES_MAX, NAME_BYTES_MAX},
    model::Fact,
    rules::rule::{ANYTHING, Bound, BoundId, Comparison, FactType, Literal, Program, ProgramType, Rule, Term},
};

/// Predicates that take any fact.
const EXEMPT: [&str; 3] = ["has_role", "has_permission", "has_relation"];

const INTEGER: ProgramType = ProgramType(1);

/// Shapes admitted by the heads and bodies of the rules. `intern`: number of a set of types.
pub fn of_rules(program: &Program, intern: &mut impl FnMut(Vec<ProgramType>) -> BoundId) -> Vec<FactType> {
    let mut found: Vec<FactType> = Vec::new();
    let mut known = HashSet::new();
    for rule in &program.rules {
        if rule.line == 0 {
            continue;
        }
        let calls = rule.body.iter().filter_map(|literal| match literal {
            Literal::Call { predicate, args } | Literal::Not { predicate, args } => Some((predicate, args)),
            _ => None,
        });
        let told = told(program, rule, intern);
        for (predicate, args) in calls.chain([(&rule.head, &rule.args)]) {
            let predicate = &program.predicates[predicate.index()];
            if predicate.auxiliary {
                continue;
            }
            let args = args.iter().map(|term| type_of(program, rule, &told, *term, intern)).collect();
            let shape = FactType { predicate: predicate.name.clone(), args };
            if known.insert(shape.clone()) {
                found.push(shape);
            }
        }
    }
    found
}

/// Types that conditions of a rule tell of its variables, the first one of each: one walk over the body.
fn told(program: &Program, rule: &Rule, intern: &mut impl FnMut(Vec<ProgramType>) -> BoundId) -> HashMap<u16, BoundId> {
    let mut told = HashMap::new();
    let mut tell = |term: &Term, types: Vec<ProgramType>| {
        if let Term::Var(at) = term {
            told.entry(*at).or_insert_with(|| intern(types));
        }
    };
    for literal in &rule.body {
        match literal {
            Literal::Compare { op, left, right } if *op != Comparison::NotEqual => {
                tell(left, vec![INTEGER]);
                tell(right, vec![INTEGER]);
            }
            Literal::Unify { left, right } => {
                if let Some(ty) = constant(program, left).or(constant(program, right)) {
                    tell(left, vec![ty]);
                    tell(right, vec![ty]);
                }
            }
            Literal::In { term, list } => {
                let types: Vec<_> = list.iter().filter_map(|element| constant(program, element)).collect();
                if types.len() == list.len() && !types.is_empty() {
                    tell(term, types);
                }
            }
            _ => {}
        }
    }
    told
}

fn constant(program: &Program, term: &Term) -> Option<ProgramType> {
    match term {
        Term::Const(id) => Some(program.constants[id.index()].ty),
        Term::Now => Some(INTEGER),
        Term::Var(_) => None,
    }
}

fn type_of(
    program: &Program,
    rule: &Rule,
    told: &HashMap<u16, BoundId>,
    term: Term,
    intern: &mut impl FnMut(Vec<ProgramType>) -> BoundId,
) -> BoundId {
    if let Some(ty) = constant(program, &term) {
        return intern(vec![ty]);
    }
    let Term::Var(at) = term else { return ANYTHING };
    let bound = rule.variables[usize::from(at)].bound;
    if bound != ANYTHING { bound } else { told.get(&at).copied().unwrap_or(ANYTHING) }
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
    // A name is repeated in every answer and every table: its text isn't told either.
    let types = fact.args.iter().map(|value| ("a type", value.type_name()));
    for (what, text) in std::iter::once(("the predicate", name.as_str())).chain(types) {
        if text.len() > NAME_BYTES_MAX {
            return Err(format!("{what} of a fact has {} bytes: {NAME_BYTES_MAX} are allowed", text.len()));
        }
    }
    if !(1..=FACT_ARITY_MAX).contains(&fact.args.len()) {
        return Err(format!("`{name}` has {} arguments: facts have one to {FACT_ARITY_MAX}", fact.args.len()));
    }
    match fact.args.iter().find(|value| value.id().len() > ID_BYTES_MAX) {
        Some(value) => Err(format!("an id of `{name}` has {} bytes: {ID_BYTES_MAX} are allowed", value.id().len())),
        None => Ok(()),
    }
}
