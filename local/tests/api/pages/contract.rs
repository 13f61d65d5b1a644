//! What a browser gets: statuses, headers, caching and languages of the hosted pages.

use reqwest::{Method, header::HeaderMap};

use crate::support::{app::TestApp, response::Response};

const PAGES: [&str; 7] = [
    "/account",
    "/confirm_email",
    "/forgot_password",
    "/log_in",
    "/reset_password",
    "/revert_email",
    "/sign_up",
];

/// Requests `path` with these headers, and follows no redirect.
async fn get(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Response {
    let client = reqwest::Client::builder();
    let client = client.redirect(reqwest::redirect::Policy::none());
    let request = client.build().unwrap().get(app.url(path));
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    let response = request.send().await.unwrap();
    let (status, headers): (u16, HeaderMap) =
        (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    Response {
        status,
        headers,
        text,
    }
}

/// The paths of the style, the script and the icon that a page names.
fn assets(html: &str) -> Vec<&str> {
    let paths = html.split('"').filter(|part| part.starts_with("/pages/"));
    paths.collect()
}

mod case_67_hosted_pages {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn pages_have_strict_headers_and_read_no_table() {
        let app = TestApp::start().await;
        app.proxy.calls();
        for path in PAGES {
            let page = get(&app, path, &[]).await;
            for (name, value) in [
                ("content-type", "text/html; charset=utf-8"),
                (
                    "content-security-policy",
                    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                     form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
                     trusted-types 'none'",
                ),
                (
                    "strict-transport-security",
                    "max-age=31536000; includeSubDomains",
                ),
                ("referrer-policy", "no-referrer"),
                ("x-content-type-options", "nosniff"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cross-origin-resource-policy", "same-origin"),
                ("cache-control", "private, no-cache"),
                ("vary", "Accept-Language, Origin"),
            ] {
                assert_eq!(page.header(name), Some(value), "{path}: {name}");
            }
            assert_eq!(page.status, 200, "{path}");
            assert!(page.text.starts_with("<!DOCTYPE html>"), "{path}");
            assert_eq!(
                page.text.matches("<h1").count(),
                page.text.matches("</h1>").count()
            );
            for inline in [" style=", "<style", " onclick=", "javascript:", "http://"] {
                assert!(!page.text.contains(inline), "{path} has {inline}");
            }
        }
        assert_eq!(app.proxy.calls().len(), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn assets_are_cached_by_the_hash_in_their_name() {
        let app = TestApp::start().await;
        let page = get(&app, "/log_in", &[]).await;
        let paths = assets(&page.text);
        assert_eq!(paths.len(), 3, "{paths:?}");
        for path in paths {
            let asset = get(&app, path, &[]).await;
            let kind = match path.rsplit_once('.').unwrap().1 {
                "css" => "text/css; charset=utf-8",
                "js" => "text/javascript; charset=utf-8",
                _ => "image/svg+xml",
            };
            assert_eq!(asset.status, 200, "{path}");
            assert_eq!(asset.header("content-type"), Some(kind));
            assert_eq!(
                asset.header("cache-control"),
                Some("public, max-age=31536000, immutable")
            );
            assert_eq!(asset.header("x-content-type-options"), Some("nosniff"));
            // A page of another release names another hash while the release is rolled out.
            let (stem, extension) = (path.split('-').next().unwrap(), kind_of(path));
            let other = format!("{stem}-0123456789abcdef.{extension}");
            let replaced = get(&app, &other, &[]).await;
            assert_eq!(replaced.status, 200, "{other}");
            assert_eq!(replaced.header("cache-control"), Some("no-store"));
            assert_eq!(replaced.text, asset.text);
            for unknown in [
                format!("{stem}.{extension}"),
                format!("{stem}-.{extension}"),
                format!("{stem}-0123456789abcde.{extension}"),
                format!("{stem}-0123456789abcdeg.{extension}"),
                format!("{path}.map"),
            ] {
                let response = get(&app, &unknown, &[]).await;
                assert_eq!(response.status, 404, "{unknown}");
                assert_eq!(response.header("cache-control"), Some("no-store"));
            }
        }
    }

    fn kind_of(path: &str) -> &str {
        path.rsplit_once('.').unwrap().1
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_unchanged_page_is_not_sent_again() {
        let app = TestApp::start().await;
        let page = get(&app, "/sign_up", &[]).await;
        let etag = page.header("etag").unwrap();
        for tags in [
            etag.to_owned(),
            format!("W/{etag}"),
            format!("\"x\", {etag}"),
            "*".to_owned(),
        ] {
            let same = get(&app, "/sign_up", &[("if-none-match", &tags)]).await;
            assert_eq!((same.status, same.text.as_str()), (304, ""), "{tags}");
            assert_eq!(same.header("etag"), Some(etag));
            assert_eq!(same.header("cache-control"), Some("private, no-cache"));
        }
        for (path, language) in [("/sign_up", "de"), ("/log_in", "en")] {
            let headers = [("if-none-match", etag), ("accept-language", language)];
            let other = get(&app, path, &headers).await;
            assert_eq!(other.status, 200, "{path} in {language}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_browser_chooses_the_language() {
        let app = TestApp::with_settings(&[("DEFAULT_LANGUAGE", "de")]).await;
        for (accepted, language, heading) in [
            (
                "en-GB,en;q=0.9,de;q=0.5",
                "en",
                ">Forgot your password?</h1>",
            ),
            ("de-AT,en;q=0.5", "de", ">Passwort vergessen?</h1>"),
            ("tlh, en;q=0.1", "en", ">Forgot your password?</h1>"),
            ("tlh", "de", ">Passwort vergessen?</h1>"),
            ("*", "de", ">Passwort vergessen?</h1>"),
            ("", "de", ">Passwort vergessen?</h1>"),
        ] {
            let page = get(&app, "/forgot_password", &[("accept-language", accepted)]).await;
            let declared = format!("<html lang=\"{language}\">");
            assert!(page.text.contains(&declared), "{accepted}");
            assert!(page.text.contains(heading), "{accepted}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn password_managers_find_the_account() {
        let app = TestApp::start().await;
        let redirect = get(&app, "/.well-known/change-password", &[]).await;
        assert_eq!(
            (redirect.status, redirect.header("location")),
            (302, Some("/account"))
        );
        let unknown =
            "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200";
        assert_eq!(get(&app, unknown, &[]).await.status, 404);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn unknown_pages_and_methods_are_not_found() {
        let app = TestApp::start().await;
        for path in [
            "/nowhere",
            "/api",
            "/not_found",
            "/Log_in",
            "/log%5Fin%2F",
            "/favicon.ico",
        ] {
            let page = get(&app, path, &[("if-none-match", "*")]).await;
            assert_eq!(page.status, 404, "{path}");
            assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
            assert!(page.text.contains("href=\"/log_in\""), "{path}");
            assert!(
                page.header("content-security-policy")
                    .unwrap()
                    .starts_with("default-src 'none'; script-src")
            );
        }
        for (method, path) in [
            (Method::POST, "/log_in"),
            (Method::HEAD, "/log_in"),
            (Method::DELETE, "/account"),
            (Method::GET, "/log_in/"),
            (Method::GET, "/pages/"),
        ] {
            let gateway = app.send(app.request(method.clone(), path)).await;
            assert_eq!(gateway.status, 404, "{method} {path}");
            assert_eq!(gateway.header("content-security-policy"), None);
        }
    }
}
