//! `POST /auth/login`: number and lifetime of sessions.

use std::time::Duration;

use crate::support::app::{PASSWORD, TestApp};

mod case_05_ended_sessions {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_eleventh_session_ends_the_oldest() {
        let app = TestApp::start().await;
        let first = app.sign_up("john").await;
        let mut tokens = vec![];
        for _ in 0..10 {
            // All within one second: sessions are ordered by log-in, not by the clock.
            tokens.push(app.token("john", PASSWORD).await);
        }
        assert_eq!(app.details(&first).await.status, 401);
        for token in &tokens {
            assert_eq!(app.details_with(&first, token).await.status, 200);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn sessions_expire_after_fourteen_days() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        app.advance(Duration::from_secs(14 * 86_400 - 1));
        assert_eq!(app.details(&user).await.status, 200);
        let later = app.token("john", PASSWORD).await;
        app.advance(Duration::from_secs(1));
        assert_eq!(app.details(&user).await.status, 401);
        app.token("john", PASSWORD).await;
        let sessions = app.tables().user(user.id).await["sessions"]
            .as_object()
            .unwrap()
            .len();
        assert_eq!(sessions, 2, "the expired session was removed");
        assert_eq!(app.details_with(&user, &later).await.status, 200);
    }
}
