//! What has been told already. An upstream that is away is asked every few seconds, for hours: a line that says what the last
//! one said is said again only now and then.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::replica::Origin;

/// The same is told again after so long: who looks at the end of a log finds it there.
const AGAIN: Duration = Duration::from_secs(600);

/// The last refusal from each origin.
#[derive(Debug, Default)]
pub struct News {
    last: Mutex<Vec<Told>>,
}

#[derive(Debug)]
struct Told {
    origin: Origin,
    message: String,
    at: Instant,
    n_times: u64,
}

impl News {
    /// Is this to be told, after what was?
    pub fn is_new(&self, origin: Origin, message: &str, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(told) = last.iter_mut().find(|told| told.origin == origin) else {
            last.push(Told { origin, message: message.to_owned(), at: now, n_times: 1 });
            return true;
        };
        told.n_times += 1;
        if told.message == message && now.saturating_duration_since(told.at) < AGAIN {
            return false;
        }
        message.clone_into(&mut told.message);
        told.at = now;
        true
    }

    /// It goes well again: how many refusals there were before.
    pub fn is_well(&self, origin: Origin) -> Option<u64> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let at = last.iter().position(|told| told.origin == origin)?;
        Some(last.swap_remove(at).n_times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_told_once_and_again_after_a_while() {
        let (news, start) = (News::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(news.is_new(Origin::Upstream, "away", at(0)));
        assert!(!news.is_new(Origin::Upstream, "away", at(5)) && !news.is_new(Origin::Upstream, "away", at(599)));
        assert!(news.is_new(Origin::Disk, "away", at(5)), "each origin by itself");
        assert!(news.is_new(Origin::Upstream, "damaged", at(599)) && news.is_new(Origin::Upstream, "away", at(600)));
        assert!(!news.is_new(Origin::Upstream, "away", at(1_199)) && news.is_new(Origin::Upstream, "away", at(1_200)));
        assert_eq!((news.is_well(Origin::Upstream), news.is_well(Origin::Upstream)), (Some(7), None));
        assert!(news.is_new(Origin::Upstream, "away", at(1_201)), "it was well meanwhile");
    }
}
