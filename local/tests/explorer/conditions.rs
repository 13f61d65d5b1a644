//! The conditions of the writes, each of which can be switched off: it is taken out of the request on its way to DynamoDB. So
//! it needs no switch in the code of the functions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::Value;

use crate::wire::Call;

/// One of the conditions of a write, all of which have to hold. The code states most of them once, for every function that makes such
/// a write.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Condition {
    /// The kind of item.
    pub item: String,
    /// The condition, as the code states it.
    pub text: String,
}

/// Conditions, each with the functions that make such writes.
pub type Uses = BTreeMap<Condition, BTreeSet<String>>;

impl Condition {
    /// Reads the first two cells of a row, with or without their backticks.
    pub fn parse(text: &str) -> Self {
        let cells = text.split_once(" | ");
        let (item, text) = cells.unwrap_or_else(|| panic!("not a condition: {text}"));
        Self {
            item: item.trim_matches('`').to_owned(),
            text: text.trim_matches('`').to_owned(),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` | `{}`", self.item, self.text)
    }
}

/// Every condition of a call.
pub fn conditions(call: &Call) -> Vec<Condition> {
    let mut body = call.body.clone();
    let mut found = Vec::new();
    for write in writes(&call.operation, &mut body) {
        for text in parts(write["ConditionExpression"].as_str().unwrap_or_default()) {
            found.push(condition(write, text));
        }
    }
    found
}

/// Returns true for a call that changes nothing if a condition does not hold: that of a single write or, in a transaction, that of its
/// first write, which is the record that the others belong to.
pub fn is_conditional(call: &Call) -> bool {
    let mut body = call.body.clone();
    let is_transaction = call.operation == "TransactWriteItems";
    let writes = writes(&call.operation, &mut body);
    let Some(first) = writes.first() else {
        return true;
    };
    let is_record = ["user", "private keys"].contains(&kind(first).as_str());
    first["ConditionExpression"].is_string() && (is_record || !is_transaction)
}

/// The request of a call without one of its conditions.
pub fn without(call: &Call, off: &Condition) -> Value {
    let mut body = call.body.clone();
    for write in writes(&call.operation, &mut body) {
        let expression = write["ConditionExpression"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let all = parts(&expression);
        let left: Vec<_> = all
            .iter()
            .copied()
            .filter(|text| condition(write, text) != *off)
            .collect();
        if left.len() < all.len() {
            strip(write, &left.join(" AND "));
        }
    }
    body
}

fn condition(write: &Value, text: &str) -> Condition {
    Condition {
        item: kind(write),
        text: numberless(text),
    }
}

/// The kind of the item of a write: what its key begins with, or the name of several kinds that one line of the code writes.
fn kind(write: &Value) -> String {
    let key = key(write);
    let parts: Vec<_> = key.split('#').collect();
    let kind = match parts[..] {
        // A notice is the only mail whose key has an id of its own. Its result is recorded like that of any mail.
        ["mail", _, _, _] if write["Item"].is_object() => "notice",
        ["mail" | "void", ..] => "mail",
        ["reset" | "confirm", ..] => "link",
        ["signing" | "access_signing"] => "private keys",
        ["jwks" | "access_jwks"] => "public keys",
        [kind, ..] => kind,
        [] => "",
    };
    kind.to_owned()
}

fn key(write: &Value) -> &str {
    let key = write["Key"]["pk"]["S"].as_str();
    key.or(write["Item"]["pk"]["S"].as_str()).unwrap()
}

/// The sessions that a log-in ends are numbered.
fn numberless(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_ascii_digit())
        .collect()
}

/// The writes of a request.
fn writes<'a>(operation: &str, body: &'a mut Value) -> Vec<&'a mut Value> {
    match operation {
        "GetItem" => Vec::new(),
        "TransactWriteItems" => {
            let items = body["TransactItems"].as_array_mut().unwrap().iter_mut();
            items
                .map(|item| item.as_object_mut().unwrap().values_mut().next().unwrap())
                .collect()
        }
        _ => vec![body],
    }
}

/// The parts of a condition, all of which have to hold.
fn parts(expression: &str) -> Vec<&str> {
    let (mut depth, mut begin, mut parts) = (0, 0, Vec::new());
    for (place, character) in expression.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        let rest = &expression[place..];
        if depth == 0 && rest.starts_with(" OR ") {
            return vec![expression];
        }
        if depth == 0 && rest.starts_with(" AND ") {
            parts.push(&expression[begin..place]);
            begin = place + " AND ".len();
        }
    }
    parts.push(&expression[begin..]);
    parts.retain(|part| !part.is_empty());
    parts
}

/// Replaces the condition of a write, and removes the names and values that only it used, which DynamoDB would reject.
fn strip(write: &mut Value, condition: &str) {
    let fields = write.as_object_mut().unwrap();
    if condition.is_empty() {
        fields.remove("ConditionExpression");
        fields.remove("ReturnValuesOnConditionCheckFailure");
    } else {
        fields.insert("ConditionExpression".to_owned(), condition.into());
    }
    let update = fields.get("UpdateExpression").and_then(Value::as_str);
    let used: BTreeSet<_> = [update.unwrap_or_default(), condition]
        .into_iter()
        .flat_map(placeholders)
        .collect();
    for kind in ["ExpressionAttributeNames", "ExpressionAttributeValues"] {
        if let Some(all) = fields.get_mut(kind).and_then(Value::as_object_mut) {
            all.retain(|name, _| used.contains(name));
            if all.is_empty() {
                fields.remove(kind);
            }
        }
    }
}

fn placeholders(expression: &str) -> impl Iterator<Item = String> {
    let is_end =
        |character: char| !(character.is_ascii_alphanumeric() || "_#:".contains(character));
    let words = expression
        .split(is_end)
        .filter(|word| word.starts_with(['#', ':']));
    words.map(str::to_owned)
}
