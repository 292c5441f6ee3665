//! The primary as a child process.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// Longest wait for it to end once told to: its drain is shorter.
const STOP: Duration = Duration::from_secs(15);
/// Between two looks at whether it lives.
const LOOK: Duration = Duration::from_millis(200);
/// In which a node without requests ends.
const MOMENT: Duration = Duration::from_millis(700);

/// A primary that runs.
pub struct Child {
    process: Mutex<std::process::Child>,
    id: u32,
    address: SocketAddr,
    again: String,
}

impl Child {
    /// Starts this program again with these arguments; gives it back once it listens.
    pub fn start(args: &[String]) -> Result<Self, String> {
        let program =
            std::env::current_exe().map_err(|error| format!("this program's own file isn't found: {error}"))?;
        let mut command = Command::new(&program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(|error| format!("the primary can't be started: {error}"))?;
        let ended = || "the primary failed to start; see the error above".to_owned();
        let lines = BufReader::new(process.stdout.take().ok_or_else(ended)?).lines();
        let address = lines.map_while(Result::ok).find_map(|line| {
            line.split_once("listens on http://").and_then(|(_, address)| address.trim().parse().ok())
        });
        let Some(address): Option<SocketAddr> = address else {
            let _ = process.wait();
            return Err(ended());
        };
        // Data are in its folder by now: a later start needs no files, but the same port.
        let data = args.iter().skip_while(|arg| *arg != "--data").nth(1).map_or("", String::as_str);
        let again = format!("{} primary --data {data} --port {}", program.display(), address.port());
        Ok(Child { id: process.id(), process: Mutex::new(process), address, again })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it ends, then tells how, and what starts it again.
    pub fn watch(&self, told: impl FnOnce(ExitStatus, &str)) {
        loop {
            match self.ended() {
                Some(status) => {
                    // Ctrl-C ends both at once: then there is nobody left to tell a moment later.
                    std::thread::sleep(MOMENT);
                    return told(status, &self.again);
                }
                None => std::thread::sleep(LOOK),
            }
        }
    }

    /// Tells it to stop and waits for that; kills it if it takes too long.
    pub fn stop(&self) {
        if self.ended().is_some() {
            return;
        }
        let pid = i32::try_from(self.id).ok().and_then(Pid::from_raw);
        let told = pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok());
        let begun = Instant::now();
        while told && begun.elapsed() < STOP {
            if self.ended().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = process.kill();
        let _ = process.wait();
    }

    fn ended(&self) -> Option<ExitStatus> {
        // What can't be asked about is as good as gone.
        self.process.lock().unwrap_or_else(PoisonError::into_inner).try_wait().ok().flatten()
    }
}
