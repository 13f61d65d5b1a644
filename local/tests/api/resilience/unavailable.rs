//! DynamoDB throttles, fails or does not respond.

use crate::support::{
    proxy::{Call, FaultAction, error},
    scenario::{
        LONGEST, SINGLE_WRITES, Scenario, TRANSACTIONS, all, all_fail, all_succeed, fail,
        fail_once, is_central, is_central_write, succeed, succeed_after,
    },
};

/// Delays the `nth` call from now on beyond every timeout.
fn delay_nth(scenario: &Scenario, nth: usize) {
    let mut seen = 0;
    scenario.app.proxy.rule(move |_| {
        seen += 1;
        if seen == nth {
            FaultAction::Delay(LONGEST)
        } else {
            FaultAction::Forward
        }
    });
}

/// Error codes of temporary failures that the request did not cause.
const RETRYABLE_CODES: [(u16, &str); 17] = [
    (400, "ThrottlingException"),
    (400, "Throttling"),
    (400, "ThrottledException"),
    (400, "RequestThrottledException"),
    (429, "TooManyRequestsException"),
    (400, "ProvisionedThroughputExceededException"),
    (400, "RequestLimitExceeded"),
    (400, "LimitExceededException"),
    (400, "ExpiredTokenException"),
    (403, "ExpiredToken"),
    (400, "UnrecognizedClientException"),
    (403, "InvalidClientTokenId"),
    (400, "InvalidSignatureException"),
    (403, "RequestExpired"),
    (500, "InternalServerError"),
    (500, "InternalFailure"),
    (503, "ServiceUnavailableException"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_request_succeeds_without_a_fault() {
    all_succeed(|_| false, FaultAction::Forward).await;
}

mod case_36_unavailable {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn one_throttled_call_is_retried() {
        let read = |call: &Call| !call.is_write();
        all_succeed(is_central_write, error(400, "ThrottlingException")).await;
        all_succeed(read, error(400, "ProvisionedThroughputExceededException")).await;
        succeed(
            SINGLE_WRITES,
            Call::is_write,
            error(400, "RequestLimitExceeded"),
        )
        .await;
        succeed(
            TRANSACTIONS,
            Call::is_write,
            error(500, "InternalServerError"),
        )
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn persistent_throttling_returns_503() {
        all_fail(error(400, "ProvisionedThroughputExceededException")).await;
        fail(all(), is_central, error(400, "ThrottlingException")).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn expired_credentials_return_503() {
        all_fail(error(400, "ExpiredTokenException")).await;
        all_fail(error(400, "UnrecognizedClientException")).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn server_errors_return_503() {
        all_fail(error(500, "InternalServerError")).await;
        all_fail(error(503, "ServiceUnavailable")).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn slow_responses_return_503() {
        let slow = |choose| fail_once(all(), choose, FaultAction::Delay(LONGEST));
        tokio::join!(slow(|_| true), slow(is_central));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_silent_connection_is_retried() {
        all_succeed(|_| true, FaultAction::Delay(LONGEST)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_retryable_error_code_returns_503() {
        let scenario = Scenario::start().await;
        let before = scenario.snapshot().await;
        for (status, code) in RETRYABLE_CODES {
            scenario.app.proxy.rule_where(|_| true, error(status, code));
            for name in ["get_user", "log_out"] {
                let response = scenario.request(name).await;
                scenario.check_unavailable(name, &response, &before).await;
            }
        }
        scenario.app.proxy.heal();
        let response = scenario.request("log_out").await;
        scenario.check_done("log_out", &response).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_throttling_error_code_is_retried() {
        for code in [
            "ThrottlingException",
            "Throttling",
            "ThrottledException",
            "RequestThrottledException",
            "TooManyRequestsException",
            "ProvisionedThroughputExceededException",
            "LimitExceededException",
        ] {
            succeed(["get_user", "change_name"], |_| true, error(400, code)).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn any_single_call_may_time_out() {
        let all_but =
            |nth| succeed_after(all(), move |scenario: &Scenario| delay_nth(scenario, nth));
        tokio::join!(all_but(2), all_but(3), all_but(4));
    }
}
