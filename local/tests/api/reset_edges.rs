//! Families 20 to 28, further cases: the edges of limits and times, spellings, and items that expired or lack something
//! and are still there.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    app::{Answer, OTHER_PASSWORD, PASSWORD, SessionResponse, TestApp, fault, problem, token_in},
    tables::Tables,
};

const ASK: &str = "/api/passwords/reset_password";
const COMPLETE: &str = "/api/passwords/reset_password_complete";
const TRANSIENT: &str = "TransientTable";

const SECOND: Duration = Duration::from_secs(1);
const COOL_DOWN: Duration = Duration::from_mins(2);
const DAY: Duration = Duration::from_hours(24);
const LIFETIME: Duration = Duration::from_hours(48);

/// No limits by source: all of this comes from one.
async fn start() -> TestApp {
    TestApp::with(&[("SOURCE_LIMITS", "off")]).await
}

fn invalid_token(answer: &Answer) -> bool {
    answer.problem() == problem(400, "invalid_token")
}

fn retry_after(answer: &Answer) -> u64 {
    assert_eq!(answer.problem(), problem(429, "too_many_requests"));
    answer.header("retry-after").unwrap().parse().unwrap()
}

async fn change(app: &TestApp, user: &SessionResponse, mut fields: Value) {
    fields["current-password"] = json!(PASSWORD);
    let answer = app.update(&user.token, &fields).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

mod case_20_who_is_mailed {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_fault_of_the_body_is_told_and_the_limit_by_source_is_not_spent_on_it() {
        let app = TestApp::with(&[("LIMIT_RESETS_PER_HOUR", "1")]).await;
        app.sign_up("john").await;
        let body = json!({"email": 1, "to": "eve@example.com", "cc": ["eve@example.com"]});
        for _ in 0..3 {
            assert_eq!(
                app.post(ASK, &body).await.faults(),
                [
                    fault("email", "invalid"),
                    fault("cc", "unknown_field"),
                    fault("to", "unknown_field")
                ]
            );
        }
        app.reset_token("john@example.com").await;
        assert_eq!(app.request_reset("john@example.com").await.status, 429);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_mail_goes_to_the_spelling_on_record_whatever_was_asked_for() {
        let app = start().await;
        let user = app.sign_up("john").await;
        change(&app, &user, json!({"email": "JoHn@EXAMPLE.com"})).await;
        for spelling in [
            "john@example.com",
            "JOHN@EXAMPLE.COM",
            "\tjohn@Example.com\r\n",
        ] {
            assert_eq!(app.request_reset(spelling).await.status, 200);
            assert_eq!(app.mail().to, ["JoHn@example.com"]);
            app.advance(COOL_DOWN);
        }
    }
}

mod case_22_limits {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_cool_down_ends_on_the_second_and_is_counted_from_the_last_mail() {
        let app = start().await;
        app.sign_up("john").await;
        for round in 0..4 {
            app.reset_token("john@example.com").await;
            for wait in [1, 118] {
                app.advance(Duration::from_secs(wait));
                let spelling = ["john@example.com", "JOHN@example.com"][round % 2];
                assert_eq!(app.request_reset(spelling).await.status, 200);
                assert!(
                    app.unread().is_empty(),
                    "asking does not lengthen it, either"
                );
            }
            app.advance(SECOND);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_window_begins_with_its_first_mail_and_ends_on_the_second() {
        let app = start().await;
        app.sign_up("john").await;
        app.reset_token("john@example.com").await;
        // The other four late in the day.
        app.advance(Duration::from_hours(23));
        for _ in 0..4 {
            app.reset_token("john@example.com").await;
            app.advance(COOL_DOWN);
        }
        let left = 3600 - 4 * 120;
        assert_eq!(
            retry_after(&app.request_reset("john@example.com").await),
            left
        );
        app.advance(Duration::from_secs(left - 1));
        assert_eq!(retry_after(&app.request_reset("john@example.com").await), 1);
        app.advance(SECOND);
        for _ in 0..5 {
            app.reset_token("john@example.com").await;
            app.advance(COOL_DOWN);
        }
        let answer = app.request_reset("john@example.com").await;
        assert_eq!(retry_after(&answer), 86_400 - 5 * 120);
    }

    /// The fifth mail is within its cool-down: whoever asks then is told the same as ever.
    #[tokio::test(flavor = "multi_thread")]
    async fn within_the_cool_down_of_the_last_mail_allowed_the_answer_is_200() {
        let app = start().await;
        app.sign_up("john").await;
        for _ in 0..5 {
            app.advance(COOL_DOWN);
            app.reset_token("john@example.com").await;
        }
        app.advance(COOL_DOWN.saturating_sub(SECOND));
        assert_eq!(app.request_reset("john@example.com").await.status, 200);
        app.advance(SECOND);
        assert_eq!(app.request_reset("john@example.com").await.status, 429);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn other_changes_of_the_record_do_not_clear_the_count() {
        let app = start().await;
        let user = app.sign_up("john").await;
        for _ in 0..5 {
            app.reset_token("john@example.com").await;
            app.advance(COOL_DOWN);
        }
        change(&app, &user, json!({"first_name": "John"})).await;
        change(&app, &user, json!({"email": "JOHN@example.com"})).await;
        change(&app, &user, json!({"password": PASSWORD})).await;
        app.token("john", PASSWORD).await;
        assert_eq!(app.request_reset("john@example.com").await.status, 429);
        change(&app, &user, json!({"password": OTHER_PASSWORD})).await;
        app.mail();
        app.reset_token("john@example.com").await;
    }

    /// DynamoDB deletes what has expired at a moment of its own, such as this one.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_mail_whose_expired_predecessor_is_deleted_meanwhile_is_queued_all_the_same() {
        for setting in ["true", "false"] {
            let app = TestApp::with(&[("REVEAL_UNKNOWN_EMAILS", setting)]).await;
            let user = app.sign_up("john").await;
            app.reset_token("john@example.com").await;
            app.advance(8 * DAY);
            let gate = app.proxy.hold(|call| call.operation == "PutItem");
            let sweep = gate.during(async {
                let key = format!("mail#reset_password#{}", user.id);
                Tables::of(&app).delete(TRANSIENT, &key).await;
            });
            let (asked, ()) = tokio::join!(app.request_reset("john@example.com"), sweep);
            assert_eq!(asked.status, 200);
            app.server.drain().await;
            let link = token_in(&app.mail());
            assert_eq!(app.complete(&link, OTHER_PASSWORD).await.status, 201);
            app.mail();
        }
    }

    /// Somebody asks for the old address, and is overtaken by the change and by somebody who asks for the new one; or
    /// the other way round. Whoever asks for the address that is in force gets a mail.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_mail_to_the_new_address_is_not_lost_to_one_to_the_old() {
        let app = start().await;
        let user = app.sign_up("john").await;
        // The first asking, for the old address, is held before its write until the address is another. The second, for
        // the new one, has read that there is no item and is held until the first is written.
        let [first, second] = app
            .proxy
            .hold_each(|call| call.operation == "PutItem" && call.says("mail#reset"));
        let key = format!("mail#reset_password#{}", user.id);
        let overtake = async {
            first.reached().await;
            change(&app, &user, json!({"email": "johnny@example.com"})).await;
            let write_first = async {
                second.reached().await;
                first.open();
                while Tables::of(&app).item(TRANSIENT, &key).await.is_none() {
                    tokio::task::yield_now().await;
                }
                second.open();
            };
            tokio::join!(app.request_reset("johnny@example.com"), write_first).0
        };
        let (old, new) = tokio::join!(app.request_reset("john@example.com"), overtake);
        assert_eq!((old.status, new.status), (200, 200));
        app.server.drain().await;
        let mails = app.unread();
        let links = mails
            .iter()
            .filter(|mail| mail.text.contains("?token=") && mail.to == ["johnny@example.com"]);
        assert_eq!(links.count(), 1, "the mail was told to be queued");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_counter_that_lacks_something_or_expired_long_ago_stands_in_nobodys_way() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        let tables = Tables::of(&app);
        for item in [
            json!({}),
            json!({"count": 1_000}),
            json!({"count": 1_000, "window_ends": app.now() - 1}),
            json!({"count": 1_000, "window_ends": app.now(), "expires_at": 1}),
            json!({"window_ends": app.now() + 100}),
            json!({"expires_at": app.now() + 100}),
        ] {
            for what in [
                "reset_password",
                "reset_password_complete",
                "sign_up",
                "log_in",
            ] {
                let mut item = item.clone();
                item["pk"] = json!(format!("limit#{what}#127.0.0.1"));
                tables.put(TRANSIENT, &item).await;
            }
            assert_eq!(
                app.request_reset("nobody@example.com").await.status,
                404,
                "{item}"
            );
            assert!(
                invalid_token(&app.complete("x", OTHER_PASSWORD).await),
                "{item}"
            );
            let taken = json!({"username": "john", "email": "a@example.com", "password": PASSWORD});
            assert_eq!(app.post("/auth/signup", &taken).await.status, 400, "{item}");
            app.token("john", PASSWORD).await;
            assert_eq!(
                app.log_in("john", OTHER_PASSWORD).await.status,
                401,
                "{item}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn sources_are_told_apart_by_address_and_ipv6_network_and_what_is_none_is_one() {
        let app = TestApp::with(&[("LIMIT_RESETS_PER_HOUR", "1")]).await;
        let ask = async |source: Value| {
            app.invoke("reset_password", |event| {
                let http = &mut event["requestContext"]["http"];
                http["sourceIp"] = source;
                event["body"] = json!(json!({"email": "nobody@example.com"}).to_string());
            })
            .await
            .0
        };
        for group in [
            &["192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201"][..],
            &["192.0.2.2", "::FFFF:192.0.2.2"],
            &[
                "2001:db8:1:2::1",
                "2001:DB8:1:2:ffff:ffff:ffff:ffff",
                "2001:0db8:0001:0002::",
            ],
            &["2001:db8:1:3::1", "2001:db8:1:3::192.0.2.1"],
            &["::1", "::2"],
            &[
                "",
                "nonsense",
                "192.0.2.256",
                "192.0.2.1, 192.0.2.9",
                "192.0.2",
                "fe80::1%eth0",
                "0x7f.1",
                "limit#x",
            ],
        ] {
            for (number, source) in group.iter().enumerate() {
                let expected = if number == 0 { 404 } else { 429 };
                assert_eq!(ask(json!(source)).await, expected, "{source}");
            }
        }
        assert_eq!(
            ask(Value::Null).await,
            429,
            "no address is as good as nonsense"
        );
    }
}

mod case_23_lifetimes {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_works_until_the_last_second_and_not_at_it() {
        for (wait, works) in [
            (LIFETIME.saturating_sub(SECOND), true),
            (LIFETIME, false),
            (LIFETIME + SECOND, false),
            (30 * DAY, false),
        ] {
            let app = start().await;
            app.sign_up("john").await;
            let link = app.reset_token("john@example.com").await;
            app.advance(wait);
            let answer = app.complete(&link, OTHER_PASSWORD).await;
            if works {
                assert_eq!(answer.status, 201);
                app.mail();
            } else {
                assert!(invalid_token(&answer));
                // And the next one does.
                let link = app.reset_token("john@example.com").await;
                assert_eq!(app.complete(&link, OTHER_PASSWORD).await.status, 201);
                app.mail();
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_item_that_lacks_anything_is_no_token_and_stands_in_no_others_way() {
        for name in ["hash", "nonce", "credentials", "expires_at"] {
            let app = start().await;
            let user = app.sign_up("john").await;
            let link = app.reset_token("john@example.com").await;
            let key = format!("reset#{}", user.id);
            Tables::of(&app).strip(TRANSIENT, &key, name).await;
            let answer = app.complete(&link, OTHER_PASSWORD).await;
            assert!(invalid_token(&answer), "{name}");
            let empty = format!("{}-{}", link.split('-').next().unwrap(), "0".repeat(40));
            assert!(invalid_token(&app.complete(&empty, OTHER_PASSWORD).await));
            app.advance(COOL_DOWN);
            let link = app.reset_token("john@example.com").await;
            assert_eq!(
                app.complete(&link, OTHER_PASSWORD).await.status,
                201,
                "{name}"
            );
            app.mail();
        }
    }
}

mod case_24_tokens {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn no_other_way_to_write_a_token_is_read() {
        let app = start().await;
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
            let answer = app.complete(&other, OTHER_PASSWORD).await;
            assert!(invalid_token(&answer), "{other}");
        }
        assert_eq!(app.complete(&link, OTHER_PASSWORD).await.status, 201);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn faults_of_the_other_fields_are_told_whatever_the_token_and_never_use_it_up() {
        let app = start().await;
        let user = app.sign_up("johanna").await;
        change(
            &app,
            &user,
            json!({"first_name": "Bartholomea", "last_name": "Quetzal"}),
        )
        .await;
        let link = app.reset_token("johanna@example.com").await;
        let runs = app.hasher.count();
        for token in [link.as_str(), "nonsense", ""] {
            let body = json!({"new_password": "short", "password_confirmation": "other", "reset_token": token});
            assert_eq!(
                app.post(COMPLETE, &body).await.faults(),
                [
                    fault("new_password", "too_short"),
                    fault("password_confirmation", "mismatch")
                ]
            );
        }
        // Only a good token tells what its user's name is.
        for similar in [
            "bartholomea1",
            "QUETZAL2026",
            "johanna@example.com",
            "annahoj1",
            "BartholomeaQuetzal",
        ] {
            let answer = app.complete(&link, similar).await;
            assert_eq!(
                answer.fault(),
                fault("new_password", "too_similar"),
                "{similar}"
            );
            let unknown = format!("{}-{}", link.split('-').next().unwrap(), "0".repeat(40));
            assert!(invalid_token(&app.complete(&unknown, similar).await));
        }
        assert_eq!(app.hasher.count(), runs, "none of it was hashed");
        // The present password is a password as good as any.
        assert_eq!(app.complete(&link, PASSWORD).await.status, 201);
        app.mail();
        app.token("johanna", PASSWORD).await;
        assert_eq!(app.details(&user).await.status, 401);
    }
}

mod case_26_what_ends_a_link {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn to_another_address_and_back_again_does_not_bring_the_link_back() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let link = app.reset_token("john@example.com").await;
        change(&app, &user, json!({"email": "johnny@example.com"})).await;
        change(&app, &user, json!({"email": "john@example.com"})).await;
        app.unread();
        assert!(invalid_token(&app.complete(&link, OTHER_PASSWORD).await));
        app.token("john", PASSWORD).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn to_another_password_and_back_again_does_not_bring_the_link_back() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let link = app.reset_token("john@example.com").await;
        change(&app, &user, json!({"password": OTHER_PASSWORD})).await;
        let back = json!({"current-password": OTHER_PASSWORD, "password": PASSWORD});
        assert_eq!(app.update(&user.token, &back).await.status, 200);
        app.unread();
        assert!(invalid_token(&app.complete(&link, OTHER_PASSWORD).await));
        app.token("john", PASSWORD).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn signing_in_and_out_and_failing_to_leave_the_link_good() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let link = app.reset_token("john@example.com").await;
        let session = app.token("john", PASSWORD).await;
        assert_eq!(app.log_out(&session).await.status, 204);
        for _ in 0..6 {
            app.log_in("john", OTHER_PASSWORD).await;
        }
        app.advance(Duration::from_mins(1));
        change(&app, &user, json!({"last_name": "Doe"})).await;
        assert_eq!(app.complete(&link, OTHER_PASSWORD).await.status, 201);
        app.mail();
    }
}

mod case_28_hidden {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn odd_addresses_are_refused_alike_and_every_spelling_of_an_unknown_one_counts_as_one() {
        let app =
            TestApp::with(&[("REVEAL_UNKNOWN_EMAILS", "false"), ("SOURCE_LIMITS", "off")]).await;
        let spellings = [
            "nobody@b\u{fc}cher.example",
            "NOBODY@B\u{dc}CHER.EXAMPLE",
            " nobody@xn--bcher-kva.example",
            "nobody@bu\u{308}cher\u{3002}example",
            "Nobody@XN--BCHER-KVA.example",
        ];
        for spelling in spellings {
            assert_eq!(app.request_reset(spelling).await.status, 200);
            app.advance(COOL_DOWN);
        }
        for spelling in spellings {
            assert_eq!(
                retry_after(&app.request_reset(spelling).await),
                86_400 - 600
            );
        }
        assert_eq!(
            app.request_reset("nonsense").await.fault(),
            fault("email", "invalid")
        );
    }

    /// Whoever has the address next is not held back by what was asked for before.
    #[tokio::test(flavor = "multi_thread")]
    async fn an_unknown_address_that_signs_up_later_gets_its_mails() {
        let app =
            TestApp::with(&[("REVEAL_UNKNOWN_EMAILS", "false"), ("SOURCE_LIMITS", "off")]).await;
        for _ in 0..6 {
            app.request_reset("john@example.com").await;
            app.advance(COOL_DOWN);
        }
        assert_eq!(app.request_reset("john@example.com").await.status, 429);
        app.sign_up("john").await;
        app.reset_token("john@example.com").await;
    }
}
