//! Policy files that are put in force again whenever they change.
//!
//! They are looked at four times a second rather than waited for by the kernel's notifications: a look at a few files
//! costs microseconds, editors put new files in the place of old ones, and folders mounted into a container or over a
//! network don't tell.

use std::{
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::JoinHandle,
    time::{Duration, SystemTime},
};

use super::{
    ledger::Ledger,
    policy::{PolicyRefused, check_files},
};
use crate::output;

/// Between two looks. A file counts once two of them agree, so that one that is just being written is left alone.
const LOOK: Duration = Duration::from_millis(250);

/// The thread that looks.
pub struct Watch {
    /// Dropped, it ends the thread.
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Watch {
    /// Begins to look at these files, which are one policy of the ledger's environment. `taken`: how they were before they
    /// were read at the start.
    pub fn start(ledger: Arc<Ledger>, files: Vec<PathBuf>, taken: States) -> Result<Self, String> {
        let (stop, stopped) = mpsc::channel();
        let run = move || {
            let mut settling = Settling { last: None, taken: Some(taken) };
            while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                if settling.is_new(look(&files)) {
                    tell(&files, reload(&ledger, &files));
                }
            }
        };
        let thread = std::thread::Builder::new().name("policy-watch".into()).spawn(run);
        thread.map(|thread| Watch { stop, thread }).map_err(|error| format!("no thread for policy files: {error}"))
    }

    /// Ends it. Blocks for a policy that is just being put in force.
    pub fn stop(self) {
        drop(self.stop);
        let _ = self.thread.join();
    }
}

/// One per file.
pub type States = Vec<FileState>;

/// What tells two states of a file apart; `None`: it is not there.
pub type FileState = Option<(SystemTime, u64, u64)>;

/// How these files are now.
pub fn look(files: &[PathBuf]) -> States {
    let state = |file: &PathBuf| {
        let metadata = std::fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
    };
    files.iter().map(state).collect()
}

/// Tells when files have changed and stopped changing.
#[derive(Default)]
struct Settling {
    last: Option<States>,
    taken: Option<States>,
}

impl Settling {
    /// Are they as they were at the look before, and not as they were when this was last true?
    fn is_new(&mut self, now: States) -> bool {
        let now = Some(now);
        let is_new = self.last == now && self.taken != now;
        if is_new {
            self.taken.clone_from(&now);
        }
        self.last = now;
        is_new
    }
}

/// `false`: this policy was in force already.
fn reload(ledger: &Ledger, files: &[PathBuf]) -> Result<bool, Vec<String>> {
    let Some((policy, checked)) = check_files(files, ledger.instances())? else { return Ok(false) };
    let offset = ledger.set_policy(&policy, checked.program).map_err(|refused: PolicyRefused| refused.lines())?;
    if offset.is_some() {
        checked.warnings.iter().for_each(output::error_line);
    }
    Ok(offset.is_some())
}

/// Not a matter of the log's level: whoever edits these files waits for it.
fn tell(files: &[PathBuf], outcome: Result<bool, Vec<String>>) {
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    match outcome {
        Ok(true) => output::line(format_args!("understudy primary: the policy of {} is in force", names.join(", "))),
        Ok(false) => {}
        Err(lines) => output::error_line(format_args!(
            "{}\nunderstudy primary: the policy before stays in force",
            lines.join("\n")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_counts_once_when_it_has_settled() {
        let at = |seconds| Some((SystemTime::UNIX_EPOCH + Duration::from_secs(seconds), 1, 1));
        let mut settling = Settling::default();
        let mut look = |files: &[FileState]| settling.is_new(files.to_vec());
        assert!(!look(&[at(1), at(1)]), "seen once");
        assert!(look(&[at(1), at(1)]) && !look(&[at(1), at(1)]));
        assert!(!look(&[at(2), at(1)]) && !look(&[at(3), at(1)]), "it still changes");
        assert!(look(&[at(3), at(1)]) && !look(&[at(3), at(1)]));
        assert!(!look(&[None, at(1)]) && !look(&[at(3), at(1)]), "back as it was");
        assert!(!look(&[at(3), at(1)]));
        assert!(!look(&[None, at(1)]) && look(&[None, at(1)]), "gone for good");
    }
}
