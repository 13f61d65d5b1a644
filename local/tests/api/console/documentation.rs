//! docs/local.md describes the console as it is.

use reqwest::Method;
use serde_json::json;

use crate::support::{app::TestApp, repository::read, shell::run_block};

#[tokio::test(flavor = "multi_thread")]
async fn the_example_works_line_by_line() {
    let app = TestApp::start().await;
    app.sign_up("john").await;
    let (example, output) = run_block(&app, "docs/local.md", "set -e").await;
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
