//! `send_mail`: mails that were queued before the account was disabled.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{
    app::{OTHER_PASSWORD, THIRD_PASSWORD, TestApp, TestUser, key_in, token_in, with_password},
    mail_queue::block,
    operator::Operator,
    paths::REVERT_EMAIL,
    tables::TRANSIENT,
};

/// A user with a queued mail of every kind: a reset, a confirmation, and notices of a new password and, with a revert link,
/// of a new address.
async fn with_queued_mails(app: &TestApp) -> TestUser {
    let john = app.sign_up("john").await;
    app.confirm(&john).await;
    block(app);
    let change = json!({"password": OTHER_PASSWORD, "email": "new@example.com"});
    let changed = app.change(&john.token, change).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(app.request_reset("new@example.com").await.status, 200);
    let kinds = [
        "confirm_email",
        "email_changed",
        "password_changed",
        "reset_password",
    ];
    let queued: Vec<_> = mails(app, "queued").await;
    let found: BTreeSet<_> = queued.iter().map(kind).collect();
    assert_eq!(found, BTreeSet::from(kinds), "{queued:?}");
    john
}

fn kind(mail: &Value) -> &str {
    mail["pk"].as_str().unwrap().split('#').nth(1).unwrap()
}

/// The items of mails in this state.
async fn mails(app: &TestApp, state: &str) -> Vec<Value> {
    let mut items = app.tables().all(TRANSIENT).await;
    items.retain(|item| item["state"] == state);
    items
}

async fn deliver(app: &TestApp) {
    app.server.enable_mappings(true);
    app.server.drain().await;
}

mod case_59_disabled_accounts {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_kind_of_mail_is_dropped() {
        let app = TestApp::start().await;
        let john = with_queued_mails(&app).await;
        let queued = mails(&app, "queued").await.len();
        let operator = Operator::of(&app);
        operator.disable(john.id).await;
        deliver(&app).await;
        assert!(app.unread_mails().is_empty());
        assert!(app.confirmations().is_empty());
        let dropped = mails(&app, "dropped").await;
        assert_eq!(dropped.len(), queued);
        for mail in dropped {
            assert_eq!(mail["detail"], "the user is disabled");
        }
        // They are not sent later, either.
        operator.enable(john.id).await;
        deliver(&app).await;
        assert!(app.unread_mails().is_empty());
    }

    /// A link is created when its mail is sent, for the account as it is then.
    #[tokio::test(flavor = "multi_thread")]
    async fn mails_that_are_late_are_sent_after_enabling() {
        let app = TestApp::start().await;
        let john = with_queued_mails(&app).await;
        Operator::of(&app).disable_and_enable(john.id).await;
        deliver(&app).await;
        let mails = app.unread_mails();
        let to = |address: &str, text: &str| {
            let fits = |mail: &&local::Mail| mail.to == [address] && mail.text.contains(text);
            mails.iter().find(fits).unwrap()
        };
        let reset = token_in(to("new@example.com", "?token="));
        let revert = key_in(to("john@example.com", "?key="));
        let confirmation = app.confirmation_key("new@example.com");
        assert_eq!(app.complete(&reset, THIRD_PASSWORD).await.status, 201);
        app.mail();
        let token = app.token("john", THIRD_PASSWORD).await;
        assert_eq!(app.confirm_with(&confirmation).await.status, 200);
        let change = with_password(THIRD_PASSWORD, json!({"first_name": "John"}));
        assert_eq!(app.update(&token, &change).await.status, 200);
        let body = json!({
            "key": revert, "new_password": OTHER_PASSWORD, "password_confirmation": OTHER_PASSWORD,
        });
        assert_eq!(app.post(REVERT_EMAIL, &body).await.status, 201);
        app.mail();
        app.token("john@example.com", OTHER_PASSWORD).await;
        app.tables().check_users().await;
    }
}
