//! Every kind of request under injected faults, with what must hold afterwards: it took effect once, or not at all.

use std::{future::Future, pin::Pin, time::Duration};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, TestUser, token_in},
    paths::DELETE_ACCOUNT,
    proxy::{Call, FaultAction},
    response::Response,
    tables::{AUDIT, COUNTERS, KEYS, USERS},
};

/// The longest that a client or a function waits.
pub const LONGEST: Duration = Duration::from_secs(10);

/// The requests that write by single operations.
pub const SINGLE_WRITES: [&str; 4] = ["log_in", "change_name", "reset_password", "log_out"];

/// The requests that write by a transaction.
pub const TRANSACTIONS: [&str; 5] = [
    "sign_up",
    "change_password",
    "change_email",
    "reset_password_complete",
    "delete_account",
];

pub type Sent<'a> = Pin<Box<dyn Future<Output = Response> + Send + 'a>>;

/// An app with a user who is ready to send every kind of request once.
pub struct Scenario {
    pub app: TestApp,
    pub user: TestUser,
    /// The token of a mail that was sent already.
    pub reset_token: String,
}

/// The requests of a [`Scenario`] by name, with the status of their success.
const REQUESTS: [(&str, u16); 10] = [
    ("sign_up", 201),
    ("log_in", 200),
    ("get_user", 200),
    ("change_name", 200),
    ("change_password", 200),
    ("change_email", 200),
    ("reset_password", 200),
    ("reset_password_complete", 201),
    ("log_out", 204),
    ("delete_account", 204),
];

/// The body of every 503.
const UNAVAILABLE: &str = r#"{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"The service is temporarily unavailable. Try again.","code":"unavailable"}"#;

/// The effects of a successful request.
struct Effects {
    record_version: u64,
    sessions: usize,
    subjects: Vec<&'static str>,
}

impl Scenario {
    pub async fn start() -> Self {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let reset_token = app.reset_token("john@example.com").await;
        // Every function has loaded its keys, as it does before its first request.
        assert_eq!(app.details(&user).await.status, 200);
        let token = app.token("john", PASSWORD).await;
        assert_eq!(app.log_out(&token).await.status, 204);
        let change = json!({"first_name": "John"});
        assert_eq!(app.change(&user.token, change).await.status, 200);
        // The cool-down of the reset ends.
        app.advance(Duration::from_mins(2));
        app.server.drain().await;
        app.proxy.calls();
        Self {
            app,
            user,
            reset_token,
        }
    }

