//! Families 20 to 24, 26 to 28 and the contract of both endpoints: asking for a reset link, and completing the reset.
//! Many completions at once are in `races`.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    app::{Answer, OTHER_PASSWORD, PASSWORD, SessionResponse, TestApp, fault, problem, token_in},
    proxy::{Fate, Gate, error},
    tables::Tables,
};

const ASK: &str = "/api/passwords/reset_password";
const COMPLETE: &str = "/api/passwords/reset_password_complete";
const TRANSIENT: &str = "TransientTable";
const USERS: &str = "UsersTable";

const SECOND: Duration = Duration::from_secs(1);
const COOL_DOWN: Duration = Duration::from_mins(2);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const LIFETIME: Duration = Duration::from_hours(48);
/// What is left of a day after five mails.
const REST_OF_DAY: Duration = Duration::from_mins(24 * 60 - 5 * 2);

const QUEUED: &str = r#"{"detail":"The password reset link has been queued for e-mail delivery."}"#;
const CHANGED: &str = r#"{"detail":"The password has been changed. Log in with the new one."}"#;
const INVALID_TOKEN: &str = r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"This password reset link is invalid or has expired. Request a new one.","code":"invalid_token","errors":[{"field":"reset_token","code":"invalid","message":"is invalid or has expired"}]}"#;

/// Where the template says that links lead.
const LINK: &str = "http://localhost:3000/reset_password?token=";

/// No limits by source: all of this comes from one.
async fn start() -> TestApp {
    TestApp::with(&[("SOURCE_LIMITS", "off")]).await
}

