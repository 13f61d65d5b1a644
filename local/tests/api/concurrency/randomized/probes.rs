//! Probes through the API after a round: log-ins, sessions and links must behave as the tables say.

use futures_util::future::join_all;
use rand::{RngExt as _, rngs::StdRng};

use super::{
    check::Violation,
    deletions::{self, Deleted},
    people::Person,
    world::World,
};
use crate::support::response::problem;

/// The number of users that are probed per round.
const PEOPLE: usize = 4;

/// The number of ended sessions that are tried again per user.
const ENDED: usize = 6;

/// Probes some of `people` and one of those who were deleted.
pub async fn probe(
    world: &World,
    people: &[Person],
    deleted: &Deleted,
    random: &mut StdRng,
) -> Vec<Violation> {
    let mut found = Vec::new();
    for _ in 0..PEOPLE.min(people.len()) {
        let person = &people[random.random_range(0..people.len())];
        sessions(world, person, &mut found).await;
        links(world, person, &mut found).await;
        revert_links(world, person, &mut found).await;
        if person.is_disabled {
            names(world, person, &mut found).await;
        } else {
            passwords(world, person, random, &mut found).await;
        }
    }
    if !deleted.is_empty() {
        let place = random.random_range(0..deleted.len());
        let (person, _) = deleted.values().nth(place).unwrap();
        deletions::probe(world, person, &mut found).await;
    }
    found
}

fn blame(found: &mut Vec<Violation>, person: &Person, text: String) {
    found.push(Violation {
        user: Some(person.id),
        text,
    });
}

async fn sessions(world: &World, person: &Person, found: &mut Vec<Violation>) {
    let path = format!("/api/users/{}", person.id);
    let live = person
        .sessions
        .values()
        .filter_map(|session| session.token.as_ref());
    let ended = person.ended_tokens.iter().rev().take(ENDED);
    let expected = live
        .map(|token| (token, 200))
        .chain(ended.map(|token| (token, 401)));
    let asked = expected.map(|(token, status)| {
        let path = path.as_str();
        async move { (token, status, world.app.get(path, token).await) }
    });
    for (token, status, answer) in join_all(asked).await {
        if answer.status != status {
            blame(found, person, format!("{token} returns {}", answer.status));
        }
    }
}

/// Tries links with a password that is rejected as too similar after the token was validated, so that no link is consumed.
async fn links(world: &World, person: &Person, found: &mut Vec<Violation>) {
    let weak = person.username.repeat(2);
    for link in person.links.iter().rev().take(3) {
        let answer = world.app.complete(&link.token, &weak).await;
        let code = if link.is_revoked || person.is_disabled {
            "invalid_token"
        } else {
            "invalid_request"
        };
        if answer.problem() != problem(400, code) {
            blame(found, person, format!("{link:?} returns {}", answer.text));
        }
    }
}

/// Tries revert links in the same way.
async fn revert_links(world: &World, person: &Person, found: &mut Vec<Violation>) {
    let weak = person.username.repeat(2);
    for link in person.revert_links.iter().rev().take(3) {
        let answer = world.revert(&link.token, &weak).await;
        let code = if link.is_revoked || person.is_disabled {
            "invalid_token"
        } else {
            "invalid_request"
        };
        if answer.problem() != problem(400, code) {
            blame(found, person, format!("{link:?} returns {}", answer.text));
        }
    }
}

/// Tries the names and the password of a disabled user, which no request finds.
async fn names(world: &World, person: &Person, found: &mut Vec<Violation>) {
    let log_in = world.app.log_in(&person.username, &person.password).await;
    // An unknown name is locked like a known one.
    if !matches!(log_in.status, 401 | 429) {
        blame(found, person, format!("the log-in returns {log_in:?}"));
    }
    let reset = world.app.request_reset(&person.email).await;
    if reset.problem() != problem(404, "not_found") {
        blame(found, person, format!("the reset returns {reset:?}"));
    }
}

async fn passwords(
    world: &World,
    person: &Person,
    random: &mut StdRng,
    found: &mut Vec<Violation>,
) {
    if person.sessions.len() >= 10 || person.failures > 0 {
        return;
    }
    let old: Vec<_> = person
        .tried
        .iter()
        .filter(|one| **one != person.password)
        .collect();
    if !old.is_empty() {
        let one = old[random.random_range(0..old.len())];
        let answer = world.app.log_in(&person.email, one).await;
        if answer.status != 401 {
            blame(found, person, format!("{one} returns {}", answer.status));
        }
    }
    let answer = world.app.log_in(&person.username, &person.password).await;
    if answer.status != 200 {
        blame(
            found,
            person,
            format!("{} returns {}", person.password, answer.status),
        );
        return;
    }
    let body = answer.json();
    let out = world.app.log_out(body["token"].as_str().unwrap()).await;
    if out.status != 204 || body["user"]["email"] != person.email {
        blame(
            found,
            person,
            format!("log-in returns {body}, log-out {}", out.status),
        );
    }
}
