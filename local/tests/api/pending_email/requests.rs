//! `PATCH /api/users/update_details` with a new address that has to be confirmed first.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, WRONG_PASSWORD, with_password},
    pending_email::{
        CONFIRM_FIRST, NEW, addresses, assert_kept, assert_moved, assert_rejected, request, resend,
        start,
    },
    response::{field_error, problem},
    times::DAY,
};

/// The user's item but for the last write id and the versions.
async fn state(app: &TestApp, id: u64) -> Value {
    let mut item = app.tables().user(id).await;
    for name in ["writer", "version"] {
        item.as_object_mut().unwrap().remove(name);
    }
    item
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_address_stays_until_the_confirmation() {
    let (app, john) = start().await;
    let reset = app.reset_token(&john.email).await;
    let key = request(&app, &john, NEW).await;
    let expected = (json!(john.email), json!(true), json!(NEW));
    assert_eq!(addresses(&app, &john).await, expected);
    app.token(&john.email, PASSWORD).await;
    assert_eq!(app.log_in(NEW, PASSWORD).await.status, 401);
    assert_eq!(app.request_reset(NEW).await.status, 404);
    // An outstanding reset link stays valid: nothing that it depends on has changed.
    let changed = app.complete(&reset, "short").await;
    assert_eq!(changed.field_errors()[0].0, "new_password");
    assert_eq!(app.confirm_with(&key).await.status, 200);
    assert_moved(&app, &john, NEW).await;
    assert_eq!(app.unread_mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_a_user_has_no_pending_address() {
    let app = TestApp::start().await;
    let john = app.sign_up("john").await;
    let response = app.change(&john.token, json!({"email": NEW})).await;
    assert_eq!(response.json()["email"], NEW);
    assert_eq!(response.json().get("pending_email"), None);
    app.mail();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_spelling_takes_effect_at_once() {
    let (app, john) = start().await;
    let change = json!({"email": "JOHN@example.com"});
    let response = app.change(&john.token, change).await;
    assert_eq!(response.json()["email"], "JOHN@example.com");
    assert_eq!(response.json()["email_verified"], true);
    assert_eq!(response.json().get("pending_email"), None);
}

mod case_51_pending_addresses {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_taken_address_is_refused_at_the_request() {
        let settings = [CONFIRM_FIRST, ("LIMIT_TAKEN_PER_HOUR", "2")];
        let app = TestApp::with_settings(&settings).await;
        let (john, jane) = (app.sign_up("john").await, app.sign_up("jane").await);
        app.confirm(&john).await;
        let before = state(&app, john.id).await;
        let taken = json!({"email": jane.email, "first_name": "Johnny"});
        for _ in 0..2 {
            let response = app.change(&john.token, taken.clone()).await;
            assert_eq!(response.field_error(), field_error("email", "taken"));
        }
        // As for an immediate change, the source is limited.
        let limited = app.change(&john.token, taken).await;
        assert_eq!(limited.problem(), problem(429, "too_many_requests"));
        assert_eq!(state(&app, john.id).await, before);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_free_address_does_not_count_against_the_source() {
        let settings = [CONFIRM_FIRST, ("LIMIT_TAKEN_PER_HOUR", "1")];
        let app = TestApp::with_settings(&settings).await;
        let john = app.sign_up("john").await;
        app.confirm(&john).await;
        for number in 0..3 {
            request(&app, &john, &format!("new{number}@example.com")).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_taken_address_does_not_prove_a_password_beyond_the_limit() {
        let (app, john) = start().await;
        let jane = app.sign_up("jane").await;
        for _ in 0..5 {
            assert_eq!(app.guess_current_password(&john).await.status, 400);
        }
        let gate = app.proxy.hold(|call| {
            let key = call.body["Key"]["pk"]["S"].as_str().unwrap_or_default();
            call.operation == "GetItem" && key.starts_with("email#")
        });
        app.advance(Duration::from_hours(1));
        let taken = json!({"email": jane.email});
        let (right, wrong) = tokio::join!(
            app.change(&john.token, taken),
            gate.during(app.guess_current_password(&john)),
        );
        assert_eq!(
            wrong.field_error(),
            field_error("current-password", "incorrect")
        );
        // The right password was verified first, but recorded second: it is not told from a wrong one.
        assert_eq!(right.problem(), problem(429, "too_many_requests"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_wrong_password_requests_nothing() {
        let (app, john) = start().await;
        let change = with_password(WRONG_PASSWORD, json!({"email": NEW}));
        let response = app.update(&john.token, &change).await;
        assert_eq!(
            response.field_error(),
            field_error("current-password", "incorrect")
        );
        assert_kept(&app, &john).await;
        assert!(app.confirmations().is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_pending_address_is_not_reserved() {
        let (app, john) = start().await;
        request(&app, &john, NEW).await;
        let response = app.try_sign_up("jane", NEW, PASSWORD).await;
        assert_eq!(response.status, 201, "{response:?}");
        app.tables().check_users().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_accounts_may_wait_for_one_address() {
        let (app, john) = start().await;
        let jane = app.sign_up("jane").await;
        app.confirm(&jane).await;
        let (first, second) = (
            request(&app, &john, NEW).await,
            request(&app, &jane, NEW).await,
        );
        assert_eq!(app.confirm_with(&second).await.status, 200);
        assert_rejected(&app.confirm_with(&first).await);
        assert_moved(&app, &jane, NEW).await;
        assert_kept(&app, &john).await;
        assert_eq!(app.mail().to, [jane.email.as_str()]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_further_address_replaces_the_pending_one() {
        let (app, john) = start().await;
        let stale = request(&app, &john, "one@example.com").await;
        let key = request(&app, &john, NEW).await;
        assert_rejected(&app.confirm_with(&stale).await);
        assert_eq!(app.confirm_with(&key).await.status, 200);
        assert_moved(&app, &john, NEW).await;
        app.mail();
    }

    /// The older link was sent, and the newer one not yet.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_to_an_older_pending_address_is_invalid_at_once() {
        let (app, john) = start().await;
        let stale = request(&app, &john, "one@example.com").await;
        app.server.enable_mappings(false);
        assert_eq!(
            app.change(&john.token, json!({"email": NEW})).await.status,
            200
        );
        assert_rejected(&app.confirm_with(&stale).await);
        app.server.enable_mappings(true);
        app.server.drain().await;
        app.mail();
        let expected = (json!(john.email), json!(true), json!(NEW));
        assert_eq!(addresses(&app, &john).await, expected);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_current_address_withdraws_the_pending_one() {
        let (app, john) = start().await;
        for current in ["john@example.com", "John@example.com", "john@example.com"] {
            let key = {
                let change = json!({"email": NEW});
                assert_eq!(app.change(&john.token, change).await.status, 200);
                app.mail();
                app.confirmation_key(NEW)
            };
            let response = app.change(&john.token, json!({"email": current})).await;
            assert_eq!(response.status, 200, "{response:?}");
            assert_eq!(response.json()["email"], current);
            assert_eq!(response.json().get("pending_email"), None);
            assert_rejected(&app.confirm_with(&key).await);
            assert_eq!(
                resend(&app, &john).await.problem(),
                problem(400, "already_verified")
            );
        }
        assert_kept(&app, &john).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_user_as_read_may_be_sent_back() {
        let (app, john) = start().await;
        let key = request(&app, &john, NEW).await;
        let before = state(&app, john.id).await;
        let read = app.details(&john).await.json();
        let response = app.change(&john.token, read.clone()).await;
        assert_eq!((response.status, response.json()), (200, read));
        assert_eq!(state(&app, john.id).await, before);
        let only = json!({"pending_email": NEW});
        let response = app.change(&john.token, only).await;
        assert_eq!(response.field_error(), field_error("", "nothing_to_change"));
        for other in [
            json!("other@example.com"),
            json!("NEW@example.com"),
            Value::Null,
        ] {
            let change = json!({"pending_email": other, "first_name": "J"});
            let response = app.change(&john.token, change).await;
            assert_eq!(
                response.field_error(),
                field_error("pending_email", "read_only")
            );
        }
        assert_eq!(app.confirm_with(&key).await.status, 200);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_pending_address_again_changes_nothing() {
        let settings = [CONFIRM_FIRST, ("LIMIT_EMAIL_CHANGES_PER_DAY", "1")];
        let app = TestApp::with_settings(&settings).await;
        let john = app.sign_up("john").await;
        app.confirm(&john).await;
        let key = request(&app, &john, NEW).await;
        let before = state(&app, john.id).await;
        let response = app.change(&john.token, json!({"email": NEW})).await;
        assert_eq!(response.json()["pending_email"], NEW);
        assert_eq!(state(&app, john.id).await, before);
        assert!(app.confirmations().is_empty());
        assert_eq!(app.confirm_with(&key).await.status, 200);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn requests_are_limited_and_confirmations_are_not() {
        let app = TestApp::with_settings(&[CONFIRM_FIRST]).await;
        let john = app.sign_up("john").await;
        app.confirm(&john).await;
        let mut key = String::new();
        for number in 0..5 {
            key = request(&app, &john, &format!("new{number}@example.com")).await;
        }
        let sixth = json!({"email": NEW});
        let limited = app.change(&john.token, sixth.clone()).await;
        assert_eq!(limited.throttled_seconds(), DAY.as_secs());
        assert_eq!(app.confirm_with(&key).await.status, 200);
        app.mail();
        app.advance(DAY);
        assert_eq!(app.change(&john.token, sixth).await.status, 200);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_password_discards_the_pending_address() {
        // Also if a client sends the user back as read.
        for sent in [
            json!({}),
            json!({"email": "john@example.com", "pending_email": NEW}),
        ] {
            let (app, john) = start().await;
            let key = request(&app, &john, NEW).await;
            let mut change = sent;
            change["password"] = json!(OTHER_PASSWORD);
            let response = app.change(&john.token, change).await;
            assert_eq!(response.json().get("pending_email"), None);
            app.mail();
            assert_rejected(&app.confirm_with(&key).await);
            assert_kept(&app, &john).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_request_may_set_password_and_pending_address() {
        let (app, john) = start().await;
        let change = json!({"password": OTHER_PASSWORD, "email": NEW});
        let response = app.change(&john.token, change).await;
        assert_eq!(response.json()["pending_email"], NEW);
        assert_eq!(app.unread_mails().len(), 2);
        let key = app.confirmation_key(NEW);
        assert_eq!(app.confirm_with(&key).await.status, 200);
        app.mail();
        app.token(NEW, OTHER_PASSWORD).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_completed_reset_discards_the_pending_address() {
        let (app, john) = start().await;
        let key = request(&app, &john, NEW).await;
        let reset = app.reset_token(&john.email).await;
        assert_eq!(app.complete(&reset, OTHER_PASSWORD).await.status, 201);
        app.mail();
        assert_rejected(&app.confirm_with(&key).await);
        let token = app.token(&john.email, OTHER_PASSWORD).await;
        let details = app.details_with(&john, &token).await.json();
        assert_eq!(details.get("pending_email"), None);
        assert_eq!(details["email"], john.email);
    }
}
