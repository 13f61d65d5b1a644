//! What makes two runs comparable: responses and states without random values.

mod exempt;
mod plain;

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use serde_json::Value;
use shared::domain::password::{Hash, Hasher, Params, Password};

use self::exempt::{has_recipient, is_expired_reservation, is_taken_back};
pub use self::plain::plain;
use crate::{
    database::Tables,
    memory::Number,
    operations::{NEW_PASSWORDS, PASSWORD, WRONG_PASSWORD, operation},
    process::Answer,
    world::{State, World},
};

/// The key of a counter of the mails to an address, without the address.
pub const MAIL_COUNTER: &str = "limit#mail#";

/// The beginning of the key of every counter in windows of time.
pub const COUNTER: &str = "limit#";

/// The shortest random text in hexadecimal digits.
const MIN_RANDOM: usize = 20;

/// The shortest id that is taken for one, and is longer than any time or counter.
const MIN_ID: usize = 12;

/// Compares the ends of the runs of one world.
pub struct Comparison {
    /// Every text of the start: none of them is new.
    known: String,
    hasher: Hasher,
    now: u64,
    /// The password of each hash.
    passwords: RefCell<BTreeMap<String, String>>,
    /// The line of each item, by the numbers of key and item, and by whether it is compared strictly.
    lines: RefCell<HashMap<(Number, Number, Strictness), Rc<str>>>,
    /// The line of each mail.
    mails: RefCell<HashMap<Number, Rc<str>>>,
    answers: RefCell<HashMap<Number, Rc<str>>>,
}

/// What is compared of the ends of two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strictness {
    /// Everything that is not random.
    Strict,
    /// Not what a second delivery of a mail changes: the counter of the mails to its recipient, and the earlier one of its two links.
    SentAgain,
    /// Not the counters of sources.
    TakenBackAgain,
}

/// The end of a run, without what differs between equal ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparable {
    pub state: Vec<Rc<str>>,
    pub mails: Vec<Rc<str>>,
}

impl Comparison {
    pub fn new(world: &World) -> Self {
        let initial = world.tables.items(&world.initial.tables);
        let ahead = world
            .scenario
            .operations()
            .map(|name| operation(name).ahead);
        let known: Vec<_> = initial
            .iter()
            .map(|((_, key), item)| format!("{key} {item}"))
            .collect();
        Self {
            known: known.join("\n"),
            hasher: Hasher::new(Params {
                m_cost: 8,
                t_cost: 1,
                p_cost: 1,
            }),
            // Of the latest clock.
            now: world.now() + ahead.max().unwrap_or_default(),
            passwords: RefCell::default(),
            lines: RefCell::default(),
            mails: RefCell::default(),
            answers: RefCell::default(),
        }
    }

    /// The final state and the mails of a run.
    pub fn end(&self, world: &World, end: &State, strictness: Strictness) -> Comparable {
        let mut state: Vec<_> = Tables::numbers(&end.tables)
            .filter(|numbers| {
                let (key, item) = world.tables.entry(*numbers);
                let is_queued = key.1.starts_with("mail#");
                !is_queued || has_recipient(&item, &world.tables, &end.tables)
            })
            .map(|numbers| self.line(world, numbers, strictness))
            .filter(|line| !line.is_empty())
            .collect();
        state.sort_unstable();
        let mut mails: Vec<_> = end
            .mails
            .iter()
            .map(|number| self.mail(world, *number))
            .collect();
        mails.sort_unstable();
        Comparable { state, mails }
    }

    /// An item as text; empty if it does not count.
    fn line(&self, world: &World, numbers: (Number, Number), strictness: Strictness) -> Rc<str> {
        let id = (numbers.0, numbers.1, strictness);
        if let Some(line) = self.lines.borrow().get(&id) {
            return line.clone();
        }
        let (key, item) = world.tables.entry(numbers);
        let (table, key) = (&key.0, &key.1);
        let is_of_source = key.starts_with(COUNTER) && item["window_ends"].is_object();
        let is_left_out = strictness == Strictness::TakenBackAgain && is_of_source
            || is_expired_reservation(&item, self.now)
            || is_taken_back(&item);
        let mut item = plain(&item);
        if strictness == Strictness::SentAgain {
            let fields = item.as_object_mut().unwrap();
            fields.remove("earlier_hash");
            if key.starts_with(MAIL_COUNTER) {
                fields.remove("count");
            }
        }
        let line: Rc<str> = if is_left_out {
            "".into()
        } else {
            format!("{table} {} {}", self.text(key), self.value(&item)).into()
        };
        self.lines.borrow_mut().insert(id, line.clone());
        line
    }

