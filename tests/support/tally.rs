//! Cases that pass by one way of asking, counted: the catalogue's, then ours.

use serde_json::Value as Json;

use crate::{
    ask::sorted,
    case::{CATALOGUE_CASES, Case},
};

/// The count so far.
pub struct Tally<'w> {
    way: &'w str,
    /// Passed and failed, of the catalogue and of our own.
    catalogue: [usize; 2],
    own: [usize; 2],
    wrong: Vec<String>,
}

impl<'w> Tally<'w> {
    /// Nothing counted. `way`: how the cases are asked, as in `by the oracle`.
    pub fn new(way: &'w str) -> Self {
        Tally { way, catalogue: [0; 2], own: [0; 2], wrong: Vec::new() }
    }

    /// Counts what one case got.
    pub fn count(&mut self, case: &Case, got: Json) {
        let (got, expected) = (sorted(got), sorted(case.expect.clone()));
        let counts = if case.is_catalogued { &mut self.catalogue } else { &mut self.own };
        counts[usize::from(got != expected)] += 1;
        if got != expected {
            self.wrong.push(format!("{}: expected {expected}, got {got}", case.name));
        }
    }

    /// Prints both counts. Panics where a case failed or the catalogue isn't whole.
    pub fn finish(self) {
        let Tally { way, catalogue, own, wrong } = self;
        println!("catalogue, {way}: {} passed, {} failed", catalogue[0], catalogue[1]);
        println!("further ones, {way}: {} passed, {} failed", own[0], own[1]);
        assert!(wrong.is_empty(), "{way}, {} wrong:\n{}", wrong.len(), wrong.join("\n"));
        assert_eq!(catalogue[0], CATALOGUE_CASES, "{way}: the catalogue has other cases");
    }
}
