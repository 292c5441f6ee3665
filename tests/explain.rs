//! Explanations: the answer is the one without reasons, on every case and on random worlds; every step of what holds is an
//! instance of a rule over steps that don't rest on it, every leaf a fact that was given; checked by `support/derivation`,
//! which knows nothing of how they were found.

use std::path::Path;

use understudy_core::{
    compile::{Source, compile},
    eval::answer::Evaluator,
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, AskError, Explanation, Fact, Request},
    rules::rule::Program,
};
use understudy_tests::{
    ask::ask,
    case::{Case, all, of_text},
    derivation, generate,
};

/// Explains a case's question and checks what can be checked; `None` where there is nothing to ask.
fn checked(case: &Case) -> Option<Result<Explanation, AskError>> {
    let program = compile(&[Source { name: "policy", text: &case.policy }]).program?;
    let mut evaluator = Evaluator::new(&program, Plain::new(case.facts.clone()), 0);
    let request = Request {
        ask: ask(&case.ask)?,
        context_facts: case.context_facts.clone(),
        now_s: case.now_s.unwrap_or(1_780_000_000),
        budget: WORK_UNITS_PER_REQUEST,
    };
    let asked = evaluator.ask(&request);
    let explained = evaluator.explain(&program, &request);
    let again = evaluator.explain(&program, &request);
    assert_eq!(explained, again, "{}: an explanation is the same each time", case.name);
    match (&asked, &explained) {
        (Ok(answer), Ok(explanation)) => {
            assert_eq!(*answer, explanation.answer, "{}", case.name);
            check(case, &program, &mut evaluator, &request, explanation);
        }
        (Err(asked), Err(explained)) => assert_eq!(asked, explained, "{}", case.name),
        _ => panic!("{}: asked {asked:?}, explained {explained:?}", case.name),
    }
    Some(explained)
}

fn check(
    case: &Case,
    program: &Program,
    evaluator: &mut Evaluator<Plain>,
    request: &Request,
    explanation: &Explanation,
) {
    let facts: Vec<(Fact, bool)> = case.facts.iter().map(|fact| (fact.clone(), false)).collect();
    let context = case.context_facts.iter().map(|fact| (fact.clone(), true));
    let all: Vec<(Fact, bool)> = facts.into_iter().chain(context).collect();
    if let Err(why) = derivation::check(program, &all, evaluator, request, explanation) {
        panic!("{}: {why}\n{explanation}\n{}", case.name, case.policy);
    }
    let text = explanation.to_string();
    assert!(text.lines().count() >= explanation.roots.len(), "{text}");
}

#[test]
fn every_case_is_explained() {
    let cases = all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"));
    let n_explained = cases.iter().filter_map(checked).filter(Result::is_ok).count();
    assert!(n_explained > 150, "{n_explained}");
}

#[test]
fn random_worlds_are_explained() {
    let number = |name: &str, default| std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"));
    let (first, n_worlds) = (number("UNDERSTUDY_SEED", 0u64), number("UNDERSTUDY_WORLDS", 3_000u64));
    let (mut n_held, mut n_missed) = (0, 0);
    for seed in first..first + n_worlds {
        let world = generate::world(seed);
        let case = of_text(format!("world {seed}"), &world.case(&serde_json::Value::Null));
        if let Some(Ok(explanation)) = checked(&case) {
            let held = explanation.steps.first().is_some_and(|step| step.holds);
            n_held += u64::from(held);
            n_missed += u64::from(!held);
        }
    }
    println!("{n_held} explained, {n_missed} refusals");
    assert!(n_held > n_worlds / 20 && n_missed > n_worlds / 20);
}

