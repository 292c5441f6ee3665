#![allow(clippy::unwrap_used)]

use sha2::{Digest, Sha256};

use super::*;
use crate::{
    engine::{Checked, Engine, OpenError, Options},
    model::{Fact, Value},
};

fn fact(predicate: &str, args: &[(&str, &str)]) -> Fact {
    let args = args.iter().map(|(ty, id)| Value::new(*ty, *id).unwrap()).collect();
    Fact { predicate: predicate.to_owned(), args }
}

fn contents() -> Contents {
    Contents {
        manifest: Manifest {
            environment: "e_1".into(),
            tenant: "t".into(),
            store: "s".into(),
            epoch: 3,
            created_ms: 1_700_000_000_000,
            offset: 7,
            counts: Counts::default(),
        },
        policy: Some(PolicyText { file: Some("main.polar".into()), text: "actor User {}\n resource Repo { roles = [\"reader\"]; permissions = [\"read\"]; \"read\" if \"reader\"; }".into() }),
        keys: Some(vec![Key { digest: [7; 32], write: true }]),
    }
}

fn facts() -> Vec<Fact> {
    (0..40)
        .map(|n| {
            fact("has_role", &[("User", &format!("user-number-{n}")), ("String", "reader"), ("Repo", &n.to_string())])
        })
        .chain([fact("is_public", &[("Repo", "1")]), fact("age", &[("User", "user-number-1"), ("Integer", "42")])])
        .collect()
}

#[test]
fn what_is_written_is_read() {
    let bytes = write(&contents(), facts()).unwrap();
    let manifest = verify(&bytes).unwrap();
    assert_eq!(manifest.counts, Counts { facts: 42, types: 4, values: 40 + 1 + 40 + 1, relations: 3 });
    assert_eq!(Manifest { counts: Counts::default(), ..manifest }, contents().manifest);
    let snapshot = Snapshot::open(&bytes).unwrap();
    assert_eq!(snapshot.policy(), contents().policy.as_ref());
    assert_eq!(snapshot.keys(), contents().keys.as_deref());
}

#[test]
fn the_bytes_depend_only_on_the_contents() {
    let mut turned = facts();
    turned.reverse();
    turned.extend(facts());
    assert_eq!(write(&contents(), facts()).unwrap(), write(&contents(), turned).unwrap());
}

#[test]
fn every_flipped_bit_is_found() {
    let bytes = write(&contents(), facts()).unwrap();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(verify(&flipped).is_err(), "byte {at}");
    }
}

#[test]
fn every_truncation_and_every_tail_is_found() {
    let bytes = write(&contents(), facts()).unwrap();
    for length in 0..bytes.len() {
        assert!(verify(&bytes[..length]).is_err(), "{length} bytes");
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(matches!(verify(&longer), Err(ReadError::Truncated { .. })));
}

#[test]
fn refusals_say_why() {
    assert_eq!(verify(b"PK\x03\x04 something else entirely"), Err(ReadError::NotASnapshot));
    assert!(matches!(verify(b"UNDR"), Err(ReadError::Truncated { .. })));
    let mut future = write(&contents(), facts()).unwrap();
    future[8] = 9;
    assert_eq!(verify(&future), Err(ReadError::Version { found: 9 }));
}

/// Unverified bytes may give wrong answers, never a panic: flips in every byte, with everything read.
#[test]
fn any_bytes_are_safe() {
    let bytes = write(&contents(), facts()).unwrap();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0xff;
        if let Ok(snapshot) = Snapshot::open(&flipped) {
            let _ = snapshot.facts().count();
        }
        if at % 7 == 0
            && let Ok(mut engine) = Engine::open(&flipped, Options { checked: Checked::Program, ..Options::seeded(1) })
        {
            engine.facts(None, &[]);
            let ask = crate::model::Ask::List {
                actor: Value::new("User", "user-number-1").unwrap(),
                action: "read".into(),
                resource_type: "Repo".into(),
            };
            let _ = engine.ask(&crate::model::Request { ask, context_facts: vec![], now_s: 0, budget: 10_000 });
        }
    }
}

#[test]
fn a_program_of_another_version_or_policy_is_compiled_anew() {
    let bytes = write(&contents(), facts()).unwrap();
    let snapshot = Snapshot::open(&bytes).unwrap();
    let cached = program::load(snapshot.program(), snapshot.policy()).unwrap();
    for stale in [0, 4] {
        let mut section = snapshot.program().to_vec();
        section[stale] ^= 1;
        // Behind the header lies what no one must read now.
        section.truncate(36);
        assert_eq!(program::load(&section, snapshot.policy()).unwrap(), cached);
    }
    assert_eq!(program::load(&[], snapshot.policy()).unwrap(), cached);
    let broken = PolicyText { file: None, text: "actor {".into() };
    assert!(program::load(snapshot.program(), Some(&broken)).is_err());
}

#[test]
fn a_policy_with_errors_makes_no_snapshot() {
    let mut contents = contents();
    contents.policy = Some(PolicyText { file: None, text: "allow(x) if ;".into() });
    assert!(matches!(write(&contents, []), Err(WriteError::Policy(_))));
}

/// The policy of [`contents`], where anyone may read.
fn open_to_all() -> Contents {
    let mut contents = contents();
    let policy = contents.policy.as_mut().unwrap();
    policy.text = policy.text.replace("\"read\" if \"reader\";", "") + " has_permission(_: User, \"read\", _: Repo);";
    contents
}

/// A snapshot of these sections instead of its own, with right digests.
fn with_program(bytes: &[u8], program: &[u8]) -> Vec<u8> {
    let places = sections(bytes).unwrap();
    writer::sections::assemble(layout::Section::ALL.map(|section| {
        let place = places.iter().find(|place| place.name == section.name()).unwrap();
        let body = &bytes[place.at as usize..][..place.bytes as usize];
        (section, if section == layout::Section::Program { program.to_vec() } else { body.to_vec() })
    }))
}

