//! The operator's writes that disable users and change their roles, in an embedded DynamoDB.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use shared::{
    domain::{
        clock::Timestamp,
        email::EmailAddress,
        name::Name,
        password::Hash,
        role::{MAX_ROLES, RoleName},
        user::{NewUser, Session, SessionId, User},
        user_id::UserId,
        username::Username,
    },
    store::{
        audit_trail::{AuditTrail, OperatorChange},
        database::{Error, Item, Write},
        user_events::UserEvents,
        users::{Created, OperatorOutcome, RoleAdded, Users},
    },
};

use self::common::TABLE;

const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);
const ID: u64 = 7;

/// The tables of users and of audit records in one, with the user `john`.
struct Store {
    users: Users,
    events: UserEvents,
    trail: AuditTrail,
    client: Client,
}

impl Store {
    async fn start() -> Self {
        let (database, client) = common::start().await;
        let store = Self {
            users: Users::new(database.clone(), TABLE),
            events: UserEvents::new(database.clone(), Some(TABLE.to_owned())),
            trail: AuditTrail::new(database, TABLE),
            client,
        };
        let created = store.users.create(&john(), vec![]).await.unwrap();
        assert_eq!(created, Created::Done);
        store
    }

    /// The user as stored.
    async fn user(&self) -> User {
        let user = self.users.with_disabled().by_id(id()).await;
        user.unwrap().unwrap()
    }

    /// A write of a record in the audit trail.
    fn audit(&self) -> Write {
        let change = OperatorChange::new("local", "test", Some(id()), NOW);
        self.trail.change(&change).unwrap()
    }

    /// The number of records in the audit trail.
    async fn audited(&self) -> usize {
        self.trail.changes().await.unwrap().len()
    }

    async fn disable(&self) -> OperatorOutcome {
        let also = [self.audit()];
        self.users
            .disable(id(), NOW, &self.events, &also)
            .await
            .unwrap()
    }

    async fn enable(&self) -> OperatorOutcome {
        self.users
            .enable(id(), NOW, &self.events, &[self.audit()])
            .await
            .unwrap()
    }

    async fn add_role(&self, name: &str) -> RoleAdded {
        let (role, also) = (role(name), [self.audit()]);
        self.users.add_role(id(), &role, &also).await.unwrap()
    }

    async fn remove_role(&self, name: &str) -> OperatorOutcome {
        let (role, also) = (role(name), [self.audit()]);
        self.users.remove_role(id(), &role, &also).await.unwrap()
    }

    async fn roles(&self) -> Vec<String> {
        self.user().await.roles.names().map(str::to_owned).collect()
    }

    async fn item(&self, key: &str) -> Option<Item> {
        let get = self.client.get_item().table_name(TABLE);
        let get = get.key("pk", AttributeValue::S(key.to_owned()));
        get.send().await.unwrap().item
    }

    async fn delete(&self, key: &str) {
        let delete = self.client.delete_item().table_name(TABLE);
        let delete = delete.key("pk", AttributeValue::S(key.to_owned()));
        delete.send().await.unwrap();
    }

    /// Sets the stored roles by other means than `admin`.
    async fn put_roles(&self, names: &[&str]) {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let update = self.client.update_item().table_name(TABLE);
        let update = update
            .key("pk", AttributeValue::S(format!("user#{ID}")))
            .update_expression("SET #roles = :roles")
            .expression_attribute_names("#roles", "roles")
            .expression_attribute_values(":roles", AttributeValue::Ss(names));
        update.send().await.unwrap();
    }
}

fn id() -> UserId {
    UserId::new(ID).unwrap()
}

fn unknown_id() -> UserId {
    UserId::new(8).unwrap()
}

fn role(name: &str) -> RoleName {
    RoleName::parse(name).unwrap()
}

fn email() -> EmailAddress {
    EmailAddress::parse("john@example.com").unwrap()
}

fn username() -> Username {
    Username::parse("john").unwrap()
}

/// A user with a session.
fn john() -> User {
    let new = NewUser {
        username: username(),
        email: email(),
        first_name: Name::default(),
        last_name: Name::default(),
        locale: None,
    };
    let hash = Hash::from_stored("hash".to_owned());
    let session = Session::start(1, NOW, Duration::from_hours(1), "curl");
    User {
        sessions: BTreeMap::from([(SessionId::of("jti"), session)]),
        ..User::new(id(), new, hash, NOW, "sign-up".to_owned())
    }
}

mod disabled {
    use super::*;

