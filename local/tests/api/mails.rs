//! What mails say and to whom they go, and `send_mail`: every mail once, whatever goes wrong between DynamoDB, SES and
//! it. Family 40.

use std::{sync::Arc, time::Duration};

use local::Mail;
use serde_json::{Value, json, value::to_raw_value};

use crate::{
    app::{OTHER_PASSWORD, PASSWORD, SessionResponse, TestApp, event, token_in},
    proxy::{Call, Fate, Proxy, error, typed},
    tables::Tables,
};

pub const TRANSIENT: &str = "TransientTable";
const COOL_DOWN: Duration = Duration::from_mins(2);

/// A name that is markup, template syntax, a formula and a placeholder at once.
const HOSTILE: &str = r#"=1+1{{7*7}}<b onload="x">&'${x}%s"#;
/// The same in HTML.
const ESCAPED: &str = "=1+1{{7*7}}&#60;b onload=&#34;x&#34;&#62;&#38;&#39;${x}%s";

/// With a stand-in before SES, and without limits by source, since all of this comes from one.
pub async fn start() -> (TestApp, Proxy) {
    let ses = Proxy::start().await;
    let settings = [
        ("AWS_ENDPOINT_URL_SESV2", ses.url()),
        ("SOURCE_LIMITS", "off".to_owned()),
    ];
    let app = TestApp::with(
        &settings
            .each_ref()
            .map(|(name, value)| (*name, value.as_str())),
    )
    .await;
    ses.forward_to(app.server.ses_address());
    (app, ses)
}

/// Has SES throttle mails to `blocked` so that nothing after the first of them leaves the stream: what is asked for
/// then waits for [`send`].
pub async fn block(app: &TestApp, ses: &Proxy, blocked: &str) {
    let address = app.sign_up(blocked).await.email;
    let to_blocked = address.clone();
    ses.rule(move |call| throttle(call, &to_blocked));
    assert_eq!(app.request_reset(&address).await.status, 200);
    app.server.drain().await;
}

pub fn throttle(call: &Call, address: &str) -> Fate {
    if recipient(call) == address {
        Fate::SesError(429, "TooManyRequestsException")
    } else {
        Fate::Pass
    }
}

pub fn recipient(call: &Call) -> &str {
    call.body["Destination"]["ToAddresses"][0].as_str().unwrap()
}

pub fn recipients(mails: &[Mail]) -> Vec<&str> {
    mails.iter().map(|mail| mail.to[0].as_str()).collect()
}

pub fn reset_key(user: &SessionResponse) -> String {
    format!("mail#reset_password#{}", user.id)
}

pub async fn item(app: &TestApp, key: &str) -> Value {
    Tables::of(app).item(TRANSIENT, key).await.unwrap()
}

/// The state of a mail, and why or as what it got there.
pub async fn state(app: &TestApp, key: &str) -> (String, String) {
    let item = item(app, key).await;
    let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
    (text("state"), text("detail"))
}

/// The stream's record of `item` being written, as Lambda hands it over.
pub fn record(item: &Value, sequence_number: &str) -> Value {
    let mut record = event("send_mail")["Records"][0].take();
    let change = &mut record["dynamodb"];
    change["Keys"]["pk"]["S"] = item["pk"].clone();
    change["NewImage"] = typed(item)["M"].take();
    change["SequenceNumber"] = json!(sequence_number);
    record
}

/// Asks for a reset, which waits because the stream is blocked; gives the record.
pub async fn ask(app: &TestApp, user: &SessionResponse) -> Value {
    assert_eq!(app.request_reset(&user.email).await.status, 200);
    record(&item(app, &reset_key(user)).await, &user.username)
}

/// Users of these names, and the record of a reset that each has asked for.
pub async fn ask_all(app: &TestApp, names: &[&str]) -> (Vec<SessionResponse>, Vec<Value>) {
    let (mut users, mut records) = (Vec::new(), Vec::new());
    for name in names {
        let user = app.sign_up(name).await;
        records.push(ask(app, &user).await);
        users.push(user);
    }
    (users, records)
}

