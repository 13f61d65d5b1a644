//! The limit on mails of all kinds to one address.

use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, TestUser, with_password},
    mail_queue::{count, recipient, recipients, reset_key, start_with_ses_and, state},
    proxy::{Call, FaultAction, error},
    tables::{COUNTERS, TRANSIENT},
    times::{COOL_DOWN, DAY},
};

/// Changes the password to and fro `times` times, each of which mails a notice.
async fn change_password(app: &TestApp, user: &TestUser, times: usize) {
    let passwords = [PASSWORD, OTHER_PASSWORD];
    for number in 0..times {
        let (old, new) = (passwords[number % 2], passwords[(number + 1) % 2]);
        let change = with_password(old, json!({"password": new}));
        assert_eq!(app.update(&user.token, &change).await.status, 200);
    }
    assert_eq!(times % 2, 0, "the password is as before");
}

mod case_48_mails_to_one_address {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn twenty_mails_of_all_kinds_are_sent_a_day() {
        let (app, ses) = start_with_ses_and(&[]).await;
        let john = app.sign_up("john").await;
        // The last five are reserved for resets: a thief who changes the password over and over cannot use them up.
        change_password(&app, &john, 20).await;
        assert_eq!(app.unread_mails().len(), 15);
        for _ in 0..5 {
            app.reset_token("john@example.com").await;
            app.advance(COOL_DOWN);
        }
        let items = app.tables().all(TRANSIENT).await;
        let dropped = items.iter().filter(|item| item["state"] == "dropped");
        let reasons: Vec<_> = dropped.map(|item| &item["detail"]).collect();
        assert_eq!(reasons, ["the address had too many mails in 24 hours"; 5]);
        // Resets are limited as well, and SES is not called.
        ses.calls();
        let link = app.tables().item(TRANSIENT, &reset_key(&john)).await;
        let mut again = link.unwrap();
        again["count"] = json!(1);
        again["not_before"] = json!(0);
        app.tables().put(TRANSIENT, &again).await;
        assert_eq!(app.request_reset("john@example.com").await.status, 200);
        app.server.drain().await;
        assert!(ses.calls().is_empty());
        assert_eq!(state(&app, &reset_key(&john)).await.0, "dropped");
        // Others are not affected.
        app.sign_up("jane").await;
        app.reset_token("jane@example.com").await;
        app.advance(DAY);
        app.reset_token("john@example.com").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn accounts_and_spellings_share_the_count() {
        let (app, _ses) = start_with_ses_and(&[("LIMIT_MAILS_PER_DAY", "7")]).await;
        let mut sent = Vec::new();
        for name in ["mallory1", "mallory2", "mallory3"] {
            let user = app.sign_up(name).await;
            for email in ["VICTIM@example.com", "other@example.com"] {
                let email = if name == "mallory1" {
                    email.to_owned()
                } else {
                    email.to_lowercase()
                };
                let change = with_password(PASSWORD, json!({"email": email}));
                assert_eq!(app.update(&user.token, &change).await.status, 200);
            }
            let change = with_password(PASSWORD, json!({"email": format!("{name}@example.net")}));
            assert_eq!(app.update(&user.token, &change).await.status, 200);
            sent.extend(app.unread_mails());
        }
        // Five of the seven are reserved for resets.
        let to_victim = |to: &&&str| to.eq_ignore_ascii_case("victim@example.com");
        assert_eq!(recipients(&sent).iter().filter(to_victim).count(), 2);
        let keys = app.tables().all(COUNTERS).await;
        assert!(!json!(keys).to_string().contains('@'), "hashes only");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_mails_that_were_sent_count() {
        let (app, ses) = start_with_ses_and(&[("LIMIT_MAILS_PER_DAY", "1")]).await;
        let john = app.sign_up("john").await;
        for fault in ["InternalFailure", "MessageRejected"] {
            ses.rule_where(
                |call: &Call| !recipient(call).is_empty(),
                FaultAction::SesError(400, fault),
            );
            assert_eq!(app.request_reset("john@example.com").await.status, 200);
            app.server.drain().await;
            app.advance(COOL_DOWN);
        }
        ses.heal();
        app.reset_token("john@example.com").await;
        app.advance(COOL_DOWN);
        assert_eq!(app.request_reset("john@example.com").await.status, 200);
        assert_eq!(state(&app, &reset_key(&john)).await.0, "dropped");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn mails_are_sent_while_the_counters_are_unavailable() {
        let (app, ses) = start_with_ses_and(&[]).await;
        app.sign_up("john").await;
        app.proxy.rule_where(
            |call| call.keys()[0].0 == COUNTERS,
            error(400, "ProvisionedThroughputExceededException"),
        );
        app.reset_token("john@example.com").await;
        assert_eq!(count(&ses.calls(), "CreateSchedule"), 0);
    }
}
