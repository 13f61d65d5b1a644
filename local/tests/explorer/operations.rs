//! The operations: what clients, the mail queue and operators do. Another one is an entry in [`OPERATIONS`], and its name
//! among those of the scenarios that it is for.

mod requests;

use std::{collections::BTreeMap, sync::Mutex};

use serde_json::{Value, json};

use self::requests::{
    authorize, authorized, complete, delete, event, expire, get_user, post, resend, revert, send,
    send_last, sessions, update,
};
pub use self::requests::{deliver, log_in, sign_up, update_by, with_password};
use crate::{database::Key, operator::Change, scenario::Start};

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
    /// The deletion of these items by DynamoDB, of which those are deleted that have expired.
    Expire(Vec<Key>),
}

/// Something that can happen, in terms of the state that it starts from.
pub struct Operation {
    /// Its name, with a plus and the seconds by which its clock is ahead of the others', if it is.
    pub name: &'static str,
    pub request: fn(&Start) -> Request,
    /// How many seconds its clock is ahead of the others'.
    pub ahead: u64,
}

impl Operation {
    /// Returns true if the operation sends a mail.
    pub fn is_delivery(&self) -> bool {
        self.name.starts_with("send_")
    }

    /// The name without the seconds.
    pub fn usual_name(&self) -> &'static str {
        self.name.split('+').next().unwrap()
    }

    /// Returns true if the operation may count for its source until it is known that it does not have to: a log-in with the right password,
    /// and a change to an address that is free, or that is not made after all, since another request has changed the password.
    pub fn is_taken_back(&self) -> bool {
        self.changes_address() || matches!(self.usual_name(), "log_in" | "log_in_by_email")
    }

    /// Returns true if the operation is a user's request for another address.
    pub fn changes_address(&self) -> bool {
        self.name.starts_with("bob_takes_") || self.name.starts_with("update_email")
    }

    /// Returns true if the operation is DynamoDB's own deletion of items that have expired.
    pub fn is_expiry(&self) -> bool {
        self.name.starts_with("expire_")
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
            $(Operation { name: stringify!($name), request: $request, ahead: 0 },)*
        ];
    };
}

operations! {
    add_author: |start| Request::Operate(Change::AddRole(start.alice, "author")),
    add_role: |start| Request::Operate(Change::AddRole(start.alice, "editor")),
    authorize: |start| authorize(&start.caller),
    bob_takes_free: |start| update_by(&start.bob_caller, json!({"email": "robert@example.com"})),
    bob_takes_former: |start| update_by(&start.bob_caller, json!({"email": "alice.old@example.com"})),
    bob_takes_new: |start| update_by(&start.bob_caller, json!({"email": NEW_EMAIL})),
    clear_address: |_| Request::Operate(Change::ClearAddress(NEW_EMAIL)),
    clear_name: |_| Request::Operate(Change::ClearName("nobody")),
    clear_resets: |start| Request::Operate(Change::ClearResets(start.alice)),
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
    expire_confirm: |start| expire(start, "confirm#"),
    expire_limits: |start| expire(start, "limit#"),
    expire_mails: |start| expire(start, "mail#"),
    expire_reset: |start| expire(start, "reset#"),
    expire_revert: |start| expire(start, "revert#"),
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
    move_canonical: |start| Request::Operate(Change::MoveCanonical(start.alice)),
    prepare_restored: |start| Request::Operate(Change::PrepareRestored(start.alice)),
    remove_role: |start| Request::Operate(Change::RemoveRole(start.alice, "editor")),
    replay_reset: |start| Request::Operate(Change::ReplayReset(start.alice)),
    request_reset: |start| post("reset_password", json!({"email": start.email})),
    request_reset_unknown: |_| post("reset_password", json!({"email": NEW_EMAIL})),
    resend: |start| resend(&start.caller),
    revert: |start| revert(&start.revert, NEW_PASSWORDS[2]),
    revoke_key: |_| Request::Operate(Change::RevokeKey),
    rotate_key: |_| Request::Operate(Change::RotateKey),
    send_confirmation: |start| send(start, "confirm_email"),
    send_notice: |start| send(start, "email_changed"),
    send_other_notice: |start| send_last(start, "email_changed"),
    send_other_password_notice: |start| send_last(start, "password_changed"),
    send_password_notice: |start| send(start, "password_changed"),
    send_reset: |start| send(start, "reset_password"),
    set_email: |start| Request::Operate(Change::SetEmail(start.alice, NEW_EMAIL)),
    set_superuser: |start| Request::Operate(Change::SetSuperuser(start.alice)),
    sign_out: |start| Request::Operate(Change::SignOut(start.alice)),
    sign_up: |_| sign_up("carol", NEW_EMAIL),
    sign_up_dave: |_| sign_up("dave", "dave@example.com"),
    sign_up_former: |_| sign_up("dave", "alice.old@example.com"),
    sign_up_current: |start| sign_up("dave", start.email),
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
    update_other_password: |start| update_by(&start.other, json!({"password": NEW_PASSWORDS[1]})),
    update_nothing: |start| update(start, json!({"first_name": ""})),
    update_other_name: |start| update_by(&start.other, json!({"last_name": "Adams"})),
    update_password: |start| update(start, json!({"password": NEW_PASSWORDS[0]})),
    update_wrong: |start| with_password(&start.caller, WRONG_PASSWORD, json!({"first_name": "Mallory"})),
    void_password: |start| Request::Operate(Change::VoidPassword(start.alice)),
    withdraw_email: |start| update(start, json!({"email": start.email})),
}

/// The operations whose clock is ahead, by their names.
static AHEAD: Mutex<BTreeMap<String, &'static Operation>> = Mutex::new(BTreeMap::new());

/// The operation with this name.
pub fn operation(name: &str) -> &'static Operation {
    let Some((usual, seconds)) = name.split_once('+') else {
        let found = OPERATIONS.iter().find(|operation| operation.name == name);
        return found.unwrap_or_else(|| panic!("there is no operation {name}"));
    };
    let mut known = AHEAD.lock().unwrap();
    known.entry(name.to_owned()).or_insert_with(|| {
        Box::leak(Box::new(Operation {
            name: name.to_owned().leak(),
            request: operation(usual).request,
            ahead: seconds.parse().unwrap(),
        }))
    })
}
