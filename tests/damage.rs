//! Damaged, cut off and foreign snapshots by every way in: refused with a clear message and counted by cause, while what
//! served before serves on.

use std::{
    cmp::Ordering,
    path::Path,
    time::{Duration, Instant},
};

use understudy::replica::cache::{Cache, Directory, State};
use understudy_tests::{
    damages::{Damage, GOOD_EPOCH, damages, good, newer},
    feed::{Feed, Said},
    process::{ENVIRONMENT, NODE_VARIABLES, Process, node_args},
    recipe::Recipe,
    serve::nobody,
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
/// Nodes that are fed damages at the same time.
const NODES: usize = 4;

fn may(node: &Process, user: &str) -> bool {
    node.authorize(("User", user), "read", ("Repo", "web"))
}

/// What serves is the good snapshot and nothing of a damaged one.
fn assert_good(node: &Process, damage: &Damage) {
    assert!(may(node, "ann") && !may(node, "eve"), "{}:\n{}", damage.name, node.printed());
    assert_eq!(node.get("/healthcheck").status, 200, "{}", damage.name);
}

fn assert_clear(message: &str, damage: &Damage) {
    let clear = damage.words.iter().all(|word| message.contains(word)) && !message.contains("panick");
    assert!(clear, "{}: expected {:?} in\n{message}", damage.name, damage.words);
}

/// A way to offer a damage on a feed.
struct Offer<'a> {
    damage: &'a Damage,
    /// What the head says.
    said: Said,
    /// Bytes whose digest the head announces, as if they broke on the way; `None`: those of the damage itself.
    announced: Option<Vec<u8>>,
    /// What it is refused for.
    cause: &'static str,
}

fn offers(damage: &Damage) -> Vec<Offer<'_>> {
    let offer = |said: &Said, announced, cause| Offer { damage, said: said.clone(), announced, cause };
    if let Some(said) = &damage.honest {
        return vec![offer(said, None, damage.cause)];
    }
    let (taken, announced) = (newer().said(), newer().bytes());
    let cause = match damage.bytes.len().cmp(&announced.len()) {
        Ordering::Less => "truncated",
        Ordering::Equal => "damaged",
        Ordering::Greater => "too_large",
    };
    vec![offer(&taken, None, damage.cause), offer(&taken, Some(announced), cause)]
}

#[test]
fn a_node_that_serves_refuses_them_all_from_its_feed() {
    let damages = damages();
    let all: Vec<Offer<'_>> = damages.iter().flat_map(offers).collect();
    std::thread::scope(|scope| {
        for share in all.chunks(all.len().div_ceil(NODES)) {
            scope.spawn(move || feed_to_one_node(share));
        }
    });
    println!("feed: {} passed, 0 failed", all.len());
    assert!(damages.len() >= 20, "{}", damages.len());
}

