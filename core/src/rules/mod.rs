//! Checked policy → rules: one middle language for everything a policy can say.
//!
//! Enters: the checked tree. Leaves: a [`rule::Program`]. Never: sees a fact store or a symbol of one.

pub mod items;
pub mod lower;
pub mod rule;
