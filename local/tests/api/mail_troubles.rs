//! Further troubles of mails, family 40: SES that is late, records and items that are poison, processes that end at the
//! worst moment.

use std::time::Duration;

use serde_json::{Value, json, value::RawValue};
use tokio::time::{Instant, timeout};

use crate::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, token_in},
    mails::{
        TRANSIENT, ask_all, block, item, recipient, recipients, record, reset_key, send, start,
        state, throttle,
    },
    mangled::Mangling,
    proxy::{Fate, error},
    raw::IN_TIME,
    tables::Tables,
};

mod case_40_mails {
    use super::*;

    const LATE: Duration = Duration::from_secs(7);

    #[tokio::test(flavor = "multi_thread")]
    async fn while_ses_does_not_answer_requests_are_answered_and_the_mail_is_sent_afterwards() {
        for fate in [Fate::Delay(LATE), Fate::Mangled(Mangling::Stuck)] {
            let (app, ses) = start().await;
            let user = app.sign_up("john").await;
            let shown = format!("{fate:?}");
            ses.once("SendEmail", fate);
            let asked = timeout(IN_TIME, app.request_reset("john@example.com"))
                .await
                .unwrap();
            assert_eq!(asked.status, 200, "{shown}");
            // Nobody else has to wait for it either.
            assert_eq!(
                timeout(IN_TIME, app.details(&user)).await.unwrap().status,
                200
            );
            app.server.drain().await;
            app.server.drain().await;
            let mails = app.unread();
            assert!((1..=2).contains(&mails.len()), "{shown}: {mails:?}");
            assert_eq!(state(&app, &reset_key(&user)).await.0, "sent", "{shown}");
            let token = token_in(mails.last().unwrap());
            assert_eq!(
                app.complete(&token, OTHER_PASSWORD).await.status,
                201,
                "{shown}"
            );
            app.server.drain().await;
            app.mail();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_time_out_of_ses_is_trouble_that_passes_and_well_within_the_functions_time() {
        let (app, ses) = start().await;
        block(&app, &ses, "blocker").await;
        let (users, records) = ask_all(&app, &["u0", "u1", "u2"]).await;
        ses.rule(|call| match recipient(call) {
            "u1@example.com" => Fate::Delay(LATE),
            _ => throttle(call, "blocker@example.com"),
        });
        let began = Instant::now();
        assert_eq!(send(&app, &records).await, ["u1"]);
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(recipients(&app.unread()), ["u0@example.com"]);
        assert_eq!(state(&app, &reset_key(&users[1])).await.0, "queued");
        ses.heal();
        assert!(send(&app, &records).await.is_empty());
        let mails = app.unread();
        let sent = recipients(&mails);
        for user in &users[1..] {
            let copies = sent.iter().filter(|to| **to == user.email).count();
            assert!((1..=2).contains(&copies), "{sent:?}");
        }
        app.server.drain().await;
        app.unread();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whatever_ses_or_something_before_it_answers_the_mail_is_sent_in_the_end() {
        let (app, ses) = start().await;
        block(&app, &ses, "blocker").await;
        let (users, records) = ask_all(&app, &["u0", "u1"]).await;
        for fate in [
            Fate::SesError(400, "AccountSuspendedException"),
            Fate::SesError(400, "ConcurrentModificationException"),
            Fate::SesError(409, "ConflictException"),
            Fate::SesError(400, "IncompleteSignature"),
            Fate::SesError(403, "InvalidSignatureException"),
            Fate::SesError(403, "SignatureDoesNotMatch"),
            Fate::SesError(403, "OptInRequired"),
            Fate::SesError(403, "RequestExpired"),
            Fate::SesError(403, "UnrecognizedClientException"),
            Fate::SesError(400, "Mystery"),
            Fate::SesError(500, "InternalFailure"),
            Fate::Instead(301, "text/html", ""),
            Fate::Instead(403, "text/html", "<html>no</html>"),
            Fate::Instead(413, "text/html", ""),
            Fate::Instead(431, "text/plain", ""),
            Fate::Instead(502, "text/html", "<html>Bad gateway</html>"),
            Fate::Instead(503, "application/json", "{}"),
            Fate::Instead(504, "application/json", "["),
        ] {
            let shown = format!("{fate:?}");
            ses.rule(move |call| match recipient(call) {
                "u0@example.com" => fate.clone(),
                _ => throttle(call, "blocker@example.com"),
            });
            assert_eq!(send(&app, &records).await, ["u0"], "{shown}");
            assert_eq!(
                state(&app, &reset_key(&users[0])).await.0,
                "queued",
                "{shown}"
            );
            assert!(app.unread().is_empty(), "{shown}");
        }
        ses.heal();
        assert!(send(&app, &records).await.is_empty());
        assert_eq!(
            recipients(&app.unread()),
            ["u0@example.com", "u1@example.com"]
        );
        app.server.drain().await;
        app.mail();
    }

    /// What `send_mail` returns for a batch of these records, as text.
    async fn send_text(app: &TestApp, records: &[String]) -> String {
        let event = format!("{{\"Records\":[{}]}}", records.join(","));
        let event = RawValue::from_string(event).unwrap();
        app.server
            .invoke("send_mail", event)
            .await
            .unwrap()
            .get()
            .to_owned()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_record_that_cannot_even_be_read_holds_nothing_up_wherever_it_stands() {
        let (app, ses) = start().await;
        block(&app, &ses, "blocker").await;
        let long_key =
            json!({"dynamodb": {"Keys": {"pk": {"S": format!("mail#{}", "x".repeat(3_000))}}}});
        let poisons = [
            "1e400".to_owned(),
            r#"{"dynamodb":{"NewImage":{"n":1e400}}}"#.to_owned(),
            r#"{"dynamodb":{"NewImage":{"s":"\ud800"}}}"#.to_owned(),
            format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)),
            r#"{"dynamodb":{},"dynamodb":{}}"#.to_owned(),
            "null".to_owned(),
            "\"x\"".to_owned(),
            r#"{"eventName":"REMOVE","dynamodb":{"Keys":{"pk":{"S":"mail#reset_password#1"}}}}"#.to_owned(),
            r#"{"eventName":"MODIFY","eventVersion":"9.9","dynamodb":{"Keys":{"pk":{"S":"mail#"}}}}"#.to_owned(),
            r#"{"dynamodb":{"Keys":{"pk":{"S":"mail#reset_password#x"}},"NewImage":[]}}"#.to_owned(),
            r#"{"dynamodb":{"Keys":[],"NewImage":{"nonce":{"S":"x"}}}}"#.to_owned(),
            long_key.to_string(),
            json!({"dynamodb": {"NewImage": {"x": {"S": "x".repeat(400_000)}}}}).to_string(),
        ];
        for (number, poison) in poisons.iter().enumerate() {
            let names = [format!("a{number}"), format!("b{number}")];
            let names = names.each_ref().map(String::as_str);
            let (users, records) = ask_all(&app, &names).await;
            let mut batch: Vec<_> = records.iter().map(Value::to_string).collect();
            batch.insert(number % 3, poison.clone());
            let shown: String = poison.chars().take(80).collect();
            assert_eq!(
                send_text(&app, &batch).await,
                r#"{"batchItemFailures":[]}"#,
                "{shown}"
            );
            let expected: Vec<_> = users.iter().map(|user| user.email.as_str()).collect();
            assert_eq!(recipients(&app.unread()), expected, "{shown}");
        }
        ses.heal();
        app.server.drain().await;
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_poisonous_mail_ends_as_failed_with_its_reason_at_each_place_of_a_batch() {
        let (app, ses) = start().await;
        block(&app, &ses, "blocker").await;
        let tables = Tables::of(&app);
        let spoils: [fn(&mut Value); 10] = [
            |mail| mail["kind"] = json!("pigeon post"),
            |mail| mail["kind"] = json!(5),
            |mail| mail["user"] = json!("nobody"),
            |mail| mail["nonce"] = json!(5),
            |mail| mail["state"] = json!("lost"),
            |mail| mail["asked_at"] = json!("yesterday"),
            |mail| mail["for"] = json!(true),
            |mail| drop(mail.as_object_mut().unwrap().remove("for")),
            |mail| drop(mail.as_object_mut().unwrap().remove("expires_at")),
            |mail| mail["address"] = json!({"a": "b"}),
        ];
        for (place, spoil) in spoils.iter().enumerate() {
            let names: Vec<_> = (0..10).map(|number| format!("u{place}x{number}")).collect();
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            let (users, mut records) = ask_all(&app, &names).await;
            let key = reset_key(&users[place]);
            let mut mail = item(&app, &key).await;
            spoil(&mut mail);
            tables.put(TRANSIENT, &mail).await;
            records[place] = record(&mail, "poison");
            assert!(send(&app, &records).await.is_empty(), "{place}");
            let (state, reason) = state(&app, &key).await;
            assert_eq!(state, "failed", "{place}");
            assert!(
                reason.starts_with("item cannot be deserialized"),
                "{place}: {reason}"
            );
            let good = users
                .iter()
                .enumerate()
                .filter(|(number, _)| *number != place);
            let expected: Vec<_> = good.map(|(_, user)| user.email.as_str()).collect();
            assert_eq!(recipients(&app.unread()), expected, "{place}");
            // Once more changes nothing.
            assert!(send(&app, &records).await.is_empty(), "{place}");
            assert!(app.unread().is_empty(), "{place}");
        }
        ses.heal();
        app.server.drain().await;
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_has_a_poisonous_mail_can_ask_for_another() {
        let (app, _ses) = start().await;
        let user = app.sign_up("john").await;
        let spoils: [fn(&mut Value); 4] = [
            |mail| mail["kind"] = json!("pigeon post"),
            |mail| mail["nonce"] = json!(5),
            |mail| drop(mail.as_object_mut().unwrap().remove("nonce")),
            |mail| mail["count"] = json!("many"),
        ];
        for (round, spoil) in spoils.iter().enumerate() {
            app.reset_token("john@example.com").await;
            app.advance(Duration::from_hours(25));
            let mut mail = item(&app, &reset_key(&user)).await;
            spoil(&mut mail);
            Tables::of(&app).put(TRANSIENT, &mail).await;
            let token = app.reset_token("john@example.com").await;
            let passwords = [PASSWORD, OTHER_PASSWORD];
            let password = passwords[(round + 1) % 2];
            assert_eq!(app.complete(&token, password).await.status, 201, "{round}");
            app.mail();
            app.token("john", password).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_that_cannot_be_read_is_replaced_by_the_next() {
        let (app, _ses) = start().await;
        let user = app.sign_up("john").await;
        let old = app.reset_token("john@example.com").await;
        let key = format!("reset#{}", user.id);
        let mut link = item(&app, &key).await;
        link["credentials"] = json!("many");
        Tables::of(&app).put(TRANSIENT, &link).await;
        let answer = app.complete(&old, OTHER_PASSWORD).await;
        assert_eq!(answer.problem(), crate::app::problem(400, "invalid_token"));
        app.advance(Duration::from_mins(2));
        let token = app.reset_token("john@example.com").await;
        assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 201);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn ended_between_any_two_steps_it_sends_every_mail_and_at_most_one_twice() {
        // What fails stands for the process being ended there: before the call, or after it and before its answer.
        for (key, operation) in [
            ("mail#", "GetItem"),
            ("user#", "GetItem"),
            ("reset#", "GetItem"),
            ("reset#", "PutItem"),
            ("mail#", "UpdateItem"),
        ] {
            for done in [false, true] {
                let (app, _ses) = start().await;
                let user = app.sign_up("john").await;
                let mut left = 3;
                app.proxy.rule(move |call| {
                    let is_it = call.function == "send_mail"
                        && call.operation == operation
                        && call.keys()[0].1.starts_with(key);
                    if !is_it || left == 0 {
                        return Fate::Pass;
                    }
                    left -= 1;
                    if done {
                        Fate::CutAfter
                    } else {
                        error(503, "ServiceUnavailable")
                    }
                });
                assert_eq!(app.request_reset("john@example.com").await.status, 200);
                app.server.drain().await;
                app.server.drain().await;
                let mails = app.unread();
                let shown = format!("{operation} of {key}, done {done}");
                assert!((1..=2).contains(&mails.len()), "{shown}: {}", mails.len());
                assert_eq!(state(&app, &reset_key(&user)).await.0, "sent", "{shown}");
                let token = token_in(mails.last().unwrap());
                assert_eq!(
                    app.complete(&token, OTHER_PASSWORD).await.status,
                    201,
                    "{shown}"
                );
                app.server.drain().await;
                app.mail();
            }
        }
    }
}
