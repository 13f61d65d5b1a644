//! Further requests that no client library sends, family 33 and 34: whatever comes over the wire is answered, by JSON.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    app::{PASSWORD, SessionResponse, TestApp},
    raw::IN_TIME,
};

/// Sends `pieces` one after the other over one connection, says that there is no more if so wished, and gives every
/// answer's status and body.
async fn exchange(app: &TestApp, pieces: &[&[u8]], close: bool) -> Vec<(u16, Value)> {
    let mut stream = TcpStream::connect(app.server.address()).await.unwrap();
    for piece in pieces {
        stream.write_all(piece).await.unwrap();
        if pieces.len() > 1 {
            sleep(Duration::from_millis(2)).await;
        }
    }
    if close {
        stream.shutdown().await.unwrap();
    }
    let mut received = Vec::new();
    timeout(IN_TIME, stream.read_to_end(&mut received))
        .await
        .unwrap()
        .unwrap();
    answers(&String::from_utf8(received).unwrap())
}

fn answers(mut received: &str) -> Vec<(u16, Value)> {
    let mut answers = Vec::new();
    while let Some((head, rest)) = received.split_once("\r\n\r\n") {
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let head = head.to_ascii_lowercase();
        let length = head
            .split_once("content-length: ")
            .map_or("0", |(_, length)| length);
        let length = length.split("\r\n").next().unwrap().parse().unwrap();
        let (body, next) = rest.split_at(length);
        if length > 0 {
            assert!(head.contains("content-type: application/"), "{head}");
        }
        answers.push((status, serde_json::from_str(body).unwrap_or(Value::Null)));
        received = next;
    }
    assert_eq!(received, "");
    answers
}

async fn one(app: &TestApp, request: &[u8]) -> (u16, Value) {
    let mut answers = exchange(app, &[request], false).await;
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers.remove(0)
}

/// A log-in with these header lines, and with `body` as it is.
fn log_in(lines: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("POST /auth/login HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{lines}\r\n");
    [head.as_bytes(), body].concat()
}

fn good_body() -> Vec<u8> {
    json!({"username": "john", "password": PASSWORD})
        .to_string()
        .into_bytes()
}

fn own_record(user: &SessionResponse, lines: &str) -> Vec<u8> {
    format!(
        "GET /api/users/{} HTTP/1.1\r\nhost: localhost\r\nauthorization: Token {}\r\n{lines}\r\n",
        user.id, user.token
    )
    .into_bytes()
}

fn own(message: &str) -> Value {
    json!({ "message": message })
}

