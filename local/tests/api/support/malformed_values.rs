//! Malformed values for every kind of field: which error each kind reports for each value, and a check that a rejected value
//! is named, is not repeated, and changes nothing.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    app::{TestApp, TestUser},
    endpoints::{Endpoint, Kind, endpoints},
    response::{Response, field_error},
    times::RESPONSE_TIMEOUT,
};

/// Occurs in every text that must not be repeated in a response, and nowhere else.
const MARK: &str = "zq9x";

/// JSON values that are not strings.
fn wrong_types() -> Vec<String> {
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(100), close.repeat(100));
    let mut values: Vec<String> = [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-1",
        "1.5",
        "1e3",
        "1e308",
        "5e-324",
        "12345678",
        "9007199254740993",
        "18446744073709551616",
        "123456789012345678901234567890123456789012345678901234567890",
        "[]",
        "[null]",
        r#"["zq9x"]"#,
        r#"["zq9x@example.com"]"#,
        r#"["zq9x@example.com","zq9y@example.com"]"#,
        r#"[["email","zq9x@example.com"]]"#,
        "{}",
        r#"{"zq9x":"zq9x"}"#,
        r#"{"$ne":null}"#,
        r#"{"$gt":"zq9x"}"#,
        r#"{"S":"zq9x@example.com"}"#,
        r#"{"length":8,"toString":"zq9x"}"#,
        r#"{"__proto__":{"zq9x":true}}"#,
        r#"{"$serde_json::private::Number":"1"}"#,
        r#"{"$serde_json::private::RawValue":"\"zq9x\""}"#,
    ]
    .map(str::to_owned)
    .to_vec();
    values.extend([
        nested("[", "]"),
        nested(r#"{"zq9x":"#, "}"),
        format!("[{}1]", "1,".repeat(5000)),
        "9".repeat(300),
    ]);
    values
}

/// Values that are not JSON or not Unicode: the whole body is rejected.
fn invalid_json() -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<u8>> = [
        "",
        "1e400",
        "-1e400",
        "NaN",
        "Infinity",
        "undefined",
        "01",
        "+1",
        "0x10",
        ".5",
        "1.",
        "True",
        "'zq9x'",
        "zq9x",
        "\"zq9x",
        r#""zq9x\""#,
        r#""\x7aq9x""#,
        r#""\u12""#,
        r#""\u{7a}""#,
        r#""\ud800""#,
        r#""\udfff""#,
        r#""\udc00\ud800""#,
        r#""zq9x\ud83dzq9x""#,
        r#""\ud83d\u0041""#,
        r#""\uD83D\uD83D\uDE00""#,
        "\"zq9x\nzq9x\"",
        "\"zq9x\u{0}zq9x\"",
        "\"zq9x\u{1f}zq9x\"",
        "\"\tzq9x\"",
        "[1,]",
        r#"{"a":1,}"#,
        r#""a" "b""#,
        r#""zq9x"/**/"#,
        "\u{feff}\"zq9x\"",
        "\u{a0}\"zq9x\"",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    values.extend(
        [
            &b"\"\xc0\x80\""[..],
            b"\"\xc0\xafzq9x\"",
            b"\"\xe0\x80\xaf\"",
            b"\"\xf0\x80\x80\xaf\"",
            b"\"\xed\xa0\x80\"",
            b"\"\xed\xa0\xbd\xed\xb8\x80\"",
            b"\"\xf4\x90\x80\x80\"",
            b"\"\xf8\x88\x80\x80\x80\"",
            b"\"zq9x\xff\"",
            b"\"zq9x\xfe\xff\"",
            b"\"zq9x\x80\"",
            b"\"zq9x\xc3\"",
            b"\"zq9x\xf0\x9f\x98\"",
        ]
        .map(<[u8]>::to_vec),
    );
    values.push("[".repeat(200).into_bytes());
    values.push([vec![b'['; 130], vec![b']'; 130]].concat());
    values
}