fn may_read(engine: &mut Engine<'_>) -> bool {
    let ask = crate::model::Ask::Authorize {
        actor: Value::new("User", "nobody").unwrap(),
        action: "read".into(),
        resource: Value::new("Repo", "1").unwrap(),
    };
    let request = crate::model::Request { ask, context_facts: vec![], now_s: 0, budget: 10_000 };
    engine.ask(&request).unwrap() == crate::model::Answer::Decision(true)
}

#[test]
fn opening_finds_every_flipped_bit_and_says_where() {
    let bytes = write(&contents(), facts()).unwrap();
    let places = sections(&bytes).unwrap();
    for at in 64 + 64 * places.len()..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let part = places.iter().rev().find(|place| place.at <= at as u64).unwrap().name;
            let error = Engine::open(&flipped, Options::seeded(1)).err();
            assert_eq!(error, Some(OpenError::Snapshot(ReadError::Damaged { part })), "byte {at}");
        }
    }
    for at in 0..64 + 64 * places.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(Engine::open(&flipped, Options::seeded(1)).is_err(), "byte {at}");
    }
}

#[test]
fn a_program_of_another_policy_is_never_asked() {
    let strict = write(&contents(), facts()).unwrap();
    let lax = write(&open_to_all(), facts()).unwrap();
    assert!(may_read(&mut Engine::open(&lax, Options::seeded(1)).unwrap()));
    let mut program = Snapshot::open(&lax).unwrap().program().to_vec();
    // As it is, it names its own policy: what the text says counts.
    let forged = with_program(&strict, &program);
    verify(&forged).unwrap();
    for checked in [Checked::Nothing, Checked::Digests, Checked::Program] {
        let mut engine = Engine::open(&forged, Options { checked, ..Options::seeded(1) }).unwrap();
        assert!(!may_read(&mut engine), "{checked:?}");
    }
    // Made to name the other policy, it contradicts it.
    program[4..36].copy_from_slice(&Snapshot::open(&strict).unwrap().program()[4..36]);
    let forged = with_program(&strict, &program);
    verify(&forged).unwrap();
    for checked in [Checked::Nothing, Checked::Digests] {
        let error = Engine::open(&forged, Options { checked, ..Options::seeded(1) }).err();
        assert_eq!(error, Some(OpenError::Program), "{checked:?}");
    }
}

#[test]
fn a_section_twice_is_refused() {
    let bytes = write(&contents(), facts()).unwrap();
    let policy = |text: &str| layout::to_bytes(&Some(PolicyText { file: None, text: text.into() }));
    let own = |section: layout::Section| {
        let places = sections(&bytes).unwrap();
        let place = *places.iter().find(|place| place.name == section.name()).unwrap();
        (section, bytes[place.at as usize..][..place.bytes as usize].to_vec())
    };
    use layout::Section::{Dictionary, Keys, Manifest, Policy, Program, Relations};
    let first = (Policy, policy("actor User {}"));
    let twice = [own(Manifest), own(Keys), first, own(Policy), own(Program), own(Dictionary), own(Relations)];
    let twice = writer::sections::assemble(twice);
    assert_eq!(verify(&twice), Err(ReadError::Damaged { part: "section table" }));
}

#[test]
fn names_that_no_table_should_repeat_make_no_snapshot() {
    let long = "T".repeat(crate::limits::NAME_BYTES_MAX + 1);
    for fact in [fact("is_public", &[(&long, "1")]), fact(&long, &[("Repo", "1")])] {
        let error = write(&contents(), [fact.clone()]).unwrap_err().to_string();
        assert!(error.contains("has 513 bytes, 512 are allowed") && error.len() < 200, "{error}");
        let engine = write(&contents(), []).unwrap();
        let error = Engine::open(&engine, Options::seeded(1)).unwrap().check_fact(&fact).unwrap_err();
        assert!(error.contains("has 513 bytes: 512 are allowed") && error.len() < 200, "{error}");
    }
}

/// Something of everything that a policy may have.
const OF_EVERYTHING: &str = r#"
    global { roles = ["owner"]; }
    actor User {}
    actor Bot extends User {}
    resource Org { roles = ["member"]; permissions = ["read"]; "read" if "member"; "member" if global "owner"; }
    resource Repo { roles = ["reader"]; permissions = ["read", "push"]; relations = { parent: Org };
      "read" if "reader"; "reader" if "member" on "parent"; "push" if "read" and is_open(resource); }
    allow(actor: Actor, action: String, resource: Resource) if
      has_permission(actor, action, resource) and not is_blocked(actor);
    is_open(repo: Repo) if level(repo, n) and n > 3 and n in [4, 5] or until(repo, t) and t >= @current_unix_time;
"#;
/// SHA-256 of what it compiles to, with the version of programs before it.
const COMPILED_SHA256: &str = "ca89892f219ca6be2ca04cf5a1b9d8d4256a9ab8b1994a879cab1649a617c09b";

/// A node that knows another compiled form under the same version takes whole snapshots of an older primary for forged.
#[test]
fn a_compiled_form_that_changes_has_another_version() {
    let policy = PolicyText { file: None, text: OF_EVERYTHING.into() };
    let bytes = write(&Contents { policy: Some(policy), ..Contents::default() }, []).unwrap();
    let digest: String =
        Sha256::digest(Snapshot::open(&bytes).unwrap().program()).iter().map(|byte| format!("{byte:02x}")).collect();
    let advice = "the compiled form has changed: raise VERSION in program.rs, then put the new digest here";
    assert_eq!(digest, COMPILED_SHA256, "{advice}");
}
