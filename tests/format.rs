//! `understudy fmt`: the text it prints means the same, is printed the same again, and has every comment.

#![allow(clippy::unwrap_used)]

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use understudy_core::syntax::printer;
use understudy_tests::{case::all, generate, random::Random, tree::tree};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const SAMPLE: &str = include_str!("../host-native/src/dev/sample/policy.polar");
const N_WORLDS: u64 = 2_000;

/// Comments in order, whatever stands between them. Only for texts whose strings hold no `#`.
fn comments(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = text.lines().filter_map(|line| line.find('#').map(|at| line[at..].trim_end())).collect();
    found.sort_unstable();
    found
}

fn holds(text: &str) -> bool {
    let Some(before) = tree(text) else {
        assert!(printer::format(text).is_err(), "what can't be read is refused:\n{text}");
        return false;
    };
    let printed = printer::format(text).unwrap();
    assert_eq!(Some(before), tree(&printed), "another tree of\n{text}\nprinted as\n{printed}");
    assert_eq!(printed, printer::format(&printed).unwrap(), "printed otherwise the second time:\n{text}");
    if !text.contains("\"#") {
        assert_eq!(comments(text), comments(&printed), "comments of\n{text}\nprinted as\n{printed}");
    }
    true
}

#[test]
fn every_policy_keeps_its_tree() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let cases = all(&folder.join("cases"));
    let mut n_held = cases.iter().filter(|case| holds(&case.policy)).count();
    for entry in std::fs::read_dir(folder.join("diagnostics")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "polar") {
            n_held += usize::from(holds(&std::fs::read_to_string(path).unwrap()));
        }
    }
    n_held += usize::from(holds(include_str!("sdk/policy.polar")));
    n_held += usize::from(holds(include_str!("image/slow.polar")));
    assert!(n_held > 220, "{n_held}");
    assert_eq!(printer::format(SAMPLE).unwrap(), SAMPLE, "the sample shows the layout");
}

#[test]
fn random_worlds_keep_their_tree() {
    for seed in 0..N_WORLDS {
        assert!(holds(&generate::world(seed).policy()), "world {seed} can be read");
    }
}

/// Comments and blank lines at random places between the words of every case.
#[test]
fn comments_anywhere_are_kept() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases");
    let mut random = Random::new(7);
    let mut n_held = 0;
    for case in all(&folder).iter().filter(|case| !case.policy.contains("\"#") && !case.policy.contains("\\\n")) {
        for _ in 0..4 {
            let mut text = String::new();
            let mut n_comments = 0;
            for line in case.policy.lines() {
                for word in line.split_inclusive(' ') {
                    text += word;
                    // A quotation mark is open where their number is odd.
                    let is_inside = text.lines().last().unwrap_or_default().matches('"').count() % 2 == 1;
                    if !is_inside && !line.contains('#') && random.chance(10) {
                        n_comments += 1;
                        text += &format!("{}# {n_comments}\n", random.pick(&["", "\n", "\n\n", "\n  # own line\n"]));
                    }
                }
                text += "\n";
            }
            n_held += usize::from(holds(&text));
        }
    }
    assert!(n_held > 700, "{n_held}");
}

#[test]
fn the_layout() {
    let text = "actor   User{}\n\n\nactor Team { }resource Doc{roles=[\"reader\",\"writer\",];relations={owner:User,};\n\
                \n\n\"reader\" if\"owner\"; # why\n};\n# about the rule\nallow(a : User,\"x\",d:Doc)if a matches User and\n\
                (p(a)or q( d )) and not (r(User{\"x\"}, +7)) ;\n\
                has_permission(user: User, \"a long permission's name\", document: Doc) if is_member(user, organization) and \
                (is_open(organization, \"every day of the year\", true) or is_owner(user, document) or not is_closed(organization, document, 17)) and \
                user != document;\ntest \"t\"{setup{p(User{\"a\"});}assert p(x:User)iff x in[User{\"a\"}];}\n";
    let printed = "\
actor User {}

actor Team {}

resource Doc {
  roles = [\"reader\", \"writer\"];
  relations = { owner: User };

  \"reader\" if \"owner\"; # why
}

# about the rule
allow(a: User, \"x\", d: Doc) if a matches User and (p(a) or q(d)) and not (r(User{\"x\"}, 7));
has_permission(user: User, \"a long permission's name\", document: Doc) if
  is_member(user, organization) and
  (
    is_open(organization, \"every day of the year\", true) or
    is_owner(user, document) or
    not is_closed(organization, document, 17)
  ) and
  user != document;

test \"t\" {
  setup {
    p(User{\"a\"});
  }

  assert p(x: User) iff x in [User{\"a\"}];
}
";
    assert_eq!(printer::format(text).unwrap(), printed);
}

fn fmt(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(BINARY)
        .arg("fmt")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn files_are_written_whole_or_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    let (good, bad, done) =
        (write("good.polar", "actor  User{}"), write("bad.polar", "actor User {"), write("done.polar", "p(1);\n"));

    let checked = fmt(&["--check", &good, &done], "");
    assert_eq!((checked.status.code(), String::from_utf8(checked.stdout).unwrap()), (Some(1), format!("{good}\n")));
    assert_eq!(std::fs::read_to_string(&good).unwrap(), "actor  User{}");
    assert_eq!(fmt(&["--check", &done], "").status.code(), Some(0));

    let formatted = fmt(&[&bad, &good, &done], "");
    assert_eq!(formatted.status.code(), Some(1), "one of them can't be read");
    assert!(String::from_utf8(formatted.stderr).unwrap().contains("error[unclosed]"));
    assert_eq!(std::fs::read_to_string(&bad).unwrap(), "actor User {");
    assert_eq!(std::fs::read_to_string(&good).unwrap(), "actor User {}\n");
    assert_eq!(fmt(&["missing.polar"], "").status.code(), Some(2));

    let stream = fmt(&["-"], "p( 1 );");
    assert_eq!((stream.status.code(), stream.stdout.as_slice()), (Some(0), b"p(1);\n".as_slice()));
    assert_eq!(fmt(&["-", "--check"], "p( 1 );").status.code(), Some(1));
}
