//! The keys and units of requests, with the key functions, the limits and the counters of the product itself.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use shared::{
    app::SourceLimit,
    domain::{
        clock::Timestamp,
        digest::sha256_hex,
        email::EmailAddress,
        link_token::CredentialsBinding,
        rate_limit::Window,
        settings::{Limits, SourceLimits},
        throttle::FailedAttempts,
        user_id::UserId,
        username::Username,
    },
    store::{
        counters::CounterKey,
        keys::TokenKind,
        transient::{MailKey, token_key},
        users::{email_key, user_key, username_key},
    },
};

use super::partitions::{Load, Table};
use crate::Result;

/// The time in which requests are counted, and after which a process reads a counter or the keys again.
const HOUR: Duration = Duration::from_hours(1);
const MINUTE: u64 = 60;

/// A request.
#[derive(Clone, Copy, Debug)]
pub enum Request {
    /// `get_user`.
    GetUser { user: u64 },
    /// `log_in` with the right password, from a source.
    LogIn { user: u64, source: u64 },
    /// `log_in` with a wrong password.
    WrongPassword { user: u64, source: u64 },
    /// `log_in` with a name that no user has.
    UnknownName { name: u64, source: u64 },
    /// `reset_password`, and the mail.
    Reset { user: u64, source: u64 },
    /// `reset_password` for an address that no user has.
    ResetUnknown { address: u64, source: u64 },
    /// `sign_up`, and no mail.
    SignUp { user: u64, source: u64 },
    /// The start of a process that verifies tokens.
    Start,
}

/// The tables under a load.
pub struct Traffic {
    limits: Limits,
    by_source: SourceLimits,
    /// The processes of each function, among which requests are distributed.
    processes: u64,
    now: Timestamp,
    windows: HashMap<CounterKey, Window>,
    refused: HashMap<(CounterKey, u64), Timestamp>,
    failures: HashMap<String, FailedAttempts>,
    mailed: HashSet<u64>,
    keys_read: HashMap<u64, Timestamp>,
    /// `Users`.
    pub users: Table,
    /// `Transient`.
    pub transient: Table,
    /// `Counters`.
    pub counters: Table,
    /// `Keys`.
    pub keys: Table,
    /// Requests that a limit refused.
    pub refusals: u64,
    /// Mails that were queued.
    pub mails: u64,
}

impl Traffic {
    /// No load yet. The loads are averages over `seconds`.
    pub fn new(limits: &Limits, seconds: u32, processes: u64) -> Result<Self> {
        let by_source = limits.by_source.clone().ok_or("no limits by source")?;
        Ok(Self {
            limits: limits.clone(),
            by_source,
            processes: processes.max(1),
            now: Timestamp::from_unix(0),
            windows: HashMap::new(),
            refused: HashMap::new(),
            failures: HashMap::new(),
            mailed: HashSet::new(),
            keys_read: HashMap::new(),
            users: Table::new(seconds),
            transient: Table::new(seconds),
            counters: Table::new(seconds),
            keys: Table::new(seconds),
            refusals: 0,
            mails: 0,
        })
    }

    /// Serves a request at `now` in the process that `random` selects.
    pub fn serve(&mut self, request: Request, now: Timestamp, random: u64) -> Result<()> {
        self.now = now;
        let process = random % self.processes;
        match request {
            Request::GetUser { user } => {
                self.read_keys(process);
                self.users.add(&user_key(id(user)?), reads(1.0));
            }
            Request::LogIn { user, source } => {
                if let Some(counter) = self.check(SourceLimit::FailedLogIns, source, process) {
                    self.users.add(&username_key(&name(user)?), reads(1.0));
                    self.users.add(&user_key(id(user)?), units(1.0, 1.0));
                    // It is counted, and taken back.
                    self.counters.add(counter.as_str(), writes(2.0));
                }
            }
            Request::WrongPassword { user, source } => {
                if let Some(counter) = self.check(SourceLimit::FailedLogIns, source, process) {
                    let key = user_key(id(user)?);
                    self.users.add(&username_key(&name(user)?), reads(1.0));
                    self.users.add(&key, reads(1.0));
                    if self.fail(&key) {
                        self.count(counter);
                        self.users.add(&key, writes(1.0));
                    }
                }
            }
            Request::UnknownName {
                name: number,
                source,
            } => {
                if let Some(counter) = self.check(SourceLimit::FailedLogIns, source, process) {
                    let name = unknown(number);
                    let username = Username::parse(&name).map_err(|_| "invalid username")?;
                    let key = CounterKey::unknown_name(&sha256_hex(name.as_bytes()));
                    self.users.add(&username_key(&username), reads(1.0));
                    self.counters.add(key.as_str(), reads(1.0));
                    if self.fail(key.as_str()) {
                        self.count(counter);
                        self.counters.add(key.as_str(), writes(1.0));
                    }
                }
            }
            Request::Reset { user, source } => {
                if let Some(counter) = self.check(SourceLimit::Resets, source, process) {
                    self.count(counter);
                    self.reset(user)?;
                }
            }
            Request::ResetUnknown { address, source } => {
                if let Some(counter) = self.check(SourceLimit::Resets, source, process) {
                    self.count(counter);
                    let address = email(&unknown(address))?;
                    self.users.add(&email_key(&address), reads(1.0));
                }
            }
            Request::SignUp { user, source } => {
                if let Some(counter) = self.check(SourceLimit::SignUps, source, process) {
                    self.count(counter);
                    let (id, name) = (id(user)?, name(user)?);
                    let address = email(&format!("user{user}"))?;
                    for key in [user_key(id), username_key(&name), email_key(&address)] {
                        self.users.add(&key, writes(2.0));
                    }
                    let key = MailKey::confirmation(id);
                    self.transient.add(key.as_str(), writes(2.0));
                }
            }
            Request::Start => {
                let item = TokenKind::Session.public_item();
                self.keys.add(item, reads(1.0));
            }
        }
        Ok(())
    }

