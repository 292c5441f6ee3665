//! Names of `wit/`: every language that is generated for must be able to write them.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// WIT's own words, where they aren't escaped by `%`.
const OF_WIT: &str = "as async bool borrow char constructor export f32 f64 flags from func future import include interface \
                      list option own package record resource result s16 s32 s64 s8 static stream string tuple type u16 u32 \
                      u64 u8 use variant with world enum";

/// What `wasmtime` itself calls its types: a world of such a name makes a second one in every host's source.
const OF_WASMTIME: [&str; 12] = [
    "engine",
    "store",
    "module",
    "component",
    "instance",
    "linker",
    "config",
    "memory",
    "func",
    "global",
    "table",
    "trap",
];

fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the package has a folder") {
        let path = entry.expect("it can be listed").path();
        if path.extension().is_some_and(|extension| extension == "wit") {
            files.push((path.display().to_string(), std::fs::read_to_string(&path).expect("a text")));
        }
    }
    assert!(files.len() > 5, "{files:?}");
    files
}

/// Every name in a file, without comments and the package's line.
fn names(text: &str) -> BTreeSet<String> {
    let of_wit: BTreeSet<&str> = OF_WIT.split_whitespace().collect();
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code: Vec<&str> = code.filter(|line| !line.starts_with("package ")).collect();
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '%';
    let code = code.join("\n").replace("->", " ");
    let words = code.split(|c| !is_of_name(c)).filter(|word| !word.is_empty() && !of_wit.contains(word));
    words.map(|word| word.trim_start_matches('%').to_owned()).collect()
}

#[test]
fn no_name_is_a_reserved_word_of_a_language() {
    let mut languages: BTreeMap<&str, &str> = BTreeMap::new();
    for line in include_str!("reserved_words.txt").lines().filter(|line| !line.starts_with('#')) {
        let Some((language, words)) = line.split_once(' ') else { continue };
        languages.extend(words.split_whitespace().map(|word| (word, language)));
    }
    assert!(languages.len() > 150);
    for (file, text) in files() {
        let names = names(&text);
        assert!(!names.is_empty(), "{file}");
        for name in names {
            assert_eq!(languages.get(&*name), None, "{file}: `{name}` is a reserved word");
        }
    }
}

#[test]
fn the_world_is_called_as_nothing_of_wasmtime() {
    let worlds = files().into_iter().flat_map(|(_, text)| {
        let worlds = text.lines().filter_map(|line| line.strip_prefix("world ")).map(|rest| rest.replace(" {", ""));
        worlds.collect::<Vec<_>>()
    });
    let worlds: Vec<String> = worlds.collect();
    assert_eq!(worlds.len(), 1);
    assert!(!OF_WASMTIME.contains(&&*worlds[0]), "{worlds:?}");
}
