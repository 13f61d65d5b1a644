//! Subjects, texts, senders and recipients of mails.

use std::time::Duration;

use local::Mail;
use serde_json::{Value, json};

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, THIRD_PASSWORD, TestApp, token_in, with_password},
    mail_queue::{count, recipients, start_with_ses},
    paths::SIGN_UP,
    times::DAY,
};

/// A name that is markup, template syntax, a formula and a placeholder.
const HOSTILE: &str = r#"=1+1{{7*7}}<b onload="x">&'${x}%s"#;

/// The same name in HTML.
const ESCAPED: &str = "=1+1{{7*7}}&#60;b onload=&#34;x&#34;&#62;&#38;&#39;${x}%s";

/// The last lines of every text.
const FOOTER: &str = "Latchkey\nThis is an automatic message.";

/// Signs up `username` with `username@example.com` and this first name, and returns the token of the session.
async fn sign_up(app: &TestApp, username: &str, first_name: &str) -> String {
    let email = format!("{username}@example.com");
    let body = json!({
        "username": username, "email": email, "password": PASSWORD, "first_name": first_name, "last_name": first_name,
    });
    let response = app.post(SIGN_UP, &body).await;
    assert_eq!(response.status, 201, "{response:?}");
    response.token()
}

/// Signs up and verifies the address, by a reset to [`OTHER_PASSWORD`]. Returns the token of a session.
async fn sign_up_verified(app: &TestApp, username: &str, first_name: &str) -> String {
    sign_up(app, username, first_name).await;
    let reset = app.reset_token(&format!("{username}@example.com")).await;
    assert_eq!(app.complete(&reset, OTHER_PASSWORD).await.status, 201);
    app.mail();
    app.token(username, OTHER_PASSWORD).await
}

