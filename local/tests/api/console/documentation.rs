//! docs/local.md describes the console as it is.

use std::process::Stdio;

use reqwest::Method;
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::support::{app::TestApp, repository::read};

#[tokio::test(flavor = "multi_thread")]
async fn the_example_works_line_by_line() {
    let app = TestApp::start().await;
    app.sign_up("john").await;
    let document = read("docs/local.md");
    let start = "```sh\nAPI=http://127.0.0.1:3000\n";
    let (_, example) = document.split_once(start).unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let script = format!("set -e\nAPI={}\n{example}", app.url(""));
    let mut shell = Command::new("bash")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = shell.stdin.take().unwrap();
    input.write_all(script.as_bytes()).await.unwrap();
    drop(input);
    let output = shell.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = String::from_utf8(output.stdout).unwrap();
    // What the comments say.
    let mut comments = example.lines().filter_map(|line| line.split_once("  # "));
    let count = comments.clone().count();
    assert_eq!(output.lines().count(), count, "{output}");
    let is_as_stated = |line: &str| {
        comments
            .next()
            .is_some_and(|(_, stated)| line.contains(stated))
    };
    assert!(output.lines().all(is_as_stated), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_listed_request_is_served() {
    let app = TestApp::start().await;
    app.sign_up("john").await;
    let document = read("docs/local.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    let requests = rows.filter_map(|row| row.split_once('`')?.0.split_once(" /_local/"));
    let mut count = 0;
    for (method, path) in requests {
        count += 1;
        let path = path
            .replace("{name}", "UsersTable")
            .replace("{id}", "local-000001")
            .replace("{address}", "john@example.com");
        let body = match method {
            "POST" => json!({"advance_seconds": 1}),
            _ => json!({}),
        };
        let method: Method = method.parse().unwrap();
        let request = app.request(method.clone(), &format!("/_local/{path}"));
        // Only the head: the updates do not end.
        let response = reqwest::Client::new().execute(request.json(&body).build().unwrap());
        let status = response.await.unwrap().status();
        let expected = if method == Method::DELETE { 204 } else { 200 };
        assert_eq!(status, expected, "{method} {path}");
    }
    assert_eq!(count, 16);
}
