//! An operator who disables an account while a request of its user is in progress.

use local::faults::Gate;
use reqwest::Method;
use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, ROUNDS, TestApp, TestUser, WRONG_PASSWORD, key_in},
    operator::Operator,
    password_reset::{assert_invalid, hold_completion},
    paths::{REVERT_EMAIL, TOKEN},
    proxy::{Call, FaultAction},
    response::{Response, problem},
    times::DAY,
    token_forge::assert_unauthenticated,
};

/// What the operator does while a call is held.
#[derive(Clone, Copy, Debug)]
enum Act {
    Disable,
    /// Disables the account and enables it again.
    Both,
}

const ACTS: [Act; 2] = [Act::Disable, Act::Both];

impl Act {
    async fn on(self, app: &TestApp, user: &TestUser) {
        let operator = Operator::of(app);
        match self {
            Self::Disable => operator.disable(user.id).await,
            Self::Both => operator.disable_and_enable(user.id).await,
        }
    }
}

/// Sends `request` and lets the operator act while the first call that `choose` selects is held.
fn while_held<'a>(
    (app, user, act): (&'a TestApp, &'a TestUser, Act),
    choose: impl Fn(&Call) -> bool + Send + 'static,
    request: impl Future<Output = Response> + 'a,
) -> impl Future<Output = Response> + 'a {
    let request = Box::pin(request);
    async move {
        let gate = app.proxy.hold(choose);
        let (response, ()) = tokio::join!(request, gate.during(act.on(app, user)));
        app.proxy.heal();
        response
    }
}

fn is_transaction(call: &Call) -> bool {
    call.operation == "TransactWriteItems"
}

async fn app() -> (TestApp, TestUser) {
    let app = TestApp::without_source_limits().await;
    let john = app.sign_up("john").await;
    (app, john)
}

mod case_59_disabled_accounts {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_in_in_progress_leaves_no_session() {
        let (app, john) = app().await;
        let log_in = app.log_in("john", PASSWORD);
        let held = |call: &Call| call.contains(":session");
        let response = while_held((&app, &john, Act::Disable), held, log_in).await;
        assert_eq!(response.problem(), problem(401, "invalid_credentials"));
        let unknown = app.log_in("nobody", PASSWORD).await;
        assert_eq!(response.without_date(), unknown.without_date());
        Operator::of(&app).enable(john.id).await;
        assert_eq!(app.tables().session_count(john.id).await, 0);
    }

