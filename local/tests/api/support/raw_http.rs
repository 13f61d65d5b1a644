//! HTTP written by hand, for requests that no client library sends.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{
    app::{PASSWORD, TestApp, TestUser},
    times::RESPONSE_TIMEOUT,
};

/// A response.
#[derive(Debug)]
pub struct RawResponse {
    pub status: u16,
    pub head: String,
    pub body: Value,
}

/// Sends a request with these header lines and this body over a connection of its own.
pub async fn send(app: &TestApp, request_line: &str, lines: &[&[u8]], body: &[u8]) -> RawResponse {
    let mut request = format!(
        "{request_line} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    )
    .into_bytes();
    for line in lines {
        request.extend_from_slice(line);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(body);
    let response = write_and_read(app, &[&request], false).await;
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = serde_json::from_str(body).unwrap_or(Value::Null);
    RawResponse {
        status,
        head: head.to_ascii_lowercase(),
        body,
    }
}

/// Sends a GET request without a body to a local host.
pub async fn get(app: &TestApp, path: &str, lines: &[&[u8]]) -> RawResponse {
    let lines = [&[b"host: localhost".as_slice()], lines].concat();
    send(app, &format!("GET {path}"), &lines, b"").await
}

/// Sends `pieces` one after the other over one connection, closes the sending half if `close` is set, and returns status and
/// body of every response.
pub async fn exchange(app: &TestApp, pieces: &[&[u8]], close: bool) -> Vec<(u16, Value)> {
    parse_responses(&write_and_read(app, pieces, close).await)
}

/// Sends one request and returns status and body of its only response.
pub async fn exchange_one(app: &TestApp, request: &[u8]) -> (u16, Value) {
    let mut responses = exchange(app, &[request], false).await;
    assert_eq!(responses.len(), 1, "{responses:?}");
    responses.remove(0)
}

async fn write_and_read(app: &TestApp, pieces: &[&[u8]], close: bool) -> String {
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
    timeout(RESPONSE_TIMEOUT, stream.read_to_end(&mut received))
        .await
        .unwrap()
        .unwrap();
    String::from_utf8(received).unwrap()
}

fn parse_responses(mut received: &str) -> Vec<(u16, Value)> {
    let mut responses = Vec::new();
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
        responses.push((status, serde_json::from_str(body).unwrap_or(Value::Null)));
        received = next;
    }
    assert_eq!(received, "");
    responses
}

/// A log-in with these header lines and this body.
pub fn log_in_request(lines: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("POST /auth/login HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{lines}\r\n");
    [head.as_bytes(), body].concat()
}

/// The body of a log-in of `john`.
pub fn log_in_body() -> Vec<u8> {
    json!({"username": "john", "password": PASSWORD})
        .to_string()
        .into_bytes()
}

/// A request for the user's own record with these header lines.
pub fn own_record_request(user: &TestUser, lines: &str) -> Vec<u8> {
    format!(
        "GET /api/users/{} HTTP/1.1\r\nhost: localhost\r\nauthorization: Token {}\r\n{lines}\r\n",
        user.id, user.token
    )
    .into_bytes()
}

/// The body of a response by API Gateway itself.
pub fn gateway_message(message: &str) -> Value {
    json!({ "message": message })
}
