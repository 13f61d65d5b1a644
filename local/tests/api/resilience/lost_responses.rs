//! Writes whose response is lost.

use std::{collections::BTreeSet, time::Duration};

use local::faults::{Gate, MalformedResponse};
use serde_json::{Value, json};

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, WRONG_PASSWORD},
    proxy::{Call, FaultAction},
    scenario::{Scenario, all, all_succeed, is_central_write, succeed, succeed_after},
    signing_keys::{CACHE_SECONDS, PUBLISH_SECONDS, kid, published},
    tables::COUNTERS,
    times::DAY_SECONDS,
};

/// Loses the first response to a single write of `function`, and holds its next attempt until the gate is opened.
fn lose_one(app: &TestApp, function: &'static str) -> Gate {
    let gate = Gate::closed();
    let held = gate.clone();
    let mut lost = None;
    app.proxy.rule(move |call| {
        if call.function != function || call.operation != "UpdateItem" {
            return FaultAction::Forward;
        }
        if lost.is_none() {
            lost = Some(call.body.clone());
            return FaultAction::CutAfter;
        }
        if lost.as_ref() == Some(&call.body) {
            return FaultAction::Hold(held.clone());
        }
        FaultAction::Forward
    });
    gate
}

mod case_38_lost_responses {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lost_response_to_a_write_has_one_effect() {
        all_succeed(is_central_write, FaultAction::CutAfter).await;
        // The first write may also be the counter of the source address.
        all_succeed(Call::is_write, FaultAction::CutAfter).await;
        all_succeed(|call| !call.is_write(), FaultAction::CutAfter).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_failure_with_a_lost_response_counts_once() {
        let Scenario { app, user, .. } = Scenario::start().await;
        for number in 1..=4 {
            app.proxy.first(1, is_central_write, FaultAction::CutAfter);
            assert_eq!(app.log_in("john", "wrong").await.status, 401);
            let record = app.tables().user(user.id).await;
            assert_eq!(record["failures"]["n"], number);
        }
        app.proxy.heal();
        app.token("john", PASSWORD).await;
    }

