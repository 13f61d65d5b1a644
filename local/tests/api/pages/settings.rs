//! What deployers and readers of mails see: the settings of the pages, and the links that open them.

use reqwest::Method;

use crate::support::{app::TestApp, response::Response};

async fn page(app: &TestApp, path: &str) -> Response {
    app.send(app.request(Method::GET, path)).await
}

mod case_67_hosted_pages {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn four_settings_make_the_pages_the_customers() {
        let app = TestApp::with_settings(&[
            ("PRODUCT_NAME", "Kate & <Co>"),
            ("BRAND_COLOR", "#ffcc00"),
            ("LOGO_URL", "https://cdn.example.com/logo.svg"),
            ("SUPPORT_CONTACT", "help@example.com"),
            ("PASSWORD_MIN_LENGTH", "11"),
        ])
        .await;
        let sign_up = page(&app, "/sign_up").await;
        for expected in [
            "<title>Create your account · Kate &#38; &#60;Co&#62;</title>",
            r#"<img class="logo" src="https://cdn.example.com/logo.svg" alt="Kate &#38; &#60;Co&#62;">"#,
            r#"<a href="mailto:help@example.com">help@example.com</a>"#,
            "has at least 11 characters",
            r#"passwordrules="minlength: 11; maxlength: 64;""#,
            "Use at least 11 characters.",
        ] {
            assert!(
                sign_up.text.contains(expected),
                "{expected}: {}",
                sign_up.text
            );
        }
        let policy = sign_up.header("content-security-policy").unwrap();
        assert!(
            policy.contains("; img-src 'self' https://cdn.example.com/logo.svg; "),
            "{policy}"
        );
        let mut names = sign_up
            .text
            .split('"')
            .filter(|part| part.starts_with("/pages/style-"));
        let style = page(&app, names.next().unwrap()).await;
        let colors = "--brand: #ffcc00; --on-brand: #18181b;";
        assert!(style.text.contains(colors), "{}", style.text);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn pages_can_be_left_out() {
        let app = TestApp::with_settings(&[("Pages", "false")]).await;
        for path in [
            "/log_in",
            "/account",
            "/.well-known/change-password",
            "/nowhere",
        ] {
            let response = page(&app, path).await;
            assert_eq!(
                (response.status, response.text.as_str()),
                (404, r#"{"message":"Not Found"}"#),
                "{path}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn links_of_a_base_with_a_hash_have_the_secret_in_the_fragment() {
        let app = TestApp::with_settings(&[
            ("RESET_LINK_BASE", "https://id.example.com/reset_password#"),
            ("CONFIRM_LINK_BASE", "https://id.example.com/confirm_email#"),
            ("REVERT_LINK_BASE", "https://id.example.com/#/revert_email"),
        ])
        .await;
        let user = app.sign_up("john").await;
        assert_eq!(app.request_reset(&user.email).await.status, 200);
        let mails = app.server.mails();
        for link in [
            "https://id.example.com/confirm_email#key=",
            "https://id.example.com/reset_password#token=",
        ] {
            let mail = mails.iter().find(|mail| mail.text.contains(link));
            let mail = mail.unwrap_or_else(|| panic!("no mail has {link}"));
            assert!(
                mail.html.contains(&format!("href=\"{link}")),
                "{}",
                mail.html
            );
        }
        app.unread_mails();
    }

    /// Mail scanners open links before people do.
    #[tokio::test(flavor = "multi_thread")]
    async fn opening_a_page_consumes_no_link() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let key = app.confirmation_key(&user.email);
        for path in ["confirm_email", "revert_email", "reset_password"] {
            let opened = page(&app, &format!("/{path}?key={key}")).await;
            assert_eq!(opened.status, 200, "{path}");
            assert!(!opened.text.contains(&key), "{path}");
        }
        assert_eq!(app.confirm_with(&key).await.status, 200);
    }
}
