//! Items as released versions of Latchkey wrote them can still be read, with their values, and written back under the
//! same attribute names. The items of version X are in `stored/X`, recorded from a running server by `stored/record`;
//! their secrets are of no other use.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod common;

use std::{collections::HashMap, fs, path::Path, time::Duration};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use serde::{Serialize, de::DeserializeOwned};
use shared::{
    auth::{signer::Signer, verifier::Verifier},
    domain::{
        clock::{Clock, Timestamp},
        email::EmailAddress,
        link_token::{CredentialsBinding, StoredToken},
        mail::{Kind, State},
        password::{Hasher, Params, Password},
        rate_limit::Window,
        signing_algorithm::SigningAlgorithm,
        throttle::{FailedAttempts, Recorded},
        user::{Session, User},
        user_id::UserId,
        username::Username,
    },
    store::{
        counters::{Counted, CounterKey, Counters},
        database::Slot,
        keys::{Jwks, Keys, PrivateKeySet, TokenKind},
        transient::{MailKey, Transient},
        users::{Created, Users},
    },
};

use self::common::TABLE;

type Item = HashMap<String, AttributeValue>;

/// What the user typed whose items are recorded.
const PASSWORD: &str = "seven-green-bicycles";

mod version_0_1_0 {
    use super::*;

    fn stored(name: &str) -> Item {
        super::stored("0.1.0", name)
    }

    #[test]
    fn a_user_with_everything_is_read() {
        let item = stored("user_with_sessions_and_failures");
        let user: User = read(&item);
        assert_eq!(user.id.number(), number(&item, "id"));
        assert_eq!(user.username.as_str(), "Full.User");
        assert_eq!(user.email.as_str(), "Full.User@bücher.example");
        assert_eq!(user.email.canonical(), "full.user@xn--bcher-kva.example");
        assert_eq!(user.first_name.as_str(), "Zoë");
        assert_eq!(user.last_name.as_str(), "O'Brien");
        assert!(user.is_superuser);
        assert!(is_hash_of(PASSWORD, &user));
        assert!(!is_hash_of("wrong", &user));
        assert_eq!(user.date_joined.unix(), number(&item, "date_joined"));
        // The operator's grant counts as a change of the record, but not of the credentials.
        assert_eq!(user.record_version, 2);
        assert_eq!(user.credentials_version, 1);
        assert_eq!(user.password_version, 1);
        assert_eq!(user.last_write_id, text(&item, "writer"));
        assert_eq!(
            user.failed_log_ins,
            Some(FailedAttempts {
                count: 2,
                locked_until: Timestamp::from_unix(1_795_716_175),
                in_a_row: 0,
            })
        );
        assert_eq!(user.failed_current_passwords, None);
        let mut sessions: Vec<_> = user.sessions.into_iter().collect();
        sessions.sort_by_key(|(_, session)| session.number);
        let sessions: Vec<_> = sessions
            .iter()
            .map(|(id, session)| (id.as_str(), session.clone()))
            .collect();
        let session = |number, from, until| Session {
            created_at: Timestamp::from_unix(from),
            expires_at: Timestamp::from_unix(until),
            number,
            user_agent: "Python-urllib/3.11".to_owned(),
        };
        assert_eq!(
            sessions,
            [
                (
                    "921df9b7795ea2cde64eac29a9693671",
                    session(1, 1_795_716_173, 1_796_925_773)
                ),
                (
                    "dfe3e5997bac075a5b66c24b40f5f060",
                    session(2, 1_795_716_175, 1_796_925_775)
                ),
            ]
        );
    }

    #[test]
    fn a_user_with_nothing_is_read() {
        let item = stored("user_without_sessions");
        let user: User = read(&item);
        assert_eq!(user.username.as_str(), "bare");
        assert_eq!(user.email.as_str(), "bare@example.com");
        assert_eq!(user.first_name.as_str(), "");
        assert_eq!(user.last_name.as_str(), "");
        assert!(!user.is_superuser);
        assert!(is_hash_of(PASSWORD, &user));
        assert!(user.sessions.is_empty());
        assert_eq!(user.failed_log_ins, None);
        assert_eq!(user.record_version, 1);
    }

