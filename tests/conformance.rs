//! Every case of `tests/cases`, natively, by the search and by the oracle. `component.rs` has them through the component.

use std::path::Path;

use understudy_core::eval::{naive::Naive, search::Search, solve::Solver};
use understudy_tests::{case::all, native, tally::Tally};

#[test]
fn every_case_passes_by_search() {
    every_case::<Search>("natively");
}

#[test]
fn every_case_passes_by_the_oracle() {
    every_case::<Naive>("by the oracle");
}

fn every_case<S: Solver>(way: &str) {
    let mut tally = Tally::new(way);
    for case in all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")) {
        tally.count(&case, native::outcome::<S>(&case));
    }
    tally.finish();
}
