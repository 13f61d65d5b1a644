//! `POST /api/users/delete_account`: deletes the caller's account, on proof of the current password.

use lambda_http::Request;
use shared::{
    app::{App, Attempt, CURRENT_PASSWORD, Caller, Candidate, LostAttempts},
    audit,
    domain::{
        password::Password,
        user::{Change, SessionId, User},
        user_id::UserId,
    },
    http::{self, Error, Response},
    lambda::WarmUp,
    store::audit_trail::Deletion,
};

/// Loads the public keys.
pub const WARM_UP: WarmUp = WarmUp::PublicKeys;

/// The account is deleted at once, with its sessions and links and both its names, or nothing is.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    let mut lost = LostAttempts::default();
    let mut candidate = None;
    let user = loop {
        match attempt(app, &request, &mut candidate).await? {
            Attempt::Done(user) => break user,
            Attempt::Lost(contention) => lost.count(contention)?,
        }
    };
    audit::account_changed(user, &app.source(&request), &[Change::Deleted]);
    app.session_ended()
}

/// `candidate` is the password, once an attempt has verified it.
async fn attempt(
    app: &App,
    request: &Request,
    candidate: &mut Option<Candidate>,
) -> Result<Attempt<UserId>, Error> {
    let Caller { user, session } = app.authenticate(request).await?;
    let password = http::body(request, |fields| {
        fields.required(CURRENT_PASSWORD, Password::parse)
    })?;
    let candidate = candidate.get_or_insert_with(|| Candidate::new(password));
    if let Attempt::Lost(contention) = app.verify_current_password(&user, candidate).await? {
        return Ok(Attempt::Lost(contention));
    }
    match delete(app, &user, &session).await? {
        Attempt::Done(()) => Ok(Attempt::Done(user.id)),
        Attempt::Lost(contention) => Ok(Attempt::Lost(contention)),
    }
}

async fn delete(app: &App, user: &User, session: &SessionId) -> Result<Attempt<()>, Error> {
    let now = app.clock.now();
    // The owner of the former address may still take the account back; the deletion would be a thief's last word.
    if user.has_live_revert_link(now) {
        let confirmed = app.users.confirm_password(user, session, now).await?;
        return match app.attempted(confirmed)? {
            Attempt::Done(()) => Err(Error::RevertLinkOutstanding),
            lost @ Attempt::Lost(_) => Ok(lost),
        };
    }
    let deletion = Deletion::new(user.id, now, app.settings.deletion_retention);
    let mut others = app.transient.forget(user.id);
    others.push(app.audit_trail.deletion(&deletion)?);
    others.extend(app.outbox.deletion_notice(user, now)?);
    let version = user.next_version();
    others.extend(
        app.user_events
            .of_changes(&[Change::Deleted], user.id, version, now)?,
    );
    app.attempted(app.users.delete(user, session, now, others).await?)
}
