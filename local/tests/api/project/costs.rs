//! The cost of each request in DynamoDB's capacity units, as ARCHITECTURE.md states it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    access_tokens::{access_token, request_access_token},
    app::{OTHER_PASSWORD, PASSWORD, TestApp, token_in},
    events::WITH_EVENTS,
    paths::{DELETE_ACCOUNT, SIGN_UP},
    pending_email::{self, NEW},
    proxy::Call,
    response::Response,
    tables::USERS,
};

/// The read and write units of these calls. A strongly consistent read of up to 4 KB is one unit. A write of up to 1 KB is one
/// unit, or two in a transaction.
fn units(calls: &[Call]) -> (f64, f64) {
    let sum = |writes: bool| {
        calls
            .iter()
            .filter(|call| call.is_write() == writes)
            .map(|call| call.units)
            .sum()
    };
    (sum(false), sum(true))
}

/// Status and units of a request, without the later calls of `send_mail` and `publish`.
async fn cost(app: &TestApp, request: impl Future<Output = Response>) -> (u16, (f64, f64)) {
    app.server.drain().await;
    app.proxy.calls();
    let response = request.await;
    let mut calls = app.proxy.calls();
    calls.retain(|call| call.operation != "DeleteItem" || !is_of_event(call));
    let of_mail = |key: &str| key.starts_with("reset#") || key.starts_with("mail#");
    let first_of_mail = calls.iter().position(|call| {
        let is_of_mail = call.keys().iter().any(|(_, key)| of_mail(key));
        call.operation == "GetItem" && is_of_mail && writes_before(&calls, call)
    });
    (
        response.status,
        units(&calls[..first_of_mail.unwrap_or(calls.len())]),
    )
}

/// `true` if `call` is about an event that waits to be published.
fn is_of_event(call: &Call) -> bool {
    call.keys().iter().any(|(_, key)| key.starts_with("event#"))
}

