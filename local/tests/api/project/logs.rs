//! No secret is logged, even at the most detailed level.

use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, with_password},
    log_watch::LogWatch,
    tables::KEYS,
};

mod case_42_logs {
    use super::*;

    #[test]
    fn a_logged_secret_is_found() {
        let watch = LogWatch::begin();
        watch.add("a-secret-nobody-may-see");
        assert!(watch.leaks().is_empty());
        let shown = json!({"of": "a-secret-nobody-may-see"});
        tracing::trace!(target: "shared::store::users", %shown, "read");
        let leaks = watch.leaks();
        assert_eq!(leaks.len(), 1, "{leaks:?}");
        assert!(leaks[0].contains("shared::store::users"), "{leaks:?}");
    }

    /// Every other test of this suite checks the same for its own secrets when it ends.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_journey_logs_no_secret() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        app.log_in(&user.email, "not the password at all").await;
        let link = app.reset_token(&user.email).await;
        app.complete(&link, OTHER_PASSWORD).await;
        app.mail();
        let token = app.token(&user.email, OTHER_PASSWORD).await;
        let fields = json!({"password": PASSWORD, "email": "johnny@example.org"});
        app.update(&token, &with_password(OTHER_PASSWORD, fields))
            .await;
        app.unread_mails();
        let keys = app.tables().item(KEYS, "signing").await.unwrap();
        let private = keys["keys"][0]["pkcs8"].as_str().unwrap();
        app.log_watch.add(private);
        app.log_watch.add(&private[private.len() - 20..]);
        app.log_watch
            .add(&app.tables().password_hash(user.id).await);
        assert!(app.log_watch.text().len() > 1000);
        assert_eq!(app.log_watch.leaks(), Vec::<String>::new());
    }
}
