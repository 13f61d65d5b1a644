//! The cookie as the credential of requests.

use reqwest::Method;

use crate::support::{
    app::TestApp,
    browser::{Browser, set_cookie},
    raw_http,
    response::problem,
};

const DELETED: &str = "__Host-session=; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=0";

mod case_01_credentials {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_cookie_and_a_header_are_two_credentials() {
        let app = TestApp::with_settings(&[("SESSION_COOKIE", "true")]).await;
        let browser = Browser::new(&app);
        let user = browser.sign_up("john").await.json()["user"].clone();
        let path = format!("/api/users/{}", user["id"]);
        let cookie = browser.cookie().unwrap();
        let token = cookie.strip_prefix("__Host-session=").unwrap();
        let read = async |cookie: Option<&str>, header: Option<&str>| {
            let mut request = app.request(Method::GET, &path);
            for (name, value) in [("cookie", cookie), ("authorization", header)] {
                request = value
                    .into_iter()
                    .fold(request, |request, value| request.header(name, value));
            }
            app.send(request).await
        };
        let header = format!("Bearer {token}");
        assert_eq!(read(Some(&cookie), None).await.status, 200);
        assert_eq!(read(None, Some(&header)).await.status, 200);
        assert_eq!(read(Some("session=x"), Some(&header)).await.status, 200);
        for (cookie, header) in [
            (cookie.as_str(), header.as_str()),
            (&cookie, "Bearer x"),
            (&cookie, "Basic am9objpwYXNzd29yZA=="),
            (&cookie, ""),
            ("__Host-session=x", &header),
            ("__Host-session=", &header),
        ] {
            let response = read(Some(cookie), Some(header)).await;
            assert_eq!(response.problem(), problem(401, "not_authenticated"));
            // The cookie may be valid.
            assert_eq!(set_cookie(&response), None, "{header}");
        }
        let (broken, longer) = (&cookie[..cookie.len() - 1], format!("{cookie}A"));
        let long = format!("__Host-session={}", "a".repeat(8_000));
        for rejected in [
            broken.to_owned(),
            longer,
            long,
            "__Host-session=".to_owned(),
            "__Host-session=x".to_owned(),
            format!("__Host-session=\"{token}\""),
            format!("{cookie}; {cookie}"),
            format!("{cookie}; __Host-session=x"),
        ] {
            let response = read(Some(&rejected), None).await;
            assert_eq!(response.problem(), problem(401, "not_authenticated"));
            assert_eq!(response.header("www-authenticate"), Some("Token"));
            assert_eq!(set_cookie(&response), Some(DELETED), "{rejected}");
        }
        for other in [
            format!("session={token}"),
            format!("__host-session={token}"),
            format!("__Host-session-2={token}"),
            format!("__Host-session {token}"),
        ] {
            let response = read(Some(&other), None).await;
            assert_eq!((response.status, set_cookie(&response)), (401, None));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn other_cookies_may_contain_anything() {
        let app = TestApp::with_settings(&[("SESSION_COOKIE", "true")]).await;
        let browser = Browser::new(&app);
        let user = browser.sign_up("john").await.json()["user"].clone();
        let path = format!("/api/users/{}", user["id"]);
        let cookie = browser.cookie().unwrap();
        for (before, after) in [
            ("a=b; ", "; c=d"),
            ("name=J\u{f6}rg\u{202e}; ", ""),
            ("; ;=;x;==; ", ";"),
            ("quoted=\"a, b\"; ", ""),
        ] {
            let line = format!("cookie: {before}{cookie}{after}");
            let response = raw_http::get(&app, &path, &[line.as_bytes()]).await;
            assert_eq!(response.status, 200, "{before}: {response:?}");
        }
        // HTTP/2 clients may send each cookie in a header of its own.
        let line = format!("cookie: {cookie}");
        let response = raw_http::get(&app, &path, &[b"cookie: a=b", line.as_bytes()]).await;
        assert_eq!(response.status, 200, "{response:?}");
    }
}
