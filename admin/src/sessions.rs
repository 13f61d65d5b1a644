//! `sessions end`: signs a user out whose token or device has been stolen or lost.

use serde_json::json;

use crate::{connection::Context, error::Error, report::Report, user_ref::UserRef};

pub(crate) async fn end(context: &Context, user: &UserRef) -> Result<Report, Error> {
    let user = user.require(context).await?;
    if !context.users.end_sessions(user.id).await? {
        return Err(Error::message("the user was deleted in the meantime"));
    }
    let (name, ended) = (user.username.as_str(), user.sessions.len());
    let text = format!(
        "{name} (id {}) has been signed out everywhere ({ended} sessions). The password has not changed.",
        user.id
    );
    let json = json!({"id": user.id, "username": name, "ended": ended});
    Ok(Report::new(text, json))
}
