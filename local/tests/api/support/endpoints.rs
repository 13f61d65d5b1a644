//! The endpoints that read a body, with their fields.

use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, TestUser},
    paths::{
        CONFIRM_EMAIL, DELETE_ACCOUNT, LOG_IN, RESET_PASSWORD, RESET_PASSWORD_COMPLETE,
        REVERT_EMAIL, SIGN_UP, TOKEN, UPDATE_DETAILS,
    },
    response::Response,
    times::RESPONSE_TIMEOUT,
};

/// Method, path and function of every endpoint that reads a body.
pub const READERS: [(&str, &str, &str); 10] = [
    ("POST", SIGN_UP, "sign_up"),
    ("POST", LOG_IN, "log_in"),
    ("POST", TOKEN, "token"),
    ("PATCH", UPDATE_DETAILS, "update_details"),
    ("POST", DELETE_ACCOUNT, "delete_account"),
    ("POST", RESET_PASSWORD, "reset_password"),
    ("POST", RESET_PASSWORD_COMPLETE, "reset_password_complete"),
    ("PATCH", RESET_PASSWORD_COMPLETE, "reset_password_complete"),
    ("POST", CONFIRM_EMAIL, "confirm_email"),
    ("POST", REVERT_EMAIL, "revert_email"),
];

/// The endpoints that need no field, and no body.
pub const WITHOUT_REQUIRED_FIELDS: [&str; 1] = [TOKEN];

/// Every function that responds to HTTP requests.
pub const FUNCTIONS: [&str; 14] = [
    "delete_account",
    "sessions",
    "revert_email",
    "confirm_email",
    "sign_up",
    "log_in",
    "log_out",
    "token",
    "get_user",
    "update_details",
    "reset_password",
    "reset_password_complete",
    "jwks",
    "pages",
];

/// The kind of a field, which decides how its value is validated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Email,
    Username,
    Name,
    /// A language tag.
    Locale,
    /// A new password.
    NewPassword,
    /// The confirmation of a new password.
    Confirmation,
    /// An existing password, which is only compared.
    ExistingPassword,
    Token,
    /// The audience of an access token.
    Audience,
    Flag,
    ReadOnly,
    /// A read-only Boolean, `false` for a new user.
    ReadOnlyFlag,
}

