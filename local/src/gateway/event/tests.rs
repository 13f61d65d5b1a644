//! Events compared with the documentation of payload format 2.0.

use hyper::{Request, http::request::Builder};

use super::*;
use crate::template::Route;

fn event_of(request: Builder, body: &[u8]) -> Value {
    let route = Route {
        method: "GET".to_owned(),
        path: "/api/users/{id}".to_owned(),
    };
    let route_match = RouteMatch {
        route: &route,
        function: "get_user",
        parameters: vec![("id", "2%32")],
    };
    let context = RequestContext {
        route_match: &route_match,
        peer: SocketAddr::from(([203, 0, 113, 7], 4711)),
        request_id: "one",
        now: Timestamp::from_unix(1_769_860_800),
    };
    let (parts, ()) = request.body(()).expect("a request").into_parts();
    let event = build(&context, &parts, body).expect("an event");
    serde_json::from_str(event.get()).expect("JSON")
}

#[test]
fn an_event_has_the_fields_of_format_2_0() {
    let request = Request::get("/api/users/2%32?a=1&a=2&b=%20x")
        .header("Host", "api.example.com")
        .header("User-Agent", "curl/8")
        .header("Accept", "a/b")
        .header("accept", "c/d")
        .header("Cookie", "one=1; two=2")
        .header("Connection", "keep-alive")
        .header("X-Forwarded-For", "198.51.100.1");
    let expected = json!({
        "version": "2.0",
        "routeKey": "GET /api/users/{id}",
        "rawPath": "/api/users/2%32",
        "rawQueryString": "a=1&a=2&b=%20x",
        "cookies": ["one=1", "two=2"],
        "headers": {
            "accept": "a/b,c/d",
            "host": "api.example.com",
            "user-agent": "curl/8",
            "x-forwarded-for": "198.51.100.1, 203.0.113.7",
            "x-forwarded-proto": "http",
        },
        "queryStringParameters": {"a": "1,2", "b": " x"},
        "pathParameters": {"id": "2%32"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": "api.example.com",
            "domainPrefix": "api",
            "http": {
                "method": "GET",
                "path": "/api/users/2%32",
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "curl/8",
            },
            "requestId": "one",
            "routeKey": "GET /api/users/{id}",
            "stage": "$default",
            "time": "31/Jan/2026:12:00:00 +0000",
            "timeEpoch": 1_769_860_800_000_u64,
        },
        "isBase64Encoded": false,
    });
    assert_eq!(event_of(request, b""), expected);
}

#[test]
fn a_body_is_text_if_its_media_type_is_and_it_is_utf_8() {
    for (content_type, body, expected) in [
        (Some("application/json"), &b"{}"[..], json!(["{}", false])),
        (
            Some("Application/JSON; charset=utf-8"),
            b"{}",
            json!(["{}", false]),
        ),
        (Some("text/plain"), "ü".as_bytes(), json!(["ü", false])),
        (Some("text/plain"), b"\xff", json!(["/w==", true])),
        (
            Some("application/x-www-form-urlencoded"),
            b"a=b",
            json!(["YT1i", true]),
        ),
        (
            Some("application/octet-stream"),
            b"{}",
            json!(["e30=", true]),
        ),
        (None, b"{}", json!(["e30=", true])),
        (Some("application/json"), b"", json!([null, false])),
    ] {
        let request = Request::post("/");
        let request = content_type.into_iter().fold(request, |request, value| {
            request.header("content-type", value)
        });
        let event = event_of(request, body);
        assert_eq!(
            json!([event.get("body"), event.get("isBase64Encoded")]),
            expected,
            "{content_type:?} {body:?}"
        );
    }
}

#[test]
fn header_values_that_are_not_utf_8_are_latin_1() {
    let request = Request::get("/")
        .header("authorization", &b"Token \xfc"[..])
        .header("x-name", "ü".as_bytes());
    let event = event_of(request, b"");
    assert_eq!(
        event.pointer("/headers/authorization"),
        Some(&json!("Token ü"))
    );
    assert_eq!(event.pointer("/headers/x-name"), Some(&json!("ü")));
}
