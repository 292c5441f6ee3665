//! The component that this binary carries, ready to be instantiated.
// Loading precompiled code is one of the three places where unsafe code stands.
#![allow(unsafe_code)]

use std::sync::Arc;

use wasmtime::{
    Engine,
    component::{Component, Linker},
};

use super::{bindings::UnderstudyPre, engine_config::engine_config, faults, limits::Stores, memory::Memories};

/// Made by the build script from `core/component`.
static PRECOMPILED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/understudy.cwasm"));

/// Code of the guest, shared by all instances.
#[derive(Clone)]
pub struct Guest {
    engine: Engine,
    pre: UnderstudyPre<Stores>,
}

impl Guest {
    /// Loads it. Costs a copy of the code.
    pub fn load() -> wasmtime::Result<Self> {
        faults::install()?;
        let mut config = engine_config(None)?;
        config.with_host_memory(Arc::new(Memories));
        let engine = Engine::new(&config)?;
        // SAFETY: these bytes were made by the build script from our own component, by the same version and configuration
        // of wasmtime, and lie in this binary.
        let component = unsafe { Component::deserialize(&engine, PRECOMPILED)? };
        // Nothing is linked: the component asks its host for nothing.
        let pre = UnderstudyPre::new(Linker::new(&engine).instantiate_pre(&component)?)?;
        Ok(Guest { engine, pre })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn pre(&self) -> &UnderstudyPre<Stores> {
        &self.pre
    }
}
