//! What the policy and the facts name, of every layer: ids, actions, arguments that rules ask for.

use understudy_core::{
    engine::{Engine, Options},
    model::{Change, Fact, Value},
    snapshot::{Contents, Manifest, PolicyText, write},
    vocabulary::Vocabulary,
};

const POLICY: &str = r#"
actor user {}
resource folder { permissions = ["open"]; }
resource record extends folder { roles = ["reader"]; permissions = ["read"]; "read" if "reader"; }
has_permission(u: user, "archive", r: record) if property(u, "rank", "high") and not property(r, "state", "kept");
has_permission(_: user, "open", _: folder);
allow(u: user, "list", _: Resource) if has_role(u, "admin", record{"root"});
allow(u: user, "shelve", _: shelf) if known(u, "key", _);
seen(x) if any(x, y, _) and all(x, y);
test "literals of tests are no part of it" { assert_not allow(user{"tested"}, "tested", record{"tested"}); }
"#;

fn fact(predicate: &str, args: &[(&str, &str)]) -> Fact {
    let value = |(ty, id): &(&str, &str)| Value::new(*ty, *id).expect("a value");
    Fact { predicate: predicate.into(), args: args.iter().map(value).collect() }
}

fn owner(id: &str) -> Fact {
    fact("owner", &[("record", id), ("user", "ann")])
}

#[test]
fn ids_actions_and_arguments() {
    let policy = Some(PolicyText { file: None, text: POLICY.to_owned() });
    let contents = Contents { manifest: Manifest { offset: 1, ..Manifest::default() }, policy, keys: None };
    let granted = fact("has_permission", &[("user", "ann"), ("String", "print"), ("record", "7")]);
    let other = fact("has_permission", &[("user", "ann"), ("String", "burn"), ("box", "7")]);
    let global = fact("has_permission", &[("user", "ann"), ("String", "rule")]);
    let base = vec![owner("1"), owner("2"), owner("10"), granted, other, global];
    let bytes = write(&contents, base).expect("it can be written");
    let mut engine = Engine::open(&bytes, Options::seeded(3)).expect("what was written opens");
    let changes = [
        Change::Delete(owner("2")),
        Change::Insert(owner("later")),
        Change::Insert(fact("owner", &[("record", "10"), ("user", "bo")])),
    ];
    engine.apply(&changes, 2);

    let ids = |type_name: &str| engine.names(&Vocabulary::Ids { type_name: type_name.into() }).expect("a list");
    assert_eq!(ids("record"), ["1", "10", "7", "later", "root"], "deleted ids are gone, those of rules are there");
    assert_eq!(ids("user"), ["ann", "bo"]);
    assert_eq!(ids("folder"), [] as [&str; 0], "exactly this type");
    assert_eq!(ids("never named"), [] as [&str; 0]);

    let actions = |ty: &str| engine.names(&Vocabulary::Actions { resource_type: ty.into() }).expect("a list");
    assert_eq!(actions("record"), ["archive", "list", "open", "print", "read"]);
    assert_eq!(actions("folder"), ["list", "open"]);
    assert_eq!(actions("box"), ["burn"]);
    assert_eq!(actions("shelf"), ["shelve"], "a type that only a rule names");

    let arguments =
        |predicate: &str, arity, at| engine.names(&Vocabulary::Arguments { predicate: predicate.into(), arity, at });
    let these = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    assert_eq!(arguments("property", 3, 1), these(&["rank", "state"]), "under `not` too");
    assert_eq!(arguments("known", 3, 1), these(&["key"]));
    assert_eq!(arguments("any", 3, 1), None, "a variable asks for any");
    assert_eq!(arguments("property", 2, 1), these(&[]), "another arity");
    assert_eq!(arguments("never named", 3, 1), these(&[]));
    assert_eq!(arguments("property", 3, 9), these(&[]), "no such position");
}
