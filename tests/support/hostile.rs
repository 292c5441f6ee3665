//! Clients that mean harm, and the good one beside them.
//!
//! A hostile client either doesn't know HTTP, or knows it too well, or has a key and asks only for what costs most. What a
//! server does about each is for the tests; what it must never do is told here: answer a request that it should have
//! refused, fail inside, or keep the good client waiting for ever.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};

use crate::{connection::Connection, process::KEY, process::Process, random::Random};

/// A policy whose cheap questions are cheap, and whose dear ones spend what a request has: a join of four, a list of
/// everything, a secret kept in 200 places of which one has to be reached.
pub const POLICY: &str = r#"
actor User {}
resource Repo {
  roles = ["reader"];
  permissions = ["read"];
  relations = { parent: Repo };
  "read" if "reader";
  "reader" if "reader" on "parent";
}
apart(a: Repo, d: Repo) if
  b matches Repo and c matches Repo and
  near(a, b) and near(b, c) and near(c, d) and near(d, b) and far(a, d);
resource Secret { permissions = ["open"]; }
has_permission(_: User, "open", secret: Secret) if kept(secret, from) and reach(from, to) and is_hidden(to);
reach(from: Repo, to: Repo) if near(from, to);
reach(from: Repo, to: Repo) if reach(from, between) and near(between, to);
declare near(Repo, Repo);
declare far(Repo, Repo);
declare kept(Secret, Repo);
declare is_hidden(Repo);
"#;

/// Facts of [`POLICY`]: `ann` reads `n_repos` by one role at the root; repositories near each other, `far` from none.
pub fn facts(n_repos: usize) -> Vec<Json> {
    let repo = |n: usize| json!(["Repo", format!("r{n}")]);
    let mut facts = vec![
        json!(["has_role", ["User", "ann"], ["String", "reader"], repo(0)]),
        json!(["has_role", ["User", "bo"], ["String", "reader"], ["Repo", "of bo"]]),
        json!(["far", ["Repo", "of bo"], ["Repo", "of bo"]]),
        json!(["is_hidden", ["Repo", "hidden"]]),
        json!(["near", repo(5), ["Repo", "hidden"]]),
    ];
    facts.extend((0..200).map(|n| json!(["kept", ["Secret", "s"], repo(n)])));
    facts.extend((1..n_repos).map(|n| json!(["has_relation", repo(n), ["String", "parent"], repo((n - 1) / 2)])));
    for n in 0..200 {
        facts.extend((1..=60).map(|step| json!(["near", repo(n), repo((n + step * 7) % 200)])));
    }
    facts
}

/// The dearest questions there are: path and body.
pub fn dear(random: &mut Random) -> (&'static str, Json) {
    let ann = json!({
        "actor_type": "User", "actor_id": "ann", "action": "read", "resource_type": "Repo", "context_facts": []
    });
    let any = json!({"type": "Repo", "id": null});
    match random.below(3) {
        0 => ("/api/list", ann),
        1 => {
            let query = json!({"predicate": "apart", "args": [any, any]});
            ("/api/query", json!({"fact": query, "context_facts": []}))
        }
        _ => {
            let all = json!({"type": "Repo", "ids": null});
            let body = json!({
                "predicate": ["near", ["a", "b"]], "calls": [["near", ["b", "c"]], ["near", ["c", "a"]]],
                "constraints": {"a": all, "b": all, "c": all}, "context_facts": []
            });
            ("/api/evaluate_query", body)
        }
    }
}

/// The good client's question, whose answer is known: `bo` reads his own repository alone.
fn is_right(connection: &mut Connection, n: usize) -> std::io::Result<bool> {
    let (resource, expected) = if n.is_multiple_of(2) { ("of bo", true) } else { ("r1", false) };
    Ok(connection.authorize(("User", "bo"), "read", ("Repo", resource))? == expected)
}

/// What the good client saw.
#[derive(Debug, Default)]
pub struct Good {
    /// How long each answer took.
    pub times: Vec<Duration>,
    /// What went wrong: wrong answers, refusals, broken connections.
    pub wrong: Vec<String>,
}

