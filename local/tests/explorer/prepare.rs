//! How the state of each scenario is built: by requests.

use serde_json::{Value, json};
use shared::domain::role::MAX_ROLES;

use crate::{
    operations::{
        NEW_EMAIL, NEW_PASSWORDS, PASSWORD, Request, WRONG_PASSWORD, deliver, log_in, operation,
        sign_up, update_by, with_password,
    },
    operator::Change,
    scenario::Start,
    world::World,
};

pub fn links(world: &World) -> Start {
    let (mut start, _) = alice_and_bob(world);
    world.request(&update_by(
        &start.caller,
        json!({"email": "alice@example.com"}),
    ));
    start.email = "alice@example.com";
    world.request(&(operation("request_reset").request)(&start));
    start.read(world);
    start
}

pub fn almost_locked(world: &World) -> Start {
    let (mut start, _) = alice_and_bob(world);
    world.request(&(operation("request_reset").request)(&start));
    start.read(world);
    for _ in 0..4 {
        world.refused(&log_in("alice", WRONG_PASSWORD));
        world.refused(&(operation("update_wrong").request)(&start));
    }
    start
}

pub fn unverified(world: &World) -> Start {
    let mut start = alice(world);
    start.read(world);
    for _ in 0..4 {
        world.refused(&log_in("alice", WRONG_PASSWORD));
    }
    start
}

pub fn full(world: &World) -> Start {
    let start = almost_full(world);
    world.request(&log_in("alice", PASSWORD));
    start
}

pub fn almost_full(world: &World) -> Start {
    let start = links(world);
    for _ in 0..7 {
        world.request(&log_in("alice", PASSWORD));
    }
    start
}

pub fn pending(world: &World) -> Start {
    let (mut start, _) = alice_and_bob(world);
    world.request(&(operation("request_reset").request)(&start));
    world.request(&update_by(&start.caller, json!({"email": NEW_EMAIL})));
    start.read(world);
    start
}

pub fn mails(world: &World) -> Start {
    let mut start = links(world);
    world.advance(3600);
    world.request(&update_by(
        &start.caller,
        json!({"email": "alice.again@example.com"}),
    ));
    start.email = "alice.again@example.com";
    start.read(world);
    world.advance(3600);
    let confirmed = (operation("confirm").request)(&start);
    world.request(&confirmed);
    world.request(&update_by(
        &start.caller,
        json!({"email": "alice@example.com"}),
    ));
    start.email = "alice@example.com";
    world.request(&(operation("request_reset").request)(&start));
    start.queued = world.queued();
    start
}

pub fn disabled(world: &World) -> Start {
    let start = links(world);
    world.request(&(operation("add_role").request)(&start));
    world.request(&(operation("disable").request)(&start));
    start
}

/// The reservation of a former address has expired, and its marker is still there.
pub fn expired(world: &World) -> Start {
    let start = links(world);
    world.advance(8 * 24 * 3600);
    start
}

pub fn limits(world: &World) -> Start {
    let (mut start, _) = alice_and_bob(world);
    world.request(&(operation("request_reset").request)(&start));
    start.read(world);
    world.advance(1800);
    world.request(&sign_up("carol", NEW_EMAIL));
    world.advance(180);
    start
}

pub fn open_limits(world: &World) -> Start {
    let (mut start, _) = alice_and_bob(world);
    world.request(&(operation("request_reset").request)(&start));
    start.read(world);
    world.request(&sign_up("carol", NEW_EMAIL));
    world.advance(3600);
    world.request(&(operation("request_reset").request)(&start));
    for name in ["bob_takes_new", "complete_wrong", "log_in_wrong"] {
        world.refused(&(operation(name).request)(&start));
    }
    start
}

/// Two notices of a new password are queued. One mail was sent to the address, and one more notice may be: the other mails are kept for reset
/// links.
pub fn last_mail(world: &World) -> Start {
    let mut start = alice(world);
    start.read(world);
    world.advance(3600);
    let [first, second, _] = NEW_PASSWORDS;
    for (current, next) in [(PASSWORD, first), (first, second)] {
        let request = with_password(&start.caller, current, json!({"password": next}));
        world.request(&request);
    }
    start.queued = world.queued();
    start
}

