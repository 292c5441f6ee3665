//! Reading Oso Cloud's public API, where many calls are not one moment: the policy before and after, the facts until two
//! readings agree.
//!
//! Never: takes a reading that looks cut off for the whole.

use std::{collections::HashMap, time::Duration};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use understudy_core::{
    facts::FACT_ARITY_MAX,
    model::{Fact, Value},
};

use super::{
    Cause, Reading, Refusal,
    fetch::Fetcher,
    progress::{Progress, STALL},
};
use crate::keys::hex;

/// Readings of the facts before it gives up until the next time.
const READINGS_MAX: usize = 5;
/// Rows at which plans of the upstream cut an answer off.
const CUT_OFF_ROWS: usize = 1_000;
const POLICY_BYTES_MAX: usize = 64 << 20;
const FACTS_BYTES_MAX: usize = 1 << 30;

#[derive(Deserialize)]
struct PolicyAnswer {
    policy: Option<PolicyText>,
}

#[derive(Deserialize, PartialEq, Eq)]
struct PolicyText {
    filename: Option<String>,
    src: String,
}

#[derive(Deserialize)]
struct FactRow {
    predicate: String,
    args: Vec<ValueRow>,
}

#[derive(Deserialize)]
struct ValueRow {
    r#type: String,
    id: String,
}

/// A reading and its digest; `None`: it is what `known` says.
pub async fn read(
    fetcher: &Fetcher,
    known: Option<&str>,
    wait: Duration,
    progress: &Progress,
) -> Result<Option<(Reading, String)>, Refusal> {
    let mut gathered = Gathered { n_bytes: 0, progress };
    let mut last: Option<(Reading, String)> = None;
    for _ in 0..READINGS_MAX {
        let before = policy(fetcher, wait, &mut gathered).await?;
        let facts = facts(fetcher, wait, &mut gathered).await?;
        let after = policy(fetcher, wait, &mut gathered).await?;
        if before != after {
            last = None;
            continue;
        }
        let reading = Reading { policy: before.map(|policy| (policy.filename, policy.src)), facts };
        let sha256 = digest(&reading);
        // What serves was itself a moment of the upstream: finding it again needs no second reading.
        if known == Some(sha256.as_str()) {
            return Ok(None);
        }
        if last.as_ref().is_some_and(|(_, last)| *last == sha256) {
            return Ok(Some((reading, sha256)));
        }
        last = Some((reading, sha256));
    }
    let text = format!(
        "the upstream's data changed during each of {READINGS_MAX} readings, so no two agree: it is tried again later"
    );
    Err(Refusal::new(Cause::Unsettled, text))
}

/// Bytes of one reading so far.
struct Gathered<'a> {
    n_bytes: u64,
    progress: &'a Progress,
}

async fn get(
    fetcher: &Fetcher,
    path: &str,
    bytes_max: usize,
    wait: Duration,
    gathered: &mut Gathered<'_>,
) -> Result<Vec<u8>, Refusal> {
    let answer = fetcher.get(path, &[], wait).await?;
    if answer.status() != 200 {
        return Err(fetcher.status(&format!("GET {path}"), answer.status()));
    }
    let before = gathered.n_bytes;
    let came = |n_bytes| gathered.progress.reach(before.saturating_add(n_bytes as u64));
    let text = fetcher.body(answer, bytes_max, came).await?;
    gathered.n_bytes = before.saturating_add(text.len() as u64);
    Ok(text)
}

async fn policy(fetcher: &Fetcher, wait: Duration, gathered: &mut Gathered<'_>) -> Result<Option<PolicyText>, Refusal> {
    let text = get(fetcher, "/api/policy", POLICY_BYTES_MAX, wait, gathered).await?;
    let answer: PolicyAnswer = serde_json::from_slice(&text).map_err(|_| {
        let text = "what the upstream gave for GET /api/policy can't be read: is OSO_URL that of an Oso Cloud API?";
        Refusal::new(Cause::Malformed, text)
    })?;
    Ok(answer.policy)
}

