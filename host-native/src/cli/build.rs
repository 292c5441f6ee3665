//! `understudy build`: policy and fact files → a snapshot file. The same input gives the same bytes.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use sha2::{Digest, Sha256};
use understudy_core::{
    compile::{Source, compile},
    snapshot::{Contents, Manifest},
};

use super::{policy_files, usage_error};
use crate::{
    build::{self, fact_warnings},
    keys::hex,
    output,
    replica::cache::write_whole,
};

/// `understudy build`.
#[derive(Args, Debug)]
pub struct BuildArgs {
    /// Polar files; several make one policy.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Facts, one JSON object a line: `{"predicate":"has_role","args":[{"type":"User","id":"ann"}, ..]}`.
    #[arg(long, value_name = "FILE.jsonl")]
    facts: Option<PathBuf>,
    /// Make nothing where a fact is one that no rule can use.
    #[arg(long)]
    strict: bool,
    /// Where the snapshot goes.
    #[arg(short, long, value_name = "FILE.snapshot")]
    output: PathBuf,
    /// Environment it is of.
    #[arg(long, default_value = "e_0123456789", value_name = "ID")]
    environment: String,
    /// Tenant of the environment.
    #[arg(long, default_value = "", value_name = "ID")]
    tenant: String,
    /// Store that made it: nodes take newer epochs of one store only.
    #[arg(long, default_value = "build", value_name = "ID")]
    store: String,
    /// Its number within the store.
    #[arg(long, default_value_t = 1, value_name = "N")]
    epoch: u64,
    /// When it was made, in milliseconds since 1970-01-01 UTC; 0 unless told, so that a build can be repeated.
    #[arg(long, default_value_t = 0, value_name = "MS")]
    created_ms: u64,
}

/// Builds; prints size and SHA-256.
pub fn run(args: &BuildArgs) -> ExitCode {
    let bytes = match build(args) {
        Ok(bytes) => bytes,
        Err(message) => return usage_error(&message),
    };
    if let Err(error) = write_whole(&args.output, &bytes) {
        return usage_error(&format!("{} can't be written: {error}", args.output.display()));
    }
    output::line(format_args!(
        "{}: {} bytes, sha256 {}",
        args.output.display(),
        bytes.len(),
        hex(&Sha256::digest(&bytes))
    ));
    ExitCode::SUCCESS
}

fn build(args: &BuildArgs) -> Result<Vec<u8>, build::BuildError> {
    let policy = build::policy(&args.policy)?;
    // What has no errors is read once more for its warnings.
    if !args.policy.is_empty() {
        drop(policy_files::load(&args.policy));
    }
    let facts = args.facts.as_deref().map_or(Ok(Vec::new()), build::jsonl::read_with_lines)?;
    if let (Some(policy), Some(file)) = (&policy, &args.facts) {
        let source = Source { name: policy.file.as_deref().unwrap_or_default(), text: &policy.text };
        let program = compile(&[source]).program;
        let warnings = program.map(|program| fact_warnings::of_file(&program, file, &facts)).unwrap_or_default();
        if args.strict && warnings.n_facts > 0 {
            return Err(build::BuildError::Lines(warnings.lines));
        }
        warnings.lines.iter().for_each(output::error_line);
    }
    let facts = facts.into_iter().map(|(_, fact)| fact);
    let manifest = Manifest {
        environment: args.environment.clone(),
        tenant: args.tenant.clone(),
        store: args.store.clone(),
        epoch: args.epoch,
        created_ms: args.created_ms,
        ..Manifest::default()
    };
    build::snapshot(&Contents { manifest, policy, keys: None }, facts)
}
