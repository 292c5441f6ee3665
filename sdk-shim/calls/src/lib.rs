//! A call of the API between a host's HTTP server and its engine: what the native node and the WASI component do the same,
//! so that they can't differ.
//!
//! Enters: methods, paths, keys, JSON bodies; the engine's answers. Leaves: questions, results, refusals with their codes.
//! Never: waits, reads a clock or a file, opens a socket, asks an engine. It stands above `wire` and `core`, which don't
//! know each other.

pub mod authzen;
mod body;
pub mod convert;
pub mod dialogue;
pub mod head;
pub mod keys;
pub mod page;
pub mod question;
pub mod refusal;
