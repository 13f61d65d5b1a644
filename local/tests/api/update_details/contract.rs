//! `PATCH /api/users/update_details`: what a change does.

use serde_json::{Value, json};

use super::validation::errors_for;
use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, WRONG_PASSWORD, with_current_password},
    paths::SIGN_UP,
    response::{field_error, problem},
};

#[tokio::test(flavor = "multi_thread")]
async fn changes_names_and_returns_the_user() {
    let app = TestApp::start().await;
    let user = app.sign_up("jc123").await;
    let response = app
        .update(
            &user.token,
            &with_current_password(json!({"first_name": "John", "last_name": "Doe"})),
        )
        .await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(
        response.json(),
        json!({
            "id": user.id, "username": "jc123", "email": "jc123@example.com", "first_name": "John",
            "last_name": "Doe", "is_superuser": false, "email_verified": false, "date_joined": "2026-01-31T12:00:00Z",
        })
    );
    assert_eq!(app.details(&user).await.json(), response.json());
}

#[tokio::test(flavor = "multi_thread")]
async fn current_values_change_nothing_and_cause_no_mail() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    let before = app.tables().snapshot().await;
    let same = json!({"email": "john@example.com", "first_name": "", "password": PASSWORD, "is_superuser": false});
    assert_eq!(
        app.update(&user.token, &with_current_password(same))
            .await
            .status,
        200
    );
    assert_eq!(
        but_last_write(app.tables().snapshot().await),
        but_last_write(before)
    );
    assert!(app.unread_mails().is_empty());
}

/// The items without the id of the last write: a correct password is noted, so that concurrent guesses take turns.
fn but_last_write(mut items: Vec<Value>) -> Vec<Value> {
    for item in &mut items {
        item.as_object_mut().unwrap().remove("writer");
    }
    items
}

mod case_05_ended_sessions {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_password_ends_every_other_session() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let other = app.token("john", PASSWORD).await;
        let response = app
            .update(
                &user.token,
                &with_current_password(json!({"password": OTHER_PASSWORD})),
            )
            .await;
        assert_eq!(response.status, 200);
        let mail = app.mail();
        assert_eq!(
            (mail.to.as_slice(), mail.subject.as_str()),
            (
                ["john@example.com".to_owned()].as_slice(),
                "Your Latchkey password was changed"
            )
        );
        assert_eq!(app.details(&user).await.status, 200);
        assert_eq!(app.log_out(&other).await.status, 401);
        assert_eq!(app.log_in("john", PASSWORD).await.status, 401);
        app.token("john", OTHER_PASSWORD).await;
    }
}

mod case_11_current_password {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_current_password_again_changes_nothing() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let before = app.tables().snapshot().await;
        let same = json!({"current-password": PASSWORD, "password": PASSWORD});
        assert_eq!(app.update(&user.token, &same).await.status, 200);
        assert_eq!(
            but_last_write(app.tables().snapshot().await),
            but_last_write(before)
        );
        for wrong in [WRONG_PASSWORD, "short", ""] {
            let twice = json!({"current-password": wrong, "password": wrong});
            let response = app.update(&user.token, &twice).await;
            assert_eq!(
                response.field_error(),
                field_error("current-password", "incorrect")
            );
        }
        assert_eq!(app.log_in("john", WRONG_PASSWORD).await.status, 401);
    }
}

mod case_12_protected_fields {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_current_superuser_flag_changes_nothing() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        for is_superuser in [false, true] {
            if is_superuser {
                app.tables().make_superuser(user.id).await;
            }
            let before = app.tables().snapshot().await;
            let same = with_current_password(json!({"is_superuser": is_superuser}));
            let response = app.update(&user.token, &same).await;
            assert_eq!(response.status, 200);
            assert_eq!(response.json()["is_superuser"], is_superuser);
            assert_eq!(
                but_last_write(app.tables().snapshot().await),
                but_last_write(before)
            );
        }
        // Superusers need the correct password too.
        let wrong = json!({"current-password": WRONG_PASSWORD, "is_superuser": false});
        let response = app.update(&user.token, &wrong).await;
        assert_eq!(
            response.field_error(),
            field_error("current-password", "incorrect")
        );
        let down = with_current_password(json!({"is_superuser": false, "first_name": "J"}));
        assert_eq!(app.update(&user.token, &down).await.status, 200);
        let up = with_current_password(json!({"is_superuser": true, "first_name": "K"}));
        let response = app.update(&user.token, &up).await;
        assert_eq!(response.problem(), problem(403, "forbidden"));
        assert_eq!(app.details(&user).await.json()["first_name"], "J");
    }
}

mod case_16_addresses {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_spelling_is_kept_without_notice() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let response = app
            .update(
                &user.token,
                &with_current_password(json!({"email": "JOHN@Example.com"})),
            )
            .await;
        assert_eq!(
            (response.status, &response.json()["email"]),
            (200, &json!("JOHN@Example.com"))
        );
    }
}

mod case_18_concurrent_changes {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_address_takes_effect_at_once() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let response = app
            .update(
                &user.token,
                &with_current_password(json!({"email": " Johnny@New.example "})),
            )
            .await;
        assert_eq!(
            (response.status, &response.json()["email"]),
            (200, &json!("Johnny@New.example"))
        );
        let mail = app.mail();
        assert_eq!(
            (mail.to.as_slice(), mail.subject.as_str()),
            (
                ["john@example.com".to_owned()].as_slice(),
                "Your Latchkey e-mail address was changed"
            )
        );
        app.token("johnny@new.example", PASSWORD).await;
        assert_eq!(app.log_in("john@example.com", PASSWORD).await.status, 401);
        let taken = json!({"username": "second", "email": "JOHNNY@new.example", "password": OTHER_PASSWORD});
        assert_eq!(
            app.post(SIGN_UP, &taken).await.field_error(),
            field_error("email", "taken")
        );
        let freed =
            json!({"username": "second", "email": "john@example.com", "password": OTHER_PASSWORD});
        assert_eq!(app.post(SIGN_UP, &freed).await.status, 201);
        // An address that another user has is rejected together with the other fields.
        assert_eq!(
            errors_for(
                &app,
                &user,
                json!({"email": "JOHN@example.com", "first_name": "X"})
            )
            .await,
            [field_error("email", "taken")]
        );
    }
}
