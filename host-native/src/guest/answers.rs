//! The pool as others see it: who answers endpoints, and the instances of a primary.

use std::{fs::File, path::Path, sync::Arc};

use understudy_calls::dialogue::{Dialogue, Told};
use understudy_core::{
    model::{Answer, Change, Fact, Pattern, Request},
    raw::{Call, Reply},
};

use super::pool::Pool;
use crate::{
    http::state::{Answers, Asker, CallError, Metadata, Pending, mismatch},
    primary::instances::Instances,
};

impl Answers for Pool {
    fn ask(&self, asker: Asker, requests: Vec<Request>) -> Pending<'_, Result<Vec<Answer>, CallError>> {
        Box::pin(async move {
            let calls = requests.into_iter().map(Call::Ask).collect();
            let replies = self.call(asker, calls).await?.into_iter();
            let answer = |reply| match reply {
                Reply::Answer(answer) => Ok(answer),
                _ => Err(mismatch()),
            };
            replies.map(answer).collect()
        })
    }

    fn converse(&self, asker: Asker, dialogue: Arc<dyn Dialogue>) -> Pending<'_, Result<Vec<Told>, CallError>> {
        Box::pin(Pool::converse(self, asker, dialogue))
    }

    fn facts(
        &self,
        asker: Asker,
        predicate: Option<String>,
        args: Vec<Pattern>,
    ) -> Pending<'_, Result<Vec<Fact>, CallError>> {
        Box::pin(async move {
            let is_narrow = args.iter().any(|arg| matches!(arg, Pattern::Exact(_)));
            let call = Call::Facts { predicate, args };
            // Nothing bounds how many facts a type or a predicate has.
            let replies =
                if is_narrow { self.call(asker, vec![call]).await? } else { self.call_slowly(asker, call).await? };
            match replies.into_iter().next() {
                Some(Reply::Facts(facts)) => Ok(facts),
                _ => Err(mismatch()),
            }
        })
    }

    fn metadata(&self, asker: Asker) -> Pending<'_, Result<Option<Metadata>, CallError>> {
        Box::pin(async move {
            match self.call(asker, vec![Call::Metadata]).await?.into_iter().next() {
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

    fn answers(self: Arc<Self>) -> Arc<dyn Answers> {
        self
    }
}
