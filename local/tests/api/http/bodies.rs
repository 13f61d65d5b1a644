//! Request bodies: JSON, size and transfer.

use serde_json::json;

use crate::support::{
    app::{PASSWORD, TestApp, TestUser},
    endpoints::{
        KIBIBYTE, READERS, WITHOUT_REQUIRED_FIELDS, blank_body, invalid_bodies, send_body,
    },
    paths::{LOG_IN, SIGN_UP, TOKEN, UPDATE_DETAILS},
    raw_http::{exchange, exchange_one, gateway_message, log_in_body, log_in_request},
    response::{field_error, problem},
};

mod case_33_request_bodies {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn anything_but_one_json_object_is_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let before = app.tables().user(user.id).await;
        for (method, path, _) in READERS {
            for (what, body) in invalid_bodies() {
                if body.is_empty() && WITHOUT_REQUIRED_FIELDS.contains(&path) {
                    continue;
                }
                // The event has the body as text for one content type and as base64 for the other.
                for kind in ["application/json", "application/octet-stream"] {
                    let response =
                        send_body(&app, &user, (method, path), Some(kind), body.clone()).await;
                    assert_eq!(
                        response.field_errors(),
                        [field_error("", "invalid")],
                        "{what} to {path}"
                    );
                }
            }
        }
        assert_eq!(app.tables().user(user.id).await, before);
        assert_eq!(app.details(&user).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn common_mistakes_are_named() {
        let app = TestApp::start().await;
        let json = r#"{"username": "john", "password": "x"}"#;
        let form = "application/x-www-form-urlencoded";
        let utf_16: Vec<u8> = json.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (kind, coding, body, expected) in [
            (
                "application/json",
                "gzip",
                b"\x1f\x8b\x08\0".to_vec(),
                "compressed",
            ),
            (
                "application/json",
                "br",
                b"\x0b\x02\x80".to_vec(),
                "compressed",
            ),
            (
                "application/json",
                "",
                b"\x1f\x8b\x08\0".to_vec(),
                "compressed",
            ),
            (
                "application/json",
                "",
                format!("\u{FEFF}{json}").into_bytes(),
                "byte order mark",
            ),
            (
                "application/json",
                "",
                [b"\xff\xfe", utf_16.as_slice()].concat(),
                "UTF-8",
            ),
            (
                "application/json",
                "",
                b"{\"username\": \"j\xf6rg\"}".to_vec(),
                "UTF-8",
            ),
            (form, "", b"username=john&password=x".to_vec(), "form"),
            (
                "multipart/form-data; boundary=x",
                "",
                b"--x\r\n".to_vec(),
                "form",
            ),
            // As curl sends it without a content type.
            (form, "", json.as_bytes()[1..].to_vec(), "one JSON object"),
            (form, "", json.as_bytes()[..10].to_vec(), "one JSON object"),
            (
                "application/json",
                "identity",
                b"[]".to_vec(),
                "one JSON object",
            ),
        ] {
            let mut request = app
                .request(reqwest::Method::POST, LOG_IN)
                .header("content-type", kind);
            if !coding.is_empty() {
                request = request.header("content-encoding", coding);
            }
            let response = app.send(request.body(body)).await;
            let message = response.json()["errors"][0]["message"].to_string();
            assert!(
                response.status == 400 && message.contains(expected),
                "{expected}: {message}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_largest_body_is_sixteen_kibibytes() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for (method, path, _) in READERS {
            for kind in [
                Some("application/json"),
                Some("application/octet-stream"),
                None,
            ] {
                let response =
                    send_body(&app, &user, (method, path), kind, blank_body(16 * KIBIBYTE)).await;
                if WITHOUT_REQUIRED_FIELDS.contains(&path) {
                    assert_eq!(response.status, 200, "{path}: {response:?}");
                } else {
                    assert!(
                        response
                            .field_errors()
                            .iter()
                            .any(|(_, code)| code == "required"),
                        "{path}: {response:?}"
                    );
                }
                let response = send_body(
                    &app,
                    &user,
                    (method, path),
                    kind,
                    blank_body(16 * KIBIBYTE + 1),
                )
                .await;
                assert_eq!(
                    response.problem(),
                    problem(413, "payload_too_large"),
                    "{path}"
                );
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_oversized_body_is_rejected_before_parsing() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for (method, path, _) in READERS {
            let nested = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
            let quarter_megabyte = vec![b'\xff'; KIBIBYTE * KIBIBYTE / 4];
            for body in [nested.into_bytes(), quarter_megabyte] {
                let response = send_body(&app, &user, (method, path), None, body).await;
                assert_eq!(
                    response.problem(),
                    problem(413, "payload_too_large"),
                    "{path}"
                );
            }
        }
        // The largest event. Decoding it in a debug build takes a second, so it is sent only once.
        let largest = vec![b'['; 6 * KIBIBYTE * KIBIBYTE];
        let response = send_body(&app, &user, ("POST", SIGN_UP), None, largest).await;
        assert_eq!(response.problem(), problem(413, "payload_too_large"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_size_is_checked_before_the_token() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let unknown = TestUser {
            token: "x".to_owned(),
            ..user
        };
        for (method, path) in [
            ("PATCH", UPDATE_DETAILS),
            ("POST", TOKEN),
            ("POST", "/auth/logout"),
        ] {
            let response = send_body(
                &app,
                &unknown,
                (method, path),
                None,
                blank_body(16 * KIBIBYTE + 1),
            )
            .await;
            assert_eq!(
                response.problem(),
                problem(413, "payload_too_large"),
                "{path}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn bodies_are_json_whatever_their_content_type() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let kinds = [
            None,
            Some(""),
            Some("text/plain"),
            Some("text/html"),
            Some("APPLICATION/JSON"),
            Some("application/json; charset=utf-8"),
            Some("application/json;charset=UTF-16"),
            Some("application/json; charset=\"latin1\"; x"),
            Some("application/vnd.api+json"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=x"),
            Some("application/octet-stream"),
            Some("application/xml"),
            Some("image/png"),
            Some("nonsense"),
            Some(";;;"),
            Some("\u{fc}/\u{fc}"),
        ];
        for kind in kinds {
            for (method, path, _) in READERS {
                let body = br#" { "no-such-field" : "\u00fc \u00fc" } "#.to_vec();
                let response = send_body(&app, &user, (method, path), kind, body).await;
                assert!(
                    response
                        .field_errors()
                        .contains(&field_error("no-such-field", "unknown_field")),
                    "{kind:?} to {path}: {response:?}"
                );
            }
            let body =
                json!({"current-password": PASSWORD, "first_name": format!("{kind:?} \u{fc}")});
            let endpoint = ("PATCH", UPDATE_DETAILS);
            let response =
                send_body(&app, &user, endpoint, kind, body.to_string().into_bytes()).await;
            assert_eq!(
                (response.status, &response.json()["first_name"]),
                (200, &body["first_name"]),
                "{kind:?}"
            );
            let body = json!({"username": "john", "password": PASSWORD});
            let response = send_body(
                &app,
                &user,
                ("POST", LOG_IN),
                kind,
                body.to_string().into_bytes(),
            )
            .await;
            assert_eq!(response.status, 200, "{kind:?}: {response:?}");
            // Keeps the number of sessions below ten, so that the first one does not end.
            let token = response.token();
            assert_eq!(app.log_out(&token).await.status, 204);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn chunks_and_pieces_make_one_body() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        let body = log_in_body();
        let length = format!("content-length: {}\r\n", body.len());
        let chunked = "transfer-encoding: chunked\r\n";
        let chunk =
            |part: &[u8]| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
        let end = b"0\r\n\r\n".as_slice();
        let single: Vec<u8> = body.iter().flat_map(|byte| chunk(&[*byte])).collect();
        for request in [
            log_in_request(&length, &body),
            log_in_request(&format!("{length}expect: 200-ok\r\n"), &body),
            log_in_request(chunked, &[&chunk(&body), end].concat()),
            log_in_request(chunked, &[&single, end].concat()),
            log_in_request(
                chunked,
                &[&chunk(&body), b"0\r\nx: y\r\n\r\n".as_slice()].concat(),
            ),
            log_in_request(
                "Transfer-Encoding: CHUNKED\r\n",
                &[&chunk(&body), end].concat(),
            ),
        ] {
            let shown = String::from_utf8_lossy(&request).into_owned();
            assert_eq!(exchange_one(&app, &request).await.0, 200, "{shown}");
            // A client that closes its half of the connection still gets a response.
            let responses = exchange(&app, &[&request], true).await;
            assert_eq!(responses.len(), 1, "{shown}");
            assert_eq!(responses[0].0, 200, "{shown}");
        }
        let request = log_in_request(&length, &body);
        let pieces: Vec<&[u8]> = request.chunks(9).collect();
        assert_eq!(exchange(&app, &pieces, false).await[0].0, 200);
        let request = log_in_request(&format!("{length}expect: 100-continue\r\n"), &body);
        let responses = exchange(&app, &[&request], false).await;
        assert_eq!((responses[0].0, responses[1].0), (100, 200));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_wrong_content_length_is_a_bad_request() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        let body = log_in_body();
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
            let (status, _) = exchange_one(&app, &log_in_request(lines, &body)).await;
            assert_eq!(status, 400, "{lines}");
        }
        for chunks in [
            "zz\r\n",
            "-1\r\n",
            "ffffffffffffffffff\r\n",
            "\r\n",
            "5\r\nab\r\n0\r\n\r\n",
        ] {
            let request = log_in_request("transfer-encoding: chunked\r\n", chunks.as_bytes());
            let responses = exchange(&app, &[&request], true).await;
            assert_eq!(
                responses,
                [(400, gateway_message("Bad Request"))],
                "{chunks:?}"
            );
        }
        // The length is too large: the client closes the connection, or waits.
        let request = log_in_request("content-length: 1000\r\n", &body);
        let responses = exchange(&app, &[&request], true).await;
        assert_eq!(responses, [(400, gateway_message("Bad Request"))]);
        assert_eq!(
            exchange_one(&app, &request).await,
            (408, gateway_message("Request Timeout"))
        );
        // The length is too small: the body is truncated.
        let (status, response) =
            exchange_one(&app, &log_in_request("content-length: 5\r\n", &body)).await;
        assert_eq!(
            (status, &response["code"]),
            (400, &json!("invalid_request"))
        );
        let (status, response) = exchange_one(&app, &log_in_request("", &body)).await;
        assert_eq!(
            (status, &response["code"]),
            (400, &json!("invalid_request"))
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn oversized_requests_get_a_readable_response() {
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
            // Writing does not fail: the server keeps the connection open until it has read everything.
            let responses = exchange(&app, &[head.as_bytes(), &megabytes], true).await;
            assert_eq!(responses.len(), 1, "{target}");
            assert_eq!(responses[0].0, expected, "{target}");
            assert!(
                responses[0].1["message"].is_string(),
                "{target}: {responses:?}"
            );
        }
    }
}
