//! Every text that a person meets, in two golden files, so that a change of one is seen and read: `words/messages.expected`
//! has the sentences that the sources hold, `words/help.expected` what the commands print of themselves.
//! `UNDERSTUDY_BLESS=1` writes them anew.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use understudy_tests::texts::sentences;

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
/// Where texts for people are made. Wire paths, JSON names and the like are no sentences.
const SOURCES: [&str; 6] =
    ["core/src", "core/component/src", "sdk-shim/calls/src", "sdk-shim/wire/src", "host-native", "host-wasi/src"];
/// Turns of phrase that make a reader stop, with what to write instead.
const RIDDLES: [(&str, &str); 9] = [
    ("is no ", "isn't a"),
    ("are no ", "aren't"),
    ("begins no ", "can't start with"),
    ("no such path", "not found:"),
    ("herewith", "say what is used"),
    ("the one way", "say which"),
    ("what it said", "see the error above"),
    ("means nothing here", "say what is expected"),
    ("which answers for itself", "say what follows"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is_of_tests =
            name.ends_with("tests") || name.ends_with("tests.rs") || name == "target" || name == "samples.rs";
        if is_of_tests {
            continue;
        }
        if path.is_dir() {
            rust_files(&path, found);
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

/// Sentences by file, in order of source.
fn messages() -> BTreeMap<String, Vec<String>> {
    let mut files = Vec::new();
    SOURCES.iter().for_each(|folder| rust_files(&root().join(folder), &mut files));
    let by_file = files.iter().map(|path| {
        let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
        (name, sentences(&fs::read_to_string(path).expect("a source")))
    });
    by_file.filter(|(_, found)| !found.is_empty()).collect()
}

/// What the command says of itself and, by its own list, of its commands.
fn help() -> String {
    let of = |args: &[&str]| {
        let mut command = Command::new(BINARY);
        let output = command.args(args).arg("--help").env("COLUMNS", "100").output().expect("the binary runs");
        String::from_utf8(output.stdout).expect("text")
    };
    let own = of(&[]);
    let listed = own.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let names = listed.take_while(|line| line.starts_with("  ")).filter(|line| !line.starts_with("   "));
    let names: Vec<String> = names.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect();
    let commands = names.iter().filter(|name| *name != "help");
    commands.fold(own.clone(), |all, name| all + &format!("\n--- {name}\n{}", of(&[name])))
}

fn compare(name: &str, found: &str) {
    let path = root().join("tests/words").join(name);
    if std::env::var_os("UNDERSTUDY_BLESS").is_some_and(|value| !value.is_empty()) {
        return fs::write(&path, found).expect("a golden file");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let old: Vec<&str> = expected.lines().collect();
    let new: Vec<&str> = found.lines().collect();
    let gone = old.iter().filter(|line| !new.contains(line)).map(|line| format!("- {line}"));
    let come = new.iter().filter(|line| !old.contains(line)).map(|line| format!("+ {line}"));
    let changes: Vec<String> = gone.chain(come).take(40).collect();
    assert!(
        expected == found,
        "{name} differs; read it, then write it anew with UNDERSTUDY_BLESS=1:\n{}",
        changes.join("\n")
    );
}

#[test]
fn no_message_changes_unseen() {
    let text = messages().into_iter().map(|(file, found)| format!("--- {file}\n{}\n", found.join("\n")));
    compare("messages.expected", &text.collect::<String>());
}

#[test]
fn no_help_text_changes_unseen() {
    compare("help.expected", &help());
}

#[test]
fn no_message_is_a_riddle() {
    let messages = messages();
    let found = messages.iter().flat_map(|(file, found)| found.iter().map(move |text| (file.as_str(), text.as_str())));
    let help = help();
    let lines = help.lines().map(|line| ("--help", line));
    let riddles = found.chain(lines).flat_map(|(file, text)| {
        // That there is no such thing yet is plain enough.
        let plain = text.replace("there is no ", "").replace("there are no ", "");
        let riddle = RIDDLES.iter().filter(move |(phrase, _)| plain.contains(phrase));
        riddle.map(move |(phrase, instead)| format!("{file}: `{phrase}` ({instead}): {text}"))
    });
    let riddles: Vec<String> = riddles.collect();
    assert!(riddles.is_empty(), "{} texts:\n{}", riddles.len(), riddles.join("\n"));
}
