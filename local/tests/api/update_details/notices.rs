//! `PATCH /api/users/update_details`: the mails that report a change.

use serde_json::{Value, json};

use crate::support::app::{OTHER_PASSWORD, PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn notices_go_to_the_previous_address() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    let update = |change: Value| {
        let mut change = change;
        change["current-password"] = json!(PASSWORD);
        let (app, token) = (&app, &user.token);
        async move { assert_eq!(app.update(token, &change).await.status, 200) }
    };
    update(json!({"first_name": "John"})).await;
    assert!(app.unread_mails().is_empty(), "no notice for a name");
    update(json!({"email": "John@Example.com"})).await;
    assert!(
        app.unread_mails().is_empty(),
        "no notice for another spelling"
    );
    update(json!({"email": "new@example.com"})).await;
    assert_eq!(app.mail().to, ["John@example.com"]);
    update(json!({"password": OTHER_PASSWORD})).await;
    assert_eq!(app.mail().to, ["new@example.com"]);
}
