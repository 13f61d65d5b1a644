//! Stream records for `send_mail` and `publish`: no record and no mail item blocks later ones, a mail is sent at most once and
//! only to its user, no name injects markup, and only complete events are published.

#![no_main]

use std::{collections::HashMap, sync::OnceLock};

use aws_sdk_dynamodb::types::AttributeValue;
use fuzz::{World, split_at_first};
use libfuzzer_sys::fuzz_target;
use local::Mail;
use serde_json::{Value, json, value::RawValue, value::to_raw_value};
use shared::{
    domain::{email::EmailAddress, name::Name, user_event::EventKind},
    lambda::Invoke,
    store::database::Item,
};

/// Bytes of the longest partition key that DynamoDB allows.
const MAX_KEY: usize = 2048;

struct Bench {
    world: World,
    send_mail: Invoke,
    publish: Invoke,
}

thread_local! {
    static BENCH: OnceLock<Bench> = const { OnceLock::new() };
}

// Input: after `+`, the user's first name on a line and a mail item as JSON; anything else is a whole event.
fuzz_target!(|text: &str| {
    BENCH.with(|bench| {
        let bench = bench.get_or_init(Bench::start);
        let text = text.replace("{{USER_ID}}", &bench.world.user.to_string());
        match text.strip_prefix('+') {
            Some(rest) => bench.check_item(rest),
            None => bench.check_event(&text),
        }
    });
});

impl Bench {
    fn start() -> Self {
        let world = World::with_settings(&[("EventBusName", "users")]);
        let (send_mail, publish) = (world.function("send_mail"), world.function("publish"));
        Self {
            world,
            send_mail,
            publish,
        }
    }

    fn check_event(&self, text: &str) {
        let (Ok(event), Ok(value)) = (
            RawValue::from_string(text.trim().to_owned()),
            serde_json::from_str::<Value>(text),
        ) else {
            return;
        };
        self.check_events(event.clone(), &value);
        let response = self.world.call(&self.send_mail, event);
        if keys(&value).all(|key| key.len() <= MAX_KEY) {
            assert_eq!(response, json!({"batchItemFailures": []}));
        }
        assert!(self.world.server.mails().is_empty(), "no mail was queued");
    }

    /// Checks that every published event is one of a record, and complete.
    fn check_events(&self, event: Box<RawValue>, value: &Value) {
        self.world.server.clear_events();
        assert_eq!(self.world.call(&self.publish, event), Value::Null);
        let records = value["Records"].as_array().map_or(0, Vec::len);
        let events = self.world.server.events();
        assert!(events.len() <= records);
        for event in events {
            let kinds = EventKind::ALL.map(EventKind::name);
            assert!(kinds.contains(&event.detail_type.as_str()));
            assert!(event.detail["event_id"].is_string());
            assert!(event.detail["user_id"].is_u64() && event.detail["version"].is_u64());
        }
    }

    fn check_item(&self, text: &str) {
        let (first_name, item) = split_at_first(text, "\n");
        let Ok(Value::Object(item)) = serde_json::from_str(item) else {
            return;
        };
        let item: Item = item
            .into_iter()
            .map(|(name, value)| (name, attribute(value)))
            .collect();
        let Some(AttributeValue::S(key)) = item.get("pk").cloned() else {
            return;
        };
        if !key.starts_with("mail#") || !self.world.put_transient(item.clone()) {
            return;
        }
        let mails = self.send(&item, first_name);
        check_mails(&mails, &item);
        self.check_state(&key, &item, mails.len());
        self.deliver(&item);
        assert_eq!(
            self.world.server.mails().len(),
            mails.len(),
            "a mail was sent twice"
        );
        self.world.reset();
        if let [mail] = mails.as_slice() {
            assert!(self.world.put_transient(item.clone()));
            let plain = self.send(&item, "Ann");
            let count_markup = |html: &str| html.matches(['<', '>', '"']).count();
            assert_eq!(
                count_markup(&mail.html),
                count_markup(&plain[0].html),
                "{}",
                mail.html
            );
            self.world.reset();
        }
    }

    /// Delivers `item` to a user with this first name (the original one if it is invalid) and returns the mails sent.
    fn send(&self, item: &Item, first_name: &str) -> Vec<Mail> {
        if Name::parse(first_name).is_ok() {
            let mut user = self.world.user_item();
            let name = AttributeValue::S(first_name.to_owned());
            user.insert("first_name".to_owned(), name);
            self.world.put_user(user);
        }
        self.deliver(item);
        self.world.server.mails()
    }

    fn deliver(&self, item: &Item) {
        let attribute_json = |name: &str| match item.get(name) {
            Some(AttributeValue::S(text)) => json!({"S": text}),
            Some(AttributeValue::N(number)) => json!({"N": number}),
            Some(_) => json!({"NULL": true}),
            None => Value::Null,
        };
        let mut image = json!({"pk": attribute_json("pk"), "nonce": attribute_json("nonce")});
        if let (Some(fields), None) = (image.as_object_mut(), item.get("nonce")) {
            fields.remove("nonce");
        }
        let change =
            json!({"Keys": {"pk": attribute_json("pk")}, "NewImage": image, "SequenceNumber": "1"});
        let event = json!({"Records": [{"eventName": "INSERT", "dynamodb": change}]});
        let response = self
            .world
            .call(&self.send_mail, to_raw_value(&event).expect("JSON"));
        assert_eq!(response, json!({"batchItemFailures": []}));
    }

    /// Checks that a queued mail gets a final state, `sent` exactly if it was sent.
    fn check_state(&self, key: &str, item: &Item, sent: usize) {
        let text = |value: &str| Some(AttributeValue::S(value.to_owned()));
        let after = self.world.transient_item(key).unwrap_or_default();
        let nonce_is_text = matches!(item.get("nonce"), None | Some(AttributeValue::S(_)));
        if item.get("state") == text("queued").as_ref() && nonce_is_text {
            assert_ne!(
                after.get("state"),
                text("queued").as_ref(),
                "the mail is still queued"
            );
        }
        if sent > 0 {
            assert_eq!(after.get("state"), text("sent").as_ref());
        }
    }
}

/// Returns the keys in an event.
fn keys(event: &Value) -> impl Iterator<Item = &str> {
    let records = event["Records"].as_array().map_or(&[][..], Vec::as_slice);
    records
        .iter()
        .filter_map(|record| record["dynamodb"]["Keys"]["pk"]["S"].as_str())
}

fn attribute(value: Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(value) => AttributeValue::Bool(value),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text),
        Value::Array(values) => AttributeValue::L(values.into_iter().map(attribute).collect()),
        Value::Object(members) => {
            let members = members.into_iter();
            let members: HashMap<_, _> = members
                .map(|(name, value)| (name, attribute(value)))
                .collect();
            AttributeValue::M(members)
        }
    }
}

fn check_mails(mails: &[Mail], item: &Item) {
    assert!(mails.len() <= 1);
    let Some(mail) = mails.first() else {
        return;
    };
    let is_reset = item.get("kind") == Some(&AttributeValue::S("reset_password".to_owned()));
    let stored = match item.get("address") {
        Some(AttributeValue::S(address)) if !is_reset => EmailAddress::parse(address)
            .ok()
            .map(|address| address.mailbox()),
        _ => None,
    };
    let to = stored.unwrap_or_else(|| "john@example.com".to_owned());
    assert_eq!(mail.to, [to]);
    assert!(!mail.subject.chars().any(char::is_control));
    assert_eq!(mail.text.matches("#token=").count(), usize::from(is_reset));
}
