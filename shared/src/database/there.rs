//! What a read finds that can do without it.

/// What stands at a key that is to be written over.
pub enum There<T> {
    /// Nothing.
    Nothing,
    /// This.
    Item(T),
    /// Something that should not be there, and is worth nothing to anybody.
    Unreadable,
}

impl<T> There<T> {
    /// The item, if it can be read.
    #[must_use]
    pub const fn item(&self) -> Option<&T> {
        match self {
            Self::Item(item) => Some(item),
            Self::Nothing | Self::Unreadable => None,
        }
    }
}
