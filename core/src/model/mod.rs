//! Words that every room shares: values, facts, requests, answers, symbols. Uses nothing of ours.

pub mod answer;
pub mod explanation;
pub mod fact;
pub mod request;
pub mod summary;
pub mod symbol;
pub mod value;

pub use answer::{Answer, AskError, Row};
pub use explanation::Explanation;
pub use fact::{Change, Fact};
pub use request::{Ask, Constraint, Request, TooMany};
pub use summary::{Reasons, Summary};
pub use symbol::{Sym, TypeId, number};
pub use value::{Pattern, Value, ValueError};
