//! What differs between two runs of one request although it gets the same replies.

use serde_json::Value;

/// The texts of keys that a repeated request has made, each with the one that it made the first time.
#[derive(Default)]
pub(super) struct Renamed(Vec<(String, String)>);

/// The shortest text that belongs to a key.
const MIN_KEY: usize = 40;

impl Renamed {
    pub(super) fn add(&mut self, made: &str, known: &str) {
        let is_end =
            |character: char| !(character.is_ascii_alphanumeric() || "-_+/=".contains(character));
        for (made, known) in made.split(is_end).zip(known.split(is_end)) {
            if made != known && made.len() >= MIN_KEY && made.len() == known.len() {
                self.0.push((made.to_owned(), known.to_owned()));
            }
        }
    }

    pub(super) fn to_own(&self, text: String) -> String {
        let all = self.0.iter();
        all.fold(text, |text, (made, known)| text.replace(known, made))
    }

    pub(super) fn to_known(&self, call: Value) -> Value {
        if self.0.is_empty() {
            return call;
        }
        let all = self.0.iter();
        let text = all.fold(call.to_string(), |text, (made, known)| {
            text.replace(made, known)
        });
        serde_json::from_str(&text).unwrap()
    }
}
