//! Publishing while EventBridge, DynamoDB or the stream fails.

use std::{collections::BTreeSet, time::Duration};

use crate::support::{
    app::TestApp,
    events::{published, rejection, start_with_event_bridge, sweep},
    proxy::{FaultAction, error},
};

/// The ids of the users of the published events, one for each event.
async fn users(app: &TestApp) -> Vec<u64> {
    let events = published(app).await;
    let mut users: Vec<_> = events
        .iter()
        .map(|event| event.detail["user_id"].as_u64().unwrap())
        .collect();
    users.sort_unstable();
    users
}

mod case_65_user_events {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_rejected_entry_is_repeated_alone() {
        let (app, event_bridge) = start_with_event_bridge().await;
        event_bridge.first(1, |_| true, rejection(1));
        let john = app.sign_up("john").await;
        assert_eq!(users(&app).await, [john.id]);
        assert_eq!(event_bridge.calls().len(), 2);
        sweep(&app).await;
        assert_eq!(users(&app).await, [john.id]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_outage_of_ten_days_loses_nothing() {
        let (app, event_bridge) = start_with_event_bridge().await;
        event_bridge.rule_where(|_| true, error(500, "InternalException"));
        let mut expected = vec![app.sign_up("john").await.id];
        for _ in 0..10 {
            app.advance(Duration::from_hours(24));
            sweep(&app).await;
            assert!(published(&app).await.is_empty());
        }
        event_bridge.heal();
        expected.push(app.sign_up("jane").await.id);
        sweep(&app).await;
        expected.sort_unstable();
        assert_eq!(users(&app).await, expected);
        event_bridge.calls();
        sweep(&app).await;
        assert!(
            event_bridge.calls().is_empty(),
            "an event is still in the table"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_the_stream_never_delivers_is_published() {
        let (app, _event_bridge) = start_with_event_bridge().await;
        app.server.enable_mappings(false);
        let john = app.sign_up("john").await;
        app.server.drain().await;
        assert!(
            published(&app).await.is_empty(),
            "the stream may yet deliver it"
        );
        sweep(&app).await;
        assert_eq!(users(&app).await, [john.id]);
        app.server.enable_mappings(true);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_repeated_event_has_the_same_id() {
        let (app, event_bridge) = start_with_event_bridge().await;
        app.proxy.rule_where(
            |call| call.function == "publish",
            error(400, "ProvisionedThroughputExceededException"),
        );
        event_bridge.first(1, |_| true, FaultAction::CutAfter);
        app.sign_up("john").await;
        published(&app).await;
        app.proxy.heal();
        sweep(&app).await;
        let events = published(&app).await;
        assert!(events.len() >= 2, "{events:?}");
        let ids = |name: &str| {
            let ids = events.iter().map(|event| event.detail[name].to_string());
            ids.collect::<BTreeSet<_>>().len()
        };
        assert_eq!(ids("event_id"), 1);
        let envelopes: BTreeSet<_> = events.iter().map(|event| &event.id).collect();
        assert_eq!(envelopes.len(), events.len());
    }
}
