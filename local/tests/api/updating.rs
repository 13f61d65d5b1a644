//! `PATCH /api/users/update_details`: families 11–19.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    app::{OTHER_PASSWORD, PASSWORD, SessionResponse, TestApp, fault, problem},
    tables::Tables,
};

/// The body with the right current password.
fn body(mut fields: Value) -> Value {
    fields["current-password"] = json!(PASSWORD);
    fields
}

/// Sends `fields` with the right current password, which must be refused and change nothing.
async fn refused(app: &TestApp, user: &SessionResponse, fields: Value) -> Vec<(String, String)> {
    let before = Tables::of(app).user(user.id).await;
    let faults = app.update(&user.token, &body(fields)).await.faults();
    assert_eq!(Tables::of(app).user(user.id).await, before);
    faults
}

#[tokio::test(flavor = "multi_thread")]
async fn names_change_and_the_whole_user_comes_back() {
    let app = TestApp::start().await;
    let user = app.sign_up("jc123").await;
    let answer = app
        .update(
            &user.token,
            &body(json!({"first_name": "John", "last_name": "Doe"})),
        )
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.json(),
        json!({
            "id": user.id, "username": "jc123", "email": "jc123@example.com", "first_name": "John",
            "last_name": "Doe", "is_superuser": false, "date_joined": "2026-01-31T12:00:00Z",
        })
    );
    assert_eq!(app.details(&user).await.json(), answer.json());
}

mod case_11_current_password {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_current_password_must_be_there_and_right() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let before = Tables::of(&app).user(user.id).await;
        let update = async |fields: Value| app.update(&user.token, &fields).await.fault();
        let name = "first_name";
        assert_eq!(
            update(json!({name: "J"})).await,
            fault("current-password", "required")
        );
        assert_eq!(
            update(json!({name: "J", "current-password": null})).await,
            fault("current-password", "invalid")
        );
        assert_eq!(
            update(json!({name: "J", "current-password": 12_345_678})).await,
            fault("current-password", "invalid")
        );
        let underscore = json!({name: "J", "current_password": PASSWORD});
        let faults = app.update(&user.token, &underscore).await.faults();
        assert_eq!(
            faults,
            [
                fault("current-password", "required"),
                fault("current_password", "unknown_field")
            ]
        );
        assert_eq!(Tables::of(&app).user(user.id).await, before);
        for wrong in [
            "",
            "wrong horse battery staple",
            "Correct horse battery staple",
            "correct horse battery staple ",
        ] {
            assert_eq!(
                update(json!({name: "J", "current-password": wrong})).await,
                fault("current-password", "incorrect")
            );
        }
        assert_eq!(app.details(&user).await.json()["first_name"], "");
    }
}

mod case_12_foreign_fields {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_cannot_be_changed_is_refused_by_name_and_ones_own_values_are_not() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        assert_eq!(
            refused(&app, &user, json!({"first_name": "J", "id": user.id + 1})).await,
            [fault("id", "read_only")]
        );
        for (field, value) in [
            ("username", "other"),
            ("date_joined", "2020-01-01T00:00:00Z"),
            ("id", "1"),
        ] {
            assert_eq!(
                refused(&app, &user, json!({"first_name": "J", field: value})).await,
                [fault(field, "read_only")]
            );
        }
        for field in [
            "password_hash",
            "version",
            "sessions",
            "credentials",
            "__proto__",
            "pk",
            "email_verified",
        ] {
            let faults = refused(&app, &user, json!({"first_name": "J", field: "x"})).await;
            assert_eq!(faults, [fault(field, "unknown_field")]);
        }
        // A name that is no name is not repeated.
        assert_eq!(
            refused(&app, &user, json!({"first_name": "J", "<script>": 1})).await,
            [fault("", "unknown_field")]
        );
        let own = json!({"id": user.id, "username": "john", "date_joined": "2026-01-31T12:00:00Z", "first_name": "J"});
        assert_eq!(app.update(&user.token, &body(own)).await.status, 200);
        let only_own = json!({"id": user.id, "username": "john"});
        assert_eq!(
            refused(&app, &user, only_own).await,
            [fault("", "nothing_to_change")]
        );
        assert_eq!(
            refused(&app, &user, json!({})).await,
            [fault("", "nothing_to_change")]
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nobody_makes_themselves_a_superuser_but_superusers_can_be_made_and_unmade() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let answer = app
            .update(
                &user.token,
                &body(json!({"is_superuser": true, "first_name": "John"})),
            )
            .await;
        assert_eq!(answer.problem(), problem(403, "forbidden"));
        assert_eq!(app.details(&user).await.json()["first_name"], "");
        // Asking for what is so already changes nothing and is fine.
        assert_eq!(
            app.update(&user.token, &body(json!({"is_superuser": false})))
                .await
                .status,
            200
        );
        Tables::of(&app).make_superuser(user.id).await;
        let answer = app
            .update(&user.token, &body(json!({"is_superuser": false})))
            .await;
        assert_eq!(
            (answer.status, &answer.json()["is_superuser"]),
            (200, &json!(false))
        );
        assert_eq!(
            refused(&app, &user, json!({"is_superuser": "true"})).await,
            [fault("is_superuser", "invalid")]
        );
    }
}

