//! The engine of Understudy: bytes and text in, decisions out.
//!
//! Enters: policy text, a snapshot's bytes, later writes, requests (with the time they are asked at).
//! Leaves: diagnostics, snapshots, answers.
//! Never: reads a clock, a file, the network or a random number; the same input gives the same answer on every host.

// No size that comes from outside is cut to a width, and no place from outside is taken for one that is there. Where a room
// indexes by numbers that it has given itself, it says why they fit.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::indexing_slicing))]

#[expect(clippy::indexing_slicing, reason = "types, rules and names are numbered by the tables they stand in")]
pub mod analysis;
#[expect(clippy::indexing_slicing, reason = "files are numbered by the list of sources, predicates by the program")]
pub mod compile;
pub mod engine;
#[expect(clippy::indexing_slicing, reason = "clauses, variables, tables and rows are numbered by the same run")]
pub mod eval;
#[expect(
    clippy::indexing_slicing,
    reason = "types and relations are numbered by the store; a row has an id a position"
)]
pub mod facts;
pub mod limits;
pub mod model;
pub mod pages;
pub mod raw;
#[expect(
    clippy::indexing_slicing,
    reason = "variables and predicates are numbered by the rule and program they stand in"
)]
pub mod rules;
pub mod snapshot;
#[expect(
    clippy::indexing_slicing,
    reason = "tokens end with one that is never passed, lines and columns are counted first"
)]
pub mod syntax;
#[expect(
    clippy::indexing_slicing,
    reason = "predicates are numbered by the program; a row has an id for each type of its relation"
)]
pub mod unknown_names;
#[expect(clippy::indexing_slicing, reason = "predicates, constants and variables are numbered by the program")]
pub mod vocabulary;
