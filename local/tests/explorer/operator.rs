//! What operators do with `admin`, by the same writes.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use shared::{
    app::App,
    domain::{
        digest::sha256_hex,
        email::EmailAddress,
        mail::{Mail, State},
        password::Password,
        role::RoleName,
        user::User,
        user_event::EventKind,
        user_id::UserId,
    },
    store::{
        audit_trail::{Deletion, OperatorChange},
        counters::CounterKey,
        database::{Database, Error, Write},
        keys::{Keys, StoredKeys, TokenKind},
        transient::MailKey,
        users::{OperatorOutcome, RoleAdded},
    },
};

use crate::{operations::WRONG_PASSWORD, process::Answer};

/// A change by the operator.
#[derive(Clone, Debug)]
pub enum Change {
    Disable(u64),
    Enable(u64),
    AddRole(u64, &'static str),
    RemoveRole(u64, &'static str),
    SetEmail(u64, &'static str),
    SignOut(u64),
    SetSuperuser(u64),
    ClearLimits(u64),
    /// Starts the count of the reset mails anew.
    ClearResets(u64),
    /// Forgets the wrong passwords for a name that no user has.
    ClearName(&'static str),
    /// Forgets the reset mails to an address that no user has.
    ClearAddress(&'static str),
    /// Queues the reset mail again, if it is late or has failed.
    ReplayReset(u64),
    /// Stores today's canonical form of the address.
    MoveCanonical(u64),
    /// Prepares the user in a restored table.
    PrepareRestored(u64),
    /// Replaces the password in a restored table.
    VoidPassword(u64),
    Delete(u64),
    /// Adds a key that signs session tokens.
    RotateKey,
    /// Revokes the newest of the keys that sign session tokens.
    RevokeKey,
}

/// The mark of the preparation of a restored table.
const RESTORE: &str = "restore";

/// The status of a change that was not needed.
pub const UNCHANGED: u16 = 304;

/// The status of a change that a concurrent request prevented. Nothing was done.
const CONFLICT: u16 = 409;

/// Makes a change and returns its outcome in the form of a response.
pub async fn change(app: &'static App, change: Change) -> Answer {
    let status = match make(app, &change).await {
        Ok(status) => status,
        Err(Error::Unavailable { .. }) => 503,
        // No order of whole requests leads to it, so that the check reports it.
        Err(_) => 500,
    };
    Answer {
        status,
        body: String::new(),
    }
}

async fn make(app: &App, change: &Change) -> Result<u16, Error> {
    let now = app.clock.now();
    let record = |kind: &str, user: u64| {
        let change = OperatorChange::new("operator", kind, Some(id(user)), now);
        app.audit_trail.change(&change)
    };
    let (users, events) = (&app.users, &app.user_events);
    Ok(match *change {
        Change::Disable(user) => {
            let also = [record("user disable", user)?];
            status(users.disable(id(user), now, events, &also).await?)
        }
        Change::Enable(user) => {
            let also = [record("user enable", user)?];
            status(users.enable(id(user), now, events, &also).await?)
        }
        Change::AddRole(user, role) => {
            let also = [record("user add-role", user)?];
            match users.add_role(id(user), &parsed(role), &also).await? {
                RoleAdded::Done => 200,
                RoleAdded::Unchanged => UNCHANGED,
                RoleAdded::NotFound => 404,
                RoleAdded::TooMany => CONFLICT,
            }
        }
        Change::RemoveRole(user, role) => {
            let also = [record("user remove-role", user)?];
            status(users.remove_role(id(user), &parsed(role), &also).await?)
        }
        Change::SetEmail(user, email) => set_email(app, user, email).await?,
        Change::SignOut(user) => {
            let writes = vec![users.sign_out_write(id(user))?];
            commit(app, "user sign-out", user, writes).await?
        }
        Change::SetSuperuser(user) => match users.with_disabled().by_id(id(user)).await? {
            None => 404,
            Some(before) if before.is_superuser => UNCHANGED,
            Some(before) => {
                let writes = vec![users.superuser_write(&before, true)?];
                commit(app, "superuser grant", user, writes).await?
            }
        },
        Change::ClearLimits(user) => needed(users.clear_counts(id(user)).await?),
        Change::ClearResets(user) => {
            let key = MailKey::reset(id(user));
            needed(app.transient.forget_quota(&key).await?)
        }
        Change::ClearName(name) => {
            let key = CounterKey::unknown_name(&sha256_hex(name.as_bytes()));
            needed(app.counters.remove(&key).await?)
        }
        Change::ClearAddress(email) => {
            let hash = EmailAddress::parse(email).unwrap().hash();
            needed(app.transient.remove_decoy(&hash).await?)
        }
        Change::ReplayReset(user) => replay_reset(app, user).await?,
        Change::MoveCanonical(user) => move_canonical(app, user).await?,
        Change::PrepareRestored(user) => needed(users.prepare_restored(id(user), RESTORE).await?),
        Change::VoidPassword(user) => {
            let password = Password::parse(WRONG_PASSWORD).unwrap();
            let hash = app.hasher.rehash(&password, app.random.bytes()).unwrap();
            needed(users.void_password(id(user), &hash, RESTORE).await?)
        }
        Change::Delete(user) => delete(app, user).await?,
        Change::RotateKey => rotate_key(app).await?,
        Change::RevokeKey => revoke_key(app).await?,
    })
}

async fn replay_reset(app: &App, user: u64) -> Result<u16, Error> {
    let key = MailKey::reset(id(user));
    let late = |mail: &Mail| matches!(mail.state, State::Failed | State::Queued);
    let Some(mail) = app.transient.mail(&key).await?.filter(late) else {
        return Ok(UNCHANGED);
    };
    let replayed = app.transient.replay(&key, &mail, app.clock.now());
    Ok(done(replayed.await?))
}

async fn move_canonical(app: &App, user: u64) -> Result<u16, Error> {
    let Some(user) = app.users.with_disabled().by_id(id(user)).await? else {
        return Ok(404);
    };
    let current = EmailAddress::parse(user.email.as_str()).unwrap();
    if current.canonical() == user.email.canonical() {
        return Ok(UNCHANGED);
    }
    let moved = app.users.move_canonical_email(&user, &current);
    Ok(done(moved.await?))
}

async fn rotate_key(app: &App) -> Result<u16, Error> {
    let keys = stored_keys(app).await?;
    let rotated = app.signer.rotate(&keys, app.clock.now()).await;
    let rotated = rotated.map_err(|_| Error::keeps_changing())?;
    Ok(done(rotated.is_some()))
}

async fn revoke_key(app: &App) -> Result<u16, Error> {
    let keys = stored_keys(app).await?;
    let Some(newest) = keys.public.as_ref().and_then(|keys| keys.keys.last()) else {
        return Ok(404);
    };
    let revoked = app.signer.revoke(&keys, &newest.kid, app.clock.now()).await;
    let revoked = revoked.map_err(|_| Error::keeps_changing())?;
    Ok(done(revoked.is_some()))
}

/// The keys that sign session tokens.
async fn stored_keys(app: &App) -> Result<StoredKeys, Error> {
    let database = Database::new(&Client::new(&app.aws), app.random.clone());
    let keys = Keys::new(database, &app.settings.keys_table, TokenKind::Session);
    keys.both().await
}

async fn set_email(app: &App, user: u64, email: &str) -> Result<u16, Error> {
    let now = app.clock.now();
    let Some(before) = app.users.with_disabled().by_id(id(user)).await? else {
        return Ok(404);
    };
    let email = EmailAddress::parse(email).unwrap();
    if before.email.as_str() == email.as_str() {
        return Ok(UNCHANGED);
    }
    let after = User {
        email,
        email_verified: true,
        pending_email: None,
        sessions: BTreeMap::new(),
        record_version: before.next_version(),
        credentials_version: before.credentials_version + 1,
        last_write_id: app.users.new_write_id(),
        ..before.clone()
    };
    let mut writes = app.users.address_writes(&before, &after, now)?;
    if before.email_verified {
        writes.push(app.transient.email_notice_by_operator(&before, now)?);
    }
    let kinds = [EventKind::Updated, EventKind::Verified];
    let version = after.record_version;
    writes.extend(app.user_events.of_kinds(&kinds, after.id, version, now)?);
    commit(app, "user set-email", user, writes).await
}

async fn delete(app: &App, user: u64) -> Result<u16, Error> {
    let now = app.clock.now();
    let Some(before) = app.users.with_disabled().by_id(id(user)).await? else {
        return Ok(404);
    };
    let deletion = Deletion::new(before.id, now, app.settings.deletion_retention);
    let record = OperatorChange::new("operator", "user delete", Some(before.id), now);
    let mut others = app.transient.forget(before.id);
    others.push(app.audit_trail.deletion(&deletion)?);
    others.push(app.audit_trail.change(&record)?);
    others.extend(app.transient.deletion_notice_by_operator(&before, now)?);
    let version = before.next_version();
    let events = app
        .user_events
        .of_kinds(&[EventKind::Deleted], before.id, version, now)?;
    others.extend(events);
    let is_done = app.users.remove(&before, now, others).await?;
    Ok(done(is_done))
}

async fn commit(app: &App, kind: &str, user: u64, writes: Vec<Write>) -> Result<u16, Error> {
    let record = OperatorChange::new("operator", kind, Some(id(user)), app.clock.now());
    let committed = app.audit_trail.commit(&record, writes).await?;
    Ok(done(committed.is_done()))
}

fn id(user: u64) -> UserId {
    UserId::new(user).unwrap()
}

fn parsed(role: &str) -> RoleName {
    RoleName::parse(role).unwrap()
}

const fn done(is_done: bool) -> u16 {
    if is_done { 200 } else { CONFLICT }
}

const fn needed(is_done: bool) -> u16 {
    if is_done { 200 } else { UNCHANGED }
}

const fn status(outcome: OperatorOutcome) -> u16 {
    match outcome {
        OperatorOutcome::Done => 200,
        OperatorOutcome::Unchanged => UNCHANGED,
        OperatorOutcome::NotFound => 404,
    }
}
