//! What API Gateway looks at before any route: sizes, and the host.

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

/// Bytes of the request line and all header lines together that API Gateway takes.
const MAX_HEAD: usize = 10_240;
/// Bytes of a body that API Gateway takes.
const MAX_BODY: usize = 10 * 1024 * 1024;
/// Bytes of a body that is too large which are still read, so that a client that only writes gets to its answer.
const MAX_DISCARDED: usize = 10 * MAX_BODY;

/// How long nothing may come of a body that was announced.
const STALL: Duration = Duration::from_secs(2);

/// Refuses heads that are too large, and hosts that are none.
pub(super) fn head(request: &Parts) -> Result<(), StatusCode> {
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

/// Whether `host` is a host and perhaps a port, and nothing else.
fn is_authority(host: &str) -> bool {
    let is_plain = host
        .chars()
        .all(|char| char.is_ascii_alphanumeric() || "-._:[]".contains(char));
    // lambda_http builds an address from it and panics where that fails, so the same parser decides here.
    is_plain && Url::parse(&format!("https://{host}/")).is_ok()
}

/// Whether `host` is this machine as this machine itself calls it.
pub(super) fn is_loopback(request: &Parts) -> bool {
    let host = request
        .headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    ["127.0.0.1", "localhost", "[::1]"].contains(&name.to_ascii_lowercase().as_str())
}

/// The whole body.
pub(super) async fn body(incoming: Incoming) -> Result<Bytes, StatusCode> {
    if incoming.size_hint().lower() > u64::try_from(MAX_DISCARDED).unwrap_or(u64::MAX) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let mut body = Limited::new(incoming, MAX_DISCARDED);
    let mut received = Vec::new();
    while let Some(frame) = timeout(STALL, body.frame())
        .await
        .map_err(|_| StatusCode::REQUEST_TIMEOUT)?
    {
        let frame = frame.map_err(|error| refusal(error.as_ref()))?;
        if let Some(data) = frame.data_ref() {
            received.extend_from_slice(data);
        }
    }
    Some(Bytes::from(received))
        .filter(|body| body.len() <= MAX_BODY)
        .ok_or(StatusCode::PAYLOAD_TOO_LARGE)
}

fn refusal(error: &(dyn std::error::Error + 'static)) -> StatusCode {
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
        head(&request.body(()).expect("a request").into_parts().0)
    }

    #[test]
    fn a_host_must_be_an_authority() {
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
    fn heads_above_ten_kilobytes_are_refused() {
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
