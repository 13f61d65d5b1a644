//! Malformed values in every field of every endpoint that reads a body, by one table for all fields: what each kind of
//! field makes of each value, and that a refused one is named, not repeated, and changes nothing.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    app::{Answer, OTHER_PASSWORD, PASSWORD, SessionResponse, TestApp, fault},
    raw::IN_TIME,
    tables::Tables,
};

/// In every text that must not be repeated in an answer, and in nothing else.
const MARK: &str = "zq9x";

/// How a field reads its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Email,
    Username,
    Name,
    /// A new password.
    Password,
    /// What is to be the same as a new password.
    Confirmation,
    /// An existing password: right or wrong.
    Attempt,
    Token,
    Flag,
    ReadOnly,
}

/// An endpoint, with a body that is good but for what a test changes in it.
struct Door {
    method: &'static str,
    path: &'static str,
    /// Every field that it knows, its kind, and a good value.
    fields: Vec<(&'static str, Kind, Value)>,
}

/// Every endpoint that reads a body; log-in twice, by either name.
fn doors(user: &SessionResponse, token: &str) -> Vec<Door> {
    let log_in = |name: &'static str, kind, value: &str| Door {
        method: "POST",
        path: "/auth/login",
        fields: vec![
            (name, kind, json!(value)),
            ("password", Kind::Attempt, json!(PASSWORD)),
        ],
    };
    vec![
        Door {
            method: "POST",
            path: "/auth/signup",
            fields: vec![
                ("username", Kind::Username, json!("newcomer")),
                ("email", Kind::Email, json!("newcomer@example.com")),
                ("password", Kind::Password, json!(OTHER_PASSWORD)),
                ("first_name", Kind::Name, json!("New")),
                ("last_name", Kind::Name, json!("Comer")),
            ],
        },
        log_in("email", Kind::Email, &user.email),
        log_in("username", Kind::Username, &user.username),
        Door {
            method: "PATCH",
            path: "/api/users/update_details",
            fields: vec![
                ("current-password", Kind::Attempt, json!(PASSWORD)),
                ("email", Kind::Email, json!("another@example.com")),
                ("password", Kind::Password, json!(OTHER_PASSWORD)),
                ("first_name", Kind::Name, json!("An")),
                ("last_name", Kind::Name, json!("Other")),
                ("is_superuser", Kind::Flag, json!(false)),
                ("id", Kind::ReadOnly, json!(user.id)),
                ("username", Kind::ReadOnly, json!(user.username)),
                ("date_joined", Kind::ReadOnly, json!("2026-01-31T12:00:00Z")),
            ],
        },
        Door {
            method: "POST",
            path: "/api/passwords/reset_password",
            fields: vec![("email", Kind::Email, json!(user.email))],
        },
        Door {
            method: "POST",
            path: "/api/passwords/reset_password_complete",
            fields: vec![
                ("new_password", Kind::Password, json!(OTHER_PASSWORD)),
                (
                    "password_confirmation",
                    Kind::Confirmation,
                    json!(OTHER_PASSWORD),
                ),
                ("reset_token", Kind::Token, json!(token)),
            ],
        },
    ]
}

/// What is no text, as JSON, each of it one value.
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

/// What is no JSON, or text that is no Unicode: the whole body is at fault.
fn no_values() -> Vec<Vec<u8>> {
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

/// The code that a kind of field refuses a text with: I nvalid, S hort, L ong, C ommon, or - for a text that it takes.
/// In the order of: e-mail, username, name, new password, existing password.
const TEXTS: &[(&str, &str)] = &[
    // Nothing, and white space of every kind.
    ("", "IS-S-"),
    (" ", "II-S-"),
    ("\t\r\n", "IIIS-"),
    ("        ", "II---"),
    ("\t\t\t\t\t\t\t\t", "III--"),
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
    // Controls.
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
    // What turns the writing round, marks that do not, and what nobody sees.
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
    // What is no character, is not assigned, or private.
    ("zq9x\u{fffd}zq9x", "II---"),
    ("zq9x\u{fffe}zq9x", "II---"),
    ("zq9x\u{ffff}zq9x", "II---"),
    ("zq9x\u{fdd0}zq9x", "II---"),
    ("zq9x\u{1fffe}zq9x", "II---"),
    ("zq9x\u{10ffff}zq9x", "II---"),
    ("zq9x\u{378}zq9x", "II---"),
    ("zq9x\u{e000}zq9x", "II---"),
    // Other scripts, look-alikes, pictures.
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
    // What means something elsewhere.
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

/// All of them, with those that are as long as can be, and longer.
fn texts() -> Vec<(String, &'static str)> {
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
        // Three characters each once composed, in more bytes.
        ("\u{fb2c}".repeat(42), "II---"),
        ("\u{fb2c}".repeat(43), "II-L-"),
        ("\u{1f600}".repeat(75), "LI---"),
        ("\u{1f600}".repeat(76), "LIL--"),
        ("\u{1f600}".repeat(128), "LIL--"),
        ("\u{1f600}".repeat(129), "LILLL"),
        (" ".repeat(15 * 1024), "ILLLL"),
    ]);
    texts
}

