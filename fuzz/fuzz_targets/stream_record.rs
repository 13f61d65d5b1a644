//! What the stream hands to `send_mail`: no record and no item of a mail holds up those behind it, a mail goes out at
//! most once and only to its user, and no name breaks out of it.

#![no_main]

use std::{collections::HashMap, sync::OnceLock};

use aws_sdk_dynamodb::types::AttributeValue;
use fuzz::{World, cut};
use libfuzzer_sys::fuzz_target;
use local::Mail;
use serde_json::{Value, json, value::RawValue, value::to_raw_value};
use shared::{store::database::Item, lambda::Invoke, domain::name::Name};

/// DynamoDB's longest key; the stream shows no longer one.
const LONGEST_KEY: usize = 2048;

struct Bench {
    world: World,
    send_mail: Invoke,
}

thread_local! {
    static BENCH: OnceLock<Bench> = const { OnceLock::new() };
}

// `+`: the user's first name on a line, then the item of a mail as JSON; all else is an event as it stands.
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
        let world = World::start();
        let send_mail = world.function("send_mail");
        Self { world, send_mail }
    }

    fn check_event(&self, text: &str) {
        let (Ok(event), Ok(value)) = (
            RawValue::from_string(text.trim().to_owned()),
            serde_json::from_str::<Value>(text),
        ) else {
            return;
        };
        let answer = self.world.call(&self.send_mail, event);
        if keys(&value).all(|key| key.len() <= LONGEST_KEY) {
            assert_eq!(answer, json!({"batchItemFailures": []}));
        }
        assert!(
            self.world.server.mails().is_empty(),
            "nobody asked for a mail"
        );
    }

    fn check_item(&self, text: &str) {
        let (first_name, item) = cut(text, "\n");
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
        self.check_mails(&mails, &item);
        self.check_state(&key, &item, mails.len());
        self.deliver(&item);
        assert_eq!(self.world.server.mails().len(), mails.len(), "sent again");
        self.world.restore();
        if let [mail] = mails.as_slice() {
            assert!(self.world.put_transient(item.clone()));
            let plain = self.send(&item, "Ann");
            let marks = |html: &str| html.matches(['<', '>', '"']).count();
            assert_eq!(marks(&mail.html), marks(&plain[0].html), "{}", mail.html);
            self.world.restore();
        }
    }

    /// The mails that come of `item` if the user is called `first_name`, or as before if nobody can be.
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
        let shown = |name: &str| match item.get(name) {
            Some(AttributeValue::S(text)) => json!({"S": text}),
            Some(AttributeValue::N(number)) => json!({"N": number}),
            Some(_) => json!({"NULL": true}),
            None => Value::Null,
        };
        let mut image = json!({"pk": shown("pk"), "nonce": shown("nonce")});
        if let (Some(fields), None) = (image.as_object_mut(), item.get("nonce")) {
            fields.remove("nonce");
        }
        let change = json!({"Keys": {"pk": shown("pk")}, "NewImage": image, "SequenceNumber": "1"});
        let event = json!({"Records": [{"eventName": "INSERT", "dynamodb": change}]});
        let answer = self
            .world
            .call(&self.send_mail, to_raw_value(&event).expect("JSON"));
        assert_eq!(answer, json!({"batchItemFailures": []}));
    }

    fn check_mails(&self, mails: &[Mail], item: &Item) {
        assert!(mails.len() <= 1);
        let Some(mail) = mails.first() else {
            return;
        };
        let is_reset = item.get("kind") == Some(&AttributeValue::S("reset_password".to_owned()));
        let noted = match item.get("address") {
            Some(AttributeValue::S(address)) if !is_reset => shared::domain::email::EmailAddress::parse(address)
                .ok()
                .map(|address| address.mailbox()),
            _ => None,
        };
        let to = noted.unwrap_or_else(|| "john@example.com".to_owned());
        assert_eq!(mail.to, [to]);
        assert!(!mail.subject.chars().any(char::is_control));
        assert_eq!(mail.text.matches("?token=").count(), usize::from(is_reset));
    }

    /// A mail that was asked for is settled, and as sent exactly if it was.
    fn check_state(&self, key: &str, item: &Item, sent: usize) {
        let text = |value: &str| Some(AttributeValue::S(value.to_owned()));
        let after = self.world.transient(key).unwrap_or_default();
        let nonce_is_text = matches!(item.get("nonce"), None | Some(AttributeValue::S(_)));
        if item.get("state") == text("queued").as_ref() && nonce_is_text {
            assert_ne!(after.get("state"), text("queued").as_ref(), "left lying");
        }
        if sent > 0 {
            assert_eq!(after.get("state"), text("sent").as_ref());
        }
    }
}

/// The keys that an event names.
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
