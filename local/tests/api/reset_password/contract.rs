//! `POST /api/passwords/reset_password`: the journey of a reset, and its addresses.

use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, token_in},
    password_reset::{
        LINK, assert_completed, assert_invalid, assert_queued, assert_unchanged, link_base,
    },
    paths::SIGN_UP,
    response::problem,
    times::COOL_DOWN,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_mailed_link_resets_the_password() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    let other = app.token("john", PASSWORD).await;
    assert_queued(&app.request_reset("john@example.com").await);
    let mail = app.mail();
    assert_eq!(mail.to, ["john@example.com"]);
    let token = token_in(&mail);
    assert_eq!(link_base(&mail.text), LINK);
    let (id, secret) = token.split_once('-').unwrap();
    assert_eq!(u64::from_str_radix(id, 36).unwrap(), user.id);
    assert!(secret.len() >= 32 && secret.bytes().all(|byte| byte.is_ascii_hexdigit()));
    // The request changed nothing else.
    assert_unchanged(&app, &user).await;
    let response = app.complete(&token, OTHER_PASSWORD).await;
    assert_completed(&response);
    // The reset starts no session and ends all others.
    assert_eq!(response.header("set-cookie"), None);
    assert_eq!(
        app.details(&user).await.problem(),
        problem(401, "not_authenticated")
    );
    assert_eq!(app.log_out(&other).await.status, 401);
    let sessions = app.tables().user(user.id).await["sessions"].take();
    assert_eq!(sessions, json!({}));
    assert_eq!(app.log_in("john", PASSWORD).await.status, 401);
    app.token("john", OTHER_PASSWORD).await;
    let notice = app.mail();
    assert_eq!(notice.subject, "Your Latchkey password was changed");
    assert_eq!(notice.to, ["john@example.com"]);
    assert_invalid(&app.complete(&token, PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_is_not_found() {
    let app = TestApp::start().await;
    let response = app.request_reset("nobody@example.com").await;
    assert_eq!(response.problem(), problem(404, "not_found"));
    assert!(!response.text.contains("nobody@"));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_spelling_reaches_the_stored_address() {
    let app = TestApp::without_source_limits().await;
    let sign_up = json!({"username": "hans", "email": "Hans@Bücher.example", "password": PASSWORD});
    assert_eq!(app.post(SIGN_UP, &sign_up).await.status, 201);
    for spelling in [
        "hans@bücher.example",
        "HANS@BÜCHER.EXAMPLE",
        " Hans@xn--bcher-kva.example\n",
    ] {
        assert_queued(&app.request_reset(spelling).await);
        assert_eq!(
            app.mail().to,
            ["Hans@xn--bcher-kva.example"],
            "{spelling:?}"
        );
        app.advance(COOL_DOWN);
    }
}