pub fn counted(world: &World) -> Start {
    let start = links(world);
    world.request(&(operation("request_reset_unknown").request)(&start));
    start
}

pub fn newer_links(world: &World) -> Start {
    let mut start = links(world);
    world.advance(3600);
    world.request(&(operation("request_reset").request)(&start));
    world.request(&(operation("resend").request)(&start));
    start.queued = world.queued();
    start
}

pub fn no_mails(world: &World) -> Start {
    let mut start = alice(world);
    start.read(world);
    world.advance(8 * 24 * 3600);
    world.expire("mail#");
    start
}

/// One log-in with a name that no user has was rejected.
pub fn unknown(world: &World) -> Start {
    let start = Start::default();
    world.refused(&(operation("log_in_unknown").request)(&start));
    start
}

pub fn all_roles(world: &World) -> Start {
    let start = almost_all_roles(world);
    world.request(&(operation("add_role").request)(&start));
    start
}

pub fn almost_all_roles(world: &World) -> Start {
    let start = links(world);
    for number in 1..MAX_ROLES {
        let role = format!("role-{number}").leak();
        world.request(&Request::Operate(Change::AddRole(start.alice, role)));
    }
    start
}

/// Two notices of a new address are queued, each with a link, and mails with the other links.
pub fn two_notices(world: &World) -> Start {
    let mut start = links(world);
    for email in ["alice.again@example.com", "alice.third@example.com"] {
        world.request(&(operation("confirm").request)(&start));
        world.advance(3600);
        world.request(&update_by(&start.caller, json!({"email": email})));
        start.email = email;
        let queued = world.queued();
        let confirmation = queued
            .iter()
            .find(|(key, _)| key.starts_with("mail#confirm_email"));
        let (key, nonce) = confirmation.unwrap();
        world.request(&deliver(key, nonce));
        start.read_last(world);
    }
    world.advance(3600);
    world.request(&(operation("request_reset").request)(&start));
    world.request(&(operation("resend").request)(&start));
    start.queued = world.queued();
    start
}

/// Signs up two users with verified addresses.
pub fn alice_and_bob(world: &World) -> (Start, u64) {
    let mut start = alice(world);
    start.read(world);
    world.request(&(operation("confirm").request)(&start));
    start.other = text(&world.request(&log_in("alice", PASSWORD))["token"]);
    let listed = world.request(&(operation("list_sessions").request)(&start));
    let sessions = listed["sessions"].as_array().unwrap();
    let other = sessions.iter().find(|session| session["current"] == false);
    start.other_session = text(&other.unwrap()["id"]);
    let bob = world.request(&sign_up("bob", "bob@example.com"));
    start.bob_caller = text(&bob["token"]);
    world.deliver();
    let id = bob["user"]["id"].as_u64().unwrap();
    (start, id)
}

/// Signs up a user.
pub fn alice(world: &World) -> Start {
    let alice = world.request(&sign_up("alice", "alice.old@example.com"));
    Start {
        alice: alice["user"]["id"].as_u64().unwrap(),
        email: "alice.old@example.com",
        caller: text(&alice["token"]),
        ..Start::default()
    }
}

impl Start {
    /// Delivers every mail and reads the links in them.
    fn read(&mut self, world: &World) {
        self.read_links(world.deliver());
    }

    /// Reads the links in the mail that was sent last.
    fn read_last(&mut self, world: &World) {
        self.read_links(world.last_mail());
    }

    fn read_links(&mut self, mails: impl IntoIterator<Item = String>) {
        for mail in mails {
            for (link, secret) in [
                ("/reset_password?token=", &mut self.reset),
                ("/confirm_email?key=", &mut self.confirm),
                ("/revert_email?key=", &mut self.revert),
            ] {
                if let Some((_, rest)) = mail.split_once(link) {
                    let is_part =
                        |character: &char| character.is_ascii_alphanumeric() || *character == '-';
                    *secret = rest.chars().take_while(is_part).collect();
                }
            }
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