/// The code of `letter` in [`TEXTS`].
fn code(letter: u8) -> Option<&'static str> {
    match letter {
        b'I' => Some("invalid"),
        b'S' => Some("too_short"),
        b'L' => Some("too_long"),
        b'C' => Some("too_common"),
        b'-' => None,
        other => panic!("no code is {other}"),
    }
}

/// What a field of this kind refuses the text with.
fn text_fault(kind: Kind, text: &str, codes: &str) -> Option<&'static str> {
    let column = |number: usize| code(codes.as_bytes()[number]);
    match kind {
        Kind::Email => column(0),
        Kind::Username => column(1),
        Kind::Name => column(2),
        Kind::Password => column(3),
        Kind::Attempt => column(4),
        Kind::Token => text.contains('\0').then_some("invalid"),
        Kind::Confirmation if text.contains('\0') => Some("invalid"),
        Kind::Confirmation => Some("mismatch"),
        Kind::Flag => Some("invalid"),
        Kind::ReadOnly => Some("read_only"),
    }
}

/// What a field of this kind refuses a value with that is no text.
fn type_fault(kind: Kind, raw: &str) -> Option<&'static str> {
    match kind {
        Kind::Flag if raw == "true" || raw == "false" => None,
        Kind::ReadOnly => Some("read_only"),
        _ => Some("invalid"),
    }
}

/// A whole Latchkey with a user and a reset link, and everything that its tables held.
struct Scene {
    app: TestApp,
    user: SessionResponse,
    token: String,
    before: Vec<Value>,
}

impl Scene {
    async fn set() -> Self {
        let app = TestApp::with(&[("SOURCE_LIMITS", "off")]).await;
        let user = app.sign_up("johanna").await;
        let token = app.reset_token(&user.email).await;
        app.server.drain().await;
        let before = everything(&app).await;
        app.proxy.calls();
        Self {
            app,
            user,
            token,
            before,
        }
    }

    fn doors(&self) -> Vec<Door> {
        doors(&self.user, &self.token)
    }

    async fn send(&self, door: &Door, body: Vec<u8>) -> Answer {
        let request = self
            .app
            .request(
                Method::from_bytes(door.method.as_bytes()).unwrap(),
                door.path,
            )
            .header("authorization", format!("Token {}", self.user.token))
            .body(body);
        let answer = timeout(IN_TIME, self.app.send(request)).await.unwrap();
        assert!(!answer.text.contains(MARK), "{answer:?}");
        answer
    }

    /// Nothing was written since the last look, not even a counter, and nobody told.
    fn check_nothing_written(&self, what: &str) {
        let calls = self.app.proxy.calls();
        assert!(
            calls.iter().all(|call| !call.is_write()),
            "{what}: {calls:?}"
        );
    }

    async fn check_nothing_changed(&self) {
        self.app.server.drain().await;
        assert!(everything(&self.app).await == self.before);
        assert!(self.app.unread().is_empty());
    }

    /// Sends every value of the table to every field of these kinds.
    async fn check(&self, kinds: &[Kind]) {
        for door in self.doors() {
            for (field, kind, _) in &door.fields {
                if kinds.contains(kind) {
                    self.check_field(&door, field, *kind).await;
                }
            }
        }
        self.check_nothing_changed().await;
    }

