//! A call of the API between a host's HTTP server and its engine: what the native node and the WASI component do the same,
//! so that they can't differ.
//!
//! Enters: methods, paths, keys, JSON bodies; the engine's answers. Leaves: questions, results, refusals with their codes.
//! Never: waits, reads a clock or a file, opens a socket, asks an engine. It stands above `wire` and `core`, which don't
//! know each other.

// No size or place that comes from a body is cut to a width or taken for one that is there.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::indexing_slicing))]

pub mod authzen;
mod body;
pub mod convert;
pub mod dialogue;
pub mod explain;
pub mod head;
pub mod keys;
pub mod limits;
#[allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "blocks, digits and their pairs have fixed sizes"
)]
pub mod page;
pub mod question;
pub mod refusal;
pub mod signer;
