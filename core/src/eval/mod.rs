//! Program × facts → answer.
//!
//! Enters: a program linked to a fact store, a request. Leaves: an answer or the reason why there is none.
//! Never: changes a stored fact, reads text once a request is linked, or turns an error into an answer.

pub mod account;
pub mod answer;
pub mod bounds;
pub mod linked;
pub mod naive;
pub mod policy_tests;
mod proof;
mod question;
mod render;
pub mod search;
mod size;
pub mod solve;
pub mod term;

pub use proof::rule_text;
