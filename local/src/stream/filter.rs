//! The part of Amazon's event patterns that event source mappings of this project use: nested objects,
//! and lists of exact strings or `{"prefix": …}`. Anything else is refused when the server starts.

use serde_json::{Map, Value};

/// An event pattern.
#[derive(Debug)]
pub(super) enum Pattern {
    /// Every field must be there and match.
    Fields(Vec<(String, Pattern)>),
    /// The value must be a string that one of these accepts.
    AnyOf(Vec<Matcher>),
}

/// What accepts one string.
#[derive(Debug)]
pub(super) enum Matcher {
    Exactly(String),
    Prefix(String),
}

impl Pattern {
    /// Reads a pattern as the template writes it.
    pub(super) fn parse(json: &str) -> Result<Self, String> {
        match serde_json::from_str(json) {
            Ok(Value::Object(fields)) => Self::fields(&fields),
            Ok(_) => Err(format!("the event pattern {json} is no object")),
            Err(error) => Err(format!("the event pattern {json} is no JSON: {error}")),
        }
    }

    fn fields(fields: &Map<String, Value>) -> Result<Self, String> {
        let read = |(name, value): (&String, &Value)| {
            let pattern = match value {
                Value::Object(inner) => Self::fields(inner)?,
                Value::Array(list) => {
                    Self::AnyOf(list.iter().map(Matcher::parse).collect::<Result<_, _>>()?)
                }
                other => {
                    return Err(format!(
                        "event patterns hold objects and lists, not {other}"
                    ));
                }
            };
            Ok((name.clone(), pattern))
        };
        fields
            .iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Self::Fields)
    }

    /// Whether `record` is to be delivered.
    pub(super) fn matches(&self, record: &Value) -> bool {
        match self {
            Self::Fields(fields) => fields.iter().all(|(name, pattern)| {
                record.get(name).is_some_and(|value| pattern.matches(value))
            }),
            Self::AnyOf(matchers) => record
                .as_str()
                .is_some_and(|text| matchers.iter().any(|matcher| matcher.accepts(text))),
        }
    }
}

impl Matcher {
    fn parse(value: &Value) -> Result<Self, String> {
        if let Some(text) = value.as_str() {
            return Ok(Self::Exactly(text.to_owned()));
        }
        let only = value.as_object().filter(|object| object.len() == 1);
        match only
            .and_then(|object| object.get("prefix"))
            .and_then(Value::as_str)
        {
            Some(prefix) => Ok(Self::Prefix(prefix.to_owned())),
            None => Err(format!(
                "the event matcher {value} is not known to the local server"
            )),
        }
    }

    fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Exactly(expected) => text == expected,
            Self::Prefix(prefix) => text.starts_with(prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MAILS: &str = r#"{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"mail#"}]}},"NewImage":{"state":{"S":["queued","again"]}}}}"#;

    fn record(pk: &str, state: &str) -> Value {
        json!({"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": pk}}, "NewImage": {"state": {"S": state}}}})
    }

    #[test]
    fn a_record_matches_when_every_field_does() {
        let pattern = Pattern::parse(MAILS).expect("a known pattern");
        assert!(pattern.matches(&record("mail#reset_password#21", "queued")));
        assert!(pattern.matches(&record("mail#reset_password#21", "again")));
        assert!(!pattern.matches(&record("mail#reset_password#21", "sent")));
        assert!(!pattern.matches(&record("Mail#reset_password#21", "queued")));
        assert!(!pattern.matches(&record("reset#21", "queued")));
        let removed =
            json!({"eventName": "REMOVE", "dynamodb": {"Keys": {"pk": {"S": "mail#x#1"}}}});
        assert!(!pattern.matches(&removed));
    }

    #[test]
    fn a_pattern_that_is_not_known_is_refused() {
        for (json, expected) in [
            ("[", "is no JSON"),
            ("[]", "is no object"),
            (r#"{"eventName":"INSERT"}"#, "hold objects and lists"),
            (r#"{"n":[1]}"#, "the event matcher 1 is not known"),
            (r#"{"n":[{"exists":true}]}"#, "is not known"),
            (r#"{"n":[{"prefix":"a","suffix":"b"}]}"#, "is not known"),
            (r#"{"n":[{"prefix":1}]}"#, "is not known"),
        ] {
            let problem = Pattern::parse(json).expect_err(json);
            assert!(problem.contains(expected), "{json}: {problem}");
        }
    }
}
