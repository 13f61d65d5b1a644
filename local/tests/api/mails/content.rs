//! Subjects, texts, senders and recipients of mails.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, token_in},
    mail_queue::recipients,
    paths::SIGN_UP,
};

/// A name that is markup, template syntax, a formula and a placeholder.
const HOSTILE: &str = r#"=1+1{{7*7}}<b onload="x">&'${x}%s"#;

/// The same name in HTML.
const ESCAPED: &str = "=1+1{{7*7}}&#60;b onload=&#34;x&#34;&#62;&#38;&#39;${x}%s";

#[tokio::test(flavor = "multi_thread")]
async fn reset_mail() {
    let app = TestApp::start().await;
    app.sign_up("john").await;
    assert_eq!(app.request_reset("john@example.com").await.status, 200);
    let mail = app.mail();
    let token = token_in(&mail);
    assert_eq!(mail.to, ["john@example.com"]);
    assert_eq!(mail.from, "Latchkey <no-reply@latchkey.example>");
    assert_eq!(mail.subject, "Reset your Latchkey password");
    let text = "Hello john,\n\n\
        We received a request to reset the password of your Latchkey account. To choose a new password, open this link:\n\n\
        http://localhost:3000/reset_password?token={token}\n\n\
        The link expires in 48 hours and works once. Only the most recent link is valid.\n\n\
        If you did not request this, you can ignore this e-mail. Your password stays the same.\n\n\
        Latchkey";
    assert_eq!(mail.text.trim_end(), text.replace("{token}", &token));
    let link = format!(r#"<a href="http://localhost:3000/reset_password?token={token}""#);
    assert_eq!(mail.html.matches(&link).count(), 2, "{}", mail.html);
    assert_eq!(mail.html.matches("<a ").count(), 2, "no other link");
    for part in [
        "<!DOCTYPE html>",
        "<p>Hello john,</p>",
        "within 48 hours",
        "The link works once",
    ] {
        assert!(mail.html.contains(part), "{}", mail.html);
    }
    // The page loads nothing from another server.
    for part in ["src=", "<img", "<script", "<link", "url("] {
        assert!(!mail.html.contains(part), "{}", mail.html);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_have_no_link() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    let change = json!({"current-password": PASSWORD, "password": OTHER_PASSWORD, "email": "new@example.com"});
    assert_eq!(app.update(&user.token, &change).await.status, 200);
    let mails = app.unread_mails();
    let [password, email] = [
        (
            "Your Latchkey password was changed",
            "The password of your account was changed. All other sessions have been signed out.",
            "If you did not make this change, reset your password now and contact us.",
        ),
        (
            "Your Latchkey e-mail address was changed",
            "The e-mail address of your account was changed. This is the last message sent to this address.",
            "If you did not make this change, contact us immediately.",
        ),
    ];
    assert_eq!(mails.len(), 2);
    for (subject, news, advice) in [password, email] {
        let mail = mails.iter().find(|mail| mail.subject == subject).unwrap();
        assert_eq!(
            mail.to,
            ["john@example.com"],
            "both go to the address before the change"
        );
        assert_eq!(mail.from, "Latchkey <no-reply@latchkey.example>");
        let text = format!("Hello john,\n\n{news}\n\n{advice}\n\nLatchkey");
        assert_eq!(mail.text.trim_end(), text);
        for part in [
            "<p>Hello john,</p>".to_owned(),
            format!("<p>{news}</p>"),
            format!("<p>{advice}</p>"),
        ] {
            assert!(mail.html.contains(&part), "{}", mail.html);
        }
        assert!(!mail.html.contains("href") && !mail.text.contains("://"));
        assert!(
            !format!("{mail:?}").contains("new@example.com"),
            "the old address need not know"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_choose_sender_product_and_lifetime() {
    let settings = [
        ("MAIL_FROM", "Acme & Sons <hello@acme.example>"),
        ("PRODUCT_NAME", "Acme & Sons"),
        ("RESET_LINK_HOURS", "3"),
        ("RESET_LINK_BASE", "https://acme.example/reset"),
    ];
    let app = TestApp::with_settings(&settings).await;
    app.sign_up("john").await;
    assert_eq!(app.request_reset("john@example.com").await.status, 200);
    let mail = app.mail();
    assert_eq!(mail.from, "Acme & Sons <hello@acme.example>");
    assert_eq!(mail.subject, "Reset your Acme & Sons password");
    assert!(mail.text.contains("in 3 hours") && mail.html.contains("within 3 hours"));
    assert!(mail.text.contains("https://acme.example/reset?token="));
    assert!(mail.html.contains("Acme &#38; Sons"), "{}", mail.html);
    let token = token_in(&mail);
    app.advance(Duration::from_hours(3));
    assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 400);
}

mod case_15_names {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn names_are_escaped_only_in_html() {
        let app = TestApp::start().await;
        let body = json!({
            "username": "john", "email": "john@example.com", "password": PASSWORD, "first_name": HOSTILE, "last_name": HOSTILE,
        });
        let signed_up = app.post(SIGN_UP, &body).await;
        assert_eq!(signed_up.status, 201);
        let reset = app.reset_token("john@example.com").await;
        assert_eq!(app.complete(&reset, OTHER_PASSWORD).await.status, 201);
        let token = app.token("john", OTHER_PASSWORD).await;
        let change = json!({"current-password": OTHER_PASSWORD, "email": "j@example.org"});
        assert_eq!(app.update(&token, &change).await.status, 200);
        let mails = app.server.mails();
        assert_eq!(app.unread_mails().len(), 2);
        assert_eq!(mails.len(), 3);
        for mail in mails {
            assert!(
                mail.text.starts_with(&format!("Hello {HOSTILE},\n")),
                "{}",
                mail.text
            );
            assert!(
                mail.html.contains(&format!("<p>Hello {ESCAPED},</p>")),
                "{}",
                mail.html
            );
            assert!(
                !mail.html.contains("<b ") && !mail.html.contains("onload=\""),
                "{}",
                mail.html
            );
            assert!(
                !mail.subject.contains(['=', '<', '{', '$', '%']),
                "{}",
                mail.subject
            );
        }
    }
}

mod case_16_addresses {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_recipient_domain_is_sent_in_ascii() {
        let app = TestApp::start().await;
        let body =
            json!({"username": "hans", "email": "Hans+Tag@BÜCHER.Example", "password": PASSWORD});
        let token = app.post(SIGN_UP, &body).await.json()["token"].take();
        assert_eq!(
            app.request_reset("hans+tag@bücher.example").await.status,
            200
        );
        let change = json!({"current-password": PASSWORD, "password": OTHER_PASSWORD});
        assert_eq!(
            app.update(token.as_str().unwrap(), &change).await.status,
            200
        );
        let mails = app.unread_mails();
        assert_eq!(recipients(&mails), ["Hans+Tag@xn--bcher-kva.example"; 2]);
    }
}
