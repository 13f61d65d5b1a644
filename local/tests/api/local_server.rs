//! The development server: the list of mails, storage, start and stop.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use local::{Options, Server, runtime_api::RuntimeApi};
use reqwest::Method;
use serde_json::{Value, json};
use shared::app::Providers;
use tokio::time::Instant;

use crate::support::{
    app::{PASSWORD, TestApp, token_in},
    paths::{LOG_IN, SIGN_UP},
    repository::root,
};

/// A temporary folder that is removed when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("latchkey-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The server as a process, which is killed if the test fails.
struct Running(Child);

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_local"))
            .args(["--port", "0", "--dynamodb-port", "0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Self(child.unwrap())
    }

    /// The address that the server prints.
    fn address(&mut self) -> String {
        let lines = BufReader::new(self.0.stdout.as_mut().unwrap()).lines();
        let api = lines
            .map(Result::unwrap)
            .find_map(|line| Some(line.trim().strip_prefix("API")?.trim().to_owned()));
        api.unwrap()
    }

    fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        assert!(
            Command::new("kill")
                .args([name, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Exit code and standard error.
    fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.0
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        (self.0.wait().unwrap().code(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_are_listed_and_can_be_deleted() {
    let app = TestApp::start().await;
    app.sign_up("john").await;
    app.sign_up("jane").await;
    for name in ["john", "jane"] {
        assert_eq!(
            app.request_reset(&format!("{name}@example.com"))
                .await
                .status,
            200
        );
    }
    let listed = app
        .send(app.request(Method::GET, "/_local/mails"))
        .await
        .json();
    let newest = &listed[0];
    assert_eq!(newest["to"], json!(["jane@example.com"]));
    assert_eq!(newest["from"], "Latchkey <no-reply@latchkey.example>");
    assert_eq!(newest["subject"], "Reset your Latchkey password");
    assert_eq!(newest["sent_at"], "2026-01-31T12:00:00Z");
    let fields: Vec<_> = newest.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        fields,
        ["from", "html", "id", "sent_at", "subject", "text", "to"]
    );
    assert_eq!(
        app.unread_mails()
            .iter()
            .map(|mail| token_in(mail).len())
            .filter(|length| *length > 41)
            .count(),
        2
    );
    assert_eq!(
        app.send(app.request(Method::DELETE, "/_local/mails"))
            .await
            .status,
        204
    );
    assert_eq!(
        app.send(app.request(Method::GET, "/_local/mails"))
            .await
            .json(),
        json!([])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn data_in_a_file_survives_a_restart() {
    let folder = Folder::new("data");
    let start = async || {
        let mut options = Options::new(root().join("template.yaml"), Providers::system());
        options.data = Some(folder.0.join("data.db"));
        Server::start(options).await.unwrap()
    };
    let client = reqwest::Client::new();
    let post = async |server: &Server, path: &str, body: Value| {
        let response = client
            .post(format!("http://{}{path}", server.address()))
            .json(&body)
            .send()
            .await
            .unwrap();
        (
            response.status().as_u16(),
            response.json::<Value>().await.unwrap(),
        )
    };
    let server = start().await;
    let user = json!({"username": "john", "email": "john@example.com", "password": PASSWORD});
    let (status, signed_up) = post(&server, SIGN_UP, user.clone()).await;
    assert_eq!(status, 201);
    server.stop().await;
    let server = start().await;
    let (status, signed_in) = post(
        &server,
        LOG_IN,
        json!({"username": "john", "password": PASSWORD}),
    )
    .await;
    assert_eq!((status, &signed_in["user"]), (200, &signed_up["user"]));
    assert_eq!(post(&server, SIGN_UP, user).await.0, 400);
    server.stop().await;
}

#[test]
fn prints_its_address_and_stops_on_a_signal() {
    for signal in ["-INT", "-TERM"] {
        let started = Instant::now();
        let mut running = Running::start(&[]);
        let address = running.address();
        assert!(
            started.elapsed() < Duration::from_secs(1),
            "{:?}",
            started.elapsed()
        );
        assert!(address.starts_with("http://127.0.0.1:"), "{address}");
        running.signal(signal);
        let (code, said) = running.end();
        assert_eq!(
            (code, said.contains("panicked")),
            (Some(0), false),
            "{said}"
        );
    }
}

#[test]
fn idles_below_sixty_megabytes() {
    let mut running = Running::start(&[]);
    running.address();
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.0.id())).unwrap();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kilobytes: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 60 * 1024, "{kilobytes} KiB");
    running.signal("-TERM");
    running.end();
}

#[test]
fn port_conflicts_and_broken_templates_are_reported() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, said) = Running::start(&["--port", &port]).end();
    assert_eq!(code, Some(1), "{said}");
    let problem = format!("error: port {port} is already in use; choose another one with --port\n");
    assert!(said.starts_with(&problem), "{said}");
    // The command has the same arguments, and a free port after them.
    let arguments = format!(" --port 0 --dynamodb-port 0 --port {port} --port ");
    let (_, free) = said.split_once(&arguments).unwrap();
    let free: u16 = free.trim().parse().unwrap();
    assert!(free > port.parse().unwrap(), "{said}");
    let folder = Folder::new("template");
    let broken = folder.0.join("template.yaml");
    std::fs::write(
        &broken,
        "Resources:\n  GetUserFunction:\n    Type: AWS::Serverless::Function\n",
    )
    .unwrap();
    let (code, said) = Running::start(&["--template", broken.to_str().unwrap()]).end();
    assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
    assert!(
        said.contains("template.yaml") && said.contains("GetUserFunction"),
        "{said}"
    );
}

/// Every door of the development server but the API itself, with a request that it accepts.
fn doors(app: &TestApp, runtime: &RuntimeApi) -> [(Method, String, &'static str); 6] {
    let server = &app.server;
    [
        (Method::GET, app.url("/_local/mails"), ""),
        (Method::POST, app.url("/_local/clock"), ""),
        (Method::PATCH, app.url("/_local/faults"), ""),
        (
            Method::POST,
            format!("http://{}/", server.dynamodb_address()),
            "DynamoDB_20120810.ListTables",
        ),
        (
            Method::POST,
            format!(
                "http://{}/v2/email/outbound-emails",
                server.services_address()
            ),
            "",
        ),
        (
            Method::POST,
            format!("http://{}/2018-06-01/runtime/init/error", runtime.address()),
            "",
        ),
    ]
}

/// A page that a developer happens to visit can send requests to this machine. None of these interfaces checks credentials.
#[tokio::test(flavor = "multi_thread")]
async fn no_door_opens_to_a_web_page() {
    let app = TestApp::start().await;
    let runtime = RuntimeApi::start().await.unwrap();
    for (method, url, target) in doors(&app, &runtime) {
        let send = async |method: &Method, headers: &[(&str, &str)]| {
            let request = reqwest::Client::new().request(method.clone(), &url);
            let request = request.header("x-amz-target", target).body("{}");
            let request = headers.iter().fold(request, |request, (name, value)| {
                request.header(*name, *value)
            });
            request.send().await.unwrap()
        };
        assert_ne!(send(&method, &[]).await.status(), 403, "{url}");
        for headers in [
            &[("origin", "http://localhost:5175")][..],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[("host", "evil.example")],
            &[("host", "evil.example"), ("origin", "http://evil.example")],
            &[
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "no-cors"),
            ],
        ] {
            let response = send(&method, headers).await;
            assert_eq!(response.status(), 403, "{url} {headers:?}");
            let names = response.headers().keys();
            let cors: Vec<_> = names
                .filter(|name| name.as_str().starts_with("access-"))
                .collect();
            assert!(cors.is_empty(), "{url}: {cors:?}");
        }
        let preflight = [
            ("origin", "http://localhost:5175"),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "x-amz-target"),
        ];
        let response = send(&Method::OPTIONS, &preflight).await;
        assert_eq!(response.status(), 403, "{url}");
    }
}

/// The front end under development is on a port of its own.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_this_machine_may_call_the_api() {
    let allowed = async |settings: &[(&str, &str)], origin: &str| {
        let app = TestApp::with_settings(settings).await;
        let preflight = app.request(Method::OPTIONS, LOG_IN);
        let preflight = preflight
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        let response = app.send(preflight).await;
        let allowed = response.header("access-control-allow-origin");
        if allowed.is_some() {
            // No credentials mode is used, so that `*` means any header but this one.
            let headers = response.header("access-control-allow-headers");
            assert_eq!(headers, Some("*,authorization"));
        }
        allowed == Some(origin)
    };
    let page = "http://localhost:5173";
    assert!(allowed(&[], page).await);
    assert!(!allowed(&[], "http://evil.example:5173").await);
    let others = [("CorsOrigins", "https://a.example,https://b.example")];
    assert!(!allowed(&others, page).await);
    assert!(allowed(&others, "https://b.example").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_of_the_template_are_settings() {
    let app = TestApp::with_settings(&[("PasswordMinLength", "20")]).await;
    let response = app
        .try_sign_up("john", "john@example.com", "nineteen characters")
        .await;
    assert_eq!(response.field_error().1, "too_short");
    for (setting, problem) in [
        ("PasswordMinLength=65", "65 is more than 64"),
        ("SessionDays=0", "0 is less than 1"),
        ("SessionDays=many", "\"many\" is not a number"),
        (
            "SourceLimits=maybe",
            "\"maybe\" is not one of the values on, off",
        ),
        ("SessionDay=1", "there is no setting SessionDay"),
    ] {
        let (code, said) = Running::start(&["--set", setting]).end();
        assert_eq!(code, Some(1), "{setting}");
        assert!(said.contains(problem), "{setting}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_in_mails_open_the_hosted_pages() {
    let options = Options::new(root().join("template.yaml"), Providers::system());
    let server = Server::start(options).await.unwrap();
    for (variable, page) in [
        ("RESET_LINK_BASE", "reset_password"),
        ("CONFIRM_LINK_BASE", "confirm_email"),
        ("REVERT_LINK_BASE", "revert_email"),
    ] {
        let base = server.environment("send_mail").unwrap()[variable].clone();
        assert_eq!(base, format!("http://{}/{page}#", server.address()));
        let response = reqwest::get(&base).await.unwrap();
        assert_eq!(response.status(), 200, "{base}");
    }
    server.stop().await;
}
