//! States of a damaged table: a part of it is lost, or of another time than the rest.

use serde_json::json;

use crate::{operations::update_by, prepare, scenario::Start, world::World};

/// The marker of an address of another account.
const OTHER: &str = "email#bob@example.com";

/// The address leads to another account.
pub fn address(world: &World) -> Start {
    let start = prepare::links(world);
    world.damage("email#alice@example.com", Some(OTHER));
    start
}

/// The username leads to another account.
pub fn username(world: &World) -> Start {
    let start = prepare::links(world);
    world.damage("username#alice", Some(OTHER));
    start
}

/// A former address belongs to another account.
pub fn former(world: &World) -> Start {
    let start = prepare::links(world);
    world.damage("email#alice.old@example.com", Some(OTHER));
    start
}

/// The marker is at another canonical form of the address.
pub fn moved(world: &World) -> Start {
    let (mut start, _) = prepare::alice_and_bob(world);
    start.email = "alice@straẞe.example";
    let request = update_by(&start.caller, json!({"email": start.email}));
    world.request(&request);
    let today = "email#alice@xn--strae-oqa.example";
    let earlier = "alice@strasse.example";
    world.edit(today, |marker| {
        marker["pk"] = json!({"S": format!("email#{earlier}")});
    });
    world.damage(today, None);
    world.edit(&format!("user#{}", start.alice), |user| {
        user["email_canonical"]["M"]["is"] = json!({"S": earlier});
    });
    start
}

/// No name leads to the account, and its former address is not reserved.
pub fn without_markers(world: &World) -> Start {
    let start = prepare::links(world);
    for marker in [
        "email#alice@example.com",
        "email#alice.old@example.com",
        "username#alice",
    ] {
        world.damage(marker, None);
    }
    start
}

/// The account is disabled, and both names lead to another account.
pub fn disabled(world: &World) -> Start {
    let start = prepare::disabled(world);
    for marker in ["email#alice@example.com", "username#alice"] {
        world.damage(marker, Some(OTHER));
    }
    start
}