/// `true` if a mail was queued before `call`, so that `call` may be one of `send_mail`.
fn writes_before(calls: &[Call], call: &Call) -> bool {
    let before = calls.iter().take_while(|other| !std::ptr::eq(*other, call));
    before.into_iter().any(|other| {
        other.is_write() && other.keys().iter().any(|(_, key)| key.starts_with("mail#"))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_cost_what_architecture_states() {
    let app = TestApp::without_source_limits().await;
    let user = app.sign_up("john").await;
    // Each function reads the public keys once, and again when the cache expires.
    assert_eq!(
        (
            app.details(&user).await.status,
            app.log_out("").await.status
        ),
        (200, 401)
    );
    let session = app.token("john", PASSWORD).await;
    assert_eq!(app.log_out(&session).await.status, 204);
    let get = |id| app.get(id, &user.token);
    let own = format!("/api/users/{}", user.id);
    assert_eq!(cost(&app, get(&own)).await, (200, (1.0, 0.0)));
    assert_eq!(cost(&app, get("/api/users/1")).await, (404, (1.0, 0.0)));
    assert_eq!(
        cost(&app, app.log_in("john", PASSWORD)).await,
        (200, (2.0, 1.0))
    );
    assert_eq!(
        cost(&app, app.log_in("john", "wrong password")).await,
        (401, (2.0, 1.0))
    );
    assert_eq!(
        cost(&app, app.log_in("nobody", "wrong password")).await,
        (401, (2.0, 1.0))
    );
    let session = app.token("john", PASSWORD).await;
    // The first request reads the keys, and creates those of access tokens.
    access_token(&app, &session).await;
    let token = request_access_token(&app, &session, &Value::Null);
    assert_eq!(cost(&app, token).await, (200, (1.0, 0.0)));
    assert_eq!(cost(&app, app.log_out(&session)).await, (204, (0.0, 1.0)));
    let new = json!({"username": "new", "email": "new@example.com", "password": PASSWORD});
    assert_eq!(cost(&app, app.post(SIGN_UP, &new)).await, (201, (0.0, 8.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_cost_what_architecture_states() {
    let app = TestApp::without_source_limits().await;
    let user = app.sign_up("john").await;
    app.update(&user.token, &json!({})).await.field_errors();
    let update = async |fields| cost(&app, app.update(&user.token, &fields)).await;
    let names = json!({"current-password": PASSWORD, "first_name": "John", "last_name": "Doe"});
    assert_eq!(update(names.clone()).await, (200, (1.0, 1.0)));
    // Nothing changes but the id of the last write: concurrent guesses are recorded before a correct one is reported.
    assert_eq!(update(names).await, (200, (1.0, 1.0)));
    assert_eq!(
        update(json!({"current-password": PASSWORD, "email": "JOHN@example.com"})).await,
        (200, (1.0, 1.0))
    );
    assert_eq!(
        update(json!({"current-password": PASSWORD, "email": "j@example.com"})).await,
        (200, (2.0, 10.0))
    );
    assert_eq!(
        update(json!({"current-password": PASSWORD, "password": OTHER_PASSWORD})).await,
        (200, (1.0, 4.0))
    );
    assert_eq!(app.unread_mails().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_cost_what_architecture_states() {
    let app = TestApp::without_source_limits_and(&WITH_EVENTS).await;
    // The first one creates the keys.
    app.sign_up("john").await;
    let new = json!({"username": "new", "email": "new@example.com", "password": PASSWORD});
    let signed_up = cost(&app, app.post(SIGN_UP, &new)).await;
    assert_eq!(signed_up, (201, (0.0, 8.0 + 2.0)));
    let token = app.token("new", PASSWORD).await;
    app.update(&token, &json!({})).await.field_errors();
    let update = async |fields| cost(&app, app.update(&token, &fields)).await;
    let names = json!({"current-password": PASSWORD, "first_name": "John"});
    assert_eq!(update(names.clone()).await, (200, (1.0, 2.0 + 2.0)));
    // No change, no event.
    assert_eq!(update(names).await, (200, (1.0, 1.0)));
    let password = json!({"current-password": PASSWORD, "password": OTHER_PASSWORD});
    assert_eq!(update(password).await, (200, (1.0, 4.0 + 2.0)));
    app.mail();
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_cost_what_architecture_states() {
    let app = TestApp::start().await;
    for (name, is_verified, writes) in [("john", false, 16.0), ("jane", true, 18.0)] {
        let user = app.sign_up(name).await;
        if is_verified {
            app.confirm(&user).await;
        }
        let delete = |password: &str| {
            let request = app
                .request(reqwest::Method::POST, DELETE_ACCOUNT)
                .header("authorization", format!("Bearer {}", user.token));
            app.send(request.json(&json!({"current-password": password})))
        };
        // The function reads the public keys once.
        assert_eq!(delete("").await.status, 400);
        assert_eq!(cost(&app, delete(PASSWORD)).await, (204, (1.0, writes)));
    }
    app.mail();
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_addresses_cost_what_architecture_states() {
    let (app, user) = pending_email::start().await;
    app.update(&user.token, &json!({})).await.field_errors();
    let change = app.change(&user.token, json!({"email": NEW}));
    assert_eq!(cost(&app, change).await, (200, (3.0, 6.0)));
    app.mail();
    let key = app.confirmation_key(NEW);
    assert_eq!(cost(&app, app.confirm_with(&key)).await, (200, (2.0, 10.0)));
    assert_eq!(cost(&app, app.confirm_with(&key)).await, (400, (2.0, 0.0)));
    app.mail();
}

#[tokio::test(flavor = "multi_thread")]
async fn resets_cost_what_architecture_states() {
    let app = TestApp::without_source_limits().await;
    app.sign_up("john").await;
    let request = async || cost(&app, app.request_reset("john@example.com")).await;
    assert_eq!(request().await, (200, (2.0, 1.0)));
    app.mail();
    assert_eq!(
        cost(&app, app.request_reset("nobody@example.com")).await,
        (404, (1.0, 0.0))
    );
    // The user's record says whether the count is still valid: one more read if there is a count.
    assert_eq!(
        request().await,
        (200, (3.0, 0.0)),
        "within the cool-down nothing is written"
    );
    app.advance(Duration::from_secs(121));
    assert_eq!(request().await, (200, (3.0, 1.0)));
    let token = token_in(&app.mail());
    let zeros = format!("{}-{}", token.split('-').next().unwrap(), "0".repeat(40));
    assert_eq!(
        cost(&app, app.complete(&zeros, OTHER_PASSWORD)).await,
        (400, (2.0, 0.0))
    );
    assert_eq!(
        cost(&app, app.complete(&token, OTHER_PASSWORD)).await,
        (201, (2.0, 6.0))
    );
    app.mail();
}

#[tokio::test(flavor = "multi_thread")]
async fn source_limits_cost_a_read_and_a_write() {
    let app = TestApp::start().await;
    let sign_up = |name: &str| json!({"username": name, "email": format!("{name}@example.com"), "password": PASSWORD});
    let john = sign_up("john");
    // Two reads find no keys, and four units store the first.
    assert_eq!(
        cost(&app, app.post(SIGN_UP, &john)).await,
        (201, (2.0 + 1.0, 8.0 + 1.0 + 4.0))
    );
    assert_eq!(cost(&app, app.log_in("john", PASSWORD)).await.0, 200);
    assert_eq!(
        cost(&app, app.log_in("john", PASSWORD)).await,
        (200, (3.0, 3.0)),
        "counted, and taken back"
    );
    assert_eq!(
        cost(&app, app.log_in("john", "wrong password")).await,
        (401, (3.0, 2.0))
    );
    assert_eq!(
        cost(&app, app.request_reset("john@example.com")).await,
        (200, (3.0, 2.0))
    );
    app.mail();
}

/// A flood costs no unit but one read a minute, of each process.
#[tokio::test(flavor = "multi_thread")]
async fn requests_over_a_limit_cost_nothing() {
    let app = TestApp::with_settings(&[
        ("LIMIT_SIGN_UPS_PER_HOUR", "1"),
        ("LIMIT_RESETS_PER_HOUR", "1"),
        ("LIMIT_COMPLETIONS_PER_HOUR", "1"),
        ("LIMIT_WRONG_LOG_INS_PER_HOUR", "1"),
        ("LIMIT_TAKEN_PER_HOUR", "1"),
    ])
    .await;
    let user = app.sign_up("john").await;
    let marker = json!({"pk": "email#jane@example.com", "id": 5});
    app.tables().put(USERS, &marker).await;
    let sign_up = json!({"username": "jim", "email": "jim@example.com", "password": PASSWORD});
    let taken = json!({"current-password": PASSWORD, "email": "jane@example.com"});
    let request = async |name| match name {
        "sign_up" => cost(&app, app.post(SIGN_UP, &sign_up)).await,
        "log_in" => cost(&app, app.log_in("nobody", "wrong password")).await,
        "reset" => cost(&app, app.request_reset("nobody@example.com")).await,
        "complete" => cost(&app, app.complete("x", OTHER_PASSWORD)).await,
        _ => cost(&app, app.update(&user.token, &taken)).await,
    };
    for name in ["sign_up", "log_in", "reset", "complete", "taken"] {
        let mut first = request(name).await;
        if first.0 != 429 {
            first = request(name).await;
        }
        // A change reads the caller's own record first, and each minute the public keys; a log-in reads the account at the
        // same time.
        let (own, at_most) = match name {
            "taken" => (1.0, 3.0),
            "log_in" => (0.0, 3.0),
            _ => (0.0, 1.0),
        };
        let check_first = |(status, (reads, writes)): (u16, (f64, f64))| {
            assert_eq!((status, writes.abs()), (429, 0.0), "{name}");
            assert!((1.0 + own..=at_most).contains(&reads), "{name}: {reads}");
        };
        check_first(first);
        for _ in 0..20 {
            assert_eq!(request(name).await, (429, (own, 0.0)), "{name}");
        }
        app.advance(Duration::from_mins(1));
        // The public keys are read again, too.
        let (status, (reads, writes)) = request(name).await;
        check_first((status, (reads - own, writes)));
    }
}

/// The largest user that callers can make: names of the greatest length, ten sessions and every counter. It is still read for
/// one unit, and docs/cost.md states what its writes cost.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_user_costs_three_units_a_write() {
    let app = TestApp::without_source_limits().await;
    let username = "u".repeat(150);
    // 254 bytes as typed, and a domain that is longer in ASCII would be refused.
    let email = format!(
        "{}@{}.ü{}.example",
        "l".repeat(64),
        "d".repeat(60),
        "e".repeat(50)
    );
    let body = json!({
        "username": username, "email": email, "password": PASSWORD,
        "first_name": "é".repeat(150), "last_name": "é".repeat(150),
    });
    let signed_up = app.post(SIGN_UP, &body).await;
    assert_eq!(signed_up.status, 201, "{signed_up:?}");
    let id = signed_up.json()["user"]["id"].as_u64().unwrap();
    let log_in = async |password: &str| {
        let request = app
            .request(reqwest::Method::POST, "/auth/login")
            .header("user-agent", "A".repeat(200));
        app.send(request.json(&json!({"username": username, "password": password})))
            .await
    };
    for _ in 0..10 {
        assert_eq!(log_in(PASSWORD).await.status, 200);
    }
    let token = log_in(PASSWORD).await.token();
    let path = format!("/api/users/{id}");
    let (status, (reads, writes)) = cost(&app, log_in("wrong password")).await;
    assert_eq!((status, reads, writes), (401, 2.0, 3.0));
    assert_eq!(app.get(&path, &token).await.status, 200);
    assert_eq!(cost(&app, app.get(&path, &token)).await, (200, (1.0, 0.0)));
    let record = app.tables().user(id).await;
    assert_eq!(
        record["sessions"].as_object().map(serde_json::Map::len),
        Some(10)
    );
    let (status, (reads, writes)) = cost(&app, log_in(PASSWORD)).await;
    assert_eq!((status, reads, writes), (200, 2.0, 3.0));
}
