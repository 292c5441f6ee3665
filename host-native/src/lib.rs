//! The node and everything around it: command line, server, replica, the guest that answers.
//!
//! A library only so that its own binary and tests share it; nothing here is a promise to others.

// The macros panic where nobody reads any more; `output` ends quietly.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod app;
pub mod build;
pub mod cli;
pub mod config;
pub mod dev;
pub mod guest;
pub mod http;
pub mod keys;
pub mod mapping;
pub mod output;
mod pem;
pub mod primary;
pub mod replica;
pub mod reports;
pub mod telemetry;
