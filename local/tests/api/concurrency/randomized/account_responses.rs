//! The responses to sign-ups, log-ins, and requests about one's own record.

use serde_json::Value;

use super::{
    case::{Case, is_about},
    history::{Action, Step, Update},
    pending::may_be_pending,
    people::{canonical, claims, stored},
    responses::{Judged, unless},
};

/// Wrong passwords before throttling.
const FREE: u64 = 5;

impl Judged<'_> {
    pub(super) fn sign_up(&self, username: &str, email: &str) -> Option<String> {
        let is_named = |case: &&Case<'_>| case.person.username.eq_ignore_ascii_case(username);
        let mut named = self.cases.iter().filter(is_named);
        if self.step.status == 201 {
            let id = self.step.json()["user"]["id"].as_u64();
            let is_other = |case: &Case<'_>| Some(case.person.id) != id;
            let is_taken = named.any(|case| is_other(case) && case.must_exist(self.time()))
                || self.owner(email).is_some_and(is_other);
            return unless(
                !is_taken && !self.is_reserved(email, id),
                "signed up with a taken name or address",
            );
        }
        let faults = self.step.field_errors();
        let right = !faults.is_empty()
            && faults.iter().all(|(field, code)| {
                code == "taken"
                    && match field.as_str() {
                        "username" => named.clone().any(|case| case.may_exist(self.time())),
                        "email" => self.may_be_taken(email, None),
                        _ => false,
                    }
            });
        unless(
            self.step.status == 400 && right,
            "no user can have had that",
        )
    }

    pub(super) fn log_in(&self, name: &str, password: &str) -> Option<String> {
        match self.step.status {
            200 => {
                let user = &self.step.json()["user"];
                let Some(case) = user["id"].as_u64().and_then(|id| self.case(id)) else {
                    return Some("a user who does not exist was logged in".to_owned());
                };
                if !case.may_be_enabled(self.time()) {
                    return Some("a disabled or deleted user was logged in".to_owned());
                }
                if !case.passwords.may_be(password, self.time()) {
                    return Some("that was not the password".to_owned());
                }
                let right = if name.contains('@') {
                    self.may_have(case, name)
                } else {
                    name.eq_ignore_ascii_case(&case.person.username)
                };
                unless(right, "another user was logged in").or_else(|| self.view(case, user))
            }
            401 => {
                let case = self.found_by_name(name)?;
                unless(
                    !case.passwords.must_be(password, self.time()),
                    "that was the password",
                )
            }
            429 => {
                let case = self.found_by_name(name)?;
                unless(self.may_wait(case), "there were not that many failures")
            }
            _ => Some("not a response to a log-in".to_owned()),
        }
    }

    /// The user that a request with this name or address must have found.
    fn found_by_name(&self, name: &str) -> Option<&Case<'_>> {
        if name.contains('@') {
            return self.found_by_email(name);
        }
        let mut cases = self.cases.iter();
        cases.find(|case| {
            case.person.username.eq_ignore_ascii_case(name) && case.must_be_enabled(self.time())
        })
    }

    /// The user that a request with this address must have found.
    pub(super) fn found_by_email(&self, email: &str) -> Option<&Case<'_>> {
        let owner = self.owner(email);
        owner.filter(|case| case.must_be_enabled(self.time()))
    }

    /// `true` if there may have been enough wrong passwords for throttling.
    fn may_wait(&self, case: &Case<'_>) -> bool {
        let addresses = case.addresses();
        let wrong = self.steps.iter().filter(|step| {
            let failed = matches!(step.status, 401 | 429 | 503)
                || step.has_error("current-password", "incorrect");
            let mine = match &step.action {
                Action::LogIn { name, .. } if name.contains('@') => {
                    addresses.contains(&canonical(name))
                }
                Action::LogIn { .. } | Action::Update(_) | Action::Delete { .. } => {
                    is_about(step, case.person)
                }
                _ => false,
            };
            failed && mine && step.began < self.step.ended
        });
        case.person.failures + wrong.count() as u64 >= FREE
    }

    pub(super) fn log_out(&self, token: &str) -> Option<String> {
        let twice = self.steps.iter().filter(|step| {
            matches!(&step.action, Action::LogOut { token: other } if other == token)
                && step.status == 204
                && !step.excused
        });
        unless(self.step.status == 204, "not a response to a log-out").or_else(|| {
            unless(
                self.step.excused || twice.count() == 1,
                "one session was ended twice",
            )
        })
    }

    pub(super) fn read(&self, token: &str, id: u64) -> Option<String> {
        let own = claims(token).0 == id;
        match self.step.status {
            200 if own => self.view(self.case(id)?, &self.step.json()),
            404 if !own => None,
            _ => Some("not a response to this reader".to_owned()),
        }
    }

    /// The reason why a record in a response is impossible, if it is.
    fn view(&self, case: &Case<'_>, view: &Value) -> Option<String> {
        let time = self.time();
        let text = |name: &str| view[name].as_str().unwrap_or("?").to_owned();
        let email = text("email");
        let right = view["id"].as_u64() == Some(case.person.id)
            && text("username") == case.person.username
            && view["is_superuser"] == false
            && may_be_pending(case, view["pending_email"].as_str(), time)
            && case.first_names.may_be(&text("first_name"), time)
            && case.last_names.may_be(&text("last_name"), time)
            && case
                .emails
                .all()
                .any(|one| stored(one) == email && case.emails.may_be(one, time));
        unless(right, "this record was never possible")
    }

    pub(super) fn update(&self, update: &Update) -> Option<String> {
        let step = self.step;
        let case = self.case(claims(&update.token).0)?;
        if let Some((field, _)) = &update.bad {
            let refused = match *field {
                "is_superuser" => step.status == 403,
                "version" => step.has_error(field, "unknown_field"),
                _ => step.has_error(field, "read_only"),
            };
            return unless(refused, "an invalid value was not rejected");
        }
        let current = &update.current;
        match step.status {
            200 if !case.passwords.may_be(current, self.time()) => {
                Some("that was not the password".to_owned())
            }
            200 => unless(applied(update, &step.json()), "not the requested values")
                .or_else(|| {
                    let email = update.email.as_ref();
                    let id = Some(case.person.id);
                    let is_free = email.is_none_or(|email| !self.is_reserved(email, id));
                    unless(is_free, "changed to a reserved address")
                })
                .or_else(|| self.view(case, &step.json())),
            400 if step.has_error("current-password", "incorrect") => unless(
                !case.passwords.must_be(current, self.time()),
                "that was the password",
            ),
            400 if step.has_error("email", "taken") => {
                let email = update.email.as_ref()?;
                unless(
                    self.may_be_taken(email, Some(case.person.id)),
                    "no other user can have had that",
                )
            }
            409 => unless(self.may_conflict(case), "no concurrent changes"),
            429 => unless(
                self.may_wait(case) || may_have_too_many_reservations(case),
                "there were neither that many failures nor that many reservations",
            ),
            _ => Some("not a response to an update".to_owned()),
        }
    }

    pub(super) fn delete(&self, token: &str, password: &str) -> Option<String> {
        let case = self.case(claims(token).0)?;
        let now = self.step.now;
        match self.step.status {
            204 => {
                let mut deletions = case.steps.iter().filter(|step| step.deletes());
                let is_other = |other: &&&Step| other.began != self.step.began && other.is_done();
                let may_be_right = case.passwords.may_be(password, self.time());
                let reverted = case.count(|step| step.reverts() && step.may_be_done()) > 0;
                let mut former = case.person.former.iter();
                let is_reserved = !reverted && former.any(|former| former.until > now);
                unless(may_be_right, "that was not the password")
                    .or_else(|| unless(!is_reserved, "deleted despite a valid revert link"))
                    .or_else(|| unless(!deletions.any(|step| is_other(&step)), "deleted twice"))
            }
            400 => unless(
                self.step.has_error("current-password", "incorrect")
                    && !case.passwords.must_be(password, self.time()),
                "that was the password",
            ),
            409 => {
                let may_be_reserved = !case.person.former.is_empty()
                    || case.count(|step| step.moves() && step.may_be_done()) > 0;
                unless(
                    may_be_reserved || self.may_conflict(case),
                    "neither a former address nor concurrent changes",
                )
            }
            429 => unless(self.may_wait(case), "there were not that many failures"),
            _ => Some("not a response to a deletion".to_owned()),
        }
    }

    /// `true` if concurrent changes of the user may have kept the request from being applied.
    fn may_conflict(&self, case: &Case<'_>) -> bool {
        let (began, ended) = self.time();
        let changes = |other: &Step| {
            let is_change = other.update().is_some()
                || other.verifies()
                || other.deletes()
                || other.action.operation().is_some();
            is_change
                && (other.may_be_done() || other.may_have_discarded())
                && other.began < ended
                && other.ended > began
        };
        case.count(changes) >= 2
    }
}

/// Maximum number of former addresses that are reserved for one account.
const RESERVATIONS: usize = 20;

/// `true` if the user may have had as many reserved addresses as are allowed.
fn may_have_too_many_reservations(case: &Case<'_>) -> bool {
    case.person.former.len() + case.emails.sets.len() >= RESERVATIONS
}

/// `true` if the record shows every requested change.
fn applied(update: &Update, view: &Value) -> bool {
    let shows = |name: &str, wanted: Option<String>| {
        wanted.is_none_or(|wanted| view[name].as_str() == Some(wanted.as_str()))
    };
    let email = update.email.as_ref().map(|email| stored(email));
    shows("first_name", update.first_name.clone())
        && shows("last_name", update.last_name.clone())
        && (shows("email", email.clone()) || shows("pending_email", email))
}
