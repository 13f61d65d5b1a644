//! The responses that a request may get, given all concurrent requests.

use serde_json::Value;

use super::{
    check::{Case, is_about},
    history::{Action, Step, Update},
    people::{canonical, claims, link, stored},
};

/// Wrong passwords before throttling.
const FREE: u64 = 5;

/// Reset mails per day.
const MAILS: u64 = 5;

/// The reason why the response is wrong, if it is.
pub fn violation(step: &Step, steps: &[Step], cases: &[Case<'_>]) -> Option<String> {
    let judged = Judged { step, steps, cases };
    if step.status == 503 {
        return unless(
            step.excused && step.retry_after.is_some(),
            "503 without a fault",
        );
    }
    if step.status == 429 && step.retry_after.is_none_or(|seconds| seconds == 0) {
        return Some("429 without Retry-After".to_owned());
    }
    if step.status == 401 && step.action.token().is_some() {
        // The end of the session is checked after the round.
        return None;
    }
    judged.used_ended_session().or_else(|| match &step.action {
        Action::Confirm { key } => judged.confirm(key),
        Action::Resend { .. } => judged.resend(),
        Action::Revert { key, .. } => judged.revert(key),
        Action::ListSessions { token } => judged.list_sessions(token),
        Action::EndSession { .. } => unless(
            matches!(step.status, 204 | 404),
            "not a response to ending a session",
        ),
        Action::EndSessions { .. } => {
            unless(step.status == 204, "not a response to ending all sessions")
        }
        Action::SignUp {
            username, email, ..
        } => judged.sign_up(username, email),
        Action::LogIn { name, password } => judged.log_in(name, password),
        Action::LogOut { token } => judged.log_out(token),
        Action::Read { token, id } => judged.read(token, *id),
        Action::Update(update) => judged.update(update),
        Action::RequestReset { email } => judged.request_reset(email),
        Action::Complete { link, .. } => judged.complete(link),
    })
}

pub(super) fn unless(is_right: bool, what: &str) -> Option<String> {
    (!is_right).then(|| what.to_owned())
}

pub(super) struct Judged<'a> {
    pub(super) step: &'a Step,
    pub(super) steps: &'a [Step],
    pub(super) cases: &'a [Case<'a>],
}

