//! A proxy between the binary and a server, which spoils some of the exchanges.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// The treatment of a request.
pub enum Action {
    Forward,
    /// Forwards the request and gives the response this date.
    ForwardDated(&'static str),
    /// Forwards the request and closes the connection without a response.
    LoseResponse,
    /// Responds with this status and JSON body, without forwarding.
    Respond(u16, &'static str),
}

/// Starts a proxy for `upstream` and returns its address. `decide` receives the head of each request.
pub async fn start(
    upstream: String,
    decide: impl Fn(&str) -> Action + Send + Sync + 'static,
) -> String {
    start_with_bodies(upstream, move |head, _| decide(head)).await
}

/// As [`start`]; `decide` also receives the body of each request.
pub async fn start_with_bodies(
    upstream: String,
    decide: impl Fn(&str, &[u8]) -> Action + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    let decide = Arc::new(decide);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (upstream, decide) = (upstream.clone(), decide.clone());
            tokio::spawn(async move { serve(stream, &upstream, &*decide).await });
        }
    });
    format!("http://{address}")
}

/// Serves one request. Every response closes its connection.
async fn serve(
    mut stream: TcpStream,
    upstream: &str,
    decide: &(dyn Fn(&str, &[u8]) -> Action + Sync),
) {
    let Some((head, body)) = read(&mut stream).await else {
        return;
    };
    let (status, date, body) = match decide(&head, &body) {
        Action::Respond(status, body) => (status, String::new(), body.as_bytes().to_vec()),
        Action::Forward => forward(upstream, &head, body).await,
        Action::ForwardDated(date) => {
            let (status, _, body) = forward(upstream, &head, body).await;
            (status, date.to_owned(), body)
        }
        Action::LoseResponse => {
            forward(upstream, &head, body).await;
            return;
        }
    };
    let head = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ndate: {date}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
}

/// Reads the head and the body of a request.
async fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length: usize = header(&head, "content-length")
                .unwrap_or("0")
                .parse()
                .unwrap();
            if bytes.len() >= end + 4 + length {
                return Some((head, bytes.split_off(end + 4)));
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields
        .find(|(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

/// Returns status, date and body of the response.
async fn forward(upstream: &str, head: &str, body: Vec<u8>) -> (u16, String, Vec<u8>) {
    let mut words = head.split(' ');
    let method = words.next().unwrap().parse().unwrap();
    let url = format!("{upstream}{}", words.next().unwrap());
    let mut request = reqwest::Client::new().request(method, url).body(body);
    for name in [
        "authorization",
        "content-type",
        "x-amz-date",
        "x-amz-target",
    ] {
        if let Some(value) = header(head, name) {
            request = request.header(name, value);
        }
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let date = response.headers().get("date");
    let date = date.map_or("", |date| date.to_str().unwrap()).to_owned();
    (status, date, response.bytes().await.unwrap().to_vec())
}
