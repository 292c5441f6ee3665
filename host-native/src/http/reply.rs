//! Replies: status, headers, a JSON body or a part of a file. Errors of every room become statuses here.

use std::{
    fs::File,
    io::{ErrorKind, Read, Write},
    pin::Pin,
    task::{Context, Poll},
};

use hyper::{
    StatusCode,
    body::{Body, Bytes, Frame, SizeHint},
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde::Serialize;
use understudy_wire::{ApiError, ApiResult, Code};

use super::{
    limits::{REPLY_BYTES_MAX, SMALL_BYTES},
    refusal::{Refusal, Unreadable},
    shares::{self, Full},
    state::CallError,
    tally::{Shed, Tally},
};
use crate::keys::KeyRefusal;

/// What goes back.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers besides those the server adds.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: ReplyBody,
    /// What was asked takes too long beside others: all of it begins anew apart.
    pub begins_anew: bool,
    /// What it adds to the metrics.
    pub tally: Tally,
}

/// Bytes, or a part of a file that is read as it is sent.
#[derive(Debug)]
pub enum ReplyBody {
    /// All at once.
    Bytes(Option<Bytes>),
    /// From where the file stands, `left` bytes.
    File {
        /// Open for reading.
        file: File,
        /// Bytes still to send.
        left: u64,
    },
    /// The same, in somebody's share.
    Shared(Box<ReplyBody>, shares::Bytes),
}

/// What a page of numbers is (Prometheus' text format).
pub const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Bytes of a file read at a time: as many may wait on a connection to be taken.
const FILE_CHUNK_BYTES: u64 = 64 << 10;

impl Reply {
    /// A reply with a JSON body.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let mut written = Written::default();
        match serde_json::to_writer(&mut written, body) {
            Ok(()) => Self::bytes(status, "application/json", written.bytes),
            Err(_) if written.is_over => Self::error(
                Code::TooLarge,
                format!("the answer has more than {REPLY_BYTES_MAX} bytes: ask for less, or for pages of a list"),
            ),
            Err(error) => Self::error(Code::Internal, format!("the answer can't be written: {error}")),
        }
    }

    /// 200 with a JSON body.
    pub fn ok(body: &impl Serialize) -> Self {
        Self::json(200, body)
    }

    /// `{"message": …}`.
    pub fn message(status: u16, message: &str) -> Self {
        Self::json(status, &ApiResult { message: message.to_owned() })
    }

    /// The error body, with the status of the code.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        let reply = Self::json(code.status(), &ApiError { message: message.into() });
        reply.counted(Tally { code: Some(code), ..Tally::default() })
    }

    /// There was no room for it.
    pub fn shed(cause: Shed, message: impl Into<String>) -> Self {
        let reply = Self::error(Code::Unavailable, message);
        let tally = Tally { shed: Some(cause), ..reply.tally.clone() };
        reply.counted(tally)
    }

    /// The same, adding this to the metrics.
    pub fn counted(self, tally: Tally) -> Self {
        Reply { tally, ..self }
    }

    /// Any bytes.
    pub fn bytes(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut reply = Self::empty(status);
        reply.body = ReplyBody::Bytes(Some(body.into()));
        reply.headers.push((CONTENT_TYPE, HeaderValue::from_static(content_type)));
        reply
    }

    /// No body: 204 and 304 only.
    pub fn empty(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Reply { status, headers: Vec::new(), body: ReplyBody::Bytes(None), begins_anew: false, tally: Tally::default() }
    }

    /// A part of a file, from where it stands.
    pub fn file(status: u16, file: File, left: u64) -> Self {
        Reply { body: ReplyBody::File { file, left }, ..Reply::empty(status) }
    }

    /// With one more header; a value that is none is left out.
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }
}

/// Bytes of a reply as they are written, up to [`REPLY_BYTES_MAX`].
#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    is_over: bool,
}

impl Write for Written {
    fn write(&mut self, more: &[u8]) -> std::io::Result<usize> {
        if more.len() > REPLY_BYTES_MAX.saturating_sub(self.bytes.len()) {
            self.is_over = true;
            return Err(ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Reply::error(refusal.code, refusal.message)
    }
}

impl From<Unreadable> for Reply {
    fn from(error: Unreadable) -> Self {
        Refusal::from(error).into()
    }
}

impl From<CallError> for Reply {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Ask(error) => Refusal::from(error).into(),
            CallError::Refused(refusal) => refusal.into(),
            CallError::NotServing => {
                Reply::error(Code::Unavailable, "nothing to serve yet: no policy and facts have arrived")
            }
            CallError::Busy => {
                Reply::shed(Shed::Questions, "too many long questions wait for an answer already: ask again later")
            }
            CallError::Long => Reply {
                begins_anew: true,
                ..Reply::error(Code::Unavailable, "the question takes long: ask again later")
            },
            CallError::Failed(what) => Reply::error(Code::Internal, format!("the engine failed: {what}; ask again")),
        }
    }
}

impl From<KeyRefusal> for Reply {
    fn from(refusal: KeyRefusal) -> Self {
        Reply::error(Code::Unauthorized, refusal.to_string())
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = std::io::Error;

    #[expect(clippy::only_used_in_recursion, reason = "the trait's own parameter")]
    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(match self.get_mut() {
            ReplyBody::Bytes(bytes) => bytes.take().map(|bytes| Ok(Frame::data(bytes))),
            ReplyBody::File { left: 0, .. } => None,
            ReplyBody::File { file, left } => {
                let mut chunk = vec![0; (*left).min(FILE_CHUNK_BYTES) as usize];
                Some(file.read_exact(&mut chunk).map(|()| {
                    *left -= chunk.len() as u64;
                    Frame::data(Bytes::from(chunk))
                }))
            }
            ReplyBody::Shared(body, _) => return Pin::new(&mut **body).poll_frame(context),
        })
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ReplyBody::Bytes(None) | ReplyBody::File { left: 0, .. } => true,
            ReplyBody::Bytes(Some(_)) | ReplyBody::File { .. } => false,
            ReplyBody::Shared(body, _) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            ReplyBody::Bytes(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            ReplyBody::File { left, .. } => *left,
            ReplyBody::Shared(body, _) => return body.size_hint(),
        })
    }
}

/// Bytes with their share, which is given back with the last of them: after they are sent, wherever they wait until then.
struct SharedBytes {
    bytes: Bytes,
    _share: shares::Bytes,
}

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl ReplyBody {
    /// What of it is in memory at a time takes of this share; what there is no room for is refused.
    pub fn within(self, mut share: shares::Bytes) -> Result<Self, Full> {
        Ok(match self {
            ReplyBody::Bytes(Some(bytes)) if bytes.len() > SMALL_BYTES => {
                share.grow(bytes.len())?;
                ReplyBody::Bytes(Some(Bytes::from_owner(SharedBytes { bytes, _share: share })))
            }
            ReplyBody::File { left, .. } if left > SMALL_BYTES as u64 => {
                share.grow(usize::try_from(left.min(FILE_CHUNK_BYTES)).map_err(|_| Full)?)?;
                ReplyBody::Shared(Box::new(self), share)
            }
            small => small,
        })
    }
}
