//! What tests share: the case files of `tests/cases` and their reader.

pub mod ask;
pub mod case;