fn feed_to_one_node(offers: &[Offer<'_>]) {
    let folder = tempfile::tempdir().expect("a folder");
    let (feed, first) = (Feed::start(), good(GOOD_EPOCH));
    feed.offer(&first.said(), &first.bytes());
    let more = ["--sync-interval", "100ms", "--log-level", "warn"];
    let mut node = Process::node(Path::new(BINARY), folder.path(), &folder.path().join("node"), &feed.url(), &more);
    node.await_serving();
    for Offer { damage, said, announced, cause } in offers {
        let counter = format!("understudy_sync_total{{origin=\"upstream\",outcome=\"{cause}\"}}");
        let count = || node.metric(&counter).unwrap_or(0.0);
        let (before, printed) = (count(), node.printed().len());
        feed.offer_as(said, announced.as_ref().unwrap_or(&damage.bytes), &damage.bytes);
        // A repeated refusal of the one before may be counted meanwhile: what is logged last tells.
        let is_logged = |words: &[&str]| {
            let logged = node.printed()[printed..].to_owned();
            logged.lines().any(|line| words.iter().all(|word| line.contains(word))) && !logged.contains("panick")
        };
        let words = if announced.is_some() { &["the snapshot"][..] } else { &damage.words };
        node.await_that(&format!("{}: counted as {cause}, logged as {words:?}", damage.name), || {
            count() > before && is_logged(words)
        });
        assert_good(&node, damage);
    }
    // An epoch it has, with other facts: even a right snapshot of that is a step back for someone.
    let (epoch, same) =
        (r#"understudy_sync_total{origin="upstream",outcome="epoch"}"#, Recipe { epoch: GOOD_EPOCH, ..newer() });
    let before = node.metric(epoch);
    feed.offer(&same.said(), &same.bytes());
    node.await_that("the same epoch again is refused", || node.metric(epoch) > before);
    assert!(may(&node, "ann") && !may(&node, "eve"));
    // And takes the next good one.
    let next = newer();
    feed.offer(&next.said(), &next.bytes());
    node.await_that("the next good snapshot serves", || may(&node, "eve"));
    assert_eq!(node.terminate().code(), Some(0));
}

/// A folder as a node leaves it that served `good(GOOD_EPOCH)`.
fn remembered(path: &Path) -> Directory {
    let directory = Directory::open(path, ENVIRONMENT).expect("a folder");
    let store = Some(good(GOOD_EPOCH).store);
    directory.save_state(&State { store, epoch: GOOD_EPOCH, ..State::default() }).expect("its state");
    directory
}

fn put(directory: &Directory, bytes: &[u8]) {
    let part = directory.write_part("test", bytes).expect("a part");
    directory.keep(&part).expect("a snapshot");
}

#[test]
fn damaged_on_disk_and_in_the_import_it_exits_and_says_why() {
    let (damages, upstream) = (damages(), nobody());
    std::thread::scope(|scope| {
        for damage in &damages {
            let upstream = &upstream;
            scope.spawn(move || {
                let folder = tempfile::tempdir().expect("a folder");
                let data = folder.path().join("node");
                put(&remembered(&data), &damage.bytes);
                let import = folder.path().join("import.snapshot");
                std::fs::write(&import, &damage.bytes).expect("a file");
                let args =
                    node_args(&data, upstream, &["--import", import.to_str().expect("UTF-8"), "--log-level", "warn"]);
                let begun = Instant::now();
                let mut node = Process::start(Path::new(BINARY), folder.path(), &args, NODE_VARIABLES);
                node.await_address();
                for origin in ["disk", "import"] {
                    let line = format!("understudy_sync_total{{origin=\"{origin}\",outcome=\"{}\"}}", damage.cause);
                    node.await_that(&format!("{}: {line}", damage.name), || node.metric(&line) == Some(1.0));
                }
                assert_eq!(node.get("/healthcheck").status, 503, "{}", damage.name);
                let status = node.await_exit(Duration::from_secs(25));
                assert!(begun.elapsed() < Duration::from_secs(20), "{}: {:?}", damage.name, begun.elapsed());
                assert_eq!(status.code(), Some(1), "{}", damage.name);
                let printed = node.printed();
                let last = printed.lines().last().unwrap_or_default();
                let why = last.split_once("disk: ").and_then(|(_, why)| why.split_once("; import: "));
                let (disk, import) = why.unwrap_or_else(|| panic!("{}: {last}", damage.name));
                assert!(last.starts_with("understudy: nothing to serve: upstream: "), "{last}");
                assert_clear(disk, damage);
                assert_clear(import, damage);
            });
        }
    });
    println!("disk and import: {} passed, 0 failed", damages.len() * 2);
}

#[test]
fn a_damaged_file_on_disk_gives_way_to_the_one_before_or_to_the_import() {
    let upstream = nobody();
    // Ones that a state without a store would take are left to the test above.
    let damages: Vec<Damage> = damages().into_iter().filter(|damage| damage.honest.is_none()).collect();
    let damages: Vec<&Damage> = damages.iter().step_by(4).collect();
    for damage in &damages {
        for has_previous in [true, false] {
            let folder = tempfile::tempdir().expect("a folder");
            let data = folder.path().join("node");
            let directory = remembered(&data);
            let import = folder.path().join("import.snapshot");
            if has_previous {
                put(&directory, &good(GOOD_EPOCH).bytes());
            } else {
                std::fs::write(&import, good(GOOD_EPOCH).bytes()).expect("a file");
            }
            put(&directory, &damage.bytes);
            drop(directory);
            let more = ["--import", import.to_str().expect("UTF-8")];
            let node = Process::node(Path::new(BINARY), folder.path(), &data, &upstream, &more);
            node.await_serving();
            assert_good(&node, damage);
            let refused = format!("understudy_sync_total{{origin=\"disk\",outcome=\"{}\"}}", damage.cause);
            assert_eq!(node.metric(&refused), Some(1.0), "{}", damage.name);
        }
    }
    println!("file before, good import: {} passed, 0 failed", damages.len() * 2);
}

#[test]
fn the_last_good_file_outlives_a_refused_one_and_the_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, feed) = (folder.path().join("node"), Feed::start());
    let directory = remembered(&data);
    put(&directory, &good(GOOD_EPOCH).bytes());
    // The newest file is broken on disk, and what the feed has then is refused only when it is opened.
    put(&directory, b"nothing");
    drop(directory);
    feed.set_mode(understudy_tests::feed::Mode::Status(500));
    let more = ["--sync-interval", "100ms"];
    let mut node = Process::node(Path::new(BINARY), folder.path(), &data, &feed.url(), &more);
    node.await_serving();
    let damage = damages().into_iter().find(|damage| damage.cause == "policy").expect("a broken policy");
    feed.offer(&newer().said(), &damage.bytes);
    feed.set_mode(understudy_tests::feed::Mode::Serving);
    let refused = r#"understudy_sync_total{origin="upstream",outcome="policy"}"#;
    node.await_that("the policy is refused", || node.metric(refused).is_some());
    assert_good(&node, &damage);
    node.kill();
    feed.set_mode(understudy_tests::feed::Mode::Status(500));
    let node = Process::node(Path::new(BINARY), folder.path(), &data, &feed.url(), &more);
    node.await_serving();
    assert_good(&node, &damage);
}

