//! Facts that no rule of a policy can use as they are written: most likely slips.

use std::path::Path;

use understudy_core::{analysis::fact_uses::FactUses, model::Fact, rules::rule::Program};

/// Lines that are told of one file: who has more has one slip many times.
const TOLD_MAX: usize = 20;

/// What is told of a file, and how many of its facts it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactWarnings {
    /// One each, with file and line, and what to do; the last one counts what was left out.
    pub lines: Vec<String>,
    /// Facts that no rule can use.
    pub n_facts: usize,
}

/// Looks at every fact of a file. `facts`: each with its line.
pub fn of_file(program: &Program, path: &Path, facts: &[(usize, Fact)]) -> FactWarnings {
    let uses = FactUses::new(program);
    let mut told = FactWarnings::default();
    for (line, fact) in facts {
        let found = uses.warnings(fact);
        told.n_facts += usize::from(!found.is_empty());
        for warning in found {
            if told.lines.len() < TOLD_MAX {
                let place = warning.at.map(|at| format!("args[{at}]: ")).unwrap_or_default();
                let help = warning.help.map(|help| format!("; {help}")).unwrap_or_default();
                told.lines.push(format!(
                    "{}:{line}: warning[{}]: {place}{}{help}",
                    path.display(),
                    warning.code,
                    warning.message
                ));
            }
        }
    }
    if told.lines.len() == TOLD_MAX {
        told.lines.push(format!("{}: {} facts in all that no rule can use", path.display(), told.n_facts));
    }
    told
}