/// Strings, with the error code of each kind of field: I for `invalid`, S for `too_short`, L for `too_long`, C for `too_common`,
/// or - if the string is accepted. The order is: e-mail, username, name, new password, existing password.
const TEXTS: &[(&str, &str)] = &[
    // Empty, and white space of every kind.
    ("", "IS-S-"),
    (" ", "IS-S-"),
    ("\t\r\n", "ISIS-"),
    ("        ", "IS---"),
    ("\t\t\t\t\t\t\t\t", "ISI--"),
    ("\u{b}\u{b}zq9xzq9x", "III--"),
    ("\u{c}zq9x zq9x", "III--"),
    ("\u{a0}zq9xzq9x\u{a0}", "II---"),
    ("\u{1680}zq9xzq9x", "II---"),
    ("\u{180e}zq9xzq9x", "II---"),
    ("\u{2003}zq9xzq9x\u{2009}", "II---"),
    ("\u{202f}zq9xzq9x", "II---"),
    ("\u{205f}zq9xzq9x", "II---"),
    ("\u{3000}zq9xzq9x\u{3000}", "II---"),
    ("\u{2800}zq9xzq9x", "II---"),
    ("zq9x zq9x", "II---"),
    ("zq9x\u{2028}zq9x", "III--"),
    ("zq9x\u{2029}zq9x", "III--"),
    // Control characters.
    ("\0", "IIIII"),
    ("zq9xzq9x\0", "IIIII"),
    ("zq9x\0zq9x", "IIIII"),
    ("zq9x\u{1}zq9x", "III--"),
    ("zq9x\u{8}zq9x", "III--"),
    ("zq9x\u{1b}[2Jzq9x", "III--"),
    ("zq9x\u{7f}zq9x", "III--"),
    ("zq9x\u{80}zq9x", "III--"),
    ("zq9x\u{85}zq9x", "III--"),
    ("zq9x\u{9b}31mzq9x", "III--"),
    ("zq9x\u{9f}zq9x", "III--"),
    ("zq9x\r\nBcc: zq9x@example.com", "III--"),
    ("zq9x@example.com\r\nzq9x@example.org", "III--"),
    ("zq9x\nzq9x", "III--"),
    ("zq9x\rzq9x", "III--"),
    // Bidirectional overrides, harmless bidirectional marks, and invisible characters.
    ("zq9x\u{202a}zq9x", "III--"),
    ("zq9x\u{202b}zq9x", "III--"),
    ("zq9x\u{202c}zq9x", "III--"),
    ("zq9x\u{202d}zq9x", "III--"),
    ("zq9x\u{202e}zq9x", "III--"),
    ("zq9x\u{2066}zq9x", "III--"),
    ("zq9x\u{2067}zq9x", "III--"),
    ("zq9x\u{2068}zq9x", "III--"),
    ("zq9x\u{2069}zq9x", "III--"),
    ("zq9x\u{200e}zq9x", "II---"),
    ("zq9x\u{200f}zq9x", "II---"),
    ("zq9x\u{61c}zq9x", "II---"),
    ("zq9x\u{200b}zq9x", "II---"),
    ("zq9x\u{200c}zq9x", "II---"),
    ("zq9x\u{200d}zq9x", "II---"),
    ("zq9x\u{2060}zq9x", "II---"),
    ("zq9x\u{ad}zq9x", "II---"),
    ("zq9x\u{feff}zq9x", "II---"),
    ("\u{feff}zq9xzq9x", "II---"),
    ("zq9x\u{fe0f}zq9x", "II---"),
    ("zq9x\u{e0041}zq9x", "II---"),
    ("zq9x\u{e0101}zq9x", "II---"),
    // Noncharacters, unassigned and private-use code points.
    ("zq9x\u{fffd}zq9x", "II---"),
    ("zq9x\u{fffe}zq9x", "II---"),
    ("zq9x\u{ffff}zq9x", "II---"),
    ("zq9x\u{fdd0}zq9x", "II---"),
    ("zq9x\u{1fffe}zq9x", "II---"),
    ("zq9x\u{10ffff}zq9x", "II---"),
    ("zq9x\u{378}zq9x", "II---"),
    ("zq9x\u{e000}zq9x", "II---"),
    // Other scripts, look-alikes, emoji.
    ("zq9x\u{301}\u{302}\u{303}zq9x", "II---"),
    ("\u{301}zq9xzq9x", "II---"),
    ("zq9x\u{430}zq9x", "II---"),
    ("\u{ff5a}\u{ff51}zq9xzq9x", "II---"),
    ("zq9x\u{212a}zq9x", "II---"),
    ("zq9x\u{131}zq9x", "II---"),
    ("zq9x\u{df}zq9x", "II---"),
    (
        "\u{1f469}\u{200d}\u{1f52c}zq9x\u{1f3f4}\u{e0067}\u{e007f}",
        "II---",
    ),
    (
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd} zq9x \u{645}\u{62d}\u{645}\u{62f}",
        "II---",
    ),
    // Text with a meaning in other languages.
    ("<script>alert('zq9x')</script>", "II---"),
    ("{{7*7}}zq9x${7*7}", "II---"),
    ("${jndi:ldap://zq9x/a}", "II---"),
    ("=HYPERLINK(\"zq9x\")", "II---"),
    ("' OR '1'='1' -- zq9x", "II---"),
    ("../../etc/zq9x", "II---"),
    ("zq9x%00%0d%0azq9x", "II---"),
    ("$argon2id$v=19$m=8,t=1,p=1$zq9xzq9x$zq9xzq9x", "II---"),
    ("user#zq9x", "II---"),
    (r"\u0000zq9x\x00", "II---"),
    ("password", "I--C-"),
    ("PassWord", "I--C-"),
    ("null", "I--S-"),
    ("0", "I--S-"),
    ("-1", "I--S-"),
    ("[object Object]", "II---"),
    ("newpass", "I--S-"),
    ("__proto__", "I----"),
];

