//! `PATCH /api/users/update_details`: field errors.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, TestUser, with_current_password},
    paths::UPDATE_DETAILS,
    response::{field_error, problem},
};

/// The errors for `fields` with the correct current password, after checking that nothing changed.
pub async fn errors_for(app: &TestApp, user: &TestUser, fields: Value) -> Vec<(String, String)> {
    let before = app.tables().user(user.id).await;
    let errors = app.change(&user.token, fields).await.field_errors();
    assert_eq!(app.tables().user(user.id).await, before);
    errors
}

/// The errors for `members`, which are JSON text, beside a valid first name; none if the request succeeds.
async fn errors_for_text(app: &TestApp, user: &TestUser, members: &str) -> Vec<(String, String)> {
    let text = format!("{{\"current-password\":\"{PASSWORD}\",\"first_name\":\"J\",{members}}}");
    let request = app
        .request(Method::PATCH, UPDATE_DETAILS)
        .header("authorization", format!("Token {}", user.token));
    let response = app.send(request.body(text)).await;
    if response.status == 200 {
        return Vec::new();
    }
    response.field_errors()
}

mod case_12_protected_fields {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn read_only_and_unknown_fields_are_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        assert_eq!(
            errors_for(&app, &user, json!({"first_name": "J", "id": user.id + 1})).await,
            [field_error("id", "read_only")]
        );
        for (field, value) in [
            ("username", "other"),
            ("date_joined", "2020-01-01T00:00:00Z"),
            ("id", "1"),
        ] {
            assert_eq!(
                errors_for(&app, &user, json!({"first_name": "J", field: value})).await,
                [field_error(field, "read_only")]
            );
        }
        for field in [
            "password_hash",
            "version",
            "sessions",
            "credentials",
            "__proto__",
            "pk",
        ] {
            let errors = errors_for(&app, &user, json!({"first_name": "J", field: "x"})).await;
            assert_eq!(errors, [field_error(field, "unknown_field")]);
        }
        // A name with other characters is not repeated in the response.
        assert_eq!(
            errors_for(&app, &user, json!({"first_name": "J", "<script>": 1})).await,
            [field_error("", "unknown_field")]
        );
        let own = json!({"id": user.id, "username": "john", "email_verified": false, "date_joined": "2026-01-31T12:00:00Z", "first_name": "J"});
        assert_eq!(
            app.update(&user.token, &with_current_password(own))
                .await
                .status,
            200
        );
        let only_own = json!({"id": user.id, "username": "john"});
        assert_eq!(
            errors_for(&app, &user, only_own).await,
            [field_error("", "nothing_to_change")]
        );
        assert_eq!(
            errors_for(&app, &user, json!({})).await,
            [field_error("", "nothing_to_change")]
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_superusers_may_set_the_superuser_flag() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let response = app
            .update(
                &user.token,
                &with_current_password(json!({"is_superuser": true, "first_name": "John"})),
            )
            .await;
        assert_eq!(response.problem(), problem(403, "forbidden"));
        assert_eq!(app.details(&user).await.json()["first_name"], "");
        // The current value is accepted and changes nothing.
        assert_eq!(
            app.update(
                &user.token,
                &with_current_password(json!({"is_superuser": false}))
            )
            .await
            .status,
            200
        );
        app.tables().make_superuser(user.id).await;
        let response = app
            .update(
                &user.token,
                &with_current_password(json!({"is_superuser": false})),
            )
            .await;
        assert_eq!(
            (response.status, &response.json()["is_superuser"]),
            (200, &json!(false))
        );
        assert_eq!(
            errors_for(&app, &user, json!({"is_superuser": "true"})).await,
            [field_error("is_superuser", "invalid")]
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn own_read_only_values_are_accepted() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let id = user.id;
        for own in [
            format!("\"id\":{id}"),
            format!("\"id\":{id}.0"),
            format!("\"id\":{id}e0"),
            r#""username":"john""#.to_owned(),
            r#""username":"\u006aohn""#.to_owned(),
            r#""email_verified":false"#.to_owned(),
            r#""username":"JOHN""#.to_owned(),
            r#""username":"john ""#.to_owned(),
            // As Go, JavaScript, Python, Java and .NET write it.
            r#""date_joined":"2026-01-31T12:00:00Z""#.to_owned(),
            r#""date_joined":"2026-01-31T13:00:00+01:00""#.to_owned(),
            r#""date_joined":"2026-01-31T12:00:00.000Z""#.to_owned(),
            r#""date_joined":"2026-01-31T12:00:00+00:00""#.to_owned(),
            r#""date_joined":"2026-01-31T12:00Z""#.to_owned(),
            r#""date_joined":"2026-01-31T12:00:00.0000000+00:00""#.to_owned(),
            format!("\"id\":{id},\"username\":\"john\",\"date_joined\":\"2026-01-31T12:00:00Z\""),
        ] {
            assert_eq!(errors_for_text(&app, &user, &own).await, [], "{own}");
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
            ("username", r#""johnny""#.to_owned()),
            ("username", r#""jo hn""#.to_owned()),
            ("username", r#""""#.to_owned()),
            ("username", r#""john\u0000""#.to_owned()),
            ("username", "null".to_owned()),
            ("username", r#"["john"]"#.to_owned()),
            ("email_verified", "true".to_owned()),
            ("email_verified", "null".to_owned()),
            ("pending_email", r#""john@example.com""#.to_owned()),
            ("pending_email", r#""""#.to_owned()),
            ("pending_email", "null".to_owned()),
            ("email_verified", "0".to_owned()),
            ("email_verified", r#""false""#.to_owned()),
            ("date_joined", r#""2026-01-31T12:00:01Z""#.to_owned()),
            ("date_joined", r#""2026-01-31T12:00:00.001Z""#.to_owned()),
            ("date_joined", r#""2026-01-31T12:00:00+01:00""#.to_owned()),
            ("date_joined", r#""2026-01-31T12:00:00""#.to_owned()),
            ("date_joined", "1769860800".to_owned()),
            ("date_joined", "null".to_owned()),
            ("date_joined", r#""""#.to_owned()),
        ] {
            let before = app.tables().snapshot().await;
            let errors = errors_for_text(&app, &user, &format!("\"{field}\":{other}")).await;
            assert_eq!(
                errors,
                [field_error(field, "read_only")],
                "{field}: {other}"
            );
            assert_eq!(app.tables().snapshot().await, before);
        }
        // An accepted member does not hide a rejected one.
        let mixed = format!("\"id\":{id},\"username\":\"jane\"");
        assert_eq!(
            errors_for_text(&app, &user, &mixed).await,
            [field_error("username", "read_only")]
        );
    }
}

mod case_13_atomicity {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn one_invalid_field_rejects_the_whole_request() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let fields = json!({"first_name": "John", "email": "not an address", "last_name": "a\nb"});
        let errors = errors_for(&app, &user, fields).await;
        assert_eq!(
            errors,
            [
                field_error("email", "invalid"),
                field_error("last_name", "invalid")
            ]
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn invalid_fields_reject_a_request_in_any_order() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        app.sign_up("jane").await;
        let valid = [
            ("first_name", json!("Good")),
            ("last_name", json!("Good")),
            ("email", json!("good@example.com")),
            ("password", json!(OTHER_PASSWORD)),
        ];
        let invalid = [
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
        let before = app.tables().snapshot().await;
        for (valid, valid_value) in &valid {
            for (invalid, invalid_value) in invalid.iter().filter(|(invalid, _)| invalid != valid) {
                let pairs = [
                    format!("\"{valid}\":{valid_value},\"{invalid}\":{invalid_value}"),
                    format!("\"{invalid}\":{invalid_value},\"{valid}\":{valid_value}"),
                ];
                for pair in pairs {
                    let text = format!("{{\"current-password\":\"{PASSWORD}\",{pair}}}");
                    let request = app
                        .request(Method::PATCH, UPDATE_DETAILS)
                        .header("authorization", format!("Token {}", user.token));
                    let response = app.send(request.body(text)).await;
                    let expected = if *invalid_value == json!(true) {
                        403
                    } else {
                        400
                    };
                    assert_eq!(response.status, expected, "{pair}");
                    assert_eq!(app.tables().snapshot().await, before, "{pair}");
                }
            }
        }
    }
}

mod case_14_new_passwords {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn new_passwords_must_meet_the_policy() {
        let app = TestApp::start().await;
        let user = app.sign_up("johnny-doe").await;
        for (password, code) in [
            ("1234567", "too_short"),
            ("\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}", "too_short"),
            ("e\u{301}e\u{301}e\u{301}e\u{301}", "too_short"),
            ("password", "too_common"),
            ("PassWord1", "too_common"),
            ("mypassword", "too_common"),
            ("johnny-doe", "too_similar"),
            ("johnny-doe@example.com", "too_similar"),
            ("Johnny-Doe2026!", "too_similar"),
            ("nul\u{0}nul\u{0}nul", "invalid"),
        ] {
            assert_eq!(
                errors_for(&app, &user, json!({"password": password})).await,
                [field_error("password", code)],
                "{password:?}"
            );
        }
        let long = "pq".repeat(64);
        assert_eq!(
            errors_for(&app, &user, json!({"password": format!("{long}x")})).await,
            [field_error("password", "too_long")]
        );
        let wide = "\u{1f511}".repeat(128);
        assert_eq!(
            errors_for(&app, &user, json!({"password": format!("{wide}x")})).await,
            [field_error("password", "too_long")]
        );
        // Details that are changed in the same request count too.
        let fields = json!({"first_name": "Bartholomew", "password": "bartholomew99"});
        assert_eq!(
            errors_for(&app, &user, fields).await,
            [field_error("password", "too_similar")]
        );
        let fields = json!({"email": "quetzalcoatl@example.org", "password": "quetzalcoatl1"});
        assert_eq!(
            errors_for(&app, &user, fields).await,
            [field_error("password", "too_similar")]
        );
        let mut current = PASSWORD.to_owned();
        for password in [
            long.as_str(),
            wide.as_str(),
            "        ",
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
        ] {
            let body = json!({"current-password": current, "password": password});
            assert_eq!(
                app.update(&user.token, &body).await.status,
                200,
                "{password:?}"
            );
            app.mail();
            app.token("johnny-doe", password).await;
            password.clone_into(&mut current);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_current_password_is_exempt_from_the_policy() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let name = json!({"first_name": "Correct Horse", "last_name": "Battery Staple"});
        assert_eq!(
            app.update(&user.token, &with_current_password(name))
                .await
                .status,
            200
        );
        assert_eq!(
            app.update(
                &user.token,
                &with_current_password(json!({"password": PASSWORD}))
            )
            .await
            .status,
            200
        );
        // Names of several words, written as one.
        for password in [
            "correcthorse1",
            "batterystaple",
            "correcthorsebatterystaple",
        ] {
            let errors = errors_for(&app, &user, json!({"password": password})).await;
            assert_eq!(
                errors,
                [field_error("password", "too_similar")],
                "{password}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn composed_and_decomposed_letters_are_one_password() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        app.update(
            &user.token,
            &with_current_password(json!({"password": "caf\u{e9} au lait"})),
        )
        .await;
        app.mail();
        app.token("john", "cafe\u{301} au lait").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn old_and_new_details_count_for_similarity() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("quetzalcoatl").await;
        let before = app.tables().snapshot().await;
        for fields in [
            json!({"email": "somebody@example.org", "password": "quetzalcoatl1"}),
            json!({"email": "bartholomew@example.org", "password": "bartholomew1"}),
            json!({"email": "x@bartholomew.example", "password": "bartholomew1"}),
            json!({"first_name": "Bartholo", "last_name": "Mew", "password": "bartholomew1"}),
            json!({"password": "Bartholomew1", "last_name": "bartholomew"}),
            json!({"password": "STRAUSSMANN1", "last_name": "Strau\u{df}mann"}),
        ] {
            let response = app
                .update(&user.token, &with_current_password(fields.clone()))
                .await;
            assert_eq!(
                response.field_error(),
                field_error("password", "too_similar"),
                "{fields}"
            );
        }
        assert_eq!(app.tables().snapshot().await, before);
    }
}

mod case_15_names {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn names_are_kept_as_typed_or_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for name in [
            "<b>J</b>",
            "{{ name }}",
            "=HYPERLINK(1)",
            "O'Brien \u{1f600}",
            " J ",
            "",
            "\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
        ] {
            let response = app
                .update(
                    &user.token,
                    &with_current_password(json!({"first_name": name, "last_name": "x"})),
                )
                .await;
            assert_eq!(
                (response.status, &response.json()["first_name"]),
                (200, &json!(name))
            );
        }
        for name in [
            "a\r\nb",
            "a\u{0}b",
            "a\u{85}b",
            "a\u{202e}b",
            "a\u{2066}b",
            "\u{7f}",
        ] {
            assert_eq!(
                errors_for(&app, &user, json!({"first_name": name})).await,
                [field_error("first_name", "invalid")],
                "{name:?}"
            );
        }
        assert_eq!(
            errors_for(&app, &user, json!({"last_name": "x".repeat(151)})).await,
            [field_error("last_name", "too_long")]
        );
        assert_eq!(
            errors_for(&app, &user, json!({"last_name": "\u{1f600}".repeat(76)})).await,
            [field_error("last_name", "too_long")]
        );
    }
}
