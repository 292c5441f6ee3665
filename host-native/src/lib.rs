//! The node and everything around it: command line, server, replica, the guest that answers.
//!
//! A library only so that its own binary and tests share it; nothing here is a promise to others.

// The macros panic where nobody reads any more; `output` ends quietly.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod app;
pub mod build;
pub mod cli;
pub mod config;
mod connecting;
pub mod dev;
pub mod files;
pub mod guest;
pub mod http;
pub mod keys;
pub mod mapping;
pub mod output;
pub mod page_key;
mod pem;
pub mod primary;
pub mod replica;
pub mod reports;
pub mod telemetry;
