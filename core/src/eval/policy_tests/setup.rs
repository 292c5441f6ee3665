//! The facts of a test: those of its setup and, once each, of the fixtures that it needs.

use std::collections::{HashMap, HashSet};

use crate::{
    model::{Fact, Value},
    syntax::ast::{self, Policy, Setup, Test},
};

/// Fixtures by name; several of one name are one.
pub(super) struct Fixtures<'p> {
    by_name: HashMap<&'p str, Vec<&'p [Setup]>>,
}

impl<'p> Fixtures<'p> {
    pub(super) fn new(policy: &'p Policy) -> Self {
        let mut by_name: HashMap<&str, Vec<&[Setup]>> = HashMap::new();
        for (name, steps) in &policy.fixtures {
            by_name.entry(&name.text).or_default().push(steps);
        }
        Fixtures { by_name }
    }

    /// Facts of a test, at most `n_max`. `Err`: what is wrong with its setup.
    pub(super) fn facts(&self, test: &'p Test, n_max: usize) -> Result<Vec<Fact>, String> {
        let (mut facts, mut used) = (Vec::new(), HashSet::new());
        let mut open = vec![test.setup.as_slice()];
        while let Some(steps) = open.pop() {
            for step in steps {
                match step {
                    Setup::Fact(written) => facts.extend(fact(written)),
                    Setup::Fixture(name) => {
                        let Some(found) = self.by_name.get(name.text.as_str()) else {
                            return Err(format!("no fixture is called `{}`", name.text));
                        };
                        if used.insert(name.text.as_str()) {
                            open.extend(found);
                        }
                    }
                }
                if facts.len() > n_max {
                    return Err(
                        "the setups of the policy's tests hold too many facts: write fewer tests with them, or \
                                several policies"
                            .to_owned(),
                    );
                }
            }
        }
        Ok(facts)
    }
}

fn fact(written: &ast::Fact) -> Option<Fact> {
    let values = written.args.iter().map(|arg| Value::new(arg.type_name.as_str(), arg.id.as_str()).ok());
    Some(Fact { predicate: written.name.text.clone(), args: values.collect::<Option<_>>()? })
}
