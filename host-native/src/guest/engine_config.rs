//! The one configuration of wasmtime: for the build script that compiles the component and for the process that runs it.
//! A precompiled component refuses a host with other switches, so every switch that a cargo feature of somebody else in
//! the workspace could turn is set here.

use wasmtime::Config;

/// `target`: the triple to compile for, with that architecture's baseline as CPU; `None`: this machine, to run.
pub fn engine_config(target: Option<&str>) -> wasmtime::Result<Config> {
    let mut config = Config::new();
    if let Some(target) = target {
        config.target(target)?;
    }
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        // The module is the portable one: hosts without these run the same bytes.
        .wasm_simd(false)
        .wasm_relaxed_simd(false)
        // Neither is needed to end a call that is stuck (`watchdog.rs`), and each costs every call about a tenth.
        .epoch_interruption(false)
        .consume_fuel(false)
        // Memory is reserved whole, so that it never moves and a snapshot can be mapped into it; its bounds are checked by
        // the guard behind it.
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        .memory_may_move(false)
        .signals_based_traps(true)
        // Not with memories that the host makes itself (`memory.rs`).
        .memory_init_cow(false);
    Ok(config)
}
