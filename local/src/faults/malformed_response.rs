//! Responses that arrive differently from how they were sent.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{
    body::{Bytes, Frame},
    header::HeaderValue,
};

use crate::http_server::{Cut, Response, body};

/// The way in which a response is malformed.
#[derive(Clone, Copy, Debug)]
pub enum MalformedResponse {
    /// Only the first half arrives, with a matching length.
    Truncated,
    /// The first half arrives, then the connection is cut.
    CutShort,
    /// The head arrives, but never a body.
    Stalled,
    /// The body arrives one byte at a time, for minutes.
    Slow,
    /// An HTML page arrives with the same status.
    HtmlPage,
    /// An empty body arrives with the same status.
    Empty,
    /// The body has another content type and a wrong checksum.
    WrongHeaders,
}

/// Malforms `response`.
pub(super) async fn malform(response: Response, how: MalformedResponse) -> Result<Response, Cut> {
    use MalformedResponse::{CutShort, Empty, HtmlPage, Slow, Stalled, Truncated, WrongHeaders};
    let (mut head, whole) = response.into_parts();
    let whole = whole.collect().await?.to_bytes();
    let half = whole.slice(..whole.len() / 2);
    if matches!(how, CutShort | Stalled | Slow) {
        let length = HeaderValue::from(whole.len().max(2));
        head.headers.insert("content-length", length);
    }
    if matches!(how, HtmlPage | WrongHeaders) {
        let headers = &mut head.headers;
        headers.insert("content-type", HeaderValue::from_static("text/html"));
        headers.insert("x-amz-crc32", HeaderValue::from_static("1"));
    }
    let frame = |bytes| Ok(Frame::data(bytes));
    let malformed = match how {
        Truncated => body(half),
        HtmlPage => body("<html>Welcome to the hotel</html>"),
        Empty => body(Bytes::new()),
        WrongHeaders => body(whole),
        CutShort => StreamBody::new(stream::iter([frame(half), Err(Cut)])).boxed_unsync(),
        Stalled => StreamBody::new(stream::pending()).boxed_unsync(),
        Slow => {
            let bytes = stream::iter((0..whole.len()).map(move |at| frame(whole.slice(at..=at))));
            let slow = bytes.then(async |byte| {
                tokio::time::sleep(Duration::from_millis(500)).await;
                byte
            });
            StreamBody::new(slow).boxed_unsync()
        }
    };
    Ok(Response::from_parts(head, malformed))
}
