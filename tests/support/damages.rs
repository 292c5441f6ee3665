//! Snapshots that must not serve, each with what is said of it. Every one has a fact more than the good one, so that one
//! that served would show: `eve` may read.

use understudy_core::snapshot::{Place, sections};

use crate::{
    feed::Said,
    recipe::{Recipe, fact, reseal, seal_header},
    snapshots::forged,
};

/// Policy of all of them.
pub const POLICY: &str =
    "actor User {}\nresource Repo { permissions = [\"read\"]; roles = [\"reader\"]; \"read\" if \"reader\"; }\n";

/// Epoch of the good snapshot.
pub const GOOD_EPOCH: u64 = 5;

/// A snapshot that must be refused.
#[derive(Clone, Debug)]
pub struct Damage {
    /// What is wrong with it.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Label of the cause.
    pub cause: &'static str,
    /// Words of the message: what is wrong, then what to do.
    pub words: [&'static str; 2],
    /// What an honest head would say of it; else it lies by saying what the node would take.
    pub honest: Option<Said>,
}

/// `ann` may read `web`.
pub fn good(epoch: u64) -> Recipe {
    Recipe::new(POLICY, epoch, vec![reader("ann")])
}

fn reader(user: &str) -> understudy_core::model::Fact {
    fact("has_role", &[("User", user), ("String", "reader"), ("Repo", "web")])
}

/// The snapshot that all damages are made from: newer than the good one, and with `eve`.
pub fn newer() -> Recipe {
    let facts = vec![reader("ann"), reader("eve"), fact("is_public", &[("Repo", "a-repository-with-a-long-name")])];
    Recipe::new(POLICY, GOOD_EPOCH + 1, facts)
}

const AGAIN: &str = "copy or fetch it again";

/// All of them.
pub fn damages() -> Vec<Damage> {
    let whole = newer().bytes();
    let places = sections(&whole).expect("a table");
    let bodies_at = at(&places[0]);
    let mut damages = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>, cause, words| {
        damages.push(Damage { name: name.to_owned(), bytes, cause, words, honest: None });
    };
    for place in &places {
        let middle = at(place) + usize::try_from(place.bytes / 2).expect("an offset");
        let bytes = flipped(&whole, middle, 0x10);
        add(&format!("a bit of the {} flipped", place.name), bytes, "damaged", [place.name, AGAIN]);
    }
    let padding = places.iter().zip(&places[1..]).map(|(place, next)| (at(place) + length(place), at(next)));
    let padding = padding.filter(|(end, next)| end < next).map(|(_, next)| next - 1).next().expect("some padding");
    add("a bit of padding flipped", flipped(&whole, padding, 1), "damaged", ["damaged", AGAIN]);
    add("a bit of the header's digest flipped", flipped(&whole, 40, 0x80), "damaged", ["header", AGAIN]);
    add("a bit of a section's digest flipped", flipped(&whole, 64 + 40, 0x80), "damaged", ["header", AGAIN]);
    add("a bit of a section's offset flipped", flipped(&whole, 64 + 64 + 8, 0x40), "damaged", ["section table", AGAIN]);
    add("a bit of the magic flipped", flipped(&whole, 3, 0x20), "damaged", ["isn't a snapshot", "understudy build"]);
    add("a bit of the length flipped", flipped(&whole, 17, 1), "truncated", ["cut off", AGAIN]);
    for (name, length) in [
        ("no bytes at all", 0),
        ("five bytes", 5),
        ("the header only", 64),
        ("half of the table", 64 + 200),
        ("half of it", whole.len() / 2),
        ("all but the last byte", whole.len() - 1),
    ] {
        add(name, whole[..length].to_vec(), "truncated", ["cut off", AGAIN]);
    }
    add("a byte more", [&whole[..], b"\0"].concat(), "truncated", ["tail", AGAIN]);
    add("twice the whole", [&whole[..], &whole[..]].concat(), "truncated", ["tail", AGAIN]);
    let page = b"<!doctype html><title>It works!</title>".to_vec();
    add("a web page", page, "damaged", ["isn't a snapshot", "understudy build"]);
    add("zeros", vec![0; 4096], "damaged", ["isn't a snapshot", "understudy build"]);

    let mut version = whole.clone();
    version[8..12].copy_from_slice(&9u32.to_le_bytes());
    seal_header(&mut version, bodies_at);
    add("a future version", version, "version", ["format version 9", "update"]);

    for (name, section, part) in
        [("ids that contradict themselves", 4, "dictionary"), ("rows that contradict themselves", 5, "relations")]
    {
        let mut bytes = whole.clone();
        let from = at(&places[section]);
        bytes[from..from + length(&places[section])].fill(0xff);
        reseal(&mut bytes);
        add(name, bytes, "damaged", [part, AGAIN]);
    }
    let mut bytes = whole.clone();
    let policy = at(&places[2])..at(&places[2]) + length(&places[2]);
    let place = bytes[policy.clone()].windows(5).position(|five| five == b"actor").expect("the policy's first word");
    bytes[policy.start + place..policy.start + place + 5].copy_from_slice(b"aktor");
    reseal(&mut bytes);
    add("a policy that doesn't compile", bytes, "policy", ["policy", "policy"]);

    let lax = Recipe { policy: format!("{POLICY}has_permission(_: User, \"read\", _: Repo);\n"), ..newer() };
    let forged = forged(&whole, &lax.bytes());
    add(
        "a program of another policy",
        forged,
        "policy",
        ["isn't what its policy compiles to", "make the snapshot again"],
    );

    let mut misplaced = |name: &str, recipe: Recipe, cause, words| {
        let damage = |name: String, honest| Damage { name, bytes: recipe.bytes(), cause, words, honest };
        damages.push(damage(name.to_owned(), None));
        damages.push(damage(format!("{name}, by an honest head"), Some(recipe.said())));
    };
    let other = |change: fn(&mut Recipe)| {
        let mut recipe = newer();
        change(&mut recipe);
        recipe
    };
    let elsewhere = other(|recipe| recipe.environment = "e_9999999999".to_owned());
    misplaced("another environment", elsewhere, "environment", ["e_9999999999", "its own environment"]);
    let store = other(|recipe| recipe.store = "another-store".to_owned());
    misplaced("another store", store, "store", ["another store", "--accept-new-store"]);
    let older = other(|recipe| recipe.epoch = GOOD_EPOCH - 1);
    misplaced("an older epoch", older, "epoch", ["epoch 4", "backup"]);
    damages
}

fn flipped(bytes: &[u8], at: usize, bit: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= bit;
    bytes
}

fn at(place: &Place) -> usize {
    usize::try_from(place.at).expect("an offset")
}

fn length(place: &Place) -> usize {
    usize::try_from(place.bytes).expect("a length")
}
