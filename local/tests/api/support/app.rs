//! A complete Latchkey for one test: its own tables, a clock that the test advances, and seeded randomness.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use local::{Mail, Options, Server};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json, value::to_raw_value};
use shared::{
    app::Providers,
    domain::{
        clock::{Clock, Timestamp},
        password::{Hasher, Params},
        random::Random,
    },
};

use super::{
    client::client,
    log_watch::LogWatch,
    paths::CONFIRM_EMAIL,
    proxy::Proxy,
    response::{Response, problem},
    tables::Tables,
};
use crate::project::permissions;

/// 2026-01-31T12:00:00Z, the time at which every test starts.
pub const START: u64 = 1_769_860_800;

/// A password that meets the policy.
pub const PASSWORD: &str = "correct horse battery staple";

/// Another password that meets the policy.
pub const OTHER_PASSWORD: &str = "seventeen purple submarines";

/// A third password that meets the policy.
pub const THIRD_PASSWORD: &str = "eleven orange hovercrafts";

/// A password that no user has.
pub const WRONG_PASSWORD: &str = "wrong horse battery staple";

/// How often tests repeat overlapping requests, so that they meet in many orders.
pub const ROUNDS: usize = 50;

/// Argon2id parameters cheap enough for tests.
const LIGHT: Params = Params {
    m_cost: 64,
    t_cost: 1,
    p_cost: 1,
};

/// The pages that links in mails open: those of a front end, which reads the token from the query.
pub const LINK_BASES: [(&str, &str); 3] = [
    ("RESET_LINK_BASE", "http://localhost:3000/reset_password"),
    ("CONFIRM_LINK_BASE", "http://localhost:3000/confirm_email"),
    ("REVERT_LINK_BASE", "http://localhost:3000/revert_email"),
];

/// A complete Latchkey. Dropping it fails the test if a mail was not read, a function made a call that it has no
/// permission for, or a log contains a secret that the test sent.
pub struct TestApp {
    pub server: Server,
    /// The proxy between the functions and DynamoDB.
    pub proxy: Proxy,
    pub hasher: Hasher,
    /// The secrets that must not be logged.
    pub log_watch: LogWatch,
    client: reqwest::Client,
    read: Mutex<Vec<String>>,
}

/// A user who signed up, with the session token of the sign-up.
#[derive(Clone, Debug)]
pub struct TestUser {
    pub id: u64,
    pub username: String,
    pub email: String,
    pub token: String,
}

impl TestApp {
    /// Starts with the template's settings.
    pub async fn start() -> Self {
        Self::with_settings(&[]).await
    }

    /// Starts without limits per source address, since all requests of a test come from one address, and with more changes
    /// of an account and mails to an address than any test causes.
    pub async fn without_source_limits() -> Self {
        Self::without_source_limits_and(&[]).await
    }

    /// The same with these settings.
    pub async fn without_source_limits_and(settings: &[(&str, &str)]) -> Self {
        let limits = [
            ("SOURCE_LIMITS", "off"),
            ("LIMIT_EMAIL_CHANGES_PER_DAY", "1000"),
            ("LIMIT_PASSWORD_CHANGES_PER_DAY", "1000"),
            ("LIMIT_MAILS_PER_DAY", "1000"),
        ];
        Self::with_settings(&[&limits, settings].concat()).await
    }

    /// Starts with these settings in place of the template's.
    pub async fn with_settings(settings: &[(&str, &str)]) -> Self {
        Self::with_params(settings, LIGHT).await
    }

