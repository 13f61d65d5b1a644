//! `POST /auth/login` in a deployment that requires a verified address.

use std::time::Duration;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, WRONG_PASSWORD},
    response::problem,
};

async fn strict() -> TestApp {
    TestApp::with_settings(&[("REQUIRE_VERIFIED_EMAIL", "true"), ("SOURCE_LIMITS", "off")]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_needs_a_verified_address() {
    let app = strict().await;
    let john = app.sign_up("john").await;
    app.confirmations();
    app.advance(Duration::from_mins(2));
    for name in ["john", "john@example.com"] {
        let response = app.log_in(name, PASSWORD).await;
        assert_eq!(response.problem(), problem(403, "email_not_verified"));
    }
    // The first attempt sent another link, and the second one was within its cool-down.
    let links = app.confirmations();
    assert_eq!(links.len(), 1);
    let key = crate::support::app::key_in(&links[0]);
    assert_eq!(app.confirm_with(&key).await.status, 200);
    app.token("john", PASSWORD).await;
    assert!(app.is_live(john.id, &john.token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completed_reset_verifies_the_address() {
    let app = strict().await;
    app.sign_up("john").await;
    let key = app.reset_token("john@example.com").await;
    assert_eq!(app.complete(&key, OTHER_PASSWORD).await.status, 201);
    app.mail();
    app.token("john", OTHER_PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_quota_does_not_change_the_response() {
    let app = strict().await;
    app.sign_up("john").await;
    for _ in 0..8 {
        app.advance(Duration::from_mins(2));
        let response = app.log_in("john", PASSWORD).await;
        assert_eq!(response.problem(), problem(403, "email_not_verified"));
    }
    assert_eq!(app.confirmations().len(), 5);
}

mod case_30_throttling {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_wrong_password_reveals_nothing_of_the_address() {
        let app = strict().await;
        app.sign_up("john").await;
        app.fail_log_ins("john", 5).await;
        let locked = app.log_in("john", PASSWORD).await;
        assert_eq!(locked.problem(), problem(429, "too_many_requests"));
        app.advance(Duration::from_mins(1));
        // The right password starts the count anew.
        let response = app.log_in("john", PASSWORD).await;
        assert_eq!(response.problem(), problem(403, "email_not_verified"));
        for _ in 0..4 {
            let response = app.log_in("john", WRONG_PASSWORD).await;
            assert_eq!(response.problem(), problem(401, "invalid_credentials"));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_guesses_are_counted_before_the_right_one() {
        let app = strict().await;
        app.sign_up("john").await;
        let mut guesses = tokio::task::JoinSet::new();
        let app = std::sync::Arc::new(app);
        for number in 0..20 {
            let app = app.clone();
            let password = if number == 19 {
                PASSWORD
            } else {
                WRONG_PASSWORD
            };
            guesses.spawn(async move { app.log_in("john", password).await.status });
        }
        let statuses = guesses.join_all().await;
        let wrong = statuses.iter().filter(|status| **status == 401).count();
        // The right password, if no five wrong ones came before it, starts the count anew.
        let most = if statuses.contains(&403) { 4 + 5 } else { 5 };
        assert!(wrong <= most, "{statuses:?}");
        assert!(
            statuses
                .iter()
                .all(|status| [401, 403, 429].contains(status)),
            "{statuses:?}"
        );
    }
}
