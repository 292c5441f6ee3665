//! The Rust sources of the repository: which files cargo compiles, as which modules, and which paths stand in them. Paths are
//! read from tokens, so that comments and strings name nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Folders that hold nothing of ours.
const FOREIGN: [&str; 4] = ["target", ".git", "node_modules", "corpus"];

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_owned()
}

/// Every file below `folder`, sorted, without what is built, fetched or kept by fuzzing.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a UTF-8 name");
            match path.is_dir() {
                true if !FOREIGN.contains(&name) => open.push(path),
                true => {}
                false => found.push(path),
            }
        }
    }
    found.sort();
    found
}

/// A module's file, reached from a crate's root.
pub struct Source {
    /// From the repository's root.
    pub file: PathBuf,
    /// Names from the crate's root on; empty for the root itself.
    pub module: Vec<String>,
    /// Compiled only for tests.
    pub is_test: bool,
    /// Paths that stand in it, as written.
    pub paths: Vec<Used>,
}

/// A path that stands in a source.
pub struct Used {
    pub names: Vec<String>,
    pub line: usize,
}

/// All that cargo compiles from `entry` (a crate's root, from the repository's root).
pub fn compiled(entry: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    let folder = Path::new(entry).parent().expect("a folder").to_owned();
    read(&mut sources, Path::new(entry), &folder, &[], false);
    sources
}

/// Reads one file; its modules' files lie in `folder`.
fn read(sources: &mut Vec<Source>, file: &Path, folder: &Path, module: &[String], is_test: bool) {
    let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut seen = Seen::default();
    scan(tokens, false, &mut Vec::new(), &mut seen);
    sources.push(Source { file: file.to_owned(), module: module.to_vec(), is_test, paths: seen.paths });
    for declared in seen.modules {
        let inner = declared.within.iter().fold(folder.to_owned(), |folder, name| folder.join(name));
        let candidates = match &declared.path {
            Some(path) => vec![file.parent().expect("a folder").join(path)],
            None => vec![inner.join(&declared.name).with_extension("rs"), inner.join(&declared.name).join("mod.rs")],
        };
        let found = candidates.iter().find(|candidate| root().join(candidate).exists());
        let found = found.unwrap_or_else(|| panic!("{}: no file of `mod {}`", file.display(), declared.name)).clone();
        let below = match found.file_stem().and_then(|stem| stem.to_str()) {
            Some("mod") => found.parent().expect("a folder").to_owned(),
            _ => found.with_extension(""),
        };
        let module: Vec<String> = module.iter().chain(&declared.within).chain([&declared.name]).cloned().collect();
        read(sources, &found, &below, &module, is_test || declared.is_test);
    }
}

/// What tokens say: modules in files of their own, and paths.
#[derive(Default)]
struct Seen {
    modules: Vec<Declared>,
    paths: Vec<Used>,
}

struct Declared {
    name: String,
    /// Modules written out in the same file that it stands in.
    within: Vec<String>,
    /// `#[path = …]`.
    path: Option<String>,
    is_test: bool,
}

fn scan(tokens: TokenStream, is_test: bool, within: &mut Vec<String>, seen: &mut Seen) {
    let all: Vec<TokenTree> = tokens.into_iter().collect();
    let (mut at, mut attributes) = (0, String::new());
    while let Some(token) = all.get(at) {
        at += 1;
        match token {
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                if let Some(TokenTree::Group(group)) = all.get(at) {
                    attributes.push_str(&group.to_string());
                    at += 1;
                }
            }
            TokenTree::Ident(word) if word == "mod" => {
                let is_test = is_test || attributes.contains("cfg (test)") || attributes.contains("cfg(test)");
                match (all.get(at), all.get(at + 1)) {
                    (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) => {
                        at += 2;
                        if !is_test {
                            within.push(name.to_string());
                            scan(body.stream(), is_test, within, seen);
                            within.pop();
                        }
                    }
                    (Some(TokenTree::Ident(name)), Some(TokenTree::Punct(end))) if end.as_char() == ';' => {
                        let path = attributes.split_once("path = \"").and_then(|(_, rest)| rest.split_once('"'));
                        let path = path.map(|(path, _)| path.to_owned());
                        seen.modules.push(Declared { name: name.to_string(), within: within.clone(), path, is_test });
                        at += 2;
                    }
                    _ => {}
                }
                attributes.clear();
            }
            TokenTree::Ident(_) => at = path(&all, at - 1, &[], seen),
            TokenTree::Group(group) => {
                scan(group.stream(), is_test, within, seen);
                // `pub(super)` stands between an item and its attributes.
                if group.delimiter() == Delimiter::Brace {
                    attributes.clear();
                }
            }
            TokenTree::Punct(mark) if mark.as_char() == ';' => attributes.clear(),
            _ => {}
        }
    }
}

/// Reads the path whose first name stands at `at`, below `before`; where it ends. One that goes on in braces is several.
fn path(all: &[TokenTree], mut at: usize, before: &[String], seen: &mut Seen) -> usize {
    let mut names = before.to_vec();
    let line = all[at].span().start().line;
    while let Some(TokenTree::Ident(name)) = all.get(at) {
        names.push(name.to_string());
        at += 1;
        let is_colon = |at: usize| matches!(all.get(at), Some(TokenTree::Punct(mark)) if mark.as_char() == ':');
        if !(is_colon(at) && is_colon(at + 1)) {
            break;
        }
        match all.get(at + 2) {
            Some(TokenTree::Ident(_)) => at += 2,
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let mut next = 0;
                while next < inner.len() {
                    let is_name = matches!(inner[next], TokenTree::Ident(_));
                    next = if is_name { path(&inner, next, &names, seen) } else { next + 1 };
                }
                return at + 3;
            }
            _ => break,
        }
    }
    if names.len() > 1 {
        seen.paths.push(Used { names, line });
    }
    at
}

/// Roots of crates: what manifests name and what cargo takes unnamed. Each with its package's folder.
pub fn entries() -> BTreeMap<String, BTreeSet<String>> {
    let root = root();
    let mut entries: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for manifest in files(&root).into_iter().filter(|file| file.ends_with("Cargo.toml")) {
        let folder = manifest.parent().expect("a folder");
        let text = fs::read_to_string(&manifest).expect("a manifest");
        let named = text.lines().filter_map(|line| line.strip_prefix("path = \"")?.strip_suffix('"'));
        let unnamed = ["src/lib.rs", "src/main.rs", "build.rs"].into_iter();
        for entry in named.chain(unnamed).map(|entry| folder.join(entry)).filter(|entry| entry.is_file()) {
            let entry = entry.canonicalize().expect("it is there");
            let relative = |path: &Path| path.strip_prefix(&root).expect("below the root").display().to_string();
            entries.entry(relative(folder)).or_default().insert(relative(&entry));
        }
    }
    entries
}