impl Judged<'_> {
    const fn time(&self) -> (u64, u64) {
        (self.step.began, self.step.ended)
    }

    pub(super) fn case(&self, id: u64) -> Option<&Case<'_>> {
        self.cases.iter().find(|case| case.person.id == id)
    }

    /// `true` if a user other than `but` may have had the address during the request.
    fn may_be_had(&self, email: &str, but: Option<u64>) -> bool {
        let others = self.cases.iter().filter(|case| Some(case.person.id) != but);
        let address = canonical(email);
        others.into_iter().any(|case| {
            let mut spellings = case.emails.all();
            spellings.any(|one| canonical(one) == address && case.emails.may_be(one, self.time()))
        })
    }

    /// `true` if a user other than `but` may have had or reserved the address during the request.
    fn may_be_taken(&self, email: &str, but: Option<u64>) -> bool {
        let others = self.cases.iter().filter(|case| Some(case.person.id) != but);
        let address = canonical(email);
        let is_reserved = |case: &&Case<'_>| {
            let mut before = case.person.former.iter();
            let mut sets = case.emails.sets.iter();
            let is_verified = case.person.is_verified
                || case
                    .steps
                    .iter()
                    .any(|step| step.verifies() && step.may_be_done());
            let was_had = canonical(case.emails.initial) == address
                || sets
                    .any(|set| canonical(set.value) == address && set.step.began < self.step.ended);
            before.any(|former| canonical(&former.email) == address) || (is_verified && was_had)
        };
        self.may_be_had(email, but) || others.into_iter().any(|case| is_reserved(&case))
    }

    /// `true` if the address was reserved for a user other than `but` during the whole request.
    fn is_reserved(&self, email: &str, but: Option<u64>) -> bool {
        let address = canonical(email);
        let mut others = self.cases.iter().filter(|case| Some(case.person.id) != but);
        others.any(|case| {
            let mut former = case.person.former.iter();
            let is_reverted = case
                .steps
                .iter()
                .any(|step| step.reverts() && step.may_be_done());
            !is_reverted
                && former.any(|former| {
                    canonical(&former.email) == address && former.until > self.step.now
                })
        })
    }

    /// The user who had the address during the whole request.
    fn owner(&self, email: &str) -> Option<&Case<'_>> {
        let address = canonical(email);
        self.cases.iter().find(|case| {
            let mut sets = case.emails.sets.iter();
            canonical(&case.person.email) == address
                && self.was_there(case)
                && sets
                    .all(|set| canonical(set.value) == address || set.step.began > self.step.ended)
        })
    }

    /// `true` if the user had signed up when the request started.
    fn was_there(&self, case: &Case<'_>) -> bool {
        let signed_up = self.steps.iter().find(|step| {
            matches!(&step.action, Action::SignUp { username, .. }
                if username.eq_ignore_ascii_case(&case.person.username))
                && step.may_be_done()
        });
        signed_up.is_none_or(|step| step.is_done() && step.ended < self.step.began)
    }

    /// A session that ended before the request must not be served.
    fn used_ended_session(&self) -> Option<String> {
        let token = self.step.action.token()?;
        let (id, name, _) = claims(token);
        let case = self.case(id)?;
        let is_end = matches!(
            self.step.action,
            Action::LogOut { .. } | Action::EndSession { .. } | Action::EndSessions { .. }
        );
        if self.step.excused && is_end {
            // The first attempt may have ended the session.
            return None;
        }
        let Some(session) = case.person.sessions.get(&name) else {
            return Some("a session that had ended was served".to_owned());
        };
        let ended = case
            .steps
            .iter()
            .filter(|step| step.ended < self.step.began)
            .find(|step| {
                let same = step
                    .action
                    .token()
                    .is_some_and(|token| claims(token).1 == name);
                let out = matches!(step.action, Action::LogOut { .. }) && step.is_done();
                let others = step.is_done()
                    && step.sets_password().is_some()
                    && step.began > session.ended
                    && !same;
                let ended = step.is_done() && step.action.ends(&name) && step.began > session.ended;
                (same && (out || step.status == 401)) || others || ended
            });
        ended.map(|step| format!("a session that ended by {step} was served"))
    }

    fn sign_up(&self, username: &str, email: &str) -> Option<String> {
        let named = |name: &str| {
            self.cases
                .iter()
                .find(|case| case.person.username.eq_ignore_ascii_case(name))
        };
        if self.step.status == 201 {
            let there = named(username).is_some_and(|case| {
                self.step.json()["user"]["id"].as_u64() != Some(case.person.id)
            });
            let taken = self
                .owner(email)
                .filter(|case| Some(case.person.id) != self.step.json()["user"]["id"].as_u64());
            let id = self.step.json()["user"]["id"].as_u64();
            return unless(
                !there && taken.is_none() && !self.is_reserved(email, id),
                "signed up with a taken name or address",
            );
        }
        let faults = self.step.field_errors();
        let right = !faults.is_empty()
            && faults.iter().all(|(field, code)| {
                code == "taken"
                    && match field.as_str() {
                        "username" => named(username).is_some(),
                        "email" => self.may_be_taken(email, None),
                        _ => false,
                    }
            });
        unless(
            self.step.status == 400 && right,
            "no user can have had that",
        )
    }

    fn log_in(&self, name: &str, password: &str) -> Option<String> {
        match self.step.status {
            200 => {
                let user = &self.step.json()["user"];
                let case = self.case(user["id"].as_u64()?)?;
                if !case.passwords.may_be(password, self.time()) {
                    return Some("that was not the password".to_owned());
                }
                let right = if name.contains('@') {
                    let address = canonical(name);
                    let mut spellings = case.emails.all();
                    spellings.any(|one| {
                        canonical(one) == address && case.emails.may_be(one, self.time())
                    })
                } else {
                    name.eq_ignore_ascii_case(&case.person.username)
                };
                unless(right, "another user was logged in").or_else(|| self.view(case, user))
            }
            401 => {
                let case = self.named_for_sure(name)?;
                unless(
                    !case.passwords.must_be(password, self.time()),
                    "that was the password",
                )
            }
            429 => {
                let case = self.named_for_sure(name)?;
                unless(self.may_wait(case), "there were not that many failures")
            }
            _ => Some("not a response to a log-in".to_owned()),
        }
    }

    fn named_for_sure(&self, name: &str) -> Option<&Case<'_>> {
        if name.contains('@') {
            return self.owner(name);
        }
        let mut cases = self.cases.iter();
        cases.find(|case| case.person.username.eq_ignore_ascii_case(name) && self.was_there(case))
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
                Action::LogIn { .. } | Action::Update(_) => is_about(step, case.person),
                _ => false,
            };
            failed && mine && step.began < self.step.ended
        });
        case.person.failures + wrong.count() as u64 >= FREE
    }

    fn log_out(&self, token: &str) -> Option<String> {
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

    fn read(&self, token: &str, id: u64) -> Option<String> {
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
            && case.first_names.may_be(&text("first_name"), time)
            && case.last_names.may_be(&text("last_name"), time)
            && case
                .emails
                .all()
                .any(|one| stored(one) == email && case.emails.may_be(one, time));
        unless(right, "this record was never possible")
    }

    fn update(&self, update: &Update) -> Option<String> {
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
            409 => {
                let others = case.steps.iter().filter(|other| {
                    let changes = other.update().is_some() || other.verifies();
                    changes
                        && other.may_be_done()
                        && other.began < step.ended
                        && other.ended > step.began
                });
                unless(others.count() >= 2, "no concurrent changes")
            }
            429 => unless(
                self.may_wait(case) || may_have_too_many_reservations(case),
                "there were neither that many failures nor that many reservations",
            ),
            _ => Some("not a response to an update".to_owned()),
        }
    }

    fn request_reset(&self, email: &str) -> Option<String> {
        match self.step.status {
            200 => unless(self.may_be_had(email, None), "no user can have had that"),
            404 => unless(self.owner(email).is_none(), "a user had that"),
            429 => {
                let address = canonical(email);
                let spent = self.cases.iter().any(|case| {
                    case.addresses().contains(&address)
                        && (case.person.mails >= MAILS
                            || case.mails >= MAILS
                            || case.grew("passwords", case.person.passwords) > 0)
                });
                unless(spent, "there were not that many mails")
            }
            _ => Some("not a response to a reset request".to_owned()),
        }
    }

    fn complete(&self, token: &str) -> Option<String> {
        let (id, _) = link(token);
        let case = self.case(id)?;
        let known = case
            .person
            .links
            .iter()
            .rposition(|link| link.token == token);
        let is_revoked = known.is_some_and(|place| case.person.links[place].is_revoked);
        let uses =
            |step: &Step| matches!(&step.action, Action::Complete { link, .. } if link == token);
        match self.step.status {
            201 => {
                let times = self
                    .steps
                    .iter()
                    .filter(|step| uses(step) && step.is_done());
                unless(!is_revoked, "a revoked link worked")
                    .or_else(|| unless(times.count() == 1, "a link worked twice"))
            }
            400 if self.step.json()["code"] == "invalid_token" => {
                let newest = known.is_some_and(|place| place + 1 == case.person.links.len());
                let addresses = case.addresses();
                let disturbed = case.steps.iter().any(|step| {
                    step.began != self.step.began
                        && step.may_be_done()
                        && (step.sets_password().is_some() || step.sets_email().is_some())
                }) || self.steps.iter().any(|step| {
                    matches!(&step.action, Action::RequestReset { email }
                        if addresses.contains(&canonical(email)))
                });
                let expired =
                    known.is_some_and(|place| case.person.links[place].ends_at <= self.step.now);
                unless(
                    !newest || is_revoked || disturbed || expired,
                    "a valid link did not work",
                )
            }
            _ => Some("not a response to a completion".to_owned()),
        }
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
    shows("first_name", update.first_name.clone())
        && shows("last_name", update.last_name.clone())
        && shows("email", update.email.as_ref().map(|email| stored(email)))
}