    #[tokio::test]
    async fn only_the_operators_reads_return_a_disabled_user() {
        let store = Store::start().await;
        assert_eq!(store.disable().await, OperatorOutcome::Done);
        let users = &store.users;
        assert!(users.by_id(id()).await.unwrap().is_none());
        assert_eq!(users.id_by_email(&email()).await.unwrap(), None);
        assert_eq!(users.id_by_username(&username()).await.unwrap(), None);
        let all = users.with_disabled();
        assert!(all.by_id(id()).await.unwrap().unwrap().is_disabled());
        assert_eq!(all.id_by_email(&email()).await.unwrap(), Some(id()));
        assert_eq!(all.id_by_username(&username()).await.unwrap(), Some(id()));
        assert_eq!(store.enable().await, OperatorOutcome::Done);
        assert!(!users.by_id(id()).await.unwrap().unwrap().is_disabled());
        assert_eq!(users.id_by_email(&email()).await.unwrap(), Some(id()));
        assert_eq!(users.id_by_username(&username()).await.unwrap(), Some(id()));
    }

    #[tokio::test]
    async fn disabling_ends_sessions_and_invalidates_credentials() {
        let store = Store::start().await;
        let before = store.user().await;
        store.disable().await;
        let disabled = store.user().await;
        assert_eq!(disabled.disabled_at, Some(NOW));
        assert!(disabled.sessions.is_empty());
        assert_eq!(disabled.credentials_version, before.credentials_version + 1);
        assert_eq!(disabled.record_version, before.record_version + 1);
        assert_eq!(disabled.password_version, before.password_version);
        store.enable().await;
        let enabled = store.user().await;
        assert_eq!(enabled.disabled_at, None);
        assert!(enabled.sessions.is_empty());
        assert_eq!(enabled.credentials_version, disabled.credentials_version);
        assert_eq!(enabled.record_version, disabled.record_version + 1);
    }

    #[tokio::test]
    async fn enabling_leaves_no_trace_in_the_items() {
        let store = Store::start().await;
        let keys = ["email#john@example.com", "username#john"];
        let before = [store.item(keys[0]).await, store.item(keys[1]).await];
        store.disable().await;
        store.enable().await;
        let after = [store.item(keys[0]).await, store.item(keys[1]).await];
        assert_eq!(before, after);
        let record = store.item(&format!("user#{ID}")).await.unwrap();
        assert!(!record.contains_key("disabled_at"));
    }

    #[tokio::test]
    async fn other_writes_are_part_of_the_change() {
        let store = Store::start().await;
        assert_eq!(store.enable().await, OperatorOutcome::Unchanged);
        assert_eq!(store.audited().await, 0);
        assert_eq!(store.disable().await, OperatorOutcome::Done);
        assert_eq!(store.audited().await, 1);
        assert_eq!(store.disable().await, OperatorOutcome::Unchanged);
        assert_eq!(store.audited().await, 1);
        assert_eq!(store.enable().await, OperatorOutcome::Done);
        assert_eq!(store.audited().await, 2);
    }

    #[tokio::test]
    async fn nothing_changes_if_another_condition_fails() {
        let store = Store::start().await;
        let taken = [store.audit()];
        let disabled = store
            .users
            .disable(id(), NOW, &store.events, &taken)
            .await
            .unwrap();
        assert_eq!(disabled, OperatorOutcome::Done);
        // The same key again.
        let enabled = store.users.enable(id(), NOW, &store.events, &taken).await;
        assert!(matches!(enabled, Err(Error::Defect { .. })));
        assert!(store.user().await.is_disabled());
        assert_eq!(store.audited().await, 1);
    }

    #[tokio::test]
    async fn an_unknown_user_is_not_found() {
        let store = Store::start().await;
        let disabled = store
            .users
            .disable(unknown_id(), NOW, &store.events, &[store.audit()])
            .await;
        assert_eq!(disabled.unwrap(), OperatorOutcome::NotFound);
        let enabled = store
            .users
            .enable(unknown_id(), NOW, &store.events, &[store.audit()])
            .await;
        assert_eq!(enabled.unwrap(), OperatorOutcome::NotFound);
        assert_eq!(store.audited().await, 0);
    }

    #[tokio::test]
    async fn a_missing_marker_is_created() {
        let store = Store::start().await;
        store.delete("email#john@example.com").await;
        assert_eq!(store.disable().await, OperatorOutcome::Done);
        assert_eq!(store.users.id_by_email(&email()).await.unwrap(), None);
        let all = store.users.with_disabled();
        assert_eq!(all.id_by_email(&email()).await.unwrap(), Some(id()));
    }

