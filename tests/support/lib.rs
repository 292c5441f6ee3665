//! What the tests share: cases in the project's own form, questions and answers as JSON, processes and HTTP, upstreams
//! and snapshots that may be wrong.

pub mod ask;
pub mod attacks;
pub mod authzen;
pub mod case;
pub mod certificates;
pub mod chains;
pub mod checks;
pub mod connection;
pub mod damages;
pub mod derivation;
pub mod faulty;
pub mod feed;
pub mod generate;
pub mod ground;
pub mod hostile;
pub mod http;
pub mod native;
pub mod numbered;
pub mod pair;
pub mod process;
pub mod programs;
pub mod random;
pub mod recipe;
pub mod scenario;
pub mod serve;
pub mod snapshots;
pub mod tally;
pub mod texts;
pub mod traps;
pub mod tree;
pub mod watch;
pub mod wide;
pub mod wire;
pub mod workload;
pub mod world;
