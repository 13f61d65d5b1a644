//! YAML values of a CloudFormation template: plain data and unresolved intrinsic functions. Every scalar is text, as in
//! CloudFormation; its type depends on the property.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Tagged;

/// One value. Clones share lists and mappings.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// `~`, or a resolved `!Ref AWS::NoValue`.
    Null,
    /// A string, a number or a boolean.
    Text(String),
    List(Arc<[Value]>),
    Map(Arc<BTreeMap<String, Value>>),
    /// `!Name argument` or `{Fn::Name: argument}`. The name has neither `!` nor `Fn::`.
    Intrinsic(String, Box<Value>),
}

/// The last template that was parsed, and its text.
static LAST: Mutex<Option<(String, Value)>> = Mutex::new(None);

impl Value {
    /// Parses a template. A text that is the same as the last is not parsed again: tests start hundreds of servers with one
    /// template.
    pub(super) fn parse(text: &str) -> Result<Self, serde_saphyr::Error> {
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((parsed, value)) = &*last
            && parsed == text
        {
            return Ok(value.clone());
        }
        let value: Self = serde_saphyr::from_str(text)?;
        *last = Some((text.to_owned(), value.clone()));
        Ok(value)
    }

    /// The kind of value, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Text(_) => "a scalar",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
            Self::Intrinsic(..) => "an intrinsic",
        }
    }

    /// Converts a mapping. `{Ref: X}` and `{Fn::Name: X}` are the long forms of `!Ref X` and `!Name X`.
    fn from_map(map: BTreeMap<String, Self>) -> Self {
        let long_form = (map.len() == 1)
            .then(|| map.keys().next())
            .flatten()
            .and_then(|key| key.strip_prefix("Fn::").or((key == "Ref").then_some("Ref")))
            .map(str::to_owned);
        match (long_form, map) {
            (Some(name), map) => {
                let argument = map.into_values().next().unwrap_or(Self::Null);
                Self::Intrinsic(name, Box::new(argument))
            }
            (None, map) => Self::Map(Arc::new(map)),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Tagged(Untagged(value), tag) = Tagged::<Untagged>::deserialize(deserializer)?;
        match tag.as_deref() {
            None => Ok(value),
            // YAML's own types, such as `!!str`, are already applied by the parser.
            Some(tag) if tag.starts_with("tag:yaml.org,2002:") => Ok(value),
            Some(tag) => match tag.strip_prefix('!').filter(|name| !name.is_empty()) {
                Some(name) => Ok(Self::Intrinsic(name.to_owned(), Box::new(value))),
                None => Err(D::Error::custom(format_args!("unknown tag {tag:?}"))),
            },
        }
    }
}

/// A value without its tag, which [`Value`] handles.
struct Untagged(Value);

impl<'de> Deserialize<'de> for Untagged {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNode).map(Untagged)
    }
}

struct AnyNode;

impl<'de> Visitor<'de> for AnyNode {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = sequence.next_element()? {
            list.push(value);
        }
        Ok(Value::List(list.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, value)) = entries.next_entry::<String, Value>()? {
            map.insert(key, value);
        }
        Ok(Value::from_map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Value {
        serde_saphyr::from_str(yaml).expect("valid YAML")
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn intrinsic(name: &str, argument: Value) -> Value {
        Value::Intrinsic(name.to_owned(), Box::new(argument))
    }

    #[test]
    fn a_tag_becomes_an_intrinsic() {
        assert_eq!(read("!Ref Users"), intrinsic("Ref", text("Users")));
        assert_eq!(read("!Not [!Equals [a, 1]]"), {
            let equals = intrinsic("Equals", Value::List([text("a"), text("1")].into()));
            intrinsic("Not", Value::List([equals].into()))
        });
        assert_eq!(
            read("!Transform {Name: x}"),
            intrinsic(
                "Transform",
                Value::Map(Arc::new(BTreeMap::from([("Name".to_owned(), text("x"))])))
            )
        );
    }

    #[test]
    fn the_long_form_of_an_intrinsic_equals_the_short_form() {
        assert_eq!(read("Ref: Users"), read("!Ref Users"));
        assert_eq!(read("Fn::Sub: a-${B}"), read("!Sub 'a-${B}'"));
        assert!(matches!(read("{Ref: a, Other: b}"), Value::Map(_)));
    }

    #[test]
    fn every_scalar_is_text() {
        assert_eq!(read("15"), text("15"));
        assert_eq!(read("-1"), text("-1"));
        assert_eq!(read("true"), text("true"));
        assert_eq!(read("\"2012-10-17\""), text("2012-10-17"));
        assert_eq!(read("~"), Value::Null);
    }
}
