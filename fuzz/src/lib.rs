//! Code that the targets share: a whole Latchkey in this process, the properties of its responses, and a list of invisible characters.

mod invisible;
mod response;
mod world;

pub use self::{
    invisible::is_invisible,
    response::{check_no_secret, check_response, may_have_written},
    world::{NOW, PASSWORD, World, event},
};

/// Splits `text` at the first `separator`. Without one, the second part is empty.
#[must_use]
pub fn split_at_first<'a>(text: &'a str, separator: &str) -> (&'a str, &'a str) {
    text.split_once(separator).unwrap_or((text, ""))
}
