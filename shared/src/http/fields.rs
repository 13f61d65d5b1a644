//! Reads a JSON object strictly, field by field, and collects every fault before it complains.

use std::{collections::BTreeMap, fmt};

use lambda_http::Request;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use super::{Error, FieldError, Violation, check_size};

/// The fields of a body that are not read yet, and the errors of those that are.
pub struct Fields {
    unread: BTreeMap<String, RawField>,
    errors: Vec<FieldError>,
}

/// Reads the body by `read`, which asks [`Fields`] for each field it knows and gives nothing if one is at fault.
///
/// # Errors
/// [`Error::Invalid`] with every fault at once: not one JSON object, a field missing, wrong, unknown or given twice;
/// [`Error::PayloadTooLarge`].
pub fn body<T>(request: &Request, read: impl FnOnce(&mut Fields) -> Option<T>) -> Result<T, Error> {
    check_size(request)?;
    let Object(unread) = serde_json::from_slice(request.body()).map_err(|error| {
        // The library's words could repeat what was sent, so only those of ours are passed on.
        let message = if error.to_string().starts_with(TWICE) {
            TWICE
        } else {
            "the request body must be one JSON object"
        };
        Error::field("", Violation::new("invalid", message))
    })?;
    let mut fields = Fields {
        unread,
        errors: Vec::new(),
    };
    let value = read(&mut fields);
    fields.refuse_unread();
    match value {
        Some(value) if fields.errors.is_empty() => Ok(value),
        _ => Err(Error::Invalid(fields.errors)),
    }
}

impl Fields {
    /// The text of a field that must be there, as `parse` reads it.
    pub fn required<T, E: Into<Violation>>(
        &mut self,
        field: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if !self.unread.contains_key(field) {
            self.error(field, Violation::new("required", "is required"));
        }
        self.optional(field, parse)
    }

    /// The text of a field that may be there, as `parse` reads it.
    pub fn optional<T, E: Into<Violation>>(
        &mut self,
        field: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let parsed = match self.unread.remove(field)? {
            RawField::Text(text) if text.contains('\0') => Err(Violation::new(
                "invalid",
                "must not contain a NUL character",
            )),
            RawField::Text(text) => parse(&text).map_err(Into::into),
            _ => Err(Violation::new("invalid", "must be a string")),
        };
        parsed.map_err(|reason| self.error(field, reason)).ok()
    }

    /// A field that may be there and is true or false.
    pub fn boolean(&mut self, field: &str) -> Option<bool> {
        if let RawField::Boolean(flag) = self.unread.remove(field)? {
            return Some(flag);
        }
        self.error(field, Violation::new("invalid", "must be true or false"));
        None
    }

    /// Takes a field that cannot be changed: its present value is fine, any other is a fault.
    pub fn read_only(&mut self, field: &str, present: &Value) {
        let is_other = |given: RawField| match given {
            RawField::Text(text) => present.as_str() != Some(text.as_str()),
            // A number may be written in more than one way: 21.0 is 21.
            RawField::Number(number) => present.as_f64() != Some(number),
            RawField::Boolean(_) | RawField::Other => true,
        };
        if self.unread.remove(field).is_some_and(is_other) {
            self.error(field, Violation::new("read_only", "cannot be changed"));
        }
    }

    /// Whether a field is there and not read yet.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.unread.contains_key(field)
    }

    /// Takes a field out of the way whose fault is noted already.
    pub fn skip(&mut self, field: &str) {
        self.unread.remove(field);
    }

    /// Notes a fault.
    pub fn error(&mut self, field: &str, reason: impl Into<Violation>) {
        let Violation { code, message } = reason.into();
        self.errors.push(FieldError {
            field: field.to_owned(),
            code,
            message,
        });
    }

    fn refuse_unread(&mut self) {
        for field in std::mem::take(&mut self.unread).into_keys() {
            let field = if is_nameable(&field) {
                field
            } else {
                String::new()
            };
            self.error(
                &field,
                Violation::new("unknown_field", "is not a known field"),
            );
        }
    }
}

/// Whether a made-up field's name can be repeated without repeating anything else.
fn is_nameable(field: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=64).contains(&field.len()) && field.bytes().all(plain)
}

const TWICE: &str = "a field occurs twice";

/// A JSON object whose names differ.
struct Object(BTreeMap<String, RawField>);

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
                return Err(A::Error::custom(TWICE));
            }
        }
        Ok(Object(fields))
    }
}

/// The value of a field, as far as any field can be it.
///
/// Not `serde_json`'s `Value`: that takes objects with certain names of the library's own for the texts in them.
enum RawField {
    Text(String),
    Boolean(bool),
    Number(f64),
    /// Null, an array or an object.
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

    fn visit_bool<E>(self, flag: bool) -> Result<RawField, E> {
        Ok(RawField::Boolean(flag))
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "ids, the only numbers that matter, are exact"
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

    // What is inside is read, too, so that it has to be JSON, and not too deep.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawField, A::Error> {
        while seq.next_element::<RawField>()?.is_some() {}
        Ok(RawField::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawField, A::Error> {
        while map.next_entry::<String, RawField>()?.is_some() {}
        Ok(RawField::Other)
    }
}
