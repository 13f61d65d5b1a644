//! What the targets share: a whole Latchkey in this process, and which characters nobody can see.

mod world;

pub use self::world::{NOW, PASSWORD, World, event, invisible};

/// Splits off what stands before the first `separator`; all of it, if there is none.
#[must_use]
pub fn cut<'a>(text: &'a str, separator: &str) -> (&'a str, &'a str) {
    text.split_once(separator).unwrap_or((text, ""))
}
