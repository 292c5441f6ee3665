//! Texts of probes: what nobody needs a key for and everybody may leave unread.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use hyper::body::Bytes;

use super::limits::{PROBE_TEXT_AGE, PROBE_TEXTS_MAX};

/// Texts that are on their way. However many connections leave them unread, they are bounded: beyond
/// [`PROBE_TEXTS_MAX`] of them who asks is given the newest, unless that is older than [`PROBE_TEXT_AGE`].
#[derive(Debug, Default)]
pub struct ProbeTexts {
    on_their_way: Arc<()>,
    newest: Mutex<Option<(Instant, Bytes)>>,
}

struct Text {
    bytes: Bytes,
    _on_its_way: Arc<()>,
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl ProbeTexts {
    /// The text that is sent again, where so many are on their way that none is made.
    pub fn again(&self) -> Option<Bytes> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = Arc::strong_count(&self.on_their_way) <= PROBE_TEXTS_MAX;
        let (at, text) = newest.as_ref().filter(|_| !has_room)?;
        (at.elapsed() < PROBE_TEXT_AGE).then(|| text.clone())
    }

    /// A text that was made now, to send.
    pub fn send(&self, new: Bytes) -> Bytes {
        let text = Bytes::from_owner(Text { bytes: new, _on_its_way: self.on_their_way.clone() });
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), text.clone()));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_nobody_takes_are_bounded() {
        let texts = ProbeTexts::default();
        let text = |n: usize| Bytes::from(n.to_string());
        let ask = |n| texts.again().unwrap_or_else(|| texts.send(text(n)));
        assert_eq!((0..1_000).map(ask).last(), Some(text(999)), "those who take them get their own");
        let unread: Vec<Bytes> = (0..1_000).map(ask).collect();
        let distinct: std::collections::BTreeSet<_> = unread.iter().collect();
        assert!(distinct.len() <= PROBE_TEXTS_MAX + 1, "{}", distinct.len());
        drop(unread);
        assert_eq!(ask(7), text(7));
    }
}
