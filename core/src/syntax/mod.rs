//! Policy text → tree and diagnostics; a value, no interner, never a panic.

pub mod ast;
pub mod diagnostic;
pub mod lexer;
pub mod parser;
pub mod printer;
pub mod similar;
