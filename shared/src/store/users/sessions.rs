//! Starting and ending sessions. Neither changes a user's record version.

use std::collections::BTreeMap;

use super::{
    Users,
    failed_attempts::{if_unchanged, unchanged},
    user_key,
};
use crate::{
    domain::{
        clock::Timestamp,
        password::Hash,
        throttle::{FailedAttempts, PasswordCounter},
        user::{MAX_SESSIONS, Session, SessionId, User},
        user_id::UserId,
    },
    store::database::{Assignments, Error, Write, WriteOutcome, read},
};

/// The outcome of ending a session by its id.
#[derive(Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// The session has ended.
    Done,
    /// The user has no such session.
    NotFound,
    /// The session that made the request has ended.
    CallerEnded,
}

/// Maximum attempts when concurrent log-ins of one user conflict. With pauses of up to 640 ms, three seconds in all.
const MAX_START_ATTEMPTS: u32 = 10;

/// The outcome of starting a session.
pub enum Started {
    /// The session was stored.
    Done,
    /// Wrong passwords were recorded in the meantime and the account is locked. Carries the counter.
    Throttled(FailedAttempts),
    /// The password, the address or the whole user changed since the record was read.
    Raced,
    /// Too many concurrent log-ins of this user.
    Contended,
}

impl Users {
    /// Stores `session` for `user`, ends the sessions that [`User::sessions_to_end`] names, resets the log-in's counter
    /// of wrong passwords, and stores `rehashed`, a stronger hash of the same password, if there is one.
    ///
    /// The write is conditional on the counter as it was read, so that a right password takes its turn among concurrent
    /// wrong ones. Concurrent log-ins of one user want to end the same session; the one that comes too late decides
    /// again from the current record.
    pub async fn start_session(
        &self,
        user: &User,
        id: &SessionId,
        session: &Session,
        rehashed: Option<&Hash>,
    ) -> Result<Started, Error> {
        let (mut user, mut session) = (user.clone(), session.clone());
        for attempt in 1..=MAX_START_ATTEMPTS {
            let write = self.session_start(&user, id, &session, rehashed)?;
            let outcome = self.database.write(&write).await?;
            if outcome.is_done() {
                return Ok(Started::Done);
            }
            let Some(current) = outcome.current_item().map(read::<User>).transpose()? else {
                return Ok(Started::Raced);
            };
            if current.sessions.contains_key(id) {
                return Ok(Started::Done);
            }
            if let Some(ended) = cannot_start(&current, &user, &session) {
                return Ok(ended);
            }
            self.database.back_off(attempt).await;
            // Read after the pause, since the item that came with the refusal is out of date by now.
            let Some(current) = self.by_id(user.id).await? else {
                return Ok(Started::Raced);
            };
            if let Some(ended) = cannot_start(&current, &user, &session) {
                return Ok(ended);
            }
            session.number = current.next_session_number();
            user = current;
        }
        Ok(Started::Contended)
    }

    fn session_start(
        &self,
        user: &User,
        id: &SessionId,
        session: &Session,
        rehashed: Option<&Hash>,
    ) -> Result<Write, Error> {
        let ended = user.sessions_to_end(session.created_at);
        let ended_paths: Vec<_> = (0..ended.len())
            .map(|number| format!("#sessions.#ended{number}"))
            .collect();
        let seen = user.failed_attempts(PasswordCounter::LogIn);
        let mut also = Assignments::default();
        if let Some(hash) = rehashed {
            also.set("password_hash", hash.as_str())?;
        }
        // Version 0.1.0 stored no canonical form.
        if let Some(form) = user.email.canonical_form() {
            also.set("email_canonical", form)?;
        }
        let expression = format!(
            "SET #sessions.#sid = :session, #writer = :writer REMOVE {}",
            [&["#counter".to_owned()], ended_paths.as_slice()]
                .concat()
                .join(", ")
        );
        let condition = format!(
            "#credentials = :credentials AND {} AND {}",
            room_condition(&ended_paths),
            unchanged(seen)
        );
        let write_id = self.database.new_write_id();
        let key = user_key(user.id);
        let write = Write::update_with(&self.table, &key, &expression, also, &condition)
            .with_write_id(&write_id)
            .name("sid", id.as_str())
            .value("session", session)?
            .value("writer", &write_id)?
            .value("credentials", user.credentials_version)?;
        let mut write = if_unchanged(write, PasswordCounter::LogIn, seen)?;
        write = if ended.is_empty() {
            write.value("max_sessions", MAX_SESSIONS)?
        } else {
            write.value("seen_sessions", user.sessions.len())?
        };
        for (number, id) in ended.iter().enumerate() {
            write = write.name(&format!("ended{number}"), id.as_str());
        }
        Ok(write)
    }

