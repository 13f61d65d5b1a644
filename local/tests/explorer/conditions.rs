//! The conditions of the writes, each of which can be switched off: it is taken out of the request on its way to DynamoDB. So
//! it needs no switch in the code of the functions.

use std::{collections::BTreeSet, fmt};

use serde_json::Value;

use crate::wire::Call;

/// One of the conditions of a write, all of which have to hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Condition {
    /// The function that makes the write.
    pub function: String,
    /// The kind of item: the beginning of its key.
    pub item: String,
    /// The condition, as the code states it.
    pub text: String,
}

impl Condition {
    /// Reads the first three cells of a row, with or without their backticks.
    pub fn parse(text: &str) -> Self {
        let cells: Vec<_> = text
            .split(" | ")
            .map(|cell| cell.trim_matches('`'))
            .collect();
        let [function, item, text] = cells[..] else {
            panic!("not a condition: {text}");
        };
        Self {
            function: function.to_owned(),
            item: item.to_owned(),
            text: text.to_owned(),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            function,
            item,
            text,
        } = self;
        write!(formatter, "`{function}` | `{item}` | `{text}`")
    }
}

/// Every condition of a call.
pub fn conditions(call: &Call) -> Vec<Condition> {
    let mut body = call.body.clone();
    let mut found = Vec::new();
    for write in writes(&call.operation, &mut body) {
        for text in parts(write["ConditionExpression"].as_str().unwrap_or_default()) {
            found.push(condition(call, write, text));
        }
    }
    found
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
            .filter(|text| condition(call, write, text) != *off)
            .collect();
        if left.len() < all.len() {
            strip(write, &left.join(" AND "));
        }
    }
    body
}

fn condition(call: &Call, write: &Value, text: &str) -> Condition {
    let key = write["Key"]["pk"]["S"].as_str();
    let key = key.or(write["Item"]["pk"]["S"].as_str()).unwrap();
    Condition {
        function: call.function.clone(),
        item: kind(key),
        text: numberless(text),
    }
}

/// The beginning of a key, which says what the item is.
fn kind(key: &str) -> String {
    let is_word = |part: &&str| {
        part.starts_with(|character: char| character.is_ascii_lowercase()) && !part.contains('@')
    };
    let mut parts = key.split('#');
    let mut kind = parts.next().unwrap_or_default().to_owned();
    if matches!(kind.as_str(), "mail" | "void" | "limit")
        && let Some(second) = parts.next().filter(is_word)
    {
        kind = format!("{kind}#{second}");
    }
    kind
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
