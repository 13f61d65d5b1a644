//! Links that were mailed before: of a reset, a confirmation and a change of address.

use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, THIRD_PASSWORD, TestApp, key_in, with_current_password},
    operator::Operator,
    password_reset::assert_invalid,
    paths::REVERT_EMAIL,
    response::Response,
};

/// Changes the last digit of a token.
fn unknown(token: &str) -> String {
    let (rest, last) = token.split_at(token.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}

async fn revert(app: &TestApp, key: &str) -> Response {
    let body = json!({
        "key": key, "new_password": THIRD_PASSWORD, "password_confirmation": THIRD_PASSWORD,
    });
    app.post(REVERT_EMAIL, &body).await
}

/// Checks that a link is rejected with the bytes that an unknown one gets.
fn assert_same(disabled: Response, unknown: Response) {
    disabled.assert_invalid_token();
    assert_eq!(disabled.without_date(), unknown.without_date());
}

mod case_59_disabled_accounts {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reset_link_is_void_for_good() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        let token = app.reset_token(&john.email).await;
        let operator = Operator::of(&app);
        operator.disable(john.id).await;
        let runs = app.hasher.count();
        let disabled = app.complete(&token, OTHER_PASSWORD).await;
        assert_invalid(&disabled);
        let other = app.complete(&unknown(&token), OTHER_PASSWORD).await;
        assert_same(disabled, other);
        operator.enable(john.id).await;
        assert_invalid(&app.complete(&token, OTHER_PASSWORD).await);
        assert_eq!(app.hasher.count(), runs);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_confirmation_link_is_void_until_enabled() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        let key = app.confirmation_key(&john.email);
        let operator = Operator::of(&app);
        operator.disable(john.id).await;
        let other = app.confirm_with(&unknown(&key)).await;
        assert_same(app.confirm_with(&key).await, other);
        assert_eq!(app.tables().user(john.id).await.get("email_verified"), None);
        operator.enable(john.id).await;
        assert_eq!(app.confirm_with(&key).await.status, 200);
    }

    /// A thief changed the address, the operator disabled the account to look into it, and the owner gets it back.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_revert_link_is_void_until_enabled() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        app.confirm(&john).await;
        let theft = json!({"email": "thief@example.com", "password": OTHER_PASSWORD});
        let stolen = app.update(&john.token, &with_current_password(theft)).await;
        assert_eq!(stolen.status, 200);
        let notices = app.unread_mails();
        let notice = notices.iter().find(|mail| mail.text.contains("?key="));
        let key = key_in(notice.unwrap());
        let operator = Operator::of(&app);
        operator.disable(john.id).await;
        let disabled = app.tables().user(john.id).await;
        let other = revert(&app, &unknown(&key)).await;
        assert_same(revert(&app, &key).await, other);
        assert_eq!(app.tables().user(john.id).await, disabled);
        app.tables().check_users().await;
        operator.enable(john.id).await;
        assert_eq!(revert(&app, &key).await.status, 201);
        assert_eq!(app.mail().to, ["john@example.com"]);
        app.token("john@example.com", THIRD_PASSWORD).await;
        app.tables().check_users().await;
    }
}
