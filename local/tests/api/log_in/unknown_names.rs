//! `POST /auth/login`: an unknown name looks like a wrong password.

use std::time::Duration;

use crate::support::{
    app::{TestApp, WRONG_PASSWORD},
    response::problem,
};

mod case_30_throttling {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn known_and_unknown_names_are_throttled_alike() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        let attempt = async |name: &str| {
            let runs = app.hasher.count();
            let mut response = app.log_in(name, WRONG_PASSWORD).await;
            response.headers.remove("date");
            (
                response.status,
                response.headers,
                response.text,
                app.hasher.count() - runs,
            )
        };
        for round in 0..40 {
            let known = attempt("john").await;
            assert_eq!(known, attempt("jane").await, "{round}");
            assert_eq!(known, attempt("jane@example.com").await, "{round}");
            app.advance(Duration::from_secs([0, 1, 2, 7, 60, 300, 899][round % 7]));
        }
        // A day after the last wait, the count is forgotten.
        app.advance(Duration::from_hours(25));
        for round in 0..8 {
            let known = attempt("john").await;
            assert_eq!(known, attempt("jane").await, "{round}, a day later");
            assert_eq!(known.0, if round < 5 { 401 } else { 429 });
        }
    }
}

mod case_31_unknown_names {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn unknown_names_and_wrong_passwords_look_alike() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        // The first failure of a source in an hour needs one call less than those after it.
        app.log_in("somebody", WRONG_PASSWORD).await;
        app.proxy.calls();
        let wrong = app.log_in("john", WRONG_PASSWORD).await;
        let calls_for_wrong: Vec<_> = app
            .proxy
            .calls()
            .into_iter()
            .map(|call| call.operation)
            .collect();
        let runs = app.hasher.count();
        let unknown = app.log_in("nobody", WRONG_PASSWORD).await;
        let calls_for_unknown: Vec<_> = app
            .proxy
            .calls()
            .into_iter()
            .map(|call| call.operation)
            .collect();
        assert_eq!(wrong.problem(), problem(401, "invalid_credentials"));
        assert_eq!((wrong.status, wrong.text), (unknown.status, unknown.text));
        assert_eq!(app.hasher.count(), runs + 1, "a dummy hash is computed");
        assert_eq!(
            calls_for_wrong.len(),
            calls_for_unknown.len(),
            "{calls_for_wrong:?} {calls_for_unknown:?}"
        );
        for name in ["john@example.com", "nobody@example.com"] {
            assert_eq!(
                app.log_in(name, "").await.problem(),
                problem(401, "invalid_credentials")
            );
        }
    }
}
