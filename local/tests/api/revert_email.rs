//! `POST /auth/revert_email`: the owner of a verified former address takes the account back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, THIRD_PASSWORD, TestApp, TestUser, key_in, with_password},
    paths::REVERT_EMAIL,
    response::{Response, field_error, problem},
    times::DAY,
};

/// The password that the owner chooses when taking the account back.
const OWNERS: &str = "nine green locomotives";

async fn revert(app: &TestApp, key: &str, password: &str) -> Response {
    let body = json!({"key": key, "new_password": password, "password_confirmation": password});
    app.post(REVERT_EMAIL, &body).await
}

fn assert_rejected(response: &Response) {
    assert_eq!(response.problem(), problem(400, "invalid_token"));
    assert_eq!(
        response.json()["detail"],
        "This link is invalid or has expired."
    );
    let expected =
        json!([{"field": "key", "code": "invalid", "message": "is invalid or has expired"}]);
    assert_eq!(response.json()["errors"], expected);
}

/// Signs up and confirms the address.
async fn owner(app: &TestApp, name: &str) -> TestUser {
    let user = app.sign_up(name).await;
    app.confirm(&user).await;
    user
}

/// Changes the address and returns the key of the link in the notice, if it has one.
async fn change_address(
    app: &TestApp,
    user: &TestUser,
    password: &str,
    email: &str,
) -> Option<String> {
    let change = with_password(password, json!({"email": email}));
    let response = app.update(&user.token, &change).await;
    assert_eq!(response.status, 200, "{response:?}");
    let notice = app.mail();
    notice.text.contains("?key=").then(|| key_in(&notice))
}

/// Signs John up, and moves the account from his confirmed address to `email`. Returns the key of the link in the notice.
async fn moved(app: &TestApp, email: &str) -> (TestUser, String) {
    let john = owner(app, "john").await;
    let key = change_address(app, &john, PASSWORD, email).await;
    (john, key.unwrap())
}

/// Takes the account back by the link with this key.
async fn take_back(app: &TestApp, user: &TestUser, key: &str) {
    assert_eq!(revert(app, key, OWNERS).await.status, 201);
    app.mail();
    assert_owned(app, user).await;
}

/// Checks that a new user can have the address.
async fn assert_free(app: &TestApp, username: &str, email: &str) {
    let response = app.try_sign_up(username, email, PASSWORD).await;
    assert_eq!(response.status, 201, "{response:?}");
}

/// Checks that no new user can have the address.
async fn assert_reserved(app: &TestApp, email: &str) {
    let taken = app.try_sign_up("other", email, PASSWORD).await;
    assert_eq!(taken.field_errors(), [field_error("email", "taken")]);
}

async fn details(app: &TestApp, token: &str, id: u64) -> Value {
    app.get(&format!("/api/users/{id}"), token).await.json()
}

