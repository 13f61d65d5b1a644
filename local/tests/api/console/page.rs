//! The page of the console, and the frames that show mails.

use reqwest::Method;

use crate::support::{app::TestApp, response::Response};

async fn load(app: &TestApp, path: &str) -> Response {
    app.send(app.request(Method::GET, path)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_loads_only_its_own_files() {
    let app = TestApp::start().await;
    let page = load(&app, "/_local/").await;
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let policy = page.header("content-security-policy").unwrap();
    for directive in [
        "default-src 'none'",
        "script-src 'self';",
        "style-src 'self';",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(directive), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    // The policy blocks these.
    for inline in ["<style", " style=", " onclick=", "<script>"] {
        assert!(!page.text.contains(inline), "{inline}");
    }
    let mut files = Vec::new();
    for attribute in [
        " src=\"",
        "rel=\"stylesheet\" href=\"",
        "rel=\"icon\" href=\"",
    ] {
        files.extend(page.text.split(attribute).skip(1).map(|rest| {
            let (path, _) = rest.split_once('"').unwrap();
            path.to_owned()
        }));
    }
    files.sort();
    let expected = [
        "/_local/console.css",
        "/_local/console.js",
        "/_local/icon.svg",
    ];
    assert_eq!(files, expected);
    for file in files {
        let response = load(&app, &file).await;
        assert_eq!(response.status, 200, "{file}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    }
    for unknown in [
        "/_local/x",
        "/_local/mails/local-000009/html",
        "/_local/console.css/",
    ] {
        assert_eq!(load(&app, unknown).await.status, 404, "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_html_of_a_mail_runs_nothing() {
    let app = TestApp::start().await;
    app.sign_up("john").await;
    let mail = app.confirmations().remove(0);
    let html = load(&app, &format!("/_local/mails/{}/html", mail.id)).await;
    let policy = html.header("content-security-policy").unwrap();
    for directive in [
        "sandbox allow-popups ",
        "default-src 'none'",
        "frame-ancestors 'self'",
    ] {
        assert!(policy.contains(directive), "{policy}");
    }
    assert!(
        !policy.contains("allow-scripts") && !policy.contains("allow-same-origin"),
        "{policy}"
    );
    assert_eq!(
        html.text.replacen("<base target=\"_blank\">", "", 1),
        mail.html
    );
}
