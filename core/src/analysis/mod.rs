//! Tree → checked policy: what types there are and which is below which, what a block's names mean.
//!
//! Enters: the tree as written. Leaves: types, longhand rules for shorthand, findings. Never: knows a fact.

pub mod blocks;
pub mod circles;
pub mod fact_types;
pub mod fact_uses;
pub mod fixtures;

mod lookup;
pub mod size;
pub mod types;
pub mod warnings;
pub mod ways;
