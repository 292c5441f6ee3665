//! Names that may have been meant: few edits apart.

/// Longer names are compared by nobody's typing mistake, and cost the square of their length.
const NAME_CHARS_MAX: usize = 64;

/// Cells of distance tables that one question may fill: about 50,000 names of ten characters.
const CELLS_MAX: usize = 5_000_000;

/// How much comparing is left to several questions together; when it is used up, nothing is near.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    n_cells: usize,
}

impl Effort {
    /// As much as `n_questions` of full length may take.
    pub fn of_questions(n_questions: usize) -> Self {
        Effort { n_cells: n_questions.saturating_mul(CELLS_MAX) }
    }

    /// Pays for a comparison of names this long.
    fn take(&mut self, a: usize, b: usize) -> bool {
        let left = self.n_cells.checked_sub((a + 1) * (b + 1));
        self.n_cells = left.unwrap_or(0);
        left.is_some()
    }
}

/// The candidate nearest to the name, if it is near enough to be a slip: a third of its characters, at least one. Of
/// several equally near the first one by alphabet, so that the order of a policy's items doesn't show.
/// Cost: the square of the name's length for each candidate, up to a bound.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_within(name, candidates, &mut Effort::of_questions(1))
}

/// The same, paid for by `effort`.
pub fn nearest_within<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    effort: &mut Effort,
) -> Option<&'a str> {
    let written: Vec<char> = name.chars().collect();
    if written.len() > NAME_CHARS_MAX {
        return None;
    }
    let allowed = (written.len() / 3).max(1);
    let near = candidates.into_iter().filter(|candidate| *candidate != name).filter_map(|candidate| {
        let other: Vec<char> = candidate.chars().collect();
        let is_long = other.len().abs_diff(written.len()) > allowed || other.len() > NAME_CHARS_MAX;
        if is_long || !effort.take(written.len(), other.len()) {
            return None;
        }
        let folds = candidate.to_lowercase() == name.to_lowercase();
        let distance = if folds { 0 } else { edits(&written, &other) };
        // A name of one or two characters is near to every other one.
        (distance <= allowed && (distance < written.len().min(other.len()))).then_some((distance, candidate))
    });
    near.min().map(|(_, candidate)| candidate)
}

/// A hint that names the nearest candidate.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(name, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// Insertions, deletions, substitutions and swaps of neighbours between two names.
fn edits(a: &[char], b: &[char]) -> usize {
    let width = b.len() + 1;
    let mut rows = vec![0; (a.len() + 1) * width];
    for i in 0..=a.len() {
        for j in 0..width {
            rows[i * width + j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = rows[(i - 1) * width + j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let one = rows[(i - 1) * width + j].min(rows[i * width + j - 1]) + 1;
                let best = changed.min(one);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best.min(rows[(i - 2) * width + j - 2] + 1)
                } else {
                    best
                }
            };
        }
    }
    rows[a.len() * width + b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_other_names_are_not() {
        for (name, meant) in [
            ("raeder", Some("reader")),
            ("Reader", Some("reader")),
            ("reade", Some("reader")),
            ("owner", None),
            ("writr", Some("writer")),
            ("reader", None),
            ("x", None),
        ] {
            assert_eq!(nearest(name, ["writer", "reader", "y"]), meant, "{name}");
        }
        assert_eq!(nearest("cat", ["car", "bat"]), Some("bat"), "the first by alphabet");
        assert_eq!(edits(&['a', 'b', 'c'], &[]), 3);
    }
}
