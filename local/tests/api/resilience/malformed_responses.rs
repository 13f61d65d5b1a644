//! Responses that are not DynamoDB's, or arrive incomplete.

use local::faults::MalformedResponse;

use crate::support::{
    proxy::FaultAction,
    scenario::{Scenario, all_fail, fail_once, is_central_write, succeed},
};

/// What the login page of a network sends in place of every response.
const PAGE: &str = "<html>Welcome to the hotel</html>";

mod case_36_unavailable {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn responses_of_a_proxy_return_503() {
        let scenario = Scenario::start().await;
        let before = scenario.snapshot().await;
        for status in [301, 307, 400, 403, 404, 408, 413, 429, 431, 500, 502, 504] {
            for body in ["", "<html>no</html>", "[]", "{\"message\":\"no\"}"] {
                let response = FaultAction::Replace(status, "text/html", body);
                scenario.app.proxy.rule_where(|_| true, response);
                let what = format!("log_out at {status} {body}");
                let response = scenario.request("log_out").await;
                scenario.check_unavailable(&what, &response, &before).await;
            }
        }
        scenario.app.proxy.heal();
        let response = scenario.request("log_out").await;
        scenario.check_done("log_out", &response).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn persistently_malformed_responses_return_503() {
        all_fail(FaultAction::Replace(200, "text/html", PAGE)).await;
        all_fail(FaultAction::Replace(200, "application/x-amz-json-1.0", "")).await;
        all_fail(FaultAction::Replace(403, "text/html", "<html>no</html>")).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_malformed_response_is_retried() {
        for action in [
            FaultAction::Replace(200, "text/html", PAGE),
            FaultAction::Replace(200, "application/x-amz-json-1.0", ""),
            FaultAction::Replace(200, "application/x-amz-json-1.0", "{\"Item\":"),
            FaultAction::Replace(307, "text/plain", ""),
        ] {
            succeed(
                ["sign_up", "log_in", "get_user", "change_name"],
                |_| true,
                action,
            )
            .await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn stalled_bodies_return_503() {
        let malformed = |how| {
            let names = ["get_user", "log_in"];
            fail_once(names, |_| true, FaultAction::Malform(how))
        };
        tokio::join!(
            malformed(MalformedResponse::Stalled),
            malformed(MalformedResponse::Slow),
        );
    }
}

mod case_38_lost_responses {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_malformed_response_to_a_write_has_one_effect() {
        let writers = [
            "sign_up",
            "log_in",
            "change_email",
            "reset_password_complete",
        ];
        for how in [
            MalformedResponse::Truncated,
            MalformedResponse::CutShort,
            MalformedResponse::Stalled,
            MalformedResponse::Slow,
            MalformedResponse::HtmlPage,
            MalformedResponse::Empty,
            MalformedResponse::WrongHeaders,
        ] {
            let action = FaultAction::Malform(how);
            succeed(writers, is_central_write, action.clone()).await;
            succeed(["get_user"], |_| true, action).await;
        }
    }
}
