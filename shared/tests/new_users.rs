//! The creation of users, in an embedded DynamoDB.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use shared::{
    domain::{
        clock::Timestamp,
        email::EmailAddress,
        name::Name,
        password::Hash,
        user::{NewUser, User},
        user_id::UserId,
        username::Username,
    },
    store::users::{Created, Users},
};

use self::common::TABLE;

const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);

fn user(username: &str) -> User {
    let new = NewUser {
        username: Username::parse(username).unwrap(),
        email: EmailAddress::parse(&format!("{username}@example.com")).unwrap(),
        first_name: Name::default(),
        last_name: Name::default(),
        locale: None,
    };
    let hash = Hash::from_stored("hash".to_owned());
    User::new(id(), new, hash, NOW, format!("sign-up of {username}"))
}

fn id() -> UserId {
    UserId::new(7).unwrap()
}

/// Ids are random: of two that are the same, the second one is taken.
#[tokio::test]
async fn a_new_user_replaces_no_other_with_its_id() {
    let (database, _) = common::start().await;
    let users = Users::new(database, TABLE);
    let create = async |name| users.create(&user(name), vec![]).await.unwrap();
    assert_eq!(create("john").await, Created::Done);
    let taken = Created::Taken {
        id: true,
        email: false,
        username: false,
    };
    assert_eq!(create("jane").await, taken);
    let stored = users.by_id(id()).await.unwrap().unwrap();
    assert_eq!(stored.username.as_str(), "john");
    let jane = Username::parse("jane").unwrap();
    assert_eq!(users.id_by_username(&jane).await.unwrap(), None);
}
