//! Policy text → tree and diagnostics; a value, no interner, never a panic.

pub mod diagnostic;
pub mod tests;
