//! What the policy in force says of facts that are to be inserted: some it has no place for, some no rule will use.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{LazyLock, Mutex, PoisonError},
};

use understudy_core::{
    analysis::{
        fact_types,
        fact_uses::{FactUses, FactWarning},
    },
    model::{Fact, Value},
    rules::rule::Program,
};

use super::{
    limits::{WARNING_BYTES_MAX, WARNINGS_LOGGED_MAX, WARNINGS_SHOWN_MAX},
    store::Edit,
};

/// Warnings of the facts inserted, each once; or why one is refused. `is_strict`: also for what would be warned of.
pub fn check(program: &Program, edits: &[Edit], is_strict: bool) -> Result<Vec<String>, String> {
    let inserts = || {
        edits.iter().filter_map(|edit| match edit {
            Edit::Insert(fact) => Some(fact),
            Edit::Delete { .. } | Edit::Clear => None,
        })
    };
    let mut warnings = BTreeSet::new();
    if inserts().next().is_none() {
        return Ok(Vec::new());
    }
    let uses = FactUses::new(program);
    for fact in inserts() {
        fact_types::check_size(fact)?;
        fact_types::check(program, fact)?;
        for warning in uses.warnings(fact) {
            if is_strict {
                return Err(refusal(fact, &warning));
            }
            warnings.insert(text(&warning));
        }
    }
    warnings.iter().for_each(|warning| log(warning));
    Ok(warnings.into_iter().collect())
}

fn text(FactWarning { message, help, .. }: &FactWarning) -> String {
    help.as_ref().map_or_else(|| message.clone(), |help| format!("{message} (help: {help})"))
}

fn refusal(fact: &Fact, warning: &FactWarning) -> String {
    let types: Vec<&str> = fact.args.iter().map(Value::type_name).collect();
    let shape = format!("{}({})", fact.predicate, types.join(", "));
    format!("`{shape}` is not used in policy: {}; if it is meant, write `declare {shape};`", text(warning))
}

/// In the log once, whoever repeats it.
fn log(warning: &str) {
    static LOGGED: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    if logged.len() < WARNINGS_LOGGED_MAX && logged.insert(warning.to_owned()) {
        tracing::warn!("a fact was written that can't be of use: {warning}");
    }
}

/// The value of a header that tells the first few; `None`: nothing to tell.
pub fn header(warnings: &[String]) -> Option<String> {
    let shown = warnings.iter().take(WARNINGS_SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join("; ");
    let mut value: String = shown.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect();
    value.truncate(WARNING_BYTES_MAX);
    (!value.is_empty()).then_some(value)
}