    async fn check_field(&self, door: &Door, field: &str, kind: Kind) {
        for raw in wrong_types() {
            let expected = type_fault(kind, &raw);
            self.check_value(door, field, kind, &raw, expected).await;
        }
        for (text, codes) in texts() {
            let expected = text_fault(kind, &text, codes);
            let raw = json!(text).to_string();
            self.check_value(door, field, kind, &raw, expected).await;
        }
        for raw in no_values() {
            let answer = self.send(door, door.body(field, &raw, "")).await;
            let what = format!("{field} of {}: {}", door.path, raw.escape_ascii());
            assert_eq!(answer.faults(), [fault("", "invalid")], "{what}");
            self.check_nothing_written(&what);
        }
    }

    /// A value that is fine comes with another fault beside it, so that all of this changes nothing.
    async fn check_value(
        &self,
        door: &Door,
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
        let mut body = door.body(field, raw.as_bytes(), beside);
        // Not where the body would be too large.
        let fits_twice = raw.len() < 7_000;
        if kind == Kind::Password && door.knows("password_confirmation") && fits_twice {
            body = door.body_with(&[(field, raw), ("password_confirmation", raw)], beside);
        }
        let answer = self.send(door, body).await;
        let shown: String = raw.chars().take(80).collect();
        let what = format!("{field} of {}: {shown}", door.path);
        let mut faults = answer.faults();
        // What is no password confirms none.
        faults.retain(|(name, _)| name == field || name != "password_confirmation");
        let expected = match expected {
            Some(code) => fault(field, code),
            None => fault("beside", "unknown_field"),
        };
        assert_eq!(faults, [expected], "{what}");
        self.check_nothing_written(&what);
    }
}

/// Every item of both tables.
async fn everything(app: &TestApp) -> Vec<Value> {
    let tables = Tables::of(app);
    let mut items = tables.all("UsersTable").await;
    items.extend(tables.all("TransientTable").await);
    items.sort_by_key(|item| item["pk"].to_string());
    items
}

impl Door {
    fn knows(&self, field: &str) -> bool {
        self.fields.iter().any(|(name, ..)| *name == field)
    }

    /// The good body with `raw` as the value of `field`, and `more` before its end.
    fn body(&self, field: &str, raw: &[u8], more: &str) -> Vec<u8> {
        let mut body = b"{".to_vec();
        for (number, (name, _, good)) in self.fields.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            body.extend_from_slice(format!("{comma}\"{name}\":").as_bytes());
            if *name == field {
                body.extend_from_slice(raw);
            } else {
                body.extend_from_slice(good.to_string().as_bytes());
            }
        }
        body.extend_from_slice(more.as_bytes());
        body.push(b'}');
        body
    }

    /// The good body with these values, as JSON, in place of its own.
    fn body_with(&self, values: &[(&str, &str)], more: &str) -> Vec<u8> {
        let members: Vec<_> = self
            .fields
            .iter()
            .map(|(name, _, good)| {
                let raw = values.iter().find(|(field, _)| field == name);
                let raw = raw.map_or_else(|| good.to_string(), |(_, raw)| (*raw).to_owned());
                format!("\"{name}\":{raw}")
            })
            .collect();
        format!("{{{}{more}}}", members.join(",")).into_bytes()
    }

    /// The good body without `field`, and with `more` before its end.
    fn body_without(&self, field: &str, more: &str) -> Vec<u8> {
        let members: Vec<_> = self
            .fields
            .iter()
            .filter(|(name, ..)| *name != field)
            .map(|(name, _, good)| format!("\"{name}\":{good}"))
            .collect();
        let comma = if members.is_empty() { "" } else { "," };
        format!("{{{more}{comma}{}}}", members.join(",")).into_bytes()
    }
}

mod case_11_existing_passwords {
    use super::{Kind, Scene};

    #[tokio::test(flavor = "multi_thread")]
    async fn every_malformed_value_has_its_answer() {
        Scene::set().await.check(&[Kind::Attempt]).await;
    }
}

mod case_12_read_only_and_flags {
    use super::{Kind, Scene};

    #[tokio::test(flavor = "multi_thread")]
    async fn every_malformed_value_has_its_answer() {
        Scene::set()
            .await
            .check(&[Kind::ReadOnly, Kind::Flag])
            .await;
    }
}

mod case_14_new_passwords {
    use super::{Kind, Scene};

