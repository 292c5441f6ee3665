//! Everything that touches wasmtime: the component, its instances, and which of them answers.
//!
//! Enters: verified snapshot files, later writes, questions. Leaves: answers of one generation, or why there is none.
//! Never: links anything to the component; turns a trap, a stuck instance or a spent budget into an answer; lets an answer
//! go back behind one that was given.

mod answers;
pub mod component;
pub mod config;
pub mod engine_config;
mod faults;
pub mod instance;
mod lane;
mod lanes;
pub mod limits;
mod log;
mod memory;
mod policies;
pub mod pool;
mod slow;
mod steps;
mod turn;
mod turns;
mod watchdog;
mod work;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod typed_answers_tests;
#[cfg(test)]
mod typed_tests;
#[cfg(test)]
mod work_tests;

/// Generated from `wit/`: the host's side.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
mod bindings {
    wasmtime::component::bindgen!({ path: "../wit", world: "understudy" });
}
