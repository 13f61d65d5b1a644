//! The language of mails, and the settings of their look.

use local::Mail;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, with_current_password, with_password},
    paths::SIGN_UP,
    response::{Response, field_error},
};

/// Signs up `username` in a browser that sends this `Accept-Language` header, if any.
async fn sign_up(app: &TestApp, username: &str, accept_language: Option<&str>) -> Response {
    let email = format!("{username}@example.com");
    let body = json!({"username": username, "email": email, "password": PASSWORD});
    let mut request = app.request(Method::POST, SIGN_UP).body(body.to_string());
    if let Some(header) = accept_language {
        request = request.header("accept-language", header);
    }
    let response = app.send(request).await;
    assert_eq!(response.status, 201, "{response:?}");
    response
}

/// The locale in the user of a response.
fn locale(response: &Response) -> Value {
    let body = response.json();
    body.get("user").unwrap_or(&body)["locale"].clone()
}

/// A reset mail to `username`.
async fn reset_mail(app: &TestApp, username: &str) -> Mail {
    let email = format!("{username}@example.com");
    assert_eq!(app.request_reset(&email).await.status, 200);
    app.mail()
}

fn is_german(mail: &Mail) -> bool {
    let html = mail.html.contains("<html lang=\"de\">");
    assert_eq!(mail.text.starts_with("Guten Tag"), html, "{}", mail.text);
    assert_eq!(mail.text.contains("automatische Nachricht"), html);
    assert_eq!(mail.subject.contains("Passwort"), html, "{}", mail.subject);
    assert_eq!(mail.html.contains("<html lang=\"en\">"), !html);
    html
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_at_sign_up_chooses_the_language() {
    let app = TestApp::without_source_limits().await;
    for (username, header, stored) in [
        ("anna", Some("de-AT,de;q=0.9,en;q=0.5"), json!("de-AT")),
        ("john", Some("en-US,en;q=0.9"), json!("en-US")),
        ("jean", Some("fr-FR,fr;q=0.9,de;q=0.5"), json!("de")),
        ("juan", Some("es-ES,*;q=0.5"), Value::Null),
        ("none", None, Value::Null),
    ] {
        let response = sign_up(&app, username, header).await;
        assert_eq!(locale(&response), stored, "{username}");
        let german = stored.as_str().is_some_and(|tag| tag.starts_with("de"));
        assert_eq!(
            is_german(&reset_mail(&app, username).await),
            german,
            "{username}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_a_language_gets_the_default() {
    let app = TestApp::with_settings(&[("DEFAULT_LANGUAGE", "de")]).await;
    sign_up(&app, "none", None).await;
    sign_up(&app, "john", Some("en")).await;
    assert!(is_german(&reset_mail(&app, "none").await));
    assert!(!is_german(&reset_mail(&app, "john").await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_can_change_the_language() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    for (tag, canonical, german) in [
        ("DE-ch", "de-CH", true),
        ("en", "en", false),
        ("de", "de", true),
        // No mail is written in it: the default.
        ("fr", "fr", false),
    ] {
        let change = with_current_password(json!({"locale": tag}));
        let response = app.update(&user.token, &change).await;
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(locale(&response), canonical);
        assert_eq!(locale(&app.details(&user).await), canonical);
        let change = with_current_password(json!({"password": OTHER_PASSWORD}));
        assert_eq!(app.update(&user.token, &change).await.status, 200);
        assert_eq!(is_german(&app.mail()), german, "{tag}");
        let change = with_password(OTHER_PASSWORD, json!({"password": PASSWORD}));
        assert_eq!(app.update(&user.token, &change).await.status, 200);
        app.mail();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_own_language_changes_nothing() {
    let app = TestApp::start().await;
    let response = sign_up(&app, "anna", Some("de-AT")).await;
    let id = response.json()["user"]["id"].as_u64().unwrap();
    let before = app.tables().user(id).await;
    let change = with_current_password(json!({"locale": "de-AT"}));
    let response = app.update(&response.token(), &change).await;
    assert_eq!((response.status, locale(&response)), (200, json!("de-AT")));
    assert_eq!(app.tables().user(id).await["version"], before["version"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_texts_are_not_languages() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    for (value, code) in [
        ("", "invalid"),
        ("de_AT", "invalid"),
        ("../de", "invalid"),
        ("auf deutsch", "invalid"),
        ("de-Latn-AT-1996", "too_long"),
    ] {
        let change = with_current_password(json!({"locale": value}));
        let response = app.update(&user.token, &change).await;
        assert_eq!(
            response.field_errors(),
            [field_error("locale", code)],
            "{value}"
        );
    }
    assert_eq!(locale(&app.details(&user).await), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_notice_is_written_in_the_language() {
    let app = TestApp::with_settings(&[("SUPPORT_CONTACT", "hilfe@acme.example")]).await;
    let user = sign_up(&app, "anna", Some("de")).await;
    let both = json!({"password": OTHER_PASSWORD, "email": "new@example.com"});
    assert_eq!(
        app.update(&user.token(), &with_current_password(both))
            .await
            .status,
        200
    );
    let mails = app.unread_mails();
    assert_eq!(mails.len(), 2);
    for mail in mails {
        assert!(mail.text.starts_with("Guten Tag,\n"), "{}", mail.text);
        assert!(
            mail.text.contains("sofort an uns: hilfe@acme.example\n"),
            "{}",
            mail.text
        );
        assert!(
            mail.html.contains("mailto:hilfe@acme.example"),
            "{}",
            mail.html
        );
        assert!(mail.subject.starts_with("Ihr"), "{}", mail.subject);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_choose_color_and_footer() {
    let footer = "Acme & Söhne GmbH, Hauptstraße 1, Berlin";
    for (color, text) in [("#FFCC00", "#18181b"), ("#1d4ed8", "#ffffff")] {
        let app = TestApp::with_settings(&[("BRAND_COLOR", color), ("MAIL_FOOTER", footer)]).await;
        app.sign_up("john").await;
        let mail = reset_mail(&app, "john").await;
        let colors = format!("background:{};color:{text}", color.to_lowercase());
        assert!(mail.html.contains(&colors), "{}", mail.html);
        let dark = format!(
            "background: {} !important; color: {text} !important",
            color.to_lowercase()
        );
        assert!(mail.html.contains(&dark), "{}", mail.html);
        assert!(
            mail.html
                .contains("<br>Acme &#38; Söhne GmbH, Hauptstraße 1, Berlin<br>"),
            "{}",
            mail.html
        );
        assert!(
            mail.text.ends_with(&format!(
                "Latchkey\n{footer}\nThis is an automatic message."
            )),
            "{}",
            mail.text
        );
    }
}
