//! Signing in and out, and the wrong passwords in between. None of it changes a user's `version`.

use super::{Users, user_key};
use crate::{
    domain::{
        password::Hash,
        throttle::FailedAttempts,
        user::{MAX_SESSIONS, Session, SessionId, User},
        user_id::UserId,
    },
    store::database::{Error, Write, WriteOutcome, read},
};

/// Times that the write of a log-in is tried which another one overtook: with pauses of up to 640 ms, three seconds in
/// all.
const MAX_START_ATTEMPTS: u32 = 10;

/// What came of starting a session.
pub enum Started {
    /// It is there.
    Done,
    /// Too many wrong passwords came in meanwhile; the failures that stand now.
    Throttled(FailedAttempts),
    /// The password, the address or the whole user changed since the record was read.
    Raced,
    /// Too many others sign in as this user.
    Contended,
}

impl Users {
    /// Signs `user` in: adds `session`, ends those that [`User::sessions_to_end`] names, forgets wrong passwords, and
    /// stores `stronger`, a hash of the same password, if there is one.
    ///
    /// Among many who sign in as one user at once, each ends the session that the others wanted to end: whoever comes
    /// too late goes by the record as it then is.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn start_session(
        &self,
        user: &User,
        id: &SessionId,
        session: &Session,
        stronger: Option<&Hash>,
    ) -> Result<Started, Error> {
        let (mut user, mut session) = (user.clone(), session.clone());
        for attempt in 1..=MAX_START_ATTEMPTS {
            let write = self.session_start(&user, id, &session, stronger)?;
            let WriteOutcome::Refused(item) = self.database.write(&write).await? else {
                return Ok(Started::Done);
            };
            let Some(now) = item.map(read::<User>).transpose()? else {
                return Ok(Started::Raced);
            };
            match now.failed_attempts {
                _ if now.sessions.contains_key(id) => return Ok(Started::Done),
                Some(failures) if failures.retry_after(session.created_at).is_some() => {
                    return Ok(Started::Throttled(failures));
                }
                _ if now.credentials_version != user.credentials_version => {
                    return Ok(Started::Raced);
                }
                _ => {}
            }
            self.database.back_off(attempt).await;
            // Read after the pause, since what was true before it is not by now.
            match self.by_id(user.id).await? {
                Some(now) if now.credentials_version == user.credentials_version => user = now,
                _ => return Ok(Started::Raced),
            }
            session.number = user.next_session_number();
        }
        Ok(Started::Contended)
    }

    fn session_start(
        &self,
        user: &User,
        id: &SessionId,
        session: &Session,
        stronger: Option<&Hash>,
    ) -> Result<Write, Error> {
        let ended = user.sessions_to_end(session.created_at);
        let places: Vec<_> = (0..ended.len())
            .map(|number| format!("#sessions.#ended{number}"))
            .collect();
        // Room is made by ending the oldest, on the condition that it is still there; where nothing has to go, there
        // must still be room.
        let room = if ended.is_empty() {
            "size(#sessions) < :most".to_owned()
        } else {
            places
                .iter()
                .map(|place| format!("attribute_exists({place})"))
                .collect::<Vec<_>>()
                .join(" AND ")
        };
        let stronger_too = if stronger.is_some() {
            ", #password_hash = :hash"
        } else {
            ""
        };
        let removed = places
            .iter()
            .fold("#failures".to_owned(), |removed, place| {
                removed + ", " + place
            });
        let expression = format!(
            "SET #sessions.#sid = :session, #writer = :writer{stronger_too} REMOVE {removed}"
        );
        let condition = format!(
            "attribute_exists(#pk) AND #credentials = :credentials AND {room} AND \
             (attribute_not_exists(#failures) OR #failures.#u <= :now)"
        );
        let writer = self.database.new_write_id();
        let mut write = Write::update(&self.table, &user_key(user.id), &expression, &condition)
            .with_write_id(&writer)
            .name("sid", id.as_str())
            .value("session", session)?
            .value("writer", &writer)?
            .value("credentials", user.credentials_version)?
            .value("now", session.created_at)?;
        if ended.is_empty() {
            write = write.value("most", MAX_SESSIONS)?;
        }
        if let Some(hash) = stronger {
            write = write.value("hash", hash.as_str())?;
        }
        for (number, id) in ended.iter().enumerate() {
            write = write.name(&format!("ended{number}"), id.as_str());
        }
        Ok(write)
    }

    /// Signs one session out. Whether it was signed in; if an earlier attempt may have signed it out, it was.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn end_session(&self, user: UserId, session: &SessionId) -> Result<bool, Error> {
        let writer = self.database.new_write_id();
        let write = Write::update(
            &self.table,
            &user_key(user),
            "SET #writer = :writer REMOVE #sessions.#sid",
            "attribute_exists(#sessions.#sid)",
        );
        let write = write
            .with_write_id(&writer)
            .name("sid", session.as_str())
            .value("writer", &writer)?;
        Ok(matches!(
            self.database.write_or_doubt(&write).await?,
            (WriteOutcome::Done, _) | (WriteOutcome::Refused(Some(_)), true)
        ))
    }

    /// Counts one more wrong password of `user`, unless somebody else did since `seen` was read: then nothing is
    /// written, and the failures that stand are given back.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn record_failed_attempt(
        &self,
        user: UserId,
        seen: Option<&FailedAttempts>,
        next: &FailedAttempts,
    ) -> Result<Option<FailedAttempts>, Error> {
        let seen = seen.filter(|failures| **failures != FailedAttempts::NONE);
        let condition = match seen {
            Some(_) => "attribute_exists(#pk) AND #failures.#n = :seen AND #failures.#u = :until",
            None => "attribute_exists(#pk) AND attribute_not_exists(#failures)",
        };
        let writer = self.database.new_write_id();
        let set = "SET #failures = :failures, #writer = :writer";
        let mut write = Write::update(&self.table, &user_key(user), set, condition)
            .with_write_id(&writer)
            .value("failures", next)?
            .value("writer", &writer)?;
        if let Some(seen) = seen {
            write = write
                .value("seen", seen.count)?
                .value("until", seen.locked_until)?;
        }
        Ok(match self.database.write(&write).await? {
            WriteOutcome::Refused(Some(item)) => Some(
                read::<User>(item)?
                    .failed_attempts
                    .unwrap_or(FailedAttempts::NONE),
            ),
            WriteOutcome::Done | WriteOutcome::Refused(None) => None,
        })
    }

    /// Forgets the wrong passwords that were given for `user`. Whether there were any.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn reset_failed_attempts(&self, user: UserId) -> Result<bool, Error> {
        let writer = self.database.new_write_id();
        let write = Write::update(
            &self.table,
            &user_key(user),
            "SET #writer = :writer REMOVE #failures",
            "attribute_exists(#failures)",
        )
        .with_write_id(&writer)
        .value("writer", &writer)?;
        Ok(matches!(
            self.database.write(&write).await?,
            WriteOutcome::Done
        ))
    }
}