/// All strings, including the longest that are accepted, and longer ones.
pub fn texts() -> Vec<(String, &'static str)> {
    let mut texts: Vec<_> = TEXTS
        .iter()
        .map(|(text, codes)| ((*text).to_owned(), *codes))
        .collect();
    texts.extend([
        (format!("{MARK}{}@example.com", "x".repeat(61)), "LI---"),
        (format!("{MARK}{}", "x".repeat(124)), "I----"),
        (format!("{MARK}{}", "x".repeat(125)), "I--L-"),
        (format!("{MARK}{}", "x".repeat(147)), "ILLL-"),
        (format!("{MARK}@{}", "x".repeat(249)), "ILLL-"),
        (format!("{MARK}@{}", "x".repeat(250)), "LLLL-"),
        (format!("{MARK}{}", "x".repeat(508)), "LLLL-"),
        (format!("{MARK}{}", "x".repeat(509)), "LLLLL"),
        (MARK.repeat(256), "LLLLL"),
        (MARK.repeat(15 * 256), "LLLLL"),
        (format!("{MARK}@{}example.com", "x.".repeat(7000)), "LLLLL"),
        (format!("{MARK}{}", "\u{301}".repeat(7000)), "LLLLL"),
        // Three characters each in composed form.
        ("\u{fb2c}".repeat(42), "II---"),
        ("\u{fb2c}".repeat(43), "II-L-"),
        ("\u{1f600}".repeat(75), "LI---"),
        ("\u{1f600}".repeat(76), "LIL--"),
        ("\u{1f600}".repeat(128), "LIL--"),
        ("\u{1f600}".repeat(129), "LILLL"),
        (" ".repeat(15 * 1024), "ISLLL"),
    ]);
    texts
}

/// The error code for a letter in [`TEXTS`].
fn code(letter: u8) -> Option<&'static str> {
    match letter {
        b'I' => Some("invalid"),
        b'S' => Some("too_short"),
        b'L' => Some("too_long"),
        b'C' => Some("too_common"),
        b'-' => None,
        other => panic!("unknown letter {other}"),
    }
}

/// The error that a field of this kind reports for a string.
fn text_error(kind: Kind, text: &str, codes: &str) -> Option<&'static str> {
    let column = |number: usize| code(codes.as_bytes()[number]);
    match kind {
        Kind::Email => column(0),
        Kind::Username => column(1),
        Kind::Name => column(2),
        Kind::NewPassword => column(3),
        Kind::ExistingPassword => column(4),
        Kind::Locale => locale_error(text),
        Kind::Token => text.contains('\0').then_some("invalid"),
        Kind::Confirmation if text.contains('\0') => Some("invalid"),
        Kind::Confirmation => Some("mismatch"),
        Kind::Audience | Kind::Flag => Some("invalid"),
        Kind::ReadOnly | Kind::ReadOnlyFlag => Some("read_only"),
    }
}

/// The error of a language tag: of the strings in this file, the only well-formed ones are a language by itself.
fn locale_error(text: &str) -> Option<&'static str> {
    let is_language =
        matches!(text.len(), 2 | 3) && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    if text.len() > 12 && !text.contains('\0') {
        Some("too_long")
    } else {
        (!is_language).then_some("invalid")
    }
}

