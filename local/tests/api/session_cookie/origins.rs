//! Requests that pages of other origins forge.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    app::{PASSWORD, TestApp},
    browser::{Browser, SITE, log_in_body, set_cookie, sign_up_body},
    paths::{DELETE_ACCOUNT, LOG_IN, RESEND_CONFIRMATION, SIGN_UP, TOKEN, UPDATE_DETAILS},
    response::{Response, problem},
    tables::{TRANSIENT, USERS},
};

/// The setting of the front end's origin.
const ORIGINS: (&str, &str) = ("CorsOrigins", "https://app.example.com");

/// What a browser states about a request that a page of another origin makes, or that it cannot attribute to a page.
const FOREIGN: [&[(&str, &str)]; 7] = [
    &[(SITE, "cross-site"), ("origin", "https://evil.example")],
    &[(SITE, "cross-site"), ("origin", "https://app.example.com")],
    &[(SITE, "same-site"), ("origin", "https://blog.example.com")],
    &[(SITE, "none")],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[],
];

/// What a browser states about a request of a page that may make it.
const OWN: [&[(&str, &str)]; 3] = [
    &[(SITE, "same-origin")],
    &[(SITE, "same-site"), ("origin", "https://app.example.com")],
    &[("origin", "https://app.example.com")],
];

async fn start() -> TestApp {
    TestApp::with_settings(&[
        ORIGINS,
        ("SESSION_COOKIE", "true"),
        ("SOURCE_LIMITS", "off"),
    ])
    .await
}

fn assert_forbidden(response: &Response, what: &str) {
    assert_eq!(response.problem(), problem(403, "forbidden"), "{what}");
    assert_eq!(set_cookie(response), None, "{what}");
}

async fn send(
    app: &TestApp,
    (method, path, body): (&str, &str, &Value),
    headers: &[(&str, &str)],
) -> Response {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = app.request(method, path).json(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request).await
}

/// Every stored item of these tables, in a fixed order.
async fn items(app: &TestApp) -> Vec<String> {
    let tables = app.tables();
    let mut all = tables.all(USERS).await;
    all.extend(tables.all(TRANSIENT).await);
    let mut all: Vec<_> = all.iter().map(Value::to_string).collect();
    all.sort();
    all
}

mod case_66_session_cookie {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_needs_a_page_of_an_allowed_origin() {
        let app = start().await;
        let browser = Browser::new(&app);
        browser.sign_up("john").await;
        let cookie = browser.cookie().unwrap();
        app.server.drain().await;
        app.confirmations();
        let change = json!({"current-password": PASSWORD, "first_name": "Mallory"});
        let password = json!({"current-password": PASSWORD});
        let requests = [
            ("PATCH", UPDATE_DETAILS, &change),
            ("POST", TOKEN, &json!({})),
            ("POST", RESEND_CONFIRMATION, &json!({})),
            ("DELETE", "/auth/sessions/0", &json!({})),
            ("DELETE", "/auth/sessions", &json!({})),
            ("POST", "/auth/logout", &json!({})),
            ("POST", DELETE_ACCOUNT, &password),
        ];
        let before = items(&app).await;
        for request in requests {
            for headers in FOREIGN {
                let headers = [headers, &[("cookie", cookie.as_str())]].concat();
                let response = send(&app, request, &headers).await;
                assert_forbidden(&response, &format!("{request:?} {headers:?}"));
            }
        }
        assert_eq!(items(&app).await, before);
        for headers in OWN {
            let headers = [headers, &[("cookie", cookie.as_str())]].concat();
            let response = send(&app, requests[0], &headers).await;
            assert_eq!(response.status, 200, "{headers:?}: {response:?}");
        }
        // A request that changes nothing needs no origin, nor does one whose credential no browser adds by itself.
        let read = send(
            &app,
            ("GET", "/auth/sessions", &json!({})),
            &[("cookie", &cookie)],
        )
        .await;
        assert_eq!(read.status, 200);
        let header = format!("Bearer {}", cookie.split_once('=').unwrap().1);
        let headers = [("authorization", header.as_str())];
        assert_eq!(send(&app, requests[0], &headers).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_other_page_signs_a_visitor_in() {
        let app = start().await;
        Browser::new(&app).sign_up("john").await;
        let before = items(&app).await;
        let (log_in, sign_up) = (log_in_body("john"), sign_up_body("jane"));
        for headers in FOREIGN {
            for request in [("POST", LOG_IN, &log_in), ("POST", SIGN_UP, &sign_up)] {
                let response = send(&app, request, headers).await;
                assert_forbidden(&response, &format!("{request:?} {headers:?}"));
            }
        }
        assert_eq!(items(&app).await, before);
        let own = format!("https://{}", app.server.address());
        for headers in OWN.into_iter().chain([&[("origin", own.as_str())][..]]) {
            let response = send(&app, ("POST", LOG_IN, &log_in), headers).await;
            assert_eq!(response.status, 200, "{headers:?}: {response:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn browsers_send_cookies_to_the_development_server() {
        let app = TestApp::with_settings(&[("SessionCookie", "true")]).await;
        let preflight = async |origin: &str| {
            let request = app.request(Method::OPTIONS, LOG_IN);
            let request = request
                .header("origin", origin)
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "content-type");
            app.send(request).await
        };
        let page = "http://localhost:5173";
        let allowed = preflight(page).await;
        for (name, value) in [
            ("access-control-allow-origin", Some(page)),
            ("access-control-allow-credentials", Some("true")),
            // With credentials, browsers take `*` for the name of a header.
            (
                "access-control-allow-headers",
                Some("authorization,content-type"),
            ),
        ] {
            assert_eq!(allowed.header(name), value);
        }
        let foreign = preflight("http://evil.example:5173").await;
        let credentials = foreign.header("access-control-allow-credentials");
        assert_eq!(credentials, None);
        // Browsers differ in whether they send Sec-Fetch-Site to a server without https.
        for headers in [
            &[(SITE, "same-site"), ("origin", page)][..],
            &[("origin", page)],
        ] {
            let request = ("POST", LOG_IN, &log_in_body("john"));
            let response = send(&app, request, headers).await;
            assert_eq!(response.problem(), problem(401, "invalid_credentials"));
        }
    }
}
