//! The pool as others see it: who answers endpoints, and the instances of a primary.

use std::{fs::File, path::Path, sync::Arc};

use understudy_calls::dialogue::{Dialogue, Told};
use understudy_core::{
    model::{Answer, Change, Fact, Pattern, Reasons, Request},
    raw::{Call, Reply},
};

use super::{
    policies,
    pool::Pool,
    work::{OneCall, Questions, Talk},
};
use crate::{
    http::state::{Answers, Asked, Asker, CallError, Metadata, Pending, mismatch},
    primary::instances::{Instances, NotTried, Sources, Tried},
};

impl Answers for Pool {
    fn ask(&self, asker: Asker, asked: Asked) -> Pending<'_, Result<Vec<Answer>, CallError>> {
        Box::pin(async move { Ok(self.run(asker, Questions::new(asked)).await?.answers) })
    }

    fn explain(&self, asker: Asker, request: Request) -> Pending<'_, Result<Reasons, CallError>> {
        Box::pin(async move {
            match self.run(asker, OneCall::new(Call::Summarize(request), true)).await?.reply {
                Some(Reply::Reasons(reasons)) => Ok(reasons),
                _ => Err(mismatch()),
            }
        })
    }

    fn converse(&self, asker: Asker, dialogue: Arc<dyn Dialogue>) -> Pending<'_, Result<Vec<Told>, CallError>> {
        Box::pin(async move { Ok(self.run(asker, Talk::new(dialogue)).await?.told) })
    }

    fn facts(
        &self,
        asker: Asker,
        predicate: Option<String>,
        args: Vec<Pattern>,
    ) -> Pending<'_, Result<Vec<Fact>, CallError>> {
        Box::pin(async move {
            // Nothing bounds how many facts a type or a predicate has.
            let is_long = !args.iter().any(|arg| matches!(arg, Pattern::Exact(_)));
            match self.run(asker, OneCall::new(Call::Facts { predicate, args }, is_long)).await?.reply {
                Some(Reply::Facts(facts)) => Ok(facts),
                _ => Err(mismatch()),
            }
        })
    }

    fn metadata(&self, asker: Asker) -> Pending<'_, Result<Option<Metadata>, CallError>> {
        Box::pin(async move {
            match self.run(asker, OneCall::new(Call::Metadata, false)).await?.reply {
                Some(Reply::Metadata(metadata)) => Ok(metadata),
                _ => Err(mismatch()),
            }
        })
    }

    fn is_serving(&self) -> bool {
        Pool::is_serving(self)
    }
}

impl Instances for Pool {
    fn install(&self, snapshot: &Path) -> Result<(), String> {
        let file = File::open(snapshot).map_err(|error| error.to_string())?;
        Pool::install(self, file, || ()).map_err(|failure| failure.to_string())
    }

    fn append(&self, offset: u64, changes: Vec<Change>) {
        self.log().append(offset, changes);
    }

    fn forget(&self, up_to: u64) {
        self.log().forget(up_to);
    }

    fn try_policy(&self, sources: Sources, now_s: i64) -> Result<Tried, NotTried> {
        policies::attempt(self.guest(), sources, now_s)
    }

    fn answers(self: Arc<Self>) -> Arc<dyn Answers> {
        self
    }
}
