//! DynamoDB's JSON.

use serde_json::{Map, Value};

/// A value of DynamoDB's JSON as plain JSON.
pub fn plain(item: &Value) -> Value {
    let fields = item.as_object().unwrap().iter();
    Value::Object(
        fields
            .map(|(name, value)| (name.clone(), plain_value(value)))
            .collect::<Map<_, _>>(),
    )
}

fn plain_value(value: &Value) -> Value {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "N" => serde_json::from_str(value.as_str().unwrap()).unwrap(),
        "M" => plain(value),
        "L" => value.as_array().unwrap().iter().map(plain_value).collect(),
        "SS" => {
            let mut texts = value.as_array().unwrap().clone();
            texts.sort_by_key(Value::to_string);
            Value::Array(texts)
        }
        _ => value.clone(),
    }
}