/// The error that a field of this kind reports for a value that is not a string.
fn type_error(kind: Kind, raw: &str) -> Option<&'static str> {
    match kind {
        Kind::Flag if raw == "true" || raw == "false" => None,
        Kind::ReadOnlyFlag if raw == "false" => None,
        Kind::ReadOnly | Kind::ReadOnlyFlag => Some("read_only"),
        _ => Some("invalid"),
    }
}

/// An app with a user and a reset link, and the content of its tables before the test.
pub struct MalformedValues {
    pub app: TestApp,
    user: TestUser,
    token: String,
    before: Vec<Value>,
}

impl MalformedValues {
    pub async fn start() -> Self {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("johanna").await;
        let token = app.reset_token(&user.email).await;
        app.server.drain().await;
        let before = app.tables().snapshot().await;
        app.proxy.calls();
        Self {
            app,
            user,
            token,
            before,
        }
    }

    pub fn endpoints(&self) -> Vec<Endpoint> {
        endpoints(&self.user, &self.token)
    }

    /// Sends a body to an endpoint and checks that the response does not repeat it.
    pub async fn send(&self, endpoint: &Endpoint, body: Vec<u8>) -> Response {
        let request = self
            .app
            .request(
                Method::from_bytes(endpoint.method.as_bytes()).unwrap(),
                endpoint.path,
            )
            .header("authorization", format!("Token {}", self.user.token))
            .body(body);
        let response = timeout(RESPONSE_TIMEOUT, self.app.send(request))
            .await
            .unwrap();
        assert!(!response.text.contains(MARK), "{response:?}");
        response
    }

    /// Checks that nothing was written since the last check, not even a counter.
    pub fn check_nothing_written(&self, what: &str) {
        let calls = self.app.proxy.calls();
        assert!(
            calls.iter().all(|call| !call.is_write()),
            "{what}: {calls:?}"
        );
    }

    /// Checks that the tables are unchanged and no mail was sent.
    pub async fn check_nothing_changed(&self) {
        self.app.server.drain().await;
        assert!(self.app.tables().snapshot().await == self.before);
        assert!(self.app.unread_mails().is_empty());
    }

    /// Sends every malformed value to every field of these kinds.
    pub async fn check(&self, kinds: &[Kind]) {
        for endpoint in self.endpoints() {
            for (field, kind, _) in &endpoint.fields {
                if kinds.contains(kind) {
                    self.check_field(&endpoint, field, *kind).await;
                }
            }
        }
        self.check_nothing_changed().await;
    }

    async fn check_field(&self, endpoint: &Endpoint, field: &str, kind: Kind) {
        for raw in wrong_types() {
            let expected = type_error(kind, &raw);
            self.check_value(endpoint, field, kind, &raw, expected)
                .await;
        }
        for (text, codes) in texts() {
            let expected = text_error(kind, &text, codes);
            let raw = json!(text).to_string();
            self.check_value(endpoint, field, kind, &raw, expected)
                .await;
        }
        for raw in invalid_json() {
            let response = self.send(endpoint, endpoint.body(field, &raw, "")).await;
            let what = format!("{field} of {}: {}", endpoint.path, raw.escape_ascii());
            assert_eq!(
                response.field_errors(),
                [field_error("", "invalid")],
                "{what}"
            );
            self.check_nothing_written(&what);
        }
    }

    /// Sends one value. An accepted value is sent with an unknown field, so that the request changes nothing.
    async fn check_value(
        &self,
        endpoint: &Endpoint,
        field: &str,
        kind: Kind,
        raw: &str,
        expected: Option<&str>,
    ) {
        let beside = if expected.is_some() {
            ""
        } else {
            r#","beside":1"#
        };
        let mut body = endpoint.body(field, raw.as_bytes(), beside);
        // A larger body would be rejected for its size.
        let fits_twice = raw.len() < 7_000;
        if kind == Kind::NewPassword && endpoint.knows("password_confirmation") && fits_twice {
            body = endpoint.body_with(&[(field, raw), ("password_confirmation", raw)], beside);
        }
        let response = self.send(endpoint, body).await;
        let shown: String = raw.chars().take(80).collect();
        let what = format!("{field} of {}: {shown}", endpoint.path);
        let mut errors = response.field_errors();
        // A rejected password is not compared with its confirmation.
        errors.retain(|(name, _)| name == field || name != "password_confirmation");
        let expected = match expected {
            Some(code) => field_error(field, code),
            None => field_error("beside", "unknown_field"),
        };
        assert_eq!(errors, [expected], "{what}");
        self.check_nothing_written(&what);
    }
}
