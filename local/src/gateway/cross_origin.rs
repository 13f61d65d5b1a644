//! CORS as API Gateway does it: preflights never reach a function, and answers to a page that may call get its headers.

use hyper::{
    HeaderMap, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
        HeaderName, HeaderValue, ORIGIN,
    },
    http::request::Parts,
};

use crate::{
    listener::{Answer, empty},
    template::Cors,
};

/// The answer to a preflight; `None` if `request` is none.
pub(super) fn preflight(cors: &Cors, request: &Parts) -> Option<Answer> {
    let is_preflight = request.method == Method::OPTIONS
        && request.headers.contains_key(ORIGIN)
        && request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if !is_preflight {
        return None;
    }
    let mut answer = empty(StatusCode::NO_CONTENT);
    if let Some(origin) = allowed_origin(cors, &request.headers) {
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
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
    Some(answer)
}

/// Adds to `answer` what the page that sent `request` needs to read it.
pub(super) fn mark(cors: &Cors, request: &HeaderMap, answer: &mut HeaderMap) {
    if let Some(origin) = allowed_origin(cors, request) {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        insert(
            answer,
            ACCESS_CONTROL_EXPOSE_HEADERS,
            &cors.exposed_headers.join(","),
        );
    }
}

fn allowed_origin(cors: &Cors, request: &HeaderMap) -> Option<HeaderValue> {
    let origin = request.get(ORIGIN)?;
    let any = cors.origins.iter().any(|allowed| allowed == "*");
    let named = cors
        .origins
        .iter()
        .any(|allowed| allowed.as_bytes() == origin.as_bytes());
    if any {
        Some(HeaderValue::from_static("*"))
    } else {
        named.then(|| origin.clone())
    }
}

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
            methods: vec!["GET".to_owned(), "PATCH".to_owned()],
            headers: vec!["authorization".to_owned()],
            exposed_headers: vec!["retry-after".to_owned()],
            max_age: Some(600),
        }
    }

    fn preflight_from(origin: &str) -> Option<Answer> {
        let request = Request::options("/x")
            .header("origin", origin)
            .header("access-control-request-method", "PATCH");
        preflight(
            &cors(),
            &request.body(()).expect("a request").into_parts().0,
        )
    }

    #[test]
    fn a_preflight_of_an_allowed_page_is_told_what_it_may_do() {
        let answer = preflight_from("https://app.example").expect("an answer");
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        let headers = answer.headers();
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
    fn other_pages_are_told_nothing_and_other_requests_are_no_preflight() {
        assert!(
            preflight_from("https://evil.example")
                .expect("an answer")
                .headers()
                .is_empty()
        );
        let request = Request::options("/x")
            .body(())
            .expect("a request")
            .into_parts()
            .0;
        assert!(preflight(&cors(), &request).is_none());
    }
}
