//! Latency of the engine for the workload's kinds of queries: natively, and through the component as the node calls it.
//!
//! `cargo bench -p understudy --bench engine [-- SIZE]` (XS, S, M or L; S unless told). Each figure is the best of several
//! rounds over all queries of a kind, one thread, warm: the least disturbed one. Ratios hold on any machine, times on this.
//! The last line is the widest question there is, once: what it took and how much memory (1M facts: `-- M`).

use std::{
    fs::File,
    io::Write,
    time::{Duration, Instant},
};

use understudy::guest::{
    component::Guest,
    instance::{Instance, Opening},
};
use understudy_core::{
    engine::{Engine, Options},
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, Pattern, Request},
    raw::{Call, Reply},
    snapshot::{Contents, Manifest, PolicyText, write},
};
use understudy_tests::workload::{NOW_S, Query, Workload, ids_of_answer};

const ROUNDS: usize = 7;
/// A round goes over the queries until this has passed.
const ROUND: Duration = Duration::from_millis(60);

fn main() {
    // Cargo itself hands over `--bench`.
    let size = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_else(|| "S".to_owned());
    let folder = tempfile::tempdir().expect("a folder");
    let workload = Workload::generate(&size, folder.path()).expect("python3 runs the generator");
    let (facts, policy) = (workload.facts(), std::fs::read_to_string(workload.policy()).expect("its policy"));
    let n_facts = facts.len();
    let policy = Some(PolicyText { file: None, text: policy });
    let begun = Instant::now();
    let bytes = write(&Contents { manifest: Manifest::default(), policy, keys: None }, facts).expect("it fits");
    println!(
        "workload {size}: {n_facts} facts, snapshot {:.1} bytes a fact, written in {:.2} s",
        bytes.len() as f64 / n_facts as f64,
        begun.elapsed().as_secs_f64()
    );
    let path = folder.path().join("workload.snapshot");
    File::create(&path).and_then(|mut file| file.write_all(&bytes)).expect("room for it");
    let file = File::open(&path).expect("what was written");

    let begun = Instant::now();
    let mut native = Engine::open(&bytes, Options::seeded(1)).expect("it opens");
    let native_open = begun.elapsed();
    let guest = Guest::load().expect("the component loads");
    let begun = Instant::now();
    let mut instance = Instance::open(&guest, &file, Opening::within(1 << 30, 1)).expect("it opens");
    println!("open: native {native_open:.1?}, component {:.1?} (instance made, file mapped)", begun.elapsed());

    println!("{:<10} {:>8} {:>12} {:>12} {:>7}", "kind", "queries", "native", "component", "ratio");
    for kind in workload.kinds() {
        let queries: Vec<&Query> = workload.queries.iter().filter(|query| query.kind == kind).collect();
        let requests: Vec<Request> = queries.iter().map(|query| request(query.ask())).collect();
        for (query, request) in queries.iter().zip(&requests) {
            let answer = native.ask(request).expect("an answer");
            assert!(query.is_right(&ids_of_answer(answer)), "{} is wrong natively", query.id);
        }
        let calls: Vec<Call> = requests.iter().cloned().map(Call::Ask).collect();
        for (query, call) in queries.iter().zip(&calls) {
            let Ok(Reply::Answer(answer)) = instance.call(call) else { panic!("an answer") };
            assert!(query.is_right(&ids_of_answer(answer)), "{} is wrong in the component", query.id);
        }
        let (mut best_native, mut best_component) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..ROUNDS {
            best_native = best_native.min(round(requests.len(), |n| drop(native.ask(&requests[n]))));
            best_component = best_component.min(round(calls.len(), |n| drop(instance.call(&calls[n]))));
        }
        println!(
            "{kind:<10} {:>8} {:>12} {:>12} {:>7.2}",
            queries.len(),
            micros(best_native),
            micros(best_component),
            best_component / best_native
        );
    }
    widest(&guest, &file);
}

/// Everything that anybody may do: what it takes until it is answered or refused, in an instance with the memory of a node's.
fn widest(guest: &Guest, file: &File) {
    let of_type = |name: &str| Pattern::Type(name.to_owned());
    let args = vec![of_type("User"), Pattern::Any, of_type("Repository")];
    let call = Call::Ask(request(Ask::Query { predicate: "allow".into(), args }));
    let mut instance = Instance::open(guest, file, Opening::within(1 << 30, 1)).expect("it opens");
    let before = high_water_mib();
    let begun = Instant::now();
    let outcome = match instance.call(&call) {
        Ok(Reply::Answer(Answer::Facts(rows))) => format!("{} rows", rows.len()),
        Ok(_) => "another answer".to_owned(),
        Err(failure) => format!("refused ({failure})"),
    };
    println!(
        "query allow User:_ _ Repository:_: {outcome} in {:.2} s, instance {} MiB more, process at most {} MiB ({before} before)",
        begun.elapsed().as_secs_f64(),
        instance.grown_bytes() >> 20,
        high_water_mib()
    );
}

/// Most memory that this process has had; 0 where the system doesn't say.
fn high_water_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) >> 10
}

fn request(ask: Ask) -> Request {
    Request { ask, context_facts: Vec::new(), now_s: NOW_S, budget: WORK_UNITS_PER_REQUEST }
}

/// Seconds a query takes on average over one round.
fn round(n_queries: usize, mut ask: impl FnMut(usize)) -> f64 {
    let begun = Instant::now();
    let mut n_asked = 0;
    while begun.elapsed() < ROUND {
        (0..n_queries).for_each(&mut ask);
        n_asked += n_queries;
    }
    begun.elapsed().as_secs_f64() / n_asked as f64
}

fn micros(seconds: f64) -> String {
    format!("{:.2} us", seconds * 1e6)
}