    #[tokio::test]
    async fn a_user_is_written_back_with_both_markers() {
        let recorded = stored("user_with_sessions_and_failures");
        let store = Store::with(&[]).await;
        let created = store.users.create(&read(&recorded), vec![]).await.unwrap();
        assert_eq!(created, Created::Done);
        for item in [recorded, stored("marker_email"), stored("marker_username")] {
            let written = store.item(text(&item, "pk")).await;
            assert_keeps(&written, &item);
        }
    }

    #[tokio::test]
    async fn a_user_is_found_by_id_address_and_username() {
        let user = stored("user_with_sessions_and_failures");
        let id = UserId::new(number(&user, "id")).unwrap();
        let markers = [stored("marker_email"), stored("marker_username")];
        let store = Store::with(&[&[user], &markers[..]].concat()).await;
        let email = EmailAddress::parse("FULL.USER@bücher.example").unwrap();
        let username = Username::parse("full.user").unwrap();
        let users = &store.users;
        assert_eq!(users.id_by_email(&email).await.unwrap(), Some(id));
        assert_eq!(users.id_by_username(&username).await.unwrap(), Some(id));
        assert_eq!(users.by_id(id).await.unwrap().unwrap().id, id);
    }

    #[tokio::test]
    async fn mails_and_notices_are_read() {
        let names = [
            ("mail_reset_password", Kind::ResetPassword),
            ("mail_password_changed", Kind::PasswordChanged),
            ("mail_email_changed", Kind::EmailChanged),
        ];
        let store = Store::with(&names.map(|(name, _)| stored(name))).await;
        for (name, kind) in names {
            let item = stored(name);
            let key = MailKey::from_record(text(&item, "pk")).unwrap();
            let mail = store.transient.mail(&key).await.unwrap().unwrap();
            let is_notice = kind != Kind::ResetPassword;
            assert_eq!(mail.kind, kind);
            assert_eq!(mail.state, State::Sent);
            assert_eq!(mail.user.number(), number(&item, "user"));
            assert_eq!(mail.nonce, text(&item, "nonce"));
            assert_eq!(mail.requested_at.unix(), number(&item, "asked_at"));
            assert_eq!(mail.expires_at.unix(), number(&item, "expires_at"));
            let address = if is_notice {
                "changed@example.com"
            } else {
                "bare@example.com"
            };
            assert_eq!(
                mail.address_hash,
                EmailAddress::parse(address).unwrap().hash()
            );
            assert_eq!(mail.address.as_deref(), is_notice.then_some(address));
            assert_eq!(mail.quota.is_some(), !is_notice);
            assert_keeps_but(&write(&mail), &item, &["pk", "detail"]);
        }
    }

    #[tokio::test]
    async fn the_quota_of_reset_mails_is_read() {
        let item = stored("mail_reset_password");
        let user = UserId::new(number(&item, "user")).unwrap();
        let store = Store::with(std::slice::from_ref(&item)).await;
        let mail = store.transient.mail(&MailKey::reset(user)).await.unwrap();
        let quota = mail.unwrap().quota.unwrap();
        assert_eq!(quota.count, 1);
        assert_eq!(quota.not_before.unix(), number(&item, "not_before"));
        assert_eq!(quota.window_ends.unix(), number(&item, "window_ends"));
        assert_eq!(quota.password_version, Some(1));
    }

    #[tokio::test]
    async fn the_decoy_of_an_unknown_address_is_read() {
        let item = stored("decoy");
        let address = EmailAddress::parse("unknown@example.com").unwrap();
        let store = Store::with(std::slice::from_ref(&item)).await;
        let slot = store
            .transient
            .last_mail(&MailKey::decoy(&address.hash()))
            .await
            .unwrap();
        let mail = slot.item().unwrap();
        assert_eq!(mail.state, State::Queued);
        assert_eq!(mail.address_hash, address.hash());
        let quota = mail.quota.as_ref().unwrap();
        assert_eq!((quota.count, quota.password_version), (1, None));
        assert_eq!(quota.window_ends.unix(), number(&item, "window_ends"));
        assert_keeps_but(&write(mail), &item, &["pk"]);
    }

