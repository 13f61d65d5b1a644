//! Many sign-ups while everything fails now and then: each user has exactly one event.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use crate::support::{
    app::{PASSWORD, TestApp},
    events::{published, rejection, start_with_event_bridge, sweep},
    proxy::{Call, FaultAction, Proxy, error},
};

/// Names the number of sign-ups.
const SIGN_UPS: &str = "LATCHKEY_EVENT_SIGN_UPS";

/// Sign-ups at once.
const CONCURRENT: usize = 5;

/// Injects a fault into most calls of `proxy` that `choose` selects, in turn.
fn fail_in_turn(proxy: &Proxy, choose: fn(&Call) -> bool, faults: Vec<FaultAction>) {
    let mut calls = 0;
    proxy.rule(move |call| {
        if !choose(call) {
            return FaultAction::Forward;
        }
        calls += 1;
        // 5 has no factor in common with the faults, so that each meets calls of every kind.
        match calls % 5 {
            0 | 2 => faults[calls / 5 % faults.len()].clone(),
            _ => FaultAction::Forward,
        }
    });
}

/// Signs up until the response says that the user exists.
async fn sign_up(app: &TestApp, name: &str) {
    let email = format!("{name}@example.com");
    for _ in 0..50 {
        let response = app.try_sign_up(name, &email, PASSWORD).await;
        match response.status {
            201 => return,
            // An earlier attempt was applied and its response lost.
            400 if response.text.contains("taken") => return,
            503 => {}
            _ => panic!("{response:?}"),
        }
    }
    panic!("{name} could not sign up");
}

mod case_65_user_events {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_sign_up_has_exactly_one_event() {
        let sign_ups = shared::app::environment(SIGN_UPS);
        let sign_ups: usize = sign_ups.map_or(50, |number| number.parse().unwrap());
        let (app, event_bridge) = start_with_event_bridge().await;
        let of_dynamodb = vec![
            error(400, "ProvisionedThroughputExceededException"),
            FaultAction::CutAfter,
            error(500, "InternalServerError"),
            FaultAction::CutBefore,
        ];
        fail_in_turn(&app.proxy, Call::is_write, of_dynamodb);
        let of_event_bridge = vec![
            rejection(1),
            FaultAction::CutAfter,
            error(500, "InternalException"),
            error(400, "ThrottlingException"),
            FaultAction::CutBefore,
        ];
        fail_in_turn(&event_bridge, |_| true, of_event_bridge);
        let names: Vec<_> = (0..sign_ups)
            .map(|number| format!("user{number}"))
            .collect();
        for names in names.chunks(CONCURRENT) {
            join_all(names.iter().map(|name| sign_up(&app, name))).await;
        }
        app.proxy.heal();
        event_bridge.heal();
        sweep(&app).await;
        let events = published(&app).await;
        let distinct = |name: &str| {
            let values = events.iter().map(|event| event.detail[name].to_string());
            values.collect::<BTreeSet<_>>()
        };
        assert!(
            events
                .iter()
                .all(|event| event.detail_type == "user.created")
        );
        assert_eq!(distinct("event_id").len(), sign_ups);
        assert_eq!(distinct("user_id").len(), sign_ups);
        event_bridge.calls();
        sweep(&app).await;
        assert!(
            event_bridge.calls().is_empty(),
            "an event is still in the table"
        );
        eprintln!(
            "{} events of {sign_ups} sign-ups, with repetitions",
            events.len()
        );
    }
}