    #[tokio::test]
    async fn a_repaired_marker_is_a_disabled_users() {
        let store = Store::start().await;
        store.disable().await;
        let key = "username#john";
        let before = store.item(key).await;
        store.delete(key).await;
        assert!(store.users.put_marker(key, id()).await.unwrap());
        assert_eq!(store.item(key).await, before);
        assert!(!store.users.put_marker(key, unknown_id()).await.unwrap());
    }

    /// The marker is at the key of another canonical form, as an earlier version may have computed it.
    #[tokio::test]
    async fn a_moved_marker_is_a_disabled_users() {
        let store = Store::start().await;
        store.disable().await;
        let (key, earlier) = ("email#john@example.com", "email#j@example.com");
        let before = store.item(key).await;
        store.delete(key).await;
        assert!(store.users.put_marker(earlier, id()).await.unwrap());
        let user = User {
            email: EmailAddress::parse("j@example.com").unwrap(),
            ..store.user().await
        };
        let moved = store.users.move_canonical_email(&user, &email()).await;
        assert!(moved.unwrap());
        assert_eq!(store.item(key).await, before);
        assert_eq!(store.item(earlier).await, None);
    }
}

mod roles {
    use super::*;

    #[tokio::test]
    async fn roles_are_added_and_removed() {
        let store = Store::start().await;
        assert_eq!(store.add_role("orders:read").await, RoleAdded::Done);
        assert_eq!(store.add_role("admin").await, RoleAdded::Done);
        assert_eq!(store.roles().await, ["admin", "orders:read"]);
        assert_eq!(store.user().await.record_version, 3);
        assert_eq!(store.remove_role("admin").await, OperatorOutcome::Done);
        assert_eq!(store.roles().await, ["orders:read"]);
        assert_eq!(
            store.remove_role("orders:read").await,
            OperatorOutcome::Done
        );
        assert!(store.roles().await.is_empty());
        assert_eq!(store.audited().await, 4);
    }

    #[tokio::test]
    async fn what_is_so_already_is_not_written() {
        let store = Store::start().await;
        assert_eq!(store.remove_role("admin").await, OperatorOutcome::Unchanged);
        store.add_role("admin").await;
        assert_eq!(store.add_role("admin").await, RoleAdded::Unchanged);
        assert_eq!(store.remove_role("Admin").await, OperatorOutcome::Unchanged);
        assert_eq!(store.audited().await, 1);
        assert_eq!(store.user().await.record_version, 2);
    }

    #[tokio::test]
    async fn a_user_has_at_most_twenty() {
        let store = Store::start().await;
        for number in 0..MAX_ROLES {
            let added = store.add_role(&format!("role{number}")).await;
            assert_eq!(added, RoleAdded::Done);
        }
        assert_eq!(store.add_role("one-more").await, RoleAdded::TooMany);
        assert_eq!(store.add_role("role0").await, RoleAdded::Unchanged);
        assert_eq!(store.remove_role("role0").await, OperatorOutcome::Done);
        assert_eq!(store.add_role("one-more").await, RoleAdded::Done);
        assert_eq!(store.roles().await.len(), 20);
    }

    #[tokio::test]
    async fn an_unknown_user_is_not_found() {
        let store = Store::start().await;
        let (users, admin) = (&store.users, role("admin"));
        let added = users.add_role(unknown_id(), &admin, &[store.audit()]).await;
        assert_eq!(added.unwrap(), RoleAdded::NotFound);
        let removed = users
            .remove_role(unknown_id(), &admin, &[store.audit()])
            .await;
        assert_eq!(removed.unwrap(), OperatorOutcome::NotFound);
        assert_eq!(store.audited().await, 0);
    }

    #[tokio::test]
    async fn invalid_stored_names_are_left_alone() {
        let store = Store::start().await;
        store.put_roles(&["two words", "admin"]).await;
        assert_eq!(store.roles().await, ["admin"]);
        store.add_role("other").await;
        store.remove_role("admin").await;
        assert_eq!(store.roles().await, ["other"]);
        let item = store.item(&format!("user#{ID}")).await.unwrap();
        let mut stored = item.get("roles").unwrap().as_ss().unwrap().clone();
        stored.sort_unstable();
        assert_eq!(stored, ["other", "two words"]);
    }

    #[tokio::test]
    async fn a_disabled_user_keeps_and_gets_roles() {
        let store = Store::start().await;
        store.add_role("admin").await;
        store.disable().await;
        assert_eq!(store.add_role("other").await, RoleAdded::Done);
        store.enable().await;
        assert_eq!(store.roles().await, ["admin", "other"]);
    }
}
