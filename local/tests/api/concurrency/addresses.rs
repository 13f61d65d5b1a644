//! Concurrent requests for one address.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::support::{
    app::{PASSWORD, ROUNDS, TestApp, TestUser, with_password},
    mail_queue::block,
    paths::{RESEND_CONFIRMATION, SIGN_UP},
    response::field_error,
    tables::USERS,
};

mod case_17_address_conflicts {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn three_requests_for_one_address_have_one_winner() {
        let app = TestApp::without_source_limits().await;
        let (first, second) = (app.sign_up("first").await, app.sign_up("second").await);
        for round in 0..ROUNDS {
            let wanted = format!("wanted{round}@example.com");
            let change = json!({"current-password": PASSWORD, "email": wanted});
            let newcomer = json!({"username": format!("newcomer{round}"), "email": wanted, "password": PASSWORD});
            let (one, two, three) = tokio::join!(
                app.update(&first.token, &change),
                app.update(&second.token, &change),
                app.post(SIGN_UP, &newcomer),
            );
            let won = [one.status == 200, two.status == 200, three.status == 201];
            assert_eq!(
                won.iter().filter(|won| **won).count(),
                1,
                "{one:?} {two:?} {three:?}"
            );
            for response in [one, two, three]
                .iter()
                .filter(|response| response.status >= 300)
            {
                assert_eq!(response.field_error(), field_error("email", "taken"));
            }
        }
        app.tables().check_users().await;
        assert!(app.unread_mails().len() <= 2 * ROUNDS);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_swaps_never_share_an_address() {
        let app = TestApp::without_source_limits().await;
        let (one, two) = (app.sign_up("one").await, app.sign_up("two").await);
        for round in 0..ROUNDS {
            let address = async |user: &TestUser| app.details(user).await.json()["email"].clone();
            let (first, second) = (address(&one).await, address(&two).await);
            assert_ne!(first, second);
            let (first, second) = (
                with_password(PASSWORD, json!({"email": second})),
                with_password(PASSWORD, json!({"email": first})),
            );
            let responses = join_all([
                app.update(&one.token, &first),
                app.update(&two.token, &second),
            ])
            .await;
            for response in &responses {
                assert_eq!(response.field_error(), field_error("email", "taken"));
            }
            let freed = with_password(
                PASSWORD,
                json!({"email": format!("three{round}@example.com")}),
            );
            assert_eq!(app.update(&one.token, &freed).await.status, 200);
            let both = [
                app.update(&one.token, &second),
                app.update(&two.token, &second),
            ];
            let won = join_all(both).await;
            let won = won.iter().filter(|response| response.status == 200).count();
            assert_eq!(won, 1);
            let (one_has, two_has) = (address(&one).await, address(&two).await);
            assert_ne!(one_has, two_has);
        }
        app.tables().check_users().await;
        assert_eq!(app.unread_mails().len(), 2 * ROUNDS);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_concurrently_freed_address_is_taken_whole() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let mut wins = 0;
        for round in 0..ROUNDS {
            let address = app.details(&user).await.json()["email"].clone();
            let away = with_password(
                PASSWORD,
                json!({"email": format!("away{round}@example.com")}),
            );
            let newcomer = json!({
                "username": format!("newcomer{round}"), "email": address, "password": PASSWORD
            });
            let (changed, signed_up) =
                tokio::join!(app.update(&user.token, &away), app.post(SIGN_UP, &newcomer),);
            assert_eq!(changed.status, 200, "{changed:?}");
            if signed_up.status == 201 {
                wins += 1;
            } else {
                assert_eq!(signed_up.field_error(), field_error("email", "taken"));
            }
        }
        app.tables().check_users().await;
        let users = app.tables().all(USERS).await.len() / 3;
        assert_eq!(users, 1 + wins);
        assert_eq!(app.unread_mails().len(), ROUNDS);
    }
}

mod confirmations {
    use super::*;

    /// The request has read the user with the old address. A mail to it would be dropped, and must not replace the one that
    /// confirms the new address.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_resend_keeps_the_mail_to_a_new_address() {
        let app = TestApp::without_source_limits().await;
        for (name, read_first) in [("john", true), ("jane", false)] {
            let user = app.sign_up(name).await;
            app.advance(Duration::from_hours(1));
            app.server.drain().await;
            app.confirmations();
            let gate = app.proxy.hold(move |call| {
                let operation = if read_first { "PutItem" } else { "GetItem" };
                call.function == "confirm_email"
                    && call.operation == operation
                    && call.contains("mail#confirm_email#")
            });
            block(&app);
            let new = format!("new.{name}@example.com");
            let later = gate.during(app.change(&user.token, json!({"email": new})));
            let (resent, changed) = tokio::join!(
                app.send(
                    app.request(Method::POST, RESEND_CONFIRMATION)
                        .header("authorization", format!("Bearer {}", user.token))
                ),
                later
            );
            assert_eq!((resent.status, changed.status), (200, 200));
            app.server.enable_mappings(true);
            app.server.drain().await;
            assert_eq!(
                app.confirm_with(&app.confirmation_key(&new)).await.status,
                200
            );
            app.proxy.heal();
            app.unread_mails();
        }
    }
}
