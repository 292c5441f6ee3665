//! What endpoints need of the rest of the house, as traits: who may ask, who answers, who counts.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use understudy_calls::{
    dialogue::{Dialogue, Told},
    signer::Signer,
};
use understudy_core::{
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, AskError, Fact, Pattern, Reasons, Request},
    rules::rule::BlockMetadata,
};

use super::{authzen::settings::Settings, refusal::Refusal, tally::Tally};
use crate::keys::KeyCheck;

/// A future of the worker's own thread.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// The engine says so.
    Ask(AskError),
    /// There is no generation to ask.
    NotServing,
    /// Refused before or after it was asked.
    Refused(Refusal),
    /// Too many long questions wait already.
    Busy,
    /// It takes longer than the thread that asks may wait: ask anew from one that may.
    Long,
    /// The instance trapped, was stuck or answered nonsense; it is replaced.
    Failed(String),
}

/// Roles, permissions and relations by block, sorted.
pub type Metadata = Vec<(String, BlockMetadata)>;

/// On whose behalf something is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asker {
    /// Index of the server thread that asks; `None`: a thread that may wait for what takes long.
    pub worker: Option<usize>,
    /// Stands for the caller's key: what has the same one waits in one line where questions have to wait.
    pub key: u64,
}

/// Questions of one request: facts, time and work units are those of all of them together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The questions, in order.
    pub asks: Vec<Ask>,
    /// Facts that hold for this request only.
    pub context_facts: Vec<Fact>,
    /// Seconds since 1970-01-01 UTC.
    pub now_s: i64,
}

impl Asked {
    /// As of now.
    pub fn now(asks: Vec<Ask>, context_facts: Vec<Fact>) -> Self {
        Asked { asks, context_facts, now_s: now_s() }
    }

    /// Its questions one by one, each with all there is to spend: for those who have no account to keep.
    pub fn into_requests(self) -> impl Iterator<Item = Request> {
        let Asked { asks, context_facts, now_s } = self;
        let budget = WORK_UNITS_PER_REQUEST;
        asks.into_iter().map(move |ask| Request { ask, context_facts: context_facts.clone(), now_s, budget })
    }
}

/// Who answers: the guest's current generation.
pub trait Answers: Send + Sync {
    /// Answers all questions from one generation, in order; the first that fails ends it.
    fn ask(&self, asker: Asker, asked: Asked) -> Pending<'_, Result<Vec<Answer>, CallError>>;
    /// Answers one question and says why, in the slow lane: reasons are for people, and are no decision's business.
    fn explain(&self, asker: Asker, request: Request) -> Pending<'_, Result<Reasons, CallError>>;
    /// Takes the steps of a dialogue, all of them with one generation, and gives what came of each.
    fn converse(&self, asker: Asker, dialogue: Arc<dyn Dialogue>) -> Pending<'_, Result<Vec<Told>, CallError>>;
    /// Stored facts that fit (http-api.md §6.1).
    fn facts(
        &self,
        asker: Asker,
        predicate: Option<String>,
        args: Vec<Pattern>,
    ) -> Pending<'_, Result<Vec<Fact>, CallError>>;
    /// Metadata of the policy; `None`: there is no policy.
    fn metadata(&self, asker: Asker) -> Pending<'_, Result<Option<Metadata>, CallError>>;
    /// Is there a generation to ask?
    fn is_serving(&self) -> bool;
}

/// What became of a connection that there was no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It was open, and made room for a new one.
    MadeRoom,
    /// It was new, and every open one waited for an answer.
    Refused,
}

/// Who counts.
pub trait Observe: Send + Sync {
    /// One request answered. `path` is one of a small fixed set.
    fn request(&self, path: &'static str, status: u16, seconds: f64);
    /// What a reply adds besides.
    fn tally(&self, path: &'static str, tally: &Tally);
    /// One connection that there was no room for.
    fn connection_lost(&self, why: Lost);
    /// Everything counted, in Prometheus' text form.
    fn metrics(&self) -> String;
}

/// Everything an endpoint may use.
#[derive(Clone)]
pub struct State {
    /// Who may ask.
    pub keys: Arc<dyn KeyCheck>,
    /// Who answers.
    pub answers: Arc<dyn Answers>,
    /// Who counts.
    pub observe: Arc<dyn Observe>,
    /// How AuthZEN's calls are read.
    pub authzen: Arc<Settings>,
    /// Is it told why?
    pub explains: bool,
    /// Should it be sent requests?
    pub ready: Arc<Readiness>,
    /// Are pages smaller than the hosted service's smallest refused?
    pub strict_pages: bool,
    /// Signs page tokens.
    pub pages: Signer,
}

/// Should a process that serves be sent requests? Not any more once it is about to stop.
#[derive(Debug, Default)]
pub struct Readiness(AtomicBool);

impl Readiness {
    /// It is about to stop: who looks is told, who asks is answered still.
    pub fn end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Is it not?
    pub fn is_ready(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }
}

impl State {
    /// Asks one question as of now.
    pub async fn ask(&self, asker: Asker, ask: Ask, context_facts: Vec<Fact>) -> Result<Answer, CallError> {
        self.ask_at(asker, ask, context_facts, now_s()).await
    }

    /// Asks one question as of a given time.
    pub async fn ask_at(
        &self,
        asker: Asker,
        ask: Ask,
        context_facts: Vec<Fact>,
        now_s: i64,
    ) -> Result<Answer, CallError> {
        let answers = self.answers.ask(asker, Asked { asks: vec![ask], context_facts, now_s }).await?;
        answers.into_iter().next().ok_or_else(mismatch)
    }
}

/// The answer is of another kind than the question.
pub fn mismatch() -> CallError {
    CallError::Failed("the answer doesn't fit the question".into())
}

/// Seconds since 1970-01-01 UTC.
pub fn now_s() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}