    /// The log-in starts over with the enabled account, and its password is right.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_in_may_succeed_after_enabling() {
        let (app, john) = app().await;
        let log_in = app.log_in("john", PASSWORD);
        let held = |call: &Call| call.contains(":session");
        let response = while_held((&app, &john, Act::Both), held, log_in).await;
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(app.tables().session_count(john.id).await, 1);
        assert!(!app.is_live(john.id, &john.token).await);
    }

    /// The write of the session is applied, but its response is lost, and it is sent again after the account was disabled.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_retried_log_in_leaves_no_session() {
        let (app, john) = app().await;
        let gate = Gate::closed();
        let (held, mut attempts) = (gate.clone(), 0);
        app.proxy.rule(move |call| {
            attempts += usize::from(call.contains(":session"));
            match attempts {
                1 if call.contains(":session") => FaultAction::CutAfter,
                2 if call.contains(":session") => FaultAction::Hold(held.clone()),
                _ => FaultAction::Forward,
            }
        });
        let later = gate.during(Act::Disable.on(&app, &john));
        let (response, ()) = tokio::join!(app.log_in("john", PASSWORD), later);
        assert_eq!(response.problem(), problem(401, "invalid_credentials"));
        assert_eq!(app.tables().session_count(john.id).await, 0);
    }

    /// In a deployment that requires a verified address, a right password starts no session but is noted.
    #[tokio::test(flavor = "multi_thread")]
    async fn an_unverified_log_in_in_progress_looks_unknown() {
        let app = TestApp::without_source_limits_and(&[("REQUIRE_VERIFIED_EMAIL", "true")]).await;
        let john = app.sign_up("john").await;
        let log_in = app.log_in("john", PASSWORD);
        let held = |call: &Call| call.operation == "UpdateItem" && call.contains("REMOVE #counter");
        let response = while_held((&app, &john, Act::Disable), held, log_in).await;
        assert_eq!(response.problem(), problem(401, "invalid_credentials"));
        app.server.drain().await;
        assert_eq!(app.confirmations().len(), 1, "only that of the sign-up");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_wrong_password_in_progress_gets_the_same_response() {
        let (app, john) = app().await;
        let log_in = app.log_in("john", WRONG_PASSWORD);
        let held = |call: &Call| call.contains("#counter = :next");
        let response = while_held((&app, &john, Act::Disable), held, log_in).await;
        assert_eq!(response.problem(), problem(401, "invalid_credentials"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_hash_upgrade_in_progress_is_not_stored() {
        let (app, john) = app().await;
        let tables = app.tables();
        // Of the same password with other parameters, made by another app.
        let weaker = shared::domain::password::Params {
            m_cost: 32,
            t_cost: 1,
            p_cost: 1,
        };
        let other = TestApp::with_params(&[], weaker).await;
        let same = other.sign_up("john").await;
        let weak = other.tables().password_hash(same.id).await;
        for act in ACTS {
            tables.set(john.id, "password_hash", &weak).await;
            let held = |call: &Call| call.contains(":password_hash");
            let response = while_held((&app, &john, act), held, app.log_in("john", PASSWORD)).await;
            let hash = tables.password_hash(john.id).await;
            match act {
                Act::Disable => {
                    assert_eq!((response.status, &hash), (401, &weak));
                    Operator::of(&app).enable(john.id).await;
                }
                // The log-in started over.
                Act::Both => {
                    assert_eq!(response.status, 200);
                    assert_ne!(hash, weak);
                }
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_in_progress_is_not_applied() {
        for act in ACTS {
            for (change, expected) in [
                (json!({"first_name": "Mallory"}), ":first_name"),
                (json!({"password": OTHER_PASSWORD}), ":first_name"),
                (json!({"email": "new@example.com"}), ":first_name"),
                // Changes nothing but the counter of wrong passwords.
                (json!({"first_name": ""}), "REMOVE #counter"),
            ] {
                let (app, john) = app().await;
                let update = app.change(&john.token, change.clone());
                let held = move |call: &Call| call.contains(expected);
                let response = while_held((&app, &john, act), held, update).await;
                assert_unauthenticated(&response, &format!("{act:?}, {change}"));
                let record = app.tables().user(john.id).await;
                assert_eq!(
                    (&record["first_name"], &record["email"]),
                    (&json!(""), &json!("john@example.com"))
                );
                if matches!(act, Act::Both) {
                    app.token("john", PASSWORD).await;
                }
                app.tables().check_users().await;
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_out_in_progress_finds_no_session() {
        for act in ACTS {
            let (app, john) = app().await;
            let held = |call: &Call| call.contains("REMOVE #sessions");
            let response = while_held((&app, &john, act), held, app.log_out(&john.token)).await;
            assert_unauthenticated(&response, &format!("{act:?}"));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_completion_in_progress_sets_no_password() {
        for act in ACTS {
            let (app, john) = app().await;
            let token = app.reset_token(&john.email).await;
            let gate = hold_completion(&app);
            let completion = app.complete(&token, OTHER_PASSWORD);
            let (response, ()) = tokio::join!(completion, gate.during(act.on(&app, &john)));
            assert_invalid(&response);
            assert_eq!(app.log_in("john", OTHER_PASSWORD).await.status, 401);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_confirmation_in_progress_verifies_nothing() {
        let (app, john) = app().await;
        let key = app.confirmation_key(&john.email);
        let confirm = app.confirm_with(&key);
        let response = while_held((&app, &john, Act::Disable), is_transaction, confirm).await;
        response.assert_invalid_token();
        let record = app.tables().user(john.id).await;
        assert_eq!(record.get("email_verified"), None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reversion_in_progress_changes_nothing() {
        let (app, john) = app().await;
        app.confirm(&john).await;
        let change = json!({"email": "thief@example.com"});
        assert_eq!(app.change(&john.token, change).await.status, 200);
        let key = key_in(&app.mail());
        let body = json!({
            "key": key, "new_password": OTHER_PASSWORD, "password_confirmation": OTHER_PASSWORD,
        });
        let revert = app.post(REVERT_EMAIL, &body);
        let response = while_held((&app, &john, Act::Disable), is_transaction, revert).await;
        response.assert_invalid_token();
        let record = app.tables().user(john.id).await;
        assert_eq!(record["email"], "thief@example.com");
        app.tables().check_users().await;
    }

    /// The address is changed between the operator's read and write: the marker of the new one must say so, too.
    #[tokio::test(flavor = "multi_thread")]
    async fn disabling_wins_over_a_change_of_address() {
        let (app, john) = app().await;
        let operator = Operator::of(&app);
        for round in 0..ROUNDS {
            let token = app.token("john", PASSWORD).await;
            let email = format!("john{round}@example.com");
            let change = json!({"email": email});
            let disabling = operator.disable(john.id);
            let (changed, ()) = tokio::join!(app.change(&token, change), disabling);
            assert!([200, 401].contains(&changed.status), "{changed:?}");
            assert_unauthenticated(&app.details_with(&john, &token).await, "disabled");
            let record = app.tables().user(john.id).await;
            let address = record["email"].as_str().unwrap();
            assert_eq!(address == email, changed.status == 200);
            assert_eq!(app.request_reset(address).await.status, 404);
            app.tables().check_users().await;
            operator.enable(john.id).await;
        }
        app.server.drain().await;
        app.unread_mails();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_session_outlives_the_disabling() {
        let (app, john) = app().await;
        let operator = Operator::of(&app);
        for _ in 0..ROUNDS {
            // A log-in that comes too late counts as one with an unknown name.
            app.advance(DAY);
            let (signed_in, ()) =
                tokio::join!(app.log_in("john", PASSWORD), operator.disable(john.id));
            assert!([200, 401].contains(&signed_in.status), "{signed_in:?}");
            assert_eq!(app.tables().session_count(john.id).await, 0);
            operator.enable(john.id).await;
            if signed_in.status == 200 {
                let token = signed_in.token();
                let request = app.request(Method::POST, TOKEN);
                let request = request.header("authorization", format!("Bearer {token}"));
                assert_unauthenticated(&app.send(request).await, "enabled again");
            }
        }
    }
}