    #[tokio::test(flavor = "multi_thread")]
    async fn every_malformed_value_has_its_answer() {
        Scene::set()
            .await
            .check(&[Kind::Password, Kind::Confirmation])
            .await;
    }
}

mod case_15_names {
    use super::{Kind, Scene};

    #[tokio::test(flavor = "multi_thread")]
    async fn every_malformed_value_has_its_answer() {
        Scene::set().await.check(&[Kind::Name]).await;
    }
}

mod case_16_addresses {
    use super::{Kind, Scene};

    #[tokio::test(flavor = "multi_thread")]
    async fn every_malformed_value_has_its_answer() {
        Scene::set().await.check(&[Kind::Email]).await;
    }
}

mod case_24_tokens {
    use serde_json::json;

    use super::{Kind, Scene, texts};
    use crate::app::problem;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_malformed_value_has_its_answer() {
        Scene::set().await.check(&[Kind::Token]).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_text_that_is_no_token_is_one_that_nobody_knows() {
        let scene = Scene::set().await;
        let doors = scene.doors();
        let door = doors.iter().find(|door| door.knows("reset_token")).unwrap();
        let mut seen: Option<String> = None;
        for (text, _) in texts() {
            if text.contains('\0') {
                continue;
            }
            let raw = json!(text).to_string();
            let answer = scene
                .send(door, door.body("reset_token", raw.as_bytes(), ""))
                .await;
            assert_eq!(answer.problem(), problem(400, "invalid_token"), "{raw}");
            let first = seen.get_or_insert_with(|| answer.text.clone());
            assert_eq!(*first, answer.text, "{raw}");
            scene.check_nothing_written(&raw);
        }
        scene.check_nothing_changed().await;
    }
}

mod case_29_usernames {
    use super::{Kind, Scene};

    #[tokio::test(flavor = "multi_thread")]
    async fn every_malformed_value_has_its_answer() {
        Scene::set().await.check(&[Kind::Username]).await;
    }
}

mod case_33_names_of_fields {
    use serde_json::json;

    use super::{Kind, Scene, TestApp, fault};

    /// Names that a JSON library has for itself mean nothing to it here.
    #[tokio::test(flavor = "multi_thread")]
    async fn names_of_the_librarys_own_in_a_query_beside_a_broken_header_are_only_names() {
        let app = TestApp::start().await;
        for (name, value) in [
            ("$serde_json::private::RawValue", "no JSON"),
            ("$serde_json::private::Number", "no number"),
        ] {
            let (status, body) = app
                .invoke("reset_password", |event| {
                    event["headers"]["x-broken"] = json!("a\u{1}b");
                    event["queryStringParameters"] = json!({name: value});
                    event["body"] = json!(json!({"email": "nobody@example.com"}).to_string());
                })
                .await;
            assert_eq!(
                (status, &body["code"]),
                (404, &json!("not_found")),
                "{name}"
            );
        }
    }

