//! What the targets share: a whole Latchkey in this process, and which characters nobody can see.

mod invisible;
mod world;

pub use self::{
    invisible::invisible,
    world::{NOW, PASSWORD, World, event},
};

/// Splits off what stands before the first `separator`; all of it, if there is none.
#[must_use]
pub fn cut<'a>(text: &'a str, separator: &str) -> (&'a str, &'a str) {
    text.split_once(separator).unwrap_or((text, ""))
}