mod case_33_bodies {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_body_is_the_same_in_whatever_pieces_it_comes() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        let body = good_body();
        let length = format!("content-length: {}\r\n", body.len());
        let chunked = "transfer-encoding: chunked\r\n";
        let chunk =
            |part: &[u8]| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
        let end = b"0\r\n\r\n".as_slice();
        let single: Vec<u8> = body.iter().flat_map(|byte| chunk(&[*byte])).collect();
        for request in [
            log_in(&length, &body),
            log_in(&format!("{length}expect: 200-ok\r\n"), &body),
            log_in(chunked, &[&chunk(&body), end].concat()),
            log_in(chunked, &[&single, end].concat()),
            log_in(
                chunked,
                &[&chunk(&body), b"0\r\nx: y\r\n\r\n".as_slice()].concat(),
            ),
            log_in(
                "Transfer-Encoding: CHUNKED\r\n",
                &[&chunk(&body), end].concat(),
            ),
        ] {
            let shown = String::from_utf8_lossy(&request).into_owned();
            assert_eq!(one(&app, &request).await.0, 200, "{shown}");
            // Who says that there is nothing more to come still gets an answer.
            let answers = exchange(&app, &[&request], true).await;
            assert_eq!(answers.len(), 1, "{shown}");
            assert_eq!(answers[0].0, 200, "{shown}");
        }
        let request = log_in(&length, &body);
        let pieces: Vec<&[u8]> = request.chunks(9).collect();
        assert_eq!(exchange(&app, &pieces, false).await[0].0, 200);
        let request = log_in(&format!("{length}expect: 100-continue\r\n"), &body);
        let answers = exchange(&app, &[&request], false).await;
        assert_eq!((answers[0].0, answers[1].0), (100, 200));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_body_whose_length_is_a_lie_is_a_bad_request() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        let body = good_body();
        for lines in [
            "content-length: -1\r\n",
            "content-length: +5\r\n",
            "content-length: 1e3\r\n",
            "content-length: 0x10\r\n",
            "content-length: 5, 6\r\n",
            "content-length: 5\r\ncontent-length: 6\r\n",
            "content-length: 99999999999999999999999\r\n",
            "content-length: \r\n",
            "content-length: five\r\n",
            "transfer-encoding: gzip\r\n",
            "transfer-encoding: identity\r\n",
            "transfer-encoding: chunked, gzip\r\n",
        ] {
            let answer = one(&app, &log_in(lines, &body)).await;
            assert_eq!(answer, (400, own("Bad Request")), "{lines}");
        }
        for chunks in [
            "zz\r\n",
            "-1\r\n",
            "ffffffffffffffffff\r\n",
            "\r\n",
            "5\r\nab\r\n0\r\n\r\n",
        ] {
            let request = log_in("transfer-encoding: chunked\r\n", chunks.as_bytes());
            let answers = exchange(&app, &[&request], true).await;
            assert_eq!(answers, [(400, own("Bad Request"))], "{chunks:?}");
        }
        // Too long: the client hangs up, or waits.
        let request = log_in("content-length: 1000\r\n", &body);
        let answers = exchange(&app, &[&request], true).await;
        assert_eq!(answers, [(400, own("Bad Request"))]);
        assert_eq!(one(&app, &request).await, (408, own("Request Timeout")));
        // Too short: it is half a body.
        let (status, answer) = one(&app, &log_in("content-length: 5\r\n", &body)).await;
        assert_eq!((status, &answer["code"]), (400, &json!("invalid_request")));
        let (status, answer) = one(&app, &log_in("", &body)).await;
        assert_eq!((status, &answer["code"]), (400, &json!("invalid_request")));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_sends_far_too_much_to_wherever_gets_to_read_the_answer() {
        let app = TestApp::start().await;
        let megabytes = vec![b'x'; 12 * 1024 * 1024];
        for (target, lines, expected) in [
            ("POST /nowhere", "host: x\r\n", 404),
            ("PUT /auth/login", "host: x\r\n", 404),
            ("POST /_local/mails", "host: x\r\n", 403),
            ("POST /auth/login", "host: a b\r\n", 400),
            ("POST /auth/login", "host: x\r\n", 413),
            ("GET /api/users/1", "host: x\r\n", 413),
        ] {
            let head = format!(
                "{target} HTTP/1.1\r\n{lines}content-length: {}\r\n\r\n",
                megabytes.len()
            );
            let mut stream = TcpStream::connect(app.server.address()).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            // None of it fails for a connection that was closed too soon.
            stream.write_all(&megabytes).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut received = String::new();
            timeout(IN_TIME, stream.read_to_string(&mut received))
                .await
                .unwrap()
                .unwrap();
            let answers = answers(&received);
            assert_eq!(answers.len(), 1, "{target}");
            assert_eq!(answers[0].0, expected, "{target}");
            assert!(answers[0].1["message"].is_string(), "{target}: {answers:?}");
        }
    }
}

