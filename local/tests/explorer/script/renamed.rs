//! What differs between two runs of one request although it gets the same replies.

use serde_json::Value;

/// The texts of keys that a repeated request has made, each with the one that it made the first time.
pub(super) struct Renamed {
    texts: Vec<(String, String)>,
    /// What is added to the ids of its writes.
    signature: Option<char>,
}

/// What comes before the id of a write, in calls and replies.
const WRITE_ID: &str = "writer\":{\"S\":\"";

/// The shortest text that belongs to a key.
const MIN_KEY: usize = 40;

impl Renamed {
    pub(super) const fn new(signature: Option<char>) -> Self {
        Self {
            texts: Vec::new(),
            signature,
        }
    }

    pub(super) fn add(&mut self, made: &str, known: &str) {
        let is_end =
            |character: char| !(character.is_ascii_alphanumeric() || "-_+/=".contains(character));
        for (made, known) in made.split(is_end).zip(known.split(is_end)) {
            if made != known && made.len() >= MIN_KEY && made.len() == known.len() {
                self.texts.push((made.to_owned(), known.to_owned()));
            }
        }
    }

    /// The text of a reply, as the request expects it.
    pub(super) fn to_own(&self, text: String) -> String {
        let all = self.texts.iter();
        let text = all.fold(text, |text, (made, known)| text.replace(known, made));
        let Some(signature) = self.signature else {
            return text;
        };
        with_write_ids(&text, |id| {
            id.strip_suffix(signature).unwrap_or(id).to_owned()
        })
    }

    /// A call of the request, as it is known.
    pub(super) fn to_known(&self, call: Value) -> Value {
        if self.texts.is_empty() && self.signature.is_none() {
            return call;
        }
        let all = self.texts.iter();
        let text = all.fold(call.to_string(), |text, (made, known)| {
            text.replace(made, known)
        });
        let text = match self.signature {
            None => text,
            Some(signature) => with_write_ids(&text, |id| format!("{id}{signature}")),
        };
        serde_json::from_str(&text).unwrap()
    }
}

/// Replaces every id of a write.
fn with_write_ids(text: &str, change: impl Fn(&str) -> String) -> String {
    let mut parts = text.split(WRITE_ID);
    let mut changed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (id, rest) = part.split_once('"').unwrap();
        changed.push_str(WRITE_ID);
        changed.push_str(&change(id));
        changed.push('"');
        changed.push_str(rest);
    }
    changed
}