    #[tokio::test]
    async fn reset_tokens_are_accepted_until_they_expire() {
        for name in ["reset_token", "reset_token_of_mail_sent_twice"] {
            let item = stored(name);
            let user: User = read(&stored("user_without_sessions"));
            let store = Store::with(std::slice::from_ref(&item)).await;
            let slot = store
                .transient
                .token::<CredentialsBinding>(user.id)
                .await
                .unwrap();
            let Slot::Occupied(token) = slot else {
                panic!("{name} is not read");
            };
            let ends = number(&item, "expires_at");
            let accepts = |hash, now| {
                let now = Timestamp::from_unix(now);
                token.accepts(hash, &user.credentials_binding(), now)
            };
            let earlier = item.contains_key("earlier_hash");
            assert_eq!(earlier, name != "reset_token");
            for attribute in ["hash", "earlier_hash"] {
                if let Some(Ok(hash)) = item.get(attribute).map(AttributeValue::as_s) {
                    assert!(accepts(hash, ends - 1));
                    assert!(!accepts(hash, ends));
                }
            }
            assert!(!accepts("", ends - 1));
            let other = CredentialsBinding {
                credentials_version: 2,
            };
            assert!(!token.accepts(text(&item, "hash"), &other, Timestamp::from_unix(ends - 1)));
            assert_eq!(token.nonce, text(&item, "nonce"));
            let again = store
                .transient
                .replace_token(
                    user.id,
                    &token,
                    &Slot::<StoredToken<CredentialsBinding>>::Corrupt,
                )
                .await;
            assert!(again.unwrap());
            assert_keeps(&store.item(text(&item, "pk")).await, &item);
        }
    }

    #[tokio::test]
    async fn the_counter_of_a_source_goes_on() {
        let item = stored("counter_of_source");
        let store = Store::with(std::slice::from_ref(&item)).await;
        let ends = number(&item, "window_ends");
        let count = u32::try_from(number(&item, "count")).unwrap();
        assert_eq!(count, 3);
        let last_second = Timestamp::from_unix(ends - 1);
        let key = CounterKey::new("log_in", "127.0.0.1");
        let is_over = async |most| {
            let window = store.counters.window(&key).await.unwrap().unwrap();
            window.time_over_limit(most, last_second)
        };
        let second = Some(Duration::from_secs(1));
        assert_eq!(is_over(count).await, second);
        assert_eq!(is_over(count + 1).await, None);
        let seen = store.counters.window(&key).await.unwrap();
        let counted = store
            .counters
            .count(&key, seen, count + 1, Duration::from_hours(1), last_second)
            .await;
        let window = Window {
            count: count + 1,
            ends_at: Timestamp::from_unix(ends),
        };
        assert_eq!(counted.unwrap(), Counted::Within(window));
        assert_eq!(is_over(count + 1).await, second);
        assert_keeps_but(&store.item(text(&item, "pk")).await, &item, &["count"]);
    }

    #[tokio::test]
    async fn failed_attempts_of_an_unknown_name_go_on() {
        let item = stored("counter_of_unknown_name");
        let store = Store::with(std::slice::from_ref(&item)).await;
        let (_, name_hash) = text(&item, "pk").rsplit_once('#').unwrap();
        let seen = store.counters.unknown_name(name_hash).await.unwrap();
        let now = Timestamp::from_unix(1_795_716_179);
        let recorded = FailedAttempts {
            count: 1,
            locked_until: now,
            in_a_row: 0,
        };
        assert_eq!(seen, Some(recorded));
        let next = FailedAttempts {
            count: 2,
            locked_until: now,
            in_a_row: 2,
        };
        let refused = store
            .counters
            .record_unknown_name(name_hash, seen.as_ref(), &next)
            .await;
        assert_eq!(refused.unwrap(), Recorded::Done);
        assert_eq!(
            store.counters.unknown_name(name_hash).await.unwrap(),
            Some(next)
        );
        // Kept for longer than 0.1.0 did: a row of wrong passwords is remembered for thirty days.
        let written = store.item(text(&item, "pk")).await;
        assert_keeps_but(&written, &item, &["failures", "expires_at"]);
    }

