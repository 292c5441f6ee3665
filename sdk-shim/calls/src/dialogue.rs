//! Several questions to one generation, of which each may depend on what came of those before.

use understudy_core::{
    model::{Answer, AskError, Request},
    vocabulary::Vocabulary,
};

/// What is asked next.
#[derive(Clone, Debug)]
pub enum Step {
    /// A question.
    Ask(Request),
    /// Why a question is answered as it is.
    Explain(Request),
    /// What the policy and the stored facts name.
    Names(Vocabulary),
    /// Nothing: what would be asked here can't be.
    Skip,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The answer.
    Answer(Answer),
    /// The question has none.
    Failed(AskError),
    /// The reasons in a few lines; `None`: there are none to tell.
    Reasons(Option<Vec<String>>),
    /// The names; `None`: any.
    Names(Option<Vec<String>>),
    /// Nothing was asked.
    Skipped,
}

/// Whoever asks. A step may be asked again, and a dialogue that turns out to take long begins anew, whole.
pub trait Dialogue: Send + Sync {
    /// The next step after what came of all before, in order; `None`: it is over. The same for the same.
    fn step(&self, told: &[Told]) -> Option<Step>;
}