#[test]
fn a_head_that_cannot_be_used_is_refused() {
    let (folder, feed, first) = (tempfile::tempdir().expect("a folder"), Feed::start(), good(GOOD_EPOCH));
    feed.offer(&first.said(), &first.bytes());
    let more = ["--sync-interval", "100ms", "--log-level", "warn"];
    let node = Process::node(Path::new(BINARY), folder.path(), &folder.path().join("node"), &feed.url(), &more);
    node.await_serving();
    let head = |format: u32, sha256: &str, bytes: u64| {
        format!(
            r#"{{"format":{format},"environment":"{ENVIRONMENT}","store":"{}","epoch":9,"created_ms":1,"snapshot":{{"sha256":"{sha256}","bytes":{bytes}}}}}"#,
            first.store
        )
    };
    let name = "ab".repeat(32);
    let heads = [
        (head(1, &name, 10), "version", "the feed has format 1, this node reads 0: update the node"),
        (head(0, "../../secret", 10), "malformed", "names its snapshot by something else than a digest"),
        (head(0, &name, u64::MAX), "too_large", "has more than"),
        // Not beside the other: the same twice in a row is told once.
        (head(0, &name.to_uppercase(), 10), "malformed", "names its snapshot by something else than a digest"),
        (head(0, &name, 10), "status", "404 Not Found for the snapshot"),
        ("{\"format\":0}".to_owned(), "malformed", "the feed's head can't be read"),
        (format!("{{\"x\":\"{}\"}}", "y".repeat(100_000)), "too_large", "larger than 65536 bytes"),
    ];
    for (head, cause, words) in &heads {
        let counter = format!("understudy_sync_total{{origin=\"upstream\",outcome=\"{cause}\"}}");
        let (before, printed) = (node.metric(&counter), node.printed().len());
        feed.set_head(head);
        node.await_that(&format!("{cause}: {words}"), || {
            node.metric(&counter) > before && node.printed()[printed..].contains(words)
        });
        assert!(may(&node, "ann"), "{words}");
    }
    println!("heads: {} passed, 0 failed", heads.len());
}

