//! HTTP/1.1 on the wire.

use serde_json::Value;

use crate::support::{
    app::TestApp,
    raw_http::{exchange, exchange_one, gateway_message, own_record_request},
};

mod case_34_events {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_http_is_a_bad_request() {
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
            let (status, _) = exchange_one(&app, request.as_bytes()).await;
            assert_eq!(status, 400, "{line}");
        }
        for bytes in [
            b"\0\x01\x02\x03\r\n\r\n".as_slice(),
            b"\x16\x03\x01\0\xa5\x01\0\0\xa1\x03\x03",
            b"\xff\xff\xff\xff",
            b"GET /\xff HTTP/1.1\r\nhost: localhost\r\n\r\n",
            b"GET / HTTP/1.1\r\nhost: localhost\r\nx: \0\r\n\r\n",
            b"GET / HTTP/1.1\r\nhost: localhost\r\nx: \r y\r\n\r\n",
        ] {
            let (status, _) = exchange_one(&app, bytes).await;
            assert_eq!(status, 400, "{bytes:?}");
        }
        // The same after a valid request, with one response only.
        let requests =
            b"GET /x/y HTTP/1.1\r\nhost: x\r\n\r\n\0\r\n\r\nGET /x/y HTTP/1.1\r\nhost: x\r\n\r\n";
        let responses = exchange(&app, &[requests], false).await;
        assert_eq!(responses.len(), 2);
        assert_eq!(responses[0], (404, gateway_message("Not Found")));
        assert_eq!(responses[1].0, 400);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn connections_can_be_reused_and_pipelined() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let request = own_record_request(&user, "");
        let last = own_record_request(&user, "connection: close\r\n");
        let statuses = |responses: Vec<(u16, Value)>| {
            responses
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
            assert_eq!(
                exchange_one(&app, &own_record_request(&user, lines))
                    .await
                    .0,
                200,
                "{lines}"
            );
        }
    }
}
