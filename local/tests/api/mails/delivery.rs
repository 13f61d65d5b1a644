//! `send_mail`: every mail is sent, and no more than the failures make necessary.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, token_in},
    mail_queue::{
        block, item, recipient, recipients, record, request_all_blocked, request_blocked,
        reset_key, send, start_with_ses, state, unblock,
    },
    proxy::{FaultAction, error},
    tables::{TRANSIENT, USERS},
    times::COOL_DOWN,
};

/// Injects `action` into the next `times` writes that record a mail as sent.
pub fn fail_recording(app: &TestApp, times: u32, action: FaultAction) {
    let mut left = times;
    app.proxy.rule(move |call| {
        let notes = call.operation == "UpdateItem" && call.keys()[0].1.starts_with("mail#");
        if notes && left > 0 {
            left -= 1;
            action.clone()
        } else {
            FaultAction::Forward
        }
    });
}

mod case_40_mail_delivery {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_redelivered_record_sends_nothing() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let mail = item(&app, &reset_key(&user)).await;
        assert_eq!(
            (&mail["state"], &mail["detail"]),
            (&json!("sent"), &json!("local-000002"))
        );
        let mut queued = mail.clone();
        queued["state"] = json!("queued");
        for _ in 0..3 {
            assert!(
                send(&app, &[record(&queued, "1"), record(&mail, "2")])
                    .await
                    .is_empty()
            );
        }
        assert_eq!(item(&app, &reset_key(&user)).await, mail);
        assert!(app.unread_mails().is_empty());
        assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 201);
        app.mail();
        // The same holds for a notice, whose key is unique.
        let items = app.tables().all(TRANSIENT).await;
        let is_notice = |item: &&Value| {
            item["pk"]
                .as_str()
                .unwrap()
                .starts_with("mail#password_changed#")
        };
        let notice = items.iter().find(is_notice).unwrap();
        assert_eq!(notice["state"], "sent");
        assert!(send(&app, &[record(notice, "3")]).await.is_empty());
        assert!(app.unread_mails().is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_unrecorded_mail_is_sent_twice() {
        let (app, _ses) = start_with_ses().await;
        for (name, first) in [("john", 0), ("jane", 1)] {
            let user = app.sign_up(name).await;
            // All attempts of the SDK.
            fail_recording(&app, 3, FaultAction::CutBefore);
            assert_eq!(app.request_reset(&user.email).await.status, 200);
            app.server.drain().await;
            let mails = app.unread_mails();
            assert_eq!(recipients(&mails), [user.email.as_str(); 2]);
            let tokens = [token_in(&mails[0]), token_in(&mails[1])];
            assert_ne!(
                tokens[0], tokens[1],
                "the secret is not stored, so a copy has another one"
            );
            assert_eq!(state(&app, &reset_key(&user)).await.0, "sent");
            assert_eq!(
                app.complete(&tokens[first], OTHER_PASSWORD).await.status,
                201
            );
            for token in tokens {
                assert_eq!(
                    app.complete(&token, PASSWORD).await.problem().1,
                    "invalid_token"
                );
            }
            app.token(name, OTHER_PASSWORD).await;
            app.mail();
        }
    }

    /// Two deliveries of one mail overlap, since schedules invoke at least once. The link of the one that is overtaken replaces neither no
    /// link nor an earlier one: it would invalidate the link in the mail that was sent.
    #[tokio::test(flavor = "multi_thread")]
    async fn an_overtaken_delivery_replaces_no_link() {
        let (app, _ses) = start_with_ses().await;
        for (name, has_earlier_link) in [("john", false), ("jane", true)] {
            let user = app.sign_up(name).await;
            if has_earlier_link {
                app.reset_token(&user.email).await;
                app.advance(COOL_DOWN);
            }
            block(&app);
            let mail = [request_blocked(&app, &user).await];
            let gate = app
                .proxy
                .hold(|call| call.operation == "PutItem" && call.contains("reset#"));
            let overtake = gate.during(send(&app, &mail));
            let (overtaken, sent) = tokio::join!(send(&app, &mail), overtake);
            assert!(overtaken.is_empty() && sent.is_empty());
            app.proxy.heal();
            app.server.enable_mappings(true);
            app.server.drain().await;
            app.server.drain().await;
            let token = token_in(&app.mail());
            assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 201);
            app.server.drain().await;
            app.mail();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lost_response_to_recording_sends_no_copy() {
        let (app, _ses) = start_with_ses().await;
        let user = app.sign_up("john").await;
        fail_recording(&app, 1, FaultAction::CutAfter);
        let token = app.reset_token("john@example.com").await;
        app.server.drain().await;
        assert_eq!(state(&app, &reset_key(&user)).await.0, "sent");
        assert!(app.unread_mails().is_empty());
        assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 201);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn mails_to_deleted_users_or_old_addresses_are_dropped() {
        let (app, _ses) = start_with_ses().await;
        block(&app);
        let (users, records) = request_all_blocked(&app, &["john", "jane", "jim"]).await;
        app.tables()
            .delete(USERS, &format!("user#{}", users[0].id))
            .await;
        let change = json!({"current-password": PASSWORD, "email": "other@example.com"});
        assert_eq!(app.update(&users[1].token, &change).await.status, 200);
        let change = json!({"current-password": PASSWORD, "email": "JIM@example.com"});
        assert_eq!(app.update(&users[2].token, &change).await.status, 200);
        assert!(send(&app, &records).await.is_empty());
        let expected = |state: &str, detail: &str| (state.to_owned(), detail.to_owned());
        assert_eq!(
            state(&app, &reset_key(&users[0])).await,
            expected("dropped", "the user no longer exists")
        );
        assert_eq!(
            state(&app, &reset_key(&users[1])).await,
            expected("dropped", "the user's address has changed")
        );
        assert_eq!(state(&app, &reset_key(&users[2])).await.0, "sent");
        assert_eq!(
            app.mail().to,
            ["JIM@example.com"],
            "another spelling is the same address"
        );
        // Jane's notice.
        unblock(&app, &["jane@example.com"]).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_table_error_is_retried() {
        let (app, _ses) = start_with_ses().await;
        block(&app);
        let (users, records) = request_all_blocked(&app, &["john", "jane"]).await;
        let keys = [
            reset_key(&users[0]),
            format!("user#{}", users[0].id),
            format!("reset#{}", users[0].id),
        ];
        for key in keys {
            let failing = key.clone();
            app.proxy.rule_where(
                move |call| call.keys()[0].1 == failing,
                error(400, "ProvisionedThroughputExceededException"),
            );
            assert!(send(&app, &records).await.is_empty(), "{key}");
            app.proxy.heal();
            assert_eq!(state(&app, &reset_key(&users[0])).await.0, "queued");
        }
        assert_eq!(app.mail().to, ["jane@example.com"], "it does not wait");
        unblock(&app, &["john@example.com"]).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_long_batch_ends_before_the_timeout() {
        let (app, ses) = start_with_ses().await;
        block(&app);
        let names = ["u0", "u1", "u2", "u3"];
        let (_, records) = request_all_blocked(&app, &names).await;
        let app = Arc::new(app);
        let clock = Arc::downgrade(&app);
        ses.rule(move |call| {
            if recipient(call).starts_with('u') {
                clock.upgrade().unwrap().advance(Duration::from_secs(4));
            }
            FaultAction::Forward
        });
        assert_eq!(send(&app, &records).await, ["u2"]);
        assert_eq!(
            recipients(&app.unread_mails()),
            ["u0@example.com", "u1@example.com"]
        );
        assert!(send(&app, &records).await.is_empty());
        assert_eq!(
            recipients(&app.unread_mails()),
            ["u2@example.com", "u3@example.com"]
        );
        unblock(&app, &[]).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_interruption_at_any_step_sends_the_mail() {
        // A failing call simulates the end of the process before the call, or between the call and its response.
        for (key, operation) in [
            ("mail#", "GetItem"),
            ("user#", "GetItem"),
            ("reset#", "GetItem"),
            ("reset#", "PutItem"),
            ("mail#", "UpdateItem"),
        ] {
            for done in [false, true] {
                let (app, _ses) = start_with_ses().await;
                let user = app.sign_up("john").await;
                let mut left = 3;
                app.proxy.rule(move |call| {
                    let is_it = call.function == "send_mail"
                        && call.operation == operation
                        && call.keys()[0].1.starts_with(key);
                    if !is_it || left == 0 {
                        return FaultAction::Forward;
                    }
                    left -= 1;
                    if done {
                        FaultAction::CutAfter
                    } else {
                        error(503, "ServiceUnavailable")
                    }
                });
                assert_eq!(app.request_reset("john@example.com").await.status, 200);
                app.server.drain().await;
                app.server.drain().await;
                let mails = app.unread_mails();
                let shown = format!("{operation} of {key}, applied: {done}");
                assert!((1..=2).contains(&mails.len()), "{shown}: {}", mails.len());
                assert_eq!(state(&app, &reset_key(&user)).await.0, "sent", "{shown}");
                let token = token_in(mails.last().unwrap());
                assert_eq!(
                    app.complete(&token, OTHER_PASSWORD).await.status,
                    201,
                    "{shown}"
                );
                app.server.drain().await;
                app.mail();
            }
        }
    }
}
