//! A whole Latchkey for one test: its own tables, a clock that stands still, chance that repeats itself.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use local::{Mail, Options, Server};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json, value::to_raw_value};
use shared::{
    app::Providers,
    domain::{
        clock::{Clock, Timestamp},
        password::{Hasher, Params},
        random::Random,
    },
};

use crate::{logs::Watch, proxy::Proxy, rights};

/// 2026-01-31T12:00:00Z, when every test begins.
pub const START: u64 = 1_769_860_800;

/// A good password.
pub const PASSWORD: &str = "correct horse battery staple";

/// Another good password.
pub const OTHER_PASSWORD: &str = "seventeen purple submarines";

/// Few enough rounds for a test; the shape of the work is the same.
const LIGHT: Params = Params {
    m_cost: 64,
    t_cost: 1,
    p_cost: 1,
};

/// A whole Latchkey. Dropping it fails the test if a mail was not read, a function did what it has no right to, or a log
/// holds what the test sent.
pub struct TestApp {
    pub server: Server,
    /// What goes between the functions and DynamoDB.
    pub proxy: Proxy,
    pub hasher: Hasher,
    /// What nothing may log.
    pub watch: Watch,
    client: reqwest::Client,
    now: Arc<AtomicU64>,
    read: Mutex<Vec<String>>,
}

