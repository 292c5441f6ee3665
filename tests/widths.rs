//! No width wraps. Policies, facts and requests of sizes around 2^8 and 2^16, and around each limit, are answered right or
//! refused with a reason: by search over the plain store and over a written snapshot, always the same.

use understudy_core::{
    compile::{Source, compile},
    eval::answer::Evaluator,
    facts::{layers::Layered, plain::Plain},
    limits::{
        ARITY_MAX, BRANCHES_PER_RULE_MAX, CONDITIONS_PER_RULE_MAX, CONTEXT_FACTS_MAX, REQUEST_IDS_MAX,
        REQUEST_TYPES_MAX, VARIABLES_PER_RULE_MAX, WORK_UNITS_PER_REQUEST,
    },
    model::{Answer, Ask, AskError, Constraint, Fact, Pattern, Request, Value},
    snapshot::{Contents, PolicyText, Snapshot, write},
};

/// Just below, at and just above a width or a limit.
fn around(size: usize) -> [usize; 3] {
    [size - 1, size, size + 1]
}

/// The two widths that numbers have had here.
fn widths() -> impl Iterator<Item = usize> {
    around(1 << 8).into_iter().chain(around(1 << 16))
}

fn value(type_name: &str, id: &str) -> Value {
    Value::new(type_name, id).expect("a value")
}

fn fact(predicate: &str, args: &[(&str, &str)]) -> Fact {
    Fact { predicate: predicate.to_owned(), args: args.iter().map(|(ty, id)| value(ty, id)).collect() }
}

fn text(predicate: &str, args: &[&str]) -> Fact {
    fact(predicate, &args.iter().map(|id| ("String", *id)).collect::<Vec<_>>())
}

/// One policy over the same facts, as they are and as a snapshot.
struct World {
    plain: Evaluator<Plain>,
    layered: Evaluator<Layered<'static>>,
}

/// `None`: the policy is refused; every refusal says why.
fn world(policy: &str, facts: &[Fact]) -> Option<World> {
    let compiled = compile(&[Source { name: "policy.polar", text: policy }]);
    let Some(program) = compiled.program else {
        let found = compiled.diagnostics.first().expect("a refusal has a reason");
        assert!(found.message.contains(|c: char| c.is_ascii_digit()), "a limit is told: {found}");
        return None;
    };
    let policy = Some(PolicyText { file: None, text: policy.to_owned() });
    let bytes = write(&Contents { policy, ..Contents::default() }, facts.to_vec()).expect("a snapshot");
    let snapshot = Snapshot::open(Box::leak(bytes.into_boxed_slice())).expect("it opens");
    let plain = Evaluator::new(&program, Plain::new(facts.to_vec()), 3);
    let layered = Evaluator::new(&program, Layered::new(snapshot.base().clone(), 3), 3);
    Some(World { plain, layered })
}

impl World {
    fn with(&mut self, ask: Ask, context_facts: Vec<Fact>) -> Result<Answer, AskError> {
        let request = Request { ask, context_facts, now_s: 0, budget: WORK_UNITS_PER_REQUEST };
        let (plain, layered) = (self.plain.ask(&request), self.layered.ask(&request));
        assert_eq!(plain, layered, "the plain store and the snapshot");
        plain
    }

    fn ask(&mut self, ask: Ask) -> Result<Answer, AskError> {
        self.with(ask, Vec::new())
    }

    /// How many solutions a predicate of one argument has.
    fn n_rows(&mut self, predicate: &str) -> usize {
        match self.ask(Ask::Query { predicate: predicate.to_owned(), args: vec![Pattern::Any] }) {
            Ok(Answer::Facts(rows)) => rows.len(),
            other => panic!("{other:?}"),
        }
    }
}

fn joined(n: usize, separator: &str, item: impl Fn(usize) -> String) -> String {
    (0..n).map(item).collect::<Vec<_>>().join(separator)
}

/// Answered where the size is at most `n_max`, refused above.
fn holds_up_to(n_max: usize, n: usize, what: &str, world: Option<World>, right: impl FnOnce(World)) {
    assert_eq!(world.is_some(), n <= n_max, "{n} {what}; at most {n_max}");
    if let Some(world) = world {
        right(world);
    }
}

#[test]
fn conditions_of_a_rule() {
    for n in widths().chain(around(CONDITIONS_PER_RULE_MAX)) {
        let policy = format!("p(x) if {};", joined(n, " and ", |at| format!("c(x, \"{at}\")")));
        let mut facts: Vec<Fact> = (0..n - 1).map(|at| text("c", &["a", &at.to_string()])).collect();
        if n <= CONDITIONS_PER_RULE_MAX {
            let mut short = world(&policy, &facts).expect("a policy");
            assert_eq!(short.n_rows("p"), 0, "the last of {n} conditions is not met");
        }
        facts.push(text("c", &["a", &(n - 1).to_string()]));
        holds_up_to(CONDITIONS_PER_RULE_MAX, n, "conditions", world(&policy, &facts), |mut world| {
            assert_eq!(world.n_rows("p"), 1, "{n} conditions are met");
        });
    }
}

