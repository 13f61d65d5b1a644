//! Checks of API Gateway that do not depend on the route: sizes and the `Host` header.

use std::time::Duration;

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{
    StatusCode, Version,
    body::{Body, Bytes, Incoming},
    header::HOST,
    http::request::Parts,
};
use tokio::time::timeout;
use url::Url;

/// The largest request line and headers together that API Gateway accepts, in bytes.
const MAX_HEAD: usize = 10_240;
/// The largest body that API Gateway accepts, in bytes.
const MAX_BODY: usize = 10 * 1024 * 1024;
/// The number of bytes that are read of a too large body, so that a client that is still writing receives the 413.
const MAX_DISCARDED: usize = 10 * MAX_BODY;

/// The longest pause between two parts of a body.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// Rejects request heads that are too large, and invalid `Host` headers.
pub(super) fn check_head(request: &Parts) -> Result<(), StatusCode> {
    let lines = request
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len());
    let line = request.method.as_str().len() + request.uri.to_string().len();
    if line + lines.sum::<usize>() > MAX_HEAD {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    let mut hosts = request.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if host.to_str().is_ok_and(is_authority) => Ok(()),
        (None, _) if request.version < Version::HTTP_11 => Ok(()),
        _ => Err(StatusCode::BAD_REQUEST),
    }
}

/// Returns true if `host` is a host with an optional port.
fn is_authority(host: &str) -> bool {
    let is_plain = host
        .chars()
        .all(|char| char.is_ascii_alphanumeric() || "-._:[]".contains(char));
    // lambda_http parses the host with `Url` and panics if that fails, so that the same parser decides here.
    is_plain && Url::parse(&format!("https://{host}/")).is_ok()
}

/// Reads the whole body.
pub(super) async fn read_body(incoming: Incoming) -> Result<Bytes, StatusCode> {
    if incoming.size_hint().lower() > u64::try_from(MAX_DISCARDED).unwrap_or(u64::MAX) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let mut body = Limited::new(incoming, MAX_DISCARDED);
    let mut received = Vec::new();
    while let Some(frame) = timeout(READ_TIMEOUT, body.frame())
        .await
        .map_err(|_| StatusCode::REQUEST_TIMEOUT)?
    {
        let frame = frame.map_err(|error| read_error_status(error.as_ref()))?;
        if let Some(data) = frame.data_ref() {
            received.extend_from_slice(data);
        }
    }
    Some(Bytes::from(received))
        .filter(|body| body.len() <= MAX_BODY)
        .ok_or(StatusCode::PAYLOAD_TOO_LARGE)
}

fn read_error_status(error: &(dyn std::error::Error + 'static)) -> StatusCode {
    if error.is::<LengthLimitError>() {
        StatusCode::PAYLOAD_TOO_LARGE
    } else {
        StatusCode::BAD_REQUEST
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn checked(headers: &[(&str, &str)]) -> Result<(), StatusCode> {
        let request = headers
            .iter()
            .fold(Request::get("/x"), |request, (name, value)| {
                request.header(*name, *value)
            });
        check_head(&request.body(()).expect("a request").into_parts().0)
    }

    #[test]
    fn an_invalid_host_is_rejected() {
        for host in [
            "localhost:3000",
            "api.example.com",
            "127.0.0.1",
            "[::1]:3000",
            "evil.example",
            "xn--bcher-kva.example",
        ] {
            assert_eq!(checked(&[("host", host)]), Ok(()), "{host}");
        }
        for host in [
            "",
            "a b",
            "user@host",
            "host/path",
            "host:port",
            "host:99999",
            "[::1",
            "1.2.3.4.5",
            "a?b",
            "a#b",
            "%zz",
            "a\\b",
        ] {
            assert_eq!(
                checked(&[("host", host)]),
                Err(StatusCode::BAD_REQUEST),
                "{host}"
            );
        }
        assert_eq!(checked(&[]), Err(StatusCode::BAD_REQUEST));
        assert_eq!(
            checked(&[("host", "a"), ("host", "b")]),
            Err(StatusCode::BAD_REQUEST)
        );
    }

    #[test]
    fn a_head_above_ten_kilobytes_is_rejected() {
        assert_eq!(
            checked(&[("host", "a"), ("x", &"y".repeat(9 * 1024))]),
            Ok(())
        );
        assert_eq!(
            checked(&[("host", "a"), ("x", &"y".repeat(10_240))]),
            Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
        );
    }
}
