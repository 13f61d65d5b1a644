//! Connections that are refused, or cut while idle or in use.

use futures_util::future::join_all;
use local::faults::MalformedResponse;
use serde_json::json;

use crate::support::{
    proxy::{Call, FaultAction},
    scenario::{Scenario, all, all_fail, all_succeed, succeed_after},
};

mod case_36_unavailable {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn cut_connections_return_503() {
        all_fail(FaultAction::CutBefore).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn refused_connections_return_503() {
        join_all(all().map(async |name| {
            let scenario = Scenario::start().await;
            let before = scenario.snapshot().await;
            scenario.app.proxy.refuse().await;
            let response = scenario.request(name).await;
            scenario.check_unavailable(name, &response, &before).await;
        }))
        .await;
    }
}

mod case_39_idle_connections {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_cut_idle_connection_is_replaced() {
        succeed_after(all(), |scenario| scenario.app.proxy.cut()).await;
        // Cut at the moment of the next use.
        all_succeed(|_| true, FaultAction::CutBefore).await;
        all_succeed(Call::is_write, FaultAction::CutBefore).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn repeatedly_cut_connections_are_replaced() {
        let scenario = Scenario::start().await;
        for round in 0..10 {
            scenario.app.proxy.cut();
            let name = format!("John {round}");
            let change = json!({"first_name": name});
            let response = scenario.app.change(&scenario.user.token, change).await;
            assert_eq!(
                (response.status, &response.json()["first_name"]),
                (200, &json!(name))
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_connection_cut_during_any_call_is_replaced() {
        for operation in ["GetItem", "PutItem", "UpdateItem", "TransactWriteItems"] {
            succeed_after(all(), |scenario| {
                let proxy = &scenario.app.proxy;
                let selected = move |call: &Call| call.operation == operation;
                let cut = FaultAction::Malform(MalformedResponse::CutShort);
                proxy.first(1, selected, cut);
            })
            .await;
        }
    }
}
