//! Answers that arrive, but not as they were sent.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Response,
    body::{Bytes, Frame},
    header::HeaderValue,
};

use crate::proxy::Cut;

pub type Body = UnsyncBoxBody<Bytes, Cut>;

/// What becomes of an answer on its way.
#[derive(Clone, Copy, Debug)]
pub enum Mangling {
    /// Half of it comes, as if that were all.
    Halved,
    /// Half of it comes, then the connection is cut.
    Torn,
    /// The head comes, and never a body.
    Stuck,
    /// It comes a byte at a time, for minutes.
    Dripping,
    /// A page comes in its place, with the same status.
    Replaced,
    /// Nothing comes in its place, with the same status.
    Emptied,
    /// It has another type, and a checksum that is not its own.
    Relabelled,
}

/// `response` with `body`, mangled.
pub fn mangle(mut response: Response<Body>, body: Bytes, how: Mangling) -> Response<Body> {
    let half = body.slice(..body.len() / 2);
    let headers = response.headers_mut();
    if matches!(how, Mangling::Torn | Mangling::Stuck | Mangling::Dripping) {
        headers.insert("content-length", HeaderValue::from(body.len().max(2)));
    }
    if matches!(how, Mangling::Replaced | Mangling::Relabelled) {
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
        Mangling::Halved => whole(half),
        Mangling::Replaced => whole(Bytes::from_static(b"<html>Welcome to the hotel</html>")),
        Mangling::Emptied => whole(Bytes::new()),
        Mangling::Relabelled => whole(body),
        Mangling::Torn => StreamBody::new(stream::iter([frame(half), Err(Cut)])).boxed_unsync(),
        Mangling::Stuck => StreamBody::new(stream::pending()).boxed_unsync(),
        Mangling::Dripping => {
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
