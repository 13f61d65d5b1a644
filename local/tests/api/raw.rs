//! Speaks HTTP by hand, for what no client library would send.

use std::time::Duration;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::app::TestApp;

/// What no answer may take longer than.
pub const IN_TIME: Duration = Duration::from_secs(3);

/// What came back.
#[derive(Debug)]
pub struct RawAnswer {
    pub status: u16,
    pub head: String,
    pub body: Value,
}

/// Sends a request with these header lines, and `body` after them.
pub async fn send(app: &TestApp, request_line: &str, lines: &[&[u8]], body: &[u8]) -> RawAnswer {
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
    let mut stream = TcpStream::connect(app.server.address()).await.unwrap();
    stream.write_all(&request).await.unwrap();
    let mut answer = Vec::new();
    timeout(IN_TIME, stream.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = serde_json::from_str(body).unwrap_or(Value::Null);
    RawAnswer {
        status,
        head: head.to_ascii_lowercase(),
        body,
    }
}
