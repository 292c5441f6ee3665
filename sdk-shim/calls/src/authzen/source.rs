//! Where properties come from, and the predicate that each source has: the only four that a caller can assert.

use understudy_core::{
    model::{Fact, Value},
    vocabulary::Vocabulary,
};

use crate::dialogue::{Step, Told};

/// A part of a request that has properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// `subject_property(Subject, key, value)`.
    Subject,
    /// `resource_property(Resource, key, value)`.
    Resource,
    /// `action_property(String, key, value)`.
    Action,
    /// `context_property(key, value)`.
    Context,
}

impl Source {
    /// Every source.
    pub const ALL: [Source; 4] = [Source::Subject, Source::Resource, Source::Action, Source::Context];

    /// Its name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Source::Subject => "subject",
            Source::Resource => "resource",
            Source::Action => "action",
            Source::Context => "context",
        }
    }

    /// Its predicate.
    pub const fn predicate(self) -> &'static str {
        match self {
            Source::Subject => "subject_property",
            Source::Resource => "resource_property",
            Source::Action => "action_property",
            Source::Context => "context_property",
        }
    }

    /// Which keys of it rules can tell apart.
    pub fn keys(self) -> Step {
        let (arity, at) = if self == Source::Context { (2, 0) } else { (3, 1) };
        Step::Names(Vocabulary::Arguments { predicate: self.predicate().to_owned(), arity, at })
    }

    /// A property as a fact. `owner`: what has it; of a context nothing.
    pub fn fact(self, owner: Option<&Value>, key: Value, value: Value) -> Fact {
        Fact { predicate: self.predicate().to_owned(), args: owner.cloned().into_iter().chain([key, value]).collect() }
    }
}

/// Which keys of each source rules can tell apart, as it was told.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// The sources that were asked about.
    pub asked: &'a [Source],
    /// What was told of each.
    pub told: &'a [Told],
}

impl<'a> Keys<'a> {
    /// Those of one source, sorted; `None`: any.
    pub fn of(self, source: Source) -> Option<&'a [String]> {
        let at = self.asked.iter().position(|asked| *asked == source)?;
        match self.told.get(at) {
            Some(Told::Names(keys)) => keys.as_deref(),
            // Where it isn't known what rules see, they may see everything.
            _ => None,
        }
    }
}
