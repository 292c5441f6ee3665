//! Facts as bytes whose order is the order of their parts, so that a pattern is a range of keys.
//!
//! A text is its bytes with `00` written as `00 ff`, and an end of `00 01`: no text is the beginning of another one.
//! A fact is its predicate, one byte with the number of arguments, then type and id of each.
//! The log's entries are changes one after another: a tag (0 insert, 1 delete), the length in four bytes
//! (little-endian), the fact.

use understudy_core::{
    limits::FACT_ARITY_MAX,
    model::{Change, Fact, Pattern, Value},
};

const TAG_INSERT: u8 = 0;
const TAG_DELETE: u8 = 1;

/// Bytes of a fact.
pub fn fact_key(fact: &Fact) -> Vec<u8> {
    let mut key = start(&fact.predicate, fact.args.len());
    for value in &fact.args {
        push_text(&mut key, value.type_name());
        push_text(&mut key, value.id());
    }
    key
}

/// Keys of all facts that a pattern can fit, as few more as its leading arguments allow: from the first, to before the
/// second.
pub fn key_range(predicate: &str, args: &[Pattern]) -> (Vec<u8>, Vec<u8>) {
    let mut from = start(predicate, args.len());
    for pattern in args {
        match pattern {
            Pattern::Exact(value) => {
                push_text(&mut from, value.type_name());
                push_text(&mut from, value.id());
            }
            Pattern::Type(type_name) => {
                push_text(&mut from, type_name);
                break;
            }
            Pattern::Any => break,
        }
    }
    let mut to = from.clone();
    // The last byte is an end of text or a number of arguments: never 255.
    if let Some(last) = to.last_mut() {
        *last = last.saturating_add(1);
    }
    (from, to)
}

/// Keys of all facts of a predicate, whatever the number of their arguments: from the first, to before the second.
pub fn predicate_range(predicate: &str) -> (Vec<u8>, Vec<u8>) {
    let mut from = Vec::new();
    push_text(&mut from, predicate);
    let mut to = from.clone();
    if let Some(last) = to.last_mut() {
        *last += 1;
    }
    (from, to)
}

/// The fact of a key; `None`: the bytes are none that [`fact_key`] makes.
pub fn fact_of(key: &[u8]) -> Option<Fact> {
    let mut rest = key;
    let predicate = take_text(&mut rest)?;
    let (arity, mut rest) = rest.split_first()?;
    let args = (0..*arity).map(|_| {
        let (type_name, id) = (take_text(&mut rest)?, take_text(&mut rest)?);
        Value::new(type_name, id).ok()
    });
    let args: Vec<Value> = args.collect::<Option<_>>()?;
    rest.is_empty().then_some(Fact { predicate, args })
}

/// Bytes of one entry of the log.
pub fn log_entry(changes: &[Change]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for change in changes {
        let (tag, fact) = match change {
            Change::Insert(fact) => (TAG_INSERT, fact),
            Change::Delete(fact) => (TAG_DELETE, fact),
        };
        let key = fact_key(fact);
        bytes.push(tag);
        // A fact is at most a few thousand bytes long.
        bytes.extend((key.len() as u32).to_le_bytes());
        bytes.extend(key);
    }
    bytes
}

/// The changes of an entry; `None`: the bytes are none that [`log_entry`] makes.
pub fn changes_of(mut bytes: &[u8]) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    while let Some((tag, rest)) = bytes.split_first() {
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (key, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let fact = fact_of(key)?;
        changes.push(match *tag {
            TAG_INSERT => Change::Insert(fact),
            TAG_DELETE => Change::Delete(fact),
            _ => return None,
        });
        bytes = rest;
    }
    Some(changes)
}

fn start(predicate: &str, arity: usize) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    push_text(&mut key, predicate);
    const { assert!(FACT_ARITY_MAX < 255) };
    key.push(arity.min(FACT_ARITY_MAX + 1) as u8);
    key
}

fn push_text(key: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        key.push(byte);
        if byte == 0 {
            key.push(0xff);
        }
    }
    key.extend([0, 1]);
}

