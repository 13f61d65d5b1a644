//! Deleted users: nothing of them works or comes back, and a record of each deletion remains.

use std::collections::BTreeMap;

use super::{
    case::Case,
    check::{Round, Violation},
    history::{Action, Step},
    people::{Person, link},
    responses::unless,
    world::World,
};
use crate::support::{
    app::{key_in, token_in},
    response::problem,
};

/// The users who were deleted in an earlier round, with the expiry of the record of their deletion.
pub type Deleted = BTreeMap<u64, (Person, u64)>;

/// The number of sessions and of links that are tried again per deleted user.
const TRIED: usize = 3;

impl Round<'_> {
    /// Checks that a user exists unless a request deleted it.
    pub(super) fn check_deletion(&mut self, case: &Case<'_>) {
        let id = Some(case.person.id);
        let mut deletions = case.steps.iter().filter(|step| step.deletes());
        if !case.is_deleted() && deletions.clone().any(|step| step.is_done()) {
            self.blame(id, "the user was deleted, but exists".to_owned());
        }
        if case.is_deleted() && !deletions.any(|step| step.may_be_done()) {
            self.blame(id, "the user no longer exists".to_owned());
        }
    }

    /// `true` if the item at `key` may belong to the user with this id. Requests that are in progress at the deletion may leave
    /// items, which are of no use to anyone, but later ones may not.
    pub(super) fn may_own(&self, id: u64, key: &str) -> bool {
        self.rest.users.contains_key(&id)
            || self.people.all.contains_key(&id)
            || (self.people.deleted.contains_key(&id) && self.old_mails.contains(key))
    }

    /// Checks that there is one record for every deleted user until it expires, and none for another.
    pub(super) fn check_deletion_records(&mut self, cases: &[Case<'_>]) {
        let rest = self.rest;
        let new = cases.iter().filter(|case| case.is_deleted());
        let new: Vec<_> = new.map(|case| case.person.id).collect();
        for id in &new {
            if !rest.deletions.contains_key(id) {
                self.blame(Some(*id), "there is no record of the deletion".to_owned());
            }
        }
        for (id, (_, until)) in &self.people.deleted {
            if *until > rest.now && !rest.deletions.contains_key(id) {
                self.blame(Some(*id), "the record of the deletion was lost".to_owned());
            }
        }
        for id in rest.deletions.keys() {
            if !new.contains(id) && !self.people.deleted.contains_key(id) {
                self.blame(
                    Some(*id),
                    "a deletion of no deleted user is recorded".to_owned(),
                );
            }
        }
        self.check_mails_to_deleted();
    }

    /// Checks that no link was sent to a user who was deleted in an earlier round.
    fn check_mails_to_deleted(&mut self) {
        for mail in &self.rest.mails {
            let token = match &mail.text {
                text if text.contains("?token=") => token_in(mail),
                text if text.contains("?key=") => key_in(mail),
                _ => continue,
            };
            let owner = link(&token).0;
            if self.people.deleted.contains_key(&owner) {
                self.blame(Some(owner), format!("a link was sent: {mail:?}"));
            }
        }
    }
}

/// The reason why the response is wrong if the step is about a user who was deleted in an earlier round.
pub fn revived(step: &Step, deleted: &Deleted) -> Option<String> {
    let code = step.json()["code"].as_str().unwrap_or_default().to_owned();
    match &step.action {
        Action::LogIn { .. } => {
            let id = step.json()["user"]["id"].as_u64()?;
            unless(!deleted.contains_key(&id), "a deleted user was logged in")
        }
        Action::Operate { user, .. } => {
            let is_found = !matches!(step.status, 404 | 503);
            let is_deleted = deleted.contains_key(user);
            unless(
                !(is_found && is_deleted),
                "the operator found a deleted user",
            )
        }
        action => {
            let of_link = action.link().map(|token| link(token).0)?;
            let is_rejected = step.status == 503 || code == "invalid_token";
            unless(
                is_rejected || !deleted.contains_key(&of_link),
                "a link of a deleted user was accepted",
            )
        }
    }
}

/// Tries the sessions, the links and the password of a deleted user.
pub async fn probe(world: &World, person: &Person, found: &mut Vec<Violation>) {
    let (mut blamed, app) = (Vec::new(), &world.app);
    let path = format!("/api/users/{}", person.id);
    for token in person.ended_tokens.iter().rev().take(TRIED) {
        if app.get(&path, token).await.status != 401 {
            blamed.push(format!("{token} is valid after the deletion"));
        }
    }
    let password = "a-new-password-that-is-never-set";
    let mut responses = Vec::new();
    for link in person.links.iter().rev().take(TRIED) {
        responses.push(app.complete(&link.token, password).await);
    }
    for link in person.confirmation_links.iter().rev().take(TRIED) {
        responses.push(app.confirm_with(&link.token).await);
    }
    for link in person.revert_links.iter().rev().take(TRIED) {
        responses.push(world.revert(&link.token, password).await);
    }
    for response in responses {
        if response.problem() != problem(400, "invalid_token") {
            blamed.push(format!("a link returns {response:?} after the deletion"));
        }
    }
    let log_in = app.log_in(&person.username, &person.password).await;
    // Another user may have the name, and may be locked.
    if !matches!(log_in.status, 401 | 429) {
        blamed.push(format!("the log-in returns {log_in:?} after the deletion"));
    }
    let user = Some(person.id);
    found.extend(blamed.into_iter().map(|text| Violation { user, text }));
}
