//! A connection as hyper uses it. Puts a body into the refusals that hyper writes by itself, as API Gateway does, and
//! closes so that a client that is still writing gets to read its answer.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// How long a client may go on writing after its answer; were the connection closed at once, it would be reset, and the
/// answer lost on the way.
const LINGER: Duration = Duration::from_secs(1);

/// A connection.
pub(super) struct Wire {
    stream: TcpStream,
    /// What is still to be written in place of a refusal of hyper's.
    refusal: Vec<u8>,
    lingering: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            refusal: Vec::new(),
            lingering: None,
        }
    }

    fn poll_refusal(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.refusal.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.refusal))?;
            self.refusal.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    /// Reads until the client closes too, or its time is up.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Self {
            stream, lingering, ..
        } = self;
        let time = lingering.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut scratch = [0; 8 * 1024];
        while time.as_mut().poll(context).is_pending() {
            let mut read = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut *stream).poll_read(context, &mut read)) {
                Ok(()) if !read.filled().is_empty() => {}
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, into)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        ready!(wire.poll_refusal(context))?;
        let (answers, refusal) = split(bytes);
        if answers.is_empty()
            && let Some(refusal) = refusal
        {
            wire.refusal = refusal;
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut wire.stream).poll_write(context, answers)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        ready!(wire.poll_refusal(context))?;
        Pin::new(&mut wire.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        ready!(wire.poll_refusal(context))?;
        if wire.lingering.is_none() {
            ready!(Pin::new(&mut wire.stream).poll_shutdown(context))?;
        }
        wire.poll_linger(context).map(Ok)
    }
}

/// Parts `bytes`, which hyper writes, into our answers and, at their end, what stands for a refusal of its own: a head
/// that says that the request was no HTTP, and that nothing follows.
fn split(bytes: &[u8]) -> (&[u8], Option<Vec<u8>>) {
    const VERSION: &[u8] = b"HTTP/1.";
    let start = bytes
        .ends_with(b"\r\n\r\n")
        .then(|| {
            bytes
                .windows(VERSION.len())
                .rposition(|window| window == VERSION)
        })
        .flatten();
    let parted = start.and_then(|start| bytes.split_at_checked(start));
    match parted.and_then(|(answers, head)| Some((answers, with_body(head)?))) {
        Some((answers, refusal)) => (answers, Some(refusal)),
        None => (bytes, None),
    }
}

fn with_body(head: &[u8]) -> Option<Vec<u8>> {
    // One limit of API Gateway's is for the address and the headers together.
    let head = str::from_utf8(head)
        .ok()?
        .replace("414 URI Too Long", "431 Request Header Fields Too Large");
    let (first, _) = head.split_once("\r\n")?;
    let (_, status) = first.split_once(' ')?;
    let (number, reason) = status.split_once(' ')?;
    if !number.starts_with('4') || !head.contains("\r\nconnection: close\r\n") {
        return None;
    }
    let body = json!({ "message": reason }).to_string();
    let (before, after) = head.split_once("\r\ncontent-length: 0\r\n")?;
    let length = body.len();
    Some(
        format!(
            "{before}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{after}{body}"
        )
        .into_bytes(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSAL: &str =
        "HTTP/1.1 414 URI Too Long\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n";

    #[test]
    fn a_refusal_gets_a_body_and_what_is_before_it_stays() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        let written = format!("{answer}{REFUSAL}");
        let (answers, refusal) = split(written.as_bytes());
        assert_eq!(answers, answer.as_bytes());
        let expected = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\
            content-type: application/json\r\ncontent-length: 45\r\ndate: now\r\n\r\n\
            {\"message\":\"Request Header Fields Too Large\"}";
        let refusal = String::from_utf8(refusal.unwrap_or_default()).unwrap_or_default();
        assert_eq!(refusal, expected);
    }

    #[test]
    fn our_own_answers_stay() {
        for answer in [
            "HTTP/1.1 204 No Content\r\nconnection: close\r\ndate: now\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 23\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
            "{}",
            "",
        ] {
            assert_eq!(split(answer.as_bytes()), (answer.as_bytes(), None));
        }
    }
}
