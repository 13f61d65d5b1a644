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
    operator::Operator,
    people::{People, link},
};
use crate::support::{
    app::{TestApp, key_in, token_in},
    paths::{DELETE_ACCOUNT, RESEND_CONFIRMATION, REVERT_EMAIL},
    pending_email::CONFIRM_FIRST,
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
    /// `true` if another address takes effect once it is confirmed.
    pub confirm_first: bool,
    pub operator: Operator,
    pub faults: Faults,
    pub people: Mutex<People>,
    /// The requests of this round.
    pub steps: Mutex<Vec<Step>>,
    ticks: AtomicU64,
}

impl World {
    pub async fn new(confirm_first: bool) -> Self {
        let settings: &[_] = if confirm_first { &[CONFIRM_FIRST] } else { &[] };
        let app = TestApp::without_source_limits_and(settings).await;
        Self {
            operator: Operator::of(&app),
            app,
            confirm_first,
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
        if answer.status >= 400 && step.action.operation().is_none() {
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
            Action::Delete { token, password } => {
                let request = self.app.request(Method::POST, DELETE_ACCOUNT);
                let request = request.header("authorization", format!("Bearer {token}"));
                let body = json!({"current-password": password});
                self.app.send(request.json(&body)).await
            }
            Action::Operate { user, change } => {
                self.operator.change(*user, change, self.app.now()).await
            }
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
