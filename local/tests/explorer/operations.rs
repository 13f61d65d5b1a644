//! The operations: what clients, the mail queue and operators do. Another one is an entry in [`OPERATIONS`], and its name
//! among those of the scenarios that it is for.

use serde_json::{Value, json};

use crate::{operator::Change, scenario::Start};

/// The password of every user at the start.
pub const PASSWORD: &str = "correct horse battery staple";

/// The passwords that requests set.
pub const NEW_PASSWORDS: [&str; 3] = [
    "seventeen purple submarines",
    "eleven orange hovercrafts",
    "forty silent lighthouses",
];

/// A password that no user has.
pub const WRONG_PASSWORD: &str = "wrong horse battery staple";

/// An address that no user has at the start.
pub const NEW_EMAIL: &str = "new@example.com";

/// A request of a client, an invocation without a client, or a change by the operator.
pub enum Request {
    /// The event of a function.
    Invoke {
        function: &'static str,
        event: Value,
    },
    /// A change by the operator.
    Operate(Change),
}

/// Something that can happen, in terms of the state that it starts from.
pub struct Operation {
    pub name: &'static str,
    pub request: fn(&Start) -> Request,
}

impl Operation {
    /// Returns true if the operation sends a mail.
    pub fn is_delivery(&self) -> bool {
        self.name.starts_with("send_")
    }

    /// Returns true if the operation ends sessions and does nothing else.
    pub fn ends_sessions(&self) -> bool {
        self.name.starts_with("end_") || self.name.starts_with("log_out")
    }
}

macro_rules! operations {
    ($($name:ident: $request:expr,)*) => {
        /// Every operation.
        pub const OPERATIONS: &[Operation] = &[
            $(Operation { name: stringify!($name), request: $request },)*
        ];
    };
}

operations! {
    add_role: |start| Request::Operate(Change::AddRole(start.alice)),
    authorize: |start| authorize(&start.caller),
    bob_takes_former: |start| update_by(&start.bob_caller, json!({"email": "alice.old@example.com"})),
    bob_takes_new: |start| update_by(&start.bob_caller, json!({"email": NEW_EMAIL})),
    clear_limits: |start| Request::Operate(Change::ClearLimits(start.alice)),
    complete: |start| complete(&start.reset, NEW_PASSWORDS[0]),
    complete_other: |start| complete(&start.reset, NEW_PASSWORDS[1]),
    complete_wrong: |start| complete(&format!("{}0", &start.reset[..start.reset.len() - 1]), NEW_PASSWORDS[1]),
    confirm: |start| post("confirm_email", json!({"key": start.confirm})),
    delete: |start| delete(start, PASSWORD),
    delete_by_operator: |start| Request::Operate(Change::Delete(start.alice)),
    delete_wrong: |start| delete(start, WRONG_PASSWORD),
    disable: |start| Request::Operate(Change::Disable(start.alice)),
    enable: |start| Request::Operate(Change::Enable(start.alice)),
    end_all_sessions: |start| sessions(&start.caller, "DELETE", None),
    end_other_session: |start| sessions(&start.caller, "DELETE", Some(&start.other_session)),
    get_user: |start| get_user(start),
    jwks: |_| event("jwks", None),
    list_sessions: |start| sessions(&start.caller, "GET", None),
    log_in: |_| log_in("alice", PASSWORD),
    log_in_by_email: |start| log_in(start.email, PASSWORD),
    log_in_new: |_| log_in("alice", NEW_PASSWORDS[0]),
    log_in_unknown: |_| log_in("nobody", PASSWORD),
    log_in_wrong: |_| log_in("alice", WRONG_PASSWORD),
    log_out: |start| authorized(event("log_out", None), &start.caller),
    log_out_other: |start| authorized(event("log_out", None), &start.other),
    remove_role: |start| Request::Operate(Change::RemoveRole(start.alice)),
    request_reset: |start| post("reset_password", json!({"email": start.email})),
    request_reset_unknown: |_| post("reset_password", json!({"email": NEW_EMAIL})),
    resend: |start| resend(&start.caller),
    revert: |start| revert(&start.revert, NEW_PASSWORDS[2]),
    revoke_key: |_| Request::Operate(Change::RevokeKey),
    rotate_key: |_| Request::Operate(Change::RotateKey),
    send_confirmation: |start| send(start, "confirm_email"),
    send_notice: |start| send(start, "email_changed"),
    send_reset: |start| send(start, "reset_password"),
    set_email: |start| Request::Operate(Change::SetEmail(start.alice, NEW_EMAIL)),
    set_superuser: |start| Request::Operate(Change::SetSuperuser(start.alice)),
    sign_out: |start| Request::Operate(Change::SignOut(start.alice)),
    sign_up: |_| sign_up("carol", NEW_EMAIL),
    sign_up_former: |_| sign_up("dave", "alice.old@example.com"),
    sign_up_same_name: |_| sign_up("Carol", "carol@example.com"),
    token: |start| authorized(event("token", None), &start.caller),
    update_email: |start| update(start, json!({"email": NEW_EMAIL})),
    update_email_back: |start| update(start, json!({"email": "alice.old@example.com"})),
    update_name: |start| update(start, json!({"first_name": "Alicia"})),
    update_new: |start| with_password(
        &start.caller,
        NEW_PASSWORDS[0],
        json!({"first_name": "Alicia"}),
    ),
    update_nothing: |start| update(start, json!({"first_name": ""})),
    update_other_name: |start| update_by(&start.other, json!({"last_name": "Adams"})),
    update_password: |start| update(start, json!({"password": NEW_PASSWORDS[0]})),
    update_wrong: |start| with_password(&start.caller, WRONG_PASSWORD, json!({"first_name": "Mallory"})),
    withdraw_email: |start| update(start, json!({"email": start.email})),
}

