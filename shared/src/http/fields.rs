//! Strict parsing of JSON request bodies, field by field. All errors of a body are reported together.

use std::{collections::BTreeMap, fmt};

use lambda_http::{
    Request,
    http::header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};

use super::{Error, FieldError, Violation, check_size};
use crate::domain::{error_code::ErrorCode, lookup::Lookup};

/// Maximum number of errors in a response; more are not reported. The bound for the size of a response to 16 KiB of unknown
/// fields.
pub const MAX_ERRORS: usize = 16;

/// The unread fields of a request body, and the errors of the fields read so far.
///
/// # Examples
/// ```
/// use lambda_http::{Body, Request};
/// use shared::{
///     domain::{email::EmailAddress, name::Name},
///     http::{self, Error, Fields},
/// };
///
/// fn read(fields: &mut Fields) -> Option<(EmailAddress, Option<Name>)> {
///     let email = fields.required("email", EmailAddress::parse);
///     let first_name = fields.optional("first_name", Name::parse);
///     Some((email?, first_name))
/// }
///
/// let request = Request::new(Body::from(r#"{"email": "john@example.com"}"#));
/// assert!(http::body(&request, read).is_ok());
///
/// let request = Request::new(Body::from(r#"{"email": "john", "admin": true}"#));
/// let Err(Error::Invalid(errors)) = http::body(&request, read) else {
///     panic!("accepted an invalid body")
/// };
/// let errors: Vec<_> = errors.iter().map(|error| (error.field.as_str(), error.code)).collect();
/// assert_eq!(errors, [("email", "invalid"), ("admin", "unknown_field")]);
/// ```
pub struct Fields {
    unread: BTreeMap<String, RawField>,
    errors: Vec<FieldError>,
    /// Errors that are reported only together with others.
    secondary: Vec<FieldError>,
}

/// Parses the body of `request` with `read`, which takes each known field from [`Fields`] and returns `None` if a field
/// that it needs is missing or invalid.
///
/// # Errors
/// [`Error::Invalid`] with all errors, but at most [`MAX_ERRORS`]: the body is not one JSON object, or a field is missing,
/// invalid, unknown or duplicated; [`Error::PayloadTooLarge`].
pub fn body<T>(request: &Request, read: impl FnOnce(&mut Fields) -> Option<T>) -> Result<T, Error> {
    check_size(request)?;
    let Object(unread) = serde_json::from_slice(request.body()).map_err(|error| {
        // The messages of serde_json can contain input, so only our own are returned.
        let message = if error.to_string().starts_with(DUPLICATE_FIELD) {
            DUPLICATE_FIELD
        } else {
            not_json(request)
        };
        Error::field("", Violation::new("invalid", message))
    })?;
    let mut fields = Fields {
        unread,
        errors: Vec::new(),
        secondary: Vec::new(),
    };
    let value = read(&mut fields);
    if !fields.errors.is_empty() || !fields.unread.is_empty() {
        fields.errors.append(&mut fields.secondary);
    }
    fields.reject_unread();
    match value {
        Some(value) if fields.errors.is_empty() => Ok(value),
        _ => Err(Error::Invalid(fields.errors)),
    }
}

impl Fields {
    /// Takes a required string and parses it with `parse`. Returns `None` and records an error if it is missing or
    /// invalid.
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

