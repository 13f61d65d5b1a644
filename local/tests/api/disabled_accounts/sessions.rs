//! Every route that takes a session token.

use reqwest::Method;
use serde_json::json;

use crate::support::{
    app::{PASSWORD, TestApp, TestUser},
    operator::Operator,
    repository::read_yaml,
    response::{Response, problem},
    token_forge::assert_unauthenticated,
};

/// Method and path of every route that accepts a session token by openapi.yaml.
fn authenticated_routes() -> Vec<(Method, String)> {
    let openapi = read_yaml("openapi.yaml");
    let mut routes = Vec::new();
    for (path, operations) in openapi["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let security = operation["security"].as_array();
            if security.is_some_and(|ways| ways.contains(&json!({"sessionToken": []}))) {
                let method = method.to_uppercase().parse().unwrap();
                routes.push((method, path.clone()));
            }
        }
    }
    routes
}

/// Sends a request of the user that is valid, except perhaps for the token.
async fn send(
    app: &TestApp,
    (method, path): &(Method, String),
    user: &TestUser,
    token: &str,
) -> Response {
    let path = path.replace("{id}", &user.id.to_string());
    let mut request = app
        .request(method.clone(), &path)
        .header("authorization", format!("Bearer {token}"));
    if *method == Method::PATCH {
        request = request.json(&json!({"current-password": PASSWORD, "first_name": "John"}));
    }
    app.send(request).await
}

mod case_59_disabled_accounts {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_session_ends_for_good() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        let operator = Operator::of(&app);
        let routes = authenticated_routes();
        assert!(routes.len() >= 8, "{routes:?}");
        for route in &routes {
            // The control: the request is rejected for the account's state only.
            let token = app.token("john", PASSWORD).await;
            let response = send(&app, route, &john, &token).await;
            assert_ne!(response.status, 401, "{route:?}");
        }
        let token = app.token("john", PASSWORD).await;
        operator.disable(john.id).await;
        let disabled = app.tables().user(john.id).await;
        for route in &routes {
            let response = send(&app, route, &john, &token).await;
            assert_unauthenticated(&response, &format!("disabled: {route:?}"));
        }
        assert_eq!(app.tables().user(john.id).await, disabled);
        operator.enable(john.id).await;
        let enabled = app.tables().user(john.id).await;
        for route in &routes {
            let response = send(&app, route, &john, &token).await;
            assert_unauthenticated(&response, &format!("enabled again: {route:?}"));
        }
        assert_eq!(app.tables().user(john.id).await, enabled);
    }

    /// A session that a damaged or restored table still has.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_stored_session_does_not_help() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        let tables = app.tables();
        let mut record = tables.user(john.id).await;
        let sessions = record["sessions"].take();
        Operator::of(&app).disable(john.id).await;
        let mut record = tables.user(john.id).await;
        record["sessions"] = sessions;
        tables.put("UsersTable", &record).await;
        assert_unauthenticated(&app.details(&john).await, "disabled");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_disabled_user_is_not_found_by_superusers() {
        let app = TestApp::start().await;
        let (john, root) = (app.sign_up("john").await, app.sign_up("root").await);
        app.tables().make_superuser(root.id).await;
        let operator = Operator::of(&app);
        let read = async |id: u64| {
            let path = format!("/api/users/{id}");
            app.get(&path, &root.token).await
        };
        assert_eq!(read(john.id).await.json()["username"], "john");
        operator.disable(john.id).await;
        let disabled = read(john.id).await;
        assert_eq!(disabled.problem(), problem(404, "not_found"));
        let unknown = read(john.id ^ 1).await;
        assert_eq!(disabled.without_date(), unknown.without_date());
        operator.enable(john.id).await;
        assert_eq!(read(john.id).await.json()["username"], "john");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_disabled_superuser_reads_nobody() {
        let app = TestApp::start().await;
        let (john, root) = (app.sign_up("john").await, app.sign_up("root").await);
        app.tables().make_superuser(root.id).await;
        Operator::of(&app).disable(root.id).await;
        let path = format!("/api/users/{}", john.id);
        assert_unauthenticated(&app.get(&path, &root.token).await, "a superuser");
    }
}
