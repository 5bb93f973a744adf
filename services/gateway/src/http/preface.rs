//! Which HTTP a connection speaks, by its first bytes.
//!
//! HTTP/2 without TLS begins with a fixed text that is no HTTP/1 request (RFC 9113, section 3.4).
//! What was read to find out is read again by whoever serves the connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What an HTTP/2 client sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes that are read at once: most requests are whole in them, so that looking costs no read.
const FIRST_BYTES: usize = 4 * 1024;

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// A stream whose first bytes were read already; they come again.
pub(super) struct Rewound<S> {
    first: Bytes,
    stream: S,
}

/// Reads as much as tells the protocol; the stream then begins anew.
///
/// # Errors
/// When the stream cannot be read.
pub(super) async fn recognise<S: AsyncRead + Unpin>(
    mut stream: S,
) -> io::Result<(Protocol, Rewound<S>)> {
    let mut first = BytesMut::with_capacity(FIRST_BYTES);
    while first.len() < PREFACE.len() && PREFACE.starts_with(&first) {
        if stream.read_buf(&mut first).await? == 0 {
            break;
        }
    }
    let is_http2 = first.starts_with(PREFACE);
    let protocol = if is_http2 { Protocol::Http2 } else { Protocol::Http1 };
    Ok((protocol, Rewound { first: first.freeze(), stream }))
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let taken = self.first.len().min(buffer.remaining());
        buffer.put_slice(&self.first[..taken]);
        self.first.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that gives its bytes in pieces of that size.
    async fn check(bytes: &[u8], piece: usize, expect: Protocol) {
        let mut stream = pieces(bytes, piece);
        let (protocol, mut rewound) = recognise(&mut stream).await.expect("it is readable");
        let mut read = Vec::new();
        rewound.read_to_end(&mut read).await.expect("it is readable");
        assert_eq!((protocol, &read[..]), (expect, bytes));
    }

    /// Chained pieces: each read gives one.
    fn pieces(bytes: &[u8], piece: usize) -> Box<dyn AsyncRead + Unpin + Send> {
        let mut whole: Box<dyn AsyncRead + Unpin + Send> = Box::new(tokio::io::empty());
        for part in bytes.chunks(piece).rev() {
            whole = Box::new(AsyncReadExt::chain(io::Cursor::new(part.to_vec()), whole));
        }
        whole
    }

    #[tokio::test]
    async fn a_connection_is_told_by_its_first_bytes_and_loses_none_of_them() {
        let http2 = [PREFACE, b"settings and more"].concat();
        for piece in [1, 5, 24, 100] {
            check(&http2, piece, Protocol::Http2).await;
            check(b"GET / HTTP/1.1\r\n\r\n", piece, Protocol::Http1).await;
            check(b"POST /v1/tasks/poll HTTP/1.1\r\n\r\n", piece, Protocol::Http1).await;
            check(b"PRI * HTTP/2.0\r\n\r\n", piece, Protocol::Http1).await;
            check(b"", piece, Protocol::Http1).await;
        }
    }
}
