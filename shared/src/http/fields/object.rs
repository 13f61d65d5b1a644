//! One JSON object, without interpretation of its values.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};

/// The error of serde for a field that occurs twice.
pub(super) const DUPLICATE_FIELD: &str = "a field occurs twice";

/// A JSON object without duplicate names.
pub(super) struct Object(pub(super) BTreeMap<String, RawField>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((name, value)) = map.next_entry()? {
            if fields.insert(name, value).is_some() {
                return Err(A::Error::custom(DUPLICATE_FIELD));
            }
        }
        Ok(Object(fields))
    }
}

/// The value of a field, for the types that any field can have.
///
/// Not `serde_json::Value`, which deserializes objects with certain private names of the library as the text in them.
pub(super) enum RawField {
    Text(String),
    Boolean(bool),
    Number(f64),
    /// A null, an array or an object.
    Other,
}

impl<'de> Deserialize<'de> for RawField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawFieldVisitor)
    }
}

struct RawFieldVisitor;

impl<'de> Visitor<'de> for RawFieldVisitor {
    type Value = RawField;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<RawField, E> {
        Ok(RawField::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<RawField, E> {
        Ok(RawField::Text(text))
    }

    fn visit_bool<E>(self, value: bool) -> Result<RawField, E> {
        Ok(RawField::Boolean(value))
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "ids, the only numbers that are compared, are exact"
    )]
    fn visit_u64<E>(self, number: u64) -> Result<RawField, E> {
        Ok(RawField::Number(number as f64))
    }

    #[allow(clippy::cast_precision_loss, reason = "no field is negative")]
    fn visit_i64<E>(self, number: i64) -> Result<RawField, E> {
        Ok(RawField::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<RawField, E> {
        Ok(RawField::Number(number))
    }

    fn visit_unit<E>(self) -> Result<RawField, E> {
        Ok(RawField::Other)
    }

    // The elements are read as well, so that they must be valid JSON of limited depth.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawField, A::Error> {
        while seq.next_element::<RawField>()?.is_some() {}
        Ok(RawField::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawField, A::Error> {
        while map.next_entry::<String, RawField>()?.is_some() {}
        Ok(RawField::Other)
    }
}
