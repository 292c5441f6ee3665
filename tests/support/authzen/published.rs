//! The cases that the standard's working group publishes, made from their tables.

use serde_json::{Value as Json, json};

use super::fixture::{PEOPLE, Person, RECORDS, ROUTES, USERS};

/// One call and its whole answer.
#[derive(Clone, Debug)]
pub struct Case {
    /// After `/access/v1/`.
    pub path: &'static str,
    /// What is sent.
    pub body: Json,
    /// What comes back. Results of searches are sorted.
    pub answer: Json,
}

/// A user of the search scenario and the records they may view, edit and delete.
struct May {
    user: &'static str,
    view: &'static [u32],
    edit: &'static [u32],
    delete: &'static [u32],
}

const MAY: [May; 6] = [
    May { user: "alice", view: EVERY_RECORD, edit: &[101, 107, 110, 113, 119], delete: &[101, 107, 113, 119] },
    May {
        user: "bob",
        view: &[101, 102, 103, 105, 108, 112, 114, 116, 117, 119, 120],
        edit: &[102, 108, 114, 120],
        delete: &[102, 108, 114, 120],
    },
    May {
        user: "carol",
        view: &[101, 102, 103, 105, 108, 109, 112, 115, 116, 117, 119],
        edit: &[103, 109, 115],
        delete: &[103, 109, 115],
    },
    May { user: "dan", view: EVERY_RECORD, edit: &[104, 110, 115, 116], delete: &[104, 110, 116] },
    May { user: "erin", view: &[105, 111, 115, 117], edit: &[105, 111, 117], delete: &[105, 111, 117] },
    May {
        user: "felix",
        view: &[104, 106, 109, 111, 112, 114, 118, 120],
        edit: &[106, 112, 118],
        delete: &[106, 112, 118],
    },
];

const EVERY_RECORD: &[u32] =
    &[101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120];

/// Its actions.
pub const ACTIONS: [&str; 3] = ["delete", "edit", "view"];

/// What a user may do this to.
fn may(user: &str, action: &str) -> &'static [u32] {
    let may = MAY.iter().find(|may| may.user == user).expect("a known user");
    match action {
        "view" => may.view,
        "edit" => may.edit,
        _ => may.delete,
    }
}

fn decision(body: Json, decision: bool) -> Case {
    Case { path: "evaluation", body, answer: json!({ "decision": decision }) }
}

fn todo_of(owner: &Person) -> Json {
    json!({ "type": "todo", "id": owner.todo(), "properties": { "ownerID": owner.email } })
}

/// Todo lists: 8 decisions a person.
pub fn todo_evaluations() -> Vec<Case> {
    let mut cases = Vec::new();
    let [rick, morty, _, beth, _] = &PEOPLE;
    for person in &PEOPLE {
        let mut case = |action: &str, resource: Json, expected: bool| {
            let subject = json!({ "type": "user", "id": person.id() });
            let body = json!({ "subject": subject, "action": { "name": action }, "resource": resource });
            cases.push(decision(body, expected));
        };
        case("can_read_user", json!({ "type": "user", "id": beth.email }), true);
        case("can_read_user", json!({ "type": "user", "id": person.id() }), true);
        case("can_read_todos", json!({ "type": "todo", "id": "todo-1" }), true);
        case("can_create_todo", json!({ "type": "todo", "id": "todo-1" }), person.is_editor());
        let second = if person.name == "rick" { morty } else { person };
        for owner in [rick, second] {
            let is_own = owner.name == person.name && person.is_editor();
            for action in ["can_update_todo", "can_delete_todo"] {
                case(action, todo_of(owner), is_own || person.name == "rick");
            }
        }
    }
    cases
}

/// Todo lists: several at once.
pub fn todo_batches() -> Vec<Case> {
    let [rick, morty, .., jerry] = &PEOPLE;
    let case = |person: &Person, owners: [&Person; 2], expected: [bool; 2]| Case {
        path: "evaluations",
        body: json!({
            "subject": { "type": "user", "id": person.id() },
            "action": { "name": "can_update_todo" },
            "evaluations": owners.map(|owner| json!({ "resource": todo_of(owner) })),
        }),
        answer: json!({ "evaluations": expected.map(|decision| json!({ "decision": decision })) }),
    };
    vec![
        case(rick, [rick, jerry], [true, true]),
        case(morty, [rick, morty], [false, true]),
        case(jerry, [rick, jerry], [false, false]),
    ]
}

/// The gateway: every person on every route, with properties and a context that say nothing.
pub fn gateway() -> Vec<Case> {
    let case = |person: &Person, (route, verb, role): (&str, &str, &str)| {
        let body = json!({
            "subject": { "type": "identity", "id": person.id() },
            "action": { "name": verb },
            "resource": { "type": "route", "id": route, "properties": { "uri": "https://gateway/x", "schema": "https" } },
            "context": { "headers": { "accept": "*/*" } },
        });
        decision(body, role == "anybody" || person.is_editor())
    };
    PEOPLE.iter().flat_map(|person| ROUTES.map(|route| case(person, route))).collect()
}

/// Who may do it, of every record and action.
pub fn subject_searches() -> Vec<Case> {
    let mut cases = Vec::new();
    for record in RECORDS {
        for action in ACTIONS {
            let found = USERS.iter().filter(|(user, ..)| may(user, action).contains(&record));
            let results: Vec<Json> = found.map(|(user, ..)| json!({ "type": "user", "id": user })).collect();
            cases.push(Case {
                path: "search/subject",
                body: json!({
                    "subject": { "type": "user" },
                    "action": { "name": action },
                    "resource": { "type": "record", "id": record.to_string() },
                }),
                answer: json!({ "results": results }),
            });
        }
    }
    cases
}

/// What every user may do each action to.
pub fn resource_searches() -> Vec<Case> {
    let mut cases = Vec::new();
    for (user, title, _) in USERS {
        for action in ACTIONS {
            let record = |record: &u32| json!({ "type": "record", "id": record.to_string() });
            let results: Vec<Json> = may(user, action).iter().map(record).collect();
            let mut answer = json!({ "results": results });
            // Managers view any record there will ever be.
            if title == "manager" && action == "view" {
                answer["context"] = json!({ "wildcard": true });
            }
            cases.push(Case {
                path: "search/resource",
                body: json!({
                    "subject": { "type": "user", "id": user },
                    "action": { "name": action },
                    "resource": { "type": "record" },
                }),
                answer,
            });
        }
    }
    cases
}

/// What every user may do to every record.
pub fn action_searches() -> Vec<Case> {
    let mut cases = Vec::new();
    for (user, ..) in USERS {
        for record in RECORDS {
            let found = ACTIONS.iter().filter(|action| may(user, action).contains(&record));
            let results: Vec<Json> = found.map(|action| json!({ "name": action })).collect();
            cases.push(Case {
                path: "search/action",
                body: json!({
                    "subject": { "type": "user", "id": user },
                    "resource": { "type": "record", "id": record.to_string() },
                }),
                answer: json!({ "results": results }),
            });
        }
    }
    cases
}

/// What an identity provider asks for its claims: what each user may delete.
pub fn identity_provider() -> Vec<Case> {
    resource_searches().into_iter().filter(|case| case.body["action"]["name"] == "delete").collect()
}