/// A user who signed up, and the token that was given.
#[derive(Clone, Debug)]
pub struct SessionResponse {
    pub id: u64,
    pub username: String,
    pub email: String,
    pub token: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With other settings than the template's.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::with_params(settings, LIGHT).await
    }

    /// With Argon2id as strong as in the cloud.
    pub async fn with_params(settings: &[(&str, &str)], params: Params) -> Self {
        let watch = Watch::begin();
        let now = Arc::new(AtomicU64::new(START));
        let time = now.clone();
        let chance = Mutex::new(StdRng::seed_from_u64(42));
        let hasher = Hasher::new(params);
        let providers = Providers {
            clock: Clock::new(move || Timestamp::from_unix(time.load(Ordering::SeqCst))),
            random: Random::new(move |bytes| chance.lock().unwrap().fill_bytes(bytes)),
            hasher: hasher.clone(),
        };
        let proxy = Proxy::start().await;
        let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
        let mut options = Options::new(template, providers);
        options.settings = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>();
        options
            .settings
            .insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), proxy.url());
        let server = Server::start(options).await.unwrap();
        proxy.forward_to(server.dynamodb_address());
        Self {
            server,
            proxy,
            hasher,
            watch,
            client: reqwest::Client::new(),
            now,
            read: Mutex::default(),
        }
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.now.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    pub fn now(&self) -> u64 {
        self.now.load(Ordering::SeqCst)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address())
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        self.watch.note_request(&request);
        let response = self.client.execute(request).await.unwrap();
        let answer = Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        };
        self.watch.note_answer(&answer);
        answer
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        let request = self
            .request(Method::GET, path)
            .header("authorization", format!("Token {token}"));
        self.send(request).await
    }

    /// Signs up `name` with `name@example.com`.
    pub async fn sign_up(&self, name: &str) -> SessionResponse {
        let email = format!("{name}@example.com");
        let body = json!({"username": name, "email": email, "password": PASSWORD});
        let answer = self.post("/auth/signup", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let body = answer.json();
        SessionResponse {
            id: body["user"]["id"].as_u64().unwrap(),
            username: name.to_owned(),
            email,
            token: body["token"].as_str().unwrap().to_owned(),
        }
    }

    pub async fn log_in(&self, name: &str, password: &str) -> Answer {
        let field = if name.contains('@') {
            "email"
        } else {
            "username"
        };
        self.post("/auth/login", &json!({field: name, "password": password}))
            .await
    }

    /// The token of a log-in that works.
    pub async fn token(&self, name: &str, password: &str) -> String {
        let answer = self.log_in(name, password).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    pub async fn log_out(&self, token: &str) -> Answer {
        let request = self
            .request(Method::POST, "/auth/logout")
            .header("authorization", format!("Token {token}"));
        self.send(request).await
    }

    /// The user's details, by their own token.
    pub async fn details(&self, user: &SessionResponse) -> Answer {
        self.get(&format!("/api/users/{}", user.id), &user.token)
            .await
    }

    pub async fn update(&self, token: &str, body: &Value) -> Answer {
        let request = self
            .request(Method::PATCH, "/api/users/update_details")
            .header("authorization", format!("Token {token}"));
        self.send(request.json(body)).await
    }

    pub async fn request_reset(&self, email: &str) -> Answer {
        self.post("/api/passwords/reset_password", &json!({"email": email}))
            .await
    }

    pub async fn complete(&self, token: &str, password: &str) -> Answer {
        let body = json!({
            "new_password": password,
            "password_confirmation": password,
            "reset_token": token,
        });
        self.post("/api/passwords/reset_password_complete", &body)
            .await
    }

    /// Asks for a reset and takes the token out of the mail.
    pub async fn reset_token(&self, email: &str) -> String {
        let answer = self.request_reset(email).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        token_in(&self.mail())
    }

    /// Calls `function` with the event that events/ holds for it, changed by `change`; gives status and body.
    pub async fn invoke(&self, function: &str, change: impl FnOnce(&mut Value)) -> (u64, Value) {
        let mut event = event(function);
        change(&mut event);
        let answer = self
            .server
            .invoke(function, to_raw_value(&event).unwrap())
            .await
            .unwrap();
        let answer: Value = serde_json::from_str(answer.get()).unwrap();
        let body = answer["body"].as_str().unwrap();
        let body = serde_json::from_str(body).unwrap_or(Value::Null);
        (answer["statusCode"].as_u64().unwrap(), body)
    }

    /// The one mail that was not read yet.
    pub fn mail(&self) -> Mail {
        let mut unread = self.unread();
        assert_eq!(unread.len(), 1, "{:?}", subjects(&unread));
        unread.remove(0)
    }

    /// Every mail that was not read yet, oldest first; they count as read now.
    pub fn unread(&self) -> Vec<Mail> {
        let mut read = self.read.lock().unwrap();
        let mut unread = self.server.mails();
        unread.retain(|mail| !read.contains(&mail.id));
        read.extend(unread.iter().map(|mail| mail.id.clone()));
        for mail in &unread {
            self.watch.note_mail(mail);
        }
        unread.reverse();
        unread
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let unread = subjects(&self.unread());
            assert!(unread.is_empty(), "mails that no one read: {unread:?}");
            rights::check(&self.proxy.uses());
            let leaks = self.watch.leaks();
            assert!(leaks.is_empty(), "logged: {leaks:#?}");
        }
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Status and code of a problem, checked to be a whole one (RFC 9457).
    pub fn problem(&self) -> (u16, String) {
        let body = self.json();
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(body["type"], "about:blank");
        assert_eq!(body["status"], self.status);
        assert!(
            body["title"].is_string() && body["detail"].is_string(),
            "{body}"
        );
        (self.status, body["code"].as_str().unwrap().to_owned())
    }

    /// Field and code of every fault of a 400.
    pub fn faults(&self) -> Vec<(String, String)> {
        assert_eq!(
            self.problem(),
            (400, "invalid_request".to_owned()),
            "{self:?}"
        );
        let body = self.json();
        let text = |fault: &Value, name| fault[name].as_str().unwrap().to_owned();
        let faults = body["errors"].as_array().unwrap().iter();
        faults
            .map(|fault| (text(fault, "field"), text(fault, "code")))
            .collect()
    }

    /// The one fault of a 400.
    pub fn fault(&self) -> (String, String) {
        let faults = self.faults();
        assert_eq!(faults.len(), 1, "{self:?}");
        faults[0].clone()
    }
}

/// A fault as [`Answer::fault`] gives it.
pub fn fault(field: &str, code: &str) -> (String, String) {
    (field.to_owned(), code.to_owned())
}

/// A problem as [`Answer::problem`] gives it.
pub fn problem(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// The token in the link of a reset mail; the text and the HTML must hold the same.
pub fn token_in(mail: &Mail) -> String {
    let token = |content: &str| {
        let (_, rest) = content.split_once("?token=").unwrap();
        rest.split(|character: char| !character.is_ascii_alphanumeric() && character != '-')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(token(&mail.text), token(&mail.html));
    token(&mail.text)
}

/// The event that events/ holds for `function`.
pub fn event(function: &str) -> Value {
    let path = format!("{}/../events/{function}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn subjects(mails: &[Mail]) -> Vec<String> {
    mails.iter().map(|mail| mail.subject.clone()).collect()
}
