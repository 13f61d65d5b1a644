//! `sessions list`. `sessions end` is another name of `user sign-out`.

use serde_json::json;
use shared::domain::{clock::Timestamp, user::Session};

use crate::{
    connection::Context,
    error::Error,
    report::{Report, table},
    user_ref::UserRef,
};

/// Lists the sessions of `user`, newest first, without those that have expired.
pub(crate) async fn list(context: &Context, user: &UserRef) -> Result<Report, Error> {
    let user = user.require(context).await?;
    let now = context.clock.now()?;
    let mut sessions: Vec<_> = user
        .sessions
        .iter()
        .filter(|(_, session)| is_live(session, now))
        .collect();
    sessions.sort_by_key(|(_, session)| std::cmp::Reverse((session.created_at, session.number)));
    let json: Vec<_> = sessions
        .iter()
        .map(|(id, session)| {
            json!({
                "id": id.as_str(),
                "created_at": session.created_at.to_string(),
                "expires_at": session.expires_at.to_string(),
                "user_agent": session.user_agent,
            })
        })
        .collect();
    let json = json!({"id": user.id, "sessions": json});
    if sessions.is_empty() {
        return Ok(Report::new("The user has no session.", json));
    }
    let rows: Vec<_> = sessions
        .iter()
        .map(|(id, session)| {
            [
                id.as_str().to_owned(),
                session.created_at.to_string(),
                session.expires_at.to_string(),
                session.user_agent.clone(),
            ]
        })
        .collect();
    let head = ["session", "created at", "expires at", "user agent"];
    Ok(Report::new(table(head, &rows), json))
}

/// Returns true if the session has not expired.
pub(crate) fn is_live(session: &Session, now: Timestamp) -> bool {
    now < session.expires_at
}