/// An endpoint with a valid body, which a test changes.
pub struct Endpoint {
    pub method: &'static str,
    pub path: &'static str,
    /// The name, kind and valid value of every field.
    pub fields: Vec<(&'static str, Kind, Value)>,
}

/// Every endpoint that reads a body; log-in twice, by username and by e-mail.
pub fn endpoints(user: &TestUser, token: &str) -> Vec<Endpoint> {
    let log_in = |name: &'static str, kind, value: &str| Endpoint {
        method: "POST",
        path: LOG_IN,
        fields: vec![
            (name, kind, json!(value)),
            ("password", Kind::ExistingPassword, json!(PASSWORD)),
        ],
    };
    vec![
        Endpoint {
            method: "POST",
            path: SIGN_UP,
            fields: vec![
                ("username", Kind::Username, json!("newcomer")),
                ("email", Kind::Email, json!("newcomer@example.com")),
                ("password", Kind::NewPassword, json!(OTHER_PASSWORD)),
                ("first_name", Kind::Name, json!("New")),
                ("last_name", Kind::Name, json!("Comer")),
            ],
        },
        log_in("email", Kind::Email, &user.email),
        log_in("username", Kind::Username, &user.username),
        Endpoint {
            method: "POST",
            path: TOKEN,
            fields: vec![("audience", Kind::Audience, json!("api"))],
        },
        Endpoint {
            method: "PATCH",
            path: UPDATE_DETAILS,
            fields: vec![
                ("current-password", Kind::ExistingPassword, json!(PASSWORD)),
                ("email", Kind::Email, json!("another@example.com")),
                ("password", Kind::NewPassword, json!(OTHER_PASSWORD)),
                ("first_name", Kind::Name, json!("An")),
                ("last_name", Kind::Name, json!("Other")),
                ("locale", Kind::Locale, json!("de-AT")),
                ("is_superuser", Kind::Flag, json!(false)),
                ("id", Kind::ReadOnly, json!(user.id)),
                ("username", Kind::ReadOnly, json!(user.username)),
                ("email_verified", Kind::ReadOnlyFlag, json!(false)),
                ("date_joined", Kind::ReadOnly, json!("2026-01-31T12:00:00Z")),
            ],
        },
        Endpoint {
            method: "POST",
            path: DELETE_ACCOUNT,
            fields: vec![("current-password", Kind::ExistingPassword, json!(PASSWORD))],
        },
        Endpoint {
            method: "POST",
            path: RESET_PASSWORD,
            fields: vec![("email", Kind::Email, json!(user.email))],
        },
        Endpoint {
            method: "POST",
            path: RESET_PASSWORD_COMPLETE,
            fields: vec![
                ("new_password", Kind::NewPassword, json!(OTHER_PASSWORD)),
                (
                    "password_confirmation",
                    Kind::Confirmation,
                    json!(OTHER_PASSWORD),
                ),
                ("reset_token", Kind::Token, json!(token)),
            ],
        },
        Endpoint {
            method: "POST",
            path: CONFIRM_EMAIL,
            fields: vec![("key", Kind::Token, json!(token))],
        },
        Endpoint {
            method: "POST",
            path: REVERT_EMAIL,
            fields: vec![
                ("key", Kind::Token, json!(token)),
                ("new_password", Kind::NewPassword, json!(OTHER_PASSWORD)),
                (
                    "password_confirmation",
                    Kind::Confirmation,
                    json!(OTHER_PASSWORD),
                ),
            ],
        },
    ]
}

impl Endpoint {
    /// `true` if the endpoint has this field.
    pub fn knows(&self, field: &str) -> bool {
        self.fields.iter().any(|(name, ..)| *name == field)
    }

    /// The valid body with `raw` as the value of `field`, and `more` appended.
    pub fn body(&self, field: &str, raw: &[u8], more: &str) -> Vec<u8> {
        let mut body = b"{".to_vec();
        for (number, (name, _, valid)) in self.fields.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            body.extend_from_slice(format!("{comma}\"{name}\":").as_bytes());
            if *name == field {
                body.extend_from_slice(raw);
            } else {
                body.extend_from_slice(valid.to_string().as_bytes());
            }
        }
        body.extend_from_slice(more.as_bytes());
        body.push(b'}');
        body
    }

    /// The valid body with these values, as JSON, in place of its own, and `more` appended.
    pub fn body_with(&self, values: &[(&str, &str)], more: &str) -> Vec<u8> {
        let members: Vec<_> = self
            .fields
            .iter()
            .map(|(name, _, valid)| {
                let raw = values.iter().find(|(field, _)| field == name);
                let raw = raw.map_or_else(|| valid.to_string(), |(_, raw)| (*raw).to_owned());
                format!("\"{name}\":{raw}")
            })
            .collect();
        format!("{{{}{more}}}", members.join(",")).into_bytes()
    }

    /// The valid body without `field`, and with `more` prepended.
    pub fn body_without(&self, field: &str, more: &str) -> Vec<u8> {
        let members: Vec<_> = self
            .fields
            .iter()
            .filter(|(name, ..)| *name != field)
            .map(|(name, _, valid)| format!("\"{name}\":{valid}"))
            .collect();
        let comma = if members.is_empty() { "" } else { "," };
        format!("{{{more}{comma}{}}}", members.join(",")).into_bytes()
    }
}

pub const KIBIBYTE: usize = 1024;

/// A body of `length` bytes: an object without fields.
pub fn blank_body(length: usize) -> Vec<u8> {
    format!("{{{}}}", " ".repeat(length - 2)).into_bytes()
}

