//! Names of JSON fields: duplicate, escaped, unknown and missing ones.

use serde_json::json;

use crate::support::{
    app::TestApp,
    endpoints::{Kind, WITHOUT_REQUIRED_FIELDS},
    malformed_values::MalformedValues,
    response::field_error,
};

/// The name with its first letter escaped.
fn escaped(name: &str) -> String {
    let first = name.chars().next().unwrap();
    format!("\\u{:04X}{}", u32::from(first), &name[1..])
}

/// Names of unknown fields: internal attributes, fields of other systems, and prototype pollution.
const UNKNOWN_NAMES: [&str; 32] = [
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
    "is_verified",
    "language",
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
];

/// Values of unknown fields, of every JSON type.
const UNKNOWN_VALUES: [&str; 6] = [
    "1",
    "null",
    "true",
    r#""zq9x""#,
    r#"{"zq9x":1}"#,
    r#"["zq9x"]"#,
];

mod case_33_request_bodies {
    use super::*;

    /// The internal names of `serde_json` have no special meaning in events.
    #[tokio::test(flavor = "multi_thread")]
    async fn serde_json_internal_names_have_no_effect() {
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

    #[tokio::test(flavor = "multi_thread")]
    async fn duplicate_fields_are_rejected_in_any_spelling() {
        let values = MalformedValues::start().await;
        for endpoint in values.endpoints() {
            for (field, _, valid) in &endpoint.fields {
                let all_escaped = field
                    .encode_utf16()
                    .fold(String::new(), |all, unit| all + &format!("\\u{unit:04x}"));
                for spelling in [(*field).to_owned(), escaped(field), all_escaped] {
                    for value in [valid.to_string(), "null".to_owned(), "[1]".to_owned()] {
                        let twice = format!("\"{spelling}\":{value},\"{field}\":{valid}");
                        let body = endpoint.body_without(field, &twice);
                        let response = values.send(&endpoint, body).await;
                        assert_eq!(
                            response.field_errors(),
                            [field_error("", "invalid")],
                            "{twice}"
                        );
                        values.check_nothing_written(&twice);
                    }
                }
            }
        }
        values.check_nothing_changed().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_escaped_field_name_is_that_field() {
        let values = MalformedValues::start().await;
        for endpoint in values.endpoints() {
            for (field, kind, _) in &endpoint.fields {
                let more = format!("\"{}\":[]", escaped(field));
                let response = values
                    .send(&endpoint, endpoint.body_without(field, &more))
                    .await;
                let code = if matches!(kind, Kind::ReadOnly | Kind::ReadOnlyFlag) {
                    "read_only"
                } else {
                    "invalid"
                };
                assert_eq!(
                    response.field_errors(),
                    [field_error(field, code)],
                    "{more}"
                );
            }
        }
        values.check_nothing_changed().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn similar_field_names_are_unknown_fields() {
        let values = MalformedValues::start().await;
        for endpoint in values.endpoints() {
            for (field, ..) in &endpoint.fields {
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
                for name in near.iter().filter(|name| !endpoint.knows(name)) {
                    let plain = name
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
                    let reported = if plain { name.as_str() } else { "" };
                    let more = format!(",{}:1", serde_json::json!(name));
                    let response = values.send(&endpoint, endpoint.body_with(&[], &more)).await;
                    assert_eq!(
                        response.field_errors(),
                        [field_error(reported, "unknown_field")],
                        "{more}"
                    );
                    values.check_nothing_written(&more);
                }
            }
        }
        values.check_nothing_changed().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn unknown_fields_are_rejected_by_name() {
        let values = MalformedValues::start().await;
        for endpoint in values.endpoints() {
            for name in UNKNOWN_NAMES {
                for value in UNKNOWN_VALUES {
                    let more = format!(",\"{name}\":{value}");
                    let response = values.send(&endpoint, endpoint.body_with(&[], &more)).await;
                    assert_eq!(
                        response.field_errors(),
                        [field_error(name, "unknown_field")],
                        "{more}"
                    );
                    values.check_nothing_written(&more);
                }
            }
        }
        values.check_nothing_changed().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn invalid_field_names_are_not_repeated() {
        let values = MalformedValues::start().await;
        for endpoint in values.endpoints() {
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
                let response = values.send(&endpoint, endpoint.body_with(&[], &more)).await;
                assert_eq!(
                    response.field_errors(),
                    [field_error("", "unknown_field")],
                    "{more}"
                );
            }
            let long = "n".repeat(65);
            let response = values
                .send(
                    &endpoint,
                    endpoint.body_with(&[], &format!(",\"{long}\":1")),
                )
                .await;
            assert_eq!(response.field_errors(), [field_error("", "unknown_field")]);
        }
        values.check_nothing_changed().await;
    }

    /// 16 KiB of unknown fields were answered with 170 KB.
    #[tokio::test(flavor = "multi_thread")]
    async fn at_most_sixteen_errors_are_reported() {
        let values = MalformedValues::start().await;
        for endpoint in values.endpoints() {
            let more: Vec<_> = (0..1_300)
                .map(|number| format!(",\"f{number:04}\":0"))
                .collect();
            let more = more.concat();
            let response = values.send(&endpoint, endpoint.body_with(&[], &more)).await;
            assert_eq!(response.field_errors().len(), 16, "{}", endpoint.path);
            assert!(response.text.len() < 2_000, "{}", response.text.len());
            // Errors of known fields come first.
            let field = endpoint.fields[0].0;
            let body = endpoint.body(field, b"7", &more);
            let response = values.send(&endpoint, body).await;
            assert_eq!(response.field_errors().len(), 16);
            assert_eq!(response.field_errors()[0].0, field);
        }
        values.check_nothing_changed().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn missing_fields_are_reported() {
        let values = MalformedValues::start().await;
        for endpoint in values.endpoints() {
            if WITHOUT_REQUIRED_FIELDS.contains(&endpoint.path) {
                continue;
            }
            let body = b"{}".to_vec();
            let response = values.send(&endpoint, body).await;
            assert!(!response.field_errors().is_empty(), "{}", endpoint.path);
            for (field, kind, _) in &endpoint.fields {
                let is_required = endpoint.path != "/api/users/update_details"
                    && *kind != Kind::Name
                    || *field == "current-password";
                if is_required {
                    let response = values
                        .send(&endpoint, endpoint.body_without(field, "\"beside\":1"))
                        .await;
                    let expected = if endpoint.path == "/auth/login" && *field == "email" {
                        "username"
                    } else {
                        field
                    };
                    assert_eq!(
                        response.field_errors(),
                        [
                            field_error(expected, "required"),
                            field_error("beside", "unknown_field")
                        ]
                    );
                }
            }
            values.check_nothing_written(endpoint.path);
        }
        values.check_nothing_changed().await;
    }
}