    /// Starts with these settings and these Argon2id parameters.
    pub async fn with_params(settings: &[(&str, &str)], params: Params) -> Self {
        let log_watch = LogWatch::begin();
        let random = Mutex::new(StdRng::seed_from_u64(42));
        let hasher = Hasher::new(params);
        let providers = Providers {
            clock: Clock::new(|| Timestamp::from_unix(START)),
            random: Random::new(move |bytes| random.lock().unwrap().fill_bytes(bytes)),
            hasher: hasher.clone(),
        };
        let proxy = Proxy::start().await;
        let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
        let mut options = Options::new(template, providers);
        options.settings = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>();
        for (name, base) in LINK_BASES {
            let base = || base.to_owned();
            options.settings.entry(name.to_owned()).or_insert_with(base);
        }
        options
            .settings
            .insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), proxy.url());
        let server = Server::start(options).await.unwrap();
        proxy.forward_to(server.dynamodb_address());
        Self {
            server,
            proxy,
            hasher,
            log_watch,
            client: client(),
            read: Mutex::default(),
        }
    }

    /// Direct access to the tables.
    pub fn tables(&self) -> Tables {
        Tables::of(self)
    }

    /// Advances the clock.
    pub fn advance(&self, by: Duration) {
        self.server.advance_clock(by);
    }

    /// The current time in Unix seconds.
    pub fn now(&self) -> u64 {
        self.server.now().unix()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address())
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Response {
        let request = request.build().unwrap();
        self.log_watch.add_request(&request);
        let received = self.client.execute(request).await.unwrap();
        let response = Response {
            status: received.status().as_u16(),
            headers: received.headers().clone(),
            text: received.text().await.unwrap(),
        };
        self.log_watch.add_response(&response);
        response
    }

    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn get(&self, path: &str, token: &str) -> Response {
        let request = self
            .request(Method::GET, path)
            .header("authorization", format!("Token {token}"));
        self.send(request).await
    }

    /// Signs up `name` with `name@example.com` and [`PASSWORD`].
    pub async fn sign_up(&self, name: &str) -> TestUser {
        let email = format!("{name}@example.com");
        let response = self.try_sign_up(name, &email, PASSWORD).await;
        assert_eq!(response.status, 201, "{response:?}");
        TestUser {
            id: response.json()["user"]["id"].as_u64().unwrap(),
            username: name.to_owned(),
            email,
            token: response.token(),
        }
    }

    /// The response to a sign-up.
    pub async fn try_sign_up(&self, username: &str, email: &str, password: &str) -> Response {
        let body = json!({"username": username, "email": email, "password": password});
        self.post("/auth/signup", &body).await
    }

    /// The response to a log-in by username, or by e-mail if `name` has an `@`.
    pub async fn log_in(&self, name: &str, password: &str) -> Response {
        let field = if name.contains('@') {
            "email"
        } else {
            "username"
        };
        self.post("/auth/login", &json!({field: name, "password": password}))
            .await
    }

    /// Fails to log in `times` times.
    pub async fn fail_log_ins(&self, name: &str, times: usize) {
        for _ in 0..times {
            let response = self.log_in(name, WRONG_PASSWORD).await;
            assert_eq!(
                response.problem(),
                problem(401, "invalid_credentials"),
                "{name}"
            );
        }
    }

    /// The token of a successful log-in.
    pub async fn token(&self, name: &str, password: &str) -> String {
        let response = self.log_in(name, password).await;
        assert_eq!(response.status, 200, "{response:?}");
        response.token()
    }

    pub async fn log_out(&self, token: &str) -> Response {
        let request = self
            .request(Method::POST, "/auth/logout")
            .header("authorization", format!("Token {token}"));
        self.send(request).await
    }

    /// The response to reading the user's own record.
    pub async fn details(&self, user: &TestUser) -> Response {
        self.details_with(user, &user.token).await
    }

    /// The response to reading the user's record with `token`.
    pub async fn details_with(&self, user: &TestUser, token: &str) -> Response {
        self.get(&format!("/api/users/{}", user.id), token).await
    }

    /// `true` if `token` still reads the record of the user with this id.
    pub async fn is_live(&self, id: u64, token: &str) -> bool {
        self.get(&format!("/api/users/{id}"), token).await.status == 200
    }

    /// The response to `update_details` with this body.
    pub async fn update(&self, token: &str, body: &Value) -> Response {
        let request = self
            .request(Method::PATCH, "/api/users/update_details")
            .header("authorization", format!("Token {token}"));
        self.send(request.json(body)).await
    }

    /// The response to `update_details` with a wrong current password.
    pub async fn guess_current_password(&self, user: &TestUser) -> Response {
        let guess = with_password(WRONG_PASSWORD, json!({"first_name": "Mallory"}));
        self.update(&user.token, &guess).await
    }

    /// The response to `update_details` with these fields and [`PASSWORD`] as the current password.
    pub async fn change(&self, token: &str, fields: Value) -> Response {
        self.update(token, &with_current_password(fields)).await
    }

    pub async fn request_reset(&self, email: &str) -> Response {
        self.post("/api/passwords/reset_password", &json!({"email": email}))
            .await
    }

    /// The response to completing a reset with the token of a link.
    pub async fn complete(&self, token: &str, password: &str) -> Response {
        let body = json!({
            "new_password": password,
            "password_confirmation": password,
            "reset_token": token,
        });
        self.post("/api/passwords/reset_password_complete", &body)
            .await
    }

    /// Requests a reset and returns the token in the mail.
    pub async fn reset_token(&self, email: &str) -> String {
        let response = self.request_reset(email).await;
        assert_eq!(response.status, 200, "{response:?}");
        token_in(&self.mail())
    }

    /// Invokes `function` with its event in events/, modified by `change`; returns status and body.
    pub async fn invoke(&self, function: &str, change: impl FnOnce(&mut Value)) -> (u64, Value) {
        let mut event = event(function);
        change(&mut event);
        let response = self
            .server
            .invoke(function, to_raw_value(&event).unwrap())
            .await
            .unwrap();
        let response: Value = serde_json::from_str(response.get()).unwrap();
        let body = response["body"].as_str().unwrap();
        let body = serde_json::from_str(body).unwrap_or(Value::Null);
        (response["statusCode"].as_u64().unwrap(), body)
    }

    /// The only unread mail.
    pub fn mail(&self) -> Mail {
        let mut unread = self.unread_mails();
        assert_eq!(unread.len(), 1, "{:?}", subjects(&unread));
        unread.remove(0)
    }

    /// All unread mails but confirmation links, oldest first; they count as read from now on.
    pub fn unread_mails(&self) -> Vec<Mail> {
        self.unread(|mail| !is_confirmation(mail))
    }

    /// All unread mails with a confirmation link, which every sign-up and every new address cause, oldest first.
    pub fn confirmations(&self) -> Vec<Mail> {
        self.unread(is_confirmation)
    }

    /// The token in the newest confirmation link to this address.
    pub fn confirmation_key(&self, email: &str) -> String {
        let confirmations = self.confirmations();
        let mail = confirmations.iter().rfind(|mail| mail.to == [email]);
        key_in(mail.unwrap())
    }

    /// Confirms the user's address.
    pub async fn confirm(&self, user: &TestUser) {
        let response = self.confirm_with(&self.confirmation_key(&user.email)).await;
        assert_eq!(response.status, 200, "{response:?}");
    }

    /// The response to a confirmation with this token.
    pub async fn confirm_with(&self, key: &str) -> Response {
        self.post(CONFIRM_EMAIL, &json!({"key": key})).await
    }

    fn unread(&self, is_included: impl Fn(&Mail) -> bool) -> Vec<Mail> {
        let mut read = self.read.lock().unwrap();
        let mut unread = self.server.mails();
        unread.retain(|mail| is_included(mail) && !read.contains(&mail.id));
        read.extend(unread.iter().map(|mail| mail.id.clone()));
        for mail in &unread {
            self.log_watch.add_mail(mail);
        }
        unread.reverse();
        unread
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let unread = subjects(&self.unread_mails());
            // The log must not contain the secrets of those that the test did not read.
            self.confirmations();
            assert!(unread.is_empty(), "unread mails: {unread:?}");
            permissions::check(&self.proxy.accesses());
            let leaks = self.log_watch.leaks();
            assert!(leaks.is_empty(), "secrets in the log: {leaks:#?}");
        }
    }
}