    /// A name with its first letter escaped: another spelling of the same.
    fn escaped(name: &str) -> String {
        let first = name.chars().next().unwrap();
        format!("\\u{:04X}{}", u32::from(first), &name[1..])
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_field_given_twice_is_refused_in_whatever_spelling() {
        let scene = Scene::set().await;
        for door in scene.doors() {
            for (field, _, good) in &door.fields {
                let all_escaped = field
                    .encode_utf16()
                    .fold(String::new(), |all, unit| all + &format!("\\u{unit:04x}"));
                for spelling in [(*field).to_owned(), escaped(field), all_escaped] {
                    for value in [good.to_string(), "null".to_owned(), "[1]".to_owned()] {
                        let twice = format!("\"{spelling}\":{value},\"{field}\":{good}");
                        let body = door.body_without(field, &twice);
                        let answer = scene.send(&door, body).await;
                        assert_eq!(answer.faults(), [fault("", "invalid")], "{twice}");
                        scene.check_nothing_written(&twice);
                    }
                }
            }
        }
        scene.check_nothing_changed().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_field_whose_name_is_spelt_with_escapes_is_that_field() {
        let scene = Scene::set().await;
        for door in scene.doors() {
            for (field, kind, _) in &door.fields {
                let more = format!("\"{}\":[]", escaped(field));
                let answer = scene.send(&door, door.body_without(field, &more)).await;
                let code = if *kind == Kind::ReadOnly {
                    "read_only"
                } else {
                    "invalid"
                };
                assert_eq!(answer.faults(), [fault(field, code)], "{more}");
            }
        }
        scene.check_nothing_changed().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_name_that_is_nearly_a_fields_is_no_field() {
        let scene = Scene::set().await;
        for door in scene.doors() {
            for (field, ..) in &door.fields {
                let near = [
                    field.to_uppercase(),
                    format!("{}{}", field[..1].to_uppercase(), &field[1..]),
                    format!("{field} "),
                    format!(" {field}"),
                    format!("{field}\u{0}"),
                    format!("\u{feff}{field}"),
                    format!("{field}\u{200b}"),
                    format!("{field}[]"),
                    format!("{field}[0]"),
                    format!("{field}."),
                    format!("{field}_"),
                    format!("${field}"),
                    format!("user.{field}"),
                    field.replace('_', "-"),
                    field.replace('-', "_"),
                    field.replace(['_', '-'], ""),
                ];
                for name in near.iter().filter(|name| !door.knows(name)) {
                    let plain = name
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
                    let told = if plain { name.as_str() } else { "" };
                    let more = format!(",{}:1", serde_json::json!(name));
                    let answer = scene.send(&door, door.body_with(&[], &more)).await;
                    assert_eq!(answer.faults(), [fault(told, "unknown_field")], "{more}");
                    scene.check_nothing_written(&more);
                }
            }
        }
        scene.check_nothing_changed().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_no_field_is_refused_by_name_everywhere() {
        let scene = Scene::set().await;
        for door in scene.doors() {
            for name in [
                "__proto__",
                "constructor",
                "prototype",
                "toString",
                "hasOwnProperty",
                "pk",
                "sk",
                "version",
                "credentials",
                "passwords",
                "sessions",
                "failures",
                "writer",
                "password_hash",
                "email_verified",
                "locale",
                "is_staff",
                "is_active",
                "role",
                "roles",
                "admin",
                "user",
                "user_id",
                "token",
                "nonce",
                "expires_at",
                "_method",
                "csrf",
                "to",
                "cc",
                "redirect",
                "next",
            ] {
                let mut values = vec!["1", "null", "true", r#""zq9x""#, r#"{"zq9x":1}"#];
                values.push(r#"["zq9x"]"#);
                for value in values {
                    let more = format!(",\"{name}\":{value}");
                    let answer = scene.send(&door, door.body_with(&[], &more)).await;
                    assert_eq!(answer.faults(), [fault(name, "unknown_field")], "{more}");
                    scene.check_nothing_written(&more);
                }
            }
            for name in [
                "",
                " ",
                ".",
                "$where",
                "a.b",
                "zq9x!",
                "\u{e4}",
                "\u{1f600}",
            ] {
                let more = format!(",{}:1", serde_json::json!(name));
                let answer = scene.send(&door, door.body_with(&[], &more)).await;
                assert_eq!(answer.faults(), [fault("", "unknown_field")], "{more}");
            }
            let long = "n".repeat(65);
            let answer = scene
                .send(&door, door.body_with(&[], &format!(",\"{long}\":1")))
                .await;
            assert_eq!(answer.faults(), [fault("", "unknown_field")]);
        }
        scene.check_nothing_changed().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_body_without_a_field_is_told_what_is_missing() {
        let scene = Scene::set().await;
        for door in scene.doors() {
            let body = b"{}".to_vec();
            let answer = scene.send(&door, body).await;
            assert!(!answer.faults().is_empty(), "{}", door.path);
            for (field, kind, _) in &door.fields {
                let is_required = door.path != "/api/users/update_details" && *kind != Kind::Name
                    || *field == "current-password";
                if is_required {
                    let answer = scene
                        .send(&door, door.body_without(field, "\"beside\":1"))
                        .await;
                    let expected = if door.path == "/auth/login" && *field == "email" {
                        "username"
                    } else {
                        field
                    };
                    assert_eq!(
                        answer.faults(),
                        [
                            fault(expected, "required"),
                            fault("beside", "unknown_field")
                        ]
                    );
                }
            }
            scene.check_nothing_written(door.path);
        }
        scene.check_nothing_changed().await;
    }
}
