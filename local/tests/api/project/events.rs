//! The events of events/ work as they are once their placeholders are filled in.

use serde_json::{Value, json, value::to_raw_value};

use crate::support::app::{TestApp, event, token_in};

/// The response of `function` to its event with `values` for the placeholders: status and body.
async fn replay(app: &TestApp, function: &str, values: &[(&str, &str)]) -> (u64, Value) {
    let filled = values
        .iter()
        .fold(event(function).to_string(), |text, (name, value)| {
            text.replace(name, value)
        });
    let event = to_raw_value(&serde_json::from_str::<Value>(&filled).unwrap()).unwrap();
    let response = app.server.invoke(function, event).await.unwrap();
    let response: Value = serde_json::from_str(response.get()).unwrap();
    let body =
        serde_json::from_str(response["body"].as_str().unwrap_or_default()).unwrap_or(Value::Null);
    (response["statusCode"].as_u64().unwrap_or_default(), body)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_play_a_users_journey() {
    let app = TestApp::start().await;
    assert_eq!(replay(&app, "jwks", &[]).await, (200, json!({"keys": []})));
    let (status, signed_up) = replay(&app, "sign_up", &[]).await;
    assert_eq!(status, 201, "{signed_up}");
    let id = signed_up["user"]["id"].to_string();
    let (status, signed_in) = replay(&app, "log_in", &[]).await;
    assert_eq!(status, 200, "{signed_in}");
    let token = signed_in["token"].as_str().unwrap();
    let own = [("{{TOKEN}}", token), ("{{USER_ID}}", id.as_str())];
    assert_eq!(
        replay(&app, "get_user", &own).await,
        (200, signed_up["user"].clone())
    );
    let (status, access) = replay(&app, "token", &own).await;
    assert_eq!((status, &access["expires_in"]), (200, &json!(300)));
    assert_eq!(replay(&app, "reset_password", &[]).await.0, 200);
    app.server.drain().await;
    let reset_token = token_in(&app.mail());
    let key = app.confirmation_key("john@example.com");
    let confirmation = [("{{CONFIRMATION_KEY}}", key.as_str())];
    assert_eq!(replay(&app, "confirm_email", &confirmation).await.0, 200);
    let (status, updated) = replay(&app, "update_details", &own).await;
    assert_eq!(
        (status, &updated["first_name"]),
        (200, &json!("Johnny")),
        "{updated}"
    );
    app.server.drain().await;
    app.mail();
    // The address has changed since, so this link is invalid.
    let revoked = [("{{RESET_TOKEN}}", reset_token.as_str())];
    assert_eq!(
        replay(&app, "reset_password_complete", &revoked).await.0,
        400
    );
    let fresh = app.reset_token("john.doe@example.com").await;
    let valid = [("{{RESET_TOKEN}}", fresh.as_str())];
    assert_eq!(replay(&app, "reset_password_complete", &valid).await.0, 201);
    app.server.drain().await;
    app.mail();
    assert_eq!(
        replay(&app, "log_out", &own).await.0,
        401,
        "the reset ended the session"
    );
    let (_, keys) = replay(&app, "jwks", &[]).await;
    let algorithms: Vec<_> = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["alg"])
        .collect();
    assert_eq!(algorithms, ["RS256", "ES256"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_event_of_missing_mails_sends_nothing() {
    let app = TestApp::start().await;
    let id = app.sign_up("john").await.id.to_string();
    let filled = event("send_mail").to_string().replace("{{USER_ID}}", &id);
    let event = to_raw_value(&serde_json::from_str::<Value>(&filled).unwrap()).unwrap();
    let response = app.server.invoke("send_mail", event).await.unwrap();
    assert_eq!(response.get(), r#"{"batchItemFailures":[]}"#);
}
