//! Confirmations of a pending address that overlap with other requests, and those whose response is lost.

use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, key_in},
    paths::REVERT_EMAIL,
    pending_email::{NEW, addresses, assert_kept, assert_moved, assert_rejected, request, start},
    proxy::{Call, FaultAction},
    response::field_error,
};

/// The transaction of a confirmation.
fn is_confirmation(call: &Call) -> bool {
    call.function == "confirm_email" && call.operation == "TransactWriteItems"
}

mod case_51_pending_addresses {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_sign_up_during_the_confirmation_keeps_the_address() {
        let (app, john) = start().await;
        let key = request(&app, &john, NEW).await;
        let gate = app.proxy.hold(is_confirmation);
        let (confirmed, signed_up) = tokio::join!(
            app.confirm_with(&key),
            gate.during(app.try_sign_up("jane", NEW, PASSWORD)),
        );
        assert_eq!(signed_up.status, 201, "{signed_up:?}");
        assert_rejected(&confirmed);
        assert_kept(&app, &john).await;
        app.tables().check_users().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_confirmation_during_a_sign_up_keeps_the_address() {
        let (app, john) = start().await;
        let key = request(&app, &john, NEW).await;
        let gate = app
            .proxy
            .hold(|call| call.function == "sign_up" && call.operation == "TransactWriteItems");
        let (signed_up, confirmed) = tokio::join!(
            app.try_sign_up("jane", NEW, PASSWORD),
            gate.during(app.confirm_with(&key)),
        );
        assert_eq!(confirmed.status, 200, "{confirmed:?}");
        assert_eq!(signed_up.field_error(), field_error("email", "taken"));
        assert_moved(&app, &john, NEW).await;
        app.mail();
        app.tables().check_users().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_confirmations_move_the_account_once() {
        let (app, john) = start().await;
        let key = request(&app, &john, NEW).await;
        let [first, second] = app.proxy.hold_each(is_confirmation);
        let both = async {
            first.reached().await;
            second.reached().await;
            first.open();
            second.open();
        };
        let (one, other, ()) = tokio::join!(app.confirm_with(&key), app.confirm_with(&key), both);
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400]);
        assert_moved(&app, &john, NEW).await;
        app.mail();
        app.tables().check_users().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_during_the_confirmation_is_kept() {
        let (app, john) = start().await;
        let key = request(&app, &john, NEW).await;
        let gate = app.proxy.hold(is_confirmation);
        let change = json!({"first_name": "Johnny"});
        let (confirmed, changed) = tokio::join!(
            app.confirm_with(&key),
            gate.during(app.change(&john.token, change)),
        );
        assert_eq!((confirmed.status, changed.status), (200, 200));
        assert_eq!(app.details(&john).await.json()["first_name"], "Johnny");
        assert_moved(&app, &john, NEW).await;
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_withdrawal_during_the_confirmation_ends_the_link() {
        let (app, john) = start().await;
        let key = request(&app, &john, NEW).await;
        let gate = app.proxy.hold(is_confirmation);
        let (confirmed, withdrawn) = tokio::join!(
            app.confirm_with(&key),
            gate.during(app.change(&john.token, json!({"email": john.email}))),
        );
        assert_eq!(withdrawn.status, 200, "{withdrawn:?}");
        assert_rejected(&confirmed);
        assert_kept(&app, &john).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_further_request_during_the_confirmation_ends_the_link() {
        let (app, john) = start().await;
        let key = request(&app, &john, NEW).await;
        let gate = app.proxy.hold(is_confirmation);
        let further = json!({"email": "further@example.com"});
        let (confirmed, requested) = tokio::join!(
            app.confirm_with(&key),
            gate.during(app.change(&john.token, further)),
        );
        assert_eq!(requested.status, 200, "{requested:?}");
        assert_rejected(&confirmed);
        let expected = (json!(john.email), json!(true), json!("further@example.com"));
        assert_eq!(addresses(&app, &john).await, expected);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_confirmation_during_a_change_is_kept() {
        let (app, john) = start().await;
        let key = request(&app, &john, NEW).await;
        let gate = app
            .proxy
            .hold(|call| call.function == "update_details" && call.operation == "UpdateItem");
        let change = json!({"first_name": "Johnny"});
        let (changed, confirmed) = tokio::join!(
            app.change(&john.token, change),
            gate.during(app.confirm_with(&key)),
        );
        assert_eq!((confirmed.status, changed.status), (200, 200));
        assert_eq!(changed.json()["email"], NEW);
        assert_moved(&app, &john, NEW).await;
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reset_during_the_confirmation_ends_the_link() {
        let (app, john) = start().await;
        let reset = app.reset_token(&john.email).await;
        let key = request(&app, &john, NEW).await;
        let gate = app.proxy.hold(is_confirmation);
        let (confirmed, completed) = tokio::join!(
            app.confirm_with(&key),
            gate.during(app.complete(&reset, OTHER_PASSWORD)),
        );
        assert_eq!(completed.status, 201, "{completed:?}");
        assert_rejected(&confirmed);
        app.mail();
        app.token(&john.email, OTHER_PASSWORD).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lost_response_to_the_confirmation_has_one_effect() {
        let (app, john) = start().await;
        let key = request(&app, &john, NEW).await;
        app.proxy.first(1, is_confirmation, FaultAction::CutAfter);
        let response = app.confirm_with(&key).await;
        assert_eq!(response.status, 200, "{response:?}");
        app.proxy.heal();
        // A client that did not receive the response sends the request again.
        assert_rejected(&app.confirm_with(&key).await);
        assert_moved(&app, &john, NEW).await;
        let body = json!({
            "key": key_in(&app.mail()), "new_password": OTHER_PASSWORD, "password_confirmation": OTHER_PASSWORD,
        });
        assert_eq!(app.post(REVERT_EMAIL, &body).await.status, 201);
        app.mail();
        app.tables().check_users().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lost_response_to_the_request_has_one_effect() {
        let (app, john) = start().await;
        let is_request = |call: &Call| {
            call.function == "update_details" && call.operation == "TransactWriteItems"
        };
        app.proxy.first(1, is_request, FaultAction::CutAfter);
        let key = request(&app, &john, NEW).await;
        app.proxy.heal();
        let again = app.change(&john.token, json!({"email": NEW})).await;
        assert_eq!(again.json()["pending_email"], NEW);
        let item = app.tables().user(john.id).await;
        assert_eq!(item["email_changes"]["count"], 1);
        assert_eq!(app.confirm_with(&key).await.status, 200);
        app.mail();
    }
}