const POLICY: &str = "actor User {}
resource Org { roles = [\"member\"]; }
resource Repo {
  roles = [\"reader\", \"owner\"];
  permissions = [\"read\", \"delete\"];
  relations = { org: Org };
  \"read\" if \"reader\";
  \"reader\" if \"owner\";
  \"reader\" if \"member\" on \"org\";
}
has_permission(u: User, \"delete\", r: Repo) if has_role(u, \"owner\", r) and not locked(r);
locked(r: Repo) if frozen(r);
";

fn explained(facts: &str, ask: &str) -> Explanation {
    let text = format!("--- policy\n{POLICY}--- facts\n{facts}\n--- ask\n{ask}\n--- expect\nnull\n");
    checked(&of_text("explained".to_owned(), &text)).expect("it compiles").expect("it has an answer")
}

fn authorize(action: &str) -> String {
    format!(
        r#"{{"kind":"authorize","actor":{{"type":"User","id":"ann"}},"action":"{action}","resource":{{"type":"Repo","id":"web"}}}}"#
    )
}

#[test]
fn an_allow_is_a_tree_of_rules_and_facts() {
    let facts = r#"has_relation(Repo{"web"}, "org", Org{"acme"}); has_role(User{"ann"}, "member", Org{"acme"});"#;
    let told = explained(facts, &authorize("read")).to_string();
    let expected = r#"allow(User{"ann"}, "read", Repo{"web"})  <- built-in rule: allow if has_permission
  has_permission(User{"ann"}, "read", Repo{"web"})  <- rule at policy:7
    has_role(User{"ann"}, "reader", Repo{"web"})  <- rule at policy:9
      has_relation(Repo{"web"}, "org", Org{"acme"})  <- stored fact
      has_role(User{"ann"}, "member", Org{"acme"})  <- stored fact
"#;
    assert_eq!(told, expected);
}

#[test]
fn a_refusal_tells_the_nearest_miss_first() {
    let explanation = explained(r#"has_relation(Repo{"web"}, "org", Org{"acme"});"#, &authorize("read"));
    let nearest = explanation.nearest_miss().expect("something is missing");
    assert_eq!(nearest, r#"no fact `has_role(User{"ann"}, "member", Org{"acme"})` (rule at policy:9 needs it)"#);
    assert!(!explanation.is_cut);
}

#[test]
fn a_refusal_by_a_not_shows_what_holds_under_it() {
    let explanation =
        explained(r#"has_role(User{"ann"}, "owner", Repo{"web"}); frozen(Repo{"web"});"#, &authorize("delete"));
    let nearest = explanation.nearest_miss().expect("something is missing");
    assert_eq!(nearest, r#"`not locked(Repo{"web"})` is not met (rule at policy:11)"#);
    let told = explanation.to_string();
    assert!(told.contains("locked(Repo{\"web\"})  <- rule at policy:12"), "{told}");
    assert!(told.contains("frozen(Repo{\"web\"})  <- stored fact"), "{told}");
}

#[test]
fn a_list_says_why_each_id() {
    let facts = r#"has_role(User{"ann"}, "owner", Repo{"b"}); has_role(User{"ann"}, "reader", Repo{"a"});"#;
    let ask = r#"{"kind":"list","actor":{"type":"User","id":"ann"},"action":"read","resource_type":"Repo"}"#;
    let explanation = explained(facts, ask);
    assert_eq!(explanation.answer, Answer::Ids(vec!["a".to_owned(), "b".to_owned()]));
    let roots: Vec<String> = explanation.roots.iter().map(|at| explanation.steps[*at].goal.to_string()).collect();
    assert_eq!(roots, [r#"allow(User{"ann"}, "read", Repo{"a"})"#, r#"allow(User{"ann"}, "read", Repo{"b"})"#]);
}

#[test]
fn long_circles_have_finite_trees_and_large_ones_are_cut() {
    let n = 3_000;
    let facts: String = (0..n).map(|at| format!("edge(User{{\"{at}\"}}, User{{\"{}\"}});", (at + 1) % n)).collect();
    let policy = "actor User {}\nreach(a, b) if edge(a, b);\nreach(a, b) if edge(a, m) and reach(m, b);\n";
    let ask = r#"{"kind":"query","predicate":"reach","args":[{"type":"User","id":"0"},{"type":"User","id":"2999"}]}"#;
    let text = format!("--- policy\n{policy}--- facts\n{facts}\n--- ask\n{ask}\n--- expect\nnull\n");
    let case = of_text("circle".to_owned(), &text);
    let explanation = checked(&case).expect("it compiles").expect("it has an answer");
    assert!(explanation.is_cut && explanation.steps.len() == understudy_core::limits::EXPLAIN_STEPS_MAX);
    assert!(explanation.to_string().ends_with("(cut: there is more)\n"));
}

#[test]
fn a_goal_found_again_by_what_it_gave_is_explained_by_how_it_was_found_first() {
    // `a(1)` is asked by an open call first, the slow way; asked alone, `b()` that rests on it gives it at once.
    let policy = "actor User {}
slow(x) if slower(x);
slower(x) if stored(x);
a(x) if slow(x);
a(_: User) if b();
b() if a(_);
top() if b() and a(User{\"1\"});
";
    let ask = r#"{"kind":"query","predicate":"top","args":[]}"#;
    let text = format!("--- policy\n{policy}--- facts\nstored(User{{\"1\"}});\n--- ask\n{ask}\n--- expect\nnull\n");
    let told =
        checked(&of_text("again".to_owned(), &text)).expect("it compiles").expect("it has an answer").to_string();
    let n_slow = told.matches("slow(User{\"1\"})  <- rule at policy:2").count();
    assert_eq!(n_slow, 1, "{told}");
}
