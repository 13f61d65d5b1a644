//! The app under test with its expected state; sends and records requests.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use local::Mail;
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{
    faults::Faults,
    history::{Action, Step, Update},
    people::{People, Person, Session, claims, link},
};
use crate::support::{
    app::{TestApp, key_in, token_in},
    paths::{RESEND_CONFIRMATION, REVERT_EMAIL},
    response::Response,
};

/// A request that took this long may have hit the timeout of an attempt on a busy machine, so a 503 is allowed.
const SLOW: Duration = Duration::from_secs(1);

const SESSIONS: &str = "/auth/sessions";

/// `true` if the mail has a link that confirms an address.
pub fn is_confirmation(mail: &Mail) -> bool {
    mail.text.contains("/confirm_email?key=")
}

pub struct World {
    pub app: TestApp,
    pub faults: Faults,
    pub people: Mutex<People>,
    /// The requests of this round.
    pub steps: Mutex<Vec<Step>>,
    ticks: AtomicU64,
}

impl World {
    pub async fn new() -> Self {
        Self {
            app: TestApp::without_source_limits().await,
            faults: Faults::default(),
            people: Mutex::default(),
            steps: Mutex::default(),
            ticks: AtomicU64::new(1),
        }
    }

    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    /// Sends a request and records its response.
    pub async fn perform(&self, worker: usize, action: Action, user: Option<u64>) -> Response {
        let name = action.name();
        self.expect(&action);
        let (faults, since, began) = (self.faults.of(name), Instant::now(), self.tick());
        let answer = self.send(&action).await;
        let mut step = Step::new(worker, began, action, user, &answer);
        step.ended = self.tick();
        step.excused = self.faults.of(name) > faults || since.elapsed() >= SLOW;
        step.now = self.app.now();
        if answer.status >= 400 {
            answer.problem();
        }
        self.learn(&step);
        self.steps.lock().unwrap().push(step);
        answer
    }

    async fn send(&self, action: &Action) -> Response {
        let app = &self.app;
        match action {
            Action::SignUp {
                username,
                email,
                password,
            } => {
                let body = json!({"username": username, "email": email, "password": password});
                app.post("/auth/signup", &body).await
            }
            Action::LogIn { name, password } => app.log_in(name, password).await,
            Action::LogOut { token } => app.log_out(token).await,
            Action::Read { token, id } => app.get(&format!("/api/users/{id}"), token).await,
            Action::Update(update) => app.update(&update.token, &body(update)).await,
            Action::RequestReset { email } => app.request_reset(email).await,
            Action::Complete { link, password } => app.complete(link, password).await,
            Action::Confirm { key } => app.confirm_with(key).await,
            Action::Resend { token } => {
                self.signed_in(Method::POST, RESEND_CONFIRMATION, token)
                    .await
            }
            Action::Revert { key, password, .. } => self.revert(key, password).await,
            Action::ListSessions { token } => self.signed_in(Method::GET, SESSIONS, token).await,
            Action::EndSession { token, session } => {
                let path = format!("{SESSIONS}/{session}");
                self.signed_in(Method::DELETE, &path, token).await
            }
            Action::EndSessions { token } => self.signed_in(Method::DELETE, SESSIONS, token).await,
        }
    }

    async fn signed_in(&self, method: Method, path: &str, token: &str) -> Response {
        let request = self.app.request(method, path);
        let request = request.header("authorization", format!("Bearer {token}"));
        self.app.send(request).await
    }

    /// The response to taking an account back.
    pub async fn revert(&self, key: &str, password: &str) -> Response {
        let body = json!({
            "key": key, "new_password": password, "password_confirmation": password,
        });
        self.app.post(REVERT_EMAIL, &body).await
    }

    /// Records a password that may become the user's from now on.
    fn expect(&self, action: &Action) {
        let (id, password) = match action {
            Action::Update(update) => match update.new_password() {
                Some(password) => (claims(&update.token).0, password),
                None => return,
            },
            Action::Complete {
                link: token,
                password,
            }
            | Action::Revert {
                key: token,
                password,
                ..
            } => (link(token).0, password),
            _ => return,
        };
        if let Some(person) = self.people.lock().unwrap().all.get_mut(&id) {
            person.tried.insert(password.clone());
        }
    }

