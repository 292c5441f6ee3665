//! Policies and facts of the standard's certification and of its published scenarios, rewritten for this engine.

use understudy_core::model::Fact;

use crate::recipe::fact;

/// What a decision point knows.
pub struct Fixture {
    /// Its policy.
    pub policy: &'static str,
    /// Its facts.
    pub facts: Vec<Fact>,
}

/// Someone of the todo scenario: the id that identity providers send, and what only the decision point knows.
pub struct Person {
    /// Name, for messages.
    pub name: &'static str,
    /// What tells the id from the others'.
    letter: char,
    /// Address, which is the id of an owner.
    pub email: &'static str,
    /// Roles.
    pub roles: &'static [&'static str],
    /// Last digit of the own todo's id.
    todo: char,
}

/// Everybody, in the order of the published cases.
pub const PEOPLE: [Person; 5] = [
    Person { name: "rick", letter: 'A', email: "rick@the-citadel.com", roles: &["admin", "evil_genius"], todo: '2' },
    Person { name: "morty", letter: 'E', email: "morty@the-citadel.com", roles: &["editor"], todo: '1' },
    Person { name: "summer", letter: 'I', email: "summer@the-smiths.com", roles: &["editor"], todo: '3' },
    Person { name: "beth", letter: 'M', email: "beth@the-smiths.com", roles: &["viewer"], todo: '4' },
    Person { name: "jerry", letter: 'Q', email: "jerry@the-smiths.com", roles: &["viewer"], todo: '5' },
];

impl Person {
    /// Id of the subject.
    pub fn id(&self) -> String {
        format!("CiRmZD{}2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs", self.letter)
    }

    /// Id of the own todo.
    pub fn todo(&self) -> String {
        format!("7240d0db-8ff0-41ec-98b2-34a096273b9{}", self.todo)
    }

    /// May create and change something.
    pub fn is_editor(&self) -> bool {
        !self.roles.contains(&"viewer")
    }
}

/// Users of the search scenario: title and department.
pub const USERS: [(&str, &str, &str); 6] = [
    ("alice", "manager", "Sales"),
    ("bob", "employee", "Legal"),
    ("carol", "contractor", "Legal"),
    ("dan", "manager", "Finance"),
    ("erin", "employee", "Finance"),
    ("felix", "contractor", "Accounting"),
];

/// Its records by department; they are owned by the users in turn.
const DEPARTMENTS: [(&str, &[u32]); 4] = [
    ("Legal", &[101, 102, 103, 105, 108, 112, 116, 117, 119]),
    ("Accounting", &[104, 106, 109, 111, 114, 118, 120]),
    ("Sales", &[107, 110, 113]),
    ("Finance", &[115]),
];

/// Ids of its records.
pub const RECORDS: std::ops::RangeInclusive<u32> = 101..=120;

/// The certification's.
pub fn certification() -> Fixture {
    let role = |user, role, record| fact("has_role", &[("user", user), ("String", role), ("record", record)]);
    let status =
        |record, status| fact("resource_property", &[("record", record), ("String", "status"), ("String", status)]);
    let facts = vec![
        role("alice", "editor", "record-1"),
        role("alice", "editor", "record-2"),
        role("bob", "reader", "record-1"),
        role("bob", "reader", "record-2"),
        fact("subject_property", &[("user", "bob"), ("String", "role"), ("String", "admin")]),
        status("record-1", "active"),
        status("record-2", "archived"),
    ];
    Fixture { policy: include_str!("../../authzen/cert.polar"), facts }
}

/// Todo lists.
pub fn todo() -> Fixture {
    let facts = PEOPLE.iter().flat_map(|person| {
        let id = person.id();
        let roles = person.roles.iter().map(|role| fact("has_role", &[("user", &id), ("String", role)]));
        let mut facts: Vec<Fact> = roles.collect();
        facts.push(fact("email", &[("user", &id), ("String", person.email)]));
        facts
    });
    Fixture { policy: include_str!("../../authzen/todo.polar"), facts: facts.collect() }
}

/// Records of departments.
pub fn search() -> Fixture {
    let mut facts = Vec::new();
    for (user, title, dept) in USERS {
        facts.push(fact("title", &[("user", user), ("String", title)]));
        facts.push(fact("dept", &[("user", user), ("String", dept)]));
    }
    for (record, (owner, ..)) in RECORDS.zip(USERS.iter().cycle()) {
        facts.push(fact("owner", &[("record", &record.to_string()), ("user", owner)]));
    }
    for (dept, records) in DEPARTMENTS {
        let fact = |record: &u32| fact("dept", &[("record", &record.to_string()), ("String", dept)]);
        facts.extend(records.iter().map(fact));
    }
    Fixture { policy: include_str!("../../authzen/search.polar"), facts }
}

/// Routes of the gateway and the verbs they take: from everybody, or from who may change something.
pub const ROUTES: [(&str, &str, &str); 5] = [
    ("/users/{userId}", "GET", "anybody"),
    ("/todos", "GET", "anybody"),
    ("/todos", "POST", "editor"),
    ("/todos/{todoId}", "PUT", "editor"),
    ("/todos/{todoId}", "DELETE", "editor"),
];

/// An API gateway.
pub fn gateway() -> Fixture {
    let takes = |(route, verb, role)| fact("takes", &[("route", route), ("String", verb), ("String", role)]);
    let mut facts: Vec<Fact> = ROUTES.into_iter().map(takes).collect();
    for person in &PEOPLE {
        facts.push(fact("has_role", &[("identity", &person.id()), ("String", "anybody")]));
        if person.is_editor() {
            facts.push(fact("has_role", &[("identity", &person.id()), ("String", "editor")]));
        }
    }
    Fixture { policy: include_str!("../../authzen/gateway.polar"), facts }
}

/// What can't be answered: see its policy.
pub fn errors() -> Fixture {
    const N_PLACES: u32 = 1_500;
    let next = |n| {
        let (from, to) = (format!("p{n}"), format!("p{}", (n + 1) % N_PLACES));
        fact("next", &[("record", &from), ("record", &to)])
    };
    let mut facts: Vec<Fact> = (0..N_PLACES).map(next).collect();
    facts.push(fact("moves", &[("record", "round"), ("record", "round")]));
    facts.push(fact("banned", &[("user", "mallory")]));
    Fixture { policy: include_str!("../../authzen/errors.polar"), facts }
}