fn check_queued(answer: &Answer) {
    assert_eq!((answer.status, answer.text.as_str()), (200, QUEUED));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

fn check_changed(answer: &Answer) {
    assert_eq!((answer.status, answer.text.as_str()), (201, CHANGED));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

fn check_invalid_token(answer: &Answer) {
    assert_eq!(answer.text, INVALID_TOKEN);
    assert_eq!(answer.problem(), problem(400, "invalid_token"));
}

/// Checks for a 429 that says when to come back.
fn check_too_many(answer: &Answer, retry_after: Duration) {
    assert_eq!(answer.problem(), problem(429, "too_many_requests"));
    let seconds = retry_after.as_secs().to_string();
    assert_eq!(answer.header("retry-after"), Some(seconds.as_str()));
}

/// Whether the old password still is the one, as far as signing in tells.
async fn check_nothing_changed(app: &TestApp, user: &SessionResponse) {
    assert_eq!(app.details(user).await.status, 200);
    assert_eq!(app.log_in(&user.username, PASSWORD).await.status, 200);
    assert_eq!(app.log_in(&user.username, OTHER_PASSWORD).await.status, 401);
}

fn body(new: &str, confirmation: &str, token: &str) -> Value {
    json!({"new_password": new, "password_confirmation": confirmation, "reset_token": token})
}

/// What comes before the token in the link of a reset mail, in its text.
fn link_base(text: &str) -> &str {
    let line = text.lines().find(|line| line.contains("token=")).unwrap();
    line.split_inclusive("token=").next().unwrap()
}

/// Asks from `source`, as API Gateway sees it.
async fn ask_from(app: &TestApp, source: &str, email: &str) -> (u64, Value) {
    app.invoke("reset_password", |event| {
        event["requestContext"]["http"]["sourceIp"] = json!(source);
        event["body"] = json!(json!({"email": email}).to_string());
    })
    .await
}

/// Tries a token from `source`, as API Gateway sees it.
async fn complete_from(app: &TestApp, source: &str, token: &str) -> (u64, Value) {
    app.invoke("reset_password_complete", |event| {
        event["requestContext"]["http"]["sourceIp"] = json!(source);
        let body = body(OTHER_PASSWORD, OTHER_PASSWORD, token);
        event["body"] = json!(body.to_string());
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_reset_by_the_link_in_the_mail() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    let other = app.token("john", PASSWORD).await;
    check_queued(&app.request_reset("john@example.com").await);
    let mail = app.mail();
    assert_eq!(mail.to, ["john@example.com"]);
    let token = token_in(&mail);
    assert_eq!(link_base(&mail.text), LINK);
    let (id, secret) = token.split_once('-').unwrap();
    assert_eq!(u64::from_str_radix(id, 36).unwrap(), user.id);
    assert!(secret.len() >= 32 && secret.bytes().all(|byte| byte.is_ascii_hexdigit()));
    // Asking changed nothing else.
    check_nothing_changed(&app, &user).await;
    let answer = app.complete(&token, OTHER_PASSWORD).await;
    check_changed(&answer);
    // Nobody is signed in by it, and nobody stays so.
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(
        app.details(&user).await.problem(),
        problem(401, "not_authenticated")
    );
    assert_eq!(app.log_out(&other).await.status, 401);
    let sessions = Tables::of(&app).user(user.id).await["sessions"].take();
    assert_eq!(sessions, json!({}));
    assert_eq!(app.log_in("john", PASSWORD).await.status, 401);
    app.token("john", OTHER_PASSWORD).await;
    let notice = app.mail();
    assert_eq!(notice.subject, "Your Latchkey password was changed");
    assert_eq!(notice.to, ["john@example.com"]);
    check_invalid_token(&app.complete(&token, PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn completing_works_by_patch_as_well() {
    let app = TestApp::start().await;
    app.sign_up("john").await;
    let token = app.reset_token("john@example.com").await;
    let request = app.request(Method::PATCH, COMPLETE);
    let request = request.json(&body(OTHER_PASSWORD, OTHER_PASSWORD, &token));
    check_changed(&app.send(request).await);
    app.token("john", OTHER_PASSWORD).await;
    app.mail();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_nobody_has_is_told() {
    let app = TestApp::start().await;
    let answer = app.request_reset("nobody@example.com").await;
    assert_eq!(answer.problem(), problem(404, "not_found"));
    assert!(!answer.text.contains("nobody@"));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_spelling_of_the_address_reaches_the_one_on_record() {
    let app = start().await;
    let sign_up = json!({"username": "hans", "email": "Hans@Bücher.example", "password": PASSWORD});
    assert_eq!(app.post("/auth/signup", &sign_up).await.status, 201);
    for spelling in [
        "hans@bücher.example",
        "HANS@BÜCHER.EXAMPLE",
        " Hans@xn--bcher-kva.example\n",
    ] {
        check_queued(&app.request_reset(spelling).await);
        assert_eq!(
            app.mail().to,
            ["Hans@xn--bcher-kva.example"],
            "{spelling:?}"
        );
        app.advance(COOL_DOWN);
    }
}

mod case_20_where_a_mail_goes {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_no_single_address_is_refused_and_mails_nobody() {
        let app = start().await;
        app.sign_up("john").await;
        app.sign_up("eve").await;
        let john = "john@example.com";
        for email in [
            json!([john]),
            json!([john, "eve@example.com"]),
            json!({"$ne": ""}),
            json!({john: true}),
            json!(null),
            json!(true),
            json!(1),
            json!(""),
            json!("john"),
            json!("john@example.com,eve@example.com"),
            json!("john@example.com, eve@example.com"),
            json!("john@example.com;eve@example.com"),
            json!("john@example.com eve@example.com"),
            json!("john@example.com\teve@example.com"),
            json!("john@example.com\r\nBcc: eve@example.com"),
            json!("john@example.com\neve@example.com"),
            json!("john@example.com\0eve@example.com"),
            json!("john@example.com\u{0}"),
            json!("john@example.com%0d%0aBcc:eve@example.com"),
            json!("eve@example.com@john@example.com"),
            json!("John <john@example.com>"),
            json!("\"john@example.com\""),
        ] {
            let answer = app.post(ASK, &json!({"email": email})).await;
            assert_eq!(answer.fault(), fault("email", "invalid"), "{email}");
            assert!(!answer.text.contains("eve@"), "{}", answer.text);
        }
        assert_eq!(
            app.post(ASK, &json!({})).await.fault(),
            fault("email", "required")
        );
        for raw in [
            "email=john@example.com",
            "email=john%40example.com&email=eve%40example.com",
            "",
            "null",
            "[]",
            r#""john@example.com""#,
            r#"{"email":"john@example.com","email":"eve@example.com"}"#,
            r#"{"email":"john@example.com"}{"email":"eve@example.com"}"#,
        ] {
            let request = app.request(Method::POST, ASK).body(raw);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            assert_eq!(
                app.send(request).await.fault(),
                fault("", "invalid"),
                "{raw}"
            );
        }
        assert!(app.unread().is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn fields_that_would_send_the_mail_elsewhere_are_refused_by_name() {
        let app = start().await;
        app.sign_up("john").await;
        for field in [
            "to",
            "cc",
            "bcc",
            "redirect",
            "redirect_url",
            "base_url",
            "host",
            "subject",
            "username",
        ] {
            let body = json!({"email": "john@example.com", field: "eve@example.com"});
            let answer = app.post(ASK, &body).await;
            assert_eq!(answer.fault(), fault(field, "unknown_field"));
        }
        assert!(app.unread().is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whatever_the_content_type_the_body_is_read_as_json() {
        let app = start().await;
        app.sign_up("john").await;
        for content_type in [
            None,
            Some("text/plain"),
            Some("APPLICATION/JSON; charset=latin1"),
        ] {
            let request = app.request(Method::POST, ASK);
            let request = match content_type {
                Some(content_type) => request.header("content-type", content_type),
                None => request,
            };
            check_queued(
                &app.send(request.body(r#"{"email":"john@example.com"}"#))
                    .await,
            );
        }
        app.mail();
    }
}

mod case_21_hostile_headers {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_link_never_follows_a_header() {
        let app = start().await;
        app.sign_up("john").await;
        for headers in [
            &[("host", "evil.example")][..],
            &[
                ("host", "evil.example:80"),
                ("x-forwarded-host", "evil.example"),
            ],
            &[
                ("x-forwarded-proto", "https"),
                ("x-forwarded-port", "444"),
                ("x-forwarded-server", "evil.example"),
            ],
            &[
                ("x-forwarded-prefix", "/evil"),
                ("x-original-url", "/evil"),
                ("x-rewrite-url", "http://evil.example/"),
            ],
            &[("forwarded", "host=evil.example;proto=https;for=192.0.2.1")],
            &[("origin", "https://evil.example")],
            &[("referer", "https://evil.example/reset")],
            &[
                ("x-host", "evil.example"),
                ("x-http-host-override", "evil.example"),
                ("base-url", "https://evil.example"),
            ],
        ] {
            let request = app.request(Method::POST, ASK);
            let request = headers.iter().fold(request, |request, (name, value)| {
                request.header(*name, *value)
            });
            check_queued(
                &app.send(request.json(&json!({"email": "john@example.com"})))
                    .await,
            );
            let mail = app.mail();
            assert_eq!(link_base(&mail.text), LINK, "{headers:?}");
            assert!(mail.html.contains(LINK), "{headers:?}");
            let all = format!("{mail:?}");
            assert!(!all.contains("evil") && !all.contains("444"), "{all}");
            app.advance(DAY);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_links_base_may_have_a_query_of_its_own() {
        let base = "https://app.example/reset?lang=en";
        let app = TestApp::with(&[("RESET_LINK_BASE", base)]).await;
        app.sign_up("john").await;
        check_queued(&app.request_reset("john@example.com").await);
        let mail = app.mail();
        assert_eq!(
            link_base(&mail.text),
            "https://app.example/reset?lang=en&token="
        );
        let (_, token) = mail.text.split_once("&token=").unwrap();
        let token = token.lines().next().unwrap();
        let escaped = format!(r#"href="https://app.example/reset?lang=en&#38;token={token}""#);
        assert!(mail.html.contains(&escaped), "{}", mail.html);
        check_changed(&app.complete(token, OTHER_PASSWORD).await);
        app.mail();
    }
}

mod case_22_floods {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn of_a_hundred_requests_from_a_hundred_sources_one_mail_comes_and_its_link_works() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        let sources: Vec<String> = (1..=100)
            .map(|number| format!("198.51.100.{number}"))
            .collect();
        let expected: (u64, Value) = (200, serde_json::from_str(QUEUED).unwrap());
        let (at_once, one_by_one) = sources.split_at(10);
        let at_once = at_once
            .iter()
            .map(|source| ask_from(&app, source, "john@example.com"));
        assert_eq!(join_all(at_once).await, vec![expected.clone(); 10]);
        for source in one_by_one {
            assert_eq!(ask_from(&app, source, "John@Example.com").await, expected);
            app.advance(SECOND);
        }
        app.server.drain().await;
        let token = token_in(&app.mail());
        check_changed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn asking_again_within_two_minutes_sends_nothing_and_the_first_link_stays_good() {
        let app = start().await;
        app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        app.advance(COOL_DOWN.saturating_sub(SECOND));
        check_queued(&app.request_reset("john@example.com").await);
        assert!(app.unread().is_empty());
        app.advance(SECOND);
        let newer = app.reset_token("john@example.com").await;
        check_invalid_token(&app.complete(&token, OTHER_PASSWORD).await);
        check_changed(&app.complete(&newer, OTHER_PASSWORD).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_sixth_mail_within_a_day_is_refused_and_the_fifth_link_stays_good() {
        let app = start().await;
        app.sign_up("john").await;
        app.sign_up("jane").await;
        let mut token = String::new();
        for _ in 0..5 {
            token = app.reset_token("john@example.com").await;
            app.advance(COOL_DOWN);
        }
        check_too_many(&app.request_reset("john@example.com").await, REST_OF_DAY);
        app.advance(HOUR);
        check_too_many(
            &app.request_reset("JOHN@example.com").await,
            REST_OF_DAY.saturating_sub(HOUR),
        );
        // Nobody else has to wait.
        app.reset_token("jane@example.com").await;
        app.advance(REST_OF_DAY.saturating_sub(HOUR + SECOND));
        check_too_many(&app.request_reset("john@example.com").await, SECOND);
        check_changed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_count_of_mails_ends_with_the_day() {
        let app = start().await;
        app.sign_up("john").await;
        for _ in 0..5 {
            app.reset_token("john@example.com").await;
            app.advance(COOL_DOWN);
        }
        app.advance(REST_OF_DAY);
        for _ in 0..5 {
            app.reset_token("john@example.com").await;
            app.advance(COOL_DOWN);
        }
        check_too_many(&app.request_reset("john@example.com").await, REST_OF_DAY);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_completed_reset_and_a_changed_password_clear_the_count() {
        let app = start().await;
        app.sign_up("john").await;
        let mut token = String::new();
        for _ in 0..5 {
            token = app.reset_token("john@example.com").await;
            app.advance(COOL_DOWN);
        }
        assert_eq!(app.request_reset("john@example.com").await.status, 429);
        check_changed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
        for _ in 0..5 {
            app.reset_token("john@example.com").await;
            app.advance(COOL_DOWN);
        }
        assert_eq!(app.request_reset("john@example.com").await.status, 429);
        let session = app.token("john", OTHER_PASSWORD).await;
        let change = json!({"current-password": OTHER_PASSWORD, "password": PASSWORD});
        assert_eq!(app.update(&session, &change).await.status, 200);
        app.mail();
        let token = app.reset_token("john@example.com").await;
        check_changed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_source_asks_thirty_times_an_hour_whatever_it_claims_to_be() {
        let app = TestApp::start().await;
        let ask = |number: u32| {
            let request = app.request(Method::POST, ASK);
            let request = request.header("x-forwarded-for", format!("203.0.113.{number}"));
            let request = request.header("forwarded", format!("for=203.0.113.{number}"));
            let request = request.header("x-real-ip", format!("203.0.113.{number}"));
            app.send(request.json(&json!({"email": format!("user{number}@example.com")})))
        };
        for number in 0..30 {
            assert_eq!(ask(number).await.status, 404);
        }
        app.advance(Duration::from_mins(10));
        for number in 30..100 {
            check_too_many(&ask(number).await, Duration::from_mins(50));
        }
        // Another source is not concerned, and an hour later neither is this one.
        assert_eq!(
            ask_from(&app, "192.0.2.9", "nobody@example.com").await.0,
            404
        );
        app.advance(Duration::from_mins(50));
        assert_eq!(ask(1).await.status, 404);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn addresses_of_one_ipv6_network_are_one_source() {
        let app = TestApp::start().await;
        for number in 0..30 {
            let source = format!("2001:db8:1:2::{number:x}");
            assert_eq!(ask_from(&app, &source, "nobody@example.com").await.0, 404);
        }
        assert_eq!(
            ask_from(&app, "2001:db8:1:2:ffff::1", "nobody@example.com")
                .await
                .0,
            429
        );
        assert_eq!(
            ask_from(&app, "2001:db8:1:3::1", "nobody@example.com")
                .await
                .0,
            404
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_address_changed_before_the_mail_went_out_can_be_asked_for_at_once() {
        let app = start().await;
        let user = app.sign_up("john").await;
        // Nothing is delivered for as long as mails cannot be read once they are written.
        let mut mails = 0;
        app.proxy.rule(move |call| {
            let of_mail = call.keys().iter().any(|(_, key)| key.starts_with("mail#"));
            mails += u32::from(of_mail && call.is_write());
            if of_mail && !call.is_write() && mails > 0 {
                error(400, "ThrottlingException")
            } else {
                Fate::Pass
            }
        });
        check_queued(&app.request_reset("john@example.com").await);
        let change = json!({"current-password": PASSWORD, "email": "johnny@example.com"});
        assert_eq!(app.update(&user.token, &change).await.status, 200);
        assert!(app.unread().is_empty());
        app.proxy.heal();
        check_queued(&app.request_reset("johnny@example.com").await);
        app.server.drain().await;
        let mails = app.unread();
        let sent: Vec<_> = mails
            .iter()
            .map(|mail| (mail.to[0].as_str(), mail.subject.as_str()))
            .collect();
        assert_eq!(
            sent,
            [
                (
                    "john@example.com",
                    "Your Latchkey e-mail address was changed"
                ),
                ("johnny@example.com", "Reset your Latchkey password"),
            ]
        );
        check_changed(&app.complete(&token_in(&mails[1]), OTHER_PASSWORD).await);
        app.mail();
    }

    /// The count is of the account: moving to another address and back is no way around it, and the mail to the address of
    /// now is not held back by one that went elsewhere.
    #[tokio::test(flavor = "multi_thread")]
    async fn changing_the_address_there_and_back_does_not_clear_the_count() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let addresses = ["john@example.com", "other@example.com"];
        for round in 0..5 {
            let (now, then) = (addresses[round % 2], addresses[(round + 1) % 2]);
            assert_eq!(app.request_reset(now).await.status, 200);
            let change = json!({"current-password": PASSWORD, "email": then});
            assert_eq!(app.update(&user.token, &change).await.status, 200);
            assert_eq!(app.unread().len(), 2, "the link and the notice");
        }
        let answer = app.request_reset(addresses[1]).await;
        assert_eq!(answer.problem(), problem(429, "too_many_requests"));
    }
}

mod case_27_guessing_links {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn one_source_completes_sixty_times_an_hour_whatever_it_claims_to_be() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let complete = |number: u32, token: String| {
            let request = app.request(Method::POST, COMPLETE);
            let request = request.header("x-forwarded-for", format!("203.0.113.{number}"));
            app.send(request.json(&body(OTHER_PASSWORD, OTHER_PASSWORD, &token)))
        };
        for number in 0..60 {
            check_invalid_token(&complete(number, format!("49v-{number:040x}")).await);
        }
        for number in 60..70 {
            check_too_many(&complete(number, token.clone()).await, HOUR);
        }
        app.advance(HOUR);
        check_changed(&complete(1, token.clone()).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn guesses_cost_no_hashing_and_end_in_a_refusal() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let id = token.split('-').next().unwrap();
        let runs = app.hasher.count();
        let invalid: Value = serde_json::from_str(INVALID_TOKEN).unwrap();
        for number in 0..1000 {
            let source = format!("192.0.2.{}", number / 50);
            let guess = format!("{id}-{number:040x}");
            let answer = complete_from(&app, &source, &guess).await;
            assert_eq!(answer, (400, invalid.clone()), "{number}");
        }
        for number in 0..20 {
            let answer = complete_from(&app, "192.0.2.7", &format!("{id}-{number:040x}")).await;
            assert_eq!(answer.0, if number < 10 { 400 } else { 429 }, "{number}");
        }
        assert_eq!(app.hasher.count(), runs);
        check_nothing_changed(&app, &user).await;
        check_changed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
    }
}

mod case_24_one_answer {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_fault_of_a_completion_is_told_and_none_uses_the_token_up() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let long = "x".repeat(129);
        for (new, confirmation, faults) in [
            (
                OTHER_PASSWORD,
                PASSWORD,
                vec![fault("password_confirmation", "mismatch")],
            ),
            (
                OTHER_PASSWORD,
                "",
                vec![fault("password_confirmation", "mismatch")],
            ),
            (
                OTHER_PASSWORD,
                "Seventeen purple submarines",
                vec![fault("password_confirmation", "mismatch")],
            ),
            (
                OTHER_PASSWORD,
                "seventeen purple submarines ",
                vec![fault("password_confirmation", "mismatch")],
            ),
            (
                "newpass",
                "newpass",
                vec![fault("new_password", "too_short")],
            ),
            ("", "", vec![fault("new_password", "too_short")]),
            (
                "mypassword",
                "mypassword",
                vec![fault("new_password", "too_common")],
            ),
            (&long, &long, vec![fault("new_password", "too_long")]),
            (
                "john@example.com",
                "john@example.com",
                vec![fault("new_password", "too_similar")],
            ),
            (
                "JohnExample1",
                "JohnExample1",
                vec![fault("new_password", "too_similar")],
            ),
        ] {
            let answer = app.post(COMPLETE, &body(new, confirmation, &token)).await;
            assert_eq!(answer.faults(), faults, "{new:?}");
            assert!(new.len() < 8 || !answer.text.contains(new));
        }
        assert_eq!(
            app.post(COMPLETE, &json!({})).await.faults(),
            ["new_password", "password_confirmation", "reset_token"]
                .map(|field| fault(field, "required"))
        );
        let wrong_types = json!({"new_password": 1, "password_confirmation": null, "reset_token": [token], "email": ""});
        assert_eq!(
            app.post(COMPLETE, &wrong_types).await.faults(),
            [
                fault("new_password", "invalid"),
                fault("password_confirmation", "invalid"),
                fault("reset_token", "invalid"),
                fault("email", "unknown_field"),
            ]
        );
        check_nothing_changed(&app, &user).await;
        check_changed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn used_expired_unknown_replaced_and_foreign_tokens_are_told_apart_by_nobody() {
        let app = start().await;
        let john = app.sign_up("john").await;
        app.sign_up("jane").await;
        let used = app.reset_token("john@example.com").await;
        check_changed(&app.complete(&used, OTHER_PASSWORD).await);
        app.mail();
        let replaced = app.reset_token("john@example.com").await;
        app.advance(COOL_DOWN);
        let expired = app.reset_token("jane@example.com").await;
        app.advance(LIFETIME);
        let newest = app.reset_token("john@example.com").await;
        let janes = app.reset_token("jane@example.com").await;
        let (johns_id, secret) = newest.split_once('-').unwrap();
        let (janes_id, janes_secret) = janes.split_once('-').unwrap();
        let mut last_bit = secret.to_owned();
        let last = last_bit.pop().unwrap();
        last_bit.push(if last == '0' { '1' } else { '0' });
        for token in [
            used,
            replaced,
            expired,
            format!("{janes_id}-{secret}"),
            format!("{johns_id}-{janes_secret}"),
            format!("49v-{secret}"),
            format!("{johns_id}-{last_bit}"),
            format!("{johns_id}-{}", "0".repeat(40)),
            "49v-6bf384458f725125c0b7".to_owned(),
            newest.to_uppercase(),
            format!("{}-{secret}", johns_id.to_uppercase()),
            format!("{johns_id}-{}", secret.to_uppercase()),
            format!(" {newest}"),
            format!("{newest} "),
            format!("{newest}\n"),
            format!("{newest}="),
            format!("{newest}=="),
            format!("{newest}00"),
            format!("0{newest}"),
            format!("+{newest}"),
            format!("{johns_id}--{secret}"),
            format!("{johns_id}\u{2013}{secret}"),
            format!("{johns_id}{secret}"),
            secret.to_owned(),
            format!("{johns_id}-"),
            format!("-{secret}"),
            "-".to_owned(),
            String::new(),
            "\u{661}-".to_owned() + secret,
            "z".repeat(10_000),
            format!("{johns_id}-{}", "a".repeat(10_000)),
            john.token.clone(),
        ] {
            check_invalid_token(&app.complete(&token, PASSWORD).await);
        }
        for token in [
            json!(null),
            json!(1),
            json!(true),
            json!([newest]),
            json!({"token": newest}),
        ] {
            let body = json!({"new_password": PASSWORD, "password_confirmation": PASSWORD, "reset_token": token});
            assert_eq!(
                app.post(COMPLETE, &body).await.fault(),
                fault("reset_token", "invalid")
            );
        }
        assert_eq!(app.log_in("john", PASSWORD).await.status, 401);
        check_changed(&app.complete(&newest, PASSWORD).await);
        check_changed(&app.complete(&janes, OTHER_PASSWORD).await);
        assert_eq!(app.unread().len(), 2, "one notice each");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn following_the_link_uses_nothing_up() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
            for path in [COMPLETE, ASK] {
                let path =
                    format!("{path}?token={token}&reset_token={token}&email=john@example.com");
                let request = app.request(method.parse().unwrap(), &path);
                let request = request.json(&body(OTHER_PASSWORD, OTHER_PASSWORD, &token));
                let answer = app.send(request).await;
                assert_eq!(answer.status, 404, "{method}");
                let expected = if method == "HEAD" {
                    ""
                } else {
                    r#"{"message":"Not Found"}"#
                };
                assert_eq!(answer.text, expected, "{method}");
            }
        }
        check_nothing_changed(&app, &user).await;
        check_changed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
    }
}

mod case_14_new_passwords {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn composed_and_decomposed_letters_confirm_each_other() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let (composed, decomposed) = ("caf\u{e9} au lait s'il", "cafe\u{301} au lait s'il");
        check_changed(
            &app.post(COMPLETE, &body(composed, decomposed, &token))
                .await,
        );
        app.token("john", decomposed).await;
        app.mail();
    }
}

mod case_23_expiry {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_works_for_forty_eight_hours_to_the_second() {
        let app = start().await;
        app.sign_up("john").await;
        let jane = app.sign_up("jane").await;
        let (johns, janes) = (
            app.reset_token("john@example.com").await,
            app.reset_token("jane@example.com").await,
        );
        app.advance(LIFETIME.saturating_sub(SECOND));
        check_changed(&app.complete(&johns, OTHER_PASSWORD).await);
        app.mail();
        app.advance(2 * SECOND);
        // DynamoDB deletes expired items late.
        let key = format!("reset#{}", jane.id);
        assert!(Tables::of(&app).item(TRANSIENT, &key).await.is_some());
        check_invalid_token(&app.complete(&janes, OTHER_PASSWORD).await);
        assert_eq!(app.log_in("jane", PASSWORD).await.status, 200);
        app.token("john", OTHER_PASSWORD).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_that_expires_while_it_is_being_used_does_not_work() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        // What the transaction's condition meets is not what was read before.
        let tables = Tables::of(&app);
        let key = format!("reset#{}", user.id);
        let mut item = tables.item(TRANSIENT, &key).await.unwrap();
        item["expires_at"] = json!(app.now());
        let gate = hold_transaction(&app);
        let meanwhile = gate.during(tables.put(TRANSIENT, &item));
        let (answer, ()) = tokio::join!(app.complete(&token, OTHER_PASSWORD), meanwhile);
        check_invalid_token(&answer);
        check_nothing_changed(&app, &user).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_item_without_an_expiry_is_no_good() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let key = format!("reset#{}", user.id);
        Tables::of(&app).strip(TRANSIENT, &key, "expires_at").await;
        check_invalid_token(&app.complete(&token, OTHER_PASSWORD).await);
        check_nothing_changed(&app, &user).await;
        // And it does not stand in the way of a good one.
        app.advance(COOL_DOWN);
        let token = app.reset_token("john@example.com").await;
        check_changed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
    }
}

mod case_06_kinds_of_token {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reset_token_is_no_session_token() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let answer = app.get(&format!("/api/users/{}", user.id), &token).await;
        assert_eq!(answer.problem(), problem(401, "not_authenticated"));
    }
}

mod case_26_dead_links {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_changed_password_kills_the_link() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let change = json!({"current-password": PASSWORD, "password": OTHER_PASSWORD});
        assert_eq!(app.update(&user.token, &change).await.status, 200);
        app.mail();
        check_invalid_token(&app.complete(&token, PASSWORD).await);
        assert_eq!(app.log_in("john", PASSWORD).await.status, 401);
        assert_eq!(
            app.details(&user).await.status,
            200,
            "the session that made the change stays"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn another_address_kills_the_link_and_another_name_or_spelling_does_not() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let change = json!({"current-password": PASSWORD, "email": "johnny@example.com"});
        assert_eq!(app.update(&user.token, &change).await.status, 200);
        app.mail();
        check_invalid_token(&app.complete(&token, OTHER_PASSWORD).await);
        assert_eq!(app.log_in("john", PASSWORD).await.status, 200);
        assert_eq!(app.request_reset("john@example.com").await.status, 404);
        let token = app.reset_token("johnny@example.com").await;
        let change = json!({"current-password": PASSWORD, "email": "Johnny@Example.com", "first_name": "John"});
        assert_eq!(app.update(&user.token, &change).await.status, 200);
        check_changed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_password_changed_while_the_link_is_being_used_stands() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let gate = hold_transaction(&app);
        let change = json!({"current-password": PASSWORD, "password": OTHER_PASSWORD});
        let meanwhile = gate.during(app.update(&user.token, &change));
        let third = "a third password altogether";
        let (answer, changed) = tokio::join!(app.complete(&token, third), meanwhile);
        assert_eq!(changed.status, 200);
        check_invalid_token(&answer);
        assert_eq!(app.log_in("john", third).await.status, 401);
        app.token("john", OTHER_PASSWORD).await;
        assert_eq!(app.details(&user).await.status, 200);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_deleted_account_stays_deleted() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        delete(&app, &user).await;
        check_invalid_token(&app.complete(&token, OTHER_PASSWORD).await);
        assert_eq!(app.request_reset("john@example.com").await.status, 404);
        assert!(Tables::of(&app).all(USERS).await.is_empty());
        // Whoever has the address next has nothing to do with it.
        let next = app.sign_up("john").await;
        check_invalid_token(&app.complete(&token, OTHER_PASSWORD).await);
        check_nothing_changed(&app, &next).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_account_that_is_deleted_while_the_link_is_being_used_stays_deleted() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let gate = hold_transaction(&app);
        let meanwhile = gate.during(delete(&app, &user));
        let (answer, ()) = tokio::join!(app.complete(&token, OTHER_PASSWORD), meanwhile);
        check_invalid_token(&answer);
        assert!(Tables::of(&app).all(USERS).await.is_empty());
    }
}

mod case_30_waits {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reset_works_during_the_wait_for_wrong_passwords_and_ends_it() {
        let app = start().await;
        app.sign_up("john").await;
        for _ in 0..5 {
            assert_eq!(app.log_in("john", "wrong").await.status, 401);
        }
        assert_eq!(app.log_in("john", PASSWORD).await.status, 429);
        let token = app.reset_token("john@example.com").await;
        assert_eq!(
            app.log_in("john", PASSWORD).await.status,
            429,
            "asking changes nothing"
        );
        check_changed(&app.complete(&token, OTHER_PASSWORD).await);
        app.token("john", OTHER_PASSWORD).await;
        app.mail();
    }
}

mod case_28_hidden_addresses {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn hidden_an_unknown_address_is_answered_like_a_known_one_byte_for_byte() {
        let app = hiding().await;
        app.sign_up("john").await;
        let ask = async |email: &str| {
            let mut answer = app.request_reset(email).await;
            answer.headers.remove("date");
            (answer.status, answer.headers, answer.text)
        };
        for round in 0..8 {
            let (known, unknown) = (
                ask("john@example.com").await,
                ask("nobody@example.com").await,
            );
            assert_eq!(known, unknown, "{round}");
            assert_eq!(known.0, if round < 5 { 200 } else { 429 });
            // Within the cool-down, too.
            assert_eq!(
                ask("john@example.com").await,
                ask("NOBODY@example.com").await,
                "{round}"
            );
            app.advance(COOL_DOWN);
        }
        app.advance(DAY);
        assert_eq!(
            ask("john@example.com").await,
            ask("nobody@example.com").await
        );
        let mails = app.unread();
        assert_eq!(mails.len(), 6);
        assert!(mails.iter().all(|mail| mail.to == ["john@example.com"]));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn hidden_an_unknown_address_costs_the_calls_of_a_known_one() {
        let app = hiding().await;
        app.sign_up("john").await;
        let calls = async |email: &str| {
            app.server.drain().await;
            app.proxy.calls();
            let answer = ask_from(&app, "192.0.2.1", email).await;
            let mut calls = app.proxy.calls();
            // From the write that queues the mail on it is the turn of whoever sends it.
            let queued = calls.iter().position(|call| call.operation == "PutItem");
            calls.truncate(queued.map_or(calls.len(), |place| place + 1));
            let kinds = calls.into_iter().map(|call| {
                let tables: Vec<_> = call.keys().into_iter().map(|(table, _)| table).collect();
                // A user's record is read whole, and so costs what it weighs: less than one unit in any case.
                (call.operation, tables, call.units.to_string())
            });
            (answer, kinds.collect::<Vec<_>>())
        };
        // The first write of an hour from one source is another one than those after it.
        ask_from(&app, "192.0.2.1", "somebody@example.com").await;
        for round in 0..7 {
            let (known, unknown) = (
                calls("john@example.com").await,
                calls("nobody@example.com").await,
            );
            assert_eq!(known, unknown, "{round}");
            assert!(known.1.len() >= 3, "{known:?}");
            let again = (
                calls("john@example.com").await,
                calls("nobody@example.com").await,
            );
            assert_eq!(again.0, again.1, "{round}");
            app.advance(COOL_DOWN);
        }
        app.server.drain().await;
        assert_eq!(app.unread().len(), 5);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn hidden_an_unknown_address_takes_the_time_of_a_known_one() {
        // Other tests run at the same time, so one good round of several will do; a call more would spoil them all.
        const ROUNDS: usize = 25;
        let app = hiding().await;
        app.sign_up("john").await;
        let mut seen = Vec::new();
        for _ in 0..ROUNDS {
            let mut times = [Vec::new(), Vec::new()];
            for number in 0..60 {
                app.advance(DAY);
                // By turns first, so that neither gains from what the other warmed up.
                for turn in [number % 2, 1 - number % 2] {
                    let email = ["john@example.com", "nobody@example.com"][turn];
                    let began = Instant::now();
                    assert_eq!(ask_from(&app, "192.0.2.1", email).await.0, 200);
                    times[turn].push(began.elapsed());
                    app.server.drain().await;
                }
            }
            assert_eq!(app.unread().len(), 60);
            let [known, unknown] = times.map(|mut times| {
                times.sort();
                times[times.len() / 2].as_secs_f64()
            });
            seen.push(unknown / known);
            if (0.9..=1.1).contains(&(unknown / known)) {
                return;
            }
        }
        panic!("the medians differ: {seen:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn hidden_the_limit_by_source_holds_for_known_and_unknown_alike() {
        let app = hiding().await;
        app.sign_up("john").await;
        for number in 0..30 {
            let email = ["john@example.com", "nobody@example.com"][number % 2];
            assert_eq!(app.request_reset(email).await.status, 200);
        }
        for email in ["john@example.com", "nobody@example.com"] {
            check_too_many(&app.request_reset(email).await, HOUR);
        }
        app.mail();
    }
}

async fn hiding() -> TestApp {
    TestApp::with(&[("REVEAL_UNKNOWN_EMAILS", "false")]).await
}

/// Holds the next transaction that uses a reset token back, so that something can happen before it.
fn hold_transaction(app: &TestApp) -> Gate {
    app.proxy.hold(|call| {
        call.operation == "TransactWriteItems"
            && call.keys().iter().any(|(_, key)| key.starts_with("reset#"))
    })
}

/// Deletes the account's items; the reset token stays behind.
async fn delete(app: &TestApp, user: &SessionResponse) {
    let tables = Tables::of(app);
    for key in [
        format!("user#{}", user.id),
        format!("email#{}", user.email),
        format!("username#{}", user.username),
    ] {
        tables.delete(USERS, &key).await;
    }
}
