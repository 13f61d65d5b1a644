//! `GET /auth/sessions`, `DELETE /auth/sessions/{id}` and `DELETE /auth/sessions`.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    app::{PASSWORD, TestApp},
    paths::LOG_IN,
    response::{Response, problem},
    times::DAY,
};

async fn send(app: &TestApp, method: Method, path: &str, token: &str) -> Response {
    let request = app.request(method, path);
    let request = request.header("authorization", format!("Bearer {token}"));
    app.send(request).await
}

async fn list(app: &TestApp, token: &str) -> Vec<Value> {
    let response = send(app, Method::GET, "/auth/sessions", token).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.json()["sessions"].as_array().unwrap().clone()
}

async fn end(app: &TestApp, token: &str, id: &str) -> Response {
    send(app, Method::DELETE, &format!("/auth/sessions/{id}"), token).await
}

async fn end_all(app: &TestApp, token: &str) -> Response {
    send(app, Method::DELETE, "/auth/sessions", token).await
}

fn ids(sessions: &[Value]) -> Vec<&str> {
    let ids = sessions
        .iter()
        .map(|session| session["id"].as_str().unwrap());
    ids.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sessions_are_listed_newest_first() {
    let app = TestApp::start().await;
    let john = app.sign_up("john").await;
    app.sign_up("jane").await;
    app.advance(Duration::from_mins(1));
    let body = json!({"username": "john", "password": PASSWORD});
    let request = app.request(Method::POST, LOG_IN).json(&body);
    let phone = app
        .send(request.header("user-agent", "Phone/1.0"))
        .await
        .token();
    let sessions = list(&app, &phone).await;
    let [newest, oldest] = sessions.as_slice() else {
        panic!("{sessions:?}");
    };
    let mut expected = json!({
        "created_at": "2026-01-31T12:01:00Z", "expires_at": "2026-02-14T12:01:00Z", "user_agent": "Phone/1.0",
        "current": true,
    });
    expected["id"] = newest["id"].clone();
    assert_eq!(*newest, expected);
    assert_eq!(
        (&oldest["created_at"], &oldest["current"]),
        (&json!("2026-01-31T12:00:00Z"), &json!(false))
    );
    let of_sign_up = list(&app, &john.token).await;
    assert_eq!(ids(&of_sign_up), ids(&sessions));
    assert_eq!(of_sign_up[1]["current"], true);
    // No token, and nothing that one could be made of.
    let text = format!("{sessions:?}");
    assert!(!phone.split('.').any(|part| text.contains(part)));
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_sessions_are_not_listed() {
    let app = TestApp::start().await;
    app.sign_up("john").await;
    app.advance(13 * DAY);
    let token = app.token("john", PASSWORD).await;
    let sessions = list(&app, &token).await;
    assert_eq!(sessions.len(), 2);
    app.advance(DAY);
    assert_eq!(list(&app, &token).await.len(), 1);
    let expired = end(&app, &token, ids(&sessions)[1]).await;
    assert_eq!(expired.problem(), problem(404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_ends() {
    let app = TestApp::start().await;
    let john = app.sign_up("john").await;
    let other = app.token("john", PASSWORD).await;
    let sessions = list(&app, &john.token).await;
    let response = end(&app, &john.token, ids(&sessions)[0]).await;
    assert_eq!((response.status, response.text.as_str()), (204, ""));
    assert!(!app.is_live(john.id, &other).await);
    assert!(app.is_live(john.id, &john.token).await);
    let again = end(&app, &john.token, ids(&sessions)[0]).await;
    assert_eq!(again.problem(), problem(404, "not_found"));
    assert_eq!(again.json()["detail"], "Session not found.");
    // Its own, too.
    assert_eq!(end(&app, &john.token, ids(&sessions)[1]).await.status, 204);
    assert!(!app.is_live(john.id, &john.token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_sessions_end() {
    let app = TestApp::start().await;
    let john = app.sign_up("john").await;
    let jane = app.sign_up("jane").await;
    let other = app.token("john", PASSWORD).await;
    let response = end_all(&app, &other).await;
    assert_eq!((response.status, response.text.as_str()), (204, ""));
    for token in [&john.token, &other] {
        assert!(!app.is_live(john.id, token).await);
        assert_eq!(end_all(&app, token).await.status, 401);
    }
    assert!(app.is_live(jane.id, &jane.token).await);
    app.token("john", PASSWORD).await;
}

mod case_05_ended_sessions {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_ended_session_sees_and_ends_nothing() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        let ended = app.token("john", PASSWORD).await;
        let sessions = list(&app, &john.token).await;
        assert_eq!(app.log_out(&ended).await.status, 204);
        for response in [
            send(&app, Method::GET, "/auth/sessions", &ended).await,
            end(&app, &ended, ids(&sessions)[1]).await,
            end(&app, &ended, "x").await,
            end_all(&app, &ended).await,
        ] {
            assert_eq!(response.problem(), problem(401, "not_authenticated"));
        }
        assert!(app.is_live(john.id, &john.token).await);
    }
}

mod case_08_own_record {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn sessions_of_others_are_not_found() {
        let app = TestApp::start().await;
        let (john, jane) = (app.sign_up("john").await, app.sign_up("jane").await);
        let of_jane = list(&app, &jane.token).await;
        let id = ids(&of_jane)[0].to_owned();
        for other in [
            id.as_str(),
            &id.to_uppercase(),
            "x",
            "%00",
            &"0".repeat(32),
            &"f".repeat(4000),
        ] {
            let response = end(&app, &john.token, other).await;
            assert_eq!(response.problem(), problem(404, "not_found"), "{other}");
        }
        assert!(app.is_live(jane.id, &jane.token).await);
    }
}