    /// A reset mail, unless the user had one within the cool-down.
    fn reset(&mut self, user: u64) -> Result<()> {
        let (id, address) = (id(user)?, email(&format!("user{user}"))?);
        let mail = MailKey::reset(id);
        self.users.add(&email_key(&address), reads(1.0));
        self.transient.add(mail.as_str(), reads(1.0));
        if !self.mailed.insert(user) {
            return Ok(());
        }
        self.mails += 1;
        // The request queues it; send_mail reads it, makes the link, counts the mail for the address, and settles it.
        self.transient.add(mail.as_str(), units(1.0, 2.0));
        let link = token_key::<CredentialsBinding>(id);
        self.transient.add(&link, units(1.0, 1.0));
        self.users.add(&user_key(id), reads(1.0));
        let recipient = CounterKey::new("mail", &address.hash());
        self.counters.add(recipient.as_str(), units(1.0, 1.0));
        Ok(())
    }

    /// The counter of a source that is not over its limit.
    fn check(&mut self, limit: SourceLimit, source: u64, process: u64) -> Option<CounterKey> {
        let counter = limit.counter(&address_of(source));
        let known = self.refused.get(&(counter.clone(), process));
        if known.is_some_and(|forgotten_at| self.now < *forgotten_at) {
            self.refusals += 1;
            return None;
        }
        self.counters.add(counter.as_str(), reads(1.0));
        let max = match limit {
            SourceLimit::Resets => self.by_source.resets,
            SourceLimit::SignUps => self.by_source.sign_ups,
            SourceLimit::FailedLogIns => self.by_source.wrong_log_ins,
            SourceLimit::LinkUses => self.by_source.completions,
            SourceLimit::TakenAddresses => self.by_source.taken_addresses,
        };
        let window = self.windows.get(&counter);
        if window.is_some_and(|window| window.time_over_limit(max, self.now).is_some()) {
            let forgotten_at = self.now + Duration::from_secs(MINUTE);
            self.refused.insert((counter, process), forgotten_at);
            self.refusals += 1;
            return None;
        }
        Some(counter)
    }

    fn count(&mut self, counter: CounterKey) {
        self.counters.add(counter.as_str(), writes(1.0));
        let next = Window::after_one_more(self.windows.get(&counter), self.now, HOUR);
        self.windows.insert(counter, next);
    }

    /// Records a wrong password; false while the account is locked.
    fn fail(&mut self, key: &str) -> bool {
        let seen = self.failures.get(key);
        if seen.is_some_and(|attempts| attempts.retry_after(self.now).is_some()) {
            self.refusals += 1;
            return false;
        }
        let (free, longest) = (self.limits.wrong_passwords, self.limits.max_wait);
        let next = FailedAttempts::record(seen, self.now, free, longest);
        self.failures.insert(key.to_owned(), next);
        true
    }

    /// A process reads the public keys at its start, and again when a request comes a minute later.
    fn read_keys(&mut self, process: u64) {
        let read_at = self.keys_read.get(&process);
        if read_at.is_none_or(|read_at| self.now.seconds_since(*read_at) >= MINUTE) {
            self.keys_read.insert(process, self.now);
            let item = TokenKind::Session.public_item();
            self.keys.add(item, reads(1.0));
        }
    }
}

fn reads(units: f64) -> Load {
    Load {
        reads: units,
        writes: 0.0,
    }
}

fn writes(units: f64) -> Load {
    Load {
        reads: 0.0,
        writes: units,
    }
}

fn units(reads: f64, writes: f64) -> Load {
    Load { reads, writes }
}

fn id(user: u64) -> Result<UserId> {
    Ok(UserId::new(user + 1).map_err(|_| "invalid id")?)
}

fn name(user: u64) -> Result<Username> {
    Ok(Username::parse(&format!("user{user}")).map_err(|_| "invalid username")?)
}

fn email(name: &str) -> Result<EmailAddress> {
    Ok(EmailAddress::parse(&format!("{name}@example.com")).map_err(|_| "invalid address")?)
}

fn unknown(number: u64) -> String {
    format!("unknown{number}")
}

/// An IPv4 address.
fn address_of(source: u64) -> String {
    let [.., a, b, c, d] = source.to_be_bytes();
    shared::http::source_group(&format!("{a}.{b}.{c}.{d}"))
}

#[cfg(test)]
mod tests;