async fn facts(fetcher: &Fetcher, wait: Duration, gathered: &mut Gathered<'_>) -> Result<Vec<Fact>, Refusal> {
    // The answer's first byte may take the upstream a while; it is one answer with everything.
    let text = get(fetcher, "/api/facts", FACTS_BYTES_MAX, wait.max(STALL), gathered).await?;
    parse_facts(&text)
}

fn parse_facts(text: &[u8]) -> Result<Vec<Fact>, Refusal> {
    let rows: Option<Vec<FactRow>> = serde_json::from_slice(text).map_err(|error| {
        let text = format!("what the upstream gave for GET /api/facts can't be read (byte {})", error.column());
        Refusal::new(Cause::Malformed, text)
    })?;
    let rows = rows.unwrap_or_default();
    let mut n_rows: HashMap<(&str, usize), usize> = HashMap::new();
    for row in &rows {
        *n_rows.entry((&row.predicate, row.args.len())).or_default() += 1;
    }
    if rows.len() == CUT_OFF_ROWS || n_rows.values().any(|n| *n == CUT_OFF_ROWS) {
        let text = format!(
            "the upstream gave exactly {CUT_OFF_ROWS} facts of a predicate, which is where some plans cut the answer off: \
             a copy with missing facts would answer wrongly, so it is refused; use a plan without that limit or a feed"
        );
        return Err(Refusal::new(Cause::CutOff, text));
    }
    let mut facts = Vec::with_capacity(rows.len());
    for (n, row) in rows.into_iter().enumerate() {
        let unfit = |what: &dyn std::fmt::Display| {
            Refusal::new(Cause::Malformed, format!("fact {} of GET /api/facts can't be stored: {what}", n + 1))
        };
        if !(1..=FACT_ARITY_MAX).contains(&row.args.len()) {
            return Err(unfit(&format!("it has {} arguments, 1 to {FACT_ARITY_MAX} are allowed", row.args.len())));
        }
        let args: Result<Vec<_>, _> = row.args.into_iter().map(|value| Value::new(value.r#type, value.id)).collect();
        let args = args.map_err(|error| unfit(&error))?;
        facts.push(Fact { predicate: row.predicate, args });
    }
    facts.sort_unstable();
    facts.dedup();
    Ok(facts)
}

/// SHA-256 over policy and facts, each text with its length.
fn digest(reading: &Reading) -> String {
    let mut hash = Sha256::new();
    let mut text = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    if let Some((filename, src)) = &reading.policy {
        text(filename.as_deref().unwrap_or_default());
        text(src);
    }
    text("facts");
    for fact in &reading.facts {
        text(&fact.predicate);
        text(&fact.args.len().to_string());
        for value in &fact.args {
            text(value.type_name());
            text(value.id());
        }
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rows(n: usize) -> Vec<u8> {
        let rows: Vec<_> = (0..n)
            .map(|n| serde_json::json!({"predicate": "p", "args": [{"type": "User", "id": n.to_string()}]}))
            .collect();
        serde_json::to_vec(&rows).unwrap()
    }

    #[test]
    fn exactly_a_thousand_rows_are_refused() {
        assert_eq!(parse_facts(&rows(1_000)).unwrap_err().cause, Cause::CutOff);
        assert_eq!(parse_facts(&rows(999)).unwrap().len(), 999);
        assert_eq!(parse_facts(&rows(1_001)).unwrap().len(), 1_001);
        assert!(parse_facts(b"null").unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_refused_without_its_data() {
        assert_eq!(parse_facts(b"{}").unwrap_err().cause, Cause::Malformed);
        for (args, words) in [(r#"[{"type":"User","id":"*"}]"#, "has the id `*`"), ("[]", "it has 0 arguments, 1 to 5")]
        {
            let refusal = parse_facts(format!(r#"[{{"predicate":"p","args":{args}}}]"#).as_bytes()).unwrap_err();
            assert_eq!(refusal.cause, Cause::Malformed);
            let message = &refusal.message;
            assert!(message.starts_with("fact 1 ") && message.contains(words), "{message}");
        }
    }
}
