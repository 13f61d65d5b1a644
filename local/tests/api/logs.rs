//! Family 42: everything that our own code logs while this suite runs, at the finest level, is kept until the tests that
//! ran meanwhile have searched it for each password, token and address that they used.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    sync::{Mutex, Once, PoisonError},
};

use aho_corasick::AhoCorasick;
use local::{Mail, functions::REGISTRY};
use reqwest::Request;
use serde_json::Value;
use tracing::Level;
use tracing_subscriber::{
    filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{
    app::{Answer, OTHER_PASSWORD, PASSWORD, TestApp},
    tables::Tables,
};

/// The members of bodies that nobody may find in a log.
const SECRET_FIELDS: [&str; 7] = [
    "email",
    "password",
    "current-password",
    "new_password",
    "password_confirmation",
    "reset_token",
    "token",
];

/// Shorter values would be found in what has nothing to do with them.
const SHORTEST: usize = 8;

/// The words of messages that are also passwords that tests try.
const WORDS: [&str; 1] = ["password"];

/// What was logged since the oldest test that still runs began.
struct Logged {
    text: Vec<u8>,
    /// How much was logged before `text`, and forgotten.
    forgotten: usize,
    /// Where the tests that still run began, and how many began there.
    began: BTreeMap<usize, usize>,
}

static LOGGED: Mutex<Logged> = Mutex::new(Logged {
    text: Vec::new(),
    forgotten: 0,
    began: BTreeMap::new(),
});

/// What one test must not find in the logs.
pub struct Watch {
    from: usize,
    secrets: Mutex<BTreeSet<String>>,
}

impl Watch {
    pub fn begin() -> Self {
        static LOGGING: Once = Once::new();
        LOGGING.call_once(start_logging);
        let mut logged = LOGGED.lock().unwrap();
        let from = logged.forgotten + logged.text.len();
        *logged.began.entry(from).or_default() += 1;
        Self {
            from,
            secrets: Mutex::default(),
        }
    }

    /// Notes what a request carries.
    pub fn note_request(&self, request: &Request) {
        for value in request.headers().get_all("authorization") {
            let value = String::from_utf8_lossy(value.as_bytes());
            self.note(value.split_whitespace().last().unwrap_or_default());
        }
        if let Some(body) = request.body().and_then(reqwest::Body::as_bytes) {
            self.note_fields(&serde_json::from_slice(body).unwrap_or_default());
        }
    }

    /// Notes what an answer gives away to its client.
    pub fn note_answer(&self, answer: &Answer) {
        self.note_fields(&serde_json::from_str(&answer.text).unwrap_or_default());
    }

    /// Notes to whom a mail goes, and the secret in it.
    pub fn note_mail(&self, mail: &Mail) {
        for address in &mail.to {
            self.note(address);
        }
        if let Some((_, rest)) = mail.text.split_once("?token=") {
            self.note(rest.split_whitespace().next().unwrap_or_default());
        }
    }

    /// Notes one secret.
    pub fn note(&self, secret: &str) {
        if secret.len() >= SHORTEST && !WORDS.contains(&secret) {
            self.secrets.lock().unwrap().insert(secret.to_owned());
        }
    }

    fn note_fields(&self, value: &Value) {
        for (name, value) in value.as_object().into_iter().flatten() {
            match value {
                Value::String(text) if SECRET_FIELDS.contains(&name.as_str()) => self.note(text),
                other => self.note_fields(other),
            }
        }
    }

    /// Lines that hold what none may.
    pub fn leaks(&self) -> Vec<String> {
        let mut secrets = self.secrets.lock().unwrap().clone();
        secrets.insert("$argon2".to_owned());
        let searcher = AhoCorasick::new(&secrets).unwrap();
        let text = self.text();
        let found = searcher.find_iter(&text);
        found.map(|at| line_around(&text, at.start())).collect()
    }

    /// What was logged since this began of things that should not be, for whoever has to find out why.
    pub fn warnings(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.text()).into_owned();
        let warnings = text
            .lines()
            .filter(|line| line.contains(" WARN ") || line.contains(" ERROR "));
        warnings.map(str::to_owned).collect()
    }

    /// What was logged since this began, by this test and those beside it: a copy, since nobody is to wait for a search.
    fn text(&self) -> Vec<u8> {
        let logged = LOGGED.lock().unwrap();
        logged.text[self.from - logged.forgotten..].to_vec()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Another test's failure is no reason to keep everything.
        let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = logged.began.get_mut(&self.from) {
            *count -= 1;
        }
        logged.began.retain(|_, count| *count > 0);
        let end = logged.forgotten + logged.text.len();
        let oldest = *logged.began.keys().next().unwrap_or(&end);
        let gone = oldest - logged.forgotten;
        logged.text.drain(..gone);
        logged.forgotten = oldest;
    }
}

fn line_around(text: &[u8], at: usize) -> String {
    let start = text[..at].iter().rposition(|byte| *byte == b'\n');
    let end = text[at..].iter().position(|byte| *byte == b'\n');
    let line = &text[start.map_or(0, |start| start + 1)..end.map_or(text.len(), |end| at + end)];
    String::from_utf8_lossy(line).into_owned()
}

/// Libraries from a warning upwards, as in the functions; the embedded DynamoDB warns of each refused condition.
fn start_logging() {
    let ours = REGISTRY
        .iter()
        .map(|(name, _)| *name)
        .chain(["local", "shared"]);
    let targets = ours
        .fold(Targets::new().with_default(Level::WARN), |targets, name| {
            targets.with_target(name, Level::TRACE)
        })
        .with_target("dynoxide", Level::ERROR);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| Keeper)
        .with_ansi(false);
    tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .init();
}

struct Keeper;

impl Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
        logged.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

mod case_42_logs {
    use super::*;

    #[test]
    fn what_is_logged_anywhere_is_found() {
        let watch = Watch::begin();
        watch.note("a-secret-nobody-may-see");
        assert!(watch.leaks().is_empty());
        let shown = serde_json::json!({"of": "a-secret-nobody-may-see"});
        tracing::trace!(target: "shared::store::users", %shown, "read");
        let leaks = watch.leaks();
        assert_eq!(leaks.len(), 1, "{leaks:?}");
        assert!(leaks[0].contains("shared::store::users"), "{leaks:?}");
    }

    /// All other tests of this suite are held to the same when they end.
    #[tokio::test(flavor = "multi_thread")]
    async fn neither_a_journey_nor_the_private_key_is_in_the_logs() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        app.log_in(&user.email, "not the password at all").await;
        let link = app.reset_token(&user.email).await;
        app.complete(&link, OTHER_PASSWORD).await;
        app.mail();
        let token = app.token(&user.email, OTHER_PASSWORD).await;
        let change = serde_json::json!({
            "current-password": OTHER_PASSWORD, "password": PASSWORD, "email": "johnny@example.org",
        });
        app.update(&token, &change).await;
        app.unread();
        let keys = Tables::of(&app).item("KeysTable", "signing").await.unwrap();
        let private = keys["keys"][0]["pkcs8"].as_str().unwrap();
        app.watch.note(private);
        app.watch.note(&private[private.len() - 20..]);
        let stored = Tables::of(&app).user(user.id).await;
        app.watch.note(stored["password_hash"].as_str().unwrap());
        assert!(app.watch.text().len() > 1000);
        assert_eq!(app.watch.leaks(), Vec::<String>::new());
    }
}
