//! `understudy inspect`: what a snapshot file says of itself, and whether it is whole.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use understudy_core::{
    engine::{Checked, Engine, Options},
    snapshot::{self, Snapshot},
};

use super::usage_error;
use crate::{
    keys::hex,
    output,
    replica::clock::{Clock, SystemClock, lasting, utc},
};

/// `understudy inspect`.
#[derive(Args, Debug)]
pub struct InspectArgs {
    /// The snapshot.
    #[arg(value_name = "FILE.snapshot")]
    file: PathBuf,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

/// Verifies and prints; 2 for a file that no node would take.
pub fn run(args: &InspectArgs) -> ExitCode {
    let place = args.file.display();
    let bytes = match std::fs::read(&args.file) {
        Ok(bytes) => bytes,
        Err(error) => return usage_error(&format!("{place}: can't be read: {error}")),
    };
    let rows = match describe(&bytes) {
        Ok(rows) => rows,
        Err(message) => return usage_error(&format!("{place}: {message}")),
    };
    if args.json {
        output::line(format_args!("{}", Value::Object(rows.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())));
    } else {
        for (name, value) in rows {
            match value {
                Value::String(text) => output::line(format_args!("{name:<14} {text}")),
                Value::Null => output::line(format_args!("{name:<14} none")),
                Value::Array(sections) => sections.iter().for_each(|section| {
                    let (at, bytes) = (section["at"].to_string(), section["bytes"].to_string());
                    output::line(format_args!(
                        "section        {:<14} at {at:>10}, {bytes:>10} bytes",
                        text(section, "name")
                    ));
                }),
                value => match value.as_u64().filter(|at_ms| name == "created_ms" && *at_ms > 0) {
                    Some(at_ms) => {
                        let ago = lasting(SystemClock.unix_ms().saturating_sub(at_ms));
                        output::line(format_args!("{name:<14} {at_ms} ({}, {ago} ago)", utc(at_ms)));
                    }
                    None => output::line(format_args!("{name:<14} {value}")),
                },
            }
        }
    }
    ExitCode::SUCCESS
}

fn text<'a>(section: &'a Value, key: &str) -> &'a str {
    section[key].as_str().unwrap_or_default()
}

fn describe(bytes: &[u8]) -> Result<Vec<(&'static str, Value)>, String> {
    let manifest = snapshot::verify(bytes).map_err(|error| error.to_string())?;
    let snapshot = Snapshot::open(bytes).map_err(|error| error.to_string())?;
    // Whole bytes can still hold a policy that this version doesn't compile.
    Engine::open(bytes, Options { checked: Checked::Digests, ..Options::default() })
        .map_err(|error| error.to_string())?;
    let policy = snapshot.policy();
    let sections = snapshot::sections(bytes).map_err(|error| error.to_string())?;
    let sections = sections.into_iter().map(|one| json!({"name": one.name, "at": one.at, "bytes": one.bytes}));
    Ok(vec![
        ("environment", json!(manifest.environment)),
        ("tenant", json!(manifest.tenant)),
        ("store", json!(manifest.store)),
        ("epoch", json!(manifest.epoch)),
        ("created_ms", json!(manifest.created_ms)),
        ("offset", json!(manifest.offset)),
        ("facts", json!(manifest.counts.facts)),
        ("types", json!(manifest.counts.types)),
        ("values", json!(manifest.counts.values)),
        ("relations", json!(manifest.counts.relations)),
        ("policy_file", json!(policy.and_then(|policy| policy.file.clone()))),
        ("policy_bytes", json!(policy.map(|policy| policy.text.len()))),
        // How many, never which: a digest of a key is nobody's business.
        ("keys", json!(snapshot.keys().map(<[_]>::len))),
        ("bytes", json!(bytes.len())),
        ("sha256", json!(hex(&Sha256::digest(bytes)))),
        ("sections", Value::Array(sections.collect())),
        ("verified", json!(true)),
    ])
}