mod case_34_events {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_no_http_is_told_so_in_json() {
        let app = TestApp::start().await;
        for line in [
            "GET / HTTP/0.9",
            "GET / HTTP/1.2",
            "GET / HTTP/2.0",
            "GET / HTTP/3",
            "GET / http/1.1",
            "GET / FOO",
            "GET /",
            "GET  / HTTP/1.1",
            "GET\t/ HTTP/1.1",
            "GET / x HTTP/1.1",
            " GET / HTTP/1.1",
            "G(T / HTTP/1.1",
            "/ HTTP/1.1",
            "GET <> HTTP/1.1",
            "\u{fc} / HTTP/1.1",
            "HELO localhost",
            "{}",
        ] {
            let request = format!("{line}\r\nhost: localhost\r\n\r\n");
            let answer = one(&app, request.as_bytes()).await;
            assert_eq!(answer, (400, own("Bad Request")), "{line}");
        }
        for bytes in [
            b"\0\x01\x02\x03\r\n\r\n".as_slice(),
            b"\x16\x03\x01\0\xa5\x01\0\0\xa1\x03\x03",
            b"\xff\xff\xff\xff",
            b"GET /\xff HTTP/1.1\r\nhost: localhost\r\n\r\n",
            b"GET / HTTP/1.1\r\nhost: localhost\r\nx: \0\r\n\r\n",
            b"GET / HTTP/1.1\r\nhost: localhost\r\nx: \r y\r\n\r\n",
        ] {
            let answer = one(&app, bytes).await;
            assert_eq!(answer, (400, own("Bad Request")), "{bytes:?}");
        }
        // After a good request too, and only once.
        let requests =
            b"GET /x HTTP/1.1\r\nhost: x\r\n\r\n\0\r\n\r\nGET /x HTTP/1.1\r\nhost: x\r\n\r\n";
        let answers = exchange(&app, &[requests], false).await;
        assert_eq!(
            answers,
            [(404, own("Not Found")), (400, own("Bad Request"))]
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_head_that_is_too_large_is_told_so_in_json_however_large_it_is() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let many = |number: usize| {
            (0..number)
                .map(|n| format!("x{n}: y\r\n"))
                .collect::<Vec<_>>()
                .concat()
        };
        let close = "connection: close\r\n";
        let (status, _) = one(&app, &own_record(&user, &format!("{close}{}", many(300)))).await;
        assert_eq!(status, 200);
        for length in [11_000, 70_000, 500_000, 3_000_000] {
            for request in [
                own_record(&user, &format!("{close}x: {}\r\n", "y".repeat(length))),
                own_record(&user, &format!("{close}{}: y\r\n", "x".repeat(length))),
                own_record(&user, &format!("{close}{}", many(length / 4))),
                format!(
                    "GET /{} HTTP/1.1\r\nhost: x\r\n{close}\r\n",
                    "a".repeat(length)
                )
                .into_bytes(),
                format!(
                    "GET /?{} HTTP/1.1\r\nhost: x\r\n{close}\r\n",
                    "a".repeat(length)
                )
                .into_bytes(),
            ] {
                let answer = one(&app, &request).await;
                assert_eq!(
                    answer,
                    (431, own("Request Header Fields Too Large")),
                    "{length}"
                );
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_connection_may_be_used_in_every_way_that_http_knows() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let request = own_record(&user, "");
        let last = own_record(&user, "connection: close\r\n");
        let statuses = |answers: Vec<(u16, Value)>| {
            answers
                .iter()
                .map(|(status, _)| *status)
                .collect::<Vec<_>>()
        };
        let three = [&request[..], &request, &last].concat();
        assert_eq!(statuses(exchange(&app, &[&three], false).await), [200; 3]);
        assert_eq!(
            statuses(exchange(&app, &[&request, &request, &last], false).await),
            [200; 3]
        );
        assert_eq!(statuses(exchange(&app, &[&request], true).await), [200]);
        let old = String::from_utf8(request.clone())
            .unwrap()
            .replace("HTTP/1.1", "HTTP/1.0");
        assert_eq!(
            statuses(exchange(&app, &[old.as_bytes()], false).await),
            [200]
        );
        let without_host = old.replace("host: localhost\r\n", "");
        assert_eq!(
            statuses(exchange(&app, &[without_host.as_bytes()], false).await),
            [200]
        );
        let blank_lines = [b"\r\n\r\n".as_slice(), &last].concat();
        assert_eq!(
            statuses(exchange(&app, &[&blank_lines], false).await),
            [200]
        );
        for lines in [
            "connection: close, upgrade\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
            "connection: close, upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n",
            "connection: close\r\nte: trailers\r\n",
            "connection: close\r\nrange: bytes=0-1\r\nif-none-match: *\r\n",
            "connection: close\r\naccept: image/png\r\naccept-encoding: br\r\naccept-charset: utf-16\r\n",
            "connection: close\r\nx-http-method: DELETE\r\nx-method-override: DELETE\r\n",
            "connection: close\r\ncontent-length: 0\r\n",
        ] {
            assert_eq!(one(&app, &own_record(&user, lines)).await.0, 200, "{lines}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn preflights_of_strangers_are_told_nothing_and_other_methods_have_no_route() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let preflight = "OPTIONS /auth/login HTTP/1.1\r\nhost: x\r\nconnection: close\r\norigin: https://evil.example\r\n\
            access-control-request-method: POST\r\n\r\n";
        assert_eq!(one(&app, preflight.as_bytes()).await, (204, Value::Null));
        for line in [
            "OPTIONS /auth/login",
            "OPTIONS *",
            "TRACE /auth/login",
            "CONNECT localhost:443",
            "get /.well-known/jwks.json",
            "PRI /x",
            "DELETE /_local/",
            "PUT /auth/logout",
        ] {
            let request = format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
            let (status, body) = one(&app, request.as_bytes()).await;
            // The mailbox is for this machine only.
            let expected = if line.contains("_local") { 403 } else { 404 };
            assert_eq!(status, expected, "{line}");
            assert!(body["message"].is_string(), "{line}");
        }
        assert_eq!(app.details(&user).await.status, 200);
    }

    /// Members of an event that may be missing or empty without any loss.
    const OPTIONAL: [&str; 12] = [
        "/version",
        "/routeKey",
        "/rawPath",
        "/rawQueryString",
        "/cookies",
        "/queryStringParameters",
        "/stageVariables",
        "/requestContext/domainPrefix",
        "/requestContext/stage",
        "/requestContext/authorizer",
        "/requestContext/authentication",
        "/requestContext/http/sourceIp",
    ];

    #[tokio::test(flavor = "multi_thread")]
    async fn what_an_event_need_not_have_may_be_missing() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for place in OPTIONAL {
            for missing in [true, false] {
                let change = |event: &mut Value| {
                    event["headers"]["authorization"] = json!(format!("Token {}", user.token));
                    event["pathParameters"] = json!({"id": user.id.to_string()});
                    let (parent, name) = place.rsplit_once('/').unwrap();
                    let parent = event.pointer_mut(parent).unwrap().as_object_mut().unwrap();
                    if missing {
                        parent.remove(name);
                    } else {
                        parent.insert(name.to_owned(), Value::Null);
                    }
                };
                let (status, body) = app.invoke("get_user", change).await;
                assert_eq!(
                    (status, &body["id"]),
                    (200, &json!(user.id)),
                    "{place} {missing}: {body}"
                );
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_events_path_stage_and_query_may_be_of_any_length() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let long = format!("/{}", "\u{fc}a b".repeat(30_000));
        for place in [
            "/rawPath",
            "/rawQueryString",
            "/requestContext/stage",
            "/requestContext/http/path",
            "/requestContext/http/userAgent",
        ] {
            let change = |event: &mut Value| {
                event["headers"]["authorization"] = json!(format!("Token {}", user.token));
                event["pathParameters"] = json!({"id": user.id.to_string()});
                *event.pointer_mut(place).unwrap() = json!(long);
            };
            let (status, body) = app.invoke("get_user", change).await;
            assert_eq!(
                (status, &body["id"]),
                (200, &json!(user.id)),
                "{place}: {body}"
            );
        }
    }
}
