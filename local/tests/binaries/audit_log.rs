//! Log lines about authentication: the user, the route and the outcome of every attempt.

use serde_json::{Value, json};

use crate::support::fleet::{Fleet, event, event_with_body};

/// Every attempt is logged with the user, the route and the outcome; an attempt with an unknown name has no user.
#[tokio::test(flavor = "multi_thread")]
async fn log_ins_are_logged_with_user_and_outcome() {
    let mut fleet = Fleet::new().await;
    let functions = ["sign_up", "log_in", "get_user", "log_out"];
    for function in functions {
        fleet.run(function).await;
    }
    let signed_up = fleet.replay("sign_up", &[]).await;
    let id = signed_up.body["user"]["id"].as_u64().unwrap();
    let log_in = |body: Value| event_with_body("log_in", &body);
    let wrong = log_in(json!({"username": "jc123", "password": "not this one at all"}));
    assert_eq!(fleet.call("log_in", &wrong).await.status, 401);
    let unknown = log_in(json!({"username": "nobody", "password": "not this one at all"}));
    assert_eq!(fleet.call("log_in", &unknown).await.status, 401);
    let signed_in = fleet.replay("log_in", &[]).await;
    let token = signed_in.body["token"].as_str().unwrap();
    let another = [("{{TOKEN}}", token), ("{{USER_ID}}", "1")];
    assert_eq!(fleet.replay("get_user", &another).await.status, 404);
    let out = fleet.replay("log_out", &[("{{TOKEN}}", token)]).await;
    assert_eq!(out.status, 204);
    let again = fleet.replay("log_out", &[("{{TOKEN}}", token)]).await;
    assert_eq!(again.status, 401);

    let mut logged = Vec::new();
    for function in functions {
        let process = fleet.processes.get_mut(function).unwrap();
        process.terminate();
        process.ended().await;
        logged.extend(process.log().lines().filter_map(outcome));
    }
    let (user, nobody) = (json!(id), Value::Null);
    assert_eq!(
        logged,
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

/// An authorizer's responses say nothing about why; the log does.
#[tokio::test(flavor = "multi_thread")]
async fn authorizations_are_logged_with_the_user() {
    let mut fleet = Fleet::new().await;
    for function in ["sign_up", "authorize"] {
        fleet.run(function).await;
    }
    let signed_up = fleet.replay("sign_up", &[]).await;
    let token = signed_up.body["token"].as_str().unwrap();
    for (token, is_authorized) in [(token, true), ("x", false)] {
        let request = event("authorize", &[("{{TOKEN}}", token)]);
        let response = fleet.invoke("authorize", &request).await.unwrap();
        assert_eq!(response["isAuthorized"], is_authorized, "{response}");
    }
    let process = fleet.processes.get_mut("authorize").unwrap();
    process.terminate();
    process.ended().await;
    let log = process.log();
    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["span"]["name"] == "authorization");
    let logged: Vec<_> = lines
        .map(|line| {
            (
                line["fields"]["message"].clone(),
                line["span"]["user"].clone(),
            )
        })
        .collect();
    let user = signed_up.body["user"]["id"].clone();
    let expected = [
        (json!("request authorized"), user),
        (json!("request refused: no valid token"), Value::Null),
    ];
    assert_eq!(logged, expected);
}

/// A superuser's read of another user's record leaves a line with both ids, and a read of the own record leaves none.
#[tokio::test(flavor = "multi_thread")]
async fn superusers_reads_are_logged_with_both_ids() {
    let mut fleet = Fleet::new().await;
    for function in ["sign_up", "get_user"] {
        fleet.run(function).await;
    }
    let mut ids = Vec::new();
    let mut tokens = Vec::new();
    for name in ["root-user", "jane"] {
        let email = format!("{name}@example.com");
        let body =
            json!({"username": name, "email": email, "password": "correct horse battery staple"});
        let signed_up = fleet
            .call("sign_up", &event_with_body("sign_up", &body))
            .await;
        ids.push(signed_up.body["user"]["id"].as_u64().unwrap());
        tokens.push(signed_up.body["token"].as_str().unwrap().to_owned());
    }
    fleet.make_superuser(ids[0]).await;
    for id in &ids {
        let own = [
            ("{{TOKEN}}", tokens[0].as_str()),
            ("{{USER_ID}}", &id.to_string()),
        ];
        assert_eq!(fleet.replay("get_user", &own).await.status, 200);
    }
    let process = fleet.processes.get_mut("get_user").unwrap();
    process.terminate();
    process.ended().await;
    let log = process.log();
    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let reads: Vec<_> = lines
        .filter(|line| line["fields"]["message"] == "superuser read another user")
        .collect();
    assert_eq!(reads.len(), 1, "{reads:?}");
    let fields = &reads[0]["fields"];
    assert_eq!(
        (&fields["superuser"], &fields["read_user"]),
        (&json!(ids[0]), &json!(ids[1]))
    );
    assert!(fields["source"].is_string());
}

/// Route, user, and the status of a success or the code of an error, if the line is about a request.
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
