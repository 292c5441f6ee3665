//! A request's body: whole, within its size, its pace and its owner's share, or a refusal. Or read on and dropped.

use std::{future::poll_fn, pin::Pin, task::Poll};

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, Incoming};
use understudy_calls::limits::BODY_BYTES_MAX;
use understudy_wire::Code;

use super::{
    head,
    limits::{DISCARD_WAIT, Pace},
    reply::Reply,
    shares::{self, Full, Place},
    tally::Shed,
};

/// A body that was refused.
pub struct Refused {
    /// What to say.
    pub refusal: Reply,
    /// Its rest, which may still be on its way.
    pub rest: Option<Incoming>,
}

impl Refused {
    fn with_rest(refusal: Reply, rest: Incoming) -> Self {
        Refused { refusal, rest: Some(rest) }
    }

    fn at_its_end(refusal: Reply) -> Self {
        Refused { refusal, rest: None }
    }
}

/// Reads it to its end, for a request that may send one. `head_bytes`: those of its head, which are counted with it.
pub async fn read(
    mut body: Incoming,
    head_bytes: usize,
    pace: &Pace,
    place: &Place,
    bytes: &mut shares::Bytes,
) -> Result<Bytes, Refused> {
    // A body of announced length is refused before a byte of it is kept.
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(Refused::with_rest(head::too_large().into(), body));
    }
    if bytes.grow(head_bytes) == Err(Full) {
        return Err(Refused::with_rest(full(Shed::Bytes), body));
    }
    let begun = tokio::time::Instant::now();
    let mut first = Bytes::new();
    let mut all = Vec::new();
    loop {
        let n_bytes = first.len().max(all.len());
        let frame = match at_hand(&mut body).await {
            Some(frame) => frame,
            None if place.arrives() == Err(Full) => return Err(Refused::with_rest(full(Shed::Requests), body)),
            None => match tokio::time::timeout_at(begun + pace.time_for(n_bytes as u64), body.frame()).await {
                Ok(frame) => frame,
                Err(_) => {
                    let refusal = Reply::error(Code::TooSlow, "the body didn't arrive in time: send it without pauses");
                    return Err(Refused::with_rest(refusal, body));
                }
            },
        };
        let frame = match frame {
            None => return Ok(if all.is_empty() { first } else { all.into() }),
            Some(Ok(frame)) => frame,
            Some(Err(_)) => {
                return Err(Refused::at_its_end(Reply::error(Code::BadRequest, "the body broke off")));
            }
        };
        // What is no data are trailers, which say nothing here.
        let Ok(data) = frame.into_data() else { continue };
        let n_bytes = n_bytes + data.len();
        let refusal = if n_bytes > BODY_BYTES_MAX {
            head::too_large().into()
        } else if bytes.grow(head_bytes.saturating_add(n_bytes)) == Err(Full) {
            full(Shed::Bytes)
        } else {
            keep(data, &mut first, &mut all);
            continue;
        };
        bytes.give_back();
        return Err(Refused::with_rest(refusal, body));
    }
}

/// What has arrived already; `None`: nothing has.
async fn at_hand(body: &mut Incoming) -> Option<Option<hyper::Result<Frame<Bytes>>>> {
    poll_fn(|context| {
        Poll::Ready(match Pin::new(&mut *body).poll_frame(context) {
            Poll::Ready(frame) => Some(frame),
            Poll::Pending => None,
        })
    })
    .await
}

/// Most bodies are one piece, and that is not copied.
fn keep(data: Bytes, first: &mut Bytes, all: &mut Vec<u8>) {
    if first.is_empty() {
        *first = data;
    } else {
        if all.is_empty() {
            all.extend_from_slice(first);
        }
        all.extend_from_slice(&data);
    }
}

/// Reads what is left, for a moment, and keeps none of it. `true`: that was all.
pub async fn discard(mut body: Incoming) -> bool {
    let rest = async {
        let mut left = BODY_BYTES_MAX;
        loop {
            let Some(frame) = body.frame().await else { return true };
            let n_bytes = frame.ok().map(|frame| frame.data_ref().map_or(0, Bytes::len));
            match n_bytes.and_then(|n_bytes| left.checked_sub(n_bytes)) {
                Some(less) => left = less,
                None => return false,
            }
        }
    };
    tokio::time::timeout(DISCARD_WAIT, rest).await.unwrap_or(false)
}

/// Drops what has arrived, without waiting for more. `true`: that was all.
pub async fn drop_at_hand(mut body: Incoming) -> bool {
    // One read's worth is at hand at most; more comes only while it is taken.
    let mut left = BODY_BYTES_MAX;
    loop {
        match at_hand(&mut body).await {
            Some(None) => return true,
            Some(Some(Ok(frame))) => match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(less) => left = less,
                None => return false,
            },
            Some(Some(Err(_))) | None => return false,
        }
    }
}

/// The refusal where there is no room for another request.
pub fn full(cause: Shed) -> Reply {
    Reply::shed(cause, "too many requests at once: ask again in a moment")
}
