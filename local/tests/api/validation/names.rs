//! First and last names.

use serde_json::json;

use crate::support::{
    app::{PASSWORD, TestApp, with_current_password},
    paths::SIGN_UP,
};

mod case_15_names {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn names_of_every_script_are_kept_exactly() {
        let app = TestApp::without_source_limits().await;
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
            let change = with_current_password(json!({"first_name": name, "last_name": name}));
            let response = app.update(&user.token, &change).await;
            assert_eq!(response.status, 200, "{name:?}");
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
            let response = app.post(SIGN_UP, &body).await;
            assert_eq!(response.json()["user"]["first_name"], **name);
        }
    }
}
