//! A YAML node of a CloudFormation template: plain data, or an intrinsic function that is yet to be resolved.
//! Every scalar is kept as text, as CloudFormation does; what it means is decided where it is read.

use std::{collections::BTreeMap, fmt};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Tagged;

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Nothing: `~`, or `!Ref AWS::NoValue` once it is resolved.
    Nothing,
    /// A string, a number or a boolean.
    Text(String),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
    /// `!Name argument`, or `{Fn::Name: argument}`; the name without `!` and `Fn::`.
    Intrinsic(String, Box<Value>),
}

impl Value {
    /// What a person would call this kind of node.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Text(_) => "a scalar",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
            Self::Intrinsic(..) => "an intrinsic",
        }
    }

    /// `{Ref: X}` and `{Fn::Name: X}` mean the same as `!Ref X` and `!Name X`.
    fn from_map(map: BTreeMap<String, Self>) -> Self {
        let long_form = (map.len() == 1)
            .then(|| map.keys().next())
            .flatten()
            .and_then(|key| key.strip_prefix("Fn::").or((key == "Ref").then_some("Ref")))
            .map(str::to_owned);
        match (long_form, map) {
            (Some(name), map) => {
                let argument = map.into_values().next().unwrap_or(Self::Nothing);
                Self::Intrinsic(name, Box::new(argument))
            }
            (None, map) => Self::Map(map),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Tagged(Untagged(value), tag) = Tagged::<Untagged>::deserialize(deserializer)?;
        match tag.as_deref() {
            None => Ok(value),
            // `!!str` and the like: YAML's own types, which the parser has applied already.
            Some(tag) if tag.starts_with("tag:yaml.org,2002:") => Ok(value),
            Some(tag) => match tag.strip_prefix('!').filter(|name| !name.is_empty()) {
                Some(name) => Ok(Self::Intrinsic(name.to_owned(), Box::new(value))),
                None => Err(D::Error::custom(format_args!(
                    "the tag {tag:?} means nothing here"
                ))),
            },
        }
    }
}

/// The node itself, whose tag [`Value`] has seen already.
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
        formatter.write_str("a YAML node")
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
        Ok(Value::Nothing)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = sequence.next_element()? {
            list.push(value);
        }
        Ok(Value::List(list))
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
    fn tags_become_intrinsics_on_scalars_lists_and_mappings() {
        assert_eq!(read("!Ref Users"), intrinsic("Ref", text("Users")));
        assert_eq!(read("!Not [!Equals [a, 1]]"), {
            let equals = intrinsic("Equals", Value::List(vec![text("a"), text("1")]));
            intrinsic("Not", Value::List(vec![equals]))
        });
        assert_eq!(
            read("!Transform {Name: x}"),
            intrinsic(
                "Transform",
                Value::Map(BTreeMap::from([("Name".to_owned(), text("x"))]))
            )
        );
    }

    #[test]
    fn the_long_forms_mean_the_same_as_the_short_ones() {
        assert_eq!(read("Ref: Users"), read("!Ref Users"));
        assert_eq!(read("Fn::Sub: a-${B}"), read("!Sub 'a-${B}'"));
        assert!(matches!(read("{Ref: a, Other: b}"), Value::Map(_)));
    }

    #[test]
    fn scalars_are_text_whatever_yaml_calls_them() {
        assert_eq!(read("15"), text("15"));
        assert_eq!(read("-1"), text("-1"));
        assert_eq!(read("true"), text("true"));
        assert_eq!(read("\"2012-10-17\""), text("2012-10-17"));
        assert_eq!(read("~"), Value::Nothing);
    }
}