mod case_13_good_beside_bad {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_good_field_beside_a_bad_one_is_not_applied() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let fields = json!({"first_name": "John", "email": "not an address", "last_name": "a\nb"});
        let faults = refused(&app, &user, fields).await;
        assert_eq!(
            faults,
            [fault("email", "invalid"), fault("last_name", "invalid")]
        );
    }
}

mod case_14_new_passwords {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_password_must_be_long_enough_uncommon_and_not_ones_own_name() {
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
                refused(&app, &user, json!({"password": password})).await,
                [fault("password", code)],
                "{password:?}"
            );
        }
        let long = "pq".repeat(64);
        assert_eq!(
            refused(&app, &user, json!({"password": format!("{long}x")})).await,
            [fault("password", "too_long")]
        );
        let wide = "\u{1f511}".repeat(128);
        assert_eq!(
            refused(&app, &user, json!({"password": format!("{wide}x")})).await,
            [fault("password", "too_long")]
        );
        // Also of names that are changed in the same request.
        let fields = json!({"first_name": "Bartholomew", "password": "bartholomew99"});
        assert_eq!(
            refused(&app, &user, fields).await,
            [fault("password", "too_similar")]
        );
        let fields = json!({"email": "quetzalcoatl@example.org", "password": "quetzalcoatl1"});
        assert_eq!(
            refused(&app, &user, fields).await,
            [fault("password", "too_similar")]
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
    async fn the_present_password_is_no_change_whatever_the_rules_say_by_now() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let name = json!({"first_name": "Correct Horse", "last_name": "Battery Staple"});
        assert_eq!(app.update(&user.token, &body(name)).await.status, 200);
        assert_eq!(
            app.update(&user.token, &body(json!({"password": PASSWORD})))
                .await
                .status,
            200
        );
        // Names of several words, typed as one.
        for password in [
            "correcthorse1",
            "batterystaple",
            "correcthorsebatterystaple",
        ] {
            let faults = refused(&app, &user, json!({"password": password})).await;
            assert_eq!(faults, [fault("password", "too_similar")], "{password}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn composed_and_decomposed_letters_are_one_password() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        app.update(&user.token, &body(json!({"password": "caf\u{e9} au lait"})))
            .await;
        app.mail();
        app.token("john", "cafe\u{301} au lait").await;
    }
}

mod case_19_guessing_with_a_token {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_right_password_ends_the_count_even_if_it_changes_nothing() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let same = body(json!({"first_name": ""}));
        for _ in 0..3 {
            for _ in 0..4 {
                let wrong = json!({"current-password": "a wrong guess", "first_name": "J"});
                assert_eq!(app.update(&user.token, &wrong).await.status, 400);
            }
            assert_eq!(app.update(&user.token, &same).await.status, 200);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn guessing_the_current_password_with_a_stolen_token_is_stopped_after_five() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let guess = json!({"current-password": "a wrong guess", "first_name": "J"});
        for _ in 0..5 {
            assert_eq!(
                app.update(&user.token, &guess).await.fault(),
                fault("current-password", "incorrect")
            );
        }
        let answer = app
            .update(&user.token, &body(json!({"first_name": "J"})))
            .await;
        assert_eq!(answer.problem(), problem(429, "too_many_requests"));
        // Both doors count together.
        assert_eq!(app.log_in("john", PASSWORD).await.status, 429);
        app.advance(Duration::from_secs(2));
        assert_eq!(
            app.update(&user.token, &body(json!({"first_name": "J"})))
                .await
                .status,
            200
        );
        assert_eq!(app.log_in("john", PASSWORD).await.status, 200);
    }
}

mod case_05_ended_sessions {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_password_ends_every_other_session_and_tells_the_user() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let other = app.token("john", PASSWORD).await;
        let answer = app
            .update(&user.token, &body(json!({"password": OTHER_PASSWORD})))
            .await;
        assert_eq!(answer.status, 200);
        let mail = app.mail();
        assert_eq!(
            (mail.to.as_slice(), mail.subject.as_str()),
            (
                ["john@example.com".to_owned()].as_slice(),
                "Your Latchkey password was changed"
            )
        );
        assert_eq!(app.details(&user).await.status, 200);
        assert_eq!(app.log_out(&other).await.status, 401);
        assert_eq!(app.log_in("john", PASSWORD).await.status, 401);
        app.token("john", OTHER_PASSWORD).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_values_that_are_there_already_write_nothing_and_mail_nothing() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    app.proxy.calls();
    let same = json!({"email": "john@example.com", "first_name": "", "password": PASSWORD, "is_superuser": false});
    assert_eq!(app.update(&user.token, &body(same)).await.status, 200);
    assert!(app.proxy.calls().iter().all(|call| !call.is_write()));
}

mod case_18_changes_at_once {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_address_is_in_force_at_once_and_frees_the_old_one() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let answer = app
            .update(&user.token, &body(json!({"email": " Johnny@New.example "})))
            .await;
        assert_eq!(
            (answer.status, &answer.json()["email"]),
            (200, &json!("Johnny@New.example"))
        );
        let mail = app.mail();
        assert_eq!(
            (mail.to.as_slice(), mail.subject.as_str()),
            (
                ["john@example.com".to_owned()].as_slice(),
                "Your Latchkey e-mail address was changed"
            )
        );
        app.token("johnny@new.example", PASSWORD).await;
        assert_eq!(app.log_in("john@example.com", PASSWORD).await.status, 401);
        let taken = json!({"username": "second", "email": "JOHNNY@new.example", "password": OTHER_PASSWORD});
        assert_eq!(
            app.post("/auth/signup", &taken).await.fault(),
            fault("email", "taken")
        );
        let freed =
            json!({"username": "second", "email": "john@example.com", "password": OTHER_PASSWORD});
        assert_eq!(app.post("/auth/signup", &freed).await.status, 201);
        // The address of somebody else is refused, and what else the request asked for with it.
        assert_eq!(
            refused(
                &app,
                &user,
                json!({"email": "JOHN@example.com", "first_name": "X"})
            )
            .await,
            [fault("email", "taken")]
        );
    }
}

