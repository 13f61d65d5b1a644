//! The requests of the operations.

use serde_json::{Value, json};

use super::{PASSWORD, Request};
use crate::scenario::Start;

/// The event of `function` in events/, with this body.
pub(super) fn event(function: &'static str, body: Option<Value>) -> Request {
    let path = format!("{}/../events/{function}.json", env!("CARGO_MANIFEST_DIR"));
    let mut event: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    if let Some(body) = body {
        event["body"] = json!(body.to_string());
        event["isBase64Encoded"] = json!(false);
    }
    Request::Invoke { function, event }
}

/// Sets the route of an event, and the path of the request.
fn set_route(event: &mut Value, method: &str, route: &str, path: &str) {
    let key = json!(format!("{method} {route}"));
    event["routeKey"] = key.clone();
    event["rawPath"] = json!(path);
    let context = &mut event["requestContext"];
    context["routeKey"] = key;
    context["http"]["method"] = json!(method);
    context["http"]["path"] = json!(path);
}

fn changed(request: Request, change: impl FnOnce(&mut Value)) -> Request {
    let Request::Invoke {
        function,
        mut event,
    } = request
    else {
        panic!("an operator has no event");
    };
    change(&mut event);
    Request::Invoke { function, event }
}

pub(super) fn post(function: &'static str, body: Value) -> Request {
    event(function, Some(body))
}

pub(super) fn authorized(request: Request, token: &str) -> Request {
    changed(request, |event| {
        event["headers"]["authorization"] = json!(format!("Bearer {token}"));
    })
}

pub(super) fn authorize(token: &str) -> Request {
    changed(event("authorize", None), |event| {
        event["identitySource"] = json!([format!("Bearer {token}")]);
        event["headers"]["authorization"] = json!(format!("Bearer {token}"));
    })
}

pub fn sign_up(username: &str, email: &str) -> Request {
    let body = json!({"username": username, "email": email, "password": PASSWORD});
    post("sign_up", body)
}

pub fn log_in(name: &str, password: &str) -> Request {
    let field = if name.contains('@') {
        "email"
    } else {
        "username"
    };
    post("log_in", json!({field: name, "password": password}))
}

pub(super) fn update(start: &Start, fields: Value) -> Request {
    update_by(&start.caller, fields)
}

pub fn update_by(token: &str, fields: Value) -> Request {
    with_password(token, PASSWORD, fields)
}

pub fn with_password(token: &str, password: &str, mut fields: Value) -> Request {
    fields["current-password"] = json!(password);
    authorized(post("update_details", fields), token)
}

pub(super) fn complete(token: &str, password: &str) -> Request {
    let body = json!({
        "reset_token": token, "new_password": password, "password_confirmation": password,
    });
    post("reset_password_complete", body)
}

pub(super) fn revert(key: &str, password: &str) -> Request {
    let body = json!({"key": key, "new_password": password, "password_confirmation": password});
    post("revert_email", body)
}

pub(super) fn delete(start: &Start, password: &str) -> Request {
    let body = json!({"current-password": password});
    authorized(post("delete_account", body), &start.caller)
}

pub(super) fn resend(token: &str) -> Request {
    let path = "/auth/confirm_email/resend";
    let request = changed(event("confirm_email", None), |event| {
        set_route(event, "POST", path, path);
        event.as_object_mut().unwrap().remove("body");
        event["isBase64Encoded"] = json!(false);
    });
    authorized(request, token)
}

pub(super) fn get_user(start: &Start) -> Request {
    let path = format!("/api/users/{}", start.alice);
    let request = changed(event("get_user", None), |event| {
        event["rawPath"] = json!(path);
        event["requestContext"]["http"]["path"] = json!(path);
        event["pathParameters"] = json!({"id": start.alice.to_string()});
    });
    authorized(request, &start.caller)
}

pub(super) fn sessions(token: &str, method: &str, id: Option<&str>) -> Request {
    let request = changed(event("sessions", None), |event| {
        let (route, path) = match id {
            None => ("/auth/sessions".to_owned(), "/auth/sessions".to_owned()),
            Some(id) => (
                "/auth/sessions/{id}".to_owned(),
                format!("/auth/sessions/{id}"),
            ),
        };
        set_route(event, method, &route, &path);
        if let Some(id) = id {
            event["pathParameters"] = json!({"id": id});
        }
    });
    authorized(request, token)
}

/// The delivery of the mail of this kind that was queued at the start.
pub(super) fn send(start: &Start, kind: &str) -> Request {
    let prefix = format!("mail#{kind}#");
    let mail = start
        .queued
        .iter()
        .find(|(key, _)| key.starts_with(&prefix));
    let (key, nonce) = mail.unwrap_or_else(|| panic!("no mail of the kind {kind} is queued"));
    deliver(key, nonce)
}

/// The delivery of the last of the mails of this kind that were queued at the start.
pub(super) fn send_last(start: &Start, kind: &str) -> Request {
    let prefix = format!("mail#{kind}#");
    let mut mails = start.queued.iter();
    let (key, nonce) = mails.rfind(|(key, _)| key.starts_with(&prefix)).unwrap();
    deliver(key, nonce)
}

/// The deletion of the items of the start whose keys begin so, if they have expired.
pub(super) fn expire(start: &Start, prefix: &str) -> Request {
    let keys = start.expiring.iter();
    Request::Expire(
        keys.filter(|(_, key)| key.starts_with(prefix))
            .cloned()
            .collect(),
    )
}

/// The record of the stream for a mail.
pub fn deliver(key: &str, nonce: &str) -> Request {
    let record = json!({"dynamodb": {
        "Keys": {"pk": {"S": key}},
        "NewImage": {"nonce": {"S": nonce}},
        "SequenceNumber": "1",
    }});
    let event = json!({"Records": [record]});
    Request::Invoke {
        function: "send_mail",
        event,
    }
}