impl Good {
    /// Asks on one connection, with a short pause between two questions, until `is_over` or `n_max` answers.
    pub fn ask(address: SocketAddr, is_over: &AtomicBool, n_max: usize) -> Good {
        let mut good = Good::default();
        let mut connection = Connection::open(address).expect("a connection");
        for n in 0..n_max {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            let begun = Instant::now();
            match is_right(&mut connection, n) {
                Ok(true) => good.times.push(begun.elapsed()),
                Ok(false) => good.wrong.push(format!("question {n} has the wrong answer")),
                Err(error) => {
                    good.wrong.push(format!("question {n}: {error}"));
                    connection = Connection::open(address).expect("a connection");
                }
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        good.times.sort_unstable();
        good
    }

    /// Takes another turn's.
    pub fn add(&mut self, other: Good) {
        self.times.extend(other.times);
        self.times.sort_unstable();
        self.wrong.extend(other.wrong);
    }

    /// The time within which so many of a thousand answers came.
    pub fn permille(&self, of: usize) -> Duration {
        let index = (self.times.len() * of / 1_000).min(self.times.len().saturating_sub(1));
        self.times.get(index).copied().unwrap_or_default()
    }
}

/// A malformed or hostile request: its bytes, and statuses that may come back. None coming back is always allowed.
pub fn request(random: &mut Random) -> (Vec<u8>, &'static [u16]) {
    const BAD: &[u16] = &[400, 404, 405, 408, 413, 414, 431, 501, 505];
    let post = |headers: &str, body: &[u8]| {
        let head = format!("POST /api/authorize HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n{headers}\r\n");
        [head.as_bytes(), body].concat()
    };
    let sized = |body: &[u8]| post(&format!("Content-Length: {}\r\n", body.len()), body);
    let noise = |random: &mut Random, n: usize| (0..n).map(|_| random.below(256) as u8).collect::<Vec<u8>>();
    let hidden = "POST /api/clear_data HTTP/1.1\r\nHost: x\r\n\r\n";
    match random.below(16) {
        // No HTTP at all.
        0 => {
            let n_bytes = random.below(4_096);
            (noise(random, n_bytes), BAD)
        }
        1 => (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".iter().copied().chain(noise(random, 200)).collect(), &[]),
        2 => (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".iter().copied().chain(noise(random, 500)).collect(), BAD),
        // One request in another, by every disagreement about where a body ends.
        3 => {
            let forms = [
                "Content-Length: 6\r\nContent-Length: 5\r\n",
                "Content-Length: 0\r\nTransfer-Encoding: xchunked\r\n",
                "Transfer-Encoding: chunked, identity\r\n",
                "Transfer-Encoding : chunked\r\n",
                "Content-Length: 5\r\n Transfer-Encoding: chunked\r\n",
                "Content-Length: +5\r\n",
                "Content-Length: 1e1\r\n",
            ];
            (post(random.pick::<&str>(&forms), format!("0\r\n\r\n{hidden}").as_bytes()), BAD)
        }
        4 => (
            post(
                "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
                format!("{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len()).as_bytes(),
            ),
            BAD,
        ),
        5 => (
            post(
                "Transfer-Encoding: chunked\r\n",
                random.pick::<&[u8]>(&[
                    &b"fffffffffffffffff\r\n"[..],
                    b"-1\r\nx",
                    b"5\r\nhello",
                    b"\0\r\n",
                    b"5;a=b\n\nxx",
                ]),
            ),
            BAD,
        ),
        // Heads.
        6 => (post(&format!("X: {}\r\n", "x".repeat(1 << (10 + random.below(9)))), b""), BAD),
        7 => (post(&"X: y\r\n".repeat(1 << random.below(12)), b""), BAD),
        8 => (format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a%00/".repeat(random.below(20_000))).into_bytes(), BAD),
        9 => (
            format!(
                "{} /api/authorize HTTP/{}\r\n\r\n",
                random.pick(&["", "get", "TRACE", "CONNECT", "\u{0}", "POST POST"]),
                random.pick(&["1.1", "1.0", "0.9", "7", ""])
            )
            .into_bytes(),
            &[400, 401, 404, 405, 505],
        ),
        // Bodies.
        10 => {
            let (open, close) = *random.pick(&[("[", "]"), ("{\"a\":", "}"), ("[{\"actor_type\":", "}]")]);
            let n = 1 << random.below(17);
            (sized(format!("{}1{}", open.repeat(n), close.repeat(n)).as_bytes()), BAD)
        }
        11 => {
            let n_bytes = random.below(2_000);
            (sized(&[&b"{\"actor_type\":\""[..], &noise(random, n_bytes), b"\"}"].concat()), BAD)
        }
        12 => {
            let values =
                ["null", "1e999", "-0", "\"\\ud800\"", "true", "[]", "{}", "\"*\"", "\"\"", "18446744073709551616"];
            let names = ["actor_type", "actor_id", "action", "resource_type", "context_facts", "page_size"];
            let fields = names.map(|name| format!("\"{name}\":{}", random.pick::<&str>(&values)));
            (sized(format!("{{{}}}", fields.join(",")).as_bytes()), BAD)
        }
        13 => {
            let id = "x".repeat(1 << random.below(16));
            let body = json!({"actor_type": id, "actor_id": id, "action": id, "resource_type": id, "resource_id": id, "context_facts": [
                {"predicate": id, "args": [{"type": id, "id": id}]}]});
            (sized(body.to_string().as_bytes()), &[200, 400])
        }
        // Lengths that are not kept.
        14 => (post("Content-Length: 10485761\r\n", b""), BAD),
        _ => (post("Content-Length: 1000\r\n", b"{"), BAD),
    }
}

/// Throws the hostile request of a seed; `Err`: it was answered otherwise than it may be.
pub fn throw_seeded(address: SocketAddr, seed: u64) -> Result<(), String> {
    let (bytes, allowed) = request(&mut Random::new(seed));
    let statuses = throw(address, &bytes);
    let is_allowed = |status: &u16| allowed.contains(status) || *status == 503;
    if statuses.len() <= 1 && statuses.iter().all(is_allowed) {
        return Ok(());
    }
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]);
    Err(format!("request {seed}: {statuses:?} for {shown}"))
}

/// Sends it, and gives the statuses of everything that comes back within a moment.
pub fn throw(address: SocketAddr, bytes: &[u8]) -> Vec<u16> {
    let Ok(mut stream) = TcpStream::connect(address) else { return Vec::new() };
    let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
    let _ = stream.set_write_timeout(Some(Duration::from_secs(5)));
    let _ = stream.write_all(bytes);
    // Some say that nothing follows, some leave the server waiting.
    if bytes.len().is_multiple_of(2) {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answers = Vec::new();
    let mut chunk = [0; 4_096];
    while answers.len() < 1 << 20 {
        match stream.read(&mut chunk) {
            Ok(n) if n > 0 => answers.extend_from_slice(&chunk[..n]),
            _ => break,
        }
    }
    let text = String::from_utf8_lossy(&answers);
    text.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)?.parse().ok()).collect()
}

/// Opens as many connections as it may, up to `n`, and says nothing on them.
pub fn flood(address: SocketAddr, n: usize) -> Vec<TcpStream> {
    let mut all = Vec::with_capacity(n);
    for _ in 0..n {
        // Some never come about; that is the server's good right.
        if let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_secs(5)) {
            all.push(stream);
        }
    }
    all
}

/// A connection with the head of a request and one byte of its long body.
pub fn slow(address: SocketAddr) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    let head = format!(
        "POST /api/list HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 10000000\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes())?;
    Ok(stream)
}

/// A large body by whom nobody knows, as fast as it is taken; the status of the refusal, if it comes.
pub fn stranger(address: SocketAddr) -> Option<u16> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.set_write_timeout(Some(Duration::from_secs(5))).ok()?;
    let head = "POST /api/list HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer e_0_0_nobody\r\n";
    write!(stream, "{head}Content-Length: 10000000\r\n\r\n").ok()?;
    // It may end sooner than the body.
    let _ = (0..152).try_for_each(|_| stream.write_all(&[b' '; 64 << 10]));
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).ok()?;
    std::str::from_utf8(&answer).ok()?.split(' ').nth(1)?.parse().ok()
}

