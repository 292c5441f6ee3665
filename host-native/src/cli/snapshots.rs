//! `understudy diff|stats`: what differs between two snapshots, and what one is made of.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::json;
use understudy_core::{
    model::Fact,
    snapshot::{self, Snapshot},
};

use super::{usage_error, words};
use crate::output;

/// `understudy diff`.
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// The one.
    #[arg(value_name = "OLD.snapshot")]
    old: PathBuf,
    /// The other.
    #[arg(value_name = "NEW.snapshot")]
    new: PathBuf,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// `understudy stats`.
#[derive(Args, Debug)]
pub struct StatsArgs {
    /// The snapshot.
    #[arg(value_name = "FILE.snapshot")]
    file: PathBuf,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Prints facts that only one of two has, `-` for the old one and `+` for the new one; 1 if anything differs.
pub fn diff(args: &DiffArgs) -> ExitCode {
    let facts =
        |path: &Path| with(path, |snapshot| (facts(snapshot), snapshot.policy().map(|policy| policy.text.clone())));
    let (old, new) = match (facts(&args.old), facts(&args.new)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(error), _) | (_, Err(error)) => return usage_error(&error),
    };
    let (removed, added): (Vec<_>, Vec<_>) = (old.0.difference(&new.0).collect(), new.0.difference(&old.0).collect());
    let is_policy_same = old.1 == new.1;
    let is_same = is_policy_same && removed.is_empty() && added.is_empty();
    if args.json {
        output::line(json!({"policy_differs": !is_policy_same, "removed": removed, "added": added}));
    } else {
        if !is_policy_same {
            policy_lines(old.1.as_deref().unwrap_or_default(), new.1.as_deref().unwrap_or_default());
        }
        removed.iter().for_each(|fact| output::line(format_args!("- {fact}")));
        added.iter().for_each(|fact| output::line(format_args!("+ {fact}")));
        let policy = if is_policy_same { "the same policy" } else { "another policy" };
        output::line(format_args!("{policy}, {} facts fewer, {} facts more", removed.len(), added.len()));
    }
    if is_same { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Lines of the policies that only one has, in their order: a policy's rules have none that matters.
fn policy_lines(old: &str, new: &str) {
    let (in_old, in_new): (BTreeSet<&str>, BTreeSet<&str>) = (old.lines().collect(), new.lines().collect());
    old.lines().filter(|line| !in_new.contains(line)).for_each(|line| output::line(format_args!("- {line}")));
    new.lines().filter(|line| !in_old.contains(line)).for_each(|line| output::line(format_args!("+ {line}")));
}

/// Prints how many facts there are of each predicate, by the types of its arguments.
pub fn stats(args: &StatsArgs) -> ExitCode {
    let counted = with(&args.file, |snapshot| {
        let mut shapes: BTreeMap<(String, Vec<String>), u64> = BTreeMap::new();
        for fact in snapshot.facts() {
            let types = fact.args.iter().map(|value| value.type_name().to_owned()).collect();
            *shapes.entry((fact.predicate, types)).or_default() += 1;
        }
        (shapes, snapshot.manifest().counts.values)
    });
    let (shapes, values) = match counted {
        Ok(counted) => counted,
        Err(error) => return usage_error(&error),
    };
    let n_facts: u64 = shapes.values().sum();
    if args.json {
        let shapes =
            shapes.iter().map(|((predicate, types), n)| json!({"predicate": predicate, "types": types, "facts": n}));
        output::line(json!({"facts": n_facts, "values": values, "shapes": shapes.collect::<Vec<_>>()}));
    } else {
        for ((predicate, types), n) in &shapes {
            output::line(format_args!("{n:>12}  {predicate}({})", types.join(", ")));
        }
        output::line(format_args!("{n_facts:>12}  facts, of {values} values"));
    }
    ExitCode::SUCCESS
}

fn facts(snapshot: &Snapshot<'_>) -> BTreeSet<String> {
    snapshot.facts().map(|fact: Fact| words::of_fact(&fact)).collect()
}

/// Reads a whole snapshot file.
fn with<T>(path: &Path, read: impl FnOnce(&Snapshot<'_>) -> T) -> Result<T, String> {
    let refused = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let bytes = std::fs::read(path).map_err(|error| refused(&format!("can't be read: {error}")))?;
    snapshot::verify(&bytes).map_err(|error| refused(&error))?;
    Ok(read(&Snapshot::open(&bytes).map_err(|error| refused(&error))?))
}