    /// Notes that `user` gave the right password in a log-in that starts no session: resets the counter of wrong ones,
    /// conditional on its value as it was read. Returns false if it or the credentials changed in the meantime.
    pub async fn note_right_password(&self, user: &User) -> Result<bool, Error> {
        let write_id = self.database.new_write_id();
        let seen = user.failed_attempts(PasswordCounter::LogIn);
        let condition = format!("#credentials = :credentials AND {}", unchanged(seen));
        let write = Write::update(
            &self.table,
            &user_key(user.id),
            "SET #writer = :writer REMOVE #counter",
            &condition,
        )
        .with_write_id(&write_id)
        .value("credentials", user.credentials_version)?
        .value("writer", &write_id)?;
        let write = if_unchanged(write, PasswordCounter::LogIn, seen)?;
        Ok(self.database.write(&write).await?.is_done())
    }

    /// Ends the session `target` of `user` on behalf of the session `caller`, which may be the same.
    pub async fn end_session_for(
        &self,
        user: UserId,
        caller: &SessionId,
        target: &SessionId,
        now: Timestamp,
    ) -> Result<SessionEnd, Error> {
        let write_id = self.database.new_write_id();
        let write = Write::update(
            &self.table,
            &user_key(user),
            "SET #writer = :writer REMOVE #sessions.#target",
            "attribute_exists(#sessions.#caller) AND #sessions.#target.#e > :now",
        )
        .with_write_id(&write_id)
        .name("caller", caller.as_str())
        .name("target", target.as_str())
        .value("now", now)?
        .value("writer", &write_id)?;
        let (item, may_be_applied) = match self.database.write(&write).await? {
            WriteOutcome::Done => return Ok(SessionEnd::Done),
            WriteOutcome::Ambiguous(item) => (item, true),
            WriteOutcome::ConditionFailed(item) => (item, false),
        };
        let Some(current) = item.map(read::<User>).transpose()? else {
            return Ok(SessionEnd::CallerEnded);
        };
        let has = |session| current.sessions.contains_key(session);
        Ok(if may_be_applied && !has(target) {
            // If the response of an earlier attempt was lost, that attempt ended the session.
            SessionEnd::Done
        } else if has(caller) {
            SessionEnd::NotFound
        } else {
            SessionEnd::CallerEnded
        })
    }

    /// Ends every session of `user` on behalf of the session `caller`. Returns false if that one has ended. If an earlier attempt without a
    /// response may have ended them, they count as ended, unless one is left that began before `now`.
    pub async fn end_all_sessions(
        &self,
        user: UserId,
        caller: &SessionId,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let write_id = self.database.new_write_id();
        let write = Write::update(
            &self.table,
            &user_key(user),
            "SET #sessions = :none, #writer = :writer",
            "attribute_exists(#sessions.#caller)",
        )
        .with_write_id(&write_id)
        .name("caller", caller.as_str())
        .value("none", BTreeMap::<String, Session>::new())?
        .value("writer", &write_id)?;
        Ok(match self.database.write(&write).await? {
            WriteOutcome::Done => true,
            WriteOutcome::Ambiguous(Some(item)) => {
                let current = read::<User>(item)?;
                let mut left = current.sessions.values();
                left.all(|session| session.created_at >= now)
            }
            _ => false,
        })
    }

    /// Ends one session. Returns false if it did not exist; if an earlier attempt without a response may have ended it,
    /// it counts as ended.
    pub async fn end_session(&self, user: UserId, session: &SessionId) -> Result<bool, Error> {
        let write_id = self.database.new_write_id();
        let write = Write::update(
            &self.table,
            &user_key(user),
            "SET #writer = :writer REMOVE #sessions.#sid",
            "attribute_exists(#sessions.#sid)",
        );
        let write = write
            .with_write_id(&write_id)
            .name("sid", session.as_str())
            .value("writer", &write_id)?;
        Ok(matches!(
            self.database.write(&write).await?,
            WriteOutcome::Done | WriteOutcome::Ambiguous(Some(_))
        ))
    }
}

/// The condition that one more session fits: the sessions to end are still there or, if none has to end, there is room.
fn room_condition(ended_paths: &[String]) -> String {
    if ended_paths.is_empty() {
        return "size(#sessions) < :max_sessions".to_owned();
    }
    let exists: Vec<_> = ended_paths
        .iter()
        .map(|path| format!("attribute_exists({path})"))
        .collect();
    // If another session has ended, there may be room without ending these.
    format!(
        "{} AND size(#sessions) = :seen_sessions",
        exists.join(" AND ")
    )
}

/// Returns the outcome if the log-in cannot go on with the `current` record in place of `seen`.
fn cannot_start(current: &User, seen: &User, session: &Session) -> Option<Started> {
    if let Some(attempts) = current.failed_attempts(PasswordCounter::LogIn)
        && attempts.retry_after(session.created_at).is_some()
    {
        return Some(Started::Throttled(attempts.clone()));
    }
    (current.credentials_version != seen.credentials_version).then_some(Started::Raced)
}