#[test]
fn alternatives_of_a_rule() {
    for n in around(1 << 8).into_iter().chain(around(BRANCHES_PER_RULE_MAX)).chain(around(1 << 16)) {
        let policy = format!("p(x) if s(x) and ({});", joined(n, " or ", |at| format!("x = \"{at}\"")));
        let facts = ["0", &(n - 1).to_string(), &n.to_string()].map(|id| text("s", &[id]));
        holds_up_to(BRANCHES_PER_RULE_MAX, n, "branches", world(&policy, &facts), |mut world| {
            assert_eq!(world.n_rows("p"), 2, "the first and the last of {n} alternatives");
        });
    }
}

#[test]
fn elements_of_a_list() {
    for n in widths() {
        let policy = format!("p(x) if s(x) and x in [{}];", joined(n, ", ", |at| format!("\"{at}\"")));
        let facts = ["0", &(n - 1).to_string(), &n.to_string()].map(|id| text("s", &[id]));
        // A longer list may be refused, never cut.
        if let Some(mut world) = world(&policy, &facts) {
            assert_eq!(world.n_rows("p"), 2, "the first and the last of {n} elements");
        } else {
            assert!(n > 1 << 9, "{n}");
        }
    }
}

#[test]
fn variables_of_a_rule() {
    for n in widths().chain(around(VARIABLES_PER_RULE_MAX)) {
        // A walk over n variables, from the only beginning to an end.
        let walk = joined(n - 1, " and ", |at| format!("e(v{at}, v{})", at + 1));
        let policy = format!("p(v0) if begin(v0) and {walk} and end(v{});", n - 1);
        let mut facts = vec![text("begin", &["0"]), text("end", &[&(n - 1).to_string()])];
        if n <= VARIABLES_PER_RULE_MAX {
            facts.extend((0..n - 1).map(|at| text("e", &[&at.to_string(), &(at + 1).to_string()])));
        }
        holds_up_to(VARIABLES_PER_RULE_MAX, n, "variables", world(&policy, &facts), |mut world| {
            assert_eq!(world.n_rows("p"), 1, "a walk of {n}");
            facts.retain(|fact| fact.predicate != "end");
            facts.push(text("end", &[&(n - 2).to_string()]));
            let mut other = self::world(&policy, &facts).expect("the same policy");
            assert_eq!(other.n_rows("p"), 0, "it ends one too early");
        });
    }
}

#[test]
fn arguments_of_a_predicate() {
    for n in around(ARITY_MAX).into_iter().chain(widths()) {
        let args = vec!["x"; n].join(", ");
        let facts = [text("s", &["a"])];
        for policy in [
            format!("q({args}) if s(x); p(x) if s(x) and q({args});"),
            format!("p(x) if s(x) and q({args}); q({args}) if s(x);"),
        ] {
            holds_up_to(ARITY_MAX, n, "arguments", world(&policy, &facts), |mut world| {
                assert_eq!(world.n_rows("p"), 1);
            });
        }
        // Of as many arguments as are left of them in 8 bits there is a rule that doesn't hold.
        let wrapped = vec!["x"; n % 256].join(", ");
        let rule = if wrapped.is_empty() { String::new() } else { format!("q({wrapped}) if never(x);") };
        let policy = format!("p(x) if s(x) and not q({args}); {rule}");
        holds_up_to(ARITY_MAX, n, "arguments under `not`", world(&policy, &facts), |mut world| {
            assert_eq!(world.n_rows("p"), 1);
        });
    }
}

#[test]
fn outer_variables_of_a_negation() {
    for n in around(ARITY_MAX).into_iter().chain(around(1 << 8)).chain([300, 1_000]) {
        let bound = joined(n, " and ", |at| format!("n(v{at})"));
        let used = joined(n, " and ", |at| format!("m(v{at})"));
        let policy = format!("p(x) if s(x) and {bound} and not (t(v0) and {used});");
        let facts = ["s", "n", "m", "t"].map(|predicate| text(predicate, &["a"]));
        let (Some(mut denied), Some(mut granted)) = (world(&policy, &facts), world(&policy, &facts[..3])) else {
            assert!(n > ARITY_MAX, "{n}");
            continue;
        };
        assert_eq!((denied.n_rows("p"), granted.n_rows("p")), (0, 1), "{n} outer variables");
    }
}

