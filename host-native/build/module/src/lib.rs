//! The engine's core module, for the build script that makes the component of it.

/// Where the module lies.
pub const CORE_MODULE: &str = env!("UNDERSTUDY_CORE_MODULE");
