//! `sessions end`: for the user whose token or device is in other hands.

use serde_json::json;

use crate::{connection::Admin, failure::Failure, report::Report, whom::Whom};

pub(crate) async fn end(admin: &Admin, whom: &Whom) -> Result<Report, Failure> {
    let user = whom.found(admin).await?;
    if !admin.users.end_sessions(user.id).await? {
        return Err(Failure::said("the user was deleted a moment ago"));
    }
    let (name, ended) = (user.username.as_str(), user.sessions.len());
    let text = format!(
        "{name} (id {}) is signed out everywhere ({ended} sessions); the password is as it was.",
        user.id
    );
    let json = json!({"id": user.id, "username": name, "ended": ended});
    Ok(Report::new(text, json))
}
