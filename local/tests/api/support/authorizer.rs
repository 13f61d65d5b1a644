//! The authorizer, invoked as the APIs of other stacks do it.

use serde_json::{Value, json, value::to_raw_value};

use super::app::{TestApp, event};

/// The resource of every policy: the stage of the events in events/authorize/.
const STAGE: &str = "arn:aws:execute-api:eu-central-1:123456789012:f6g7h8i9j0/prod/*";

/// An API with the authorizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// An HTTP API with payload version 2.0 and simple responses.
    Http,
    /// A REST API with an authorizer of type `TOKEN`.
    Rest,
    /// A WebSocket API.
    WebSocket,
}

impl Api {
    pub const ALL: [Self; 3] = [Self::Http, Self::Rest, Self::WebSocket];

    /// The event for a request with this text in place of the token.
    pub fn event(self, token: &str) -> Value {
        let name = match self {
            Self::Http => "authorize",
            Self::Rest => "authorize/rest",
            Self::WebSocket => "authorize/websocket",
        };
        let text = json!(token).to_string();
        let filled = event(name)
            .to_string()
            .replace("{{TOKEN}}", &text[1..text.len() - 1]);
        serde_json::from_str(&filled).unwrap()
    }
}

/// The response of the authorizer to `event`; `None` if it fails.
pub async fn invoke(app: &TestApp, event: &Value) -> Option<Value> {
    let event = to_raw_value(event).unwrap();
    let response = app.server.invoke("authorize", event).await?;
    Some(serde_json::from_str(response.get()).unwrap())
}

/// The context that the API's integration gets for this token; `None` if the authorizer refuses the request.
pub async fn authorize(app: &TestApp, api: Api, token: &str) -> Option<Value> {
    authorize_event(app, api, &api.event(token)).await
}

/// The same for an event of the API.
pub async fn authorize_event(app: &TestApp, api: Api, event: &Value) -> Option<Value> {
    let mut response = invoke(app, event).await.unwrap();
    let context = response.as_object_mut().unwrap().remove("context");
    let expected = if api == Api::Http {
        json!({"isAuthorized": context.is_some()})
    } else {
        let (effect, principal) = match &context {
            Some(context) => ("Allow", context["user_id"].clone()),
            None => ("Deny", json!("anonymous")),
        };
        json!({
            "principalId": principal,
            "policyDocument": {
                "Version": "2012-10-17",
                "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": STAGE}],
            },
        })
    };
    assert_eq!(response, expected, "{api:?}");
    context
}

/// Checks that every API accepts the user's token.
pub async fn assert_accepted(app: &TestApp, what: &str, user: u64, token: &str) {
    for api in Api::ALL {
        let context = authorize(app, api, token).await;
        let context = context.unwrap_or_else(|| panic!("{what}: {api:?} refuses it"));
        assert_eq!(context["user_id"], user.to_string(), "{what}: {api:?}");
    }
}

/// Checks that every API refuses the token.
pub async fn assert_refused(app: &TestApp, what: &str, token: &str) {
    for api in Api::ALL {
        let context = authorize(app, api, token).await;
        assert_eq!(context, None, "{what}: {api:?}");
    }
}
