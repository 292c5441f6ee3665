//! What the policy and the stored facts name: the values that can be told where an answer is "any", and the arguments that
//! the rules can tell apart. Requests' own facts are not in it.

use std::collections::BTreeSet;

use crate::{
    facts::layers::Layered,
    rules::rule::{Literal, Program, ProgramType, Rule, Term},
};

/// What is asked of the vocabulary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vocabulary {
    /// Ids of exactly this type, in facts and in the policy's rules.
    Ids {
        /// The type.
        type_name: String,
    },
    /// Actions on resources of this type: permissions that it and what it extends declare, those that rules grant by name,
    /// and those of stored `has_permission` facts.
    Actions {
        /// The type.
        resource_type: String,
    },
    /// Strings that rules ask for at one position of a predicate.
    Arguments {
        /// Its name.
        predicate: String,
        /// Its number of arguments.
        arity: u32,
        /// The position, from 0.
        at: u32,
    },
}

/// The names, sorted bytewise; `None`: any (some rule asks with a variable). Cost: reads every fact that has the type.
pub fn names(program: &Program, facts: &Layered<'_>, asked: &Vocabulary) -> Option<Vec<String>> {
    let found = match asked {
        Vocabulary::Ids { type_name } => {
            let mut found = facts.ids(type_name, |_, _, _| true);
            let ty = program.find_type(type_name);
            let named = program.constants.iter().filter(|constant| Some(constant.ty) == ty);
            found.extend(named.map(|constant| constant.id.clone()));
            found
        }
        Vocabulary::Actions { resource_type } => actions(program, facts, resource_type),
        Vocabulary::Arguments { predicate, arity, at } => arguments(program, predicate, *arity as usize, *at as usize)?,
    };
    Some(found.into_iter().collect())
}

fn actions(program: &Program, facts: &Layered<'_>, resource_type: &str) -> BTreeSet<String> {
    let mut found = facts.ids("String", |predicate, types, at| {
        predicate == "has_permission" && types.len() == 3 && at == 1 && types[2] == resource_type
    });
    found.append(&mut actions_of_policy(program, resource_type));
    found
}

/// Actions on a type that the policy names: declared ones, and those that rules grant by name.
pub(crate) fn actions_of_policy(program: &Program, resource_type: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (name, block) in &program.metadata {
        let is_above = name == resource_type
            || program.below(name).is_some_and(|below| name != "global" && below.contains(&resource_type));
        if is_above {
            found.extend(block.permissions.iter().cloned());
        }
    }
    let ty = program.find_type(resource_type);
    for name in ["allow", "has_permission"] {
        let Some(predicate) = program.find_predicate(name, 3) else { continue };
        for rule in &program.predicates[predicate.index()].rules {
            let rule = &program.rules[rule.index()];
            if let Some(action) = string(program, rule.args[1])
                && admits(program, rule, rule.args[2], ty)
            {
                found.insert(action.to_owned());
            }
        }
    }
    found
}

fn arguments(program: &Program, predicate: &str, arity: usize, at: usize) -> Option<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let Some(wanted) = program.find_predicate(predicate, arity) else { return Some(found) };
    for rule in &program.rules {
        for literal in &rule.body {
            let (Literal::Call { predicate, args } | Literal::Not { predicate, args }) = literal else { continue };
            if *predicate != wanted {
                continue;
            }
            match args.get(at) {
                Some(Term::Var(_)) => return None,
                Some(term) => found.extend(string(program, *term).map(str::to_owned)),
                None => {}
            }
        }
    }
    Some(found)
}

/// The String that the term is.
pub(crate) fn string(program: &Program, term: Term) -> Option<&str> {
    let Term::Const(constant) = term else { return None };
    let constant = &program.constants[constant.index()];
    (program.types[constant.ty.index()].name == "String").then_some(&constant.id)
}

/// Can the rule's term be a value of the type? `None`: a type that the program doesn't name.
pub(crate) fn admits(program: &Program, rule: &Rule, term: Term, ty: Option<ProgramType>) -> bool {
    match term {
        Term::Const(constant) => Some(program.constants[constant.index()].ty) == ty,
        Term::Var(at) => {
            let bound = &program.bounds[rule.variables[usize::from(at)].bound.index()];
            ty.map_or(bound.other, |ty| bound.types.contains(&ty))
        }
        Term::Now => false,
    }
}