    #[tokio::test]
    async fn keys_sign_and_verify() {
        for after in ["", "_after_rotation"] {
            let items = ["signing", "jwks"].map(|key| stored(&format!("{key}{after}")));
            let store = Store::with(&items).await;
            let private = store.keys.private_keys().await.unwrap().unwrap();
            let public = store.keys.jwks().await.unwrap().unwrap();
            let expected = if after.is_empty() { 1 } else { 2 };
            assert_eq!((private.version, public.version), (expected, expected));
            assert_eq!(private.keys.len() as u64, expected);
            let until: Vec<_> = public.keys.iter().map(|key| key.until.is_some()).collect();
            assert_eq!(
                until,
                if after.is_empty() {
                    vec![false]
                } else {
                    vec![true, false]
                }
            );
            let newest = private.keys.last().unwrap();
            let now = newest.signs_from;
            let clock = Clock::new(move || now);
            let signer = Signer::new(
                store.keys.clone(),
                SigningAlgorithm::Es256,
                clock.clone(),
                Duration::from_hours(1),
            );
            let verifier = Verifier::new(store.keys.clone(), clock);
            assert_eq!(signer.key().await.unwrap().kid, newest.kid);
            for key in &private.keys {
                assert!(verifier.key(&key.kid).await.unwrap().is_some());
            }
            assert_keeps_but(&write::<PrivateKeySet>(&private), &items[0], &["pk"]);
            assert_keeps_but(&write::<Jwks>(&public), &items[1], &["pk"]);
        }
    }

    #[test]
    fn every_recorded_item_has_a_test() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stored/0.1.0");
        let source = include_str!("stored.rs");
        for entry in fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().path();
            let name = name.file_stem().unwrap().to_str().unwrap();
            let name = name.trim_end_matches("_after_rotation");
            assert!(
                source.contains(&format!("\"{name}\"")),
                "nothing reads {name}"
            );
        }
    }
}

/// The item of this name as `version` wrote it.
fn stored(version: &str, name: &str) -> Item {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/stored/{version}/{name}.json"));
    let text =
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let item: serde_dynamo::Item = serde_json::from_str(&text).unwrap();
    item.into()
}

fn read<T: DeserializeOwned>(item: &Item) -> T {
    serde_dynamo::from_item(item.clone()).unwrap()
}

fn write<T: Serialize>(value: &T) -> Item {
    serde_dynamo::to_item(value).unwrap()
}

fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item[name].as_s().unwrap()
}

fn number(item: &Item, name: &str) -> u64 {
    item[name].as_n().unwrap().parse().unwrap()
}

fn is_hash_of(password: &str, user: &User) -> bool {
    let password = Password::parse(password).unwrap();
    Hasher::new(Params::OWASP)
        .verify(&password, &user.password)
        .unwrap()
}

/// Every attribute that was recorded is written under the same name and with the same value. There may be more.
fn assert_keeps(written: &Item, recorded: &Item) {
    assert_keeps_but(written, recorded, &[]);
}

fn assert_keeps_but(written: &Item, recorded: &Item, others: &[&str]) {
    for (name, value) in recorded {
        if !others.contains(&name.as_str()) {
            assert_eq!(written.get(name), Some(value), "{name}");
        }
    }
}

/// Four of the tables in one, in an embedded DynamoDB.
struct Store {
    users: Users,
    transient: Transient,
    counters: Counters,
    keys: Keys,
    client: Client,
}

impl Store {
    async fn with(items: &[Item]) -> Self {
        let (database, client) = common::start().await;
        for item in items {
            let put = client.put_item().table_name(TABLE);
            put.set_item(Some(item.clone())).send().await.unwrap();
        }
        Self {
            users: Users::new(database.clone(), TABLE),
            transient: Transient::new(database.clone(), TABLE),
            counters: Counters::new(database.clone(), TABLE),
            keys: Keys::new(database, TABLE, TokenKind::Session),
            client,
        }
    }

    /// The item as it is in the table.
    async fn item(&self, key: &str) -> Item {
        let get = self
            .client
            .get_item()
            .table_name(TABLE)
            .consistent_read(true);
        let get = get
            .key("pk", AttributeValue::S(key.to_owned()))
            .send()
            .await;
        get.unwrap().item.unwrap()
    }
}
