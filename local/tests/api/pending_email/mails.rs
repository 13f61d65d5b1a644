//! The mails about a pending address.

use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, with_password},
    mail_queue,
    pending_email::{CONFIRM_FIRST, NEW, assert_kept, assert_rejected, start},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_request_mails_a_notice_and_a_link() {
    let (app, john) = start().await;
    let change = json!({"email": NEW});
    assert_eq!(app.change(&john.token, change).await.status, 200);
    let notice = app.mail();
    assert_eq!(notice.to, [john.email.as_str()]);
    assert_eq!(
        notice.subject,
        "A new e-mail address for your Latchkey account"
    );
    let news = "Your account keeps this address until the new one is confirmed.";
    assert!(notice.text.contains(news), "{}", notice.text);
    assert!(notice.text.starts_with("Hello john,"), "{}", notice.text);
    let everything = format!("{}{}", notice.text, notice.html);
    assert!(!everything.contains("?key=") && !everything.contains("new@"));
    let confirmation = app.confirmations().remove(0);
    assert_eq!(confirmation.to, [NEW]);
    assert_eq!(confirmation.subject, "Confirm your Latchkey e-mail address");
    assert!(!confirmation.text.contains("john") && !confirmation.html.contains("john"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mails_are_in_the_language_of_the_user() {
    let settings = [CONFIRM_FIRST, ("DEFAULT_LANGUAGE", "de")];
    let app = TestApp::with_settings(&settings).await;
    let john = app.sign_up("john").await;
    app.confirm(&john).await;
    let change = json!({"email": NEW});
    assert_eq!(app.change(&john.token, change).await.status, 200);
    let notice = app.mail();
    assert_eq!(
        notice.subject,
        "Neue E-Mail-Adresse für Ihr Konto bei Latchkey"
    );
    assert!(
        notice.text.contains("behält das Konto diese Adresse"),
        "{}",
        notice.text
    );
    let confirmation = app.confirmations().remove(0);
    assert_eq!(
        confirmation.subject,
        "Ihre E-Mail-Adresse für Latchkey bestätigen"
    );
}

mod case_47_advice_in_mails {
    use super::*;

    /// A thief who knows the password gives an address, and the owner does what the notice says.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_password_reset_discards_a_thiefs_address() {
        let (app, john) = start().await;
        let thief = app.token("john", PASSWORD).await;
        let change = json!({"email": "thief@example.com"});
        assert_eq!(app.change(&thief, change).await.status, 200);
        let notice = app.mail();
        let advice = "request a password reset for this e-mail address now";
        assert!(notice.text.contains(advice), "{}", notice.text);
        assert!(notice.text.contains("The new address is then discarded."));
        let reset = app.reset_token(&john.email).await;
        assert_eq!(app.complete(&reset, OTHER_PASSWORD).await.status, 201);
        app.mail();
        let key = app.confirmation_key("thief@example.com");
        assert_rejected(&app.confirm_with(&key).await);
        assert!(!app.is_live(john.id, &thief).await);
        app.token(&john.email, OTHER_PASSWORD).await;
    }
}

mod case_51_pending_addresses {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_to_a_withdrawn_address_is_not_sent() {
        let (app, john) = start().await;
        app.server.enable_mappings(false);
        for email in [NEW, &john.email] {
            let change = json!({"email": email});
            assert_eq!(app.change(&john.token, change).await.status, 200);
        }
        app.server.enable_mappings(true);
        app.server.drain().await;
        assert!(app.confirmations().is_empty());
        let key = format!("mail#confirm_email#{}", john.id);
        let reason = "the user's address has changed".to_owned();
        assert_eq!(
            mail_queue::state(&app, &key).await,
            ("dropped".to_owned(), reason)
        );
        app.mail();
        assert_kept(&app, &john).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_reset_link_is_sent_to_a_pending_address() {
        let (app, john) = start().await;
        app.server.enable_mappings(false);
        assert_eq!(app.request_reset(&john.email).await.status, 200);
        assert_eq!(
            app.change(&john.token, json!({"email": NEW})).await.status,
            200
        );
        app.server.enable_mappings(true);
        app.server.drain().await;
        let mails = app.unread_mails();
        assert_eq!(mail_queue::recipients(&mails), [&john.email, &john.email]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_table_has_no_link() {
        let (app, john) = start().await;
        assert_eq!(
            app.change(&john.token, json!({"email": NEW})).await.status,
            200
        );
        app.mail();
        let key = app.confirmation_key(NEW);
        let (_, secret) = key.split_once('-').unwrap();
        let items = format!("{:?}", app.tables().snapshot().await);
        assert!(items.contains("confirm#") && !items.contains(secret));
        let change = with_password(PASSWORD, json!({"email": john.email}));
        assert_eq!(app.update(&john.token, &change).await.status, 200);
        let item = app.tables().user(john.id).await;
        assert_eq!(item.get("pending_email"), None);
    }
}