/// Checks that the owner has the account, at the address `name@example.com` and with [`OWNERS`].
async fn assert_owned(app: &TestApp, user: &TestUser) {
    let token = app.token(&user.email, OWNERS).await;
    let details = details(app, &token, user.id).await;
    assert_eq!(
        (&details["email"], &details["email_verified"]),
        (&json!(user.email), &json!(true))
    );
    assert!(
        !app.is_live(user.id, &user.token).await,
        "a session of the thief is alive"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_takes_the_account_back() {
    let app = TestApp::start().await;
    let john = owner(&app, "john").await;
    let both = json!({"email": "thief@example.com", "password": OTHER_PASSWORD});
    let stolen = app
        .update(&john.token, &with_password(PASSWORD, both))
        .await;
    assert_eq!(stolen.status, 200);
    let notices = app.unread_mails();
    let notice = notices
        .iter()
        .find(|mail| mail.text.contains("?key="))
        .unwrap();
    assert_eq!(notice.to, ["john@example.com"]);
    assert_eq!(notice.subject, "Your Latchkey e-mail address was changed");
    assert!(
        notice
            .text
            .contains("The link expires in 7 days and works once."),
        "{}",
        notice.text
    );
    assert!(!format!("{notices:?}").contains("thief"));
    let key = key_in(notice);
    assert!(
        notice
            .text
            .contains(&format!("http://localhost:3000/revert_email?key={key}"))
    );
    let response = revert(&app, &key, OWNERS).await;
    assert_eq!(response.status, 201, "{response:?}");
    let detail = "The account has its former address again. Log in with the new password.";
    assert_eq!(response.json(), json!({"detail": detail}));
    assert_eq!(app.mail().to, ["john@example.com"]);
    assert_owned(&app, &john).await;
    assert_eq!(app.log_in("john", OTHER_PASSWORD).await.status, 401);
    assert_eq!(
        app.log_in("thief@example.com", OTHER_PASSWORD).await.status,
        401
    );
    // The thief's address is free again.
    assert_free(&app, "other", "thief@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unverified_address_gets_no_link_and_is_free() {
    let app = TestApp::start().await;
    let john = app.sign_up("john").await;
    assert_eq!(
        change_address(&app, &john, PASSWORD, "new@example.com").await,
        None
    );
    assert_free(&app, "other", "john@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_page_no_link_is_sent_and_nothing_reserved() {
    let app = TestApp::with_settings(&[("REVERT_LINK_BASE", "")]).await;
    let john = owner(&app, "john").await;
    assert_eq!(
        change_address(&app, &john, PASSWORD, "new@example.com").await,
        None
    );
    assert_free(&app, "other", "john@example.com").await;
}

mod case_56_revert_links {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_works_once() {
        let app = TestApp::start().await;
        let (john, key) = moved(&app, "b@example.com").await;
        let (one, other) = tokio::join!(revert(&app, &key, OWNERS), revert(&app, &key, OWNERS));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 400]);
        assert_rejected(&revert(&app, &key, THIRD_PASSWORD).await);
        app.mail();
        assert_owned(&app, &john).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_and_its_reservation_end_after_seven_days() {
        let app = TestApp::without_source_limits().await;
        let (_, key) = moved(&app, "b@example.com").await;
        app.advance(Duration::from_secs(7 * 24 * 3600 - 1));
        assert_reserved(&app, "john@example.com").await;
        app.advance(Duration::from_secs(1));
        assert_rejected(&revert(&app, &key, OWNERS).await);
        assert_free(&app, "other", "john@example.com").await;
        app.token("other", PASSWORD).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_is_valid_in_its_last_second() {
        let app = TestApp::start().await;
        let (john, key) = moved(&app, "b@example.com").await;
        app.advance(Duration::from_secs(7 * 24 * 3600 - 1));
        take_back(&app, &john, &key).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_invalid_form_does_not_consume_the_link() {
        let app = TestApp::start().await;
        let (_, key) = moved(&app, "b@example.com").await;
        for (password, confirmation, field, code) in [
            ("short", "short", "new_password", "too_short"),
            (OWNERS, PASSWORD, "password_confirmation", "mismatch"),
            (
                "john@example.com",
                "john@example.com",
                "new_password",
                "too_similar",
            ),
        ] {
            let body = json!({"key": key, "new_password": password, "password_confirmation": confirmation});
            let response = app.post(REVERT_EMAIL, &body).await;
            assert_eq!(response.field_errors(), [field_error(field, code)]);
        }
        assert_eq!(revert(&app, &key, OWNERS).await.status, 201);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn other_texts_are_rejected_like_unknown_links() {
        let app = TestApp::start().await;
        let (_, key) = moved(&app, "b@example.com").await;
        let (id, secret) = key.split_once('-').unwrap();
        let reset = app.reset_token("b@example.com").await;
        let confirmation = app.confirmation_key("b@example.com");
        for other in [
            String::new(),
            key.to_uppercase(),
            format!("{id}-{}", "0".repeat(40)),
            format!("1-{secret}"),
            reset.clone(),
            confirmation.clone(),
        ] {
            assert_rejected(&revert(&app, &other, OWNERS).await);
        }
        assert_eq!(app.complete(&key, OWNERS).await.status, 400);
        assert_eq!(app.confirm_with(&key).await.status, 400);
        let items = format!("{:?}", app.tables().snapshot().await);
        assert!(items.contains("revert#") && !items.contains(secret));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn links_of_the_thief_are_invalid_afterwards() {
        let app = TestApp::start().await;
        let (john, key) = moved(&app, "thief@example.com").await;
        let reset = app.reset_token("thief@example.com").await;
        let confirmation = app.confirmation_key("thief@example.com");
        assert_eq!(revert(&app, &key, OWNERS).await.status, 201);
        app.mail();
        assert_eq!(app.complete(&reset, OTHER_PASSWORD).await.status, 400);
        assert_eq!(app.confirm_with(&confirmation).await.status, 400);
        assert_owned(&app, &john).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_changed_record_is_read_again() {
        let app = TestApp::start().await;
        let (john, key) = moved(&app, "b@example.com").await;
        for round in 0..10 {
            let rename = with_password(PASSWORD, json!({"first_name": format!("Thief {round}")}));
            let (reverted, _) =
                tokio::join!(revert(&app, &key, OWNERS), app.update(&john.token, &rename));
            if reverted.status == 201 {
                app.mail();
                assert_owned(&app, &john).await;
                return;
            }
            assert_eq!(reverted.status, 503, "{reverted:?}");
        }
        panic!("never reverted");
    }
}

mod case_48_mails_to_one_address {
    use super::*;

    /// A thief who changes the password again and again cannot keep the link from the owner.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_revert_link_is_sent_beyond_the_limit() {
        let app = TestApp::with_settings(&[("LIMIT_MAILS_PER_DAY", "6")]).await;
        let john = owner(&app, "john").await;
        let change = json!({"password": OTHER_PASSWORD});
        assert_eq!(app.change(&john.token, change).await.status, 200);
        assert!(app.unread_mails().is_empty(), "a notice beyond the limit");
        let key = change_address(&app, &john, OTHER_PASSWORD, "thief@example.com").await;
        assert_eq!(revert(&app, &key.unwrap(), OWNERS).await.status, 201);
        app.unread_mails();
        assert_owned(&app, &john).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_revert_link_outlives_a_day_without_mail() {
        let app = TestApp::start().await;
        let john = owner(&app, "john").await;
        app.server.enable_mappings(false);
        let change = json!({"email": "thief@example.com"});
        assert_eq!(app.change(&john.token, change).await.status, 200);
        app.advance(DAY + Duration::from_hours(1));
        app.server.enable_mappings(true);
        app.server.drain().await;
        assert_eq!(revert(&app, &key_in(&app.mail()), OWNERS).await.status, 201);
        app.mail();
        assert_owned(&app, &john).await;
    }
}

mod case_57_reserved_addresses {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reserved_address_is_no_name_of_the_account() {
        let app = TestApp::without_source_limits().await;
        moved(&app, "b@example.com").await;
        assert_eq!(app.log_in("john@example.com", PASSWORD).await.status, 401);
        assert_eq!(app.request_reset("john@example.com").await.status, 404);
        let jane = app.sign_up("jane").await;
        let change = with_password(PASSWORD, json!({"email": "john@example.com"}));
        let taken = app.update(&jane.token, &change).await;
        assert_eq!(taken.field_errors(), [field_error("email", "taken")]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn its_own_account_can_return_to_it() {
        let app = TestApp::without_source_limits().await;
        let (john, key) = moved(&app, "b@example.com").await;
        assert_eq!(
            change_address(&app, &john, PASSWORD, &john.email).await,
            None
        );
        app.token("john@example.com", PASSWORD).await;
        // Away again: the address was not confirmed since, but its first link still works.
        assert_eq!(
            change_address(&app, &john, PASSWORD, "c@example.com").await,
            None
        );
        assert_reserved(&app, "john@example.com").await;
        take_back(&app, &john, &key).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_reverts_later_links_and_no_earlier_ones() {
        let app = TestApp::without_source_limits().await;
        let (john, first) = moved(&app, "b@example.com").await;
        let confirmation = app.confirmation_key("b@example.com");
        assert_eq!(app.confirm_with(&confirmation).await.status, 200);
        let second = change_address(&app, &john, PASSWORD, "c@example.com")
            .await
            .unwrap();
        // The holder of the second address uses the link there.
        assert_eq!(revert(&app, &second, OTHER_PASSWORD).await.status, 201);
        app.mail();
        app.token("b@example.com", OTHER_PASSWORD).await;
        assert_free(&app, "other", "c@example.com").await;
        // The first owner still wins, and ends the second link.
        take_back(&app, &john, &first).await;
        assert_rejected(&revert(&app, &second, OTHER_PASSWORD).await);
        assert_free(&app, "next", "b@example.com").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn twenty_addresses_at_most_are_reserved() {
        let app = TestApp::without_source_limits().await;
        let john = owner(&app, "john").await;
        for number in 0..20 {
            let email = format!("a{number}@example.com");
            change_address(&app, &john, PASSWORD, &email).await.unwrap();
            let key = app.confirmation_key(&email);
            assert_eq!(app.confirm_with(&key).await.status, 200);
        }
        let change = with_password(PASSWORD, json!({"email": "last@example.com"}));
        let refused = app.update(&john.token, &change).await;
        assert_eq!(refused.throttled_seconds(), 7 * 24 * 3600);
        app.advance(7 * DAY);
        assert_eq!(app.update(&john.token, &change).await.status, 200);
        app.mail();
        // The expired reservations are gone with the change.
        let markers = format!("{:?}", app.tables().snapshot().await);
        assert!(!markers.contains("email#a0@") && markers.contains("email#a19@"));
    }
}

mod case_58_thieves {
    use super::*;

    /// What a thief who knows the password can do.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        MoveToB,
        MoveToC,
        Return,
        Confirm,
        ChangePassword,
        Reset,
        LogInAgain,
    }

    const STEPS: [Step; 7] = [
        Step::MoveToB,
        Step::MoveToC,
        Step::Return,
        Step::Confirm,
        Step::ChangePassword,
        Step::Reset,
        Step::LogInAgain,
    ];

    /// The thief's state: session, password and address.
    struct Thief {
        token: String,
        password: String,
        email: String,
        passwords: u32,
    }

    impl Thief {
        fn next_password(&mut self) -> String {
            self.passwords += 1;
            format!("{} yellow bicycles ride", self.passwords)
        }

        async fn take(&mut self, app: &TestApp, user: &TestUser, step: Step) {
            match step {
                Step::MoveToB => self.move_to(app, "b@example.com").await,
                Step::MoveToC => self.move_to(app, "c@example.com").await,
                Step::Return => self.move_to(app, &user.email).await,
                Step::Confirm if self.email != user.email => {
                    let keys = app.confirmations();
                    let newest = keys.iter().rfind(|mail| mail.to == [self.email.as_str()]);
                    if let Some(mail) = newest {
                        app.confirm_with(&key_in(mail)).await;
                    }
                }
                Step::ChangePassword => {
                    let new = self.next_password();
                    let change = with_password(&self.password, json!({"password": new}));
                    assert_eq!(app.update(&self.token, &change).await.status, 200);
                    self.password = new;
                }
                Step::Reset if self.email != user.email => {
                    app.unread_mails();
                    app.advance(Duration::from_mins(3));
                    let key = app.reset_token(&self.email).await;
                    self.password = self.next_password();
                    assert_eq!(app.complete(&key, &self.password).await.status, 201);
                    self.token = app.token(&user.username, &self.password).await;
                }
                // The owner's mailbox is not the thief's.
                Step::Confirm | Step::Reset => {}
                Step::LogInAgain => {
                    self.token = app.token(&user.username, &self.password).await;
                }
            }
        }

        async fn move_to(&mut self, app: &TestApp, email: &str) {
            let change = with_password(&self.password, json!({"email": email}));
            let response = app.update(&self.token, &change).await;
            assert_eq!(response.status, 200, "{response:?}");
            email.clone_into(&mut self.email);
        }
    }

    /// The key of the first revert link to the owner.
    fn owners_key(app: &TestApp, user: &TestUser, key: &mut Option<String>) {
        for mail in app.unread_mails() {
            if key.is_none() && mail.to == [user.email.as_str()] && mail.text.contains("?key=") {
                *key = Some(key_in(&mail));
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_owner_gets_the_account_back_in_every_order() {
        let app = TestApp::without_source_limits().await;
        let orders = STEPS
            .iter()
            .flat_map(|second| STEPS.map(|third| [Step::MoveToB, *second, third]));
        for (number, steps) in orders.enumerate() {
            let john = owner(&app, &format!("john{number}")).await;
            // So that addresses are free for the next order.
            app.advance(Duration::from_secs(1));
            let mut thief = Thief {
                token: app.token(&john.username, PASSWORD).await,
                password: PASSWORD.to_owned(),
                email: john.email.clone(),
                passwords: 0,
            };
            let mut key = None;
            for step in steps {
                thief.take(&app, &john, step).await;
                owners_key(&app, &john, &mut key);
            }
            let key = key.unwrap();
            app.advance(DAY);
            let response = revert(&app, &key, OWNERS).await;
            assert_eq!(response.status, 201, "{steps:?}: {response:?}");
            app.unread_mails();
            assert_owned(&app, &john).await;
            assert!(!app.is_live(john.id, &thief.token).await, "{steps:?}");
            let log_in = app.log_in(&john.username, &thief.password).await;
            assert_eq!(log_in.status, 401, "{steps:?}");
            for address in ["b@example.com", "c@example.com"] {
                assert_eq!(app.request_reset(address).await.status, 404, "{steps:?}");
            }
            app.confirmations();
        }
    }
}
