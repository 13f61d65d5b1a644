//! Users whose stored names today's rules refuse, as after a release with stricter rules or other Unicode tables.

use serde_json::{Value, json};

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, TestUser, token_in, with_current_password},
    paths::{LOG_IN, RESET_PASSWORD},
    response::{field_error, problem},
    tables::USERS,
};

/// Names that an imagined earlier version accepted.
struct Names {
    username: &'static str,
    email: &'static str,
    first_name: &'static str,
}

const EARLIER: [Names; 3] = [
    Names {
        username: "Jörg M@ier",
        email: "Joerg..Maier@example.com",
        first_name: "Jörg\u{202E}",
    },
    Names {
        username: "a/b",
        email: ".ab@example.com",
        first_name: "a\nb",
    },
    Names {
        username: "<b>",
        email: "x.@example.org",
        first_name: "\u{7}",
    },
];

/// Renames a user to `names` in the table, with both markers.
async fn rename(app: &TestApp, user: &TestUser, names: &Names) {
    let tables = app.tables();
    for (name, value) in [
        ("username", names.username),
        ("email", names.email),
        ("first_name", names.first_name),
    ] {
        tables.set(user.id, name, value).await;
    }
    for key in [
        format!("username#{}", names.username.to_ascii_lowercase()),
        format!("email#{}", names.email.to_lowercase()),
    ] {
        tables.put(USERS, &json!({"pk": key, "id": user.id})).await;
    }
    for key in [
        format!("username#{}", user.username),
        format!("email#{}", user.email),
    ] {
        tables.delete(USERS, &key).await;
    }
}

mod case_49_stored_values {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn refused_names_still_log_in_and_change() {
        for names in EARLIER {
            let app = TestApp::without_source_limits().await;
            let user = app.sign_up("john").await;
            rename(&app, &user, &names).await;
            for name in [("username", names.username), ("email", names.email)] {
                let body = json!({name.0: name.1, "password": PASSWORD});
                assert_eq!(app.post(LOG_IN, &body).await.status, 200, "{name:?}");
                let wrong = json!({name.0: name.1, "password": "wrong"});
                let response = app.post(LOG_IN, &wrong).await;
                assert_eq!(response.problem(), problem(401, "invalid_credentials"));
            }
            let read = app.details(&user).await.json();
            assert_eq!(read["email"], names.email);
            // All of it as read, with one change.
            let mut all = read.clone();
            all["last_name"] = json!("Doe");
            let changed = app.change(&user.token, all).await;
            assert_eq!(changed.status, 200, "{changed:?}");
            assert_eq!(changed.json()["first_name"], names.first_name);
            // Today's rules hold for other values.
            let other = json!({"first_name": format!("{}\n", names.first_name)});
            let response = app.change(&user.token, other).await;
            assert_eq!(
                response.field_errors(),
                [field_error("first_name", "invalid")]
            );
            let moved = app
                .change(&user.token, json!({"email": "john@example.com"}))
                .await;
            assert_eq!(moved.status, 200, "{moved:?}");
            assert_eq!(
                app.unread_mails().len(),
                1,
                "the notice to the address before"
            );
            let old = json!({"email": names.email, "password": PASSWORD});
            assert_eq!(app.post(LOG_IN, &old).await.status, 400);
            assert_eq!(app.log_in("john@example.com", PASSWORD).await.status, 200);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn refused_addresses_still_reset_their_password() {
        for names in EARLIER {
            let app = TestApp::without_source_limits().await;
            let user = app.sign_up("john").await;
            rename(&app, &user, &names).await;
            assert_eq!(app.request_reset(names.email).await.status, 200);
            let token = token_in(&app.mail());
            assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 201);
            app.mail();
            let body = json!({"username": names.username, "password": OTHER_PASSWORD});
            assert_eq!(app.post(LOG_IN, &body).await.status, 200);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_stored_canonical_form_outlives_the_unicode_tables() {
        let app = TestApp::without_source_limits().await;
        // Before revision 31 of UTS 46, `ẞ` became `ss`.
        let typed = "john@straẞe.example";
        let response = app.try_sign_up("john", typed, PASSWORD).await;
        let user = TestUser {
            id: response.json()["user"]["id"].as_u64().unwrap(),
            username: "john".to_owned(),
            email: typed.to_owned(),
            token: response.token(),
        };
        let tables = app.tables();
        let mut record = tables.user(user.id).await;
        assert_eq!(
            record["email_canonical"]["is"],
            "john@xn--strae-oqa.example"
        );
        record["email_canonical"]["is"] = json!("john@strasse.example");
        tables.put(USERS, &record).await;
        tables
            .delete(USERS, "email#john@xn--strae-oqa.example")
            .await;
        tables
            .put(
                USERS,
                &json!({"pk": "email#john@strasse.example", "id": user.id}),
            )
            .await;
        // The address as it is stored, and its form in ASCII, still belong to the user.
        assert_eq!(
            app.log_in("john@strasse.example", PASSWORD).await.status,
            200
        );
        assert_eq!(app.log_in("john", PASSWORD).await.status, 200);
        let same = app
            .change(&user.token, json!({"email": typed, "first_name": "J"}))
            .await;
        assert_eq!(same.status, 200, "{same:?}");
        assert_eq!(
            tables.user(user.id).await["email_canonical"],
            record["email_canonical"]
        );
        let moved = app
            .change(&user.token, json!({"email": "j@example.com"}))
            .await;
        assert_eq!(moved.status, 200, "{moved:?}");
        app.mail();
        let record = tables.user(user.id).await;
        assert_eq!(record["email_canonical"], Value::Null);
        assert_eq!(tables.item(USERS, "email#john@strasse.example").await, None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn refused_names_that_nobody_has_are_reported() {
        let app = TestApp::without_source_limits().await;
        for names in EARLIER {
            for (field, value) in [("username", names.username), ("email", names.email)] {
                let response = app
                    .post(LOG_IN, &json!({field: value, "password": "x"}))
                    .await;
                assert_eq!(response.field_errors(), [field_error(field, "invalid")]);
                let response = app.post(LOG_IN, &json!({field: value})).await;
                let expected = [
                    field_error(field, "invalid"),
                    field_error("password", "required"),
                ];
                let mut errors = response.field_errors();
                errors.sort();
                let mut expected = expected.to_vec();
                expected.sort();
                assert_eq!(errors, expected);
            }
            let response = app
                .post(RESET_PASSWORD, &json!({"email": names.email}))
                .await;
            assert_eq!(response.field_errors(), [field_error("email", "invalid")]);
        }
        let body = with_current_password(json!({}));
        assert_eq!(app.post(LOG_IN, &body).await.status, 400);
    }
}