    /// Updates the expected state from a response.
    fn learn(&self, step: &Step) {
        let mut people = self.people.lock().unwrap();
        let is_out = step.status == 401 || matches!(step.action, Action::LogOut { .. });
        if let Some((id, name, _)) = step.action.token().filter(|_| is_out).map(claims)
            && let Some(person) = people.all.get_mut(&id)
            && let Some(session) = person.sessions.get_mut(&name)
        {
            session.is_out = true;
        }
        if !step.is_done() {
            return;
        }
        match &step.action {
            Action::SignUp {
                username,
                email,
                password,
            } => {
                let id = step.json()["user"]["id"].as_u64().unwrap();
                let mut person = Person::new(id, username, email, password);
                let (name, session) = session(step, password);
                person.sessions.insert(name, session);
                // A user with the same id must not be overwritten: the check of the responses reports it.
                people.all.entry(id).or_insert(person);
            }
            Action::LogIn { password, .. } => {
                let id = step.json()["user"]["id"].as_u64().unwrap();
                let (name, session) = session(step, password);
                match people.all.get_mut(&id) {
                    Some(person) => drop(person.sessions.insert(name, session)),
                    None => people.strangers.push((id, name, session)),
                }
            }
            Action::Update(update) => {
                let person = people.all.get_mut(&claims(&update.token).0).unwrap();
                if let Some(password) = update.new_password() {
                    person.newest_password.clone_from(password);
                }
            }
            Action::EndSession { token, session } => {
                if let Some(person) = people.all.get_mut(&claims(token).0)
                    && let Some(session) = person.sessions.get_mut(session)
                {
                    session.is_out = true;
                }
            }
            Action::EndSessions { token } => {
                if let Some(person) = people.all.get_mut(&claims(token).0) {
                    let before = |session: &&mut Session| session.ended < step.began;
                    let ended = person.sessions.values_mut().filter(before);
                    ended.for_each(|session| session.is_out = true);
                }
            }
            Action::Complete {
                link: token,
                password,
            }
            | Action::Revert {
                key: token,
                password,
                ..
            } => {
                if let Some(person) = people.all.get_mut(&link(token).0) {
                    person.newest_password.clone_from(password);
                }
            }
            _ => {}
        }
    }

    /// The links that were mailed to a user in this round, oldest first.
    pub fn mailed_links(&self, id: u64) -> Vec<String> {
        let mut mails = self.app.server.mails();
        mails.reverse();
        let tokens = mails
            .iter()
            .filter(|mail| mail.text.contains("?token="))
            .map(token_in);
        tokens.filter(|token| link(token).0 == id).collect()
    }

    /// The confirmation links that were mailed to a user in this round, oldest first.
    pub fn mailed_confirmations(&self, id: u64) -> Vec<String> {
        let mut mails = self.app.server.mails();
        mails.reverse();
        let keys = mails
            .iter()
            .filter(|mail| is_confirmation(mail))
            .map(key_in);
        keys.filter(|key| link(key).0 == id).collect()
    }
}

fn session(step: &Step, password: &str) -> (String, Session) {
    let token = step.json()["token"].as_str().unwrap().to_owned();
    let (_, name, expires_at) = claims(&token);
    let session = Session {
        token: Some(token),
        password: password.to_owned(),
        expires_at,
        began: step.began,
        ended: step.ended,
        ..Session::default()
    };
    (name, session)
}

fn body(update: &Update) -> Value {
    let mut body = Map::new();
    body.insert("current-password".to_owned(), json!(update.current));
    let fields = [
        ("email", &update.email),
        ("first_name", &update.first_name),
        ("last_name", &update.last_name),
        ("password", &update.password),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            body.insert(name.to_owned(), json!(value));
        }
    }
    if let Some((name, value)) = &update.bad {
        body.insert((*name).to_owned(), value.clone());
    }
    Value::Object(body)
}
