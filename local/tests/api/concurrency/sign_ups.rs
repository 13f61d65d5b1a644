//! Concurrent sign-ups.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{
    app::{PASSWORD, ROUNDS, TestApp},
    paths::SIGN_UP,
    response::{field_error, statuses},
};

/// Signs up concurrently with the usernames and addresses that `names` returns, and checks that one sign-up succeeds and
/// that `field` is taken for all others.
async fn check_one_winner(field: &str, names: impl Fn(usize) -> (String, String)) {
    let app = TestApp::without_source_limits().await;
    let names: Vec<_> = (0..ROUNDS).map(names).collect();
    let sign_ups = names
        .iter()
        .map(|(username, email)| app.try_sign_up(username, email, PASSWORD));
    let responses = join_all(sign_ups).await;
    let (won, lost): (Vec<_>, Vec<_>) = responses
        .iter()
        .partition(|response| response.status == 201);
    assert_eq!(won.len(), 1);
    for response in lost {
        assert_eq!(response.field_error(), field_error(field, "taken"));
    }
    app.tables().check_users().await;
}

/// `text` with some letters in upper case, chosen by the bits of `round`.
fn in_mixed_case(text: &str, round: usize) -> String {
    let letters = text.char_indices();
    letters
        .map(|(place, letter)| match round >> (place % 6) & 1 {
            1 => letter.to_ascii_uppercase(),
            _ => letter,
        })
        .collect()
}

mod case_29_unique_accounts {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn fifty_sign_ups_with_one_address_have_one_winner() {
        check_one_winner("email", |round| {
            let email = in_mixed_case("somebody@example.com", round);
            (format!("user{round}"), email)
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn fifty_sign_ups_with_one_username_have_one_winner() {
        check_one_winner("username", |round| {
            let username = in_mixed_case("somebody", round);
            (username, format!("u{round}@example.com"))
        })
        .await;
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
