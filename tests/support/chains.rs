//! Chains and circles of folders and of teams: where other engines' check, list and who-can part ways.

use understudy_core::model::{Fact, Value};

/// Roles go down a chain of folders and up a chain of teams.
pub const POLICY: &str = r#"
actor User {}
actor Team { relations = { parent: Team }; }
resource Folder {
  roles = ["reader"];
  permissions = ["read"];
  relations = { parent: Folder };
  role if role on "parent";
  "read" if "reader";
}
has_role(user: User, role: String, folder: Folder) if
  team matches Team and in_team(user, team) and has_role(team, role, folder);
in_team(user: User, team: Team) if has_relation(user, "team", team);
in_team(user: User, team: Team) if
  child matches Team and has_relation(child, "parent", team) and in_team(user, child);
"#;

/// `Type:id`.
pub fn value(type_name: &str, id: impl ToString + Copy) -> Value {
    Value::new(type_name, id.to_string()).expect("a value")
}

fn relation(from: Value, name: &str, to: Value) -> Fact {
    Fact { predicate: "has_relation".to_owned(), args: vec![from, value("String", name), to] }
}

/// The actor is a reader of the folder.
pub fn role(actor: Value, folder: Value) -> Fact {
    Fact { predicate: "has_role".to_owned(), args: vec![actor, value("String", "reader"), folder] }
}

/// A user `ann` in team 0 of a chain (or circle) of teams, whose last may read folder 0 of a chain (or circle) of
/// folders; `eve` is in a team of nothing. `prefix` stands before every id, so that worlds can lie beside each other.
pub fn world(prefix: &str, length: usize, circle: bool) -> Vec<Fact> {
    let user = |name: &str| value("User", format!("{prefix}{name}").as_str());
    let team = |n: usize| value("Team", format!("{prefix}{n}").as_str());
    let folder = |n: usize| value("Folder", format!("{prefix}{n}").as_str());
    let mut facts = vec![
        relation(user("ann"), "team", team(0)),
        relation(user("eve"), "team", value("Team", format!("{prefix}elsewhere").as_str())),
        role(team(length - 1), folder(0)),
    ];
    for n in 1..length {
        facts.push(relation(team(n - 1), "parent", team(n)));
        facts.push(relation(folder(n), "parent", folder(n - 1)));
    }
    if circle {
        facts.push(relation(team(length - 1), "parent", team(0)));
        facts.push(relation(folder(0), "parent", folder(length - 1)));
    }
    facts
}