mod case_16_addresses {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn another_spelling_of_ones_own_address_is_shown_and_tells_nobody() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let answer = app
            .update(&user.token, &body(json!({"email": "JOHN@Example.com"})))
            .await;
        assert_eq!(
            (answer.status, &answer.json()["email"]),
            (200, &json!("JOHN@Example.com"))
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_domain_in_three_spellings_is_one_account() {
        let app = TestApp::start().await;
        let sign_up = async |name: &str, email: &str| {
            let body = json!({"username": name, "email": email, "password": PASSWORD});
            app.post("/auth/signup", &body).await
        };
        assert_eq!(sign_up("first", "jo@b\u{fc}cher.example").await.status, 201);
        for email in [
            "jo@B\u{dc}CHER.example",
            "JO@xn--bcher-kva.example",
            "jo@bu\u{308}cher.EXAMPLE",
        ] {
            assert_eq!(
                sign_up("second", email).await.fault(),
                fault("email", "taken"),
                "{email}"
            );
            app.token(email, PASSWORD).await;
        }
    }
}

mod case_15_names {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn names_are_kept_as_typed_unless_they_could_deceive() {
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
            let answer = app
                .update(
                    &user.token,
                    &body(json!({"first_name": name, "last_name": "x"})),
                )
                .await;
            assert_eq!(
                (answer.status, &answer.json()["first_name"]),
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
                refused(&app, &user, json!({"first_name": name})).await,
                [fault("first_name", "invalid")],
                "{name:?}"
            );
        }
        assert_eq!(
            refused(&app, &user, json!({"last_name": "x".repeat(151)})).await,
            [fault("last_name", "too_long")]
        );
        assert_eq!(
            refused(&app, &user, json!({"last_name": "\u{1f600}".repeat(76)})).await,
            [fault("last_name", "too_long")]
        );
    }
}
