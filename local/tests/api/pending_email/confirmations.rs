//! `POST /auth/confirm_email` with the link to a pending address, and its resend.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, TestUser, key_in},
    paths::REVERT_EMAIL,
    pending_email::{
        CONFIRM_FIRST, NEW, addresses, assert_kept, assert_moved, assert_rejected, request, resend,
        start,
    },
    response::{field_error, problem},
    tables::USERS,
};

async fn revert(app: &TestApp, key: &str) -> u16 {
    let body = json!({
        "key": key, "new_password": OTHER_PASSWORD, "password_confirmation": OTHER_PASSWORD,
    });
    app.post(REVERT_EMAIL, &body).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_moves_the_account() {
    let (app, john) = start().await;
    let other = app.token("john", PASSWORD).await;
    let reset = app.reset_token(&john.email).await;
    let key = request(&app, &john, NEW).await;
    let response = app.confirm_with(&key).await;
    assert_eq!(
        (response.status, response.json()),
        (
            200,
            json!({"detail": "The e-mail address has been confirmed."})
        )
    );
    assert_moved(&app, &john, NEW).await;
    app.token(NEW, PASSWORD).await;
    assert_eq!(app.log_in(&john.email, PASSWORD).await.status, 401);
    // As after an immediate change: reset links are void, and sessions stay.
    assert_eq!(app.complete(&reset, OTHER_PASSWORD).await.status, 400);
    assert!(app.is_live(john.id, &other).await);
    let notice = app.mail();
    assert_eq!(notice.to, [john.email.as_str()]);
    assert_eq!(notice.subject, "Your Latchkey e-mail address was changed");
    let taken = app.try_sign_up("jane", &john.email, PASSWORD).await;
    assert_eq!(taken.field_error(), field_error("email", "taken"));
    app.tables().check_users().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_address_takes_the_account_back() {
    let (app, john) = start().await;
    let key = request(&app, &john, NEW).await;
    assert_eq!(app.confirm_with(&key).await.status, 200);
    let back = key_in(&app.mail());
    let later = app
        .change(&john.token, json!({"email": "later@example.com"}))
        .await;
    assert_eq!(later.json()["pending_email"], "later@example.com");
    app.mail();
    let stale = app.confirmation_key("later@example.com");
    assert_eq!(revert(&app, &back).await, 201);
    app.mail();
    assert_rejected(&app.confirm_with(&stale).await);
    let token = app.token(&john.email, OTHER_PASSWORD).await;
    let john = TestUser { token, ..john };
    assert_kept(&app, &john).await;
    app.tables().check_users().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unverified_address_is_free_after_the_confirmation() {
    let app = TestApp::without_source_limits_and(&[CONFIRM_FIRST]).await;
    let john = app.sign_up("john").await;
    let key = request(&app, &john, NEW).await;
    assert_eq!(app.confirm_with(&key).await.status, 200);
    assert!(!app.mail().text.contains("?key="));
    assert_moved(&app, &john, NEW).await;
    let free = app.try_sign_up("jane", &john.email, PASSWORD).await;
    assert_eq!(free.status, 201, "{free:?}");
}

mod case_51_pending_addresses {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_moves_the_account_once() {
        let (app, john) = start().await;
        let key = request(&app, &john, NEW).await;
        assert_eq!(app.confirm_with(&key).await.status, 200);
        app.mail();
        assert_rejected(&app.confirm_with(&key).await);
        assert_moved(&app, &john, NEW).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_expires_after_48_hours() {
        let (app, john) = start().await;
        let key = request(&app, &john, NEW).await;
        app.advance(Duration::from_hours(48));
        assert_rejected(&app.confirm_with(&key).await);
        // The address stays pending, so that another link can be sent.
        let expected = (json!(john.email), json!(true), json!(NEW));
        assert_eq!(addresses(&app, &john).await, expected);
        assert_eq!(resend(&app, &john).await.status, 200);
        let key = app.confirmation_key(NEW);
        app.advance(Duration::from_secs(48 * 3600 - 1));
        assert_eq!(app.confirm_with(&key).await.status, 200);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_resend_goes_to_the_pending_address() {
        let (app, john) = start().await;
        let verified = resend(&app, &john).await;
        assert_eq!(verified.problem(), problem(400, "already_verified"));
        let first = request(&app, &john, NEW).await;
        app.advance(Duration::from_mins(2));
        assert_eq!(resend(&app, &john).await.status, 200);
        let mails = app.confirmations();
        assert_eq!((mails.len(), &mails[0].to), (1, &vec![NEW.to_owned()]));
        assert_rejected(&app.confirm_with(&first).await);
        assert_eq!(app.confirm_with(&key_in(&mails[0])).await.status, 200);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_address_that_was_taken_meanwhile_is_discarded() {
        let (app, john) = start().await;
        let key = request(&app, &john, NEW).await;
        assert_eq!(app.try_sign_up("jane", NEW, PASSWORD).await.status, 201);
        assert_rejected(&app.confirm_with(&key).await);
        assert_kept(&app, &john).await;
        assert_rejected(&app.confirm_with(&key).await);
        app.token(NEW, PASSWORD).await;
        app.tables().check_users().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_address_that_was_reserved_meanwhile_is_discarded() {
        let (app, john) = start().await;
        let key = request(&app, &john, NEW).await;
        let response = app.try_sign_up("jane", NEW, PASSWORD).await;
        let confirmation = app.confirmation_key(NEW);
        assert_eq!(app.confirm_with(&confirmation).await.status, 200);
        let away = json!({"email": "jane@example.com"});
        assert_eq!(app.change(&response.token(), away).await.status, 200);
        let moved = app.confirmation_key("jane@example.com");
        assert_eq!(app.confirm_with(&moved).await.status, 200);
        app.unread_mails();
        assert_rejected(&app.confirm_with(&key).await);
        assert_kept(&app, &john).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_own_former_address_can_be_confirmed() {
        let (app, john) = start().await;
        let key = request(&app, &john, NEW).await;
        assert_eq!(app.confirm_with(&key).await.status, 200);
        app.mail();
        let back = app.change(&john.token, json!({"email": john.email})).await;
        assert_eq!(back.json()["pending_email"], john.email);
        app.mail();
        let key = app.confirmation_key(&john.email);
        assert_eq!(app.confirm_with(&key).await.status, 200);
        app.mail();
        assert_kept(&app, &john).await;
        app.tables().check_users().await;
    }

    /// The link to the present address was sent before the change was requested, and the one to the pending address not yet.
    #[tokio::test(flavor = "multi_thread")]
    async fn the_link_of_a_sign_up_confirms_the_present_address() {
        let app = TestApp::without_source_limits_and(&[CONFIRM_FIRST]).await;
        let john = app.sign_up("john").await;
        let first = app.confirmation_key(&john.email);
        app.server.enable_mappings(false);
        assert_eq!(
            app.change(&john.token, json!({"email": NEW})).await.status,
            200
        );
        assert_eq!(app.confirm_with(&first).await.status, 200);
        let expected = (json!(john.email), json!(true), json!(NEW));
        assert_eq!(addresses(&app, &john).await, expected);
        // The mail to the pending address is still of use.
        app.server.enable_mappings(true);
        app.server.drain().await;
        let key = app.confirmation_key(NEW);
        assert_eq!(app.confirm_with(&key).await.status, 200);
        assert_eq!(app.unread_mails().len(), 2);
        assert_moved(&app, &john, NEW).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_deleted_users_link_is_invalid() {
        let (app, john) = start().await;
        let key = request(&app, &john, NEW).await;
        let tables = app.tables();
        for item in [
            format!("user#{}", john.id),
            "email#john@example.com".to_owned(),
            "username#john".to_owned(),
        ] {
            tables.delete(USERS, &item).await;
        }
        assert_rejected(&app.confirm_with(&key).await);
        assert!(tables.all(USERS).await.is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_canonical_form_moves_with_its_address() {
        let (app, john) = start().await;
        let address = "john@bücher.example";
        let change = json!({"email": address});
        assert_eq!(app.change(&john.token, change).await.status, 200);
        app.mail();
        let key = app.confirmation_key("john@xn--bcher-kva.example");
        assert_eq!(app.confirm_with(&key).await.status, 200);
        app.mail();
        assert_moved(&app, &john, address).await;
        app.token("JOHN@BÜCHER.example", PASSWORD).await;
        let item = app.tables().user(john.id).await;
        let canonical = "john@xn--bcher-kva.example";
        assert_eq!(item["email_canonical"]["is"], canonical);
        let marker = app
            .tables()
            .item(USERS, &format!("email#{canonical}"))
            .await;
        assert_eq!(marker.unwrap()["id"], john.id);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_pending_address_makes_a_log_in_possible_once_confirmed() {
        let settings = [CONFIRM_FIRST, ("REQUIRE_VERIFIED_EMAIL", "true")];
        let app = TestApp::with_settings(&settings).await;
        let john = app.sign_up("john").await;
        app.confirmations();
        request(&app, &john, NEW).await;
        app.advance(Duration::from_mins(2));
        let refused = app.log_in("john", PASSWORD).await;
        assert_eq!(refused.problem(), problem(403, "email_not_verified"));
        let key = app.confirmation_key(NEW);
        assert_eq!(app.confirm_with(&key).await.status, 200);
        app.mail();
        app.token(NEW, PASSWORD).await;
    }
}
