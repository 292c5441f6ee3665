//! A snapshot is opened in another process first, where opening it has ended this one before.
//!
//! Enters: a verified file. Leaves: whether a process like this one outlives it. Never: more than one at a time.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::{Cause, Refusal, snapshots::open};
use crate::guest::{config::PoolConfig, pool::Pool};

/// Name of the command that does it; not for people.
pub const COMMAND: &str = "try-snapshot";
/// Longest a trial may take: ten times what the largest environment planned for does.
const WAIT: Duration = Duration::from_secs(120);
/// Between two looks at it.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Opens the file in a process of its own. Blocks.
pub fn run(file: &Path) -> Result<(), Refusal> {
    let failed =
        |what: String| Refusal::new(Cause::Unfinished, format!("{what}: it is left alone, and tried again later"));
    let program = std::env::current_exe().map_err(|error| failed(format!("this program can't be found: {error}")))?;
    let mut command = Command::new(program);
    command.arg(COMMAND).arg(file).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| failed(format!("no process to try the snapshot in: {error}")))?;
    // Where memory ends, this one goes and what serves stays. Elsewhere than on Linux there is nothing to say.
    let _ = fs::write(format!("/proc/{}/oom_score_adj", child.id()), "1000");
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => {
                return Err(failed(format!("opening the snapshot ended another process too ({status})")));
            }
            Ok(None) if begun.elapsed() < WAIT => std::thread::sleep(LOOK_AGAIN),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(failed(format!("opening the snapshot took longer than {} s", WAIT.as_secs())));
            }
        }
    }
}

/// What that process does.
pub fn open_here(file: &Path) -> Result<(), String> {
    let opened = open(file).map_err(|refusal| refusal.to_string())?;
    let pool = Pool::start(PoolConfig::new(1))?;
    pool.install(opened.0, || ()).map_err(|failure| failure.to_string())
}
