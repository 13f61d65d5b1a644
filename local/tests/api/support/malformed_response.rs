//! Responses that arrive differently from how they were sent.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Response,
    body::{Bytes, Frame},
    header::HeaderValue,
};

use super::proxy::Cut;

pub type Body = UnsyncBoxBody<Bytes, Cut>;

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

/// Malforms `response`, whose body is `body`.
pub fn malform(
    mut response: Response<Body>,
    body: Bytes,
    how: MalformedResponse,
) -> Response<Body> {
    use MalformedResponse::{CutShort, Empty, HtmlPage, Slow, Stalled, Truncated, WrongHeaders};
    let half = body.slice(..body.len() / 2);
    let headers = response.headers_mut();
    if matches!(how, CutShort | Stalled | Slow) {
        headers.insert("content-length", HeaderValue::from(body.len().max(2)));
    }
    if matches!(how, HtmlPage | WrongHeaders) {
        headers.insert("content-type", HeaderValue::from_static("text/html"));
        headers.insert("x-amz-crc32", HeaderValue::from_static("1"));
    }
    let whole = |body| {
        Full::new(body)
            .map_err(|never| match never {})
            .boxed_unsync()
    };
    let frame = |bytes| Ok(Frame::data(bytes));
    *response.body_mut() = match how {
        Truncated => whole(half),
        HtmlPage => whole(Bytes::from_static(b"<html>Welcome to the hotel</html>")),
        Empty => whole(Bytes::new()),
        WrongHeaders => whole(body),
        CutShort => StreamBody::new(stream::iter([frame(half), Err(Cut)])).boxed_unsync(),
        Stalled => StreamBody::new(stream::pending()).boxed_unsync(),
        Slow => {
            let bytes = stream::iter((0..body.len()).map(move |at| frame(body.slice(at..=at))));
            let slow = bytes.then(async |byte| {
                tokio::time::sleep(Duration::from_millis(500)).await;
                byte
            });
            StreamBody::new(slow).boxed_unsync()
        }
    };
    response
}