    /// Sends the request with this name.
    pub fn request<'a>(&'a self, name: &str) -> Sent<'a> {
        let (app, token) = (&self.app, self.user.token.as_str());
        match name {
            "sign_up" => Box::pin(app.try_sign_up("jane", "jane@example.com", PASSWORD)),
            "log_in" => Box::pin(app.log_in("john", PASSWORD)),
            "get_user" => Box::pin(app.details(&self.user)),
            "change_name" => Box::pin(app.change(token, json!({"first_name": "Johnny"}))),
            "change_password" => Box::pin(app.change(token, json!({"password": OTHER_PASSWORD}))),
            "change_email" => Box::pin(app.change(token, json!({"email": "new@example.com"}))),
            "reset_password" => Box::pin(app.request_reset("john@example.com")),
            "reset_password_complete" => Box::pin(app.complete(&self.reset_token, OTHER_PASSWORD)),
            "log_out" => Box::pin(app.log_out(token)),
            "delete_account" => {
                let body = json!({"current-password": PASSWORD});
                let request = app.request(Method::POST, DELETE_ACCOUNT).json(&body);
                Box::pin(app.send(request.header("authorization", format!("Bearer {token}"))))
            }
            other => panic!("unknown request: {other}"),
        }
    }

    /// Every item except the counters of source addresses.
    pub async fn snapshot(&self) -> Vec<Value> {
        let mut all = self.app.tables().snapshot().await;
        all.retain(|item| !item["pk"].as_str().unwrap().starts_with("limit#"));
        all
    }

    /// Checks for a 503, and that everything is as it was `before`.
    pub async fn check_unavailable(&self, name: &str, response: &Response, before: &[Value]) {
        response.assert_unavailable();
        assert_eq!(response.text, UNAVAILABLE, "{name}");
        assert_eq!(self.snapshot().await, before, "{name}");
        assert!(self.app.unread_mails().is_empty(), "{name}");
    }

    /// Checks that the request took effect exactly once, and reads the mails that it caused.
    pub async fn check_done(&self, name: &str, response: &Response) {
        let expected = REQUESTS.iter().find(|(other, _)| *other == name).unwrap().1;
        assert_eq!(response.status, expected, "{name}: {response:?}");
        self.app.server.drain().await;
        if name == "delete_account" {
            return self.check_deleted().await;
        }
        let mails = self.app.unread_mails();
        let subjects: Vec<_> = mails.iter().map(|mail| mail.subject.as_str()).collect();
        let record = self.app.tables().user(self.user.id).await;
        let sessions = record["sessions"].as_object().unwrap().len();
        let reset_link = mails.iter().find(|mail| mail.text.contains("?token="));
        let effects = self
            .check_effects(name, response, &record, reset_link.map(token_in))
            .await;
        assert_eq!(subjects, effects.subjects, "{name}");
        assert_eq!(
            (&record["version"], sessions),
            (&json!(effects.record_version), effects.sessions),
            "{name}"
        );
    }

    async fn check_deleted(&self) {
        let (app, tables) = (&self.app, self.app.tables());
        assert_eq!(tables.all(USERS).await.len(), 0);
        assert_eq!(tables.all(AUDIT).await.len(), 1);
        assert!(app.unread_mails().is_empty());
        assert_eq!(app.details(&self.user).await.status, 401);
        assert_eq!(app.complete(&self.reset_token, PASSWORD).await.status, 400);
        app.sign_up("john").await;
    }

    async fn check_effects(
        &self,
        name: &str,
        response: &Response,
        record: &Value,
        reset_link: Option<String>,
    ) -> Effects {
        let (app, user, tables) = (&self.app, &self.user, self.app.tables());
        let (mut record_version, mut sessions, mut subjects) = (2, 1, vec![]);
        match name {
            "sign_up" => {
                assert_eq!(tables.all(USERS).await.len(), 6);
                let body = response.json();
                let path = format!("/api/users/{}", body["user"]["id"]);
                let read = app.get(&path, &response.token()).await;
                assert_eq!((read.status, read.json()), (200, body["user"].clone()));
            }
            "log_in" => {
                sessions = 2;
                let read = app.details_with(user, &response.token()).await;
                assert_eq!(read.status, 200);
            }
            "get_user" => assert_eq!(response.json()["first_name"], "John"),
            "change_name" => {
                record_version = 3;
                assert_eq!(record["first_name"], "Johnny");
                assert_eq!(response.json()["first_name"], "Johnny");
            }
            "change_password" => {
                record_version = 3;
                subjects = vec!["Your Latchkey password was changed"];
                assert_eq!(app.details(user).await.status, 200);
                assert_eq!(app.log_in("john", PASSWORD).await.status, 401);
                app.token("john", OTHER_PASSWORD).await;
            }
            "change_email" => {
                record_version = 3;
                subjects = vec!["Your Latchkey e-mail address was changed"];
                assert_eq!(record["email"], "new@example.com");
                assert_eq!(tables.all(USERS).await.len(), 3);
                app.token("new@example.com", PASSWORD).await;
            }
            "reset_password" => {
                subjects = vec!["Reset your Latchkey password"];
                let token = reset_link.unwrap();
                assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 201);
                app.mail();
            }
            "reset_password_complete" => {
                (record_version, sessions) = (3, 0);
                subjects = vec!["Your Latchkey password was changed"];
                app.token("john", OTHER_PASSWORD).await;
                assert_eq!(app.complete(&self.reset_token, PASSWORD).await.status, 400);
            }
            "log_out" => {
                sessions = 0;
                assert_eq!(app.details(user).await.status, 401);
            }
            other => panic!("unknown request: {other}"),
        }
        Effects {
            record_version,
            sessions,
            subjects,
        }
    }
}

/// `true` for a call to the item of a user, a mail or a token: neither a counter of source addresses nor a key.
pub fn is_central(call: &Call) -> bool {
    call.keys()
        .iter()
        .all(|(table, _)| table != KEYS && table != COUNTERS)
}

/// `true` for a call to a counter.
pub fn is_counter(call: &Call) -> bool {
    call.keys().iter().any(|(table, _)| table == COUNTERS)
}

