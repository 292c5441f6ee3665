//! A socket that tells its [`Peer`] what moves on it. Never: changes a byte, reads a clock.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::peers::Peer;

/// The socket of one connection.
pub struct Socket {
    stream: TcpStream,
    peer: Rc<Peer>,
    first: First,
}

/// Bytes that were taken from a connection before anybody spoke on it: fewer than eight.
#[derive(Clone, Copy, Debug, Default)]
pub struct First {
    bytes: [u8; 7],
    n: u8,
}

impl First {
    /// These; what is over seven of them is left out.
    pub fn new(bytes: &[u8]) -> Self {
        let mut first = First::default();
        for (place, byte) in first.bytes.iter_mut().zip(bytes) {
            *place = *byte;
            first.n += 1;
        }
        first
    }
}

impl Socket {
    /// The socket of this peer.
    pub fn new(stream: TcpStream, peer: Rc<Peer>) -> Self {
        Socket::after(First::default(), stream, peer)
    }

    /// The same, these bytes having been taken from it.
    pub fn after(first: First, stream: TcpStream, peer: Rc<Peer>) -> Self {
        Socket { stream, peer, first }
    }

    fn written(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(bytes)) => self.peer.took(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.peer.is_full(),
        }
        written
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let First { bytes, n } = self.first;
        if n > 0 {
            // A reader brings more room than that: hyper kilobytes, TLS at least a record's head.
            let n_given = usize::from(n).min(into.remaining());
            into.put_slice(&bytes[..n_given]);
            self.first = First::new(&bytes[n_given..usize::from(n)]);
            return Poll::Ready(Ok(()));
        }
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        if into.filled().len() > before {
            self.peer.sent();
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Asked for once everything has been written: the socket itself keeps nothing back.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.peer.took_all();
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
