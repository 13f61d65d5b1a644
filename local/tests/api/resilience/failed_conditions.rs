//! Writes that DynamoDB rejects: conditions, conflicts and unknown reasons.

use serde_json::Value;

use crate::support::{
    proxy::{Call, FaultAction, cancelled, error, rejected_by},
    response::{field_error, problem},
    scenario::{
        SINGLE_WRITES, Scenario, TRANSACTIONS, fail, is_counter, is_single_write, is_transaction,
        rejected, succeed, succeed_after,
    },
};

const FAILED: &str = "ConditionalCheckFailed";

mod case_37_failed_conditions {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn one_conflict_is_retried() {
        let conflict = error(400, "TransactionConflictException");
        succeed(SINGLE_WRITES, is_single_write, conflict).await;
        let in_progress = error(400, "TransactionInProgressException");
        succeed(TRANSACTIONS, is_transaction, in_progress).await;
        for reasons in [
            ["TransactionConflict", "None", "None"],
            ["None", "ThrottlingError", "TransactionConflict"],
            ["None", "None", "ProvisionedThroughputExceeded"],
        ] {
            succeed(TRANSACTIONS, is_transaction, cancelled(&reasons)).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn persistent_conflicts_return_503() {
        let single = fail(
            SINGLE_WRITES,
            is_single_write,
            error(400, "TransactionConflictException"),
        );
        let conflict = fail(
            TRANSACTIONS,
            is_transaction,
            cancelled(&["TransactionConflict", "None", "None"]),
        );
        let throttle = fail(
            TRANSACTIONS,
            is_transaction,
            cancelled(&["None", "ThrottlingError", "None"]),
        );
        tokio::join!(single, conflict, throttle);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_single_write_whose_condition_always_fails() {
        let missing: fn(&Value) -> FaultAction = |_| error(400, "ConditionalCheckFailedException");
        assert_eq!(
            rejected("change_name", missing).await.problem(),
            problem(401, "not_authenticated")
        );
        assert_eq!(
            rejected("log_out", missing).await.problem(),
            problem(401, "not_authenticated")
        );
        assert_eq!(
            rejected("log_in", missing).await.problem(),
            problem(503, "unavailable")
        );
        // Nothing was queued, so the response must not say so.
        assert_eq!(
            rejected("reset_password", missing).await.problem(),
            problem(429, "too_many_requests")
        );
        // The record was changed by two other requests.
        assert_eq!(
            rejected("change_name", rejected_by).await.problem(),
            problem(409, "conflict")
        );
        assert_eq!(
            rejected("log_in", rejected_by).await.problem(),
            problem(503, "unavailable")
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_transaction_whose_condition_always_fails() {
        let first: fn(&Value) -> FaultAction = |_| cancelled(&[FAILED, "None", "None", "None"]);
        let second: fn(&Value) -> FaultAction = |_| cancelled(&["None", FAILED, "None", "None"]);
        let third: fn(&Value) -> FaultAction = |_| cancelled(&["None", "None", FAILED, "None"]);
        let taken = [
            field_error("username", "taken"),
            field_error("email", "taken"),
        ];
        assert_eq!(rejected("sign_up", second).await.field_error(), taken[1]);
        assert_eq!(rejected("sign_up", third).await.field_error(), taken[0]);
        let both: fn(&Value) -> FaultAction = |_| cancelled(&["None", FAILED, FAILED]);
        assert_eq!(rejected("sign_up", both).await.field_errors(), taken);
        let beside_a_conflict: fn(&Value) -> FaultAction =
            |_| cancelled(&["TransactionConflict", FAILED, "None"]);
        assert_eq!(
            rejected("sign_up", beside_a_conflict).await.field_error(),
            taken[1]
        );
        for name in ["change_password", "change_email"] {
            assert_eq!(
                rejected(name, first).await.problem(),
                problem(401, "not_authenticated")
            );
        }
        assert_eq!(
            rejected("change_email", second).await.field_error(),
            taken[1]
        );
        // A record that keeps changing is no fault of the link, which stays valid.
        assert_eq!(
            rejected("reset_password_complete", first).await.problem(),
            problem(503, "unavailable")
        );
        assert_eq!(
            rejected("reset_password_complete", second).await.problem(),
            problem(400, "invalid_token")
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_unavailable_source_counter_limits_nothing() {
        let names = ["sign_up", "reset_password", "reset_password_complete"];
        let throttled = error(400, "ProvisionedThroughputExceededException");
        succeed_after(names, |scenario| {
            let proxy = &scenario.app.proxy;
            proxy.rule_where(is_counter, throttled.clone());
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_source_counter_that_expires_meanwhile_is_ignored() {
        let names = ["sign_up", "reset_password", "reset_password_complete"];
        let failed = error(400, "ConditionalCheckFailedException");
        succeed_after(names, |scenario| {
            let proxy = &scenario.app.proxy;
            let is_counter_write = |call: &Call| call.is_write() && is_counter(call);
            proxy.first(1, is_counter_write, failed.clone());
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn retryable_reasons_are_retried_in_any_mix() {
        for reasons in [
            [
                "TransactionConflict",
                "ThrottlingError",
                "ProvisionedThroughputExceeded",
            ],
            [
                "TransactionConflict",
                "TransactionConflict",
                "TransactionConflict",
            ],
            ["None", "None", "None"],
        ] {
            succeed(TRANSACTIONS, is_transaction, cancelled(&reasons)).await;
        }
        succeed(TRANSACTIONS, is_transaction, cancelled(&[])).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_unknown_reason_returns_503() {
        for reasons in [
            &["Mystery", "None", "None"][..],
            &["None", "Mystery"],
            &["AccessDenied"],
            &["", "None", "None"],
        ] {
            let names = ["sign_up", "reset_password_complete"];
            fail(names, is_transaction, cancelled(reasons)).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn permanent_errors_return_an_internal_error() {
        let internal = problem(500, "internal");
        let transactions: [fn(&Value) -> FaultAction; 3] = [
            |_| cancelled(&["ValidationError", "None", "None"]),
            |_| cancelled(&["None", "ItemCollectionSizeLimitExceeded", "None"]),
            |_| error(400, "IdempotentParameterMismatchException"),
        ];
        for action in transactions {
            for name in TRANSACTIONS {
                assert_eq!(rejected(name, action).await.problem(), internal, "{name}");
            }
        }
        let single: [fn(&Value) -> FaultAction; 3] = [
            |_| error(400, "AccessDeniedException"),
            |_| error(400, "ResourceNotFoundException"),
            |_| error(400, "ValidationException"),
        ];
        for action in single {
            for name in SINGLE_WRITES {
                let response = rejected(name, action).await;
                assert_eq!(response.problem(), internal, "{name}");
                for detail in ["AccessDenied", "arn:", "Table", "made up"] {
                    assert!(!response.text.contains(detail), "{response:?}");
                }
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_failed_condition_overrides_other_reasons() {
        for other in [
            "ThrottlingError",
            "Mystery",
            "ValidationError",
            "TransactionConflict",
        ] {
            let scenario = Scenario::start().await;
            let before = scenario.snapshot().await;
            let action = cancelled(&[other, FAILED, "None"]);
            scenario.app.proxy.once("TransactWriteItems", action);
            let response = scenario.request("sign_up").await;
            assert_eq!(
                response.field_error(),
                field_error("email", "taken"),
                "{other}"
            );
            assert_eq!(scenario.snapshot().await, before, "{other}");
        }
    }
}