#[test]
fn types_of_a_policy() {
    for n in around(1 << 8).into_iter().chain([5_000]) {
        let block =
            |at: usize| format!("resource T{at} {{ roles = [\"r\"]; permissions = [\"read\"]; \"read\" if \"r\"; }}\n");
        let policy = format!("actor User {{}}\n{}", joined(n, "", block));
        let role = |at: usize| fact("has_role", &[("User", "ann"), ("String", "r"), (&format!("T{at}"), "x")]);
        let Some(mut world) = world(&policy, &[role(0), role(n - 1)]) else {
            assert!(n > 257, "{n}");
            continue;
        };
        for at in [0, 1, n - 2, n - 1] {
            let resource = value(&format!("T{at}"), "x");
            let ask = Ask::Authorize { actor: value("User", "ann"), action: "read".into(), resource };
            assert_eq!(world.ask(ask), Ok(Answer::Decision(at == 0 || at == n - 1)), "type {at} of {n}");
        }
    }
}

/// Facts whose middle argument is one of `n` Strings, each at one other end.
fn labelled(predicate: &str, n: usize) -> Vec<Fact> {
    let of = |at: usize| {
        let (label, end) = (format!("label-{at}"), (at % 7).to_string());
        fact(predicate, &[("Repository", &end), ("String", &label), ("Organization", &end)])
    };
    (0..n).map(of).collect()
}

#[test]
fn labels_and_literals_of_a_relation() {
    let policy = r#"reaches(r, o) if has_relation(r, "label-0", o) and labelled(r, "label-0", o);"#;
    for predicate in ["has_relation", "labelled"] {
        for n in widths() {
            let mut world = world(policy, &labelled(predicate, n)).expect("a policy");
            let [repository, organization] = ["Repository", "Organization"].map(|ty| Pattern::Type(ty.into()));
            for at in [0, 1, 7, 254, 255, 256, 257, n - 2, n - 1, n] {
                let label = Pattern::Exact(value("String", &format!("label-{at}")));
                let args = vec![repository.clone(), label, organization.clone()];
                let ask = Ask::Query { predicate: predicate.into(), args };
                let n_found = match world.ask(ask) {
                    Ok(Answer::Facts(rows)) => rows.len(),
                    other => panic!("{other:?}"),
                };
                assert_eq!(n_found, usize::from(at < n), "{predicate}: label {at} of {n}");
            }
        }
    }
}

#[test]
fn resources_of_a_list() {
    let policy = r#"
        actor User {}
        resource Repository { roles = ["reader"]; permissions = ["read"]; "read" if "reader"; }
    "#;
    for n in widths() {
        let role =
            |at: usize| fact("has_role", &[("User", "ann"), ("String", "reader"), ("Repository", &at.to_string())]);
        let mut world = world(policy, &(0..n).map(role).collect::<Vec<_>>()).expect("a policy");
        let (actor, action, resource_type) = (value("User", "ann"), "read".to_owned(), "Repository".to_owned());
        let answer = world.ask(Ask::List { actor, action, resource_type });
        assert!(matches!(&answer, Ok(Answer::Ids(ids)) if ids.len() == n), "{n}");
    }
}

/// Is the request refused by a limit?
fn is_refused(outcome: &Result<Answer, AskError>) -> bool {
    matches!(outcome, Err(AskError::Invalid { message }) if message.contains("are allowed"))
}

#[test]
fn ids_context_facts_and_types_of_a_request() {
    for n in widths().chain(around(REQUEST_IDS_MAX)) {
        let mut world = world("actor User {}", &[text("s", &["0"]), text("s", &[&(n - 1).to_string()])]).expect("one");
        let ids = (0..n).map(|at| at.to_string()).collect();
        let constraint = Constraint { type_name: "String".into(), ids: Some(ids) };
        let calls = vec![("s".to_owned(), vec!["x".to_owned()])];
        let outcome = world.ask(Ask::Evaluate { calls, constraints: vec![("x".to_owned(), constraint)] });
        assert_eq!(is_refused(&outcome), n > REQUEST_IDS_MAX, "{n} ids: {outcome:?}");
        assert!(n > REQUEST_IDS_MAX || matches!(outcome, Ok(Answer::Bindings { rows, .. }) if rows.len() == 2));
    }
    for (n, n_types) in widths()
        .chain(around(CONTEXT_FACTS_MAX))
        .map(|n| (n, 1))
        .chain(around(1 << 8).into_iter().chain(around(REQUEST_TYPES_MAX)).map(|n| (n, n)))
    {
        let mut world = world("actor User {}", &[]).expect("a policy");
        let of = |at: usize| fact("seen", &[(&format!("T{}", at % n_types), &at.to_string())]);
        let ask = Ask::Query { predicate: "seen".into(), args: vec![Pattern::Any] };
        let outcome = world.with(ask, (0..n).map(of).collect());
        assert_eq!(is_refused(&outcome), n > CONTEXT_FACTS_MAX || n_types > REQUEST_TYPES_MAX, "{n}, {n_types}");
        assert!(is_refused(&outcome) || matches!(&outcome, Ok(Answer::Facts(rows)) if rows.len() == n), "{n}");
    }
}