/// Causes one mail of each kind to the user's first address: a reset link, a notice of a new password, and after an
/// address change in the same request, a notice of each. `password` is the user's. Returns the mails.
async fn mails_of_all_kinds(
    app: &TestApp,
    username: &str,
    token: &str,
    password: &str,
) -> Vec<Mail> {
    let email = format!("{username}@example.com");
    assert_eq!(app.request_reset(&email).await.status, 200);
    let change = with_password(password, json!({"password": THIRD_PASSWORD}));
    assert_eq!(app.update(token, &change).await.status, 200);
    let both = json!({"password": "twelve yellow submarines", "email": format!("new.{username}@example.com")});
    let change = with_password(THIRD_PASSWORD, both);
    assert_eq!(app.update(token, &change).await.status, 200);
    let mails = app.unread_mails();
    assert_eq!(recipients(&mails), vec![email.as_str(); 4], "{mails:?}");
    mails
}

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
    let text = "Hello,\n\n\
        We received a request to reset the password of your Latchkey account. To choose a new password, open this link:\n\n\
        http://localhost:3000/reset_password?token={token}\n\n\
        The link expires in 48 hours and works once. Only the most recent link is valid.\n\n\
        If you did not request this, you can ignore this e-mail. Your password stays the same.\n\n";
    let text = text.replace("{token}", &token) + FOOTER;
    assert_eq!(mail.text.trim_end(), text);
    let link = format!(r#"href="http://localhost:3000/reset_password?token={token}""#);
    assert_eq!(mail.html.matches(&link).count(), 2, "{}", mail.html);
    assert_eq!(mail.html.matches("<a ").count(), 2, "no other link");
    for part in [
        "<!DOCTYPE html>",
        ">Hello,</p>",
        "within 48 hours",
        "The link works once",
    ] {
        assert!(mail.html.contains(part), "{}", mail.html);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_have_no_link() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    let change = json!({"current-password": PASSWORD, "password": OTHER_PASSWORD});
    assert_eq!(app.update(&user.token, &change).await.status, 200);
    let change = json!({"current-password": OTHER_PASSWORD, "email": "new@example.com"});
    assert_eq!(app.update(&user.token, &change).await.status, 200);
    let mails = app.unread_mails();
    let expected = [
        (
            "Your Latchkey password was changed",
            "The password of your account was changed. All other sessions have been signed out.",
            "request a password reset for this e-mail address now, and choose a new password. Then contact",
        ),
        (
            "Your Latchkey e-mail address was changed",
            "The e-mail address of your account was changed. This is the last message sent to this address.",
            "contact",
        ),
    ];
    assert_eq!(mails.len(), 2);
    for (subject, news, step) in expected {
        let mail = mails.iter().find(|mail| mail.subject == subject).unwrap();
        assert_eq!(
            mail.to,
            ["john@example.com"],
            "both go to the address before the change"
        );
        assert_eq!(mail.from, "Latchkey <no-reply@latchkey.example>");
        let advice = format!(
            "If you made this change, there is nothing to do. If you did not make it, {step} the support of Latchkey immediately."
        );
        let text = format!("Hello,\n\n{news}\n\n{advice}\n\n{FOOTER}");
        assert_eq!(mail.text.trim_end(), text);
        for part in [
            ">Hello,</p>".to_owned(),
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

#[tokio::test(flavor = "multi_thread")]
async fn notices_name_the_support_contact() {
    for (contact, link) in [
        ("help@acme.example", "mailto:help@acme.example"),
        (
            "https://acme.example/help?a=1&b=2",
            "https://acme.example/help?a=1&#38;b=2",
        ),
    ] {
        let app = TestApp::with_settings(&[("SUPPORT_CONTACT", contact)]).await;
        let token = sign_up(&app, "john", "").await;
        for mail in mails_of_all_kinds(&app, "john", &token, PASSWORD).await {
            let is_notice = !mail.text.contains("?token=");
            let advice = format!("contact us immediately: {contact}\n");
            assert_eq!(mail.text.contains(&advice), is_notice, "{}", mail.text);
            let advice = format!(r#"contact us immediately: <a class="link" href="{link}""#);
            assert_eq!(mail.html.contains(&advice), is_notice, "{}", mail.html);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mail_is_marked_as_automatic() {
    let (app, ses) = start_with_ses().await;
    let token = sign_up(&app, "john", "").await;
    mails_of_all_kinds(&app, "john", &token, PASSWORD).await;
    let calls = ses.calls();
    assert_eq!(count(&calls, "SendEmail"), 4);
    for call in calls {
        let headers = &call.body["Content"]["Simple"]["Headers"];
        let expected = json!([{"Name": "Auto-Submitted", "Value": "auto-generated"}]);
        assert_eq!(*headers, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mail_loads_nothing_and_fits_a_phone() {
    let app = TestApp::start().await;
    let token = sign_up(&app, "john", "").await;
    for mail in mails_of_all_kinds(&app, "john", &token, PASSWORD).await {
        for part in ["src=", "<img", "<script", "<link", "url(", "@import"] {
            assert!(!mail.html.contains(part), "{part}: {}", mail.html);
        }
        for part in [
            r#"<meta name="viewport" content="width=device-width, initial-scale=1">"#,
            r#"<meta name="color-scheme" content="light dark">"#,
            "@media (prefers-color-scheme: dark)",
            "overflow-wrap:anywhere",
            &format!("<title>{}</title>", mail.subject),
        ] {
            assert!(mail.html.contains(part), "{part}: {}", mail.html);
        }
        // The one text without spaces is broken anywhere.
        assert_eq!(
            mail.html.contains("word-break:break-all"),
            mail.text.contains("?token=")
        );
        assert!(
            mail.text.lines().all(|line| line.len() < 998),
            "RFC 5322, section 2.1.1"
        );
    }
}

mod case_15_names {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn names_are_escaped_only_in_html() {
        let app = TestApp::start().await;
        let token = sign_up_verified(&app, "john", HOSTILE).await;
        app.advance(DAY);
        for mail in mails_of_all_kinds(&app, "john", &token, OTHER_PASSWORD).await {
            assert!(
                mail.text.starts_with(&format!("Hello {HOSTILE},\n")),
                "{}",
                mail.text
            );
            assert!(
                mail.html.contains(&format!(">Hello {ESCAPED},</p>")),
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

mod case_46_typed_text_in_mails {
    use super::*;

    /// The greeting of each kind of mail to a verified user with these names.
    async fn greetings(app: &TestApp, username: &str, first_name: &str) -> Vec<String> {
        let token = sign_up_verified(app, username, first_name).await;
        app.advance(DAY);
        let mails = mails_of_all_kinds(app, username, &token, OTHER_PASSWORD).await;
        let first_line = |mail: &Mail| mail.text.lines().next().unwrap().to_owned();
        mails.iter().map(first_line).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_unverified_address_gets_nothing_that_was_typed() {
        let app = TestApp::without_source_limits().await;
        for (username, name) in [
            (
                "mallory1",
                "Your account is closed, see https://evil.example/x",
            ),
            ("www.evil.example-abc", ""),
            ("mallory2", "Johnny"),
        ] {
            let token = sign_up(&app, username, name).await;
            for mail in mails_of_all_kinds(&app, username, &token, PASSWORD).await {
                for part in [&mail.subject, &mail.text, &mail.html] {
                    assert!(!part.contains(username), "{part}");
                    assert!(name.is_empty() || !part.contains(name), "{part}");
                    assert!(!part.contains("evil"), "{part}");
                }
                assert!(mail.text.starts_with("Hello,\n"), "{}", mail.text);
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_changed_address_gets_nothing_that_was_typed() {
        let app = TestApp::without_source_limits().await;
        let token = sign_up_verified(&app, "mallory", "Johnny").await;
        let mut former = "mallory@example.com".to_owned();
        for number in 0..3 {
            let victim = format!("victim{number}@example.com");
            let change = with_password(OTHER_PASSWORD, json!({"email": victim}));
            assert_eq!(app.update(&token, &change).await.status, 200);
            let mail = app.mail();
            assert_eq!(mail.to, [former.as_str()]);
            let is_verified = number == 0;
            assert_eq!(mail.text.contains("Johnny"), is_verified, "{}", mail.text);
            assert_eq!(mail.html.contains("Johnny"), is_verified, "{}", mail.html);
            former = victim;
        }
        assert_eq!(app.request_reset(&former).await.status, 200);
        assert!(app.mail().text.starts_with("Hello,\n"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_verified_address_is_greeted_by_name() {
        let app = TestApp::without_source_limits().await;
        for (username, first_name, expected) in [
            ("john", "Johnny", "Hello Johnny,"),
            ("stefan", " Stefan ", "Hello Stefan,"),
            ("blank", "\u{200B}\u{3164} ", "Hello blank,"),
            ("empty", "", "Hello empty,"),
            ("closed", "See https://evil.example/x", "Hello closed,"),
            ("host", "evil.example", "Hello host,"),
            ("www.evil.example-abc", "www.evil", "Hello,"),
        ] {
            let greetings = greetings(&app, username, first_name).await;
            assert_eq!(greetings, vec![expected; 4], "{username}");
        }
    }
}

mod case_47_advice_in_mails {
    use super::*;

    /// The advice of a notice.
    fn advice(mail: &Mail) -> &str {
        let (_, advice) = mail.text.split_once("If you did not make it, ").unwrap();
        advice.lines().next().unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_unexpected_reset_mail_can_be_ignored() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        assert_eq!(app.request_reset("john@example.com").await.status, 200);
        let mail = app.mail();
        assert!(
            mail.text
                .contains("you can ignore this e-mail. Your password stays the same.")
        );
        app.advance(Duration::from_hours(48));
        app.token("john", PASSWORD).await;
        assert_eq!(
            app.complete(&token_in(&mail), OTHER_PASSWORD).await.status,
            400
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_password_reset_takes_the_account_back() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        let stolen = app.token("john", PASSWORD).await;
        let change = with_password(PASSWORD, json!({"password": OTHER_PASSWORD}));
        assert_eq!(app.update(&stolen, &change).await.status, 200);
        let notice = app.mail();
        let step = "request a password reset for this e-mail address now, and choose a new password. Then contact";
        assert!(advice(&notice).starts_with(step), "{}", notice.text);
        let token = app.reset_token(&notice.to[0]).await;
        assert_eq!(app.complete(&token, THIRD_PASSWORD).await.status, 201);
        app.mail();
        assert!(!app.is_live(john.id, &stolen).await);
        assert_eq!(app.log_in("john", OTHER_PASSWORD).await.status, 401);
        app.token("john", THIRD_PASSWORD).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_former_address_is_not_told_to_reset() {
        let app = TestApp::with_settings(&[("SUPPORT_CONTACT", "help@acme.example")]).await;
        let john = app.sign_up("john").await;
        let both = json!({"email": "thief@example.com", "password": OTHER_PASSWORD});
        let change = with_password(PASSWORD, both);
        assert_eq!(app.update(&john.token, &change).await.status, 200);
        let notices = app.unread_mails();
        assert_eq!(recipients(&notices), ["john@example.com"; 2]);
        // A reset would not help: the address has no account any more.
        assert_eq!(app.request_reset("john@example.com").await.status, 404);
        for notice in &notices {
            assert_eq!(advice(notice), "contact us immediately: help@acme.example");
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
        let token: Value = app.post(SIGN_UP, &body).await.json()["token"].take();
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
