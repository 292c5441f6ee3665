//! Every bound of a request of this API: what happens at each is a refusal, never a shorter answer.

use understudy_core::limits::ID_BYTES_MAX;

pub use crate::limits::JSON_VALUES_MAX;

/// Objects and arrays within each other: readers walk them by recursion.
pub const NESTING_MAX: usize = 64;
/// Items of one batch: so many questions are still answered in seconds.
pub const ITEMS_MAX: usize = 1_000;
/// Objects within each other that become keys with dots.
pub const PROPERTY_LEVELS_MAX: usize = 4;
/// Facts that one evaluation may bring along, of those that rules can see, unless an operator says otherwise: Oso Cloud's
/// limit of context facts.
pub const FACTS_MAX: usize = 100;
/// Bytes of a type, an id, an action, and of key and value of a property that rules can see: what the engine takes.
pub const TEXT_BYTES_MAX: usize = ID_BYTES_MAX;
/// Results of one page, and of an answer without pages.
pub const PAGE_SIZE_MAX: usize = 10_000;
/// Largest `limit` of a page that can be asked for: what fits 31 bits, as clients in other languages have it.
pub const PAGE_LIMIT_MAX: u32 = i32::MAX as u32;
/// Evaluations of one request whose reasons are told, where they are asked for: each asks its question again, and more.
pub const REASONS_MAX: usize = 20;
/// Work units for the reasons of one request: a second of one core.
pub const REASONS_UNITS: u64 = 20_000_000;
