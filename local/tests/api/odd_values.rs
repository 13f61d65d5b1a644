//! Families 11 to 16, 19 and 29, further cases: what `update_details` and signing up make of odd values, and in which
//! order they complain.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{Answer, OTHER_PASSWORD, PASSWORD, SessionResponse, TestApp, fault, problem},
    tables::Tables,
};

const SIGN_UP: &str = "/auth/signup";
const UPDATE: &str = "/api/users/update_details";
const COMPLETE: &str = "/api/passwords/reset_password_complete";
const WRONG: &str = "wrong horse battery staple";

/// No limits by source: all of this comes from one.
async fn start() -> TestApp {
    TestApp::with(&[("SOURCE_LIMITS", "off")]).await
}

/// The body with the right current password.
fn body(mut fields: Value) -> Value {
    fields["current-password"] = json!(PASSWORD);
    fields
}

async fn sign_up(app: &TestApp, username: &str, email: &str, password: &str) -> Answer {
    let body = json!({"username": username, "email": email, "password": password});
    app.post(SIGN_UP, &body).await
}

/// Every item of both tables.
async fn everything(app: &TestApp) -> Vec<Value> {
    let tables = Tables::of(app);
    let mut items = tables.all("UsersTable").await;
    items.extend(tables.all("TransientTable").await);
    items.sort_by_key(|item| item["pk"].to_string());
    items
}

mod case_11_order_of_checks {
    use super::*;

    async fn raw(app: &TestApp, token: Option<&str>, body: String) -> Answer {
        let request = app.request(Method::PATCH, UPDATE).body(body);
        let request = match token {
            Some(token) => request.header("authorization", format!("Token {token}")),
            None => request,
        };
        app.send(request).await
    }

