//! What the logs tell of who tried to get in, and what became of it.

use serde_json::{Value, json};

use crate::fleet::{Fleet, event};

/// Every attempt names the user it was about, the route and what became of it; a name that nobody has names nobody.
#[tokio::test(flavor = "multi_thread")]
async fn attempts_to_get_in_are_logged_with_their_user_and_outcome() {
    let mut fleet = Fleet::new().await;
    let functions = ["sign_up", "log_in", "get_user", "log_out"];
    for function in functions {
        fleet.run(function).await;
    }
    let signed_up = fleet.play("sign_up", &[]).await;
    let id = signed_up.body["user"]["id"].as_u64().unwrap();
    let log_in = |body: Value| {
        let mut event = event("log_in", &[]);
        event["body"] = json!(body.to_string());
        event["isBase64Encoded"] = json!(false);
        event
    };
    let wrong = log_in(json!({"username": "jc123", "password": "not this one at all"}));
    assert_eq!(fleet.answer("log_in", &wrong).await.status, 401);
    let unknown = log_in(json!({"username": "nobody", "password": "not this one at all"}));
    assert_eq!(fleet.answer("log_in", &unknown).await.status, 401);
    let signed_in = fleet.play("log_in", &[]).await;
    let token = signed_in.body["token"].as_str().unwrap();
    let strangers = [("{{TOKEN}}", token), ("{{USER_ID}}", "1")];
    assert_eq!(fleet.play("get_user", &strangers).await.status, 404);
    let out = fleet.play("log_out", &[("{{TOKEN}}", token)]).await;
    assert_eq!(out.status, 204);
    let again = fleet.play("log_out", &[("{{TOKEN}}", token)]).await;
    assert_eq!(again.status, 401);

    let mut told = Vec::new();
    for function in functions {
        let process = fleet.processes.get_mut(function).unwrap();
        process.terminate();
        process.ended().await;
        told.extend(process.log().lines().filter_map(outcome));
    }
    let (user, nobody) = (json!(id), Value::Null);
    assert_eq!(
        told,
        [
            ("POST /auth/signup", &user, json!(201)),
            ("POST /auth/login", &user, json!("invalid_credentials")),
            ("POST /auth/login", &nobody, json!("invalid_credentials")),
            ("POST /auth/login", &user, json!(200)),
            ("GET /api/users/{id}", &user, json!("not_found")),
            ("POST /auth/logout", &user, json!(204)),
            ("POST /auth/logout", &user, json!("not_authenticated")),
        ]
        .map(|(route, user, outcome)| (json!(route), user.clone(), outcome))
    );
}

/// Route, user, and the status of a success or the code of a refusal, if the line tells one.
fn outcome(line: &str) -> Option<(Value, Value, Value)> {
    let line: Value = serde_json::from_str(line).unwrap();
    let (fields, span) = (&line["fields"], &line["span"]);
    let outcome = match fields["message"].as_str()? {
        "request completed" if fields["status"].as_u64()? < 400 => &fields["status"],
        "request rejected" => &fields["code"],
        _ => return None,
    };
    Some((span["route"].clone(), span["user"].clone(), outcome.clone()))
}
