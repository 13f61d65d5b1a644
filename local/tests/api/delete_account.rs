//! `POST /api/users/delete_account`: the account is gone at once, and nothing brings it back.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, TestUser, with_password},
    mail_queue::{block, unblock},
    paths::DELETE_ACCOUNT,
    proxy::Call,
    response::{Response, field_error, problem},
    tables::{AUDIT, TRANSIENT, USERS},
    times::{COOL_DOWN, DAY},
};

async fn delete_with(app: &TestApp, token: &str, password: &str) -> Response {
    let request = app
        .request(Method::POST, DELETE_ACCOUNT)
        .header("authorization", format!("Bearer {token}"))
        .json(&json!({"current-password": password}));
    app.send(request).await
}

async fn delete(app: &TestApp, user: &TestUser) -> Response {
    delete_with(app, &user.token, PASSWORD).await
}

/// Checks that the user no longer exists, and that one record tells of the deletion.
async fn assert_deleted(app: &TestApp, user: &TestUser) {
    let tables = app.tables();
    assert_eq!(tables.all(USERS).await, Vec::<Value>::new());
    let key = format!("deleted#{}", user.id);
    assert!(tables.item(AUDIT, &key).await.is_some());
    assert!(!app.is_live(user.id, &user.token).await);
    assert_eq!(app.log_in(&user.username, PASSWORD).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_and_what_belongs_to_it_is_gone() {
    let app = TestApp::start().await;
    let john = app.sign_up("john").await;
    app.confirm(&john).await;
    let other = app.token("john", PASSWORD).await;
    let link = app.reset_token("john@example.com").await;
    let response = delete(&app, &john).await;
    assert_eq!((response.status, response.text.as_str()), (204, ""));
    assert_deleted(&app, &john).await;
    assert!(!app.is_live(john.id, &other).await);
    assert_eq!(app.complete(&link, OTHER_PASSWORD).await.status, 400);
    assert_eq!(app.request_reset("john@example.com").await.status, 404);
    let notice = app.mail();
    assert_eq!(notice.to, ["john@example.com"]);
    assert_eq!(notice.subject, "Your Latchkey account was deleted");
    assert!(notice.text.starts_with("Hello,\n"), "{}", notice.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_deletes_nothing_and_is_counted() {
    let app = TestApp::start().await;
    let john = app.sign_up("john").await;
    for _ in 0..3 {
        let response = delete_with(&app, &john.token, OTHER_PASSWORD).await;
        assert_eq!(response.status, 400);
        let expected = [field_error("current-password", "incorrect")];
        assert_eq!(response.field_errors(), expected);
    }
    for _ in 0..2 {
        assert_eq!(app.guess_current_password(&john).await.status, 400);
    }
    let locked = delete(&app, &john).await;
    assert_eq!(locked.problem(), problem(429, "too_many_requests"));
    assert_eq!(app.tables().all(USERS).await.len(), 3);
    assert_eq!(app.tables().all(AUDIT).await.len(), 0);
    app.advance(Duration::from_mins(15));
    assert_eq!(delete(&app, &john).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unverified_address_gets_no_notice() {
    let app = TestApp::start().await;
    let john = app.sign_up("john").await;
    assert_eq!(delete(&app, &john).await.status, 204);
    assert_deleted(&app, &john).await;
    assert!(app.unread_mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_notice_is_in_the_users_language() {
    let app = TestApp::start().await;
    let john = app.sign_up("john").await;
    app.confirm(&john).await;
    let german = json!({"locale": "de-AT"});
    assert_eq!(app.change(&john.token, german).await.status, 200);
    assert_eq!(delete(&app, &john).await.status, 204);
    assert_eq!(app.mail().subject, "Ihr Konto bei Latchkey wurde gelöscht");
}

/// A thief who knows the password cannot use up the day's mails first.
#[tokio::test(flavor = "multi_thread")]
async fn the_notice_is_sent_beyond_the_limit_and_after_a_day_without_mail() {
    let app = TestApp::with_settings(&[("LIMIT_MAILS_PER_DAY", "6")]).await;
    let john = app.sign_up("john").await;
    app.confirm(&john).await;
    let change = with_password(PASSWORD, json!({"password": OTHER_PASSWORD}));
    assert_eq!(app.update(&john.token, &change).await.status, 200);
    assert!(app.unread_mails().is_empty(), "a notice beyond the limit");
    app.server.enable_mappings(false);
    let deleted = delete_with(&app, &john.token, OTHER_PASSWORD).await;
    assert_eq!(deleted.status, 204);
    app.advance(DAY + Duration::from_hours(1));
    app.server.enable_mappings(true);
    app.server.drain().await;
    assert_eq!(app.mail().subject, "Your Latchkey account was deleted");
}

/// Without a page for revert links a deletion may follow a change of address at once. The owner still learns of it.
#[tokio::test(flavor = "multi_thread")]
async fn the_notice_of_a_changed_address_outlives_the_account() {
    let app = TestApp::with_settings(&[("REVERT_LINK_BASE", "")]).await;
    let john = app.sign_up("john").await;
    app.confirm(&john).await;
    let german = json!({"locale": "de"});
    assert_eq!(app.change(&john.token, german).await.status, 200);
    app.server.enable_mappings(false);
    let change = json!({"email": "thief@example.com"});
    assert_eq!(app.change(&john.token, change).await.status, 200);
    assert_eq!(delete(&app, &john).await.status, 204);
    app.server.enable_mappings(true);
    app.server.drain().await;
    let notice = app.mail();
    assert_eq!(notice.to, ["john@example.com"]);
    assert_eq!(
        notice.subject,
        "Ihre E-Mail-Adresse bei Latchkey wurde geändert"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_former_address_prevents_the_deletion() {
    let app = TestApp::start().await;
    let john = app.sign_up("john").await;
    app.confirm(&john).await;
    let change = json!({"email": "new@example.com"});
    assert_eq!(app.change(&john.token, change).await.status, 200);
    app.mail();
    let wrong = delete_with(&app, &john.token, OTHER_PASSWORD).await;
    assert_eq!(wrong.status, 400);
    let refused = delete(&app, &john).await;
    assert_eq!(refused.problem(), problem(409, "revert_link_outstanding"));
    assert_eq!(
        refused.json()["detail"],
        "The e-mail address was changed recently. The account can be deleted when the link that was sent to the former address \
         has expired."
    );
    // The password was right, so that the wrong one before it no longer counts.
    assert!(app.tables().user(john.id).await["current_password_failures"].is_null());
    app.advance(Duration::from_secs(7 * 24 * 3600 - 1));
    assert_eq!(delete(&app, &john).await.status, 409);
    app.advance(Duration::from_secs(1));
    assert_eq!(delete(&app, &john).await.status, 204);
    // The marker of the expired reservation is gone, too.
    assert_deleted(&app, &john).await;
}

mod case_52_deleted_accounts {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn both_names_are_free_for_another_account() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        app.confirm(&john).await;
        let link = app.reset_token("john@example.com").await;
        assert_eq!(delete(&app, &john).await.status, 204);
        app.mail();
        let again = app.sign_up("john").await;
        assert_ne!(again.id, john.id);
        assert_eq!(app.details_with(&john, &john.token).await.status, 401);
        assert_eq!(app.details_with(&again, &john.token).await.status, 401);
        assert_eq!(app.complete(&link, OTHER_PASSWORD).await.status, 400);
        assert_eq!(delete(&app, &john).await.status, 401);
        app.token("john", PASSWORD).await;
        app.tables().check_users().await;
    }

    /// Holds the writes that `choose` selects while the account is deleted. Returns the response to the held request.
    async fn overtaken(
        choose: impl Fn(&Call) -> bool + Send + 'static,
        request: impl AsyncFn(&TestApp, &TestUser) -> Response,
    ) -> Response {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        let gate = app.proxy.hold(choose);
        let later = gate.during(delete(&app, &john));
        let (response, deleted) = tokio::join!(request(&app, &john), later);
        assert_eq!(deleted.status, 204, "{deleted:?}");
        app.server.drain().await;
        assert_deleted(&app, &john).await;
        response
    }

    fn writes(function: &'static str) -> impl Fn(&Call) -> bool + Send {
        move |call| {
            let keys = call.keys();
            let is_of_user = keys.iter().any(|(_, key)| key.starts_with("user#"));
            call.function == function && call.is_write() && is_of_user
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_in_in_progress_starts_no_session() {
        let log_in = async |app: &TestApp, _: &TestUser| app.log_in("john", PASSWORD).await;
        let response = overtaken(writes("log_in"), log_in).await;
        assert_eq!(response.problem(), problem(401, "invalid_credentials"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_wrong_password_in_progress_is_not_recorded() {
        let log_in = async |app: &TestApp, _: &TestUser| app.log_in("john", OTHER_PASSWORD).await;
        let response = overtaken(writes("log_in"), log_in).await;
        assert_eq!(response.problem(), problem(401, "invalid_credentials"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_in_progress_changes_nothing() {
        for fields in [
            json!({"first_name": "John"}),
            json!({"password": OTHER_PASSWORD}),
            json!({"email": "new@example.com"}),
        ] {
            let change = async |app: &TestApp, john: &TestUser| {
                app.change(&john.token, fields.clone()).await
            };
            let response = overtaken(writes("update_details"), change).await;
            assert_eq!(response.problem(), problem(401, "not_authenticated"));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_out_in_progress_ends_nothing() {
        let log_out = async |app: &TestApp, john: &TestUser| app.log_out(&john.token).await;
        let response = overtaken(writes("log_out"), log_out).await;
        assert_eq!(response.problem(), problem(401, "not_authenticated"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_in_use_restores_nothing() {
        let complete = async |app: &TestApp, _: &TestUser| {
            let link = app.reset_token("john@example.com").await;
            app.complete(&link, OTHER_PASSWORD).await
        };
        let response = overtaken(writes("reset_password_complete"), complete).await;
        assert_eq!(response.problem(), problem(400, "invalid_token"));
        let confirm = async |app: &TestApp, john: &TestUser| {
            app.confirm_with(&app.confirmation_key(&john.email)).await
        };
        let response = overtaken(writes("confirm_email"), confirm).await;
        assert_eq!(response.problem(), problem(400, "invalid_token"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_deletions_have_one_winner() {
        let again = async |app: &TestApp, john: &TestUser| delete(app, john).await;
        let mut held = false;
        let first = move |call: &Call| {
            let is_first = call.operation == "TransactWriteItems" && !held;
            held |= is_first;
            is_first
        };
        let first = std::sync::Mutex::new(first);
        let choose = move |call: &Call| (first.lock().unwrap())(call);
        let response = overtaken(choose, again).await;
        assert_eq!(response.problem(), problem(401, "not_authenticated"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_that_was_first_is_seen() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        let gate = app.proxy.hold(|call| {
            call.function == "delete_account" && call.operation == "TransactWriteItems"
        });
        let later = gate.during(app.change(&john.token, json!({"email": "new@example.com"})));
        let (deleted, changed) = tokio::join!(delete(&app, &john), later);
        assert_eq!((deleted.status, changed.status), (204, 200));
        assert_deleted(&app, &john).await;
        // The notice of the change is sent, unless the deletion was earlier.
        app.unread_mails();
    }

    /// The new session that a concurrent log-in started is deleted with the account.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_in_that_was_first_is_ended() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        let gate = app.proxy.hold(|call| {
            call.function == "delete_account" && call.operation == "TransactWriteItems"
        });
        let later = gate.during(app.token("john", PASSWORD));
        let (deleted, token) = tokio::join!(delete(&app, &john), later);
        assert_eq!(deleted.status, 204);
        assert!(!app.is_live(john.id, &token).await);
        assert_deleted(&app, &john).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_session_ended_meanwhile_cannot_delete() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        let gate = app.proxy.hold(|call| {
            call.function == "delete_account" && call.operation == "TransactWriteItems"
        });
        let later = gate.during(app.log_out(&john.token));
        let (deleted, ended) = tokio::join!(delete(&app, &john), later);
        assert_eq!((deleted.status, ended.status), (401, 204));
        app.token("john", PASSWORD).await;
        assert!(app.tables().all(AUDIT).await.is_empty());
    }

    /// A guess that was counted while the right password was being verified counts first.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_guess_counted_meanwhile_is_seen() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        for _ in 0..4 {
            assert_eq!(app.guess_current_password(&john).await.status, 400);
        }
        let gate = app.proxy.hold(|call| {
            call.function == "delete_account" && call.operation == "TransactWriteItems"
        });
        let later = gate.during(app.guess_current_password(&john));
        let (deleted, guess) = tokio::join!(delete(&app, &john), later);
        assert_eq!(guess.status, 400);
        assert_eq!(deleted.problem(), problem(429, "too_many_requests"));
        assert_eq!(app.tables().all(USERS).await.len(), 3);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn queued_mails_are_not_sent() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        app.advance(COOL_DOWN);
        block(&app);
        assert_eq!(app.request_reset("john@example.com").await.status, 200);
        let change = json!({"password": OTHER_PASSWORD});
        assert_eq!(app.change(&john.token, change).await.status, 200);
        let deleted = delete_with(&app, &john.token, OTHER_PASSWORD).await;
        assert_eq!(deleted.status, 204);
        unblock(&app, &[]).await;
        app.server.drain().await;
        assert!(app.unread_mails().is_empty());
        let tokens = app.tables().all(TRANSIENT).await;
        let is_token = |item: &&Value| !item["pk"].as_str().unwrap().starts_with("mail#");
        assert_eq!(tokens.iter().filter(is_token).count(), 0, "{tokens:?}");
    }
}

mod case_53_erasure {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_record_of_a_deletion_has_no_personal_data() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        assert_eq!(delete(&app, &john).await.status, 204);
        let records = app.tables().all(AUDIT).await;
        let (now, days) = (app.now(), 36 * 24 * 3600);
        let expected = json!([{
            "pk": format!("deleted#{}", john.id), "id": john.id, "deleted_at": now, "expires_at": now + days,
        }]);
        assert_eq!(json!(records), expected);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_record_is_kept_for_as_long_as_the_setting_says() {
        let app = TestApp::with_settings(&[("DELETION_RECORD_DAYS", "100")]).await;
        let john = app.sign_up("john").await;
        assert_eq!(delete(&app, &john).await.status, 204);
        let records = app.tables().all(AUDIT).await;
        assert_eq!(records[0]["expires_at"], app.now() + 100 * 24 * 3600);
    }

    /// Only the notice keeps the address, until it expires.
    #[tokio::test(flavor = "multi_thread")]
    async fn nothing_else_has_the_name_or_the_address() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        app.confirm(&john).await;
        app.advance(COOL_DOWN);
        assert_eq!(app.request_reset("john@example.com").await.status, 200);
        app.unread_mails();
        assert_eq!(delete(&app, &john).await.status, 204);
        app.mail();
        let tables = app.tables();
        let mut items = tables.snapshot().await;
        items.extend(tables.all(AUDIT).await);
        let notice = |item: &Value| item["kind"] == "account_deleted";
        assert_eq!(items.iter().filter(|item| notice(item)).count(), 1);
        items.retain(|item| !notice(item));
        assert!(!json!(items).to_string().contains("john"), "{items:?}");
        let hash = shared::domain::email::EmailAddress::parse("john@example.com")
            .unwrap()
            .hash();
        let with_hash = items.iter().filter(|item| item.to_string().contains(&hash));
        // The count of mails to the address outlives the account, so that a new one cannot begin it anew.
        let keys: Vec<_> = with_hash.map(|item| item["pk"].as_str().unwrap()).collect();
        assert_eq!(keys, [format!("limit#mail#{hash}")]);
    }

    /// The record is part of the transaction: if it cannot be written, nothing is deleted.
    #[tokio::test(flavor = "multi_thread")]
    async fn without_its_record_nothing_is_deleted() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        let key = format!("deleted#{}", john.id);
        let later = json!({"pk": key, "id": john.id, "deleted_at": app.now() + 1, "expires_at": app.now() + 2});
        app.tables().put(AUDIT, &later).await;
        assert_eq!(
            delete(&app, &john).await.problem(),
            problem(409, "conflict")
        );
        app.tables().check_users().await;
        app.token("john", PASSWORD).await;
    }
}
