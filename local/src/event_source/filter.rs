//! Filters of event source mappings. Supports the part of Amazon's event patterns that the project uses: nested
//! objects, and lists of exact strings or `{"prefix": …}`. Rejects any other pattern when the server starts.

use serde_json::{Map, Value};

/// An event pattern.
#[derive(Debug)]
pub(super) enum Pattern {
    /// Every field must exist and match.
    Fields(Vec<(String, Pattern)>),
    /// The value must be a string that one of the matchers accepts.
    AnyOf(Vec<Matcher>),
}

/// A condition on a string.
#[derive(Debug)]
pub(super) enum Matcher {
    Exactly(String),
    Prefix(String),
}

impl Pattern {
    /// Parses the JSON of a pattern.
    pub(super) fn parse(json: &str) -> Result<Self, String> {
        match serde_json::from_str(json) {
            Ok(Value::Object(fields)) => Self::fields(&fields),
            Ok(_) => Err(format!("the event pattern {json} is not an object")),
            Err(error) => Err(format!("the event pattern {json} is not JSON: {error}")),
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
                        "an event pattern contains objects and lists, but not {other}"
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

    /// Returns true if `record` matches the pattern.
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
                "the development server does not support the event matcher {value}"
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
    fn a_record_matches_if_every_field_does() {
        let pattern = Pattern::parse(MAILS).expect("a supported pattern");
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
    fn an_unsupported_pattern_is_rejected() {
        for (json, expected) in [
            ("[", "is not JSON"),
            ("[]", "is not an object"),
            (r#"{"eventName":"INSERT"}"#, "contains objects and lists"),
            (r#"{"n":[1]}"#, "does not support the event matcher 1"),
            (
                r#"{"n":[{"exists":true}]}"#,
                "does not support the event matcher",
            ),
            (
                r#"{"n":[{"prefix":"a","suffix":"b"}]}"#,
                "does not support the event matcher",
            ),
            (
                r#"{"n":[{"prefix":1}]}"#,
                "does not support the event matcher",
            ),
        ] {
            let problem = Pattern::parse(json).expect_err(json);
            assert!(problem.contains(expected), "{json}: {problem}");
        }
    }
}
