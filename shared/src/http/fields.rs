//! Strict parsing of JSON request bodies, field by field. All errors of a body are reported together.

mod object;

use std::collections::BTreeMap;

use lambda_http::{
    Request,
    http::header::{CONTENT_ENCODING, CONTENT_TYPE},
};

use self::object::{DUPLICATE_FIELD, Object, RawField};
use super::{Error, FieldError, Violation, check_size};
use crate::domain::{error_code::ErrorCode, link_token::LinkToken, lookup::Lookup};

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

    /// Takes the required token of a mailed link. Returns `None` and records an error if it is missing or not a string. A malformed token is
    /// an [`Error::InvalidToken`] inside, for the caller to return where it returns that of an unknown one: once the body is valid
    /// and the request is counted.
    pub fn link_token(&mut self, field: &'static str) -> Option<Result<LinkToken, Error>> {
        self.required(field, |text| {
            let token = LinkToken::parse(text).map_err(|_| Error::InvalidToken { field });
            Ok::<_, Violation>(token)
        })
    }

    /// Takes an optional read-only string. Records an error if `is_current` denies that it is the current value, in any of
    /// its forms.
    pub fn read_only(&mut self, field: &str, is_current: impl FnOnce(&str) -> bool) {
        self.unchanged(
            field,
            |value| matches!(value, RawField::Text(text) if is_current(&text)),
        );
    }

    /// Takes an optional read-only number. Records an error if it is not `current`; 21.0 equals 21.
    pub fn read_only_number(&mut self, field: &str, current: u64) {
        #[expect(
            clippy::cast_precision_loss,
            clippy::float_cmp,
            reason = "ids are exact, and every other number is another value"
        )]
        self.unchanged(
            field,
            |value| matches!(value, RawField::Number(number) if number == current as f64),
        );
    }

    /// Takes an optional read-only Boolean. Records an error if it is not `current`.
    pub fn read_only_boolean(&mut self, field: &str, current: bool) {
        self.unchanged(
            field,
            |value| matches!(value, RawField::Boolean(flag) if flag == current),
        );
    }

    fn unchanged(&mut self, field: &str, is_current: impl FnOnce(RawField) -> bool) {
        if self
            .unread
            .remove(field)
            .is_some_and(|value| !is_current(value))
        {
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