    /// Each is refused for the earlier of two faults, and only that is told.
    #[tokio::test(flavor = "multi_thread")]
    async fn of_two_faults_the_earlier_one_is_told_and_nothing_is_counted_for_the_later() {
        let app = start().await;
        let user = app.sign_up("john").await;
        app.sign_up("jane").await;
        let token = Some(user.token.as_str());
        let large = format!("{{\"first_name\":\"{}\"}}", "x".repeat(16 * 1024));
        let before = everything(&app).await;
        for token in [None, Some("nonsense"), token] {
            let answer = raw(&app, token, large.clone()).await;
            assert_eq!(answer.problem(), problem(413, "payload_too_large"));
        }
        for credentials in [None, Some("nonsense")] {
            for body in [
                "",
                "{",
                "[]",
                "{}",
                r#"{"email":1}"#,
                r#"{"is_superuser":true}"#,
            ] {
                let answer = raw(&app, credentials, body.to_owned()).await;
                assert_eq!(answer.problem(), problem(401, "not_authenticated"));
            }
        }
        let wrong = |mut fields: Value| {
            fields["current-password"] = json!(WRONG);
            fields
        };
        for fields in [
            json!({"email": "nonsense", "is_superuser": true}),
            json!({"email": "nonsense"}),
        ] {
            for body in [body(fields.clone()), wrong(fields)] {
                let answer = app.update(&user.token, &body).await;
                assert_eq!(answer.faults(), [fault("email", "invalid")]);
            }
        }
        for fields in [
            json!({"is_superuser": true}),
            json!({"is_superuser": true, "email": "jane@example.com"}),
            json!({"is_superuser": true, "first_name": "Mallory", "password": OTHER_PASSWORD}),
        ] {
            for body in [body(fields.clone()), wrong(fields)] {
                let answer = app.update(&user.token, &body).await;
                assert_eq!(answer.problem(), problem(403, "forbidden"));
            }
        }
        assert_eq!(everything(&app).await, before, "nothing was counted either");
        // A wrong password does not tell who has the address.
        let occupied = wrong(json!({"email": "jane@example.com"}));
        for _ in 0..5 {
            let answer = app.update(&user.token, &occupied).await;
            assert_eq!(answer.faults(), [fault("current-password", "incorrect")]);
        }
        for (fields, expected) in [
            (json!({"email": "jane@example.com"}), 429),
            (json!({"is_superuser": true}), 403),
            (json!({"email": "nonsense"}), 400),
            (json!({}), 400),
        ] {
            for body in [body(fields.clone()), wrong(fields)] {
                assert_eq!(app.update(&user.token, &body).await.status, expected);
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_present_password_as_the_new_one_is_no_change_and_a_wrong_one_twice_is_wrong() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let before = everything(&app).await;
        let same = json!({"current-password": PASSWORD, "password": PASSWORD});
        assert_eq!(app.update(&user.token, &same).await.status, 200);
        assert_eq!(everything(&app).await, before);
        for wrong in [WRONG, "short", ""] {
            let twice = json!({"current-password": wrong, "password": wrong});
            let answer = app.update(&user.token, &twice).await;
            assert_eq!(answer.fault(), fault("current-password", "incorrect"));
        }
        assert_eq!(app.log_in("john", WRONG).await.status, 401);
    }
}

mod case_12_read_only_fields {
    use super::*;

    async fn refused(app: &TestApp, user: &SessionResponse, raw: &str) -> Vec<(String, String)> {
        let text = format!("{{\"current-password\":\"{PASSWORD}\",\"first_name\":\"J\",{raw}}}");
        let request = app
            .request(Method::PATCH, UPDATE)
            .header("authorization", format!("Token {}", user.token));
        let answer = app.send(request.body(text)).await;
        if answer.status == 200 {
            return Vec::new();
        }
        answer.faults()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn ones_own_values_are_taken_and_every_other_is_refused_by_name() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let id = user.id;
        for own in [
            format!("\"id\":{id}"),
            format!("\"id\":{id}.0"),
            format!("\"id\":{id}e0"),
            r#""username":"john""#.to_owned(),
            r#""username":"\u006aohn""#.to_owned(),
            r#""date_joined":"2026-01-31T12:00:00Z""#.to_owned(),
            format!("\"id\":{id},\"username\":\"john\",\"date_joined\":\"2026-01-31T12:00:00Z\""),
        ] {
            assert_eq!(refused(&app, &user, &own).await, [], "{own}");
        }
        for (field, other) in [
            ("id", format!("\"{id}\"")),
            ("id", format!("{}", id + 1)),
            ("id", format!("-{id}")),
            ("id", format!("[{id}]")),
            ("id", "0".to_owned()),
            ("id", "null".to_owned()),
            ("id", "true".to_owned()),
            ("id", "{}".to_owned()),
            ("username", r#""JOHN""#.to_owned()),
            ("username", r#""john ""#.to_owned()),
            ("username", r#""""#.to_owned()),
            ("username", r#""john\u0000""#.to_owned()),
            ("username", "null".to_owned()),
            ("username", r#"["john"]"#.to_owned()),
            ("date_joined", r#""2026-01-31T12:00:01Z""#.to_owned()),
            ("date_joined", "1769860800".to_owned()),
            ("date_joined", "null".to_owned()),
            ("date_joined", r#""""#.to_owned()),
        ] {
            let before = everything(&app).await;
            let faults = refused(&app, &user, &format!("\"{field}\":{other}")).await;
            assert_eq!(faults, [fault(field, "read_only")], "{field}: {other}");
            assert_eq!(everything(&app).await, before);
        }
        // The one that is one's own does not hide the other.
        let mixed = format!("\"id\":{id},\"username\":\"jane\"");
        assert_eq!(
            refused(&app, &user, &mixed).await,
            [fault("username", "read_only")]
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn asking_to_be_what_one_is_changes_nothing_for_either_kind_of_user() {
        let app = start().await;
        let user = app.sign_up("john").await;
        for is_superuser in [false, true] {
            if is_superuser {
                Tables::of(&app).make_superuser(user.id).await;
            }
            let before = everything(&app).await;
            let same = body(json!({"is_superuser": is_superuser}));
            let answer = app.update(&user.token, &same).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.json()["is_superuser"], is_superuser);
            assert_eq!(everything(&app).await, before);
        }
        // A superuser's password counts as anybody's.
        let wrong = json!({"current-password": WRONG, "is_superuser": false});
        let answer = app.update(&user.token, &wrong).await;
        assert_eq!(answer.fault(), fault("current-password", "incorrect"));
        let down = body(json!({"is_superuser": false, "first_name": "J"}));
        assert_eq!(app.update(&user.token, &down).await.status, 200);
        let up = body(json!({"is_superuser": true, "first_name": "K"}));
        let answer = app.update(&user.token, &up).await;
        assert_eq!(answer.problem(), problem(403, "forbidden"));
        assert_eq!(app.details(&user).await.json()["first_name"], "J");
    }
}

mod case_13_all_or_nothing {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn no_bad_field_lets_a_good_one_through_in_whatever_order_they_come() {
        let app = start().await;
        let user = app.sign_up("john").await;
        app.sign_up("jane").await;
        let good = [
            ("first_name", json!("Good")),
            ("last_name", json!("Good")),
            ("email", json!("good@example.com")),
            ("password", json!(OTHER_PASSWORD)),
        ];
        let bad = [
            ("first_name", json!("a\nb")),
            ("last_name", json!("x".repeat(151))),
            ("email", json!("nonsense")),
            ("email", json!("jane@example.com")),
            ("password", json!("short")),
            ("is_superuser", json!(true)),
            ("is_superuser", json!("yes")),
            ("id", json!(1)),
            ("sessions", json!({})),
        ];
        let before = everything(&app).await;
        for (good, fine) in &good {
            for (bad, fault) in bad.iter().filter(|(bad, _)| bad != good) {
                let pairs = [
                    format!("\"{good}\":{fine},\"{bad}\":{fault}"),
                    format!("\"{bad}\":{fault},\"{good}\":{fine}"),
                ];
                for pair in pairs {
                    let text = format!("{{\"current-password\":\"{PASSWORD}\",{pair}}}");
                    let request = app
                        .request(Method::PATCH, UPDATE)
                        .header("authorization", format!("Token {}", user.token));
                    let answer = app.send(request.body(text)).await;
                    let expected = if *fault == json!(true) { 403 } else { 400 };
                    assert_eq!(answer.status, expected, "{pair}");
                    assert_eq!(everything(&app).await, before, "{pair}");
                }
            }
        }
    }
}

mod case_14_new_passwords {
    use super::*;

    /// What each of the three doors says of a new password; `None` where it is taken.
    async fn judge(app: &TestApp, user: &SessionResponse, password: &str) -> [Option<String>; 3] {
        let code = |answer: Answer, field: &str| {
            let faults = answer.faults();
            let of_field = faults.into_iter().find(|(name, _)| name == field);
            of_field.map(|(_, code)| code)
        };
        // Each with a second fault, so that nothing comes of a password that is fine.
        let new = json!({
            "username": "somebody", "email": "somebody@example.org", "password": password, "beside": 1
        });
        let signed_up = app.post(SIGN_UP, &new).await;
        let change = body(json!({"password": password, "beside": 1}));
        let changed = app.update(&user.token, &change).await;
        let reset = json!({
            "new_password": password, "password_confirmation": password, "reset_token": "x", "beside": 1
        });
        let reset = app.post(COMPLETE, &reset).await;
        [
            code(signed_up, "password"),
            code(changed, "password"),
            code(reset, "new_password"),
        ]
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_door_counts_characters_and_bytes_of_the_composed_form() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let hangul = "\u{1112}\u{1161}\u{11ab}";
        for (password, code) in [
            ("zqxjvkw".to_owned(), Some("too_short")),
            ("zqxjvkwy".to_owned(), None),
            // Seven and eight, each typed as two or three.
            ("e\u{301}".repeat(7), Some("too_short")),
            ("e\u{301}".repeat(8), None),
            (hangul.repeat(7), Some("too_short")),
            (hangul.repeat(8), None),
            // 128 and 129, typed as twice as many.
            ("e\u{301}".repeat(128), None),
            ("e\u{301}".repeat(129), Some("too_long")),
            ("zqxj".repeat(32), None),
            (format!("{}z", "zqxj".repeat(32)), Some("too_long")),
            // One character that composed is three.
            ("\u{fb2c}".repeat(42), None),
            ("\u{fb2c}".repeat(43), Some("too_long")),
            // 512 bytes and 516.
            ("\u{1f511}".repeat(128), None),
            ("\u{1f511}".repeat(129), Some("too_long")),
            // A mark on nothing is a character of its own.
            ("\u{301}".repeat(7), Some("too_short")),
            ("\u{301}".repeat(8), None),
            // NFC, not NFKC: these stay themselves.
            (
                "\u{ff50}\u{ff41}\u{ff53}\u{ff53}\u{ff57}\u{ff4f}\u{ff52}\u{ff44}".to_owned(),
                None,
            ),
            ("\u{fb01}".repeat(7), Some("too_short")),
            (" ".repeat(7), Some("too_short")),
            (" ".repeat(8), None),
            (" ".repeat(128), None),
            (" ".repeat(129), Some("too_long")),
            ("\u{a0}".repeat(8), None),
            (
                "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned(),
                None,
            ),
            ("$2b$12$abcdefghijklmnopqrstuv".to_owned(), None),
            ("!disabled".to_owned(), None),
            ("password".to_owned(), Some("too_common")),
            ("PASSWORD".to_owned(), Some("too_common")),
            ("pAsSwOrD".to_owned(), Some("too_common")),
            ("QWERTYUIOP".to_owned(), Some("too_common")),
            ("12345678".to_owned(), Some("too_common")),
            (" password".to_owned(), None),
            ("\0\0\0\0\0\0\0\0".to_owned(), Some("invalid")),
        ] {
            let expected = code.map(str::to_owned);
            let judged = judge(&app, &user, &password).await;
            assert_eq!(
                judged,
                [expected.clone(), expected.clone(), expected],
                "{password:?}"
            );
        }
    }

    /// Signs up with these details, and says what became of the password.
    async fn is_similar(app: &TestApp, details: &Value, password: &str) -> bool {
        let mut body = details.clone();
        body["password"] = json!(password);
        body["beside"] = json!(1);
        app.post(SIGN_UP, &body)
            .await
            .faults()
            .contains(&fault("password", "too_similar"))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_password_made_of_ones_own_details_is_refused_in_every_case_and_script() {
        let app = start().await;
        for (first_name, last_name, email, password) in [
            ("Bartholomew", "", "x@y.example", "BARTHOLOMEW1"),
            ("Bartholomew", "", "x@y.example", "wemolohtrab1"),
            ("Bartholomew", "", "x@y.example", "1Bartholomew!"),
            ("", "", "quetzalcoatl@y.example", "Quetzalcoatl7"),
            ("", "", "x@quetzalcoatl.example", "quetzalcoatl7"),
            (
                "",
                "",
                "x@mail.quetzalcoatl.example",
                "mail.quetzalcoatl.example",
            ),
            ("", "", "Jo@B\u{fc}chermarkt.example", "B\u{dc}CHERMARKT1"),
            ("", "", "jo@xn--bcher-kva.example", "b\u{fc}cher.example"),
            (
                "Jos\u{e9}",
                "Mart\u{ed}nez",
                "x@y.example",
                "JOSE\u{301}MARTI\u{301}NEZ",
            ),
            (
                "\u{42e}\u{43b}\u{438}\u{44f}",
                "",
                "x@y.example",
                "\u{44e}\u{43b}\u{438}\u{44f}2026",
            ),
            // Without the marks, and with more of them.
            ("Jos\u{e9}", "Mart\u{ed}nez", "x@y.example", "josemartinez1"),
            ("Jose", "Martinez", "x@y.example", "Jos\u{e9}Mart\u{ed}nez1"),
            ("", "", "x@b\u{fc}chermarkt.example", "Buchermarkt1"),
            // Letters whose capital, or whose small form, is another number of letters, or not the only one.
            ("Strau\u{df}mann", "", "x@y.example", "STRAUSSMANN1"),
            ("STRAUSSMANN", "", "x@y.example", "strau\u{df}mann1"),
            (
                "\u{39c}\u{3ac}\u{3c1}\u{3b9}\u{3bf}\u{3c2}",
                "",
                "x@y.example",
                "\u{39c}\u{386}\u{3a1}\u{399}\u{39f}\u{3a3}123",
            ),
            (
                "\u{39c}\u{386}\u{3a1}\u{399}\u{39f}\u{3a3}",
                "",
                "x@y.example",
                "\u{3bc}\u{3ac}\u{3c1}\u{3b9}\u{3bf}\u{3c2}123",
            ),
            ("Griffin\u{17f}on", "", "x@y.example", "griffinson1"),
        ] {
            let details = json!({
                "username": "x-1", "email": email, "first_name": first_name, "last_name": last_name
            });
            assert!(
                is_similar(&app, &details, password).await,
                "{password} of {details}"
            );
        }
        let details = json!({"username": "Quetzal.Coatl", "email": "x@y.example"});
        for password in [
            "quetzal.coatl",
            "QUETZALCOATL1",
            "coatl-quetzal",
            "ltaoc.lazteuq",
        ] {
            assert!(is_similar(&app, &details, password).await, "{password}");
        }
        for password in ["quetzalcoatl loves cats", "my feathered serpent"] {
            assert!(!is_similar(&app, &details, password).await, "{password}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn both_the_old_and_the_new_details_count_when_they_change_with_the_password() {
        let app = start().await;
        let user = app.sign_up("quetzalcoatl").await;
        let before = everything(&app).await;
        for fields in [
            json!({"email": "somebody@example.org", "password": "quetzalcoatl1"}),
            json!({"email": "bartholomew@example.org", "password": "bartholomew1"}),
            json!({"email": "x@bartholomew.example", "password": "bartholomew1"}),
            json!({"first_name": "Bartholo", "last_name": "Mew", "password": "bartholomew1"}),
            json!({"password": "Bartholomew1", "last_name": "bartholomew"}),
            json!({"password": "STRAUSSMANN1", "last_name": "Strau\u{df}mann"}),
        ] {
            let answer = app.update(&user.token, &body(fields.clone())).await;
            assert_eq!(answer.fault(), fault("password", "too_similar"), "{fields}");
        }
        assert_eq!(everything(&app).await, before);
    }
}

mod case_15_names {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn names_of_every_script_are_kept_to_the_byte_at_both_doors() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let longest = [
            "\u{e9}".repeat(150),
            "x".repeat(150),
            "\u{674e}".repeat(100),
        ];
        let mut names = vec![
            "\u{1f469}\u{200d}\u{1f52c}",
            "\u{2764}\u{fe0f}",
            "\u{645}\u{62d}\u{645}\u{62f}\u{200c}\u{631}\u{636}\u{627}",
            "Zo\u{308}e\u{301}\u{302}\u{303}\u{304}",
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e007f}",
            "\u{200f}\u{5d3}\u{5d5}\u{5d3}\u{200e}",
            "  two  spaces  ",
            "\u{a0}",
            "'; DROP TABLE users; --",
            "%s%n{0}${x}{{x}}<%= x %>",
            "\\u0000\\n",
            "=cmd|' /C calc'!A0",
            "\"quoted\" <john@example.com>",
            "NULL",
        ];
        names.extend(longest.iter().map(String::as_str));
        for name in names {
            let change = body(json!({"first_name": name, "last_name": name}));
            let answer = app.update(&user.token, &change).await;
            assert_eq!(answer.status, 200, "{name:?}");
            let details = app.details(&user).await.json();
            assert_eq!(
                (&details["first_name"], &details["last_name"]),
                (&json!(name), &json!(name))
            );
        }
        for (number, name) in ["\u{1f469}\u{200d}\u{1f52c}", &longest[0]]
            .iter()
            .enumerate()
        {
            let body = json!({
                "username": format!("user{number}"), "email": format!("user{number}@example.com"),
                "password": PASSWORD, "first_name": name
            });
            let answer = app.post(SIGN_UP, &body).await;
            assert_eq!(answer.json()["user"]["first_name"], **name);
        }
    }
}

mod case_16_addresses {
    use super::*;

    /// What is no address, each for itself.
    const MALFORMED: &[&str] = &[
        "john",
        "@",
        "john@",
        "@example.com",
        "john@@example.com",
        "john@example@com",
        "john@example",
        "john@localhost",
        ".john@example.com",
        "john.@example.com",
        "jo..hn@example.com",
        "\"john\"@example.com",
        "\"jo hn\"@example.com",
        "\"john..doe\"@example.com",
        "\"\"@example.com",
        "john(c)@example.com",
        "john@(c)example.com",
        "john@example.com(c)",
        "<john@example.com>",
        "John <john@example.com>",
        "<john@example.com",
        "john@example.com>",
        "mailto:john@example.com",
        "john@example.com?cc=jane@example.com",
        "john@example.com#x",
        "john@example.com/x",
        "john@example.com:25",
        "john@example.com,",
        "john@example.com;",
        ",john@example.com",
        "john@example.com,jane@example.com",
        "group:john@example.com;",
        "@relay.example:john@example.com",
        "john%40example.com",
        "john@example%2ecom",
        "john\\@example.com",
        "jo\\hn@example.com",
        "jo hn@example.com",
        "john @example.com",
        "john@ example.com",
        "john@exa mple.com",
        "john@example .com",
        "john@example. com",
        "jo\thn@example.com",
        "john@example.com\r\nBcc: jane@example.com",
        "john\n@example.com",
        "john@\r\nexample.com",
        "\u{b}john@example.com",
        "\u{a0}john@example.com",
        "john@example.com\u{3000}",
        "\u{feff}john@example.com",
        "\u{200b}john@example.com",
        "john@example.com\u{200b}",
        "john@example.com\u{ad}",
        "john@example.com.",
        "john@example.com..",
        "john@.example.com",
        "john@example..com",
        "john@.",
        "john@..",
        "john@example.com\u{3002}",
        "john@example.com\u{ff0e}",
        "john@example.com\u{ff61}",
        "john@\u{3002}example.com",
        "john@-example.com",
        "john@example-.com",
        "john@example.-com",
        "john@example.com-",
        "john@exa_mple.com",
        "john@_dmarc.example.com",
        "john@exa!mple.com",
        "john@exa*mple.com",
        "john@*.example.com",
        "john@exa%mple.com",
        "john@exa+mple.com",
        "john@exa'mple.com",
        "john@127.0.0.1",
        "john@[127.0.0.1]",
        "john@[IPv6:2001:db8::1]",
        "john@[example.com]",
        "john@2001:db8::1",
        "john@::1",
        "john@127.1",
        "john@2130706433",
        "john@0x7f000001",
        "john@0x7f.0.0.0x1",
        "john@0177.0.0.01",
        "john@example.123",
        "john@example.0x7f",
        "john@example.1com",
        "john@\u{ff11}\u{ff12}\u{ff17}.0.0.1",
        "john@\u{2460}.\u{2461}.\u{2462}.\u{2463}",
        "john@xn--.example",
        "john@xn--a.example",
        "john@xn--example-.com",
        "john@XN--EXAMPLE-.com",
        "john@xn--zzzzzzzzz99999999.example",
        "john@xn--bcher-kv\u{e4}.example",
        "john@xn---.example",
        "john@xn--ab-j1t.com",
        "john@xn--ab-m1t.com",
        "john@exa\u{200c}mple.com",
        "john@exa\u{200d}mple.com",
        "john@exa\u{202e}mple.com",
        "john@exa\u{2066}mple.com",
        "john@exa\u{85}mple.com",
        "john@exa\u{2028}mple.com",
        "john@exa\u{fffd}mple.com",
        "john@exa\u{ffff}mple.com",
        "john@exa\u{e000}mple.com",
        "john@exa\u{378}mple.com",
        "john@\u{301}example.com",
        "john@a\u{5d0}.example",
        "john@\u{5d0}a.example",
        "john@\u{2100}.com",
        "john@a\u{ff0f}b.com",
        "john@a\u{ff20}b.com",
        "john@a\u{ff1a}25.com",
        "john@a\u{ff05}00.com",
        "john@a\u{3000}b.com",
        "john\u{ff20}example.com",
        "john\u{fe6b}example.com",
        "j\u{f6}hn@example.com",
        "\u{212a}ohn@example.com",
        "j\u{131}hn@example.com",
        "j\u{43e}hn@example.com",
        "\u{ff4a}ohn@example.com",
        "john\u{301}@example.com",
        "john\u{200d}@example.com",
        "john\u{ad}@example.com",
        "john\u{7f}@example.com",
        "john\u{80}@example.com",
        // RFC 2047, section 5: never in an address, and read by some who should not.
        "=?utf-8?q?john?=@example.com",
        "=?utf-8?Q?=61=62?=@example.com",
        "=?UTF-8?b?am9obg==?=@example.com",
        "x=?x?q?john=40evil.example=3e=20?=x@example.com",
        "=?iso-8859-1?q?=00?=foo@example.com",
    ];

    /// All of them, with those that are too long somewhere.
    fn malformed() -> Vec<String> {
        let mut all: Vec<_> = MALFORMED.iter().map(|text| (*text).to_owned()).collect();
        all.extend([
            format!("john@{}.example", "b".repeat(64)),
            // A label of few characters and many bytes in punycode.
            format!("john@{}.example", "\u{fc}".repeat(60)),
            format!("john@example.{}", "c".repeat(64)),
            "john@".to_owned() + &".".repeat(100),
            "@".repeat(100),
        ]);
        all
    }

    /// What each door says of an address.
    async fn judge(
        app: &TestApp,
        user: &SessionResponse,
        email: &str,
    ) -> [Vec<(String, String)>; 4] {
        // With a second fault, so that nothing comes of an address that is fine.
        let new =
            json!({"username": "somebody", "email": email, "password": PASSWORD, "beside": 1});
        let log_in = json!({"email": email, "password": PASSWORD, "beside": 1});
        let update = body(json!({"email": email, "beside": 1}));
        let ask = json!({"email": email, "beside": 1});
        [
            app.post(SIGN_UP, &new).await.faults(),
            app.post("/auth/login", &log_in).await.faults(),
            app.update(&user.token, &update).await.faults(),
            app.post("/api/passwords/reset_password", &ask)
                .await
                .faults(),
        ]
    }

    async fn check(app: &TestApp, user: &SessionResponse, email: &str, code: Option<&str>) {
        let beside = fault("beside", "unknown_field");
        let expected = match code {
            Some(code) => vec![fault("email", code), beside],
            None => vec![beside],
        };
        for judged in judge(app, user, email).await {
            assert_eq!(judged, expected, "{email:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_door_refuses_the_same_malformed_addresses() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let before = everything(&app).await;
        for email in malformed() {
            check(&app, &user, &email, Some("invalid")).await;
            let padded = format!(" {email}\r\n");
            check(&app, &user, &padded, Some("invalid")).await;
        }
        assert_eq!(everything(&app).await, before);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_door_takes_the_same_odd_addresses_and_counts_the_same_bytes() {
        let app = start().await;
        let user = app.sign_up("john").await;
        for email in [
            "a@b.co",
            "1@2.example",
            "john@1.2.3.example",
            "john@a-b.example",
            "john@r3---sn.example",
            "J+t.x@a.b.example",
            "!#$%&'*+-/=?^_`{|}~@example.com",
            "=?x@example.com",
            "=??=@example.com",
            "x=?a?c?b?=@example.com",
            "-@example.com",
            "john@xn--fa-hia.example",
            "john@fa\u{df}.example",
            "john@\u{4f8b}\u{3048}.\u{30c6}\u{30b9}\u{30c8}",
            "john@\u{ff45}xample\u{3002}com",
            "john@\u{fb01}sh.example",
            "john@\u{2460}.example",
            "\tjohn@example.com\n",
        ] {
            check(&app, &user, email, None).await;
        }
        let (local, label) = ("a".repeat(64), "b".repeat(63));
        let longest = format!("{local}@{label}.{label}.{}", "c".repeat(61));
        check(&app, &user, &longest, None).await;
        check(&app, &user, &format!("  {longest}  "), None).await;
        check(&app, &user, &format!("{longest}c"), Some("too_long")).await;
        check(
            &app,
            &user,
            &format!("a{local}@example.com"),
            Some("too_long"),
        )
        .await;
        // Few characters as typed, and 255 bytes as SES is given them.
        let unicode = format!("{local}@{}example.com", "b\u{fc}.".repeat(19));
        check(&app, &user, &unicode, Some("too_long")).await;
    }

    /// Scripts that need a joiner have it in their names, too; elsewhere it would be seen by nobody.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_domain_with_a_joiner_in_its_place_is_one_with_its_punycode() {
        let app = start().await;
        for (number, (unicode, ascii)) in [
            (
                "\u{dc1}\u{dca}\u{200d}\u{dbb}\u{dd3}.example",
                "xn--10cl1a0b660p.example",
            ),
            (
                "\u{646}\u{627}\u{645}\u{647}\u{200c}\u{627}\u{6cc}.example",
                "xn--mgba3gch31f060k.example",
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let name = format!("user{number}");
            let signed_up = sign_up(&app, &name, &format!("jo@{unicode}"), PASSWORD).await;
            assert_eq!(signed_up.status, 201, "{signed_up:?}");
            let again = sign_up(&app, "other", &format!("jo@{ascii}"), PASSWORD).await;
            assert_eq!(again.fault(), fault("email", "taken"));
            app.token(&format!("JO@{ascii}"), PASSWORD).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_spelling_of_an_address_is_one_account_at_every_door() {
        let app = start().await;
        let answer = sign_up(&app, "hans", "Hans@Fi\u{df}chb\u{fc}cher.example", PASSWORD).await;
        assert_eq!(answer.status, 201);
        let token = answer.json()["token"].as_str().unwrap().to_owned();
        let jane = app.sign_up("jane").await;
        for spelling in [
            "hans@fi\u{df}chb\u{fc}cher.example",
            "HANS@FI\u{1e9e}CHB\u{dc}CHER.EXAMPLE",
            "hans@fi\u{df}chbu\u{308}cher.example",
            "hAnS@xN--fichbcher-h1a63a.example",
            "hans@\u{ff46}i\u{df}chb\u{fc}cher\u{3002}\u{ff25}xample",
            " \t\r\nhans@fi\u{df}chb\u{fc}cher.example\u{c} ",
        ] {
            app.token(spelling, PASSWORD).await;
            let refused = sign_up(&app, "other", spelling, PASSWORD).await;
            assert_eq!(refused.fault(), fault("email", "taken"), "{spelling:?}");
            let change = body(json!({"email": spelling}));
            let refused = app.update(&jane.token, &change).await;
            assert_eq!(refused.fault(), fault("email", "taken"), "{spelling:?}");
            assert_eq!(app.request_reset(spelling).await.status, 200);
            let own = app.update(&token, &change).await;
            assert_eq!(
                (own.status, &own.json()["email"]),
                (200, &json!(spelling.trim_ascii()))
            );
        }
        app.mail();
        // Look-alikes are other addresses, and free.
        for (number, other) in [
            "hans@fisschb\u{fc}cher.example",
            "hans@fi\u{df}chbucher.example",
            "ha.ns@fi\u{df}chb\u{fc}cher.example",
            "hans+x@fi\u{df}chb\u{fc}cher.example",
        ]
        .iter()
        .enumerate()
        {
            assert_eq!(app.log_in(other, PASSWORD).await.status, 401, "{other}");
            let free = sign_up(&app, &format!("free{number}"), other, PASSWORD).await;
            assert_eq!(free.status, 201, "{other}");
        }
    }
}

mod case_29_signing_up {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn usernames_have_a_hundred_and_fifty_characters_and_no_case() {
        let app = start().await;
        let longest = "Ab0._+-".repeat(22)[..150].to_owned();
        assert_eq!(
            sign_up(&app, &longest, "a@example.com", PASSWORD)
                .await
                .status,
            201
        );
        assert_eq!(
            app.log_in(&longest.to_uppercase(), PASSWORD).await.status,
            200
        );
        for (username, code) in [
            (longest.to_lowercase(), "taken"),
            (longest.to_uppercase(), "taken"),
            (format!("{longest}x"), "too_long"),
            (String::new(), "too_short"),
        ] {
            let answer = sign_up(&app, &username, "b@example.com", PASSWORD).await;
            assert_eq!(answer.fault(), fault("username", code), "{username}");
        }
        for username in [
            ".",
            "..",
            "-",
            "_",
            "+",
            "0",
            "null",
            "me",
            "admin",
            "__proto__",
            "constructor",
            "1e3",
        ] {
            let email = format!(
                "{}@example.com",
                username.len() * 7 + usize::from(username.as_bytes()[0]) * 100
            );
            let answer = sign_up(&app, username, &email, PASSWORD).await;
            assert_eq!(answer.status, 201, "{username}: {answer:?}");
            assert_eq!(answer.json()["user"]["username"], username);
            app.token(username, PASSWORD).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_address_that_was_freed_a_moment_ago_is_free_with_all_that_hung_on_it() {
        let app = start().await;
        let john = app.sign_up("john").await;
        let link = app.reset_token("john@example.com").await;
        let change = body(json!({"email": "johnny@example.com"}));
        assert_eq!(app.update(&john.token, &change).await.status, 200);
        app.mail();
        let next = sign_up(&app, "next", "John@Example.com", OTHER_PASSWORD).await;
        assert_eq!(next.status, 201);
        // The old link opens neither, and the newcomer's first mail is not held back.
        assert_eq!(
            app.complete(&link, "a third one altogether")
                .await
                .problem(),
            problem(400, "invalid_token")
        );
        let link = app.reset_token("john@example.com").await;
        assert_eq!(
            app.complete(&link, "a third one altogether").await.status,
            201
        );
        app.mail();
        app.token("next", "a third one altogether").await;
        app.token("john", PASSWORD).await;
        // There and back: what somebody else has by now is taken.
        let back = body(json!({"email": "john@example.com"}));
        assert_eq!(
            app.update(&john.token, &back).await.fault(),
            fault("email", "taken")
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_guessed_at_a_name_that_nobody_had_locks_nobody_out() {
        let app = start().await;
        for _ in 0..7 {
            app.log_in("john", WRONG).await;
            app.log_in("john@example.com", WRONG).await;
        }
        assert_eq!(app.log_in("john", WRONG).await.status, 429);
        app.sign_up("john").await;
        app.token("john", PASSWORD).await;
        app.token("john@example.com", PASSWORD).await;
    }
}
