//! Roles, which the operator gives to users, in access tokens.

use serde_json::{Value, json};

use crate::support::{
    access_tokens::access_token,
    app::{PASSWORD, TestApp},
    operator::Operator,
    token_forge::part,
};

/// The claims `roles` and `scope` of a new access token.
async fn claims(app: &TestApp, token: &str) -> (Value, Value) {
    let claims = part(&access_token(app, token).await, 1);
    (claims["roles"].clone(), claims["scope"].clone())
}

mod case_60_roles {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_next_token_has_the_present_roles() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        let operator = Operator::of(&app);
        operator.add_role(john.id, "orders:read").await;
        operator.add_role(john.id, "Admin").await;
        let both = (json!(["Admin", "orders:read"]), json!("Admin orders:read"));
        assert_eq!(claims(&app, &john.token).await, both);
        operator.remove_role(john.id, "Admin").await;
        let one = (json!(["orders:read"]), json!("orders:read"));
        assert_eq!(claims(&app, &john.token).await, one);
        operator.remove_role(john.id, "orders:read").await;
        assert_eq!(claims(&app, &john.token).await, (Value::Null, Value::Null));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_user_keeps_roles_through_changes_and_resets() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        let operator = Operator::of(&app);
        operator.add_role(john.id, "admin").await;
        let change = json!({"first_name": "John", "email": "new@example.com"});
        assert_eq!(app.change(&john.token, change).await.status, 200);
        app.mail();
        let reset = app.reset_token("new@example.com").await;
        assert_eq!(app.complete(&reset, PASSWORD).await.status, 201);
        app.mail();
        operator.disable_and_enable(john.id).await;
        let token = app.token("john", PASSWORD).await;
        assert_eq!(claims(&app, &token).await.0, json!(["admin"]));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_users_json_has_no_roles() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        Operator::of(&app).add_role(john.id, "admin").await;
        let details = app.details(&john).await;
        assert_eq!((details.status, details.json().get("roles")), (200, None));
        let signed_in = app.log_in("john", PASSWORD).await.json();
        assert_eq!(signed_in["user"], details.json());
        let change = json!({"roles": ["superuser"]});
        let response = app.change(&john.token, change).await;
        assert_eq!(response.status, 400, "{response:?}");
        assert_eq!(claims(&app, &john.token).await.0, json!(["admin"]));
    }

    /// Names that were written by other means than `admin` and could be mistaken for several roles.
    #[tokio::test(flavor = "multi_thread")]
    async fn invalid_stored_names_are_in_no_token() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        let long = "x".repeat(51);
        let stored = ["orders:read admin", "ro\"le", "", &long, "valid"];
        app.tables().set_roles(john.id, &stored).await;
        let valid = (json!(["valid"]), json!("valid"));
        assert_eq!(claims(&app, &john.token).await, valid);
    }
}
