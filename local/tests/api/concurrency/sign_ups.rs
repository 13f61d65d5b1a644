//! Concurrent sign-ups.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{
    app::{PASSWORD, ROUNDS, TestApp},
    paths::SIGN_UP,
    response::{field_error, statuses},
};

mod case_29_unique_accounts {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn fifty_sign_ups_with_one_address_have_one_winner() {
        let app = TestApp::without_source_limits().await;
        let sign_ups = (0..ROUNDS).map(|round| {
            let address: String = "somebody@example.com"
                .char_indices()
                .map(|(place, letter)| {
                    if round >> (place % 6) & 1 == 1 {
                        letter.to_ascii_uppercase()
                    } else {
                        letter
                    }
                })
                .collect();
            let body =
                json!({"username": format!("user{round}"), "email": address, "password": PASSWORD});
            let app = &app;
            async move { app.post(SIGN_UP, &body).await }
        });
        let responses = join_all(sign_ups).await;
        assert_eq!(
            responses
                .iter()
                .filter(|response| response.status == 201)
                .count(),
            1
        );
        for response in responses.iter().filter(|response| response.status != 201) {
            assert_eq!(response.field_error(), field_error("email", "taken"));
        }
        app.tables().check_users().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn fifty_sign_ups_with_one_username_have_one_winner() {
        let app = TestApp::without_source_limits().await;
        let sign_ups = (0..ROUNDS).map(|round| {
            let name: String = "somebody"
                .char_indices()
                .map(|(place, letter)| {
                    if round >> (place % 6) & 1 == 1 {
                        letter.to_ascii_uppercase()
                    } else {
                        letter
                    }
                })
                .collect();
            let body = json!({"username": name, "email": format!("u{round}@example.com"), "password": PASSWORD});
            let app = &app;
            async move { app.post(SIGN_UP, &body).await }
        });
        let responses = join_all(sign_ups).await;
        let won = responses.iter().filter(|response| response.status == 201);
        assert_eq!(won.count(), 1);
        for response in responses.iter().filter(|response| response.status != 201) {
            assert_eq!(response.field_error(), field_error("username", "taken"));
        }
        app.tables().check_users().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn overlapping_sign_ups_leave_whole_accounts() {
        let app = TestApp::without_source_limits().await;
        for round in 0..ROUNDS {
            let body = |username: &str, email: &str| {
                json!({
                    "username": format!("{username}{round}"),
                    "email": format!("{email}{round}@example.com"), "password": PASSWORD
                })
            };
            let bodies = [
                body("a", "a"),
                body("a", "b"),
                body("b", "b"),
                body("b", "a"),
            ];
            let responses = join_all(bodies.iter().map(|body| app.post(SIGN_UP, body))).await;
            let won = statuses(&responses);
            let count = won.iter().filter(|status| **status == 201).count();
            assert!((1..=2).contains(&count), "{won:?}");
            assert!(
                won.iter().all(|status| [201, 400].contains(status)),
                "{won:?}"
            );
        }
        app.tables().check_users().await;
    }
}
