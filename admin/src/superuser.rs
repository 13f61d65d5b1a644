//! `superuser grant` and `superuser revoke`: the only way to make a superuser.

use serde_json::json;

use crate::{
    command_line::Change, connection::Context, error::Error, report::Report, user_ref::UserRef,
};

/// Attempts while other requests change the same record.
const MAX_ATTEMPTS: u32 = 5;

pub(crate) async fn run(
    context: &Context,
    change: Change,
    user: &UserRef,
) -> Result<Report, Error> {
    let wanted = change == Change::Grant;
    for _ in 0..MAX_ATTEMPTS {
        let user = user.require(context).await?;
        let name = user.username.as_str();
        let json = |changed: bool| json!({"id": user.id, "username": name, "is_superuser": wanted, "changed": changed});
        let subject = format!("{name} (id {})", user.id);
        if user.is_superuser == wanted {
            let text = if wanted {
                format!("{subject} is already a superuser.")
            } else {
                format!("{subject} is not a superuser.")
            };
            return Ok(Report::new(text, json(false)));
        }
        if context.users.set_superuser(&user, wanted).await? {
            let text = if wanted {
                format!("{subject} is now a superuser.")
            } else {
                format!("{subject} is no longer a superuser.")
            };
            return Ok(Report::new(text, json(true)));
        }
    }
    Err(Error::message(
        "the user's record keeps changing, so nothing was done; try again",
    ))
}
