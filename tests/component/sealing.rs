//! What an instance is given to open: whole or not, of one policy or of two.

use understudy_tests::{random, snapshots};

use super::*;

const STRICT: &str = r#"
    actor User {}
    resource Repo { permissions = ["read"]; roles = ["reader"]; "read" if "reader"; }
"#;
const LAX: &str = r#"
    actor User {}
    resource Repo { permissions = ["read"]; roles = ["reader"]; }
    has_permission(_: User, "read", _: Repo);
"#;
/// Bits flipped, spread over the file: with the last one of them every section is met many times.
const FLIPS: u64 = 400;

fn may_read(instance: &mut Instance) -> bool {
    let (actor, resource) = (Value::new("User", "bob"), Value::new("Repo", "web"));
    let (actor, resource) = (actor.expect("a value"), resource.expect("a value"));
    let call = Call::Ask(request(Ask::Authorize { actor, action: "read".into(), resource }));
    match instance.call(&call) {
        Ok(Reply::Answer(Answer::Decision(allowed))) => allowed,
        other => panic!("{other:?}"),
    }
}

fn open(guest: &Guest, bytes: &[u8], checked: Checked) -> Result<Instance, Failure> {
    Instance::open(guest, &file_of(bytes), Opening { checked, ..Opening::within(HEAP_BYTES, 1) })
}

#[test]
fn a_flipped_bit_is_refused_and_named_by_sealing_itself() {
    let guest = Guest::load().expect("the engine loads");
    let bytes = built_of(STRICT, Vec::new());
    assert!(!may_read(&mut open(&guest, &bytes, Checked::Nothing).expect("a whole one opens")));
    let mut random = random::Random::new(7);
    for _ in 0..FLIPS {
        let bit = random.below(bytes.len() * 8);
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        match open(&guest, &flipped, Checked::Nothing) {
            Err(Failure::Refused(Refusal::Snapshot(message))) => {
                assert!(
                    message.starts_with("the snapshot ") || message.starts_with("this isn't a snapshot"),
                    "{message}"
                );
            }
            Err(other) => panic!("bit {bit}: {other:?}"),
            Ok(_) => panic!("bit {bit}: it opens"),
        }
    }
}

#[test]
fn a_program_of_another_policy_is_refused_whatever_its_digests_say() {
    let guest = Guest::load().expect("the engine loads");
    let (strict, lax) = (built_of(STRICT, Vec::new()), built_of(LAX, Vec::new()));
    assert!(may_read(&mut open(&guest, &lax, Checked::Nothing).expect("it opens")));
    let forged = snapshots::forged(&strict, &lax);
    understudy_core::snapshot::verify(&forged).expect("its digests are right");
    for checked in [Checked::Nothing, Checked::Digests] {
        match open(&guest, &forged, checked) {
            Err(Failure::Refused(Refusal::Snapshot(message))) => {
                assert!(message.contains("isn't what its policy compiles to"), "{message}");
            }
            other => panic!("{checked:?}: {:?}", other.err()),
        }
    }
    // One that names its own policy is no more than of no use.
    let foreign = snapshots::with_section(&strict, snapshots::PROGRAM, &snapshots::section(&lax, snapshots::PROGRAM));
    for checked in [Checked::Nothing, Checked::Digests, Checked::Program] {
        assert!(!may_read(&mut open(&guest, &foreign, checked).expect("it opens")), "{checked:?}");
    }
}

#[test]
fn a_node_does_not_install_a_program_of_another_policy() {
    let (strict, lax) = (built_of(STRICT, Vec::new()), built_of(LAX, Vec::new()));
    let pool = pool(|_| ());
    pool.install(file_of(&strict), || ()).expect("it opens");
    let refused = pool.install(file_of(&snapshots::forged(&strict, &lax)), || panic!("nothing becomes current"));
    assert!(matches!(refused, Err(Failure::Refused(Refusal::Snapshot(_)))), "{refused:?}");
    assert_eq!(pool.counts().generation, 1);
}