#[test]
fn without_its_folder_it_serves_on_and_takes_nothing() {
    let (folder, feed, first) = (tempfile::tempdir().expect("a folder"), Feed::start(), good(GOOD_EPOCH));
    let data = folder.path().join("node");
    feed.offer(&first.said(), &first.bytes());
    let more = ["--sync-interval", "100ms", "--log-level", "warn"];
    let node = Process::node(Path::new(BINARY), folder.path(), &data, &feed.url(), &more);
    node.await_serving();
    std::fs::remove_dir_all(&data).expect("it was there");
    feed.offer(&newer().said(), &newer().bytes());
    let refused = r#"understudy_sync_total{origin="upstream",outcome="disk"}"#;
    node.await_that("the disk refuses", || node.metric(refused).is_some());
    assert!(may(&node, "ann") && !may(&node, "eve"), "what can't be kept would be lost by the next start");
    assert!(node.printed().contains("can't be written"), "{}", node.printed());
    std::fs::create_dir(&data).expect("a folder");
    node.await_that("it goes on", || may(&node, "eve"));
}

#[test]
fn a_primary_with_a_damaged_snapshot_makes_a_new_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let binary = Path::new(BINARY);
    let path = format!("/feed/v0/{ENVIRONMENT}/head");
    let mut primary = Process::primary(binary, folder.path(), &[]);
    primary.post_policy(understudy_tests::damages::POLICY);
    let reader = serde_json::json!(["has_role", ["User", "ann"], ["String", "reader"], ["Repo", "web"]]);
    primary.write(&[reader], &[]);
    let head = primary.get(&path).json();
    primary.kill();
    let mut n_damaged = 0;
    for entry in walk(&folder.path().join("primary")) {
        let mut bytes = std::fs::read(&entry).expect("a file");
        if bytes.starts_with(b"UNDRSTDY") {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(&entry, bytes).expect("a file");
            n_damaged += 1;
        }
    }
    assert!(n_damaged > 0);
    let primary = Process::primary(binary, folder.path(), &[]);
    assert!(may(&primary, "ann"));
    let anew = primary.get(&path).json();
    assert!(anew["epoch"].as_u64() > head["epoch"].as_u64(), "{anew} after {head}");
    // A node takes it.
    let data = folder.path().join("node");
    let upstream = primary.url();
    let node = Process::node(binary, folder.path(), &data, &upstream, &[]);
    node.await_serving();
    assert!(may(&node, "ann"));
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn a_damaged_file_is_not_exported() {
    let folder = tempfile::tempdir().expect("a folder");
    let (binary, upstream) = (Path::new(BINARY), nobody());
    let out = folder.path().join("out.snapshot");
    let export = |name: &str, recipe: &Recipe, bit: bool| {
        let data = folder.path().join(name);
        let mut bytes = recipe.bytes();
        if bit {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 4;
        }
        put(&remembered(&data), &bytes);
        let args = node_args(&data, &upstream, &["--export", out.to_str().expect("UTF-8")]);
        let mut process = Process::start(binary, folder.path(), &args, NODE_VARIABLES);
        (process.await_exit(Duration::from_secs(20)).code(), process.printed())
    };
    let (code, printed) = export("damaged", &good(GOOD_EPOCH), true);
    assert!(code == Some(1) && printed.contains("nothing to export") && printed.contains("damaged"), "{printed}");
    assert!(!out.exists());
    let (code, printed) = export("whole", &good(GOOD_EPOCH), false);
    assert!(code == Some(0) && printed.contains("epoch 5"), "{printed}");
    assert_eq!(std::fs::read(&out).expect("the file"), good(GOOD_EPOCH).bytes());
}
