//! Username and address stay the account's: `POST /auth/signup` and `PATCH /api/users/update_details`.

use serde_json::json;

use crate::support::{
    app::{PASSWORD, TestApp},
    operator::Operator,
    response::field_error,
};

mod case_59_disabled_accounts {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn both_names_stay_taken_at_sign_up() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        Operator::of(&app).disable(john.id).await;
        let both = app.try_sign_up("JOHN", "John@example.com", PASSWORD).await;
        let taken = [
            field_error("username", "taken"),
            field_error("email", "taken"),
        ];
        assert_eq!(both.field_errors(), taken);
        let username = app.try_sign_up("john", "j@example.com", PASSWORD).await;
        assert_eq!(username.field_error(), field_error("username", "taken"));
        let email = app.try_sign_up("other", "john@example.com", PASSWORD).await;
        assert_eq!(email.field_error(), field_error("email", "taken"));
        app.tables().check_users().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_address_stays_taken_at_changes() {
        let app = TestApp::start().await;
        let (john, jane) = (app.sign_up("john").await, app.sign_up("jane").await);
        Operator::of(&app).disable(john.id).await;
        let change = json!({"email": "john@example.com"});
        let response = app.change(&jane.token, change).await;
        assert_eq!(response.field_error(), field_error("email", "taken"));
        app.tables().check_users().await;
    }

    /// The operator disables the account while it has a reserved address.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_former_address_stays_reserved() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        app.confirm(&john).await;
        let change = json!({"email": "new@example.com"});
        assert_eq!(app.change(&john.token, change).await.status, 200);
        app.mail();
        Operator::of(&app).disable(john.id).await;
        for address in ["john@example.com", "new@example.com"] {
            let response = app.try_sign_up("other", address, PASSWORD).await;
            assert_eq!(response.field_error(), field_error("email", "taken"));
        }
        app.tables().check_users().await;
    }
}