    /// Each first attempt of a write of a counter is applied, and its response is lost.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_counter_with_lost_responses_counts_once() {
        let app = TestApp::start().await;
        let mut lost = BTreeSet::new();
        app.proxy.rule(move |call| {
            let is_counter = call.is_write() && call.keys()[0].0 == COUNTERS;
            if is_counter && lost.insert(call.body.to_string()) {
                FaultAction::CutAfter
            } else {
                FaultAction::Forward
            }
        });
        app.sign_up("john").await;
        for number in 1..=3 {
            assert_eq!(app.log_in("nobody", WRONG_PASSWORD).await.status, 401);
            // A right password is counted first, and then taken back.
            app.token("john", PASSWORD).await;
            let counters = app.tables().all(COUNTERS).await;
            let count = |kind: &str| {
                let of = |item: &&Value| item["pk"].as_str().unwrap().starts_with(kind);
                let item = counters.iter().find(of).unwrap();
                item.get("count").unwrap_or(&item["failures"]["n"]).clone()
            };
            assert_eq!(count("limit#unknown_name#"), number);
            assert_eq!(count("limit#log_in#"), number);
            assert_eq!(count("limit#sign_up#"), 1);
            assert_eq!(count("limit#mail#"), 1);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_lost_responses_have_one_effect() {
        succeed_after(all(), |scenario| {
            let proxy = &scenario.app.proxy;
            proxy.first(2, is_central_write, FaultAction::CutAfter);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_late_response_has_one_effect() {
        let names = ["sign_up", "change_password", "reset_password_complete"];
        let late = FaultAction::Malform(MalformedResponse::Stalled);
        succeed(names, is_central_write, late).await;
    }

    /// The other change overwrites the last write id before the lost write is retried: whether it was applied is unknown.
    #[tokio::test(flavor = "multi_thread")]
    async fn an_overwritten_change_is_reported_as_ambiguous() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let tables = app.tables();
        let others = [
            (json!({"password": OTHER_PASSWORD}), PASSWORD),
            (json!({"last_name": "Doe"}), OTHER_PASSWORD),
            (json!({"first_name": "Jack"}), OTHER_PASSWORD),
        ];
        for (round, (mut other, password)) in others.into_iter().enumerate() {
            let name = format!("John{round}");
            let before = tables.record_version(user.id).await;
            let gate = lose_one(&app, "update_details");
            let change = json!({"current-password": password, "first_name": name});
            let overwrite = async {
                while tables.user(user.id).await["first_name"] != name {
                    tokio::task::yield_now().await;
                }
                other["current-password"] = json!(password);
                let second = app.update(&user.token, &other).await;
                gate.open();
                second
            };
            let (lost, second) = tokio::join!(app.update(&user.token, &change), overwrite);
            assert_eq!(second.status, 200, "{second:?}");
            lost.assert_unavailable();
            let record = tables.user(user.id).await;
            assert_eq!(record["version"], before + 2, "{other}");
            let expected = other["first_name"].as_str().unwrap_or(&name);
            assert_eq!(record["first_name"], expected);
        }
        assert_eq!(app.mail().subject, "Your Latchkey password was changed");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_followed_by_a_session_write_succeeds() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let tables = app.tables();
        for (round, other) in ["log in", "fail to log in", "log out"]
            .into_iter()
            .enumerate()
        {
            let name = format!("John{round}");
            let token = app.token("john", PASSWORD).await;
            let before = tables.record_version(user.id).await;
            let gate = lose_one(&app, "update_details");
            let change = json!({"current-password": PASSWORD, "first_name": name});
            let overwrite = async {
                while tables.user(user.id).await["first_name"] != name {
                    tokio::task::yield_now().await;
                }
                let second = match other {
                    "log in" => app.log_in("john", PASSWORD).await,
                    "fail to log in" => app.log_in("john", OTHER_PASSWORD).await,
                    _ => app.log_out(&token).await,
                };
                gate.open();
                second
            };
            let (lost, second) = tokio::join!(app.update(&token, &change), overwrite);
            assert!([200, 204, 401].contains(&second.status), "{second:?}");
            assert_eq!(lost.status, 200, "{other}: {lost:?}");
            assert_eq!(lost.json()["first_name"], name);
            assert_eq!(tables.record_version(user.id).await, before + 1);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_out_followed_by_a_log_in_succeeds() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let tables = app.tables();
        let gate = lose_one(&app, "log_out");
        let overwrite = async {
            while tables.user(user.id).await["sessions"] != json!({}) {
                tokio::task::yield_now().await;
            }
            let second = app.log_in("john", PASSWORD).await;
            gate.open();
            second
        };
        let (lost, second) = tokio::join!(app.log_out(&user.token), overwrite);
        assert_eq!(second.status, 200, "{second:?}");
        assert_eq!(lost.status, 204, "{lost:?}");
        assert_eq!(app.log_out(&user.token).await.status, 401);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_key_survives_a_lost_response() {
        let app = TestApp::start().await;
        app.proxy.once("TransactWriteItems", FaultAction::CutAfter);
        let user = app.sign_up("john").await;
        assert_eq!(published(&app).await, [kid(&user.token)]);
        assert_eq!(app.details(&user).await.status, 200);
        app.advance(Duration::from_secs(30 * DAY_SECONDS));
        app.proxy.once("TransactWriteItems", FaultAction::CutAfter);
        let token = app.token("john", PASSWORD).await;
        assert_eq!(kid(&token), kid(&user.token));
        assert_eq!(app.details_with(&user, &token).await.status, 200);
        app.advance(Duration::from_secs(PUBLISH_SECONDS + CACHE_SECONDS));
        let token = app.token("john", PASSWORD).await;
        let both = published(&app).await;
        assert_eq!(both, [kid(&user.token), kid(&token)]);
    }
}