/// An authorised client that asks only for what is dearest, until `is_over`: how many answers and refusals it got.
pub fn greedy(address: SocketAddr, seed: u64, is_over: &AtomicBool) -> (usize, usize) {
    let (mut random, mut n_answers, mut n_refusals) = (Random::new(seed), 0, 0);
    while !is_over.load(Ordering::Relaxed) {
        let Ok(mut connection) = Connection::open(address) else { continue };
        while !is_over.load(Ordering::Relaxed) {
            let (path, body) = dear(&mut random);
            match connection.send("POST", path, &body) {
                Ok(answer) if answer.status == 200 => n_answers += 1,
                Ok(answer) => {
                    assert!([400, 503].contains(&answer.status), "{} {}", answer.status, answer.text());
                    n_refusals += 1;
                }
                // It gave up waiting, or was sent away.
                Err(_) => break,
            }
        }
    }
    (n_answers, n_refusals)
}

/// Memory of a process in use now, and at most so far, in MiB.
pub fn memory_mib(process: &Process) -> (usize, usize) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).expect("the process lives");
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().next().and_then(|kib| kib.parse::<usize>().ok()).unwrap_or(0)
    };
    (kib("VmRSS:") / 1024, kib("VmHWM:") / 1024)
}

/// From now on the most is counted anew.
pub fn forget_peak(process: &Process) {
    // Where that is refused the most is that since the start.
    let _ = std::fs::write(format!("/proc/{}/clear_refs", process.id()), "5");
}

/// How often threads of a process have been woken, all together.
pub fn wakes(process: &Process) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", process.id())).expect("the process lives");
    let wakes = tasks.filter_map(|task| {
        let status = std::fs::read_to_string(task.ok()?.path().join("status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse::<usize>().ok())
    });
    wakes.sum()
}

/// Lets this process have as many open files as it may.
pub fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where that fails there are fewer connections.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
