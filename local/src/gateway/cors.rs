//! CORS as in API Gateway: it responds to preflight requests itself, and adds headers to responses for allowed origins.

use hyper::{
    HeaderMap, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
        ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
        ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderName, HeaderValue, ORIGIN,
        VARY,
    },
    http::request::Parts,
};
use url::Url;

use crate::{
    http_server::{Response, empty_response},
    template::Cors,
};

/// The response to a preflight request; `None` if `request` is not one.
pub(super) fn preflight_response(cors: &Cors, request: &Parts) -> Option<Response> {
    let is_preflight = request.method == Method::OPTIONS
        && request.headers.contains_key(ORIGIN)
        && request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if !is_preflight {
        return None;
    }
    let mut response = empty_response(StatusCode::NO_CONTENT);
    if let Some(origin) = allowed_origin(cors, &request.headers) {
        let headers = response.headers_mut();
        insert_origin(cors, headers, origin);
        insert(
            headers,
            ACCESS_CONTROL_ALLOW_METHODS,
            &cors.methods.join(","),
        );
        insert(
            headers,
            ACCESS_CONTROL_ALLOW_HEADERS,
            &cors.headers.join(","),
        );
        if let Some(seconds) = cors.max_age {
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(seconds));
        }
    }
    Some(response)
}

/// Adds the CORS headers to a response if the request has an allowed origin. `Vary` is added to every response, since
/// without an origin, or with another one, it would be different.
pub(super) fn add_headers(cors: &Cors, request: &HeaderMap, response: &mut HeaderMap) {
    response
        .entry(VARY)
        .or_insert(HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed_origin(cors, request) {
        insert_origin(cors, response, origin);
        insert(
            response,
            ACCESS_CONTROL_EXPOSE_HEADERS,
            &cors.exposed_headers.join(","),
        );
    }
}

fn insert_origin(cors: &Cors, headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if cors.allows_credentials {
        headers.insert(
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
    }
}

fn allowed_origin(cors: &Cors, request: &HeaderMap) -> Option<HeaderValue> {
    let origin = request.get(ORIGIN)?;
    let allows = |allowed: &[u8]| cors.origins.iter().any(|other| other.as_bytes() == allowed);
    if allows(b"*") {
        Some(HeaderValue::from_static("*"))
    } else {
        let is_local = cors.allows_localhost && is_of_this_machine(origin);
        (is_local || allows(origin.as_bytes())).then(|| origin.clone())
    }
}

/// Returns true for the origin of a page that this machine serves.
fn is_of_this_machine(origin: &HeaderValue) -> bool {
    let origin = origin.to_str().ok().and_then(|text| Url::parse(text).ok());
    let host = origin
        .filter(|origin| origin.scheme() == "http")
        .and_then(|origin| origin.host_str().map(str::to_owned));
    host.is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host.as_str()))
}

/// Inserts a header unless its value is empty.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Some(value) = value.parse().ok().filter(|_| !value.is_empty()) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn cors() -> Cors {
        Cors {
            origins: vec!["https://app.example".to_owned()],
            allows_localhost: false,
            methods: vec!["GET".to_owned(), "PATCH".to_owned()],
            headers: vec!["authorization".to_owned()],
            allows_credentials: false,
            exposed_headers: vec!["retry-after".to_owned()],
            max_age: Some(600),
        }
    }

    fn preflight_from(origin: &str) -> Option<Response> {
        let request = Request::options("/x")
            .header("origin", origin)
            .header("access-control-request-method", "PATCH");
        preflight_response(
            &cors(),
            &request.body(()).expect("a request").into_parts().0,
        )
    }

    #[test]
    fn a_preflight_from_an_allowed_origin_has_the_cors_headers() {
        let response = preflight_from("https://app.example").expect("a response");
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        let headers = response.headers();
        assert_eq!(
            headers
                .get("access-control-allow-origin")
                .map(HeaderValue::as_bytes),
            Some(&b"https://app.example"[..])
        );
        assert_eq!(
            headers
                .get("access-control-allow-methods")
                .map(HeaderValue::as_bytes),
            Some(&b"GET,PATCH"[..])
        );
        assert_eq!(
            headers
                .get("access-control-max-age")
                .map(HeaderValue::as_bytes),
            Some(&b"600"[..])
        );
    }

    #[test]
    fn credentials_are_allowed_by_choice_and_to_allowed_origins_only() {
        for (allows_credentials, origin, expected) in [
            (false, "https://app.example", None),
            (true, "https://app.example", Some(&b"true"[..])),
            (true, "https://evil.example", None),
        ] {
            let cors = Cors {
                allows_credentials,
                ..cors()
            };
            let request = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(origin))]);
            let mut response = HeaderMap::new();
            add_headers(&cors, &request, &mut response);
            let allowed = response.get(ACCESS_CONTROL_ALLOW_CREDENTIALS);
            assert_eq!(allowed.map(HeaderValue::as_bytes), expected, "{origin}");
        }
    }

    #[test]
    fn a_preflight_from_another_origin_has_no_headers() {
        assert!(
            preflight_from("https://evil.example")
                .expect("a response")
                .headers()
                .is_empty()
        );
    }

    #[test]
    fn pages_of_this_machine_are_allowed_by_choice_only() {
        let mut cors = cors();
        for allows_localhost in [false, true] {
            cors.allows_localhost = allows_localhost;
            for (origin, is_local) in [
                ("http://localhost:5173", true),
                ("http://localhost", true),
                ("http://127.0.0.1:8080", true),
                ("http://[::1]:3000", true),
                ("https://localhost:5173", false),
                ("http://localhost.evil.example", false),
                ("http://evil.example:5173", false),
                ("null", false),
            ] {
                let headers = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(origin))]);
                let allowed = allowed_origin(&cors, &headers);
                let expected = allows_localhost && is_local;
                assert_eq!(allowed.is_some(), expected, "{origin}");
            }
        }
    }

    #[test]
    fn an_options_request_without_an_origin_is_not_a_preflight() {
        let request = Request::options("/x")
            .body(())
            .expect("a request")
            .into_parts()
            .0;
        assert!(preflight_response(&cors(), &request).is_none());
    }
}
