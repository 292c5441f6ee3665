//! What tests share: the case files of `tests/cases` and their reader, questions and answers as JSON, seeded numbers,
//! small random worlds.

pub mod ask;
pub mod case;
pub mod chains;
pub mod http;
pub mod process;
pub mod random;
pub mod world;
