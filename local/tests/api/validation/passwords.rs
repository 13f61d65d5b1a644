//! New passwords: the same policy at every endpoint.

use serde_json::{Value, json};

use crate::support::{
    app::{TestApp, TestUser, with_current_password},
    paths::{RESET_PASSWORD_COMPLETE, SIGN_UP},
    response::{Response, field_error},
};

/// The error for a new password at each of the three endpoints that accept one; `None` if it is accepted.
async fn errors_everywhere(app: &TestApp, user: &TestUser, password: &str) -> [Option<String>; 3] {
    let code = |response: Response, field: &str| {
        let errors = response.field_errors();
        let of_field = errors.into_iter().find(|(name, _)| name == field);
        of_field.map(|(_, code)| code)
    };
    // Each request has an unknown field, so that it has no effect even if the password is accepted.
    let new = json!({
        "username": "somebody", "email": "somebody@example.org", "password": password, "beside": 1
    });
    let signed_up = app.post(SIGN_UP, &new).await;
    let change = with_current_password(json!({"password": password, "beside": 1}));
    let changed = app.update(&user.token, &change).await;
    let reset = json!({
        "new_password": password, "password_confirmation": password, "reset_token": "x", "beside": 1
    });
    let reset = app.post(RESET_PASSWORD_COMPLETE, &reset).await;
    [
        code(signed_up, "password"),
        code(changed, "password"),
        code(reset, "new_password"),
    ]
}

/// `true` if a sign-up with these details rejects the password as too similar.
async fn is_similar(app: &TestApp, details: &Value, password: &str) -> bool {
    let mut body = details.clone();
    body["password"] = json!(password);
    body["beside"] = json!(1);
    app.post(SIGN_UP, &body)
        .await
        .field_errors()
        .contains(&field_error("password", "too_similar"))
}

mod case_14_new_passwords {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn length_is_measured_in_composed_form() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let hangul = "\u{1112}\u{1161}\u{11ab}";
        for (password, code) in [
            ("zqxjvkw".to_owned(), Some("too_short")),
            ("zqxjvkwy".to_owned(), None),
            // Seven and eight characters, each typed as two or three.
            ("e\u{301}".repeat(7), Some("too_short")),
            ("e\u{301}".repeat(8), None),
            (hangul.repeat(7), Some("too_short")),
            (hangul.repeat(8), None),
            // 128 and 129 characters, each typed as two.
            ("e\u{301}".repeat(128), None),
            ("e\u{301}".repeat(129), Some("too_long")),
            ("zqxj".repeat(32), None),
            (format!("{}z", "zqxj".repeat(32)), Some("too_long")),
            // One character that has three in composed form.
            ("\u{fb2c}".repeat(42), None),
            ("\u{fb2c}".repeat(43), Some("too_long")),
            // 512 and 516 bytes.
            ("\u{1f511}".repeat(128), None),
            ("\u{1f511}".repeat(129), Some("too_long")),
            // A combining mark without a base is a character.
            ("\u{301}".repeat(7), Some("too_short")),
            ("\u{301}".repeat(8), None),
            // NFC, not NFKC: compatibility characters are kept.
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
            let errors = errors_everywhere(&app, &user, &password).await;
            assert_eq!(
                errors,
                [expected.clone(), expected.clone(), expected],
                "{password:?}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn passwords_similar_to_name_or_address_are_rejected() {
        let app = TestApp::without_source_limits().await;
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
            // Without the accents, and with more of them.
            ("Jos\u{e9}", "Mart\u{ed}nez", "x@y.example", "josemartinez1"),
            ("Jose", "Martinez", "x@y.example", "Jos\u{e9}Mart\u{ed}nez1"),
            ("", "", "x@b\u{fc}chermarkt.example", "Buchermarkt1"),
            // Letters whose upper or lower case has more letters, or more than one form.
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
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn passwords_similar_to_the_username_are_rejected() {
        let app = TestApp::without_source_limits().await;
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
}
