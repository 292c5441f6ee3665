#![cfg(target_arch = "wasm32")]
//! The engine as a component.
