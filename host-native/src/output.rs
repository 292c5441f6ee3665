//! What goes to standard output and standard error, for every command and both servers.
//!
//! Enters: text. Leaves: bytes, or nothing once whoever reads has had enough: `| head -1` ends a command's output and not
//! the command, so that its exit code still tells. Never: panics.

use std::{
    fmt,
    io::{ErrorKind, Write},
    process::exit,
    sync::atomic::{AtomicBool, Ordering},
};

/// Exit code where the output can't be written.
const EXIT_UNWRITTEN: i32 = 2;

static IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Writes to standard output.
pub fn print(text: impl fmt::Display) {
    write(&format!("{text}"));
}

/// Writes a line to standard output.
pub fn line(text: impl fmt::Display) {
    write(&format!("{text}\n"));
}

/// Writes a line to standard error. Where nobody reads that, nobody is told.
pub fn error_line(text: impl fmt::Display) {
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Writes to standard error, as above.
pub fn error(text: impl fmt::Display) {
    let _ = std::io::stderr().write_all(format!("{text}").as_bytes());
}

fn write(text: &str) {
    if IS_CLOSED.load(Ordering::Relaxed) {
        return;
    }
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => IS_CLOSED.store(true, Ordering::Relaxed),
        Err(error) => {
            error_line(format_args!("understudy: the output can't be written: {error}"));
            exit(EXIT_UNWRITTEN);
        }
    }
}
