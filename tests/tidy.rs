//! What the house holds itself to, read from its own files: which room uses which, files that nothing compiles, lengths, words.

#[path = "tidy/arrows.rs"]
mod arrows;
#[path = "tidy/sources.rs"]
mod sources;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use arrows::{EXCEPTIONS, OUTSIDE, PACKAGES, Package};
use sources::{Source, compiled, entries, files, root};

/// Lines of a file of code: a page that can be read at once.
const LINES_MAX: usize = 400;
/// Characters of a line without a string: rustfmt breaks code at 120, and comments not at all.
const LINE_MAX: usize = 130;
/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 8] = ["util", "utils", "common", "helper", "helpers", "manager", "misc", "stuff"];

fn all_files() -> Vec<(String, std::path::PathBuf)> {
    let root = root();
    files(&root)
        .into_iter()
        .map(|file| (file.strip_prefix(&root).expect("below the root").display().to_string(), file))
        .collect()
}

fn tell(wrong: &[String], what: &str) {
    assert!(wrong.is_empty(), "{what}:\n  {}", wrong.join("\n  "));
}

impl Package {
    /// The room of a module: the longest name in the table that fits, else the module itself.
    fn room(&self, module: &[String]) -> String {
        let is_room = |name: &str| self.rooms.iter().any(|(room, _)| *room == name);
        let longest = (1..=module.len()).rev().map(|n| module[..n].join("/")).find(|name| is_room(name));
        longest.or_else(|| module.first().cloned()).unwrap_or_default()
    }
}

/// The module that a path names, from the crate's root; `None` for one that leaves the crate.
fn target(source: &Source, names: &[String], modules: &BTreeSet<Vec<String>>) -> Option<Vec<String>> {
    let (mut from, mut rest) = (source.module.clone(), names);
    match names.first().map(String::as_str) {
        Some("crate") => from.clear(),
        Some("super") => {
            while rest.first().is_some_and(|name| name == "super") {
                from.pop()?;
                rest = &rest[1..];
            }
            rest = &[];
        }
        _ => return None,
    }
    if names[0] == "crate" {
        rest = &names[1..];
    }
    // The longest beginning that is a module: what follows are its items.
    let full: Vec<String> = from.into_iter().chain(rest.iter().cloned()).collect();
    (0..=full.len()).rev().map(|n| full[..n].to_vec()).find(|module| modules.contains(module))
}

/// Arrows between a package's rooms, with the first place of each.
fn drawn(package: &Package) -> BTreeMap<(String, String), String> {
    let sources = compiled(package.entry);
    let modules: BTreeSet<Vec<String>> = sources.iter().map(|source| source.module.clone()).collect();
    let mut arrows = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.is_test && !source.module.is_empty()) {
        let from = package.room(&source.module);
        for used in &source.paths {
            let Some(to) = target(source, &used.names, &modules).map(|module| package.room(&module)) else { continue };
            // The root itself: names that it gives on.
            if to.is_empty() || to == from {
                continue;
            }
            let place = format!("{}:{}", source.file.display(), used.line);
            arrows.entry((from.clone(), to)).or_insert(place);
        }
    }
    arrows
}

#[test]
fn rooms_use_only_what_they_may() {
    let (mut wrong, mut unused) = (Vec::new(), Vec::new());
    for package in &PACKAGES {
        let drawn = drawn(package);
        let allowed: BTreeSet<(&str, &str)> =
            package.rooms.iter().flat_map(|(from, to)| to.iter().map(move |to| (*from, *to))).collect();
        for ((from, to), place) in &drawn {
            let is_excepted = EXCEPTIONS.contains(&(package.entry, from, to));
            match (allowed.contains(&(from.as_str(), to.as_str())), is_excepted) {
                (false, false) => wrong.push(format!("{from} uses {to}: {place}")),
                (true, true) => unused.push(format!("{}: {from} → {to} is allowed and excepted", package.entry)),
                _ => {}
            }
        }
        let is_drawn = |from: &str, to: &str| drawn.contains_key(&(from.to_owned(), to.to_owned()));
        unused.extend(allowed.iter().filter(|(from, to)| !is_drawn(from, to)).map(|arrow| format!("{arrow:?}")));
        let excepted = EXCEPTIONS.iter().filter(|(entry, ..)| *entry == package.entry);
        unused.extend(excepted.filter(|(_, from, to)| !is_drawn(from, to)).map(|arrow| format!("{arrow:?}")));
    }
    tell(&wrong, "arrows that tests/tidy/arrows.rs doesn't draw: turn them, or draw them if they are right");
    tell(&unused, "arrows that nothing needs any more: strike them from tests/tidy/arrows.rs");
}

