//! The expected state after a round.

use std::collections::BTreeSet;

use serde_json::Value;
use shared::domain::password::{Hash, Password};

use super::{
    case::{DELETED, DISABLED, ENABLED},
    check::Violation,
    history::{Action, Step},
    people::{ConfirmationLink, Link, People, Person, former, link},
    rest::Rest,
    world::World,
};

/// Adds users and sessions whose creation had no response.
pub fn discover(world: &World, people: &mut People, steps: &[Step], rest: &Rest) -> Vec<Violation> {
    let mut found = Vec::new();
    for (id, record) in &rest.users {
        if people.all.contains_key(id) {
            continue;
        }
        let stored = Hash::from_stored(record["password_hash"].as_str().unwrap().to_owned());
        let signed_up = steps.iter().find_map(|step| match &step.action {
            Action::SignUp {
                username,
                email,
                password,
            } if step.is_open() && record["username"] == username.as_str() => {
                let attempt = Password::parse(password).unwrap();
                let fits = world.app.hasher.verify(&attempt, &stored).unwrap();
                fits.then(|| Person::new(*id, username, email, password))
            }
            _ => None,
        });
        match signed_up {
            Some(person) => drop(people.all.insert(*id, person)),
            None => found.push(Violation {
                user: None,
                text: format!("no sign-up created {record}"),
            }),
        }
    }
    for (id, name, session) in std::mem::take(&mut people.strangers) {
        match people.all.get_mut(&id) {
            Some(person) => drop(person.sessions.insert(name, session)),
            None => found.push(Violation {
                user: None,
                text: format!("a session of user {id}, who does not exist"),
            }),
        }
    }
    found
}

/// Updates the expected state from the tables after they were checked.
pub fn update(people: &mut [Person], rest: &Rest) {
    for person in people {
        let record = &rest.users[&person.id];
        let text = |name: &str| record[name].as_str().unwrap().to_owned();
        let number = |name: &str| record[name].as_u64().unwrap();
        let pending = record["pending_email"]["email"].as_str();
        person.is_new = false;
        person.is_disabled = record.get("disabled_at").is_some();
        person.newest_state = if person.is_disabled {
            DISABLED
        } else {
            ENABLED
        };
        person.roles = roles(record);
        person.email = text("email");
        person.pending_email = pending.unwrap_or_default().to_owned();
        person.first_name = text("first_name");
        person.last_name = text("last_name");
        person.hash = text("password_hash");
        person.version = number("version");
        person.credentials = number("credentials");
        person.passwords = number("passwords");
        person.failures = ["failures", "current_password_failures"]
            .map(|name| record[name]["n"].as_u64().unwrap_or_default())
            .into_iter()
            .max()
            .unwrap();
        let mail = rest
            .transient
            .get(&format!("mail#reset_password#{}", person.id));
        person.mails = mail
            .and_then(|mail| mail["count"].as_u64())
            .unwrap_or_default();
        let confirmation = rest
            .transient
            .get(&format!("mail#confirm_email#{}", person.id));
        person.confirmations = confirmation
            .and_then(|mail| mail["count"].as_u64())
            .unwrap_or_default();
        person.is_verified = record["email_verified"] == true;
        person.former = former(record);
    }
}

fn roles(record: &Value) -> BTreeSet<String> {
    let roles = record["roles"].as_array().into_iter().flatten();
    roles
        .map(|role| role.as_str().unwrap().to_owned())
        .collect()
}

/// Moves the users who no longer exist to those who were deleted, with the links that were mailed to them in this round.
pub fn retire(world: &World, people: &mut People, rest: &Rest) {
    let is_deleted = |id: &u64, _: &mut Person| !rest.users.contains_key(id);
    for (id, mut person) in people.all.extract_if(.., is_deleted) {
        person.newest_state = DELETED;
        for (name, session) in std::mem::take(&mut person.sessions) {
            person.ended.insert(name);
            person.ended_tokens.extend(session.token);
        }
        let reset_links = world.mailed_links(id).into_iter();
        person.links.extend(reset_links.map(|token| Link {
            hash: link(&token).1,
            token,
            is_revoked: true,
            ends_at: 0,
        }));
        let confirmations = world.mailed_confirmations(id).into_iter();
        let confirmations = confirmations.map(|token| ConfirmationLink {
            hash: link(&token).1,
            token,
            address: String::new(),
            is_revoked: true,
            ends_at: 0,
        });
        person.confirmation_links.extend(confirmations);
        let until = rest.deletions.get(&id);
        let until = until.map_or(0, |record| record["expires_at"].as_u64().unwrap());
        people.deleted.insert(id, (person, until));
    }
}
