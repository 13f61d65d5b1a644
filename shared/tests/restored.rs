//! The writes to the users of a restored table, in an embedded DynamoDB.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::{collections::BTreeMap, time::Duration};

use shared::{
    domain::{
        clock::Timestamp,
        email::EmailAddress,
        name::Name,
        password::Hash,
        user::{NewUser, Session, SessionId, User},
        user_id::UserId,
        username::Username,
    },
    store::users::{Created, Users},
};

use self::common::TABLE;

const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);
const MARK: &str = "restored-today";

fn id() -> UserId {
    UserId::new(7).unwrap()
}

/// A user with a session and a pending address.
fn john() -> User {
    let new = NewUser {
        username: Username::parse("john").unwrap(),
        email: EmailAddress::parse("john@example.com").unwrap(),
        first_name: Name::default(),
        last_name: Name::default(),
        locale: None,
    };
    let hash = Hash::from_stored("hash".to_owned());
    let session = Session::start(1, NOW, Duration::from_hours(1), "curl");
    User {
        email_verified: true,
        pending_email: Some(EmailAddress::parse("new@example.com").unwrap()),
        sessions: BTreeMap::from([(SessionId::of("jti"), session)]),
        ..User::new(id(), new, hash, NOW, "sign-up".to_owned())
    }
}

async fn start() -> Users {
    let (database, _) = common::start().await;
    let users = Users::new(database, TABLE);
    assert_eq!(users.create(&john(), vec![]).await.unwrap(), Created::Done);
    users
}

/// Checks that the user kept the address and lost the pending one, which may have been withdrawn since the backup, and
/// every session.
async fn assert_reduced(users: &Users) -> User {
    let user = users.by_id(id()).await.unwrap().unwrap();
    assert_eq!(user.email.as_str(), "john@example.com");
    assert!(user.email_verified);
    assert!(user.pending_email.is_none());
    assert!(user.pending_address_binding().is_none());
    assert!(user.sessions.is_empty());
    user
}

#[tokio::test]
async fn preparing_discards_the_pending_address() {
    let users = start().await;
    assert!(users.prepare_restored(id(), MARK).await.unwrap());
    let prepared = assert_reduced(&users).await;
    assert!(prepared.credentials_version > john().credentials_version);
    assert!(prepared.record_version > john().record_version + 1000);
    assert_eq!(prepared.password.as_str(), "hash");
}

#[tokio::test]
async fn preparing_again_changes_nothing() {
    let users = start().await;
    assert!(users.prepare_restored(id(), MARK).await.unwrap());
    let once = assert_reduced(&users).await;
    assert!(users.prepare_restored(id(), MARK).await.unwrap());
    let twice = assert_reduced(&users).await;
    assert_eq!(twice.record_version, once.record_version);
    assert_eq!(twice.credentials_version, once.credentials_version);
}

#[tokio::test]
async fn voiding_the_password_discards_the_pending_address() {
    let users = start().await;
    let void = Hash::from_stored("void".to_owned());
    assert!(users.void_password(id(), &void, MARK).await.unwrap());
    let voided = assert_reduced(&users).await;
    assert_eq!(voided.password.as_str(), "void");
}