/// `fields` with [`PASSWORD`] as the current password.
pub fn with_current_password(fields: Value) -> Value {
    with_password(PASSWORD, fields)
}

/// `fields` with `current` as the current password.
pub fn with_password(current: &str, mut fields: Value) -> Value {
    fields["current-password"] = json!(current);
    fields
}

fn is_confirmation(mail: &Mail) -> bool {
    mail.text.contains("/confirm_email?key=")
}

/// The token in the link of a reset mail; text and HTML must contain the same.
pub fn token_in(mail: &Mail) -> String {
    link_parameter(mail, "?token=")
}

/// The token in the link of a confirmation mail; text and HTML must contain the same.
pub fn key_in(mail: &Mail) -> String {
    link_parameter(mail, "?key=")
}

fn link_parameter(mail: &Mail, name: &str) -> String {
    let token = |content: &str| {
        let (_, rest) = content.split_once(name).unwrap();
        rest.split(|character: char| !character.is_ascii_alphanumeric() && character != '-')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(token(&mail.text), token(&mail.html));
    token(&mail.text)
}

/// The event in events/ for `function`.
pub fn event(function: &str) -> Value {
    let path = format!("{}/../events/{function}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Adds the user's token to the function's own event, and the user's id if the path has one.
pub fn authorize(event: &mut Value, user: &TestUser) {
    event["headers"]["authorization"] = json!(format!("Token {}", user.token));
    if !event["pathParameters"].is_null() {
        event["pathParameters"] = json!({"id": user.id.to_string()});
    }
}

/// Sets the body of an event as plain text.
pub fn set_body(event: &mut Value, body: &str) {
    event["body"] = json!(body);
    event["isBase64Encoded"] = json!(false);
}

fn subjects(mails: &[Mail]) -> Vec<String> {
    mails.iter().map(|mail| mail.subject.clone()).collect()
}
