//! `POST /auth/login`.

use crate::support::{
    app::{PASSWORD, START, TestApp, WRONG_PASSWORD},
    operator::Operator,
    proxy::Call,
    response::problem,
    times::COOL_DOWN,
};

/// The operation, tables and cost of each call, sorted: the first ones are made at the same time.
fn kinds(calls: &[Call]) -> Vec<(String, Vec<String>, String)> {
    let kind = |call: &Call| {
        let tables = call.keys().into_iter().map(|(table, _)| table).collect();
        (call.operation.clone(), tables, call.units.to_string())
    };
    let mut kinds: Vec<_> = calls.iter().map(kind).collect();
    kinds.sort_unstable();
    kinds
}

mod case_59_disabled_accounts {
    use super::*;

    /// With the right password, until both are throttled.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_disabled_account_looks_like_an_unknown_name() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        Operator::of(&app).disable(john.id).await;
        let attempt = async |name: &str| {
            app.proxy.calls();
            let runs = app.hasher.count();
            let response = app.log_in(name, PASSWORD).await;
            let runs = app.hasher.count() - runs;
            (response.without_date(), runs, kinds(&app.proxy.calls()))
        };
        // The first failure of a source in an hour needs one call less than those after it.
        attempt("somebody").await;
        for (disabled, unknown) in [
            ("john", "nobody"),
            ("john@example.com", "nobody@example.com"),
        ] {
            for round in 0..7 {
                let (known, other) = (attempt(disabled).await, attempt(unknown).await);
                assert_eq!(known, other, "{disabled}, {round}");
                let (status, runs) = if round < 5 { (401, 1) } else { (429, 0) };
                assert_eq!((known.0.0, known.1), (status, runs), "{round}");
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nothing_is_written_to_the_record() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        Operator::of(&app).disable(john.id).await;
        let before = app.tables().user(john.id).await;
        assert_eq!(before["disabled_at"], START);
        app.fail_log_ins("john", 3).await;
        let response = app.log_in("john@example.com", PASSWORD).await;
        assert_eq!(response.problem(), problem(401, "invalid_credentials"));
        assert_eq!(app.tables().user(john.id).await, before);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_password_logs_in_again_after_enabling() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        let operator = Operator::of(&app);
        operator.disable(john.id).await;
        assert_eq!(app.log_in("john", PASSWORD).await.status, 401);
        operator.enable(john.id).await;
        for name in ["john", "john@example.com"] {
            let token = app.token(name, PASSWORD).await;
            assert_eq!(app.details_with(&john, &token).await.status, 200);
        }
        assert_eq!(app.details(&john).await.status, 401);
        app.tables().check_users().await;
    }

    /// The lock of the account is its own: guesses while it is disabled neither see it nor extend it.
    #[tokio::test(flavor = "multi_thread")]
    async fn guesses_while_disabled_count_for_an_unknown_name() {
        let app = TestApp::without_source_limits().await;
        let john = app.sign_up("john").await;
        let operator = Operator::of(&app);
        app.fail_log_ins("john", 4).await;
        operator.disable(john.id).await;
        app.fail_log_ins("john", 5).await;
        assert_eq!(app.log_in("john", WRONG_PASSWORD).await.status, 429);
        operator.enable(john.id).await;
        app.fail_log_ins("john", 1).await;
        assert_eq!(app.log_in("john", WRONG_PASSWORD).await.status, 429);
        app.advance(COOL_DOWN);
        app.token("john", PASSWORD).await;
    }
}