/// `true` for a write to the item of a user, a mail or a token.
pub fn is_central_write(call: &Call) -> bool {
    call.is_write() && is_central(call)
}

/// `true` for a transaction.
pub fn is_transaction(call: &Call) -> bool {
    call.operation == "TransactWriteItems"
}

/// `true` for a write outside a transaction.
pub fn is_single_write(call: &Call) -> bool {
    call.is_write() && !is_transaction(call)
}

/// Sends every request of `names`, concurrently, in a scenario of its own that `prepare` has set up.
pub async fn every_request<F>(
    names: impl IntoIterator<Item = &'static str>,
    prepare: impl Fn(&Scenario),
    check: impl Fn(Scenario, &'static str, Response, Vec<Value>) -> F,
) where
    F: Future<Output = ()>,
{
    join_all(names.into_iter().map(async |name| {
        let scenario = Scenario::start().await;
        let before = scenario.snapshot().await;
        prepare(&scenario);
        let started = Instant::now();
        let response = scenario.request(name).await;
        assert!(started.elapsed() < LONGEST, "{name}");
        check(scenario, name, response, before).await;
    }))
    .await;
}

/// The names of all requests.
pub fn all() -> impl Iterator<Item = &'static str> {
    REQUESTS.iter().map(|(name, _)| *name)
}

/// Checks that every request succeeds although `action` is injected into the first call that `choose` selects.
pub async fn all_succeed(choose: fn(&Call) -> bool, action: FaultAction) {
    succeed(all(), choose, action).await;
}

/// Checks the same for the requests of `names`.
pub async fn succeed(
    names: impl IntoIterator<Item = &'static str>,
    choose: fn(&Call) -> bool,
    action: FaultAction,
) {
    succeed_after(names, |scenario| {
        scenario.app.proxy.first(1, choose, action.clone());
    })
    .await;
}

/// Checks that the requests of `names` succeed although `prepare` has injected faults.
pub async fn succeed_after(
    names: impl IntoIterator<Item = &'static str>,
    prepare: impl Fn(&Scenario),
) {
    every_request(names, prepare, async |scenario, name, response, _| {
        scenario.check_done(name, &response).await;
    })
    .await;
}

/// Checks that every request returns 503 without effect while `action` is injected into all calls, and succeeds afterwards.
pub async fn all_fail(action: FaultAction) {
    fail(all(), |_| true, action).await;
}

/// Checks the same for the requests of `names` and the calls that `choose` selects.
pub async fn fail(
    names: impl IntoIterator<Item = &'static str>,
    choose: fn(&Call) -> bool,
    action: FaultAction,
) {
    check_failures(names, choose, action, true).await;
}

/// Checks the same, but does not repeat the requests: `action` may still delay calls.
pub async fn fail_once(
    names: impl IntoIterator<Item = &'static str>,
    choose: fn(&Call) -> bool,
    action: FaultAction,
) {
    check_failures(names, choose, action, false).await;
}

async fn check_failures(
    names: impl IntoIterator<Item = &'static str>,
    choose: fn(&Call) -> bool,
    action: FaultAction,
    repeat: bool,
) {
    every_request(
        names,
        |scenario| scenario.app.proxy.rule_where(choose, action.clone()),
        async |scenario, name, response, before| {
            scenario.check_unavailable(name, &response, &before).await;
            if repeat {
                scenario.app.proxy.heal();
                let response = scenario.request(name).await;
                scenario.check_done(name, &response).await;
            }
        },
    )
    .await;
}

/// The response to a request whose central writes all end with an error, given the user's item. Checks that it has no effect and
/// that the next attempt succeeds.
pub async fn rejected(name: &'static str, action: fn(&Value) -> FaultAction) -> Response {
    let scenario = Scenario::start().await;
    let before = scenario.snapshot().await;
    let user = scenario.app.tables().user(scenario.user.id).await;
    let proxy = &scenario.app.proxy;
    proxy.rule_where(is_central_write, action(&user));
    let response = scenario.request(name).await;
    assert_eq!(scenario.snapshot().await, before, "{name}");
    assert!(scenario.app.unread_mails().is_empty());
    proxy.heal();
    let again = scenario.request(name).await;
    scenario.check_done(name, &again).await;
    response
}