    /// Takes an optional string and parses it with `parse`. Returns `None` if it is missing, and also records an error
    /// if it is invalid.
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
        parsed
            .map_err(|violation| self.error(field, violation))
            .ok()
    }

    /// Takes an optional Boolean. Returns `None` if it is missing, and also records an error if it is of another type.
    pub fn boolean(&mut self, field: &str) -> Option<bool> {
        if let RawField::Boolean(value) = self.unread.remove(field)? {
            return Some(value);
        }
        self.error(field, Violation::new("invalid", "must be true or false"));
        None
    }

    /// Takes a required string that names an existing account. Unlike [`Self::required`], it also returns a name that breaks
    /// today's rules; that error is recorded only if the body has others.
    pub fn lookup<T, E: ErrorCode>(
        &mut self,
        field: &str,
        parse: impl FnOnce(&str) -> Result<Lookup<T, E>, E>,
    ) -> Option<Lookup<T, E>> {
        let lookup = self.required(field, parse)?;
        if let Some(broken_rule) = &lookup.broken_rule {
            self.secondary.push(FieldError {
                field: field.to_owned(),
                code: broken_rule.code(),
                message: broken_rule.to_string(),
            });
        }
        Some(lookup)
    }

    /// Takes an optional read-only string. Records an error if `is_current` denies that it is the current value, in any of
    /// its forms.
    pub fn read_only(&mut self, field: &str, is_current: impl FnOnce(&str) -> bool) {
        let value = self.unread.remove(field);
        if value.is_some_and(|value| !matches!(value, RawField::Text(text) if is_current(&text))) {
            self.error(field, Violation::new("read_only", "cannot be changed"));
        }
    }

    /// Takes an optional read-only number. Records an error if it is not `current`; 21.0 equals 21.
    pub fn read_only_number(&mut self, field: &str, current: u64) {
        let value = self.unread.remove(field);
        #[expect(
            clippy::cast_precision_loss,
            clippy::float_cmp,
            reason = "ids are exact, and every other number is another value"
        )]
        let is_current =
            |value| matches!(value, RawField::Number(number) if number == current as f64);
        if value.is_some_and(|value| !is_current(value)) {
            self.error(field, Violation::new("read_only", "cannot be changed"));
        }
    }

    /// Takes an optional read-only Boolean. Records an error if it is not `current`.
    pub fn read_only_boolean(&mut self, field: &str, current: bool) {
        let value = self.unread.remove(field);
        let is_current = |value| matches!(value, RawField::Boolean(value) if value == current);
        if value.is_some_and(|value| !is_current(value)) {
            self.error(field, Violation::new("read_only", "cannot be changed"));
        }
    }

    /// Returns true if the body has this field and it has not been taken yet.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.unread.contains_key(field)
    }

    /// Discards a field whose error has been recorded already.
    pub fn skip(&mut self, field: &str) {
        self.unread.remove(field);
    }

    /// Records an error of a field, unless there are [`MAX_ERRORS`] already.
    pub fn error(&mut self, field: &str, violation: impl Into<Violation>) {
        if self.errors.len() >= MAX_ERRORS {
            return;
        }
        let Violation { code, message } = violation.into();
        self.errors.push(FieldError {
            field: field.to_owned(),
            code,
            message,
        });
    }

    fn reject_unread(&mut self) {
        let remaining = MAX_ERRORS.saturating_sub(self.errors.len());
        let unread = std::mem::take(&mut self.unread);
        for field in unread.into_keys().take(remaining) {
            let field = if is_safe_to_echo(&field) {
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

/// Returns true if an unknown field's name is short and plain enough to be repeated in the response.
fn is_safe_to_echo(field: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=64).contains(&field.len()) && field.bytes().all(is_plain)
}

const DUPLICATE_FIELD: &str = "a field occurs twice";

/// The message for a body that is not one JSON object: names the mistake where clients commonly make it.
fn not_json(request: &Request) -> &'static str {
    let header = |name| {
        let value = request.headers().get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .trim()
    };
    let body: &[u8] = request.body();
    let is_encoded = |coding: &str| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity");
    if is_encoded(header(CONTENT_ENCODING)) || body.starts_with(&[0x1F, 0x8B]) {
        return "the request body must not be compressed";
    }
    if body.starts_with("\u{FEFF}".as_bytes()) {
        return "the request body must not begin with a byte order mark";
    }
    if std::str::from_utf8(body).is_err() {
        return "the request body must be encoded in UTF-8";
    }
    // curl declares every body as a form unless it is told otherwise, so the content decides as well.
    let media_type = header(CONTENT_TYPE).to_ascii_lowercase();
    let is_declared_form = media_type.starts_with("application/x-www-form-urlencoded")
        || media_type.starts_with("multipart/form-data");
    if is_declared_form
        && !matches!(
            body.trim_ascii_start().first(),
            None | Some(b'{' | b'[' | b'"')
        )
    {
        return "the request body must be a JSON object, not a form";
    }
    "the request body must be one JSON object"
}

/// A JSON object without duplicate names.
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
                return Err(A::Error::custom(DUPLICATE_FIELD));
            }
        }
        Ok(Object(fields))
    }
}

/// The value of a field, for the types that any field can have.
///
/// Not `serde_json::Value`, which deserializes objects with certain private names of the library as the text in them.
enum RawField {
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