/// Hands `records` to `send_mail`; gives the sequence numbers that it reports.
pub async fn send(app: &TestApp, records: &[Value]) -> Vec<String> {
    let event = to_raw_value(&json!({"Records": records})).unwrap();
    let answer = app.server.invoke("send_mail", event).await.unwrap();
    let answer: Value = serde_json::from_str(answer.get()).unwrap();
    let failures = answer["batchItemFailures"].as_array().unwrap().iter();
    failures
        .map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_mail_says_this() {
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
    // Nothing is loaded from anywhere.
    for part in ["src=", "<img", "<script", "<link", "url("] {
        assert!(!mail.html.contains(part), "{}", mail.html);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_say_this_and_hold_no_link() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    let change = json!({"current-password": PASSWORD, "password": OTHER_PASSWORD, "email": "new@example.com"});
    assert_eq!(app.update(&user.token, &change).await.status, 200);
    let mails = app.unread();
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
async fn every_change_tells_the_address_that_was_in_force() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    let update = |change: Value| {
        let mut change = change;
        change["current-password"] = json!(PASSWORD);
        let (app, token) = (&app, &user.token);
        async move { assert_eq!(app.update(token, &change).await.status, 200) }
    };
    update(json!({"first_name": "John"})).await;
    assert!(app.unread().is_empty(), "nobody is told of a name");
    update(json!({"email": "John@Example.com"})).await;
    assert!(app.unread().is_empty(), "nor of another spelling");
    update(json!({"email": "new@example.com"})).await;
    assert_eq!(app.mail().to, ["John@example.com"]);
    update(json!({"password": OTHER_PASSWORD})).await;
    assert_eq!(app.mail().to, ["new@example.com"]);
}

mod case_15_names {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn names_are_escaped_in_html_kept_as_typed_in_text_and_left_out_of_subjects() {
        let app = TestApp::start().await;
        let body = json!({
            "username": "john", "email": "john@example.com", "password": PASSWORD, "first_name": HOSTILE, "last_name": HOSTILE,
        });
        let signed_up = app.post("/auth/signup", &body).await;
        assert_eq!(signed_up.status, 201);
        let reset = app.reset_token("john@example.com").await;
        assert_eq!(app.complete(&reset, OTHER_PASSWORD).await.status, 201);
        let token = app.token("john", OTHER_PASSWORD).await;
        let change = json!({"current-password": OTHER_PASSWORD, "email": "j@example.org"});
        assert_eq!(app.update(&token, &change).await.status, 200);
        let mails = app.server.mails();
        assert_eq!(app.unread().len(), 2);
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
    async fn a_mail_goes_to_the_local_part_as_typed_at_the_domain_in_ascii() {
        let app = TestApp::start().await;
        let body =
            json!({"username": "hans", "email": "Hans+Tag@BÜCHER.Example", "password": PASSWORD});
        let token = app.post("/auth/signup", &body).await.json()["token"].take();
        assert_eq!(
            app.request_reset("hans+tag@bücher.example").await.status,
            200
        );
        let change = json!({"current-password": PASSWORD, "password": OTHER_PASSWORD});
        assert_eq!(
            app.update(token.as_str().unwrap(), &change).await.status,
            200
        );
        let mails = app.unread();
        assert_eq!(recipients(&mails), ["Hans+Tag@xn--bcher-kva.example"; 2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_decide_on_sender_product_and_lifetime() {
    let settings = [
        ("MAIL_FROM", "Acme & Sons <hello@acme.example>"),
        ("PRODUCT_NAME", "Acme & Sons"),
        ("RESET_LINK_HOURS", "3"),
        ("RESET_LINK_BASE", "https://acme.example/reset"),
    ];
    let app = TestApp::with(&settings).await;
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

mod case_40_mails {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_record_that_is_delivered_again_sends_nothing_again() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let mail = item(&app, &reset_key(&user)).await;
        assert_eq!(
            (&mail["state"], &mail["detail"]),
            (&json!("sent"), &json!("local-000001"))
        );
        let mut queued = mail.clone();
        queued["state"] = json!("queued");
        for _ in 0..3 {
            assert!(
                send(&app, &[record(&queued, "1"), record(&mail, "2")])
                    .await
                    .is_empty()
            );
        }
        assert_eq!(item(&app, &reset_key(&user)).await, mail);
        assert!(app.unread().is_empty());
        assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 201);
        app.mail();
        // Nor does a notice, whose key only it has.
        let items = Tables::of(&app).all(TRANSIENT).await;
        let is_notice = |item: &&Value| {
            item["pk"]
                .as_str()
                .unwrap()
                .starts_with("mail#password_changed#")
        };
        let notice = items.iter().find(is_notice).unwrap();
        assert_eq!(notice["state"], "sent");
        assert!(send(&app, &[record(notice, "3")]).await.is_empty());
        assert!(app.unread().is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_mail_whose_note_was_lost_comes_twice_and_both_links_work_once() {
        let (app, _ses) = start().await;
        for (name, first) in [("john", 0), ("jane", 1)] {
            let user = app.sign_up(name).await;
            // As often as the SDK tries.
            spoil_notes(&app, 3, Fate::CutBefore);
            assert_eq!(app.request_reset(&user.email).await.status, 200);
            app.server.drain().await;
            let mails = app.unread();
            assert_eq!(recipients(&mails), [user.email.as_str(); 2]);
            let tokens = [token_in(&mails[0]), token_in(&mails[1])];
            assert_ne!(
                tokens[0], tokens[1],
                "a secret is never kept, so it cannot be sent again"
            );
            assert_eq!(state(&app, &reset_key(&user)).await.0, "sent");
            assert_eq!(
                app.complete(&tokens[first], OTHER_PASSWORD).await.status,
                201
            );
            for token in tokens {
                assert_eq!(
                    app.complete(&token, PASSWORD).await.problem().1,
                    "invalid_token"
                );
            }
            app.token(name, OTHER_PASSWORD).await;
            app.mail();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_note_whose_answer_alone_was_lost_costs_no_second_mail() {
        let (app, _ses) = start().await;
        let user = app.sign_up("john").await;
        spoil_notes(&app, 1, Fate::CutAfter);
        let token = app.reset_token("john@example.com").await;
        app.server.drain().await;
        assert_eq!(state(&app, &reset_key(&user)).await.0, "sent");
        assert!(app.unread().is_empty());
        assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 201);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_mail_of_which_ses_did_not_say_that_it_took_it_comes_at_most_twice() {
        let (app, ses) = start().await;
        app.sign_up("john").await;
        ses.once("SendEmail", Fate::CutAfter);
        assert_eq!(app.request_reset("john@example.com").await.status, 200);
        app.server.drain().await;
        let mails = app.unread();
        assert_eq!(recipients(&mails), ["john@example.com"; 2]);
        assert_eq!(
            app.complete(&token_in(&mails[0]), OTHER_PASSWORD)
                .await
                .status,
            201
        );
        assert_eq!(
            app.complete(&token_in(&mails[1]), PASSWORD).await.status,
            400
        );
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn asking_again_while_ses_is_away_sends_one_mail_in_the_end() {
        let (app, ses) = start().await;
        app.sign_up("john").await;
        ses.rule(|_| Fate::SesError(400, "SendingPausedException"));
        for _ in 0..4 {
            assert_eq!(app.request_reset("john@example.com").await.status, 200);
            app.advance(COOL_DOWN);
        }
        assert!(app.unread().is_empty());
        ses.heal();
        app.server.drain().await;
        let token = token_in(&app.mail());
        assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 201);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn after_a_day_without_ses_everything_is_sent_and_the_links_last_from_then_on() {
        let (app, ses) = start().await;
        ses.rule(|_| Fate::SesError(500, "InternalServiceErrorException"));
        let mut users = Vec::new();
        for number in 0..12 {
            let user = app.sign_up(&format!("user{number}")).await;
            assert_eq!(app.request_reset(&user.email).await.status, 200);
            users.push(user);
        }
        app.advance(Duration::from_hours(24));
        assert!(app.unread().is_empty());
        ses.heal();
        app.server.drain().await;
        let mails = app.unread();
        let expected: Vec<_> = users.iter().map(|user| user.email.as_str()).collect();
        assert_eq!(recipients(&mails), expected, "in order, each once");
        app.advance(Duration::from_secs(48 * 3600 - 1));
        let token = token_in(mails.last().unwrap());
        assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 201);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_mail_to_somebody_who_is_gone_or_has_another_address_is_dropped() {
        let (app, ses) = start().await;
        block(&app, &ses, "blocker").await;
        let (users, records) = ask_all(&app, &["john", "jane", "jim"]).await;
        Tables::of(&app)
            .delete("UsersTable", &format!("user#{}", users[0].id))
            .await;
        let change = json!({"current-password": PASSWORD, "email": "other@example.com"});
        assert_eq!(app.update(&users[1].token, &change).await.status, 200);
        let change = json!({"current-password": PASSWORD, "email": "JIM@example.com"});
        assert_eq!(app.update(&users[2].token, &change).await.status, 200);
        assert!(send(&app, &records).await.is_empty());
        let expected = |state: &str, detail: &str| (state.to_owned(), detail.to_owned());
        assert_eq!(
            state(&app, &reset_key(&users[0])).await,
            expected("dropped", "the user no longer exists")
        );
        assert_eq!(
            state(&app, &reset_key(&users[1])).await,
            expected("dropped", "the user's address has changed")
        );
        assert_eq!(state(&app, &reset_key(&users[2])).await.0, "sent");
        assert_eq!(
            app.mail().to,
            ["JIM@example.com"],
            "another spelling is the same address"
        );
        ses.heal();
        app.server.drain().await;
        assert_eq!(
            recipients(&app.unread()),
            ["blocker@example.com", "jane@example.com"],
            "and jane's notice"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_mail_that_ses_refuses_for_good_fails_with_the_reason_and_the_others_go_on() {
        let (app, ses) = start().await;
        for (number, kind) in ["MessageRejected", "BadRequestException"]
            .into_iter()
            .enumerate()
        {
            let (good, bad) = (
                app.sign_up(&format!("good{number}")).await,
                app.sign_up(&format!("bad{number}")).await,
            );
            let address = bad.email.clone();
            ses.rule(move |call| {
                if recipient(call) == address {
                    Fate::SesError(400, kind)
                } else {
                    Fate::Pass
                }
            });
            assert_eq!(app.request_reset(&bad.email).await.status, 200);
            assert_eq!(app.request_reset(&good.email).await.status, 200);
            app.server.drain().await;
            assert_eq!(app.mail().to, [good.email.as_str()]);
            let reason = format!("{kind}: made up by a test");
            assert_eq!(
                state(&app, &reset_key(&bad)).await,
                ("failed".to_owned(), reason)
            );
            assert_eq!(
                ses.calls()
                    .iter()
                    .filter(|call| recipient(call) == bad.email)
                    .count(),
                1,
                "tried once"
            );
            // Asking again is not held against anybody.
            ses.heal();
            app.advance(COOL_DOWN);
            app.reset_token(&bad.email).await;
            assert_eq!(state(&app, &reset_key(&bad)).await.0, "sent");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn trouble_that_passes_is_reported_by_its_record_and_nothing_after_it_is_tried() {
        let (app, ses) = start().await;
        block(&app, &ses, "blocker").await;
        let names = ["u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9"];
        let (users, records) = ask_all(&app, &names).await;
        let fates = [
            Fate::SesError(429, "TooManyRequestsException"),
            Fate::SesError(400, "LimitExceededException"),
            Fate::SesError(400, "ThrottlingException"),
            Fate::SesError(400, "SendingPausedException"),
            Fate::SesError(400, "AccountSuspendedException"),
            Fate::SesError(400, "MailFromDomainNotVerifiedException"),
            Fate::SesError(404, "NotFoundException"),
            Fate::SesError(403, "ExpiredTokenException"),
            Fate::SesError(403, "AccessDeniedException"),
            Fate::SesError(500, "InternalServiceErrorException"),
            Fate::SesError(503, "ServiceUnavailable"),
            Fate::CutBefore,
        ];
        for fate in fates {
            ses.calls();
            let address = users[0].email.clone();
            let (shown, spoilt) = (format!("{fate:?}"), fate);
            ses.rule(move |call| {
                if recipient(call) == address {
                    spoilt.clone()
                } else {
                    throttle(call, "blocker@example.com")
                }
            });
            assert_eq!(send(&app, &records).await, ["u0"], "{shown}");
            assert_eq!(
                state(&app, &reset_key(&users[0])).await.0,
                "queued",
                "{shown}"
            );
            let tried = ses.calls();
            assert!(tried.iter().all(
                |call| !recipient(call).starts_with('u') || recipient(call) == "u0@example.com"
            ));
            assert!(app.unread().is_empty(), "{shown}");
        }
        // In the midst of a batch, those before it are done.
        ses.rule(|call| match recipient(call) {
            "u4@example.com" | "blocker@example.com" => {
                Fate::SesError(429, "TooManyRequestsException")
            }
            _ => Fate::Pass,
        });
        assert_eq!(send(&app, &records).await, ["u4"]);
        let addresses: Vec<_> = users.iter().map(|user| user.email.as_str()).collect();
        assert_eq!(recipients(&app.unread()), addresses[..4]);
        // The next try, with the whole batch again, sends the rest and only that.
        ses.rule(|call| throttle(call, "blocker@example.com"));
        assert!(send(&app, &records).await.is_empty());
        assert_eq!(recipients(&app.unread()), addresses[4..]);
        ses.heal();
        app.server.drain().await;
        assert_eq!(app.mail().to, ["blocker@example.com"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_table_that_cannot_be_read_is_trouble_that_passes() {
        let (app, ses) = start().await;
        block(&app, &ses, "blocker").await;
        let (users, records) = ask_all(&app, &["john", "jane"]).await;
        let keys = [
            reset_key(&users[0]),
            format!("user#{}", users[0].id),
            format!("reset#{}", users[0].id),
        ];
        for key in keys {
            let spoilt = key.clone();
            app.proxy.rule(move |call| {
                if call.keys()[0].1 == spoilt {
                    error(400, "ProvisionedThroughputExceededException")
                } else {
                    Fate::Pass
                }
            });
            assert_eq!(send(&app, &records).await, ["john"], "{key}");
            assert!(app.unread().is_empty());
        }
        app.proxy.heal();
        assert!(send(&app, &records).await.is_empty());
        assert_eq!(
            recipients(&app.unread()),
            ["john@example.com", "jane@example.com"]
        );
        ses.heal();
        app.server.drain().await;
        assert_eq!(app.mail().to, ["blocker@example.com"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn poisonous_records_hold_nothing_up() {
        let (app, ses) = start().await;
        block(&app, &ses, "blocker").await;
        let (users, records) = ask_all(&app, &["good1", "unreadable", "nonceless", "good2"]).await;
        let tables = Tables::of(&app);
        let mut unreadable = item(&app, &reset_key(&users[1])).await;
        unreadable["kind"] = json!("pigeon post");
        tables.put(TRANSIENT, &unreadable).await;
        tables
            .strip(TRANSIENT, &reset_key(&users[2]), "nonce")
            .await;
        let nonceless = item(&app, &reset_key(&users[2])).await;
        let mut removed = records[0].clone();
        removed["dynamodb"]
            .as_object_mut()
            .unwrap()
            .remove("NewImage");
        let of_no_mail = json!({"pk": "reset#1", "nonce": "5f0c1e9a7b3d4826a1f94c0be27d6538", "state": "queued"});
        let of_nothing = json!({"pk": "mail#reset_password#1", "nonce": "5f0c1e9a7b3d4826a1f94c0be27d6538", "state": "queued"});
        let batch = [
            removed,
            record(&of_no_mail, "1"),
            records[0].clone(),
            record(&of_nothing, "2"),
            record(&unreadable, "3"),
            record(&nonceless, "4"),
            json!({}),
            json!({"dynamodb": null}),
            json!({"dynamodb": {"Keys": {"pk": {"N": "5"}}, "NewImage": {"nonce": "plain"}, "SequenceNumber": 5}}),
            records[3].clone(),
        ];
        assert!(send(&app, &batch).await.is_empty());
        assert_eq!(
            recipients(&app.unread()),
            ["good1@example.com", "good2@example.com"]
        );
        for user in &users[1..3] {
            let (state, reason) = state(&app, &reset_key(user)).await;
            assert_eq!(state, "failed");
            assert!(
                reason.starts_with("item cannot be deserialized"),
                "{reason}"
            );
            assert!(!reason.contains("pigeon"), "{reason}");
        }
        for event in [
            "{}",
            "[]",
            "null",
            r#"{"Records": null}"#,
            r#"{"Records": []}"#,
        ] {
            let event = serde_json::from_str(event).unwrap();
            let answer = app.server.invoke("send_mail", event).await.unwrap();
            assert_eq!(answer.get(), r#"{"batchItemFailures":[]}"#);
        }
        ses.heal();
        app.server.drain().await;
        assert_eq!(app.mail().to, ["blocker@example.com"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_poisonous_item_in_the_stream_does_not_stop_it() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        app.sign_up("jane").await;
        app.reset_token("john@example.com").await;
        let mut poison = item(&app, &reset_key(&user)).await;
        poison["state"] = json!("queued");
        poison["user"] = json!("nobody");
        Tables::of(&app).put(TRANSIENT, &poison).await;
        app.server.drain().await;
        assert_eq!(state(&app, &reset_key(&user)).await.0, "failed");
        app.reset_token("jane@example.com").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_batch_that_takes_long_is_left_off_before_the_function_is_ended() {
        let (app, ses) = start().await;
        block(&app, &ses, "blocker").await;
        let names = ["u0", "u1", "u2", "u3"];
        let (_, records) = ask_all(&app, &names).await;
        let app = Arc::new(app);
        let clock = Arc::downgrade(&app);
        ses.rule(move |call| {
            if recipient(call).starts_with('u') {
                clock.upgrade().unwrap().advance(Duration::from_secs(4));
            }
            throttle(call, "blocker@example.com")
        });
        assert_eq!(send(&app, &records).await, ["u2"]);
        assert_eq!(
            recipients(&app.unread()),
            ["u0@example.com", "u1@example.com"]
        );
        assert!(send(&app, &records).await.is_empty());
        assert_eq!(
            recipients(&app.unread()),
            ["u2@example.com", "u3@example.com"]
        );
        ses.heal();
        app.server.drain().await;
        assert_eq!(app.mail().to, ["blocker@example.com"]);
    }
}

/// Has the next `times` notes of a mail being sent end like this.
pub fn spoil_notes(app: &TestApp, times: u32, fate: Fate) {
    let mut left = times;
    app.proxy.rule(move |call| {
        let notes = call.operation == "UpdateItem" && call.keys()[0].1.starts_with("mail#");
        if notes && left > 0 {
            left -= 1;
            fate.clone()
        } else {
            Fate::Pass
        }
    });
}

mod case_24_one_answer {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn only_the_newest_link_works_and_the_older_record_sends_nothing() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let older = app.reset_token("john@example.com").await;
        let mut older_item = item(&app, &reset_key(&user)).await;
        app.advance(COOL_DOWN);
        let newer = app.reset_token("john@example.com").await;
        older_item["state"] = json!("queued");
        assert!(send(&app, &[record(&older_item, "1")]).await.is_empty());
        assert!(app.unread().is_empty());
        assert_eq!(app.complete(&older, OTHER_PASSWORD).await.status, 400);
        assert_eq!(app.complete(&newer, OTHER_PASSWORD).await.status, 201);
        app.mail();
    }
}
