//! Parsing of events.

use serde_json::json;

use super::*;

fn token(event: &Value) -> Option<(String, bool)> {
    let credential = Event::parse(&event.to_string()).unwrap().credential?;
    Some((credential.token, credential.is_in_url))
}

const METHOD: &str = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/prod/GET/orders/1";

#[test]
fn a_policy_covers_the_whole_stage() {
    let form = |arn: &str| {
        Event::parse(&json!({"type": "TOKEN", "methodArn": arn}).to_string())
            .map(|event| event.form)
    };
    let policy = |resource: &str| {
        Ok(Form::Policy {
            resource: resource.to_owned(),
        })
    };
    assert_eq!(
        form(METHOD),
        policy("arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/prod/*")
    );
    let socket = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/prod/$connect";
    assert_eq!(
        form(socket),
        policy("arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/prod/*")
    );
    for other in [
        "",
        "*",
        "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5",
        "arn:aws:s3:::bucket/stage/x",
        "a/b/c",
    ] {
        assert_eq!(form(other), Err(NotAnAuthorizerEvent), "{other}");
    }
}

#[test]
fn other_events_are_rejected() {
    for event in [
        json!({}),
        json!([]),
        json!({"version": "2.0"}),
        json!({"version": "1.0", "routeArn": METHOD}),
        json!({"Records": []}),
    ] {
        assert_eq!(
            Event::parse(&event.to_string()),
            Err(NotAnAuthorizerEvent),
            "{event}"
        );
    }
    assert_eq!(Event::parse("{"), Err(NotAnAuthorizerEvent));
}

#[test]
fn the_identity_source_is_the_only_credential() {
    let event = |source: Value| {
        json!({
            "version": "2.0", "type": "REQUEST", "routeArn": METHOD, "identitySource": source,
            "headers": {"authorization": "Bearer header"},
        })
    };
    let found = |token: &str| Some((token.to_owned(), false));
    assert_eq!(token(&event(json!(["Bearer source"]))), found("source"));
    assert_eq!(token(&event(json!(["tOKEN source"]))), found("source"));
    assert_eq!(token(&event(Value::Null)), found("header"));
    for source in [
        json!([]),
        json!(["Bearer a", "Bearer b"]),
        json!(["source"]),
        json!(["Basic x"]),
        json!([1]),
        json!(1),
    ] {
        assert_eq!(token(&event(source.clone())), None, "{source}");
    }
    let earlier = json!({"version": "1.0", "type": "REQUEST", "methodArn": METHOD, "identitySource": "Bearer source"});
    assert_eq!(token(&earlier), found("source"));
}

#[test]
fn headers_of_rest_apis_are_read_in_any_case_and_once() {
    let event = |headers: Value, several: Value| {
        json!({
            "type": "REQUEST", "methodArn": METHOD, "headers": headers, "multiValueHeaders": several,
            "queryStringParameters": {"access_token": "query"},
        })
    };
    let found = Some(("a".to_owned(), false));
    assert_eq!(
        token(&event(json!({"AUTHORIZATION": "Bearer a"}), Value::Null)),
        found
    );
    let one = json!({"Authorization": ["Bearer a"]});
    assert_eq!(
        token(&event(json!({"Authorization": "Bearer a"}), one)),
        found
    );
    let two = json!({"Authorization": ["Bearer a", "Bearer b"]});
    assert_eq!(
        token(&event(json!({"Authorization": "Bearer b"}), two)),
        None
    );
    assert_eq!(
        token(&event(json!({}), Value::Null)),
        None,
        "only a WebSocket may have it in its URL"
    );
}

#[test]
fn a_websocket_may_have_its_token_in_the_url() {
    let event = |headers: Value| {
        json!({
            "type": "REQUEST", "methodArn": METHOD, "headers": headers,
            "queryStringParameters": {"access_token": "query"}, "requestContext": {"eventType": "CONNECT"},
        })
    };
    assert_eq!(token(&event(Value::Null)), Some(("query".to_owned(), true)));
    let header = json!({"Authorization": "Bearer header"});
    assert_eq!(token(&event(header)), Some(("header".to_owned(), false)));
}

#[test]
fn a_credential_is_not_shown() {
    let event =
        json!({"type": "TOKEN", "methodArn": METHOD, "authorizationToken": "Bearer secret"});
    let event = Event::parse(&event.to_string()).unwrap();
    assert!(!format!("{event:?}").contains("secret"));
}
