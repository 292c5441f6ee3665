//! A request's body: whole, within its size, its pace and what all bodies share, or a refusal.

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Incoming};
use understudy_wire::Code;

use super::{
    head::{self, BODY_BYTES_MAX},
    limits::{DISCARD_WAIT, Pace},
    load::{Full, Taken},
    reply::Reply,
};

/// Reads it to its end. After a refusal there may be a rest that is still on its way.
pub async fn read(mut body: Incoming, pace: &Pace, taken: &mut Taken) -> Result<Bytes, Reply> {
    // Refused by the announced length, before a byte of it is read.
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(head::too_large().into());
    }
    let begun = tokio::time::Instant::now();
    let mut first = Bytes::new();
    let mut all = Vec::new();
    loop {
        let n_bytes = first.len().max(all.len());
        let frame = match tokio::time::timeout_at(begun + pace.time_for(n_bytes as u64), body.frame()).await {
            Ok(None) => return Ok(if all.is_empty() { first } else { all.into() }),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => return Err(Reply::error(Code::BadRequest, "the body broke off")),
            Err(_) => {
                return Err(Reply::error(Code::TooSlow, "the body didn't arrive in time: send it without pauses"));
            }
        };
        // What is no data are trailers, which say nothing here.
        let Ok(data) = frame.into_data() else { continue };
        let refusal = if n_bytes + data.len() > BODY_BYTES_MAX {
            head::too_large().into()
        } else if taken.grow(n_bytes + data.len()) == Err(Full) {
            full()
        } else {
            keep(data, &mut first, &mut all);
            continue;
        };
        drop((first, all));
        taken.drop_body();
        discard(body).await;
        return Err(refusal);
    }
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

/// Reads what is left, for a moment, and keeps none of it.
pub async fn discard(mut body: Incoming) {
    let rest = async {
        let mut left = BODY_BYTES_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(less) => left = less,
                None => break,
            }
        }
    };
    let _ = tokio::time::timeout(DISCARD_WAIT, rest).await;
}

/// The refusal where there is no room for another request.
pub fn full() -> Reply {
    Reply::error(Code::Unavailable, "too many requests at once: ask again in a moment")
}
