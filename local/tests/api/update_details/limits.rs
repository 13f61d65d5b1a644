//! `PATCH /api/users/update_details`: the limits on changes of one account and of one source address. Every change mails a
//! notice, to an address that the caller may have chosen.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{
    app::{PASSWORD, TestApp, TestUser, with_password},
    response::{Response, field_error, problem, statuses},
    tables::COUNTERS,
};

mod case_22_rate_limits {
    use super::*;

    async fn change_address(app: &TestApp, user: &TestUser, address: &str) -> Response {
        app.change(&user.token, json!({"email": address})).await
    }

    /// Without a limit, one account could send mails to any number of strangers, with the operator as their sender.
    #[tokio::test(flavor = "multi_thread")]
    async fn an_account_changes_its_address_five_times_a_day() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for number in 0..120 {
            let response =
                change_address(&app, &user, &format!("stranger{number}@example.com")).await;
            if number < 5 {
                assert_eq!(response.status, 200, "{response:?}");
                app.advance(Duration::from_mins(10));
            } else {
                assert_eq!(response.problem(), problem(429, "too_many_requests"));
                assert_eq!(response.throttled_seconds(), 24 * 3600 - 5 * 600);
            }
        }
        assert_eq!(app.unread_mails().len(), 5);
        // Everything else can be changed.
        let other = json!({"first_name": "John", "email": "STRANGER4@example.com"});
        assert_eq!(app.change(&user.token, other).await.status, 200);
        app.advance(Duration::from_hours(24) - Duration::from_mins(50));
        assert_eq!(
            change_address(&app, &user, "john@example.com").await.status,
            200
        );
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_account_changes_its_password_twenty_times_a_day() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let password = |number: u32| match number {
            0 => PASSWORD.to_owned(),
            _ => format!("password number {number} of many"),
        };
        let change = async |number| {
            let fields =
                with_password(&password(number), json!({"password": password(number + 1)}));
            app.update(&user.token, &fields).await
        };
        for number in 0..20 {
            assert_eq!(change(number).await.status, 200);
        }
        let refused = change(20).await;
        assert_eq!(refused.problem(), problem(429, "too_many_requests"));
        // The confirmation link of the sign-up was the first of fifteen.
        assert_eq!(app.unread_mails().len(), 14, "the limit of the address");
        app.token("john", &password(20)).await;
        // A reset is always possible, and does not start the count anew.
        let link = app.reset_token("john@example.com").await;
        assert_eq!(app.complete(&link, PASSWORD).await.status, 201);
        let token = app.token("john", PASSWORD).await;
        let again = app.change(&token, json!({"password": password(1)})).await;
        assert_eq!(again.status, 429);
        app.advance(Duration::from_hours(24));
        let again = app.change(&token, json!({"password": password(1)})).await;
        assert_eq!(again.status, 200);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_changes_do_not_exceed_the_limit() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let mut done = 0;
        for round in 0..6 {
            let addresses: Vec<_> = (0..10)
                .map(|number| format!("a{round}-{number}@example.com"))
                .collect();
            let changes = addresses
                .iter()
                .map(|address| change_address(&app, &user, address));
            let received = statuses(&join_all(changes).await);
            done += received.iter().filter(|status| **status == 200).count();
            assert!(
                received
                    .iter()
                    .all(|status| [200, 409, 429].contains(status)),
                "{received:?}"
            );
        }
        assert_eq!(done, 5);
        assert_eq!(app.unread_mails().len(), 5);
    }

    /// Only attempts that end in `taken` count: they tell which addresses have an account.
    #[tokio::test(flavor = "multi_thread")]
    async fn one_source_has_thirty_taken_addresses_per_hour() {
        let app = TestApp::start().await;
        let (john, jane) = (app.sign_up("john").await, app.sign_up("jane").await);
        assert_eq!(
            change_address(&app, &john, "free@example.com").await.status,
            200
        );
        app.mail();
        assert_eq!(app.guess_current_password(&john).await.status, 400);
        for number in 0..30 {
            let (user, address) = match number % 2 {
                0 => (&john, "jane@example.com"),
                _ => (&jane, "free@example.com"),
            };
            let response = change_address(&app, user, address).await;
            assert_eq!(response.field_error(), field_error("email", "taken"));
        }
        for address in ["jane@example.com", "other@example.com"] {
            let response = change_address(&app, &john, address).await;
            assert_eq!(response.throttled_seconds(), 3600);
        }
        let names = json!({"first_name": "John", "email": "Free@example.com"});
        assert_eq!(app.change(&john.token, names).await.status, 200);
        app.advance(Duration::from_hours(1));
        assert_eq!(
            change_address(&app, &john, "other@example.com")
                .await
                .status,
            200
        );
        app.mail();
        let counted = app.tables().item(COUNTERS, "limit#taken#127.0.0.1").await;
        assert_eq!(counted.unwrap()["count"], json!(0));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_attempts_learn_no_more_taken_addresses() {
        let app = TestApp::with_settings(&[("LIMIT_TAKEN_PER_HOUR", "5")]).await;
        let john = app.sign_up("john").await;
        app.sign_up("jane").await;
        let attempts = (0..20).map(|_| change_address(&app, &john, "jane@example.com"));
        let received = statuses(&join_all(attempts).await);
        let taken = received.iter().filter(|status| **status == 400).count();
        let refused = received.iter().filter(|status| **status == 429).count();
        assert_eq!((taken, refused), (5, 15), "{received:?}");
    }
}
