//! `POST /auth/confirm_email` and `POST /auth/confirm_email/resend`: the address of an account is confirmed by a link.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, START, TestApp, TestUser, key_in, with_current_password},
    mail_queue,
    paths::{CONFIRM_EMAIL, RESEND_CONFIRMATION},
    response::{Response, field_error, problem},
    times::DAY,
};

async fn resend(app: &TestApp, token: &str) -> Response {
    let request = app
        .request(Method::POST, RESEND_CONFIRMATION)
        .header("authorization", format!("Bearer {token}"));
    app.send(request).await
}

async fn is_verified(app: &TestApp, user: &TestUser) -> bool {
    let details = app.details(user).await;
    details.json()["email_verified"].as_bool().unwrap()
}

/// Checks that a key is rejected, with the same bytes as any other.
fn assert_rejected(response: &Response) {
    assert_eq!(response.problem(), problem(400, "invalid_token"));
    let expected = json!({
        "type": "about:blank", "title": "Bad Request", "status": 400, "code": "invalid_token",
        "detail": "This link is invalid or has expired.",
        "errors": [{"field": "key", "code": "invalid", "message": "is invalid or has expired"}],
    });
    assert_eq!(response.json(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_a_sign_up_confirms_the_address() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    assert!(!is_verified(&app, &user).await);
    let mail = app.confirmations().remove(0);
    assert_eq!(mail.to, ["john@example.com"]);
    assert_eq!(mail.subject, "Confirm your Latchkey e-mail address");
    let key = key_in(&mail);
    let link = format!("http://localhost:3000/confirm_email?key={key}");
    assert!(mail.text.contains(&link), "{}", mail.text);
    assert_eq!(mail.html.matches(&format!("href=\"{link}\"")).count(), 2);
    assert!(!mail.text.contains("john") && !mail.html.contains("john"));
    let response = app.confirm_with(&key).await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(
        response.json(),
        json!({"detail": "The e-mail address has been confirmed."})
    );
    assert!(is_verified(&app, &user).await);
    app.token("john", PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_address_has_to_be_confirmed() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    app.confirm(&user).await;
    let change = with_current_password(json!({"email": "new@example.com"}));
    let response = app.update(&user.token, &change).await;
    assert_eq!(response.json()["email_verified"], false);
    app.mail();
    let key = app.confirmation_key("new@example.com");
    assert_eq!(app.confirm_with(&key).await.status, 200);
    assert!(is_verified(&app, &user).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_only_sent_if_there_is_a_page() {
    let app = TestApp::with_settings(&[("CONFIRM_LINK_BASE", "")]).await;
    let user = app.sign_up("john").await;
    let change = with_current_password(json!({"email": "new@example.com"}));
    assert_eq!(app.update(&user.token, &change).await.status, 200);
    assert_eq!(resend(&app, &user.token).await.status, 200);
    app.mail();
    assert!(app.confirmations().is_empty());
}

mod case_54_confirmation_links {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_confirms_once() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let key = app.confirmation_key(&user.email);
        assert_eq!(app.confirm_with(&key).await.status, 200);
        assert_rejected(&app.confirm_with(&key).await);
        assert!(is_verified(&app, &user).await);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_uses_of_a_link_confirm_once() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let key = app.confirmation_key(&user.email);
        let (one, other) = tokio::join!(app.confirm_with(&key), app.confirm_with(&key));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_the_newest_link_confirms() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let first = app.confirmation_key(&user.email);
        app.advance(Duration::from_mins(2));
        assert_eq!(resend(&app, &user.token).await.status, 200);
        let second = app.confirmation_key(&user.email);
        assert_rejected(&app.confirm_with(&first).await);
        assert!(!is_verified(&app, &user).await);
        assert_eq!(app.confirm_with(&second).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_expires_after_48_hours() {
        let app = TestApp::start().await;
        let (john, jane) = (app.sign_up("john").await, app.sign_up("jane").await);
        let keys = app.confirmations();
        let key = |user: &TestUser| {
            let mail = keys.iter().find(|mail| mail.to == [user.email.as_str()]);
            key_in(mail.unwrap())
        };
        app.advance(Duration::from_secs(2 * 24 * 3600 - 1));
        assert_eq!(app.confirm_with(&key(&john)).await.status, 200);
        app.advance(Duration::from_secs(1));
        assert_rejected(&app.confirm_with(&key(&jane)).await);
        assert!(!is_verified(&app, &jane).await);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_to_a_former_address_confirms_nothing() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let former = app.confirmation_key(&user.email);
        let change = with_current_password(json!({"email": "new@example.com"}));
        assert_eq!(app.update(&user.token, &change).await.status, 200);
        app.mail();
        assert_rejected(&app.confirm_with(&former).await);
        assert!(!is_verified(&app, &user).await);
        // Not even after the way back: only the newest link counts.
        let change = with_current_password(json!({"email": user.email}));
        assert_eq!(app.update(&user.token, &change).await.status, 200);
        app.mail();
        assert_rejected(&app.confirm_with(&former).await);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_password_does_not_invalidate_the_link() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let key = app.confirmation_key(&user.email);
        let change = with_current_password(json!({"password": OTHER_PASSWORD}));
        assert_eq!(app.update(&user.token, &change).await.status, 200);
        app.mail();
        assert_eq!(app.confirm_with(&key).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn links_of_other_kinds_confirm_nothing() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let confirmation = app.confirmation_key(&user.email);
        let reset = app.reset_token(&user.email).await;
        assert_rejected(&app.confirm_with(&reset).await);
        assert_eq!(
            app.complete(&confirmation, OTHER_PASSWORD).await.status,
            400
        );
        assert_eq!(app.complete(&reset, OTHER_PASSWORD).await.status, 201);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn other_texts_are_rejected_like_unknown_links() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let key = app.confirmation_key(&user.email);
        let (id, secret) = key.split_once('-').unwrap();
        for other in [
            String::new(),
            "x".to_owned(),
            key.to_uppercase(),
            format!("{key}0"),
            format!("{id}-{}", "0".repeat(40)),
            format!("1-{secret}"),
        ] {
            assert_rejected(&app.confirm_with(&other).await);
        }
        let missing = app.post(CONFIRM_EMAIL, &json!({})).await;
        assert_eq!(missing.field_errors(), [field_error("key", "required")]);
        assert!(!is_verified(&app, &user).await);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_post_consumes_a_link() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let key = app.confirmation_key(&user.email);
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::PATCH] {
            let path = format!("{CONFIRM_EMAIL}?key={key}");
            let body = json!({"key": key});
            let request = app.request(method.clone(), &path).json(&body);
            assert_eq!(app.send(request).await.status, 404, "{method}");
        }
        assert_eq!(app.confirm_with(&key).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_table_has_no_link() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let key = app.confirmation_key(&user.email);
        let (_, secret) = key.split_once('-').unwrap();
        let items = format!("{:?}", app.tables().snapshot().await);
        assert!(items.contains("confirm#") && !items.contains(secret));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn guesses_are_limited_by_source() {
        let app = TestApp::with_settings(&[("LIMIT_COMPLETIONS_PER_HOUR", "3")]).await;
        let user = app.sign_up("john").await;
        let key = app.confirmation_key(&user.email);
        for _ in 0..3 {
            assert_rejected(&app.confirm_with("x").await);
        }
        let limited = app.confirm_with(&key).await;
        assert_eq!(limited.problem(), problem(429, "too_many_requests"));
        app.advance(Duration::from_hours(1));
        assert_eq!(app.confirm_with(&key).await.status, 200);
    }
}

mod case_55_resent_confirmations {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_sign_up_starts_the_cool_down() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        assert_eq!(app.confirmations().len(), 1);
        for (seconds, mails) in [(0, 0), (119, 0), (1, 1), (60, 0)] {
            app.advance(Duration::from_secs(seconds));
            let response = resend(&app, &user.token).await;
            let detail = "The confirmation link has been queued for e-mail delivery.";
            assert_eq!(
                (response.status, response.json()),
                (200, json!({"detail": detail}))
            );
            assert_eq!(
                app.confirmations().len(),
                mails,
                "after {} s",
                app.now() - START
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_account_gets_five_links_a_day() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for _ in 1..5 {
            app.advance(Duration::from_mins(2));
            assert_eq!(resend(&app, &user.token).await.status, 200);
        }
        assert_eq!(app.confirmations().len(), 5);
        app.advance(Duration::from_mins(2));
        let refused = resend(&app, &user.token).await;
        assert_eq!(refused.throttled_seconds(), 24 * 3600 - 10 * 60);
        app.advance(DAY);
        assert_eq!(resend(&app, &user.token).await.status, 200);
        assert_eq!(app.confirmations().len(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_confirmed_address_gets_no_further_link() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        app.confirm(&user).await;
        let response = resend(&app, &user.token).await;
        assert_eq!(response.problem(), problem(400, "already_verified"));
        assert!(app.confirmations().is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_a_signed_in_user_gets_a_link() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        assert_eq!(app.log_out(&user.token).await.status, 204);
        for token in ["", "x", &user.token] {
            let response = resend(&app, token).await;
            assert_eq!(response.problem(), problem(401, "not_authenticated"));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_is_not_sent_after_the_confirmation() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let key = app.confirmation_key(&user.email);
        app.server.enable_mappings(false);
        app.advance(Duration::from_mins(2));
        assert_eq!(resend(&app, &user.token).await.status, 200);
        assert_eq!(app.confirm_with(&key).await.status, 200);
        app.server.enable_mappings(true);
        app.server.drain().await;
        assert!(app.confirmations().is_empty());
        let key = format!("mail#confirm_email#{}", user.id);
        let settled = mail_queue::state(&app, &key).await;
        let reason = "the address is verified already".to_owned();
        assert_eq!(settled, ("dropped".to_owned(), reason));
    }
}