    fn mail(&self, world: &World, number: Number) -> Rc<str> {
        let mut mails = self.mails.borrow_mut();
        let line = mails.entry(number).or_insert_with(|| {
            let (to, text) = world.mail(number);
            format!("{to} {}", self.words(&text)).into()
        });
        line.clone()
    }

    /// The count of each counter in windows of time whose key begins so.
    pub fn counts(world: &World, end: &State, beginning: &str) -> BTreeMap<String, u64> {
        let items = world.tables.items(&end.tables).into_iter();
        let counters = items.filter(|((_, key), _)| key.starts_with(beginning));
        counters
            .filter_map(|((_, key), item)| {
                Some((key, item["count"]["N"].as_str()?.parse().unwrap()))
            })
            .collect()
    }

    /// A response.
    pub fn answer(&self, world: &World, number: Number) -> Rc<str> {
        let mut answers = self.answers.borrow_mut();
        let line = answers
            .entry(number)
            .or_insert_with(|| self.response(&world.answers.value(number)).into());
        line.clone()
    }

    fn response(&self, answer: &Answer) -> String {
        let body = match serde_json::from_str::<Value>(&answer.body) {
            Ok(Value::Object(body)) => self.value(&Value::Object(body)),
            _ => self.words(&answer.body),
        };
        format!("{} {body}", answer.status)
    }

    fn value(&self, value: &Value) -> String {
        match value {
            Value::String(text) if text.starts_with("{\"") => {
                serde_json::from_str(text).map_or_else(|_| text.clone(), |value| self.value(&value))
            }
            Value::String(text) => self.text(text),
            Value::Array(list) => {
                let list: Vec<_> = list.iter().map(|value| self.value(value)).collect();
                format!("[{}]", list.join(", "))
            }
            Value::Object(fields) => {
                // Sessions that were started at once may have one number.
                let is_session = fields.contains_key("c") && fields.contains_key("e");
                // The id of the last write is new with each one.
                let is_compared = |name: &str| name != "writer" && !(is_session && name == "n");
                let mut fields: Vec<_> = fields
                    .iter()
                    .filter(|(name, _)| is_compared(name))
                    .map(|(name, value)| format!("{}: {}", self.text(name), self.value(value)))
                    .collect();
                fields.sort();
                format!("{{{}}}", fields.join(", "))
            }
            // The id of a new user.
            Value::Number(number) => self.part(&number.to_string()),
            other => other.to_string(),
        }
    }

    /// A text without what is random in it.
    fn text(&self, text: &str) -> String {
        if text.starts_with("$argon2") {
            return self.password(text);
        }
        let parts: Vec<_> = text.split('#').map(|part| self.part(part)).collect();
        parts.join("#")
    }

    fn words(&self, text: &str) -> String {
        let is_end =
            |character: char| !character.is_ascii_alphanumeric() && !"-_.".contains(character);
        let words: Vec<_> = text.split(is_end).map(|word| self.part(word)).collect();
        words.join(" ")
    }

    fn part(&self, part: &str) -> String {
        let is_hex = |text: &str| {
            text.len() >= MIN_RANDOM && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        let last = part.rsplit('-').next().unwrap_or_default();
        let is_token = part.len() > 100 && part.starts_with("eyJ");
        let is_base64 = part.len() == 43
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let is_id = part.len() >= MIN_ID && part.bytes().all(|byte| byte.is_ascii_digit());
        let is_random = is_token
            || is_id
            || is_hex(part)
            || is_hex(last)
            || is_base64
            || part.len() > 80 && !part.contains(' ');
        if is_random && !self.known.contains(part) {
            return "(random)".to_owned();
        }
        part.to_owned()
    }

    fn password(&self, hash: &str) -> String {
        let mut passwords = self.passwords.borrow_mut();
        let known = passwords.entry(hash.to_owned()).or_insert_with(|| {
            let stored = Hash::from_stored(hash.to_owned());
            let fits = |password: &&str| {
                let password = Password::parse(password).unwrap();
                self.hasher.verify(&password, &stored).unwrap()
            };
            let all = [PASSWORD, WRONG_PASSWORD].into_iter().chain(NEW_PASSWORDS);
            let password = { all }.find(fits);
            format!("(hash of {})", password.unwrap_or("an unknown password"))
        });
        known.clone()
    }
}
