//! The result of reading a key that is about to be overwritten.

/// The current content of a key that is about to be overwritten.
pub enum Slot<T> {
    /// There is no item.
    Vacant,
    /// An item.
    Occupied(T),
    /// An item that cannot be deserialized; it is safe to overwrite.
    Corrupt,
}

impl<T> Slot<T> {
    /// Returns the item, unless there is none or it cannot be deserialized.
    #[must_use]
    pub const fn item(&self) -> Option<&T> {
        match self {
            Self::Occupied(item) => Some(item),
            Self::Vacant | Self::Corrupt => None,
        }
    }
}
