//! `POST /api/passwords/reset_password`: the cool-down and the daily limit of an account.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, token_in},
    mail_queue::start_with_ses,
    password_reset::{
        QUEUED, assert_completed, assert_invalid, assert_queued, request_from, use_up_mails,
    },
    proxy::{FaultAction, error},
    response::problem,
    tables::TRANSIENT,
    times::{COOL_DOWN, DAY, HOUR, SECOND},
};

/// The rest of a day after five mails.
const REST_OF_DAY: Duration = Duration::from_mins(24 * 60 - 5 * 2);

mod case_22_rate_limits {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn requests_from_many_sources_send_one_mail() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        let sources: Vec<String> = (1..=100)
            .map(|number| format!("198.51.100.{number}"))
            .collect();
        let expected: (u64, Value) = (200, serde_json::from_str(QUEUED).unwrap());
        let (at_once, one_by_one) = sources.split_at(10);
        let at_once = at_once
            .iter()
            .map(|source| request_from(&app, source, "john@example.com"));
        assert_eq!(join_all(at_once).await, vec![expected.clone(); 10]);
        for source in one_by_one {
            assert_eq!(
                request_from(&app, source, "John@Example.com").await,
                expected
            );
            app.advance(SECOND);
        }
        app.server.drain().await;
        let token = token_in(&app.mail());
        assert_completed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn requests_within_the_cool_down_send_nothing() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        app.advance(COOL_DOWN.saturating_sub(SECOND));
        assert_queued(&app.request_reset("john@example.com").await);
        assert!(app.unread_mails().is_empty());
        app.advance(SECOND);
        let newer = app.reset_token("john@example.com").await;
        assert_invalid(&app.complete(&token, OTHER_PASSWORD).await);
        assert_completed(&app.complete(&newer, OTHER_PASSWORD).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_sixth_mail_of_a_day_is_rejected() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        app.sign_up("jane").await;
        let token = use_up_mails(&app, "john@example.com").await;
        assert_eq!(
            app.request_reset("john@example.com")
                .await
                .throttled_seconds(),
            REST_OF_DAY.as_secs()
        );
        app.advance(HOUR);
        assert_eq!(
            app.request_reset("JOHN@example.com")
                .await
                .throttled_seconds(),
            (REST_OF_DAY.saturating_sub(HOUR)).as_secs()
        );
        // Other users are not affected.
        app.reset_token("jane@example.com").await;
        app.advance(REST_OF_DAY.saturating_sub(HOUR + SECOND));
        assert_eq!(
            app.request_reset("john@example.com")
                .await
                .throttled_seconds(),
            SECOND.as_secs()
        );
        assert_completed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn mails_that_are_never_sent_do_not_count() {
        let (app, ses) = start_with_ses().await;
        app.sign_up("john").await;
        for error in ["MessageRejected", "SendingPausedException"] {
            ses.rule_where(
                |call| call.operation == "SendEmail",
                FaultAction::SesError(400, error),
            );
            for _ in 0..6 {
                assert_queued(&app.request_reset("john@example.com").await);
                app.advance(COOL_DOWN);
            }
        }
        ses.heal();
        app.server.drain().await;
        app.mail();
        // That mail was the first of the day.
        for _ in 0..4 {
            app.reset_token("john@example.com").await;
            app.advance(COOL_DOWN);
        }
        assert_eq!(app.request_reset("john@example.com").await.status, 429);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_count_ends_after_a_day() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        use_up_mails(&app, "john@example.com").await;
        app.advance(REST_OF_DAY);
        use_up_mails(&app, "john@example.com").await;
        assert_eq!(
            app.request_reset("john@example.com")
                .await
                .throttled_seconds(),
            REST_OF_DAY.as_secs()
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_password_clears_the_count() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        let token = use_up_mails(&app, "john@example.com").await;
        assert_eq!(app.request_reset("john@example.com").await.status, 429);
        assert_completed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
        use_up_mails(&app, "john@example.com").await;
        assert_eq!(app.request_reset("john@example.com").await.status, 429);
        let session = app.token("john", OTHER_PASSWORD).await;
        let change = json!({"current-password": OTHER_PASSWORD, "password": PASSWORD});
        assert_eq!(app.update(&session, &change).await.status, 200);
        app.mail();
        let token = app.reset_token("john@example.com").await;
        assert_completed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_address_has_no_cool_down() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        // Nothing is delivered while mail items cannot be read after they were written.
        let mut mails = 0;
        app.proxy.rule(move |call| {
            let of_mail = call.keys().iter().any(|(_, key)| {
                key.starts_with("mail#") && !key.starts_with("mail#confirm_email#")
            });
            mails += u32::from(of_mail && call.is_write());
            if of_mail && !call.is_write() && mails > 0 {
                error(400, "ThrottlingException")
            } else {
                FaultAction::Forward
            }
        });
        assert_queued(&app.request_reset("john@example.com").await);
        let change = json!({"current-password": PASSWORD, "email": "johnny@example.com"});
        assert_eq!(app.update(&user.token, &change).await.status, 200);
        assert!(app.unread_mails().is_empty());
        app.proxy.heal();
        assert_queued(&app.request_reset("johnny@example.com").await);
        app.server.drain().await;
        let mut mails = app.unread_mails();
        mails.sort_by(|one, other| one.to.cmp(&other.to));
        let sent: Vec<_> = mails
            .iter()
            .map(|mail| (mail.to[0].as_str(), mail.subject.as_str()))
            .collect();
        assert_eq!(
            sent,
            [
                (
                    "john@example.com",
                    "Your Latchkey e-mail address was changed"
                ),
                ("johnny@example.com", "Reset your Latchkey password"),
            ]
        );
        assert_completed(&app.complete(&token_in(&mails[1]), OTHER_PASSWORD).await);
        app.mail();
    }

    /// The count belongs to the account, so changing the address does not evade it. A mail to the current address is not delayed by
    /// one to another address.
    #[tokio::test(flavor = "multi_thread")]
    async fn changing_the_address_keeps_the_count() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let addresses = ["john@example.com", "other@example.com"];
        for round in 0..5 {
            let (now, then) = (addresses[round % 2], addresses[(round + 1) % 2]);
            assert_eq!(app.request_reset(now).await.status, 200);
            let change = json!({"current-password": PASSWORD, "email": then});
            assert_eq!(app.update(&user.token, &change).await.status, 200);
            assert_eq!(app.unread_mails().len(), 2, "the link and the notice");
        }
        let response = app.request_reset(addresses[1]).await;
        assert_eq!(response.problem(), problem(429, "too_many_requests"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_cool_down_ends_to_the_second() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        for round in 0..4 {
            app.reset_token("john@example.com").await;
            for wait in [1, 118] {
                app.advance(Duration::from_secs(wait));
                let spelling = ["john@example.com", "JOHN@example.com"][round % 2];
                assert_eq!(app.request_reset(spelling).await.status, 200);
                assert!(
                    app.unread_mails().is_empty(),
                    "a request does not extend the cool-down"
                );
            }
            app.advance(SECOND);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_window_starts_with_its_first_mail() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        app.reset_token("john@example.com").await;
        // The other four are sent late in the day.
        app.advance(Duration::from_hours(23));
        for _ in 0..4 {
            app.reset_token("john@example.com").await;
            app.advance(COOL_DOWN);
        }
        let left = 3600 - 4 * 120;
        assert_eq!(
            app.request_reset("john@example.com")
                .await
                .throttled_seconds(),
            left
        );
        app.advance(Duration::from_secs(left - 1));
        assert_eq!(
            app.request_reset("john@example.com")
                .await
                .throttled_seconds(),
            1
        );
        app.advance(SECOND);
        use_up_mails(&app, "john@example.com").await;
        let response = app.request_reset("john@example.com").await;
        assert_eq!(response.throttled_seconds(), 86_400 - 5 * 120);
    }

    /// Within the cool-down of the fifth mail, the response is the usual 200.
    #[tokio::test(flavor = "multi_thread")]
    async fn the_last_allowed_mail_has_a_cool_down() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        for _ in 0..5 {
            app.advance(COOL_DOWN);
            app.reset_token("john@example.com").await;
        }
        app.advance(COOL_DOWN.saturating_sub(SECOND));
        assert_eq!(app.request_reset("john@example.com").await.status, 200);
        app.advance(SECOND);
        assert_eq!(app.request_reset("john@example.com").await.status, 429);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn other_changes_keep_the_count() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        use_up_mails(&app, "john@example.com").await;
        assert_eq!(
            app.change(&user.token, json!({"first_name": "John"}))
                .await
                .status,
            200
        );
        assert_eq!(
            app.change(&user.token, json!({"email": "JOHN@example.com"}))
                .await
                .status,
            200
        );
        assert_eq!(
            app.change(&user.token, json!({"password": PASSWORD}))
                .await
                .status,
            200
        );
        app.token("john", PASSWORD).await;
        assert_eq!(app.request_reset("john@example.com").await.status, 429);
        assert_eq!(
            app.change(&user.token, json!({"password": OTHER_PASSWORD}))
                .await
                .status,
            200
        );
        app.mail();
        app.reset_token("john@example.com").await;
    }

    /// DynamoDB deletes expired items at any time, for example now.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_concurrently_deleted_mail_is_no_obstacle() {
        for setting in ["true", "false"] {
            let app = TestApp::with_settings(&[("REVEAL_UNKNOWN_EMAILS", setting)]).await;
            let user = app.sign_up("john").await;
            app.reset_token("john@example.com").await;
            app.advance(8 * DAY);
            let gate = app.proxy.hold(|call| call.operation == "PutItem");
            let sweep = gate.during(async {
                let key = format!("mail#reset_password#{}", user.id);
                app.tables().delete(TRANSIENT, &key).await;
            });
            let (response, ()) = tokio::join!(app.request_reset("john@example.com"), sweep);
            assert_eq!(response.status, 200);
            app.server.drain().await;
            let link = token_in(&app.mail());
            assert_eq!(app.complete(&link, OTHER_PASSWORD).await.status, 201);
            app.mail();
        }
    }

    /// A request for the old address overlaps the change of the address and a request for the new one. The mail to the new address
    /// is sent in any order.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_concurrent_address_change_loses_no_mail() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        // The first request, for the old address, is held before its write until the address has changed. The second, for the new
        // address, has found no item and is held until the first has written its item.
        let [first, second] = app
            .proxy
            .hold_each(|call| call.operation == "PutItem" && call.contains("mail#reset"));
        let key = format!("mail#reset_password#{}", user.id);
        let overtake = async {
            first.reached().await;
            assert_eq!(
                app.change(&user.token, json!({"email": "johnny@example.com"}))
                    .await
                    .status,
                200
            );
            let write_first = async {
                second.reached().await;
                first.open();
                while app.tables().item(TRANSIENT, &key).await.is_none() {
                    tokio::task::yield_now().await;
                }
                second.open();
            };
            tokio::join!(app.request_reset("johnny@example.com"), write_first).0
        };
        let (old, new) = tokio::join!(app.request_reset("john@example.com"), overtake);
        assert_eq!((old.status, new.status), (200, 200));
        app.server.drain().await;
        let mails = app.unread_mails();
        let links = mails
            .iter()
            .filter(|mail| mail.text.contains("?token=") && mail.to == ["johnny@example.com"]);
        assert_eq!(
            links.count(),
            1,
            "the response said that the mail was queued"
        );
    }
}