/// The operation with this name.
pub fn operation(name: &str) -> &'static Operation {
    let found = OPERATIONS.iter().find(|operation| operation.name == name);
    found.unwrap_or_else(|| panic!("there is no operation {name}"))
}

/// The event of `function` in events/, with this body.
pub fn event(function: &'static str, body: Option<Value>) -> Request {
    let path = format!("{}/../events/{function}.json", env!("CARGO_MANIFEST_DIR"));
    let mut event: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    if let Some(body) = body {
        event["body"] = json!(body.to_string());
        event["isBase64Encoded"] = json!(false);
    }
    Request::Invoke { function, event }
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

fn post(function: &'static str, body: Value) -> Request {
    event(function, Some(body))
}

fn authorized(request: Request, token: &str) -> Request {
    changed(request, |event| {
        event["headers"]["authorization"] = json!(format!("Bearer {token}"));
    })
}

fn authorize(token: &str) -> Request {
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

fn update(start: &Start, fields: Value) -> Request {
    update_by(&start.caller, fields)
}

pub fn update_by(token: &str, fields: Value) -> Request {
    with_password(token, PASSWORD, fields)
}

fn with_password(token: &str, password: &str, mut fields: Value) -> Request {
    fields["current-password"] = json!(password);
    authorized(post("update_details", fields), token)
}

fn complete(token: &str, password: &str) -> Request {
    let body = json!({
        "reset_token": token, "new_password": password, "password_confirmation": password,
    });
    post("reset_password_complete", body)
}

fn revert(key: &str, password: &str) -> Request {
    let body = json!({"key": key, "new_password": password, "password_confirmation": password});
    post("revert_email", body)
}

fn delete(start: &Start, password: &str) -> Request {
    let body = json!({"current-password": password});
    authorized(post("delete_account", body), &start.caller)
}

fn resend(token: &str) -> Request {
    let path = "/auth/confirm_email/resend";
    let request = changed(event("confirm_email", None), |event| {
        event["routeKey"] = json!(format!("POST {path}"));
        event["rawPath"] = json!(path);
        event["requestContext"]["http"]["path"] = json!(path);
        event.as_object_mut().unwrap().remove("body");
        event["isBase64Encoded"] = json!(false);
    });
    authorized(request, token)
}

fn get_user(start: &Start) -> Request {
    let path = format!("/api/users/{}", start.alice);
    let request = changed(event("get_user", None), |event| {
        event["rawPath"] = json!(path);
        event["requestContext"]["http"]["path"] = json!(path);
        event["pathParameters"] = json!({"id": start.alice.to_string()});
    });
    authorized(request, &start.caller)
}

fn sessions(token: &str, method: &str, id: Option<&str>) -> Request {
    let request = changed(event("sessions", None), |event| {
        let (route, path) = match id {
            None => ("/auth/sessions".to_owned(), "/auth/sessions".to_owned()),
            Some(id) => (
                "/auth/sessions/{id}".to_owned(),
                format!("/auth/sessions/{id}"),
            ),
        };
        event["routeKey"] = json!(format!("{method} {route}"));
        event["rawPath"] = json!(path);
        event["requestContext"]["http"]["path"] = json!(path);
        event["requestContext"]["http"]["method"] = json!(method);
        if let Some(id) = id {
            event["pathParameters"] = json!({"id": id});
        }
    });
    authorized(request, token)
}

/// The delivery of the mail of this kind that was queued at the start.
fn send(start: &Start, kind: &str) -> Request {
    let prefix = format!("mail#{kind}#");
    let mail = start
        .queued
        .iter()
        .find(|(key, _)| key.starts_with(&prefix));
    let (key, nonce) = mail.unwrap_or_else(|| panic!("no mail of the kind {kind} is queued"));
    deliver(key, nonce)
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
