#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
    compile::{Source, compile},
    model::Value,
};

const POLICY: &str = r#"
    actor User {}
    actor Robot {}
    resource Org { roles = ["member", "owner"]; permissions = ["read"]; "read" if "member"; "member" if "owner"; }
    resource Repo {
      roles = ["reader", "writer", "dormant"];
      permissions = ["read", "push"];
      relations = { org: Org };
      "read" if "reader";
      "push" if "writer";
      "reader" if "member" on "org";
    }
    resource Fork extends Repo {}
    resource Lab { roles = ["steward"]; }
    has_permission(u: User, "read", r: Repo) if is_public(r) and level(u, n) and n > 3;
    declare nickname(User, String);
    global { roles = ["admin"]; }
    has_permission(u: User, "push", r: Repo) if has_role(u, "admin") and r matches Repo;
"#;

fn fact(text: &str) -> Fact {
    let (predicate, args) = text.split_once('(').unwrap();
    let args = args.trim_end_matches(')').split(", ").map(|arg| {
        let (type_name, id) = arg.split_once(':').unwrap();
        Value::new(type_name, id).unwrap()
    });
    Fact { predicate: predicate.to_owned(), args: args.collect() }
}

#[test]
fn slips_are_told_with_what_was_meant() {
    let program = compile(&[Source { name: "policy", text: POLICY }]).program.unwrap();
    let uses = FactUses::new(&program);
    for (text, code, message, help) in [
        ("has_rol(User:a, String:reader, Repo:r)", "unknown-predicate", "no rule uses `has_rol`", "`has_role`"),
        ("flies(User:a)", "unknown-predicate", "no rule uses `flies`", "declare flies"),
        ("is_public(User:a, Repo:r)", "arity", "has 2 arguments here, and 1 in the rules", "nothing in common"),
        ("has_relation(Repo:r, Org:o)", "arity", "has 2 arguments here, and 3", "resource, relation"),
        ("has_role(Usr:a, String:reader, Repo:r)", "unknown-type", "no type `Usr`", "`User`"),
        ("has_role(User:a, String:raeder, Repo:r)", "unknown-name", "`Repo` has no role `raeder`", "`reader`"),
        ("has_role(User:a, String:raeder, Fork:r)", "unknown-name", "`Fork` has no role `raeder`", "`reader`"),
        ("has_role(User:a, String:admim)", "unknown-name", "`global` has no role `admim`", "`admin`"),
        ("has_role(User:a, String:king, Repo:r)", "unknown-name", "`Repo` has no role `king`", "it has `dormant`"),
        ("has_role(User:a, String:dormant, Repo:r)", "unused-fact", "no rule uses role `dormant` of `Repo`", "use it"),
        ("has_role(User:a, String:steward, Lab:l)", "unused-fact", "no rule uses role `steward` of `Lab`", "use it"),
        ("has_relation(Repo:r, String:orgs, Org:o)", "unknown-name", "`Repo` has no relation `orgs`", "`org`"),
        ("has_relation(Repo:r, String:org, User:o)", "unused-fact", "with a `User` as argument 3", "`Org`"),
        ("is_public(User:a)", "unused-fact", "`is_public` with a `User` as argument 1", "`Fork`, `Repo`"),
        ("level(User:a, String:4)", "unused-fact", "with a `String` as argument 2", "`Integer`"),
        ("nickname(User:a, User:b)", "unused-fact", "with a `User` as argument 2", "`String`"),
        ("has_permission(User:a, String:raed, Repo:r)", "unknown-name", "no permission `raed`", "`read`"),
    ] {
        let found = uses.warnings(&fact(text));
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!(found[0].code, code, "{text}: {found:?}");
        assert!(found[0].message.contains(message), "{text}: {found:?}");
        assert!(found[0].help.as_ref().unwrap().contains(help), "{text}: {found:?}");
        assert_eq!(warnings(&program, &fact(text)), found);
    }
}

#[test]
fn what_a_rule_can_use_is_silent() {
    let program = compile(&[Source { name: "policy", text: POLICY }]).program.unwrap();
    let uses = FactUses::new(&program);
    for text in [
        "has_role(User:a, String:reader, Repo:r)",
        "has_role(Robot:a, String:owner, Org:o)",
        "has_role(User:a, String:reader, Fork:f)",
        "has_role(User:a, String:admin)",
        "has_relation(Fork:r, String:org, Org:o)",
        "is_public(Fork:r)",
        "level(User:a, Integer:4)",
        "nickname(User:a, String:ann)",
        "has_permission(User:a, String:read, Lab:l)",
        "allow(User:a, String:read, Repo:r)",
    ] {
        assert_eq!(uses.warnings(&fact(text)), [], "{text}");
    }
    let untyped = "p(x) if q(x, y) and r(y); r(y) if has_role(y, role, z) and s(role, z);";
    let program = compile(&[Source { name: "policy", text: untyped }]).program.unwrap();
    for text in ["q(A:1, B:2)", "has_role(U:1, String:anything, X:1)"] {
        assert_eq!(warnings(&program, &fact(text)), [], "{text}");
    }
}
