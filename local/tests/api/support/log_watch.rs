//! The search of the logs for secrets. Everything that our own code logs while this suite runs, at the most detailed level,
//! is kept until the tests that ran meanwhile have searched it for the passwords, tokens and addresses that they used.

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

use super::response::Response;

/// The fields of bodies that must not be logged.
const SECRET_FIELDS: [&str; 8] = [
    "email",
    "password",
    "current-password",
    "new_password",
    "password_confirmation",
    "reset_token",
    "token",
    "access_token",
];

/// The minimum length of a secret: shorter values would be found in unrelated text.
const MIN_LENGTH: usize = 8;

/// Words of log messages that tests also try as passwords.
const WORDS: [&str; 1] = ["password"];

/// What was logged since the start of the oldest running test.
struct Log {
    text: Vec<u8>,
    /// The number of bytes that were logged before `text` and discarded.
    discarded: usize,
    /// The positions at which the running tests started, with the number of tests.
    starts: BTreeMap<usize, usize>,
}

static LOG: Mutex<Log> = Mutex::new(Log {
    text: Vec::new(),
    discarded: 0,
    starts: BTreeMap::new(),
});

/// The secrets of one test, which must not be in the logs.
pub struct LogWatch {
    start: usize,
    secrets: Mutex<BTreeSet<String>>,
}

impl LogWatch {
    pub fn begin() -> Self {
        static LOGGING: Once = Once::new();
        LOGGING.call_once(start_logging);
        let mut log = LOG.lock().unwrap();
        let start = log.discarded + log.text.len();
        *log.starts.entry(start).or_default() += 1;
        Self {
            start,
            secrets: Mutex::default(),
        }
    }

    /// Adds the secrets of a request.
    pub fn add_request(&self, request: &Request) {
        for value in request.headers().get_all("authorization") {
            let value = String::from_utf8_lossy(value.as_bytes());
            self.add(value.split_whitespace().last().unwrap_or_default());
        }
        for value in request.headers().get_all("cookie") {
            self.add_cookie(&String::from_utf8_lossy(value.as_bytes()));
        }
        if let Some(body) = request.body().and_then(reqwest::Body::as_bytes) {
            self.add_fields(&serde_json::from_slice(body).unwrap_or_default());
        }
    }

    /// Adds the secrets of a response.
    pub fn add_response(&self, response: &Response) {
        self.add_fields(&serde_json::from_str(&response.text).unwrap_or_default());
        for value in response.headers.get_all("set-cookie") {
            self.add_cookie(&String::from_utf8_lossy(value.as_bytes()));
        }
    }

    /// Adds the session token in the header `Cookie` or `Set-Cookie`.
    fn add_cookie(&self, header: &str) {
        let pairs = header.split(';').filter_map(|pair| pair.split_once('='));
        let sessions = pairs.filter(|(name, _)| name.trim().ends_with("session"));
        sessions.for_each(|(_, value)| self.add(value));
    }

    /// Adds the recipients of a mail and the token in it.
    pub fn add_mail(&self, mail: &Mail) {
        for address in &mail.to {
            self.add(address);
        }
        if let Some((_, rest)) = mail.text.split_once("token=") {
            self.add(rest.split_whitespace().next().unwrap_or_default());
        }
    }

    /// Adds one secret.
    pub fn add(&self, secret: &str) {
        if secret.len() >= MIN_LENGTH && !WORDS.contains(&secret) {
            self.secrets.lock().unwrap().insert(secret.to_owned());
        }
    }

    fn add_fields(&self, value: &Value) {
        for (name, value) in value.as_object().into_iter().flatten() {
            match value {
                Value::String(text) if SECRET_FIELDS.contains(&name.as_str()) => self.add(text),
                other => self.add_fields(other),
            }
        }
    }

    /// The lines that contain a secret.
    pub fn leaks(&self) -> Vec<String> {
        let mut secrets = self.secrets.lock().unwrap().clone();
        secrets.insert("$argon2".to_owned());
        let searcher = AhoCorasick::new(&secrets).unwrap();
        let text = self.text();
        let found = searcher.find_iter(&text);
        found.map(|at| line_around(&text, at.start())).collect()
    }

    /// The warnings and errors that were logged since the start, for diagnosis.
    pub fn warnings(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.text()).into_owned();
        let warnings = text
            .lines()
            .filter(|line| line.contains(" WARN ") || line.contains(" ERROR "));
        warnings.map(str::to_owned).collect()
    }

    /// A copy of what this test and concurrent ones have logged since the start. It is a copy so that a search does not block
    /// logging.
    pub fn text(&self) -> Vec<u8> {
        let log = LOG.lock().unwrap();
        log.text[self.start - log.discarded..].to_vec()
    }
}

impl Drop for LogWatch {
    fn drop(&mut self) {
        // The failure of another test must not keep everything in memory.
        let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = log.starts.get_mut(&self.start) {
            *count -= 1;
        }
        log.starts.retain(|_, count| *count > 0);
        let end = log.discarded + log.text.len();
        let oldest = *log.starts.keys().next().unwrap_or(&end);
        let unneeded = oldest - log.discarded;
        log.text.drain(..unneeded);
        log.discarded = oldest;
    }
}

fn line_around(text: &[u8], at: usize) -> String {
    let start = text[..at].iter().rposition(|byte| *byte == b'\n');
    let end = text[at..].iter().position(|byte| *byte == b'\n');
    let line = &text[start.map_or(0, |start| start + 1)..end.map_or(text.len(), |end| at + end)];
    String::from_utf8_lossy(line).into_owned()
}

/// Logs libraries from warnings up, as the functions do; the embedded DynamoDB warns of each failed condition.
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
        .with_writer(|| LogWriter)
        .with_ansi(false);
    tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .init();
}

struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
        log.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