fn take_text(bytes: &mut &[u8]) -> Option<String> {
    let mut text = Vec::new();
    loop {
        let zero = bytes.iter().position(|byte| *byte == 0)?;
        text.extend(&bytes[..zero]);
        let escaped = *bytes.get(zero + 1)?;
        *bytes = &bytes[zero + 2..];
        match escaped {
            0xff => text.push(0),
            1 => return String::from_utf8(text).ok(),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fact(predicate: &str, args: &[(&str, &str)]) -> Fact {
        let args = args.iter().map(|(type_name, id)| Value::new(*type_name, *id).unwrap()).collect();
        Fact { predicate: predicate.to_owned(), args }
    }

    fn many() -> Vec<Fact> {
        let ids = ["a", "a\0", "a\0\u{1}", "a\u{1}", "ab", "b", "\0", "é", "\u{7f}"];
        let mut facts = Vec::new();
        for predicate in ["p", "p\0", "pq"] {
            for first in ids {
                facts.push(fact(predicate, &[("T", first)]));
                for second in ids {
                    facts.push(fact(predicate, &[("T", first), ("T", second)]));
                    facts.push(fact(predicate, &[("T\0", first), ("U", second)]));
                }
            }
        }
        facts
    }

    #[test]
    fn every_fact_comes_back_and_keys_have_the_order_of_the_parts() {
        let mut facts = many();
        for fact in &facts {
            assert_eq!(fact_of(&fact_key(fact)).as_ref(), Some(fact));
        }
        let parts = |fact: &Fact| {
            let args = fact.args.iter().flat_map(|value| [value.type_name().to_owned(), value.id().to_owned()]);
            (fact.predicate.clone(), fact.args.len(), args.collect::<Vec<_>>())
        };
        facts.sort_by_key(fact_key);
        assert!(facts.is_sorted_by_key(parts));
    }

    #[test]
    fn a_patterns_range_holds_everything_that_fits_and_nothing_else_where_the_pattern_is_a_prefix() {
        let exact = |id: &str| Pattern::Exact(Value::new("T", id).unwrap());
        let patterns = [
            (vec![Pattern::Any, Pattern::Any], true),
            (vec![Pattern::Type("T".into()), Pattern::Any], true),
            (vec![exact("a"), Pattern::Any], true),
            (vec![exact("a"), Pattern::Type("T".into())], true),
            (vec![exact("a\0"), exact("a")], true),
            (vec![Pattern::Any, exact("a")], false),
            (vec![Pattern::Type("T".into()), exact("a")], false),
        ];
        for (args, is_prefix) in patterns {
            let (from, to) = key_range("p", &args);
            for fact in many() {
                let fits = fact.predicate == "p"
                    && fact.args.len() == args.len()
                    && args.iter().zip(&fact.args).all(|(pattern, value)| pattern.fits(value));
                let key = fact_key(&fact);
                let within = from <= key && key < to;
                assert!(within || !fits, "{args:?} leaves out {fact:?}");
                assert!(!is_prefix || within == fits, "{args:?} {fact:?}");
            }
        }
    }

    #[test]
    fn a_predicates_range_holds_all_its_facts_and_no_others() {
        for predicate in ["p", "p\0", "pq"] {
            let (from, to) = predicate_range(predicate);
            for fact in many() {
                let key = fact_key(&fact);
                assert_eq!(from <= key && key < to, fact.predicate == predicate, "{predicate} {fact:?}");
            }
        }
    }

    #[test]
    fn changes_come_back_in_order_and_torn_bytes_are_none() {
        let changes: Vec<Change> = many()
            .into_iter()
            .enumerate()
            .map(|(n, fact)| if n % 2 == 0 { Change::Insert(fact) } else { Change::Delete(fact) })
            .take(5)
            .collect();
        let bytes = log_entry(&changes);
        assert_eq!(changes_of(&bytes), Some(changes.clone()));
        assert_eq!(changes_of(&[]), Some(Vec::new()));
        let whole: Vec<usize> = (0..=changes.len()).map(|n| log_entry(&changes[..n]).len()).collect();
        for length in 0..bytes.len() {
            assert_eq!(changes_of(&bytes[..length]).is_some(), whole.contains(&length), "{length}");
        }
        for byte in fact_key(&many()[1]).iter().enumerate().map(|(at, _)| at) {
            let mut key = fact_key(&many()[1]);
            key.truncate(byte);
            assert_eq!(fact_of(&key), None);
        }
    }
}
