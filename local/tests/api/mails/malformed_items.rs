//! `send_mail`: malformed records and items.

use std::time::Duration;

use serde_json::{Value, json, value::RawValue};

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp},
    mail_queue::{
        addresses, block, item, recipients, record, request_all_blocked, reset_key, send,
        start_with_ses, state, unblock,
    },
    response::problem,
    tables::TRANSIENT,
};

/// The text that `send_mail` returns for a batch of these records.
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

mod case_40_mail_delivery {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_records_are_skipped() {
        let (app, _ses) = start_with_ses().await;
        block(&app);
        let (users, records) =
            request_all_blocked(&app, &["good1", "unreadable", "nonceless", "good2"]).await;
        let tables = app.tables();
        let mut unreadable = item(&app, &reset_key(&users[1])).await;
        unreadable["kind"] = json!("pigeon post");
        tables.put(TRANSIENT, &unreadable).await;
        tables
            .remove_attribute(TRANSIENT, &reset_key(&users[2]), "nonce")
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
            recipients(&app.unread_mails()),
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
            let response = app.server.invoke("send_mail", event).await.unwrap();
            assert_eq!(response.get(), r#"{"batchItemFailures":[]}"#);
        }
        unblock(&app, &[]).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_malformed_item_does_not_stop_the_stream() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        app.sign_up("jane").await;
        app.reset_token("john@example.com").await;
        let mut modified = item(&app, &reset_key(&user)).await;
        modified["state"] = json!("queued");
        modified["user"] = json!("nobody");
        app.tables().put(TRANSIENT, &modified).await;
        app.server.drain().await;
        assert_eq!(state(&app, &reset_key(&user)).await.0, "failed");
        app.reset_token("jane@example.com").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn unparsable_records_are_skipped_at_any_place() {
        let (app, _ses) = start_with_ses().await;
        block(&app);
        let long_key =
            json!({"dynamodb": {"Keys": {"pk": {"S": format!("mail#{}", "x".repeat(3_000))}}}});
        let malformed = [
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
        for (number, record) in malformed.iter().enumerate() {
            let names = [format!("a{number}"), format!("b{number}")];
            let names = names.each_ref().map(String::as_str);
            let (users, records) = request_all_blocked(&app, &names).await;
            let mut batch: Vec<_> = records.iter().map(Value::to_string).collect();
            batch.insert(number % 3, record.clone());
            let shown: String = record.chars().take(80).collect();
            assert_eq!(
                send_text(&app, &batch).await,
                r#"{"batchItemFailures":[]}"#,
                "{shown}"
            );
            let expected = addresses(&users);
            assert_eq!(recipients(&app.unread_mails()), expected, "{shown}");
        }
        unblock(&app, &[]).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_malformed_item_fails_with_a_reason() {
        let (app, _ses) = start_with_ses().await;
        block(&app);
        let tables = app.tables();
        let modifications: [fn(&mut Value); 10] = [
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
        for (place, modify) in modifications.iter().enumerate() {
            let names: Vec<_> = (0..10).map(|number| format!("u{place}x{number}")).collect();
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            let (users, mut records) = request_all_blocked(&app, &names).await;
            let key = reset_key(&users[place]);
            let mut mail = item(&app, &key).await;
            modify(&mut mail);
            tables.put(TRANSIENT, &mail).await;
            records[place] = record(&mail, "malformed");
            assert!(send(&app, &records).await.is_empty(), "{place}");
            let (state, reason) = state(&app, &key).await;
            assert_eq!(state, "failed", "{place}");
            assert!(
                reason.starts_with("item cannot be deserialized"),
                "{place}: {reason}"
            );
            let others = users
                .iter()
                .enumerate()
                .filter(|(number, _)| *number != place);
            let expected: Vec<_> = others.map(|(_, user)| user.email.as_str()).collect();
            assert_eq!(recipients(&app.unread_mails()), expected, "{place}");
            // Another delivery changes nothing.
            assert!(send(&app, &records).await.is_empty(), "{place}");
            assert!(app.unread_mails().is_empty(), "{place}");
        }
        unblock(&app, &[]).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_malformed_item_can_be_replaced() {
        let (app, _ses) = start_with_ses().await;
        let user = app.sign_up("john").await;
        let modifications: [fn(&mut Value); 4] = [
            |mail| mail["kind"] = json!("pigeon post"),
            |mail| mail["nonce"] = json!(5),
            |mail| drop(mail.as_object_mut().unwrap().remove("nonce")),
            |mail| mail["count"] = json!("many"),
        ];
        for (round, modify) in modifications.iter().enumerate() {
            app.reset_token("john@example.com").await;
            app.advance(Duration::from_hours(25));
            let mut mail = item(&app, &reset_key(&user)).await;
            modify(&mut mail);
            app.tables().put(TRANSIENT, &mail).await;
            let token = app.reset_token("john@example.com").await;
            let passwords = [PASSWORD, OTHER_PASSWORD];
            let password = passwords[(round + 1) % 2];
            assert_eq!(app.complete(&token, password).await.status, 201, "{round}");
            app.mail();
            app.token("john", password).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_malformed_reset_item_is_replaced() {
        let (app, _ses) = start_with_ses().await;
        let user = app.sign_up("john").await;
        let old = app.reset_token("john@example.com").await;
        let key = format!("reset#{}", user.id);
        let mut link = item(&app, &key).await;
        link["credentials"] = json!("many");
        app.tables().put(TRANSIENT, &link).await;
        let response = app.complete(&old, OTHER_PASSWORD).await;
        assert_eq!(response.problem(), problem(400, "invalid_token"));
        app.advance(Duration::from_mins(2));
        let token = app.reset_token("john@example.com").await;
        assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 201);
        app.mail();
    }
}
