//! The server from outside, over plain sockets, with requests that a client library would not send.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};

use super::*;
use crate::testing::{ManualClock, fixed_providers};

const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");

fn options() -> Options {
    Options::new(TEMPLATE, fixed_providers(&ManualClock::default(), 1))
}

async fn started() -> Server {
    Server::start(options()).await.expect("a server")
}

/// Sends `request` unchanged and returns the status and body of the response.
async fn send(server: &Server, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address())
        .await
        .expect("a connection");
    stream.write_all(request).await.expect("a request sent");
    let mut response = String::new();
    stream
        .read_to_string(&mut response)
        .await
        .expect("a response");
    let status = response.split(' ').nth(1).unwrap_or_default();
    let body = response
        .split_once("\r\n\r\n")
        .map(|(_, body)| body)
        .unwrap_or_default();
    format!("{status} {body}")
}

#[tokio::test]
async fn the_gateway_rejects_invalid_requests() {
    let server = started().await;
    let long = "x".repeat(11_000);
    for (head, expected) in [
        (
            "GET / HTTP/1.1\r\nHost: localhost",
            r#"404 {"message":"Not Found"}"#,
        ),
        ("HEAD /api/users/1 HTTP/1.1\r\nHost: localhost", "404 "),
        (
            "OPTIONS * HTTP/1.1\r\nHost: localhost",
            r#"404 {"message":"Not Found"}"#,
        ),
        (
            "POST /api/users/1 HTTP/1.1\r\nHost: localhost",
            r#"404 {"message":"Not Found"}"#,
        ),
        (
            "GET /api/users/1/ HTTP/1.1\r\nHost: localhost",
            r#"404 {"message":"Not Found"}"#,
        ),
        (
            "GET /api/users/1 HTTP/1.1\r\nHost: a@b",
            r#"400 {"message":"Bad Request"}"#,
        ),
        (
            "GET /api/users/1 HTTP/1.1\r\nHost: ",
            r#"400 {"message":"Bad Request"}"#,
        ),
        (
            "GET /api/users/1 HTTP/1.1",
            r#"400 {"message":"Bad Request"}"#,
        ),
        (
            "GET /_local/mails HTTP/1.1\r\nHost: evil.example",
            r#"403 {"message":"Forbidden"}"#,
        ),
        (
            "PUT /_local/mails HTTP/1.1\r\nHost: localhost",
            r#"404 {"message":"Not Found"}"#,
        ),
        (
            "GET /_local/mails HTTP/1.1\r\nHost: localhost:3000",
            "200 []",
        ),
        (
            &format!("GET /api/users/1 HTTP/1.1\r\nHost: localhost\r\nX: {long}"),
            r#"431 {"message":"Request Header Fields Too Large"}"#,
        ),
    ] {
        let request = format!("{head}\r\nConnection: close\r\n\r\n");
        assert_eq!(
            send(&server, request.as_bytes()).await,
            expected,
            "{head:.80}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn a_too_large_body_is_rejected() {
    let server = started().await;
    let size = 10 * 1024 * 1024 + 1;
    let head = format!(
        "POST /auth/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
    );
    let mut request = head.into_bytes();
    request.resize(request.len() + size, b' ');
    assert_eq!(
        send(&server, &request).await,
        r#"413 {"message":"Request Entity Too Large"}"#
    );
    server.stop().await;
}

#[tokio::test]
async fn a_header_that_is_not_utf_8_reaches_the_function() {
    let server = started().await;
    let request = b"GET /api/users/1 HTTP/1.0\r\nAuthorization: Token \xfc\xff\r\n\r\n";
    assert!(send(&server, request).await.starts_with("401 "));
    server.stop().await;
}

#[tokio::test]
async fn a_server_starts_quickly_and_stops_completely() {
    let start = Instant::now();
    let server = started().await;
    let time = start.elapsed();
    let (api, dynamodb, ses) = (
        server.address(),
        server.dynamodb_address(),
        server.services_address(),
    );
    server.stop().await;
    for address in [api, dynamodb, ses] {
        assert!(TcpStream::connect(address).await.is_err(), "{address}");
    }
    assert!(time.as_secs() < 2, "{time:?}");
    println!("started in {time:?}");
}

#[tokio::test]
async fn a_dropped_server_releases_its_ports() {
    let server = started().await;
    let addresses = [
        server.address(),
        server.dynamodb_address(),
        server.services_address(),
    ];
    drop(server);
    tokio::task::yield_now().await;
    for address in addresses {
        tokio::time::timeout(std::time::Duration::from_secs(5), async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        })
        .await
        .expect("the port is released");
    }
}

#[tokio::test]
async fn a_start_error_names_its_cause() {
    let running = started().await;
    let error = async |options: Options| match Server::start(options).await {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    let port = running.address().port();
    let busy = error(Options { port, ..options() }).await;
    assert_eq!(
        busy,
        format!("port {port} is already in use; choose another one with --port")
    );
    let settings = BTreeMap::from([("NO_SUCH".to_owned(), String::new())]);
    assert!(
        error(Options {
            settings,
            ..options()
        })
        .await
        .starts_with("there is no setting NO_SUCH")
    );
    let settings = BTreeMap::from([("SESSION_DAYS".to_owned(), "many".to_owned())]);
    assert!(
        error(Options {
            settings,
            ..options()
        })
        .await
        .contains("SESSION_DAYS")
    );
    // No database.
    let data = Some(PathBuf::from("Cargo.toml"));
    let unreadable = error(Options { data, ..options() }).await;
    assert!(
        unreadable.contains("Cargo.toml cannot be opened as a data file")
            && unreadable.ends_with("name another one with --data"),
        "{unreadable}"
    );
    let template = PathBuf::from("no-such-template.yaml");
    assert!(
        error(Options {
            template,
            ..options()
        })
        .await
        .starts_with("no-such-template.yaml: ")
    );
    running.stop().await;
}

#[tokio::test]
async fn dynamodb_listens_at_the_given_address() {
    let host = Ipv4Addr::new(127, 0, 0, 2);
    let server = Server::start(Options {
        dynamodb_host: host.into(),
        ..options()
    });
    let server = server.await.expect("a server");
    assert_eq!(server.dynamodb_address().ip(), host);
    let everywhere = Server::start(Options {
        dynamodb_host: Ipv4Addr::UNSPECIFIED.into(),
        ..options()
    });
    let everywhere = everywhere.await.expect("a server");
    let address = everywhere.dynamodb_address();
    assert_eq!(address.ip(), Ipv4Addr::LOCALHOST);
    let variables = everywhere.environment("get_user").expect("a function");
    assert_eq!(
        variables.get("AWS_ENDPOINT_URL_DYNAMODB"),
        Some(&format!("http://{address}"))
    );
    // The address of a documentation network (RFC 5737) is no machine's.
    let elsewhere = Server::start(Options {
        dynamodb_host: Ipv4Addr::new(192, 0, 2, 1).into(),
        ..options()
    });
    let problem = elsewhere.await.err().expect("a refusal").to_string();
    assert!(
        problem.starts_with("cannot listen on 192.0.2.1:0: ")
            && problem.contains("--dynamodb-host"),
        "{problem}"
    );
}