/// Bodies that are not a single JSON object, with a description.
pub fn invalid_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let nested = |open: &str, close: &str, levels: usize| {
        format!(
            "{{\"email\":{}1{}}}",
            open.repeat(levels),
            close.repeat(levels)
        )
        .into_bytes()
    };
    let utf_16 = |order: fn(u16) -> [u8; 2]| "\u{feff}{}".encode_utf16().flat_map(order).collect();
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("nothing", text("")),
        ("a space", text(" ")),
        ("an array", text("[]")),
        ("an array of an object", text("[{}]")),
        ("a string", text(r#""x""#)),
        ("null", text("null")),
        ("true", text("true")),
        ("a number", text("1")),
        ("a form", text("email=john%40example.com&password=x")),
        ("XML", text("<email>john@example.com</email>")),
        ("half an object", text("{")),
        ("half a string", text(r#"{"email":"john"#)),
        (
            "a comma at the end",
            text(r#"{"email":"john@example.com",}"#),
        ),
        ("a comment", text("{}/**/")),
        ("single quotes", text("{'email':'john@example.com'}")),
        ("a bare name", text("{email:1}")),
        ("text after it", text("{}x")),
        ("a second object", text("{}{}")),
        ("NUL after it", text("{}\0")),
        ("NUL before it", text("\0{}")),
        ("a raw control character", text("{\"email\":\"a\nb\"}")),
        ("an infinite number", text(r#"{"email":1e400}"#)),
        ("NaN", text(r#"{"email":NaN}"#)),
        ("a number with a leading zero", text(r#"{"email":01}"#)),
        ("a byte order mark", text("\u{feff}{}")),
        ("UTF-16, little end first", utf_16(u16::to_le_bytes)),
        ("UTF-16, big end first", utf_16(u16::to_be_bytes)),
        ("overlong UTF-8 in a name", b"{\"\xc0\xaf\":1}".to_vec()),
        (
            "overlong UTF-8 in a value",
            b"{\"email\":\"\xe0\x80\xaf\"}".to_vec(),
        ),
        ("an overlong brace", b"\xc1\xbb}".to_vec()),
        (
            "a surrogate in UTF-8",
            b"{\"email\":\"\xed\xa0\x80\"}".to_vec(),
        ),
        ("half a character", b"{\"email\":\"\xf0\x9f\x98\"}".to_vec()),
        ("a byte that is none", b"{\"email\":\"\xff\"}".to_vec()),
        ("a lone high surrogate", text(r#"{"email":"\ud800"}"#)),
        ("a lone low surrogate", text(r#"{"email":"\udc00"}"#)),
        (
            "surrogates the wrong way round",
            text(r#"{"\udc00\ud800":1}"#),
        ),
        ("an escape that is none", text(r#"{"email":"\x41"}"#)),
        ("10,000 arrays, open", text(&"[".repeat(10_000))),
        (
            "10,000 arrays in a field, open",
            text(&format!("{{\"email\":{}", "[".repeat(10_000))),
        ),
        ("5,000 arrays", nested("[", "]", 5_000)),
        ("2,000 objects", nested("{\"a\":", "}", 2_000)),
        ("129 arrays", nested("[", "]", 129)),
        (
            "a field twice",
            text(r#"{"email":"john@example.com","email":"john@example.com"}"#),
        ),
        (
            "a field twice, in two spellings",
            text(r#"{"email":"a","\u0065mail":"a"}"#),
        ),
    ]
}

/// Sends `body` to an endpoint with the user's token and this content type.
pub async fn send_body(
    app: &TestApp,
    user: &TestUser,
    (method, path): (&str, &str),
    kind: Option<&str>,
    body: Vec<u8>,
) -> Response {
    let mut request = app
        .request(method.parse().unwrap(), path)
        .header("authorization", format!("Token {}", user.token))
        .body(body);
    if let Some(kind) = kind {
        request = request.header(
            "content-type",
            HeaderValue::from_bytes(kind.as_bytes()).unwrap(),
        );
    }
    timeout(RESPONSE_TIMEOUT, app.send(request)).await.unwrap()
}
