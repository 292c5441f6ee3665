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

/// Reads it to its end. `admit`: asked once, before a large one is kept. `is_held_back`: the client sends it once it is asked
/// to, so that a refusal comes first. After a refusal there may be a rest that is still on its way.
pub async fn read(
    mut body: Incoming,
    pace: &Pace,
    taken: &mut Taken,
    is_held_back: bool,
    admit: impl Fn() -> Result<(), Reply>,
) -> Result<Bytes, Reply> {
    // A body of announced length is refused before a byte of it is kept.
    let announced = body.size_hint().lower();
    let mut is_admitted = Taken::is_large(announced);
    if is_admitted {
        let too_large = announced > BODY_BYTES_MAX as u64;
        let refusal = admit().err().or_else(|| too_large.then(|| head::too_large().into()));
        if let Some(refusal) = refusal {
            if !is_held_back {
                discard(body).await;
            }
            return Err(refusal);
        }
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
        let n_bytes = n_bytes + data.len();
        let refusal = match admit_once(&mut is_admitted, n_bytes, &admit) {
            Err(refusal) => refusal,
            Ok(()) if n_bytes > BODY_BYTES_MAX => head::too_large().into(),
            Ok(()) if taken.grow(n_bytes) == Err(Full) => full(),
            Ok(()) => {
                keep(data, &mut first, &mut all);
                continue;
            }
        };
        drop((first, all));
        taken.drop_body();
        discard(body).await;
        return Err(refusal);
    }
}

fn admit_once(is_admitted: &mut bool, n_bytes: usize, admit: impl Fn() -> Result<(), Reply>) -> Result<(), Reply> {
    if *is_admitted || !Taken::is_large(n_bytes as u64) {
        return Ok(());
    }
    *is_admitted = true;
    admit()
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
