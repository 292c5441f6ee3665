//! Answers in pages: one is found whole, as it must be to be right, and given away row by row.
//!
//! Enters: a request, which rows are wanted. Leaves: these rows, and how many there are. Never: cuts an answer in silence.

use crate::model::{Answer, AskError, Request};

/// Some rows of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The rows wanted, as an answer of their own.
    pub answer: Answer,
    /// Rows of the whole answer.
    pub total: u64,
}

/// The answer whose pages are being asked for.
#[derive(Debug, Default)]
pub struct Pages {
    kept: Option<(Request, Answer)>,
}

impl Pages {
    /// Lets go of the answer that is kept: something else is asked, or the facts have changed.
    pub fn forget(&mut self) {
        self.kept = None;
    }

    /// Rows `skip..skip + limit` of the answer to `request`: from what is kept, or from `ask`. It is kept until its last
    /// row was given away.
    pub fn page(
        &mut self,
        request: &Request,
        skip: u64,
        limit: u32,
        ask: impl FnOnce(&Request) -> Result<Answer, AskError>,
    ) -> Result<Page, AskError> {
        if limit == 0 {
            return Err(AskError::Invalid {
                message: "a page has at least one row: ask with a `limit` of 1 or more".into(),
            });
        }
        let whole = match self.kept.take() {
            Some((asked, answer)) if asked == *request => answer,
            _ => ask(request)?,
        };
        let total = rows(&whole).ok_or_else(|| AskError::Invalid {
            message: "a decision has no pages: ask for it with `authorize`".into(),
        })?;
        let from = usize::try_from(skip).map_or(total, |skip| skip.min(total));
        let to = usize::try_from(limit).map_or(total, |limit| from.saturating_add(limit).min(total));
        let total = total as u64;
        if from == 0 && to as u64 == total {
            return Ok(Page { answer: whole, total });
        }
        let answer = cut(&whole, from, to);
        if (to as u64) < total {
            self.kept = Some((request.clone(), whole));
        }
        Ok(Page { answer, total })
    }
}

/// Rows of an answer that has some.
fn rows(answer: &Answer) -> Option<usize> {
    match answer {
        Answer::Decision(_) => None,
        Answer::Ids(ids) => Some(ids.len()),
        Answer::Facts(rows) => Some(rows.len()),
        Answer::Bindings { rows, .. } => Some(rows.len()),
    }
}

fn cut(answer: &Answer, from: usize, to: usize) -> Answer {
    fn some<T: Clone>(all: &[T], from: usize, to: usize) -> Vec<T> {
        all.get(from..to).unwrap_or_default().to_vec()
    }
    match answer {
        Answer::Decision(allowed) => Answer::Decision(*allowed),
        Answer::Ids(ids) => Answer::Ids(some(ids, from, to)),
        Answer::Facts(rows) => Answer::Facts(some(rows, from, to)),
        Answer::Bindings { variables, rows } => {
            Answer::Bindings { variables: variables.clone(), rows: some(rows, from, to) }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::model::{Ask, Value};

    fn request(action: &str) -> Request {
        let actor = Value::new("User", "ann").unwrap();
        let ask = Ask::List { actor, action: action.into(), resource_type: "Repo".into() };
        Request { ask, context_facts: vec![], now_s: 0, budget: 1 }
    }

    fn ids(numbers: std::ops::Range<usize>) -> Answer {
        Answer::Ids(numbers.map(|n| n.to_string()).collect())
    }

    #[test]
    fn pages_together_are_the_answer_found_once() {
        let mut pages = Pages::default();
        let mut n_asked = 0;
        let mut all = Vec::new();
        for skip in [0, 3, 6, 9] {
            let page = pages.page(&request("read"), skip, 3, |_| {
                n_asked += 1;
                Ok(ids(0..10))
            });
            let Page { answer: Answer::Ids(some), total } = page.unwrap() else { panic!("ids") };
            assert_eq!(total, 10);
            all.extend(some);
        }
        assert_eq!((Answer::Ids(all), n_asked), (ids(0..10), 1));
        assert_eq!(pages.kept, None, "nothing is kept behind the last row");
    }

    #[test]
    fn another_question_is_asked_anew() {
        let mut pages = Pages::default();
        pages.page(&request("read"), 0, 1, |_| Ok(ids(0..2))).unwrap();
        let page = pages.page(&request("write"), 1, 1, |_| Ok(ids(5..8))).unwrap();
        assert_eq!(page, Page { answer: ids(6..7), total: 3 });
        pages.forget();
        let page = pages.page(&request("write"), 2, u32::MAX, |_| Ok(ids(0..9))).unwrap();
        assert_eq!(page, Page { answer: ids(2..9), total: 9 });
    }

    #[test]
    fn past_the_end_is_empty_and_no_rows_at_all_are_refused() {
        let mut pages = Pages::default();
        let page = pages.page(&request("read"), u64::MAX, 5, |_| Ok(ids(0..2))).unwrap();
        assert_eq!(page, Page { answer: ids(0..0), total: 2 });
        let none = pages.page(&request("read"), 0, 0, |_| Ok(ids(0..2)));
        assert!(matches!(none, Err(AskError::Invalid { .. })), "{none:?}");
        let decision = pages.page(&request("read"), 0, 5, |_| Ok(Answer::Decision(true)));
        assert!(matches!(decision, Err(AskError::Invalid { .. })), "{decision:?}");
        let spent = pages.page(&request("read"), 0, 5, |_| Err(AskError::Budget { units: 1 }));
        assert_eq!(spent, Err(AskError::Budget { units: 1 }));
    }
}
