//! `superuser grant` and `superuser revoke`. Superusers can come from nowhere else.

use serde_json::json;

use crate::{
    command_line::Change, connection::Admin, failure::Failure, report::Report, whom::Whom,
};

/// Others may change the record in the same moment.
const TRIES: u32 = 5;

pub(crate) async fn run(admin: &Admin, change: Change, whom: &Whom) -> Result<Report, Failure> {
    let wanted = change == Change::Grant;
    for _ in 0..TRIES {
        let user = whom.found(admin).await?;
        let name = user.username.as_str();
        let json = |changed: bool| json!({"id": user.id, "username": name, "is_superuser": wanted, "changed": changed});
        let kind = if wanted {
            "a superuser"
        } else {
            "no superuser"
        };
        if user.is_superuser == wanted {
            let text = format!("{name} (id {}) is {kind} already.", user.id);
            return Ok(Report::new(text, json(false)));
        }
        if admin.users.set_superuser(&user, wanted).await? {
            let text = format!("{name} (id {}) is {kind} now.", user.id);
            return Ok(Report::new(text, json(true)));
        }
    }
    Err(Failure::said(
        "the record changes faster than it can be written: nothing was done, try again",
    ))
}