#[test]
fn no_arrow_leads_back() {
    for package in &PACKAGES {
        let mut open: BTreeMap<&str, BTreeSet<&str>> =
            package.rooms.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect();
        // Rooms that use nothing which is left go first; what stays uses itself by some way.
        loop {
            let left: BTreeSet<&str> = open.keys().copied().collect();
            let before = open.len();
            open.retain(|_, to| to.iter().any(|to| left.contains(to)));
            if open.len() == before {
                break;
            }
        }
        assert!(open.is_empty(), "{}: rooms in a circle, or on the way to one: {open:?}", package.entry);
    }
}

#[test]
fn crates_of_others_are_used_where_they_belong() {
    let mut wrong = Vec::new();
    for (package, rooms) in OUTSIDE.iter().flat_map(|(name, entry, rooms)| {
        PACKAGES.iter().filter(move |package| package.entry == *entry).map(move |package| ((package, *name), *rooms))
    }) {
        let (package, name) = package;
        for source in compiled(package.entry).iter().filter(|source| !source.is_test) {
            let room = source.module.join("/");
            let may = rooms.iter().any(|may| room == *may || room.starts_with(&format!("{may}/")));
            let used = source.paths.iter().find(|used| used.names[0] == name);
            wrong
                .extend(used.filter(|_| !may).map(|used| format!("{name} in {}:{}", source.file.display(), used.line)));
        }
    }
    tell(&wrong, "crates used outside their rooms (tests/tidy/arrows.rs)");
}

#[test]
fn every_source_is_compiled() {
    let entries = entries();
    let reached: BTreeSet<String> = entries
        .values()
        .flatten()
        .flat_map(|entry| compiled(entry))
        .map(|source| root().join(source.file).canonicalize().expect("it is there"))
        .map(|file| file.strip_prefix(root()).expect("below the root").display().to_string())
        .collect();
    let code = all_files().into_iter().map(|(name, _)| name).filter(|name| name.ends_with(".rs"));
    // A fuzz target's manifest names its files in a workspace of its own.
    tell(&code.filter(|name| !reached.contains(name)).collect::<Vec<_>>(), "files that nothing compiles");
}

#[test]
fn files_are_pages() {
    let mut wrong = Vec::new();
    for (name, file) in all_files().into_iter().filter(|(name, _)| name.ends_with(".rs")) {
        let text = fs::read_to_string(&file).expect("UTF-8");
        let n_lines = text.lines().count();
        if n_lines > LINES_MAX {
            wrong.push(format!("{name}: {n_lines} lines, {LINES_MAX} at most: split it by what it does"));
        }
        for (line, text) in text.lines().enumerate() {
            let n_chars = text.chars().count();
            if n_chars > LINE_MAX && !text.contains('"') {
                wrong.push(format!("{name}:{}: {n_chars} characters", line + 1));
            }
        }
    }
    tell(&wrong, "too long");
}

#[test]
fn names_say_what_is_inside() {
    let is_empty = |name: &str| {
        Path::new(name).components().any(|part| {
            let stem = Path::new(&part).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
            EMPTY_NAMES.contains(&stem.as_str())
        })
    };
    let strays = [".orig", ".rej", ".swp", ".bak", "~"];
    let is_stray = |name: &str| strays.iter().any(|end| name.ends_with(end));
    let wrong = all_files().into_iter().map(|(name, _)| name).filter(|name| is_empty(name) || is_stray(name));
    tell(&wrong.collect::<Vec<_>>(), "names without a meaning, or files left over");
}

#[test]
fn nothing_names_a_developers_machine() {
    let mut wrong = Vec::new();
    for (name, file) in all_files().into_iter().filter(|(name, _)| name != "tests/tidy.rs") {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        for (line, text) in text.lines().enumerate() {
            // A container has folders of its own; these are a person's.
            let is_personal = ["/Users/", "/root/", "C:\\Users\\"].iter().any(|folder| text.contains(folder))
                || text.split("/home/").skip(1).any(|rest| !rest.starts_with(".oso"));
            if is_personal {
                wrong.push(format!("{name}:{}: {}", line + 1, text.trim()));
            }
        }
    }
    tell(&wrong, "absolute paths of one machine");
}
