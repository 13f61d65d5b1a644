//! `POST /api/passwords/reset_password_complete`: guesses of links.

use reqwest::Method;
use serde_json::Value;

use crate::support::{
    app::{OTHER_PASSWORD, TestApp},
    password_reset::{
        INVALID_TOKEN, assert_completed, assert_invalid, assert_unchanged, complete_from,
        completion,
    },
    paths::RESET_PASSWORD_COMPLETE,
    times::HOUR,
};

mod case_27_link_guessing {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn one_source_has_sixty_completions_per_hour() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let complete = |number: u32, token: String| {
            let request = app.request(Method::POST, RESET_PASSWORD_COMPLETE);
            let request = request.header("x-forwarded-for", format!("203.0.113.{number}"));
            app.send(request.json(&completion(OTHER_PASSWORD, OTHER_PASSWORD, &token)))
        };
        for number in 0..60 {
            assert_invalid(&complete(number, format!("49v-{number:040x}")).await);
        }
        for number in 60..70 {
            assert_eq!(
                complete(number, token.clone()).await.throttled_seconds(),
                HOUR.as_secs()
            );
        }
        app.advance(HOUR);
        assert_completed(&complete(1, token.clone()).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn guesses_are_limited_and_cost_no_hash() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let id = token.split('-').next().unwrap();
        let runs = app.hasher.count();
        let invalid: Value = serde_json::from_str(INVALID_TOKEN).unwrap();
        for number in 0..1000 {
            let source = format!("192.0.2.{}", number / 50);
            let guess = format!("{id}-{number:040x}");
            let response = complete_from(&app, &source, &guess).await;
            assert_eq!(response, (400, invalid.clone()), "{number}");
        }
        for number in 0..20 {
            let response = complete_from(&app, "192.0.2.7", &format!("{id}-{number:040x}")).await;
            assert_eq!(response.0, if number < 10 { 400 } else { 429 }, "{number}");
        }
        assert_eq!(app.hasher.count(), runs);
        assert_unchanged(&app, &user).await;
        assert_completed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
    }
}
