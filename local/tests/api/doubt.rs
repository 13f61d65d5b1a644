//! Family 38 at its hardest: the answer to a change is lost, and before it is asked again another write puts its own
//! name over it. Whether it took place can then not be known.

use serde_json::json;

use crate::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, problem},
    proxy::{Fate, Gate},
    tables::Tables,
};

/// Loses the first answer to a single write of `function`, and holds the next try back until the gate is opened.
fn lose_one(app: &TestApp, function: &'static str) -> Gate {
    let gate = Gate::closed();
    let held = gate.clone();
    let mut lost = None;
    app.proxy.rule(move |call| {
        if call.function != function || call.operation != "UpdateItem" {
            return Fate::Pass;
        }
        if lost.is_none() {
            lost = Some(call.body.clone());
            return Fate::CutAfter;
        }
        if lost.as_ref() == Some(&call.body) {
            return Fate::Hold(held.clone());
        }
        Fate::Pass
    });
    gate
}

mod case_38_lost_answers {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_that_another_one_hides_is_not_told_wrongly_and_not_made_twice() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let tables = Tables::of(&app);
        let others = [
            (json!({"password": OTHER_PASSWORD}), PASSWORD),
            (json!({"last_name": "Doe"}), OTHER_PASSWORD),
            (json!({"first_name": "Jack"}), OTHER_PASSWORD),
        ];
        for (round, (mut other, password)) in others.into_iter().enumerate() {
            let name = format!("John{round}");
            let before = tables.user(user.id).await["version"].as_u64().unwrap();
            let gate = lose_one(&app, "update_details");
            let change = json!({"current-password": password, "first_name": name});
            let hide = async {
                while tables.user(user.id).await["first_name"] != name {
                    tokio::task::yield_now().await;
                }
                other["current-password"] = json!(password);
                let hiding = app.update(&user.token, &other).await;
                gate.open();
                hiding
            };
            let (lost, hiding) = tokio::join!(app.update(&user.token, &change), hide);
            assert_eq!(hiding.status, 200, "{hiding:?}");
            assert_eq!(lost.problem(), problem(503, "unavailable"), "{other}");
            assert!(lost.header("retry-after").is_some());
            let record = tables.user(user.id).await;
            assert_eq!(record["version"], before + 2, "{other}");
            let expected = other["first_name"].as_str().unwrap_or(&name);
            assert_eq!(record["first_name"], expected);
        }
        assert_eq!(app.mail().subject, "Your Latchkey password was changed");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_that_no_other_change_hides_is_known_to_have_been_made() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let tables = Tables::of(&app);
        for (round, other) in ["log in", "fail to log in", "log out"]
            .into_iter()
            .enumerate()
        {
            let name = format!("John{round}");
            let token = app.token("john", PASSWORD).await;
            let before = tables.user(user.id).await["version"].as_u64().unwrap();
            let gate = lose_one(&app, "update_details");
            let change = json!({"current-password": PASSWORD, "first_name": name});
            let hide = async {
                while tables.user(user.id).await["first_name"] != name {
                    tokio::task::yield_now().await;
                }
                let hiding = match other {
                    "log in" => app.log_in("john", PASSWORD).await,
                    "fail to log in" => app.log_in("john", OTHER_PASSWORD).await,
                    _ => app.log_out(&token).await,
                };
                gate.open();
                hiding
            };
            let (lost, hiding) = tokio::join!(app.update(&token, &change), hide);
            assert!([200, 204, 401].contains(&hiding.status), "{hiding:?}");
            assert_eq!(lost.status, 200, "{other}: {lost:?}");
            assert_eq!(lost.json()["first_name"], name);
            assert_eq!(tables.user(user.id).await["version"], before + 1);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_out_that_another_write_hides_is_known_to_have_been_made() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let tables = Tables::of(&app);
        let gate = lose_one(&app, "log_out");
        let hide = async {
            while tables.user(user.id).await["sessions"] != json!({}) {
                tokio::task::yield_now().await;
            }
            let hiding = app.log_in("john", PASSWORD).await;
            gate.open();
            hiding
        };
        let (lost, hiding) = tokio::join!(app.log_out(&user.token), hide);
        assert_eq!(hiding.status, 200, "{hiding:?}");
        assert_eq!(lost.status, 204, "{lost:?}");
        assert_eq!(app.log_out(&user.token).await.status, 401);
    }
}
