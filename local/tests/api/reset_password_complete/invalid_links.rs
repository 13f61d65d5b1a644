//! `POST /api/passwords/reset_password_complete`: invalid tokens get one response.

use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp},
    mail_queue::{item, record, reset_key, send},
    malformed_values::{MalformedValues, texts},
    password_reset::{assert_completed, assert_invalid},
    paths::RESET_PASSWORD_COMPLETE,
    response::{field_error, problem},
    times::{COOL_DOWN, LINK_LIFETIME},
};

mod case_24_invalid_links {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn used_expired_and_foreign_tokens_get_identical_responses() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        app.sign_up("jane").await;
        let consumed = app.reset_token("john@example.com").await;
        assert_completed(&app.complete(&consumed, OTHER_PASSWORD).await);
        app.mail();
        let replaced = app.reset_token("john@example.com").await;
        app.advance(COOL_DOWN);
        let expired = app.reset_token("jane@example.com").await;
        app.advance(LINK_LIFETIME);
        let newest = app.reset_token("john@example.com").await;
        let janes = app.reset_token("jane@example.com").await;
        let (johns_id, secret) = newest.split_once('-').unwrap();
        let (janes_id, janes_secret) = janes.split_once('-').unwrap();
        let mut last_bit = secret.to_owned();
        let last = last_bit.pop().unwrap();
        last_bit.push(if last == '0' { '1' } else { '0' });
        for token in [
            consumed,
            replaced,
            expired,
            format!("{janes_id}-{secret}"),
            format!("{johns_id}-{janes_secret}"),
            format!("49v-{secret}"),
            format!("{johns_id}-{last_bit}"),
            format!("{johns_id}-{}", "0".repeat(40)),
            "49v-6bf384458f725125c0b7".to_owned(),
            user.token.clone(),
        ] {
            assert_invalid(&app.complete(&token, PASSWORD).await);
        }
        assert_eq!(app.log_in("john", PASSWORD).await.status, 401);
        assert_completed(&app.complete(&newest, PASSWORD).await);
        assert_completed(&app.complete(&janes, OTHER_PASSWORD).await);
        assert_eq!(app.unread_mails().len(), 2, "one notice each");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_tokens_get_the_same_response() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        let link = app.reset_token("john@example.com").await;
        let (id, secret) = link.split_once('-').unwrap();
        for token in [
            link.to_uppercase(),
            format!("{}-{secret}", id.to_uppercase()),
            format!("{id}-{}", secret.to_uppercase()),
            format!(" {link}"),
            format!("{link} "),
            format!("{link}\n"),
            format!("{link}="),
            format!("{link}=="),
            format!("{link}00"),
            format!("0{link}"),
            format!("+{link}"),
            format!("{id}--{secret}"),
            format!("{id}\u{2013}{secret}"),
            format!("{id}{secret}"),
            secret.to_owned(),
            format!("{id}-"),
            format!("-{secret}"),
            "-".to_owned(),
            String::new(),
            "\u{661}-".to_owned() + secret,
            "z".repeat(10_000),
            format!("{id}-{}", "a".repeat(10_000)),
        ] {
            assert_invalid(&app.complete(&token, OTHER_PASSWORD).await);
        }
        for token in [
            json!(null),
            json!(1),
            json!(true),
            json!([link]),
            json!({"token": link}),
        ] {
            let body = json!({"new_password": PASSWORD, "password_confirmation": PASSWORD, "reset_token": token});
            assert_eq!(
                app.post(RESET_PASSWORD_COMPLETE, &body).await.field_error(),
                field_error("reset_token", "invalid")
            );
        }
        assert_completed(&app.complete(&link, OTHER_PASSWORD).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_token_has_one_spelling() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        let link = app.reset_token("john@example.com").await;
        let (id, secret) = link.split_once('-').unwrap();
        let digit = secret.chars().find(char::is_ascii_digit).unwrap();
        let fullwidth = char::from_u32(u32::from(digit) - 0x30 + 0xff10).unwrap();
        let arabic = char::from_u32(u32::from(digit) - 0x30 + 0x660).unwrap();
        for other in [
            format!("{id}-{}", secret.replacen(digit, &fullwidth.to_string(), 1)),
            format!("{id}-{}", secret.replacen(digit, &arabic.to_string(), 1)),
            format!("00{id}-{secret}"),
            format!("-{id}-{secret}"),
            format!("{id}-{secret}-"),
            format!("{id}-0x{secret}"),
            format!("{id}-{}", &secret[1..]),
            format!("{id}-{}", &secret[..39]),
            format!("{id}-0{secret}"),
            format!("{id}\u{2010}{secret}"),
            format!("{id}_{secret}"),
            format!("{id}%2d{secret}"),
            format!("{id} {secret}"),
            format!("token={link}"),
            format!("http://localhost:3000/reset_password?token={link}"),
            format!("{link},{link}"),
            format!("{link}\r\n"),
            format!("\u{feff}{link}"),
            format!("{link}\u{200b}"),
            format!("Token {link}"),
            format!("{}-{secret}", u64::from_str_radix(id, 36).unwrap()),
            format!("zzzzzzzzzzzzz-{secret}"),
            format!("3w5e11264sgsf-{secret}"),
            format!("2gosa7pa2gw-{secret}"),
        ] {
            let response = app.complete(&other, OTHER_PASSWORD).await;
            assert!(
                response.problem() == problem(400, "invalid_token"),
                "{other}"
            );
        }
        assert_eq!(app.complete(&link, OTHER_PASSWORD).await.status, 201);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_the_newest_link_works() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let older = app.reset_token("john@example.com").await;
        let mut older_item = item(&app, &reset_key(&user)).await;
        app.advance(COOL_DOWN);
        let newer = app.reset_token("john@example.com").await;
        older_item["state"] = json!("queued");
        assert!(send(&app, &[record(&older_item, "1")]).await.is_empty());
        assert!(app.unread_mails().is_empty());
        assert_eq!(app.complete(&older, OTHER_PASSWORD).await.status, 400);
        assert_eq!(app.complete(&newer, OTHER_PASSWORD).await.status, 201);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_tokens_look_like_unknown_ones() {
        let values = MalformedValues::start().await;
        let endpoints = values.endpoints();
        let endpoint = endpoints
            .iter()
            .find(|endpoint| endpoint.knows("reset_token"))
            .unwrap();
        let mut seen: Option<String> = None;
        for (text, _) in texts() {
            if text.contains('\0') {
                continue;
            }
            let raw = json!(text).to_string();
            let response = values
                .send(endpoint, endpoint.body("reset_token", raw.as_bytes(), ""))
                .await;
            assert_eq!(response.problem(), problem(400, "invalid_token"), "{raw}");
            let first = seen.get_or_insert_with(|| response.text.clone());
            assert_eq!(*first, response.text, "{raw}");
            values.check_nothing_written(&raw);
        }
        values.check_nothing_changed().await;
    }
}
