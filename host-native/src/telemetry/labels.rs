//! The labels of requests, paths and statuses: two small fixed sets, so that each pair has a place and a request takes no lock.

use understudy_wire::{Code, paths::Endpoint};

/// Paths that are labels without being endpoints.
pub const OTHER_PATHS: [&str; 2] = ["/feed", "other"];
/// Statuses of replies that are no errors; those that are stand in the table of codes.
pub const GOOD_STATUSES: [u16; 5] = [200, 202, 204, 206, 304];
/// How many paths there are.
pub fn n_paths() -> usize {
    Endpoint::ALL.len() + OTHER_PATHS.len()
}

/// How many statuses.
pub fn n_statuses() -> usize {
    Code::ALL.len() + GOOD_STATUSES.len()
}

/// The path of a row.
pub fn path_of(index: usize) -> &'static str {
    let of_endpoint = Endpoint::ALL.get(index).map(|endpoint| endpoint.path());
    of_endpoint.or_else(|| OTHER_PATHS.get(index - Endpoint::ALL.len()).copied()).unwrap_or("other")
}

/// The status of a column.
pub fn status_of(index: usize) -> u16 {
    let of_code = Code::ALL.get(index).map(|code| code.status());
    of_code.or_else(|| GOOD_STATUSES.get(index - Code::ALL.len()).copied()).unwrap_or(0)
}

/// The place of a request's count. Two endpoints on one path share the first one's row, two codes with one status the first
/// one's column.
pub fn cell(path: &str, status: u16) -> Option<usize> {
    let row = (0..n_paths()).find(|index| path_of(*index) == path)?;
    let column = (0..n_statuses()).find(|index| status_of(*index) == status)?;
    Some(row * n_statuses() + column)
}
