//! The engine of Understudy: bytes and text in, decisions out.
//!
//! Enters: policy text, a snapshot's bytes, later writes, requests (with the time they are asked at).
//! Leaves: diagnostics, snapshots, answers.
//! Never: reads a clock, a file, the network or a random number; the same input gives the same answer on every host.

pub mod analysis;
pub mod compile;
pub mod engine;
pub mod eval;
pub mod facts;
pub mod limits;
pub mod model;
pub mod raw;
pub mod rules;
pub mod snapshot;
pub mod syntax;
pub mod vocabulary;
