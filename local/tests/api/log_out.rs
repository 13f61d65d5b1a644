//! `POST /auth/logout`.

use crate::support::{
    app::{PASSWORD, TestApp, TestUser},
    endpoints::{invalid_bodies, send_body},
    response::problem,
};

mod case_05_ended_sessions {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn ends_only_that_session_at_once() {
        let app = TestApp::start().await;
        let first = app.sign_up("john").await;
        let second = app.token("john", PASSWORD).await;
        let response = app.log_out(&second).await;
        assert_eq!((response.status, response.text.as_str()), (204, ""));
        assert_eq!(response.header("content-type"), None);
        assert_eq!(app.details_with(&first, &second).await.status, 401);
        assert_eq!(
            app.log_out(&second).await.problem(),
            problem(401, "not_authenticated")
        );
        assert_eq!(app.details(&first).await.status, 200);
    }
}

mod case_33_request_bodies {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_request_body_is_ignored() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for (_, body) in invalid_bodies().into_iter().take(8) {
            let token = app.token("john", PASSWORD).await;
            let session = TestUser {
                token,
                ..user.clone()
            };
            let response = send_body(&app, &session, ("POST", "/auth/logout"), None, body).await;
            assert_eq!(
                (
                    response.status,
                    response.text.as_str(),
                    response.header("content-type")
                ),
                (204, "", None)
            );
            assert_eq!(response.header("cache-control"), Some("no-store"));
            assert_eq!(app.details(&session).await.status, 401);
        }
    }
}
