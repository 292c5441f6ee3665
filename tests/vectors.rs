//! The wire to the byte: conformance vectors by number, and the request and response examples of every endpoint, on a
//! real primary and on a real node that follows it. The worlds are in `tests/wire`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use understudy_tests::{
    process::Process,
    wire::{Server, World},
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const WORLDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/wire");
/// Vectors are numbered from 1 to this.
const VECTORS: usize = 21;

#[test]
fn every_conformance_vector_holds() {
    let worlds = worlds("vectors");
    let named = worlds.iter().flat_map(|(_, world)| &world.exchanges);
    let named: BTreeSet<usize> = named.filter_map(|exchange| exchange.name.split(' ').next()?.parse().ok()).collect();
    assert_eq!(named, (1..=VECTORS).collect(), "a vector has no exchange");
    hold(&worlds);
}

#[test]
fn every_example_holds() {
    hold(&worlds("examples"));
}

fn worlds(folder: &str) -> Vec<(PathBuf, World)> {
    let entries = std::fs::read_dir(Path::new(WORLDS).join(folder)).expect("the worlds are there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("they can be listed").path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths.into_iter().map(|path| (path.clone(), World::read(&path))).collect()
}

fn hold(worlds: &[(PathBuf, World)]) {
    let (mut wrong, mut n_held) = (Vec::new(), 0);
    for (path, world) in worlds {
        let folder = tempfile::tempdir().expect("a folder");
        let flags = world.flags(folder.path());
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let primary = Process::primary(Path::new(BINARY), folder.path(), &flags);
        // The node first: what is written to the primary is none of its business.
        if world.asks(Server::Node) {
            let data = folder.path().join("node");
            let node = Process::node(Path::new(BINARY), folder.path(), &data, &primary.url(), &[]);
            node.await_serving();
            note(&mut wrong, &mut n_held, path, world.hold(Server::Node, &node));
        }
        if world.asks(Server::Primary) {
            note(&mut wrong, &mut n_held, path, world.hold(Server::Primary, &primary));
        }
    }
    println!("{n_held} exchanges in {} worlds", worlds.len());
    assert!(wrong.is_empty(), "{} of {n_held} exchanges:\n{}", wrong.len(), wrong.join("\n"));
}

fn note(wrong: &mut Vec<String>, n_held: &mut usize, path: &Path, (more, n): (Vec<String>, usize)) {
    let file = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    wrong.extend(more.into_iter().map(|what| format!("{file}: {what}")));
    *n_held += n;
}
