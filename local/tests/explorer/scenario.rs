//! The states that runs start from. Each is built by requests, and names the operations that meet in it.

use serde_json::{Value, json};

use crate::{
    operations::{PASSWORD, log_in, operation, sign_up, update_by},
    world::World,
};

/// The time at which every run takes place: 2026-01-31T12:00:00Z.
pub const NOW: u64 = 1_769_860_800;

/// What the operations need to know of the state that they start from.
#[derive(Clone, Default)]
pub struct Start {
    /// The id of the user that most operations are about.
    pub alice: u64,
    /// The address of that user.
    pub email: &'static str,
    /// The token of the session that makes most requests.
    pub caller: String,
    /// The token of another session.
    pub other: String,
    /// The id of that session.
    pub other_session: String,
    /// The token of another user.
    pub bob_caller: String,
    /// The secrets of the newest links.
    pub reset: String,
    pub confirm: String,
    pub revert: String,
    /// Key and nonce of every mail that is queued.
    pub queued: Vec<(String, String)>,
}

/// A state with the operations that meet in it.
pub struct Scenario {
    pub name: &'static str,
    pub settings: &'static [(&'static str, &'static str)],
    pub operations: &'static [&'static str],
    /// True if no process has read the keys when a run begins.
    pub is_cold: bool,
    pub prepare: fn(&World) -> Start,
}

/// Every scenario.
pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "links",
    settings: &[],
    operations: &[
        "authorize",
        "bob_takes_former",
        "bob_takes_new",
        "complete",
        "confirm",
        "delete",
        "delete_by_operator",
        "disable",
        "end_all_sessions",
        "end_other_session",
        "get_user",
        "list_sessions",
        "log_in",
        "log_in_wrong",
        "log_out",
        "request_reset",
        "resend",
        "revert",
        "set_email",
        "sign_out",
        "sign_up",
        "token",
        "update_email",
        "update_name",
        "update_password",
    ],
    is_cold: false,
    prepare: links,
}];

fn links(world: &World) -> Start {
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

/// Signs up two users with verified addresses.
fn alice_and_bob(world: &World) -> (Start, u64) {
    let alice = world.request(&sign_up("alice", "alice.old@example.com"));
    let mut start = Start {
        alice: alice["user"]["id"].as_u64().unwrap(),
        email: "alice.old@example.com",
        caller: text(&alice["token"]),
        ..Start::default()
    };
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

impl Start {
    /// Delivers every mail and reads the links in them.
    fn read(&mut self, world: &World) {
        for mail in world.deliver() {
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
